"""Volatility bought where it is cheap, sold with wings where it is dear, and calendars."""

from __future__ import annotations

import functools
import math

import pytest
from pydantic import ValidationError

from tests.builders import (
    NOW,
    alter,
    at_eight,
    board,
    chain,
    hourly_bars,
    option,
    quote_of,
    situation,
)
from trader.domain.market import Bars, Board
from trader.domain.trading import Intent
from trader.domain.units import HOUR, MINUTE
from trader.strategies.long_premium import HOURS_PER_YEAR
from trader.strategies.strategy import Cadence
from trader.strategies.volatility import Volatility, VolatilitySettings

EXPIRY = at_eight(7)


def realized(vol: float) -> Bars:
    """Close hours whose realized volatility is this."""
    step = math.exp(vol / math.sqrt(HOURS_PER_YEAR))
    return hourly_bars([90_000.0 * step ** (k % 2) for k in range(300)])


CHEAP, FAIR, DEAR = realized(0.8), realized(0.55), realized(0.35)
"""What the .55 of the board is against what was realized."""


def trader(**parameters: object) -> Volatility:
    """Trade weekly straddles, unless changed."""
    return Volatility(
        name="vols",
        underlying="BTC",
        settings=VolatilitySettings.model_validate(parameters),
        timetable=Cadence(2 * HOUR, 0, 5 * MINUTE),
    )


def opened(bars: Bars, market: Board | None = None, **parameters: object) -> Intent | None:
    """Ask for an opening; at most one may come."""
    shown = situation(board() if market is None else market, bars=bars)
    intents = trader(**parameters).propose(shown)
    assert len(intents) <= 1
    return intents[0] if intents else None


def names(intent: Intent | None) -> list[tuple[float, str]]:
    """Tell ratio and contract of each leg."""
    assert intent is not None
    return [(leg.ratio, leg.instrument.removeprefix("BTC-")) for leg in intent.legs]


def test_buys_a_straddle_where_it_is_cheap() -> None:
    """Implied .55 against .80 realized: put and call at the money, for at most what is asked."""
    intent = opened(CHEAP)
    assert names(intent) == [(1, "27NOV26-90000-P"), (1, "27NOV26-90000-C")]
    assert intent is not None
    assert intent.pricing.limit_net is not None
    assert intent.pricing.worst_net is not None
    assert 0 < intent.pricing.limit_net <= intent.pricing.worst_net
    assert 0.3 < intent.confidence < 0.5
    assert intent.reason.startswith("implied 55.0% against 80.0% forecast: buy straddle")


def test_sells_it_with_wings_where_it_is_dear() -> None:
    """Never naked: six strikes out on both sides are bought in the same order."""
    intent = opened(DEAR)
    assert names(intent) == [
        (-1, "27NOV26-90000-P"), (-1, "27NOV26-90000-C"),
        (1, "27NOV26-87300-P"), (1, "27NOV26-92700-C"),
    ]  # fmt: skip
    assert intent is not None
    assert intent.pricing.worst_net is not None
    assert intent.pricing.worst_net < 0


def test_a_strangle_lies_at_its_delta() -> None:
    """Bought around the forward; sold, its wings lie further out."""
    (_, put), (_, call) = names(opened(CHEAP, shape="strangle"))
    assert float(put.split("-")[1]) < 90_000 < float(call.split("-")[1])
    sold = names(opened(DEAR, shape="strangle"))
    assert [ratio for ratio, _ in sold] == [-1, -1, 1, 1]


def test_no_edge_no_trade() -> None:
    """At what was forecast nothing is traded, nor on a side that is not allowed."""
    assert opened(FAIR) is None
    assert opened(FAIR, vol_edge_min=-0.01) is not None
    assert opened(CHEAP, side="short") is None
    assert opened(DEAR, side="long") is None
    assert opened(Bars((), (), (), (), ())) is None
    assert opened(realized(0.7), usual_ratio=0.8) is None


