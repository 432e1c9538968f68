"""Does a night tell the type of every trader, from what the journal has of it?"""

from __future__ import annotations

import pytest

from tests.engine.test_conduct import judgment
from trader.behavior.features import FEATURES
from trader.domain.units import DAY, HOUR, MINUTE
from trader.engine.conduct import Conduct, Deal, Tape
from trader.evaluation.conduct import JudgedAt, tell_traders

NOW = 20_000 * DAY


def tape(count: int, held: int = 3 * HOUR, risk: float = 0.01) -> Tape:
    """Trade once a day, losing every third."""
    made = Tape()
    for number in range(count):
        opened_at = NOW - (count - number) * DAY
        made.ends(
            Deal(
                chain_id=f"C{number}", opened_in=number, decided_at=opened_at, opened_at=opened_at,
                asked=0.05, risk=risk, closed_in=number, closed_at=opened_at + held,
                pnl=-0.002 if number % 3 == 2 else 0.001,
            )
        )  # fmt: skip
    return made


def conduct(**tapes: Tape) -> Conduct:
    """Keep the tapes of strategies, and one of the account."""
    made = Conduct()
    made.strategies.update(tapes)
    made.account = tape(9)
    return made


@pytest.mark.parametrize(
    ("held", "risk", "name"),
    [
        (2 * MINUTE, 0.01, "Scalper"),
        (3 * HOUR, 0.01, "Conservative"),
        (3 * HOUR, 0.05, "Moderate"),
        (3 * HOUR, 0.2, "Aggressive"),
        (30 * HOUR, 0.01, "Swing Trader"),
    ],
)
def test_few_traders_are_typed_by_rule(held: int, risk: float, name: str) -> None:
    """By what was risked, not by what was asked for; the reason says that it is by rule."""
    _, alpha = tell_traders(conduct(alpha=tape(12, held, risk)), ["alpha"], (), NOW)
    assert (alpha.profile.strategy, alpha.profile.type_name) == ("alpha", name)
    assert alpha.profile.trades == 12
    assert "too few for 5 groups" in alpha.profile.reason
    assert alpha.profile.reason.endswith("the type is by rule")
    assert tuple(alpha.features) == FEATURES
    assert alpha.features["avg_position_size"] == pytest.approx(risk)


def test_many_traders_are_grouped() -> None:
    """Where thirty stand apart clearly, types come from groups."""
    shapes = ((2 * MINUTE, 0.03), (3 * HOUR, 0.01), (4 * HOUR, 0.05), (3 * HOUR, 0.2),
              (120 * HOUR, 0.05))  # fmt: skip
    many = {
        f"s{place}{number}": tape(12 + number, held, risk)
        for place, (held, risk) in enumerate(shapes)
        for number in range(8)
    }
    told = tell_traders(conduct(**many), list(many), (), NOW)
    assert {one.profile.reason for one in told} == {"nearest of 5 groups that were found"}
    assert next(one for one in told if one.strategy == "s34").profile.type_name == "Aggressive"


def test_who_closed_nothing_is_not_told_of() -> None:
    """Neither is a strategy that is not configured any more; no trade at all tells nothing."""
    told = tell_traders(conduct(alpha=Tape(), gone=tape(5)), ["alpha", "beta"], (), NOW)
    assert [one.strategy for one in told] == [None]
    assert tell_traders(Conduct(), ["alpha"], (), NOW) == ()


def test_what_holds_back_and_what_was_found_stand_beside_the_type() -> None:
    """Each trader has its own judgments; the multiplier is that of the instant."""
    held = tape(6)
    held.judged(judgment(paused_until=NOW + DAY), NOW - 12 * HOUR)
    found = (
        JudgedAt(NOW - 12 * HOUR, judgment()),
        JudgedAt(NOW - HOUR, judgment(None)),
    )
    account, alpha = tell_traders(conduct(alpha=held), ["alpha"], found, NOW)
    assert alpha.multiplier == pytest.approx(0.65)
    assert alpha.held_back.startswith("alpha x 0.65 (was x 0.3 by REVENGE_TRADING")
    assert alpha.paused.startswith("alpha, REVENGE_TRADING: until")
    assert (account.multiplier, account.held_back, account.paused) == (1.0, "", "")
    assert [[one.at for one in trader.judged] for trader in (account, alpha)] == [
        [NOW - HOUR],
        [NOW - 12 * HOUR],
    ]
