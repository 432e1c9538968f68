"""Can a person read what happened to each chain, and why nothing happened to others?"""

from __future__ import annotations

import msgspec
import pytest

from tests.backtest.rolls import DEFENDED, HARVESTED, OPENED, WHOLE, at, boards, roller, told
from tests.backtest.wheels import (
    AFTER,
    ASSIGNED,
    CALL,
    CALLED,
    PUT,
    facts_of_a_turn,
    turned,
)
from trader.backtest.roll_chains import study_roll_chains
from trader.domain.facts import LegSettlement, Settled
from trader.views.roll_chains import explain_chain, listing, overview, summary


def words(text: str) -> str:
    """Put single spaces between words: columns are as wide as what they hold."""
    return " ".join(text.split())


def test_a_chain_is_told_step_by_step() -> None:
    """Legs, index, flow in coin and dollars, reason; then its sum and its share of equity."""
    text = words(listing(told(OPENED, DEFENDED, HARVESTED)))
    assert text.startswith(
        "C3-0: settled 2022-01-25T08:00:00Z, 2 rolls, +0.0305 BTC (+2,801 USD), fees 0.0015 BTC, "
        "+0.0122 % of equity"
    )
    assert (
        "open sell 1 BTC-11JAN22-100000-C at 0.02 90,000 +0.0197 BTC +1,773 USD sell call" in text
    )
    assert (
        "roll buy 1 BTC-11JAN22-100000-C at 0.035, sell 1 BTC-18JAN22-110000-C at 0.042 98,000 "
        "+0.0064 BTC +627 USD delta: |delta|" in text
    )
    assert "settled pays -1 BTC-25JAN22-115000-C at 0 90,000 0 BTC 0.00 USD expired out of" in text


def test_the_overview_has_a_line_for_each_chain() -> None:
    """From first open to end, rolls, flow, fees, result."""
    lines = overview(told(OPENED, DEFENDED, HARVESTED)).splitlines()
    assert len(lines) == 2
    assert words(lines[1]).endswith("settled unknown 2 +0.0305 BTC +2,801 USD 0.0015 BTC +0.0122 %")


def test_the_summary_counts_trades_and_every_look() -> None:
    """Chains as trades, fees, drawdown, refusals, findings."""
    text = words(summary(told(OPENED, DEFENDED, HARVESTED)))
    assert "chains ended 1: 1 won, 0 lost" in text
    assert "of which fees -0.0015 BTC" in text
    assert "mean result +0.0122 % of equity" in text
    assert "refused none" in text
    assert "looks at chains held 2, leg_stale 504, roll 2" in text


def test_chains_are_summed_up_by_the_regime_they_were_opened_in() -> None:
    """The gravest first; titles name theirs, and chains of other regimes can be left out."""
    study = told(OPENED, DEFENDED, HARVESTED)
    (one,) = study.chains
    lost = msgspec.structs.replace(one, chain_id="C9-0", regime="Crisis", pnl_pct=-0.02)
    both = msgspec.structs.replace(
        study, chains=(msgspec.structs.replace(one, regime="Calm"), lost)
    )
    text = words(summary(both))
    assert (
        "opened in Crisis: 1, 0 won, mean -2.00 % of equity "
        "opened in Calm: 1, 1 won, mean +0.0122 % of equity" in text
    )
    assert "C3-0: opened in a Calm market, settled" in listing(both)
    calm = both.opened_in(("Calm", "Trending"))
    assert [chain.chain_id for chain in calm.chains] == ["C3-0"]
    assert "Crisis" not in summary(calm)
    assert "opened in unknown: 1, 1 won" in words(summary(study))


def test_an_open_chain_stands_beside_the_trades() -> None:
    """Its worth at the last mark, or that there is none; no result, no statistic."""
    under = (at(3), 97_000.0, ((100_000.0, 8, 0.0295, 0.030),))
    strategy = roller(equity_share=0.0042, roll_extrinsic_multiple=0.0)
    study = study_roll_chains(strategy, boards(OPENED, under), WHOLE, at(1), at(3, 5.5))
    text = words(summary(study))
    assert "chains ended 0: 0 won, 0 lost" in text
    assert "still open C3-0, worth -0.01005 BTC at its last mark: in no statistic" in text
    assert "mean result" not in text
    assert "still open, 0 rolls" in listing(study)
    (open_one,) = study.chains
    lost = msgspec.structs.replace(open_one, mark=float("nan"))
    unmarked = msgspec.structs.replace(study, chains=(lost,))
    assert "flow +0.0197 BTC, without a mark" in words(summary(unmarked))


@pytest.mark.parametrize("write", [listing, overview, summary])
def test_nothing_that_happened_is_told_as_that(write: object) -> None:
    """A past without a sale: no chain, no line of one, no error."""
    study = told((at(1), 90_000.0, ((60_000.0, 8, 0.3, 0.305),)))
    text = write(study)  # type: ignore[operator]
    assert "C3-0" not in text


def test_a_wheel_is_told_with_its_coin_and_to_the_cent() -> None:
    """Put, assignment, call, called away: each with its flow, the sum with its fees."""
    text = words(listing(turned(PUT, CALL, AFTER, prices=ASSIGNED | CALLED)))
    assert text.startswith(
        "C12-0: settled 2022-01-21T08:00:00Z, 0 rolls, -152.56 USDC (-153 USD), fees 52.56 USDC, "
        "-0.0015 % of equity"
    )
    for part in (
        "open sell 1 BTC_USDC-14JAN22-60000-P at 1,000 62,000 +981.40 USDC",
        "settled pays -1 BTC_USDC-14JAN22-60000-P at 5,000 55,000 -5,008.25 USDC",
        "assigned buy 1 BTC_USDC at 55,000 55,000 -55,000.00 USDC -55,000 USD put in the money",
        "hedge sell 1 BTC_USDC-21JAN22-58000-C at 900 55,200 +883.44 USDC",
        "called away sell 1 BTC_USDC at 61,000 61,000 +61,000.00 USDC",
    ):
        assert part in text


def test_one_chain_is_told_from_the_facts_about_it() -> None:
    """What the study lists, from the journal's facts; other chains' legs are left out."""
    facts = facts_of_a_turn()
    told = explain_chain("C12-0", facts)
    assert told == listing(turned(PUT, CALL, AFTER, prices=ASSIGNED | CALLED))
    crowded = [
        msgspec.structs.replace(one, fact=msgspec.structs.replace(
            one.fact, legs=(*one.fact.legs, LegSettlement("C9", "x", 1.0, 0.0, 0, 0, "USDC"))
        )) if isinstance(one.fact, Settled) else one
        for one in facts
    ]  # fmt: skip
    assert explain_chain("C12-0", crowded) == told
    assert explain_chain("C12-0", facts[:2]) == "C12-0: nothing of it has filled"
