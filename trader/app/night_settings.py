"""When are strategies judged again, and with what? The section `[nightly]`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class NightSettings(BaseModel):
    """When and with what strategies are judged again."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    run_by: Literal["daemon", "timer", "nobody"] = Field(
        default="daemon",
        description="Who starts it: the daemon, a systemd timer (trader-nightly.timer), nobody.",
    )
    profile: Literal["full", "quick"] = Field(
        default="full",
        description="quick: 9 cells, one decision a day, 500 sims, no promotion (the demo).",
    )
    executor: str = Field(
        default="processes",
        pattern=r"^(processes|dask://[^\s/:]+:\d+)$",
        description="Where the work goes: processes, or a Dask cluster, dask://host:port.",
    )
    workers: int = Field(default=2, ge=1, le=256, description="Worker processes.")
    boards: Literal["modelled", "recorded"] = Field(
        default="modelled",
        description="Option boards judged on: modelled from candles, or imported recordings.",
    )
    years: float = Field(
        default=4.0, gt=0, le=20, allow_inf_nan=False, description="Years of history judged."
    )
    minutes_max: float = Field(
        default=120.0,
        gt=0,
        le=1440,
        allow_inf_nan=False,
        description="Wall minutes after which a night is stopped: it judged nothing.",
    )
    memory_gb_max: float = Field(
        default=8.0, gt=0.2, le=1024, allow_inf_nan=False, description="Memory of each process."
    )
    niceness: int = Field(default=10, ge=0, le=19, description="Its priority: 19 is the lowest.")
    sync: bool = Field(
        default=True, description="Whether it fetches missing history from the feed first."
    )
    keep_days: int = Field(default=400, ge=1, le=36_500, description="Nights that are kept.")
