"""Is the story of every chain told to the last coin, and does a chain not rolled have a reason?"""

from __future__ import annotations

import itertools
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.backtest.pasts import TERMS, chains, day, market
from tests.backtest.rolls import (
    DEFENDED,
    FIRST,
    HARVESTED,
    LAST,
    NAN,
    OPENED,
    SECOND,
    WHOLE,
    Row,
    at,
    boards,
    modelled,
    roller,
    told,
)
from tests.backtest.test_perpetual import PAST
from tests.backtest.test_perpetual import strategy as trend
from trader.app.chain_data import read_chains, read_closes
from trader.backtest.call_regimes import regimes_at
from trader.backtest.roll_chains import Stories, study_roll_chains
from trader.backtest.runner import Terms, run_backtest
from trader.domain.events import HistoryLoaded
from trader.domain.facts import ChainEnded
from trader.domain.market import Closes
from trader.domain.units import DAY, HOUR, from_atoms
from trader.engine.outcome import Outcome
from trader.evaluation.closed_chains import results
from trader.evaluation.look_ahead import judge, variants
from trader.evaluation.runs import Run, Subject, make
from trader.evaluation.trade_stats import compute_strategy_stats
from trader.strategies.roll_chain import RollChain
from trader.strategies.strategy import CadenceSettings, StrategyFile


def test_the_chain_of_the_decisions_nets_its_sum_less_five_fees() -> None:
    """.020 -.035 +.042 -.010 +.015 less five fees of .0003: +.0305 coin, one trade, one win."""
    study = told(OPENED, DEFENDED, HARVESTED)
    (chain,) = study.chains
    assert [step.what for step in chain.steps] == ["open", "roll", "roll", "settled"]
    flows = [step.flow for step in chain.steps]
    assert flows == pytest.approx([0.0197, 0.0064, 0.0044, 0.0], abs=1e-12)
    assert chain.flow == pytest.approx(0.0305, abs=1e-12)
    assert chain.fees == pytest.approx(5 * 0.0003, abs=1e-12)
    assert (chain.rolls, chain.how) == (2, "settled")
    (closed,) = study.history.chains
    assert closed.pnl_pct == pytest.approx(0.0305 / 250, abs=1e-12)
    assert chain.pnl_pct == closed.pnl_pct
    (trade,) = results(study.history.chains)
    assert trade.is_win
    assert compute_strategy_stats([trade]).win_rate == 1.0
    usd = 0.0197 * 90_000 + 0.0064 * 98_000 + 0.0044 * 91_000
    assert chain.flow_usd == pytest.approx(usd, abs=1e-6)


def test_perpetuals_pay_funding_and_move_their_stops_in_their_stories() -> None:
    """Each chain's steps add up to what the ledger says it brought; moved stops trade nothing."""
    stories, ended = Stories(), {}

    def hear(outcome: Outcome) -> None:
        stories.hear(outcome)
        ended.update({one.chain_id: one for one in outcome.facts if isinstance(one, ChainEnded)})

    balances = {"BTC": 20.0, "USDC": 1_000_000.0}
    run_backtest(
        trend(), PAST.perpetual(), Terms(balances=balances), day(12), day(39), hear=hear
    )  # fmt: skip
    found = stories.tell({}, {})
    assert len(ended) >= 3
    for one in found:
        names = [step.what for step in one.steps if step.what != "protect"]
        assert "funding" in names
        assert all(a != "funding" or b != "funding" for a, b in itertools.pairwise(names))
        assert all(step.flow < 0 for step in one.steps if step.what == "funding")
        if one.chain_id in ended:
            (atoms,) = ended[one.chain_id].pnl.values()
            assert one.flow == pytest.approx(from_atoms(atoms), abs=1e-12)
    moved = [step for one in found for step in one.steps if step.what == "protect"]
    assert moved
    assert all(step.flow == 0.0 and "stop to" in step.reason for step in moved)


