"""Do quotes of a perpetual walk through its candles, and does a strategy trade on them alone?"""

from __future__ import annotations

import itertools
import math
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.backtest.pasts import START, day, market, wandering
from trader.backtest.market import Market
from trader.backtest.modelled import Candles, Costs
from trader.backtest.perpetual import FUNDING_8H, HALF_SPREAD, SHOWN_AT
from trader.backtest.runner import DAILY, HOURLY, Terms, run_backtest
from trader.domain.events import BoardSnapshot, FundingRate, HistoryLoaded
from trader.domain.facts import Filled, FundingPaid
from trader.domain.trading import Approved
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE
from trader.evaluation.look_ahead import judge, variants
from trader.evaluation.runs import Run, Subject, make
from trader.strategies.strategy import Cadence, StrategyFile
from trader.strategies.trend_pullback import TrendPullback
from trader.strategies.trend_sleeves import TrendPullbackSettings

TERMS = Terms(balances={"BTC": 20.0, "USDC": 1_000_000.0})
FILE = StrategyFile.model_validate(
    {"name": "trend", "kind": "trend_pullback", "underlying": "BTC", "cadence": {"hours": 1}}
)


def trending(days: int = 40, seed: int = 3) -> Market:
    """Let a price trend by turns, with wicks."""
    close = wandering(days, seed=seed, vol=0.4)
    turns = np.repeat(np.random.default_rng(seed).choice([0.0015, -0.0008], days), 24)
    close = close * np.exp(np.cumsum(turns))
    past = market(close)
    wick = 1 + np.abs(np.random.default_rng(seed).normal(0, 0.001, len(close)))
    one = past.candles
    candles = Candles(one.opened_at, one.open, one.high * wick, one.low / wick, one.close)
    return msgspec.structs.replace(past, candles=candles)


PAST = trending()


def quotes(past: Market, start: int, end: int, **changes: Any) -> list[BoardSnapshot]:
    """Show what is quoted."""
    events = [event for _, event in past.perpetual(**changes).events(start, end)]
    return [one for one in events if isinstance(one, BoardSnapshot)]


def strategy(**parameters: Any) -> TrendPullback:
    """Build one that decides each hour."""
    return TrendPullback(
        name="trend", underlying="BTC", settings=TrendPullbackSettings(**parameters),
        timetable=Cadence(HOUR, 0, 5 * MINUTE),
    )  # fmt: skip


def test_each_hour_goes_from_open_to_low_to_high_to_close() -> None:
    """The middle of every quote is a price to the last bit; the last is within its own hour."""
    start = day(20)
    shown = quotes(PAST, start, start + 3 * HOUR)
    middles = [(one.bid[0] + one.ask[0]) / 2 for one in shown[1:]]
    row = PAST.candles.row_at(start) + 1
    for hour in range(3):
        mine = middles[hour * len(SHOWN_AT) : (hour + 1) * len(SHOWN_AT)]
        bar = [getattr(PAST.candles, name)[row + hour] for name in ("open", "low", "high", "close")]
        assert [mine[0], mine[4], mine[5], mine[6]] == bar
        assert mine[:5] == sorted(mine[:5], reverse=True)
    at = [one.exchange_at - start for one in shown]
    assert at[:3] == [0, 10 * MINUTE, 15 * MINUTE]
    assert at[7] == HOUR - MILLISECOND
    assert max(after - before for before, after in itertools.pairwise(at)) <= 15 * MINUTE + 1e9


def test_it_begins_with_what_was_known() -> None:
    """Closed bars, the last close, and the funding that is assumed."""
    start = day(20)
    events = list(itertools.islice(PAST.perpetual().events(start, start + DAY), 3))
    assert [type(event) for _, event in events] == [HistoryLoaded, BoardSnapshot, FundingRate]
    assert {at for at, _ in events} == {start}
    loaded, shown, funding = (event for _, event in events)
    assert isinstance(loaded, HistoryLoaded)
    assert loaded.bars.opened_at[-1] == start - HOUR
    assert isinstance(shown, BoardSnapshot)
    assert shown.index_price == loaded.bars.close[-1]
    assert isinstance(funding, FundingRate)
    assert funding.rate_8h == FUNDING_8H


def test_costs_are_as_stated() -> None:
    """Spread and fee by their factors; hidden quotes by their share; both are told."""
    start = day(20)
    (one, *_) = quotes(PAST, start, start + HOUR)
    assert one.ask[0] / one.bid[0] - 1 == pytest.approx(2 * HALF_SPREAD, rel=1e-3)
    dear = Costs(spread_factor=3.0, fee_factor=2.0, missing_share=0.05)
    shown = quotes(PAST, start, start + 20 * DAY, costs=dear)
    (instrument,) = shown[0].instruments
    assert instrument.taker_fee_rate == 2 * one.instruments[0].taker_fee_rate
    hidden = np.mean([math.isnan(other.bid[0]) for other in shown])
    assert 0.02 < hidden < 0.08
    told = " ".join(PAST.perpetual(costs=dear).provenance.caveats)
    assert "0.150%" in told
    assert "funding is assumed" in told


def test_linear_ones_are_counted_in_coins() -> None:
    """The same prices and, in dollars, the same sizes."""
    start = day(20)
    inverse, linear = (quotes(PAST, start, start + HOUR, linear=one)[0] for one in (False, True))
    assert linear.instruments[0].settlement_currency == "USDC"
    assert linear.ask_amount[0] * linear.mark[0] == pytest.approx(inverse.ask_amount[0])


