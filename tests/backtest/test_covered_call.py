"""Are calls sold, followed and settled as a hand computes them, and is every other time named?"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.backtest.calls import HOURS, T0, WEEK, HandSource, call, config, held, line, modelled
from tests.backtest.calls import study as study_config
from tests.backtest.pasts import day
from trader.backtest.call_tape import CallTape, TapeDataSource
from trader.backtest.covered_call import (
    REASONS,
    CallSimulationConfig,
    CoveredCallSimulator,
    SimulationResult,
    TrendPolicy,
    always_trade_policy,
    never_trade_policy,
)
from trader.domain.units import DAY, HOUR, moment

REL = 1e-12


def single(end: float, *, size: float = 1.0, settings: CallSimulationConfig | None = None,
           **changes: Any) -> Any:  # fmt: skip
    """Sell the call of 70,000 for .02 coin and end somewhere."""
    simulator = CoveredCallSimulator(held(end, **changes), settings or config())
    return simulator.simulate_single_call(T0, size)


def test_an_assignment_at_80000_leaves_71600() -> None:
    """Strike 70,000, premium .02 coin: the coin, the premium, less 10,000 / 80,000 of a coin."""
    trade = single(80_000.0)
    assert trade.close_price == pytest.approx(0.125, rel=REL)
    assert 65_000.0 + trade.pnl == pytest.approx(71_600.0, rel=REL)
    assert trade.pnl_vs_hodl == pytest.approx(-8_400.0, rel=REL)
    assert (trade.premium, trade.assignment) == pytest.approx((1_600.0, 10_000.0), rel=REL)
    assert trade.assigned
    assert (trade.side, trade.strike, trade.open_price) == ("SHORT_CALL", 70_000.0, 0.02)
    assert trade.close_time == T0 + WEEK


def test_size_scales_everything_but_the_drawdown() -> None:
    """Two and a half coins make two and a half times the result."""
    one, more = single(80_000.0), single(80_000.0, size=2.5)
    assert more.pnl == pytest.approx(2.5 * one.pnl, rel=REL)
    assert more.max_drawdown_pct == one.max_drawdown_pct


def test_worthless_at_expiry_the_premium_stays() -> None:
    """.02 coin at the price of the end; the coin itself fell."""
    trade = single(60_000.0)
    assert trade.close_price == 0.0
    assert not trade.assigned
    assert trade.pnl_vs_hodl == pytest.approx(1_200.0, rel=REL)
    assert trade.pnl == pytest.approx(-5_000.0 + 1_200.0, rel=REL)


@pytest.mark.parametrize(("off", "sign"), [(-1.0, 1), (0.0, 0), (1.0, -1)])
def test_against_holding_it_breaks_even_at_the_strike_over_one_less_premium(
    off: float, sign: int
) -> None:
    """S = K / (1 - p0), for premiums in coin."""
    trade = single(70_000.0 / 0.98 + off)
    assert (
        trade.pnl_vs_hodl == pytest.approx(0.0, abs=1e-6)
        if sign == 0
        else (math.copysign(1.0, trade.pnl_vs_hodl) == sign)
    )


def test_fees_are_charged_and_capped() -> None:
    """.0003 at the sale and .00015 at the assignment, each at most an eighth of the option."""
    costs = config(fee_rate=0.0003, delivery_fee_rate=0.00015)
    trade = single(80_000.0, settings=costs)
    assert trade.fees == pytest.approx(0.00045 * 80_000.0, rel=REL)
    cheap = single(60_000.0, settings=costs, bid_price=0.001)
    assert cheap.fees == pytest.approx(0.125 * 0.001 * 60_000.0, rel=REL)
    barely = single(70_010.0, settings=costs)
    assert barely.fees == pytest.approx((0.0003 + 0.125 * 10 / 70_010.0) * 70_010.0, rel=1e-9)


def test_without_bids_the_mark_less_slippage_is_received() -> None:
    """A source of marks alone; a bid is never better for being absent."""
    trade = single(60_000.0, bid_price=None)
    assert trade.open_price == pytest.approx(0.021 * 0.95, rel=REL)
    at_mark = single(60_000.0, settings=config(fill="mark", slippage=0.0))
    assert at_mark.open_price == 0.021


def test_dollar_premiums_stay_dollars() -> None:
    """A linear call: 1,300 received, 10,000 paid, whatever the coin does."""
    name = "BTC_USDC-9JAN26-70000-C"
    trade = single(80_000.0, instrument_name=name, bid_price=1_300.0, mark_price=1_310.0)
    assert trade.linear
    assert trade.pnl_vs_hodl == pytest.approx(1_300.0 - 10_000.0, rel=REL)


def test_a_call_without_a_strike_pays_what_its_last_price_says() -> None:
    """The name tells no strike: the option's own last price settles."""
    trade = single(60_000.0, instrument_name="weekly call")
    assert trade.strike is None
    assert trade.close_price == 0.021