def test_every_step_says_why() -> None:
    """The sale, each roll with its trigger and credit, the settlement with its price."""
    reasons = [step.reason for step in told(OPENED, DEFENDED, HARVESTED).chains[0].steps]
    assert reasons[0].startswith("sell call at delta 0.3")
    assert reasons[1].startswith("delta: |delta| 0.4")
    assert reasons[1].endswith("roll 1 of 6 into BTC-18JAN22-110000-C, net credit 0.0064")
    assert reasons[2].startswith("captured: 76% of 0.042 won; roll 2 of 6 into BTC-25JAN22")
    assert reasons[3] == "expired out of the money at 90,000.00"


def test_a_roll_is_judged_and_filled_as_one() -> None:
    """Both legs in one fill, at one instant, for the whole size; no second slot of the day."""
    (chain,) = told(OPENED, DEFENDED, HARVESTED).chains
    roll = chain.steps[1]
    assert [(leg.amount, leg.price) for leg in roll.legs] == [(1.0, 0.035), (-1.0, 0.042)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rolls_max": 1}, "rolled as often as allowed"),
        ({"rolls_max": 0}, "rolled as often as allowed"),
        ({"total_days_max": 8.0}, "later expiries are beyond total_days_max"),
        ({"total_risk_max": 1e-9}, ""),
    ],
)
def test_caps_end_a_chain(changes: dict[str, float], reason: str) -> None:
    """What may not be rolled is closed, and the close names the cap; without room none opens."""
    study = told(OPENED, DEFENDED, HARVESTED, **changes)
    if not reason:
        assert study.chains[0].steps[-1].reason.endswith("its risk would pass total_risk_max")
        return
    last = study.chains[0].steps[-1]
    assert last.what == "close"
    assert last.reason.endswith(reason)
    assert study.managing["close"] == 1


def test_a_roll_that_costs_is_made_only_within_the_debit_allowed() -> None:
    """Up and out for a debit of .003: closed by default, rolled where a fifth of .020 may go."""
    dear = (at(3), 98_000.0, ((*FIRST, 0.0345, 0.035), (*SECOND, 0.033, 0.0335)))
    closed = told(OPENED, dear).chains[0]
    assert closed.steps[-1].reason.endswith("no roll pays its cost")
    rolled = told(OPENED, dear, debit_max=0.2).chains[0]
    assert rolled.steps[1].what == "roll"
    assert rolled.steps[1].flow == pytest.approx(-0.035 + 0.033 - 2 * 0.0003, abs=1e-12)


def test_a_refused_roll_becomes_a_close() -> None:
    """The gate refuses the new leg's risk: the old one is bought back, the chain ends."""
    strategy = roller(equity_share=0.0042, roll_extrinsic_multiple=0.0)
    risk = WHOLE.risk.model_copy(update={"max_risk_per_trade": 0.0055})
    terms = msgspec.structs.replace(WHOLE, risk=risk)
    past = boards(OPENED, DEFENDED, LAST)
    study = study_roll_chains(strategy, past, terms, at(1), at(4))
    (chain,) = study.chains
    assert study.refused == {"roll: per_trade_risk": 1}
    assert [step.what for step in chain.steps] == ["open", "close"]
    assert chain.steps[1].reason.endswith("its roll was refused")


@pytest.mark.parametrize(
    ("shown", "finding"),
    [
        (((*FIRST, NAN, 0.035), (*SECOND, 0.042, 0.0425)), "leg_one_sided"),
        (((*SECOND, 0.042, 0.0425),), "leg_stale"),
        (((*FIRST, 0.0345, 0.035),), "no_later_expiry"),
        (((*FIRST, 0.0345, 0.035), (*SECOND, NAN, 0.0425)), "target_unquoted"),
        (((*FIRST, 0.0345, 0.035), (*SECOND, 0.030, 0.0425)), "close"),
        (((*FIRST, 0.0195, 0.020), (*SECOND, 0.042, 0.0425)), "held"),
    ],
)
def test_every_look_at_a_chain_has_a_name(shown: tuple[Row, ...], finding: str) -> None:
    """A side that is missing, a contract that is, a gap of hours: counted, waited for, no crash."""
    index = 90_000.0 if finding == "held" else 98_000.0
    study = told(OPENED, (at(3), index, shown))
    assert study.managing[finding] >= 1
    assert study.managing["leg_stale"] > 40  # between the boards nothing is believed


