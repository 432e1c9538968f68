"""Do the sources of a result add up, in USD and in coin, whatever was traded?"""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from tests.engine.floor import TODAY, perpetual, wish
from tests.engine.test_housekeeping import hedged
from tests.storage.story import ENDED, FILLED, MARKED, PLACED, SETTLED, STORY
from trader.domain.events import DeliveryPrice, FundingRate
from trader.domain.facts import (
    MAIN_ACCOUNT,
    AccountMarked,
    AccountOpened,
    BookSide,
    ChainEnded,
    Posting,
    Recorded,
)
from trader.domain.units import HOUR, from_atoms, to_atoms
from trader.engine.sources import SOURCE_OF
from trader.views import performance
from trader.views.performance import Parts, Performance, flows_of_chain

ATOMS = st.integers(-(10**13), 10**13)
PRICES = st.floats(1e-3, 1e6)


def fold(*facts: object) -> Performance:
    """Fold facts, one a second, on an account that is open."""
    found = Performance()
    for second, fact in enumerate((AccountOpened(MAIN_ACCOUNT, {}), *facts)):
        found.apply(Recorded(second, second * 10**9, fact))  # type: ignore[arg-type]
    return found


@given(
    st.lists(st.tuples(st.sampled_from(sorted(SOURCE_OF)), st.sampled_from(["BTC", "ETH", "USDC"]),
                       ATOMS), max_size=20),
    st.tuples(PRICES, PRICES),
    st.floats(-1e7, 1e7),
)  # fmt: skip
def test_the_parts_add_up_exactly_to_what_trading_earned(
    moved: list[tuple[BookSide, str, int]], indices: tuple[float, float], earned: float
) -> None:
    """Any moves, any indices, any marked result: no atom is lost, in USD or in BTC; what is
    booked as a fee, as funding or as premium is told as such and nowhere else.
    """
    postings = tuple(
        one
        for book, currency, atoms in moved
        for one in (Posting("cash", currency, atoms), Posting(book, currency, -atoms))
    )
    rates = dict(zip(("BTC", "ETH"), indices, strict=True))
    mark = AccountMarked(
        account=MAIN_ACCOUNT, equity_usd=1e7, trading_pnl_usd=earned, indices=rates
    )
    (point,) = fold(msgspec.structs.replace(FILLED, postings=postings), mark).account(MAIN_ACCOUNT)
    parts = point.parts
    assert parts.premium + parts.delta + parts.fees + parts.funding == to_atoms(earned)
    assert point.holding_usd == pytest.approx(1e7 - earned, abs=1e-7)
    for source in ("premium", "fees", "funding"):
        told = [
            atoms * (rates | {"USDC": 1.0})[currency]
            for book, currency, atoms in moved
            if SOURCE_OF[book] == source
        ]
        dust = 1 + 1e-12 * sum(map(abs, told))
        assert getattr(parts, source) == pytest.approx(sum(told), rel=0, abs=dust)
    coin = parts.over(indices[0])
    assert coin.total == round(parts.total / indices[0])
    assert coin.premium + coin.delta + coin.fees + coin.funding == coin.total


def test_an_evening_of_the_account_by_hand() -> None:
    """0.00252 BTC premium less 0.00018 of fees at 65,000, against 164 USD marked."""
    found = Performance()
    for recorded in STORY[:8]:
        found.apply(recorded)
    (point,) = found.account(MAIN_ACCOUNT)
    parts = point.parts
    assert [from_atoms(one) for one in msgspec.structs.astuple(parts)] == pytest.approx(
        [163.8, 164.0 - 163.8 + 11.7, -11.7, 0.0]
    )
    assert (point.trading_usd, point.holding_usd, point.coin_usd) == (164.0, 259_836.0, 65_000.0)
    assert found.strategies(MAIN_ACCOUNT) == (), "nothing ended yet"


def test_a_strategy_is_what_its_ended_chains_earned_at_the_index_of_the_hour() -> None:
    """From nothing at the hour before; coin is valued anew at each mark, as the account's is."""
    later = msgspec.structs.replace(MARKED, indices={"BTC": 70_000.0})
    found = fold(PLACED, FILLED, MARKED, SETTLED, ENDED, MARKED, later)
    points = found.strategy(MAIN_ACCOUNT, "covered_call_btc")
    assert [one.trading_usd for one in points] == pytest.approx([0.0, 152.1, 163.8])
    assert points[-1].parts.over(70_000.0).total == 234_000
    assert found.ended_usd(MAIN_ACCOUNT) == points[-1].parts
    assert found.strategies(MAIN_ACCOUNT) == ("covered_call_btc",)
    assert found.strategy("shadow:x", "x") == found.account("shadow:x") == ()


def test_a_mark_that_prices_not_all_that_moved_shows_nothing() -> None:
    """ETH moved and was never priced: better no point than a wrong one."""
    moved = (Posting("cash", "ETH", 5), Posting("premium", "ETH", -5))
    fill = msgspec.structs.replace(FILLED, postings=moved)
    assert fold(fill, MARKED).account(MAIN_ACCOUNT) == ()


def test_real_books_agree_hour_by_hour_and_chain_by_chain() -> None:
    """On a trading floor with options, a hedge, funding and a settlement each mark is met to the
    atom, and what ended is the whole of it once nothing is open.
    """
    floor = hedged()
    floor.send(FundingRate(perpetual().name, 0.0008, floor.at))
    floor.move(93_000.0)
    floor.trade(wish())
    floor.go_to(floor.at - floor.at % HOUR + HOUR)
    floor.ask(wish(action="close", chain_id=floor.chains()[0].id), occasion="manage")
    floor.pass_time(10**9)
    floor.at = TODAY
    floor.send(DeliveryPrice("BTC", TODAY, 99_000.0))
    floor.go_to(floor.at + HOUR)
    found = Performance()
    marks = []
    for recorded in floor.records:
        found.apply(recorded)
        if isinstance(recorded.fact, AccountMarked) and recorded.fact.account == MAIN_ACCOUNT:
            marks.append(recorded.fact)
        if isinstance(recorded.fact, ChainEnded):
            flows = flows_of_chain(recorded.fact.chain_id, floor.records)
            assert {one: flows.parts(one).total for one in flows.atoms} == recorded.fact.pnl
    points = found.account(MAIN_ACCOUNT)
    assert [one.parts.total for one in points] == [to_atoms(one.trading_pnl_usd) for one in marks]
    assert points[-1].parts.funding < 0
    assert found.ended_usd(MAIN_ACCOUNT).total == pytest.approx(points[-1].parts.total, abs=100)


def test_points_are_bounded_and_the_newest_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """After years the older half is thinned, order and end remain."""
    monkeypatch.setattr(performance, "POINTS_MAX", 10)
    monkeypatch.setattr(performance, "STRATEGY_POINTS_MAX", 4)
    found = fold(PLACED, FILLED, SETTLED, ENDED, *([MARKED] * 25))
    points = found.account(MAIN_ACCOUNT)
    assert 5 <= len(points) <= 10
    assert all(a.at < b.at for a, b in itertools.pairwise(points))
    assert points[-1].at == 29 * 10**9
    assert len(found.strategy(MAIN_ACCOUNT, "covered_call_btc")) <= 4


def test_parts_in_coin_still_add_up_when_each_is_rounded() -> None:
    """Three thirds of an atom are told with what the market did."""
    parts = Parts(1, 1, 1, 1)
    assert parts.over(3.0) == Parts(0, 1, 0, 0)