def seed_reference(source: HandSource, settings: CallSimulationConfig, size: float) -> Any:
    """Sell, follow and add up as the seed describes: dollars, last prices, no costs."""
    trades, total, against = [], 0.0, 0.0
    curve: dict[datetime, float] = {}
    at = settings.start
    step = HOURS * settings.decision_interval_bars
    while at <= settings.end - timedelta(days=settings.target_dte):
        near = [
            one
            for one in source.chain(at)
            if one.kind == "call" and one.expiry > at
            and abs((one.expiry - at) / timedelta(days=1) - settings.target_dte)
            <= settings.dte_tolerance
            and abs(one.delta - settings.target_delta) <= settings.delta_tolerance
        ]  # fmt: skip
        if near:
            best = min(near, key=lambda one: abs(one.delta - settings.target_delta))
            hours = range(int((best.expiry - at) / HOURS) + 1)
            spots = [source.spot(at + hour * HOURS) or 0.0 for hour in hours]
            worth = [source.worth(best.instrument_name, at + hour * HOURS) or 0.0 for hour in hours]
            value = [
                size * (spot + best.mark_price - call)
                for spot, call in zip(spots, worth, strict=True)
            ]
            peaks = [max(value[: place + 1]) for place in range(len(value))]
            fall = max((peak - one) / peak for peak, one in zip(peaks, value, strict=True))
            pnl, vs_hodl = value[-1] - value[0], value[-1] - size * spots[-1]
            total, against = total + pnl, against + vs_hodl
            curve[best.expiry] = total
            trades.append((best.instrument_name, at, best.expiry, pnl, vs_hodl, 100.0 * fall))
        at += step
    return trades, curve, against


def weekly_market() -> HandSource:
    """Quote three linear calls of each coming Friday, by a formula that ends at their payoff."""

    def spot(at: datetime) -> float:
        hours = (at - T0) / HOURS
        return 65_000.0 + 40.0 * hours + 2_500.0 * math.sin(hours / 9.0)

    def worth(name: str, at: datetime) -> float:
        _, label, strike, _ = name.split("-")
        expiry = datetime.strptime(f"{label} 08 +0000", "%d%b%y %H %z")
        left = max((expiry - at) / WEEK, 0.0)
        return max(spot(at) - float(strike), 0.0) + 900.0 * left * math.exp(
            -abs(spot(at) - float(strike)) / 8_000.0
        )

    def chain(at: datetime) -> list[Any]:
        found = []
        for weeks in range(1, 7):
            expiry = T0 + weeks * WEEK
            for strike, delta in ((66_000, 0.4), (69_000, 0.27), (72_000, 0.24)):
                label = f"{expiry.day}{expiry:%b%y}".upper()
                name = f"BTC_USDC-{label}-{strike}-C"
                found.append(call(name, expiry=expiry, delta=delta, mark_price=worth(name, at),
                                  bid_price=None))  # fmt: skip
                found.append(call(f"{name[:-1]}P", kind="put", expiry=expiry, delta=-delta))
        return found

    return HandSource(spot, chain, worth)


