"""Which quotes of a board say what volatility is? A cleaned surface, and why others are left out.

Options out of the money alone: their price is all time value, and the others repeat it by parity.
A quote must be fresh, show both sides with size, uncrossed, and both must imply a volatility.
Weights fall with the distance from the money as vega does: exp(-d^2 / 2), d = ln(K/F) / (vol
sqrt(T)).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from trader.domain.models import Surface, Target
from trader.domain.units import HOUR, MINUTE, YEAR
from trader.pricing.black_scholes import implied_vol
from trader.pricing.columns import LEVEL_MAX, LEVEL_MIN, YEARS_MAX

if TYPE_CHECKING:
    from trader.domain.market import Board, Bools, Floats, Ints

AIMS: Final = (-2.0, -1.0, 0.0, 1.0, 2.0)
"""How many deviations from the money the options lie that are forecast, of each expiry."""
DAY_MINUTES: Final = 1_440


class CalibrationSettings(BaseModel):
    """When models are fitted, to which quotes, and how long it may take."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    every_minutes: int = Field(
        default=60,
        ge=1,
        le=DAY_MINUTES,
        description="Market minutes between calibrations.",
    )
    offset_minutes: int = Field(
        default=7, ge=0, lt=DAY_MINUTES, description="Minutes past UTC midnight of the first one."
    )
    backtest_minutes: int = Field(
        default=DAY_MINUTES,
        ge=1,
        le=DAY_MINUTES,
        description="Market minutes between calibrations of a backtest of what asks the models.",
    )
    score_after_minutes: int = Field(
        default=45,
        ge=1,
        le=7 * DAY_MINUTES,
        description="Age from which forecasts are held against quotes, in market minutes.",
    )
    seconds_max: float = Field(
        default=20.0,
        gt=0,
        le=3_600,
        allow_inf_nan=False,
        description="Wall time one model may take; one that takes longer has stalled.",
    )
    niceness: int = Field(
        default=10, ge=0, le=19, description="Priority of the worker process; 19 gives way to all."
    )
    expiries_max: int = Field(
        default=12, ge=1, le=100, description="Expiries that are fitted, the nearest first."
    )
    options_max: int = Field(
        default=12, ge=5, le=200, description="Options of an expiry that are fitted."
    )
    hours_min: float = Field(
        default=6.0,
        ge=0.25,
        le=240,
        allow_inf_nan=False,
        description="Options that expire sooner are left out.",
    )
    deviations_max: float = Field(
        default=2.5,
        gt=0,
        le=10,
        allow_inf_nan=False,
        description="Options further from the money, in deviations, are left out.",
    )
    spread_vol_max: float = Field(
        default=0.15,
        gt=0,
        le=5,
        allow_inf_nan=False,
        description="Quotes whose sides lie further apart, in volatility, are left out.",
    )
    forecasts_max: int = Field(
        default=30, ge=5, le=500, description="Options of a board that models forecast."
    )


class CleanQuotes(NamedTuple):
    """Rows of a board that are believed, in columns, and how many others were left out, by why.

    `deviation` is the distance from the money; `spread` what lies between both sides, in
    volatility.
    """

    row: Ints
    forward: Floats
    strike: Floats
    years: Floats
    vol: Floats
    deviation: Floats
    excluded: dict[str, int]


def clean(board: Board, settings: CalibrationSettings) -> CleanQuotes:
    """Read the volatilities a board implies; never raises on what a board may hold."""
    forward, strike = board.underlying_price, board.strike
    hours = (board.expires_at - board.at) / HOUR
    sign = np.where(board.is_call, 1.0, -1.0)
    with np.errstate(invalid="ignore"):
        known = (forward > 0) & np.isfinite(forward)
        asked = {
            "no_forward": ~known,
            "in_the_money": sign * (strike - forward) < 0,
            "expiring": hours < settings.hours_min,
            "stale": ~board.fresh,
            "one_sided": ~_two_sided(board),
            "crossed": board.bid > board.ask,
        }
    kept, excluded = _sieve(np.ones(len(board), dtype=np.bool_), asked)
    row = np.flatnonzero(kept)
    usd = np.where(board.inverse[row], forward[row], 1.0)
    years = (board.expires_at[row] - board.at) / YEAR
    with np.errstate(over="ignore"):
        sides = (board.bid[row], 0.5 * (board.bid[row] + board.ask[row]), board.ask[row])
        bid, mid, ask = (_vols(board, row, side * usd, years) for side in sides)
    with np.errstate(invalid="ignore", divide="ignore"):
        deviation = np.log(strike[row] / forward[row]) / (mid * np.sqrt(years))
        wrong = {
            "no_volatility": ~np.isfinite(bid + mid + ask),
            "wide": ask - bid > settings.spread_vol_max,
            "far": np.abs(deviation) > settings.deviations_max,
        }
    fine, more = _sieve(np.ones(len(row), dtype=np.bool_), wrong)
    return CleanQuotes(
        row[fine], forward[row[fine]], strike[row[fine]], years[fine], mid[fine], deviation[fine],
        {name: count for name, count in (excluded | more).items() if count},
    )  # fmt: skip


