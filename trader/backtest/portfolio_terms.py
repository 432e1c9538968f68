"""What can be asked of a portfolio backtest? Its parameters, their defaults and their bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from trader.backtest.portfolio_layout import RULES, SLEEVES
from trader.domain.errors import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.backtest.portfolio_layout import Records

RANK_SHARE: Final = (0.20, 0.25)
"""By sleeve: how much of a symbol's score counts when signals are ranked."""
BASIS_POINTS: Final = 10_000.0
CORRECTIONS: Final = ("mark_at_last_close", "exit_at_last_close", "whole_results")

Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1_000, allow_inf_nan=False)]
Number = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Slippage = Annotated[float, Field(ge=0, lt=BASIS_POINTS, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Budgets = dict[str, Share]
Counts = dict[str, Count]


class PortfolioTerms(BaseModel):
    """Every parameter of a run. Money is in the currency of the prices; rates are fractions.

    `strategy_*` are by sleeve, `trend_long` and `pullback_long`; a sleeve that is left out of one
    has 0 there, None or {} means the defaults. Notional budgets are shares of equity, risk budgets
    shares of `max_portfolio_risk`, which is a share of equity.

    Three corrections of the seed are on unless asked otherwise, and change nothing where every
    symbol has every bar. `mark_at_last_close`: a position whose symbol has no bar counts at its
    last close since its entry (before that, at its entry) instead of not at all.
    `exit_at_last_close`: at the end it is closed there instead of being forgotten.
    `whole_results`: the last event of a trade carries `result`, all its profits and losses less
    all its fees. `strict_parity` turns all three off: the events are the seed's, one by one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    starting_equity: Annotated[float, Field(gt=0, le=1e15, allow_inf_nan=False)] = 10_000.0
    risk_per_trade: Fraction = 0.0105
    fee_rate: Fraction = 0.0004
    entry_slippage_bps: Slippage = 5.0
    exit_slippage_bps: Slippage = 5.0
    cooldown_bars: Annotated[int, Field(ge=-1, le=1_000_000)] = 6
    trailing_atr_multiple: Share = 5.0
    trend_time_stop_bars: Count = 96
    pullback_time_stop_bars: Count = 56
    max_portfolio_risk: Share = 0.055
    max_positions: Annotated[int, Field(ge=0, le=100_000)] = 8
    max_position_notional_fraction: Share = 0.55
    max_gross_exposure: Share = 1.40
    correlation_lookback: Count = 90
    trend_correlation_threshold: Number = 0.82
    pullback_correlation_threshold: Number = 0.92
    pyramid_enabled: bool = True
    pyramid_trigger_r: Number = 2.0
    pyramid_risk_fraction: Share = 0.25
    pyramid_size_fraction: Share = 0.18
    pyramid_max_adds: Count = 1
    enable_symbol_ranking: bool = True
    symbol_rank_top_n_long: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 6
    enable_symbol_filtering: bool = False
    strategy_notional_budget: Budgets | None = None
    strategy_risk_budget: Budgets | None = None
    strategy_max_positions: Counts | None = None
    strategy_min_positions: Counts | None = None
    enable_score_based_sizing: bool = True
    score_sizing_floor: Share = 0.90
    score_sizing_ceiling: Share = 1.25
    score_sizing_center: Number = 0.26
    score_sizing_width: Number = 0.16
    allow_cross_sleeve_symbol_overlap: bool = True
    trend_rank_bias: Number = 0.28
    pullback_rank_bias: Number = 0.22
    candidate_corr_penalty_trend: Number = 0.20
    candidate_corr_penalty_pullback: Number = 0.05
    pullback_score_floor: Number = 0.48
    trend_score_floor: Number = 0.12
    strict_parity: bool = False
    mark_at_last_close: bool = True
    exit_at_last_close: bool = True
    whole_results: bool = True

    @model_validator(mode="before")
    @classmethod
    def _parity_corrects_nothing(cls, given: Any) -> Any:  # noqa: ANN401 - before validation
        if isinstance(given, dict) and given.get("strict_parity") is True:
            asked = [name for name in CORRECTIONS if given.get(name)]
            if asked:
                raise ValueError(
                    f"{', '.join(asked)} = true contradicts strict_parity; leave one of them out"
                )
            return {**given, **dict.fromkeys(CORRECTIONS, False)}
        return given

    @model_validator(mode="after")
    def _known_sleeves(self) -> Self:
        for name in (
            "strategy_notional_budget", "strategy_risk_budget", "strategy_max_positions",
            "strategy_min_positions",
        ):  # fmt: skip
            for sleeve in getattr(self, name) or {}:
                if sleeve not in SLEEVES:
                    raise ValueError(f"{name} has no sleeve {sleeve!r}; {nearest(sleeve, SLEEVES)}")
        if self.enable_symbol_filtering and not self.strict_parity:
            raise ValueError(
                "enable_symbol_filtering = true would do nothing: the seed never reads it; leave it"
                " false, or ask for strict_parity"
            )
        return self

    def rules(self) -> Records:
        """Write the parameters as the one row of RULES that the loop reads."""
        rules = np.zeros(1, RULES)
        plain = set(RULES.names or ()) & set(type(self).model_fields)
        for name in plain:
            rules[name] = getattr(self, name)
        for name, value in self._renamed().items():
            rules[name] = value
        return rules

    def _renamed(self) -> dict[str, float | tuple[float, float]]:
        """Give what the loop calls otherwise; pairs are pullback and trend."""
        return {
            "score_sizing": self.enable_score_based_sizing,
            "overlap": self.allow_cross_sleeve_symbol_overlap,
            "marks_missing": self.mark_at_last_close,
            "exits_missing": self.exit_at_last_close,
            "entry_factor": 1.0 + self.entry_slippage_bps / BASIS_POINTS,
            "exit_factor": 1.0 - self.exit_slippage_bps / BASIS_POINTS,
            "size_floor": self.score_sizing_floor,
            "size_ceiling": self.score_sizing_ceiling,
            "size_center": self.score_sizing_center,
            "size_width": self.score_sizing_width,
            "time_stop_bars": (self.pullback_time_stop_bars, self.trend_time_stop_bars),
            "correlation_max": (
                self.pullback_correlation_threshold, self.trend_correlation_threshold,
            ),
            "rank_bias": (self.pullback_rank_bias, self.trend_rank_bias),
            "rank_share": RANK_SHARE,
            "correlation_penalty": (
                self.candidate_corr_penalty_pullback, self.candidate_corr_penalty_trend,
            ),
            "notional_budget": _pair(self.strategy_notional_budget, (0.45, 0.95)),
            "risk_budget": _pair(self.strategy_risk_budget, (0.28, 0.72)),
            "positions_max": _pair(self.strategy_max_positions, (3, 5)),
            "positions_min": _pair(self.strategy_min_positions, (1, 0)),
        }  # fmt: skip

    @property
    def rank_max(self) -> int:
        """How many symbols of an instant trend may enter; -1 where all."""
        return max(self.symbol_rank_top_n_long, 0) if self.enable_symbol_ranking else -1

    @property
    def entry_score_min(self) -> tuple[float, float]:
        """The score that a signal of each sleeve must reach."""
        return self.pullback_score_floor, self.trend_score_floor


def portfolio_terms(parameters: Mapping[str, object]) -> PortfolioTerms:
    """Check parameters by name.

    Raises:
        ValueError: one line for each mistake, with name, value and remedy; to an unknown name, the
            nearest one.
    """
    try:
        return PortfolioTerms.model_validate(dict(parameters))
    except ValidationError as error:
        raise ValueError("\n".join(_told(one) for one in error.errors())) from error


def _told(detail: Any) -> str:  # noqa: ANN401 - a TypedDict of pydantic's core
    name = ".".join(map(str, detail["loc"]))
    if detail["type"] == "extra_forbidden":
        return f"{name}: unknown parameter; {nearest(name, PortfolioTerms.model_fields)}"
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    wanted = detail["msg"].removeprefix("Input should be ")
    field = PortfolioTerms.model_fields.get(str(detail["loc"][0]))
    default = "" if field is None else f" (default {field.default!r})"
    return f"{name} = {detail['input']!r}: give {wanted}{default}"


def _pair(given: Mapping[str, float] | None, default: tuple[float, float]) -> tuple[float, float]:
    if not given:
        return default
    pullback, trend = (given.get(sleeve, 0) for sleeve in SLEEVES)
    return pullback, trend