def test_in_dollars_at_marks_without_costs_it_is_the_seeds_simulator() -> None:
    """Trades, results, drawdowns and curves of weekly sales that do not overlap."""
    source = weekly_market()
    settings = config(
        end=T0 + 5 * WEEK, decision_interval_bars=168, fill="mark", slippage=0.0,
        initial_spot_position=1.5,
    )  # fmt: skip
    result = CoveredCallSimulator(source, settings).simulate_policy(always_trade_policy)
    trades, curve, against = seed_reference(source, settings, 1.5)
    assert len(trades) == len(result.trades) == 5
    for ours, (name, opened, closed, pnl, vs_hodl, fall) in zip(result.trades, trades, strict=True):
        assert (ours.instrument_name, ours.open_time, ours.close_time) == (name, opened, closed)
        assert ours.pnl == pytest.approx(pnl, rel=1e-9)
        assert ours.pnl_vs_hodl == pytest.approx(vs_hodl, rel=1e-9)
        assert ours.max_drawdown_pct == pytest.approx(fall, rel=1e-9)
    assert result.equity_curve == pytest.approx(curve, rel=1e-9)
    assert result.metrics["final_pnl"] == pytest.approx(curve[T0 + 5 * WEEK], rel=1e-9)
    assert result.metrics["final_pnl_vs_hodl"] == pytest.approx(against, rel=1e-9)
    assert result.metrics["num_trades"] == 5


def reasons(source: HandSource, **changes: Any) -> dict[str, int]:
    """Decide once and say what came of it."""
    result = CoveredCallSimulator(source, config(**changes)).simulate_policy(always_trade_policy)
    (decision,) = result.decisions
    assert (decision.reason == "") == (decision.action == "SELL_CALL")
    assert sum(result.reasons.values()) + len(result.trades) == 1
    assert set(result.reasons) <= set(REASONS)
    return result.reasons


def quoting(*options: Any) -> HandSource:
    """Show a chain of these."""
    return HandSource(line(65_000.0, 66_000.0), lambda at: list(options), lambda name, at: 0.02)


@pytest.mark.parametrize(
    ("source", "changes", "reason"),
    [
        (quoting(), {}, "no_chain"),
        (quoting(call(kind="put")), {}, "no_calls"),
        (quoting(call(expiry=T0)), {}, "no_calls"),
        (quoting(call()), {"target_dte": 3.0}, "no_expiry_in_tolerance"),
        (quoting(call(delta=None)), {}, "no_delta"),
        (quoting(call(delta=math.nan)), {}, "no_delta"),
        (quoting(call(delta=0.6)), {}, "no_delta_in_tolerance"),
        (quoting(call(mark_price=None)), {}, "no_mark_price"),
        (quoting(call(bid_price=math.nan)), {}, "no_bid"),
        (quoting(call(bid_price=0.0)), {}, "no_bid"),
        (quoting(call(expiry=T0 + WEEK + HOURS)), {}, "expiry_beyond_end"),
        (HandSource(lambda at: None, lambda at: [call()], lambda name, at: 0.02), {}, "no_spot"),
        (
            HandSource(lambda at: 1.0 if at <= T0 else None, lambda at: [call()],
                       lambda name, at: 0.02),
            {},
            "no_delivery_price",
        ),
        (
            HandSource(line(65_000.0, 1.0), lambda at: [call("nameless")], lambda name, at: None),
            {},
            "no_option_prices",
        ),
    ],
)  # fmt: skip
def test_every_time_without_a_trade_has_a_named_reason(
    source: HandSource, changes: dict[str, Any], reason: str
) -> None:
    """Empty chains, gaps, one-sided quotes, tolerances that match nothing, ends too near."""
    settings = {"end": T0 + WEEK, **changes}
    if "target_dte" in changes:
        settings["end"] = T0 + timedelta(days=3)
    assert reasons(source, **settings) == {reason: 1}
    simulator = CoveredCallSimulator(source, config(**settings))
    assert simulator.simulate_single_call(T0, 1.0) is None
    assert simulator.explain(T0) == reason


def test_a_policy_that_declines_is_counted() -> None:
    """Never is a policy too: the account is the coins."""
    result = CoveredCallSimulator(held(60_000.0), config()).simulate_policy(never_trade_policy)
    assert result.reasons == {"policy_declined": 1}
    assert result.account_curve == result.hodl_curve
    assert result.metrics["max_drawdown_pct"] == result.metrics["hodl_max_drawdown_pct"]