@pytest.mark.parametrize(
    ("rows", "finding"),
    [
        (((120_000.0, 36, 0.02, 0.0205),), "no_expiry"),
        (((*FIRST, NAN, 0.0205),), "quotes_one_sided"),
        (((*FIRST, NAN, NAN),), "quotes_one_sided"),
        (((60_000.0, 8, 0.3, 0.305),), "no_delta"),
        (((*FIRST, 0.0055, 0.0205),), "credit_too_small"),
    ],
)
def test_every_look_at_opening_has_a_name(rows: tuple[Row, ...], finding: str) -> None:
    """No expiry, no side, no delta, no credit: nothing is opened, and it says why."""
    study = told((at(1), 90_000.0, rows), min_credit_fee_multiple=20.0)
    assert study.chains == ()
    assert study.opening[finding] >= 1
    hours = 23 * 24
    assert sum(study.opening.values()) == hours
    assert "open" not in study.opening


def test_a_put_in_the_money_pays_its_payoff_and_the_delivery_fee() -> None:
    """Sold at .03 with strike 92,000, delivered at 90,000: (K - S) / S, .00015 for a weekly."""
    strategy = roller(
        option_type="put", equity_share=0.0042, target_delta=0.5, roll_delta=1.0,
        roll_extrinsic_multiple=0.0,
    )  # fmt: skip
    past = boards(
        (at(4), 90_000.0, ((92_000.0, 11, 0.030, 0.0305),)),
        (at(12), 90_000.0, ((92_000.0, 39, 0.030, NAN),)),
        is_call=False,
    )
    (chain,) = study_roll_chains(strategy, past, WHOLE, at(4), at(12)).chains
    assert [step.what for step in chain.steps] == ["open", "settled"]
    assert chain.steps[0].flow == pytest.approx(0.030 - 0.0003, abs=1e-12)
    payoff = 2_000 / 90_000
    assert chain.steps[1].flow == pytest.approx(-payoff - 0.00015, abs=2e-8)
    assert chain.steps[1].reason == "expired in the money at 90,000.00"
    assert chain.pnl_pct == pytest.approx((0.0297 - payoff - 0.00015) / 250, abs=1e-10)


def test_each_chain_knows_the_regime_it_was_opened_in() -> None:
    """That of the hours that had closed when it was decided; None before there are 60 days."""
    history = chains(84, days_max=22.0)
    study = study_roll_chains(roller(), history, TERMS, day(50), day(82))
    found = study.chains
    assert len(found) > 2
    bars = next(
        one for _, one in history.events(day(82), day(83)) if isinstance(one, HistoryLoaded)
    )
    known = Closes(np.array(bars.bars.opened_at) + HOUR, np.array(bars.bars.close))
    decided = [one.opened_at - one.opened_at % HOUR for one in found]
    assert [one.regime for one in found] == regimes_at(known, decided)
    assert found[0].regime is None
    assert found[-1].regime is not None
    kept = study.opened_in((found[-1].regime,))
    assert {one.regime for one in kept.chains} == {found[-1].regime}
    assert kept.opening == study.opening


def test_an_open_chain_is_listed_and_counted_in_no_statistic() -> None:
    """Its flow so far and what it owes at the last mark; the drawdown counts it."""
    strategy = roller(equity_share=0.0042, roll_extrinsic_multiple=0.0)
    under = (at(3), 97_000.0, ((*FIRST, 0.0295, 0.030),))
    study = study_roll_chains(strategy, boards(OPENED, under, LAST), WHOLE, at(1), at(4))
    (chain,) = study.chains
    assert (chain.how, chain.ended_at, chain.pnl_pct) == ("open", None, None)
    assert chain.mark == pytest.approx(-0.02975)
    assert study.ended == ()
    assert study.history.chains == ()
    assert study.drawdown_usd < -500


