"""Is each perpetual looked at as it is, and only as closely as the decision needs?"""

from __future__ import annotations

import math

import msgspec
import pytest

from tests.builders import INDEX, NOW
from tests.strategies.perpetuals import breakout, flat, holding, shown, touch_of
from trader.domain.situation import Situation
from trader.domain.units import HOUR
from trader.strategies.sketch import fictitious_perpetual
from trader.strategies.trend_features import latest
from trader.strategies.trend_held import Tally
from trader.strategies.trend_looks import can_buy, looked_at, newest_closes, perpetuals_seen

TOUCH = touch_of(fictitious_perpetual("BTC"))


def two(**changes: object) -> Situation:
    """Show BTC that breaks out beside ETH that does not."""
    first, second = shown(breakout()), shown(flat(INDEX["ETH"]), underlying="ETH")
    return msgspec.structs.replace(
        first, perpetuals={**first.perpetuals, **second.perpetuals}, **changes
    )


def test_columns_of_all_coins_are_computed_once_one_may_signal() -> None:
    """They are ranked against each other; where none can signal only what is held is looked at."""
    seen = perpetuals_seen(two(), with_bars=True)
    assert {coin: one.row is not None for coin, one in seen.items()} == {"BTC": True, "ETH": True}
    assert seen["BTC"].row == latest(breakout())
    quiet = shown(flat(), chains=(holding(underlying="ETH"),))
    assert perpetuals_seen(quiet, with_bars=True)["BTC"].row is None
    mine = shown(flat(), chains=(holding(),))
    assert perpetuals_seen(mine, with_bars=True)["BTC"].row is not None
    between = two(occasion="manage")
    assert all(one.row is None for one in perpetuals_seen(between, with_bars=True).values())


def test_bars_are_left_alone_between_closes() -> None:
    """And a coin that is not listed is not seen at all."""
    assert all(one.bars is None for one in perpetuals_seen(two(), with_bars=False).values())
    told = two()
    gone = msgspec.structs.replace(told.perpetuals["ETH"], touch=None)
    seen = perpetuals_seen(
        msgspec.structs.replace(told, perpetuals={**told.perpetuals, "ETH": gone}), with_bars=True
    )
    assert list(seen) == ["BTC"]
    assert newest_closes(seen) == {"BTC": breakout().close[-1]}


def test_a_coin_without_the_newest_bar_is_not_ranked() -> None:
    """Its last hour is missing: nothing is decided on the one before."""
    late = shown(breakout(at=NOW - HOUR), at=NOW)
    assert perpetuals_seen(late, with_bars=True)["BTC"].row is None


def test_what_leaves_is_neither_held_nor_free_at_once() -> None:
    """Its place is free, its sleeve rests: zero bars have gone by."""
    told = two(chains=(holding(hours=5),))
    seen = perpetuals_seen(told, with_bars=True)
    tally = Tally(told.chains, newest_closes(seen), told.equity_usd)
    looks, book = looked_at(seen, told.chains, tally)
    assert [one.coin for one in looks] == ["BTC", "ETH"]
    assert (len(book.held), book.taken) == (1, (("BTC", "trend_long"),))
    tally.leave(told.chains[0], seen["BTC"].touch)
    looks, book = looked_at(seen, told.chains, tally)
    assert (book.held, book.taken) == ((), ())
    assert [one.since for one in looks] == [{"trend_long": 0}, {}]


def test_bars_since_an_exit_are_counted_from_its_hour() -> None:
    """Decided at a close it belongs to the bar that closed, within an hour to that hour's bar."""
    for left_at, bars in ((NOW, 0), (NOW - HOUR, 1), (NOW - HOUR - 1, 1), (NOW - 3 * HOUR + 1, 2)):
        told = shown(breakout(), left_at={"trend_long": left_at})
        seen = perpetuals_seen(told, with_bars=True)
        (look,), _ = looked_at(seen, (), Tally((), {}, 1e6))
        assert look.since == {"trend_long": bars}


@pytest.mark.parametrize(
    "wrong",
    [{"fresh": False}, {"bid": math.nan}, {"ask_amount": 0.0}, {"bid": 80_000.0}, {"ask": 1.0}],
)
def test_only_a_sound_quote_is_bought_at(wrong: dict[str, float]) -> None:
    """Fresh, two sides in order, no wider than a hundredth."""
    assert can_buy(TOUCH)
    assert not can_buy(msgspec.structs.replace(TOUCH, **wrong))
