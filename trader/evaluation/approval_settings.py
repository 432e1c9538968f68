"""What must a strategy show for each stage? The section `[approval]`.

The defaults are those of `ApprovalConfig`, which the gates read.
"""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

STRICTER: Final = {
    "max_worst_dd_pilot": "max_worst_dd_research",
    "max_worst_dd_prod": "max_worst_dd_pilot",
    "max_loss_streak_prod": "max_loss_streak_pilot",
}
"""Limits that must not be above those of the stage before."""


class ApprovalSettings(BaseModel):
    """The thresholds of the gates. Invariant: no stage asks less than the one before it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)

    min_trades: int = Field(
        default=200, ge=2, le=1_000_000, description="Closed trades a judgment needs."
    )
    min_years: float = Field(
        default=3.0, ge=0, le=20, allow_inf_nan=False, description="Years its trades must span."
    )
    require_bull_bear_chop: bool = Field(
        default=True, description="Whether all three phases of a market must be covered."
    )
    max_worst_dd_research: float = Field(
        default=0.50,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="Worst simulated drawdown that is still worth research, a fraction.",
    )
    max_worst_dd_pilot: float = Field(
        default=0.35,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="Worst simulated (and stressed) drawdown of a PILOT, a fraction.",
    )
    max_worst_dd_prod: float = Field(
        default=0.25,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="Worst simulated drawdown at PRODUCTION, a fraction.",
    )
    max_loss_streak_pilot: int = Field(
        default=8, ge=0, le=10_000, description="Longest simulated losing run of a PILOT."
    )
    max_loss_streak_prod: int = Field(
        default=6, ge=0, le=10_000, description="Longest simulated losing run at PRODUCTION."
    )
    min_psych_score_pilot: float = Field(
        default=40.0, ge=35, le=71.25, description="Psychology score (35 to 71.25) of a PILOT."
    )
    min_psych_score_prod: float = Field(
        default=60.0, ge=35, le=71.25, description="Psychology score (35 to 71.25) at PRODUCTION."
    )
    require_param_sensitivity_ok: bool = Field(
        default=True, description="Whether the edge must hold a step to the side."
    )
    require_walk_forward_ok: bool = Field(
        default=True, description="Whether the choice of the past must earn out of sample."
    )
    require_stress_test_ok: bool = Field(
        default=True, description="Whether it must survive doubled fees, delay and drawdown."
    )
    require_positive_expectancy: bool = Field(
        default=True,
        description="Whether the 90 % lower bound of expectancy must be above zero.",
    )
    min_deflated_sharpe: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        allow_inf_nan=False,
        description="Deflated Sharpe ratio it must reach; unset: a doubt is told, decides nothing.",
    )
    simulation_seed: int = Field(
        default=20_251,
        ge=0,
        le=2**32 - 1,
        description="Seed of the simulations that decide stages; journaled with each judgment.",
    )

    @field_validator(*STRICTER)
    @classmethod
    def _no_looser(cls, limit: float, info: ValidationInfo) -> float:
        name = STRICTER[str(info.field_name)]
        before = info.data.get(name)
        if before is not None and limit > before:
            raise ValueError(f"is above {name} = {before:g}; no stage allows more than the last")
        return limit

    @field_validator("min_psych_score_prod")
    @classmethod
    def _no_lower(cls, score: float, info: ValidationInfo) -> float:
        pilot = info.data.get("min_psych_score_pilot")
        if pilot is not None and score < pilot:
            raise ValueError(
                f"is below min_psych_score_pilot = {pilot:g}; PRODUCTION asks at least as much"
            )
        return score