def test_absurd_volatility_is_no_bargain() -> None:
    """A mark of next to nothing, or of thousands of percent, is an error of the feed."""
    for absurd in (1e-300, 1e-3, 50.0, 1e300, math.nan):
        assert opened(CHEAP, alter(board(), {"mark_iv": absurd})) is None
        assert opened(DEAR, alter(board(), {"mark_iv": absurd})) is None


def test_a_calendar_sells_the_near_and_buys_the_later() -> None:
    """One strike, two expiries; only where the later one is cheap enough against the near."""
    calendar = functools.partial(opened, shape="calendar", side="long", far_days=14)
    intent = calendar(DEAR)
    assert names(intent) == [(-1, "27NOV26-90000-C"), (1, "4DEC26-90000-C")]
    assert intent is not None
    assert intent.confidence == pytest.approx(1 - 0.51, abs=0.02)
    assert calendar(CHEAP) is None
    market = board()
    contango = alter(market, {"mark_iv": 0.6}, market.expires_at == at_eight(14))
    assert calendar(DEAR, contango) is None
    assert calendar(DEAR, contango, term_edge_min=-0.1) is not None
    short_ladder = board(days=(1, 2, 7))
    assert calendar(DEAR, short_ladder) is None


def test_what_was_bought_and_what_was_sold_leave_by_their_own_rules() -> None:
    """Debits by gain, loss or time; credits by profit, stop or time."""
    put, call = option("put", 90_000.0, EXPIRY), option("call", 90_000.0, EXPIRY)
    low, high = option("put", 87_300.0, EXPIRY), option("call", 92_700.0, EXPIRY)

    def reason(*entries: float, at: int = NOW) -> str | None:
        legs = zip((put, call, low, high), entries, strict=False)
        held = chain(*((one, math.copysign(1, entry), abs(entry)) for one, entry in legs))
        shown = situation(board(at=at), occasion="manage", chains=(held,))
        intents = trader().propose(shown)
        return intents[0].reason.partition(":")[0] if intents else None

    assert reason(0.030, 0.030) is None
    assert reason(0.015, 0.015) == "gain"
    assert reason(0.070, 0.070) == "loss"
    assert reason(0.030, 0.030, at=EXPIRY - 11 * HOUR) in ("time", "loss")
    assert reason(-0.030, -0.030, 0.018, 0.018) is None
    assert reason(-0.040, -0.040, 0.018, 0.018) == "take profit"
    assert reason(-0.025, -0.025, 0.018, 0.018) == "stop"


def test_a_leg_without_a_quote_opens_nothing_with_it() -> None:
    """A stale wing: no sale."""
    intent = opened(DEAR)
    assert intent is not None
    assert opened(DEAR, quote_of(board(), intent.legs[2].instrument, fresh=False)) is None


def test_impossible_parameters_are_refused_by_name() -> None:
    """A calendar that ends before it begins or is sold, an exit before the entry."""
    for wrong, words in (
        ({"shape": "calendar", "far_days": 5}, "far_days 5 must be above target_days 7"),
        ({"shape": "calendar", "side": "short"}, "a calendar is bought"),
        ({"debit_exit_hours": 30}, "debit_exit_hours 30 must be below min_hours_left 24"),
        ({"lookback_hours": 1}, "lookback_hours"),
        ({"vol_edge_min": math.inf}, "vol_edge_min"),
    ):
        with pytest.raises(ValidationError, match=words):
            trader(**wrong)


def test_sketch_draws_each_shape() -> None:
    """Sold with wings where selling is allowed, else bought; a calendar's two expiries."""
    assert [leg.ratio for leg in trader().sketch(90_000.0, 0.55, NOW)] == [-1, -1, 1, 1]
    assert [leg.ratio for leg in trader(side="long").sketch(90_000.0, 0.55, NOW)] == [1, 1]
    near, far = trader(shape="calendar", side="long").sketch(90_000.0, 0.55, NOW)
    assert (near.ratio, far.ratio) == (-1, 1)
    assert near.instrument.strike == far.instrument.strike == 90_000
    assert (near.instrument.expires_at, far.instrument.expires_at) == (EXPIRY, at_eight(14))
