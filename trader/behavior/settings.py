"""How is behavior watched in the daemon? The keys of `[behavior]`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class BehaviorSettings(BaseModel):
    """How alerts hold new risk back, and for how long. Thresholds are no settings: see `alerts`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    enabled: bool = Field(
        default=True, description="Whether alerts shrink and pause new risk; backtests never do."
    )
    half_life_hours: float = Field(
        default=12.0,
        gt=0,
        le=8_760,
        allow_inf_nan=False,
        description="Market hours in which half of what an alert took away comes back.",
    )
    floor: float = Field(
        default=0.01,
        gt=0,
        lt=1,
        allow_inf_nan=False,
        description="Size multiplier below which no alerts go, a fraction.",
    )
    window_hours: float = Field(
        default=1.0,
        gt=0,
        le=24,
        allow_inf_nan=False,
        description="Market hours whose openings count as one burst.",
    )
    recent_trades: int = Field(
        default=20, ge=2, le=200, description="Closed chains that streak and drawdown look at."
    )
    personalize: bool = Field(
        default=True,
        description="Whether the limits of a strategy's trader type are asked on top of its own.",
    )
    profile_trades_min: int = Field(
        default=20, ge=1, le=200, description="Closed chains before a trader type asks anything."
    )