def test_a_span_that_is_not_held_is_refused() -> None:
    """As by every history."""
    with pytest.raises(ValueError, match="is not within"):
        list(PAST.perpetual().events(START - DAY, day(3)))


def test_a_strategy_trades_and_pays_for_it() -> None:
    """Entries at the touch, exits, fees, funding for the hours between."""
    facts: list[Any] = []
    history = run_backtest(
        strategy(), PAST.perpetual(), TERMS, day(12), day(39),
        hear=lambda outcome: facts.extend(outcome.facts),
    )  # fmt: skip
    assert len(history.chains) >= 3
    assert history.failed == history.skipped == 0
    assert HOURLY in history.provenance.caveats
    assert DAILY not in history.provenance.caveats
    assert {one.at % DAY for one in history.marks} == {hour * HOUR for hour in range(24)}
    asked = {one.intent.action for one in facts if isinstance(one, Approved)}
    assert {"open", "close", "protect"} <= asked
    fills = [one for one in facts if isinstance(one, Filled)]
    assert all(leg.fee_atoms >= 0 for one in fills for leg in one.legs)
    paid = [one for one in facts if isinstance(one, FundingPaid)]
    hours = sum(one.closed_at - one.opened_at for one in history.chains) / HOUR
    assert len(paid) >= 0.9 * hours
    assert all(one.atoms < 0 for fact in paid for one in fact.postings if one.book == "cash")


def run_of(past: Market) -> Run:
    """Run the strategy over a market as a night does."""
    subject = Subject(kind=TrendPullback, file=FILE, configuration_hash="v1")
    return Run(subject=subject, market=past, terms=TERMS, start=day(12), end=day(39))


def test_no_decision_sees_beyond_its_close() -> None:
    """Cut off or poisoned right after a decision, everything up to it stays as it was."""
    runs = {name: make(run) for name, run in variants(run_of(PAST)).items()}
    decided = (len(one.chains) + one.open_chains for one in runs.values())
    assert judge({name: one.digest for name, one in runs.items()}, decided).ok is True


def test_a_gap_moves_what_follows() -> None:
    """The stress of evaluation reaches perpetuals too."""
    start = day(38)
    plain, gap = (quotes(PAST, start, start + HOUR, gap=one)[0].mark[0] for one in (0.0, 0.15))
    assert plain == gap  # less than half a year
    far = msgspec.structs.replace(
        PAST,
        candles=Candles(
            START + np.arange(24 * 200) * HOUR, *(np.full(24 * 200, 40_000.0) for _ in range(4))
        ),
        level=msgspec.structs.replace(PAST.level, vol=np.full(24 * 200, 0.5)),
    )
    assert quotes(far, day(190), day(191), gap=0.15)[0].mark[0] == pytest.approx(46_000.0)


def test_it_decides_each_hour_whatever_the_profile() -> None:
    """Once a day it would be another rule: the quick profile leaves it as it is."""
    subject = Subject(kind=TrendPullback, file=FILE, configuration_hash="v1")
    assert subject.once_a_day(485) is subject


def basket() -> Market:
    """Let three coins trend, one settled in coin, beside each other."""
    others = (
        msgspec.structs.replace(trending(seed=seed), underlying=coin)
        for coin, seed in (("SOL", 4), ("XRP", 5))
    )
    return msgspec.structs.replace(PAST, beside=tuple(others))


BASKET = FILE.model_copy(update={"parameters": {"others": ("SOL", "XRP")}})


def test_several_perpetuals_are_walked_together() -> None:
    """Each as it would be alone, in the order of time; one lasts as long as all do."""
    start = day(20)
    walked = list(basket().perpetual().events(start, start + 3 * HOUR))
    assert [at for at, _ in walked] == sorted(at for at, _ in walked)
    alone = [one.perpetual() for one in (PAST, *basket().beside)]
    for one in alone:
        mine = [
            (at, event) for at, event in walked
            if isinstance(event, HistoryLoaded) and event.underlying == one.underlying
        ]  # fmt: skip
        assert mine == [next(one.events(start, start + HOUR))]
    names = [event.instruments[0].name for _, event in walked if isinstance(event, BoardSnapshot)]
    assert names[:3] == ["BTC-PERPETUAL", "SOL_USDC-PERPETUAL", "XRP_USDC-PERPETUAL"]
    assert len(names) == 3 * len(quotes(PAST, start, start + 3 * HOUR))
    short = basket().until(day(30))
    assert short.span[1] == short.perpetual().span[1] == day(30)
    late = msgspec.structs.replace(PAST, beside=(PAST.until(day(25)),))
    assert (late.span[1], late.perpetual().span[1]) == (day(25), day(25))
    with pytest.raises(ValueError, match="is not within"):
        late.perpetual().events(start, day(26))


def test_a_portfolio_is_judged_as_one_and_sees_nothing_early() -> None:
    """Chains of several coins in one history; cut off or poisoned, earlier decisions stay."""
    subject = Subject(kind=TrendPullback, file=BASKET, configuration_hash="v1")
    plain = msgspec.structs.replace(run_of(basket()), subject=subject)
    whole = make(plain)
    assert {one.underlying for one in whole.chains} == {"BTC", "SOL", "XRP"}
    assert whole.failed == whole.skipped == 0
    assert whole.refused["existing_same_sleeve_symbol"] > 0
    runs = {name: make(run) for name, run in list(variants(plain).items())[:6]}
    decided = (len(one.chains) + one.open_chains for one in runs.values())
    assert judge({name: one.digest for name, one in runs.items()}, decided).ok is True