@pytest.mark.parametrize("kind", ["call", "put"])
def test_the_steps_add_up_to_what_the_ledger_booked(kind: str) -> None:
    """Flow of the steps = flows of the chain, in coin and as a share of equity; fees are theirs."""
    study = modelled(option_type=kind, patience_minutes=20.0)
    assert len(study.ended) >= 4
    assert sum(one.rolls for one in study.ended) >= 4
    closed = {one.chain_id: one for one in study.history.chains}
    assert closed.keys() == {one.chain_id for one in study.ended}
    for chain in study.ended:
        assert chain.steps[0].what == "open"
        known = closed[chain.chain_id]
        assert chain.pnl_pct == known.pnl_pct
        assert known.pnl_pct == pytest.approx(chain.flow * -known.fees_pct / chain.fees, rel=1e-6)
        assert all(
            leg.instrument.endswith(kind[0].upper()) for one in chain.steps for leg in one.legs
        )


def test_the_study_changes_nothing_of_the_run() -> None:
    """Listening decides nothing: the same chains as a plain backtest; twice the same bytes."""
    study = modelled()
    plain = run_backtest(roller(), chains(60, days_max=22.0), TERMS, day(3), day(58))
    assert study.history.chains == plain.chains
    assert study.history.refused == plain.refused
    assert msgspec.json.encode(study) == msgspec.json.encode(modelled())


@pytest.mark.parametrize("kind", ["call", "put"])
def test_no_decision_changes_with_the_future(kind: str) -> None:
    """Truncated and poisoned at nine cuts: the outcomes up to the cut stay the same bytes."""
    file = StrategyFile(
        name="rolls", kind="roll_chain", underlying="BTC",
        cadence=CadenceSettings(hours=4),
        parameters={"option_type": kind},
    )  # fmt: skip
    subject = Subject(kind=RollChain, file=file, configuration_hash="v1")
    run = Run(
        subject=subject,
        market=market(days=40, step=4 * HOUR),
        terms=TERMS,
        start=day(3),
        end=day(39),
    )
    made = {name: make(one) for name, one in variants(run).items()}
    decided = [len(one.chains) + one.open_chains for one in made.values()]
    found = judge({name: one.digest for name, one in made.items()}, decided)
    assert found.ok, found.reason
    assert len(found.cuts) == 9
    assert sum(decided) > 9


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("coin", "kind"), [("BTC", "call"), ("BTC", "put"), ("ETH", "call"), ("ETH", "put")]
)
def test_four_months_of_real_boards_give_a_study(real_data: Path, coin: str, kind: str) -> None:
    """Chains open, roll and end; the steps add up; every look has a name; the index falls."""
    closes = read_closes(
        real_data / "ohlcv/deribit_perp_close_1h_2025-12-30_2026-04-30.csv.gz", f"{coin}-PERPETUAL"
    )
    name = f"options/deribit_chain_{coin.lower()}_6h_2025-12-30_2026-04-30.parquet"
    history = read_chains(real_data / name, coin, closes).chains()
    start = -(-history.span[0] // DAY) * DAY + 3 * DAY
    end = history.span[1] // DAY * DAY
    strategy = roller(
        coin, option_type=kind, patience_minutes=20.0, target_delta=0.25, delta_tolerance=0.08
    )
    terms = Terms(balances={"BTC": 20.0, "ETH": 300.0})
    study = study_roll_chains(strategy, history, terms, start, end)
    assert study.history.failed == 0
    assert len(study.ended) >= 3
    assert sum(one.rolls for one in study.chains) >= 10
    for chain in study.ended:
        assert -0.02 < (chain.pnl_pct or 0.0) < 0.02
        assert chain.flow == pytest.approx(sum(step.flow for step in chain.steps), abs=1e-9)
        for step in chain.steps:
            hour = step.at // HOUR * HOUR
            known = sorted((closes.price_at(hour), closes.price_at(hour + HOUR)))
            assert 0.97 * known[0] < step.index < 1.03 * known[1]
    assert sum(study.opening.values()) == study.history.decisions
    assert study.managing["leg_stale"] > study.managing["held"]
