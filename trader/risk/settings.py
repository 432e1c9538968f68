"""What can be configured of sizes beyond the limits? The keys below `[risk]`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from trader.domain.units import normalize_underlying


class RegimeScalars(BaseModel):
    """What each market regime leaves of a size, fractions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    calm: float = Field(
        default=1.0, gt=0, le=1, description="Share of a size that is left in a calm market."
    )
    volatile: float = Field(
        default=0.75, gt=0, le=1, description="Share that is left in a volatile one."
    )
    trending: float = Field(
        default=1.0, gt=0, le=1, description="Share that is left in one that trends."
    )
    crisis: float = Field(default=0.5, gt=0, le=1, description="Share that is left in a crisis.")
    unknown: float = Field(
        default=1.0, gt=0, le=1, description="Share that is left with too little history to tell."
    )


class SizingSettings(BaseModel):
    """What shrinks a size that the limits allow. Invariant: nothing here can enlarge one."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    enabled: bool = Field(
        default=True,
        description="Whether record, models, regime, drawdown and correlation shrink sizes; stage "
        "and behavior always do.",
    )
    kelly_chains_min: int = Field(
        default=50, ge=10, le=200, description="Closed chains before a strategy's record counts."
    )
    kelly_share: float = Field(
        default=0.5, gt=0, le=1, description="Part of the Kelly fraction that is wanted."
    )
    kelly_confidence: float = Field(
        default=0.9, ge=0.5, le=0.999, description="One-sided confidence of the bound it rests on."
    )
    kelly_floor: float = Field(
        default=0.25, gt=0, le=1, description="Share of a size that the worst record leaves."
    )
    agreement_floor: float = Field(
        default=0.25, gt=0, le=1, description="Share that models which fully disagree leave."
    )
    drawdown_first: float = Field(
        default=0.12, gt=0, le=1, description="Drawdown from which sizes shrink, share of equity."
    )
    drawdown_first_scalar: float = Field(
        default=0.75, gt=0, le=1, description="Share of a size that is left from there on."
    )
    drawdown_second: float = Field(
        default=0.18, gt=0, le=1, description="Drawdown from which they shrink further."
    )
    drawdown_second_scalar: float = Field(
        default=0.5, gt=0, le=1, description="Share that is left from there on."
    )
    regime: RegimeScalars = Field(default_factory=RegimeScalars, description="[risk.sizing.regime]")

    @model_validator(mode="after")
    def _deeper_is_less(self) -> SizingSettings:
        if self.drawdown_second <= self.drawdown_first:
            raise ValueError(
                f"drawdown_second {self.drawdown_second:g} must be above drawdown_first "
                f"{self.drawdown_first:g}"
            )
        if self.drawdown_second_scalar > self.drawdown_first_scalar:
            raise ValueError(
                f"drawdown_second_scalar {self.drawdown_second_scalar:g} must not be above "
                f"drawdown_first_scalar {self.drawdown_first_scalar:g}: a deeper fall leaves less"
            )
        return self


class CorrelationSettings(BaseModel):
    """How the correlation of underlyings is measured, and when it counts."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    lookback_hours: int = Field(
        default=1_440, ge=24, le=1_440, description="Closed hours that are looked back at."
    )
    half_life_hours: float = Field(
        default=240.0, ge=1, le=1_440, description="Age at which an hour counts half."
    )
    observations_min: int = Field(
        default=240, ge=10, le=1_440, description="Hourly returns in common before it counts."
    )
    threshold: float = Field(
        default=0.5, ge=0, le=1, description="Correlation from which another coin's risk counts."
    )
    floor: float = Field(
        default=0.25, gt=0, le=1, description="Share of a size that correlated risk leaves."
    )

    @model_validator(mode="after")
    def _reachable(self) -> CorrelationSettings:
        if self.observations_min >= self.lookback_hours:
            raise ValueError(
                f"observations_min {self.observations_min} must be below lookback_hours "
                f"{self.lookback_hours}: so many returns never fit in"
            )
        return self


class UniverseSettings(BaseModel):
    """What every strategy may pick from. Invariant: some expiry lies between both bounds."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    underlyings: tuple[str, ...] = Field(
        default=(),
        max_length=16,
        strict=False,  # TOML has lists, we keep tuples
        description="Coins that may be opened; none named: all that are watched.",
    )
    hours_min: float = Field(
        default=0.0, ge=0, le=8_760, description="Contracts that expire sooner are not opened."
    )
    days_max: float = Field(
        default=1_000.0, gt=0, le=1_000, description="Contracts that expire later are not opened."
    )
    strike_distance_max: float = Field(
        default=100.0,
        gt=0,
        le=100,
        description="Largest distance of a strike, share of the forward.",
    )
    spread_max: float = Field(
        default=2.0,
        gt=0,
        le=2,
        description="Largest bid-ask spread of an option, share of its mid.",
    )
    quotes_min: int = Field(
        default=1, ge=1, le=1_000, description="Fresh two-sided quotes a board must show to decide."
    )

    @field_validator("underlyings")
    @classmethod
    def _once(cls, underlyings: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(normalize_underlying(name) for name in underlyings)
        if len(set(names)) != len(names):
            raise ValueError("names a coin twice; name each once")
        return names

    @model_validator(mode="after")
    def _some_expiry(self) -> UniverseSettings:
        if self.hours_min >= self.days_max * 24:
            raise ValueError(
                f"hours_min {self.hours_min:g} must be below days_max {self.days_max:g} (in hours "
                f"{self.days_max * 24:g}): no expiry lies between"
            )
        return self


class GreekLimits(BaseModel):
    """How far the book on one underlying may lean, in shares of equity (see `greeks`)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    delta_max: float = Field(
        default=0.03, gt=0, le=10, description="Gain or loss by 1 % of the index, share of equity."
    )
    gamma_max: float = Field(
        default=0.01, gt=0, le=10, description="Change of that by the next 1 %, share of equity."
    )
    vega_max: float = Field(
        default=0.005, gt=0, le=10, description="Gain or loss by a volatility point, share of it."
    )