def surface(board: Board, settings: CalibrationSettings) -> Surface:
    """Choose what models are fitted to, and the options whose volatility they are to forecast.

    Of each expiry, the nearest first, options at even steps from put to call; of these the ones
    nearest to `AIMS` are forecast, of expiries evenly spread over those there are.
    """
    quotes = clean(board, settings)
    expires_at = board.expires_at[quotes.row]
    fitted: list[int] = []
    aimed: list[list[int]] = []
    for expiry in np.unique(expires_at).tolist()[: settings.expiries_max]:
        mine = np.flatnonzero(expires_at == expiry)
        mine = mine[np.argsort(quotes.deviation[mine], kind="stable")]
        steps = np.linspace(0, len(mine) - 1, min(len(mine), settings.options_max))
        fitted += mine[np.unique(np.round(steps).astype(np.int64))].tolist()
        near = (int(mine[np.argmin(np.abs(quotes.deviation[mine] - aim))]) for aim in AIMS)
        aimed.append(list(dict.fromkeys(near)))
    excluded = dict(quotes.excluded)
    if len(quotes.row) > len(fitted):
        excluded["thinned"] = len(quotes.row) - len(fitted)
    chosen = np.array(fitted, dtype=np.int64)
    weight = np.exp(-0.5 * quotes.deviation[chosen] ** 2)
    columns = [one[chosen] for one in (quotes.forward, quotes.strike, quotes.years, quotes.vol)]
    forward, strike, years, vol, weights = (tuple(one.tolist()) for one in (*columns, weight))
    return Surface(
        underlying=board.underlying,
        quoted_at=board.at,
        forward=forward,
        strike=strike,
        years=years,
        vol=vol,
        weight=weights,
        targets=_targets(board, quotes, _spread(aimed, settings.forecasts_max)),
        excluded=excluded,
    )


def due_every(settings: CalibrationSettings) -> tuple[int, int]:
    """Return period and offset of the calibrations, in nanoseconds."""
    every = settings.every_minutes * MINUTE
    return every, settings.offset_minutes * MINUTE % every


def _two_sided(board: Board) -> Bools:
    both: Bools = (board.bid_amount > 0) & (board.ask_amount > 0)
    for side in (board.bid, board.ask):
        both &= (side > 0) & np.isfinite(side)
    return both


def _sieve(kept: Bools, asked: dict[str, Bools]) -> tuple[Bools, dict[str, int]]:
    """Leave rows out question by question: each counts under the first that it fails."""
    counts = {}
    for name, wrong in asked.items():
        counts[name] = int((kept & wrong).sum())
        kept = kept & ~wrong
    return kept, counts


def _vols(board: Board, row: Ints, usd: Floats, years: Floats) -> Floats:
    """Return implied volatilities of prices in USD; NaN where a price implies none.

    So do numbers that no market shows and no model takes: a lone absurd quote must harm nobody.
    """
    forward, strike = board.underlying_price[row], board.strike[row]
    sane = (usd <= LEVEL_MAX) & (years <= YEARS_MAX)
    for level in (forward, strike):
        sane &= (level >= LEVEL_MIN) & (level <= LEVEL_MAX)
    found = np.full(len(row), np.nan)
    if sane.any():
        sides = np.where(board.is_call[row[sane]], 1, -1)
        columns = (one[sane] for one in (usd, forward, strike, years))
        found[sane] = implied_vol(sides, *columns).vol
    return found


def _spread(aimed: list[list[int]], most: int) -> list[int]:
    """Take whole expiries, evenly spread over all, until there are as many options as allowed."""
    for count in range(len(aimed), 0, -1):
        places = np.unique(np.round(np.linspace(0, len(aimed) - 1, count)).astype(np.int64))
        chosen = [one for place in places.tolist() for one in aimed[place]]
        if len(chosen) <= most:
            return chosen
    return []


def _targets(board: Board, quotes: CleanQuotes, chosen: list[int]) -> tuple[Target, ...]:
    return tuple(
        Target(
            instrument=board.instruments[int(quotes.row[one])].name,
            sign=1 if bool(board.is_call[quotes.row[one]]) else -1,
            forward=float(quotes.forward[one]),
            strike=float(quotes.strike[one]),
            years=float(quotes.years[one]),
        )
        for one in chosen
    )