def test_no_more_calls_are_sold_than_there_are_coins() -> None:
    """Running calls use the coins up; what is left is sold, then nothing."""
    source = modelled()
    settings = study_config(initial_spot_position=2.5)
    result = CoveredCallSimulator(source, settings).simulate_policy(always_trade_policy, 1.0)
    assert result.reasons["no_free_coins"] > 0
    assert any(0 < trade.size < 1.0 for trade in result.trades)
    for trade in result.trades:
        running = [
            one.size for one in result.trades
            if one.open_time <= trade.open_time < one.close_time
        ]  # fmt: skip
        settled = sum(
            one.pnl_vs_hodl / one.close_spot
            for one in result.trades
            if one.close_time <= trade.open_time
        )
        assert sum(running) <= 2.5 + settled + 1e-9


def test_the_account_starts_at_the_capital_and_ends_with_every_flow() -> None:
    """Coins at the first price; in the end coins, flows of settled calls, and no call running."""
    source = modelled()
    settings = study_config(end=moment(day(30)))
    result = CoveredCallSimulator(source, settings).simulate_policy(always_trade_policy)
    account = list(result.account_curve.values())
    hodl = list(result.hodl_curve.values())
    assert result.metrics["capital"] == hodl[0]
    left = sum(one.pnl_vs_hodl / one.close_spot for one in result.trades)
    last = hodl[-1] / 3.0
    assert account[-1] == pytest.approx((3.0 + left) * last, rel=1e-9)
    assert result.metrics["max_drawdown_pct"] < result.metrics["hodl_max_drawdown_pct"]


def decided(tape: CallTape, policy: Any, settings: CallSimulationConfig, at: int) -> Any:
    """List what was decided up to an instant."""
    result = CoveredCallSimulator(TapeDataSource(tape), settings).simulate_policy(policy)
    return [one for one in result.decisions if one.time <= moment(at)]


def peeking(tape: CallTape) -> Any:
    """Make a policy that looks a day ahead in the data it was handed."""

    def policy(state: Any) -> bool:
        at = int((state["time"] - moment(0)).total_seconds()) * 1_000_000_000
        later = tape.spots.last(at + DAY, DAY)
        return later is not None and later < state["spot"]

    return policy


@pytest.mark.parametrize("cut", [day(9) + HOUR, day(15), day(22) + 7 * HOUR])
def test_decisions_do_not_change_with_the_future(cut: int) -> None:
    """Truncated and poisoned after an instant, all decided before is the same; a peek shows."""
    tape, settings = modelled().tape, study_config()
    for policy in (always_trade_policy, TrendPolicy(0.3)):
        whole = decided(tape, policy, settings, cut)
        assert any(one.action == "SELL_CALL" for one in whole)
        assert decided(tape.until(cut), policy, settings, cut) == whole
        assert decided(tape.poisoned(cut), policy, settings, cut) == whole
    caught = [
        decided(other, peeking(other), settings, cut) != decided(tape, peeking(tape), settings, cut)
        for other in (tape.until(cut), tape.poisoned(cut))
    ]
    assert any(caught)


def test_a_source_of_another_coin_is_refused() -> None:
    """The tape is BTC's."""
    with pytest.raises(ValueError, match="the source is BTC's"):
        CoveredCallSimulator(modelled(), study_config(underlying="ETH"))


@pytest.mark.parametrize("size", [0.0, -1.0, math.nan, math.inf])
def test_impossible_sizes_are_refused(size: float) -> None:
    """Field, value and remedy."""
    simulator = CoveredCallSimulator(held(60_000.0), config())
    with pytest.raises(ValueError, match=r"size .* must be a positive number"):
        simulator.simulate_single_call(T0, size)
    with pytest.raises(ValueError, match=r"size .* must be a positive number"):
        simulator.simulate_policy(always_trade_policy, size)


def test_a_naive_time_is_refused() -> None:
    """UTC or nothing."""
    with pytest.raises(ValueError, match="naive datetime"):
        CoveredCallSimulator(held(60_000.0), config()).simulate_single_call(
            T0.replace(tzinfo=None), 1.0
        )


def test_a_result_is_a_value() -> None:
    """Two runs over the same past are equal."""
    runs: list[SimulationResult] = [
        CoveredCallSimulator(modelled(), study_config()).simulate_policy(TrendPolicy(0.0))
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
