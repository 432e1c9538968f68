"""What does a night know of what came before it, and nothing of what came after?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.app.nights import ENDS_AT, MARKET, configured, write_journal
from tests.engine.test_conduct import judgment
from trader.app.night_past import Past, read_past
from trader.domain.errors import ConfigurationError
from trader.domain.events import NightEvaluated, NightVerdict, StageChanged
from trader.domain.facts import Fact, Recorded
from trader.domain.units import DAY, HOUR
from trader.storage.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from trader.app.configuration import Configuration

NAME = "covered_call_btc"


def past_of(configuration: Configuration, *later: tuple[int, Fact], until: int = ENDS_AT) -> Past:
    """Append facts to a journal and read it as a night does."""
    with Journal.create_or_open(configuration.journal_url, writer=True) as journal:
        last = journal.last()
        assert last is not None
        sequence = last.recorded.sequence
        for place, (at, fact) in enumerate(later, 1):
            journal.append([Recorded(sequence + place, at, fact)])
        return read_past(configuration, journal, until)


def test_it_ends_at_midnight(tmp_path: Path) -> None:
    """Stages and marks up to the midnight; the journal's last instant is told beside."""
    configuration = configured(tmp_path)
    write_journal(configuration)
    past = past_of(configuration)
    assert past.market == MARKET
    assert past.last_at == ENDS_AT + HOUR
    assert past.previous is None
    assert set(past.paper) <= {NAME}
    assert [one.stage for one in past.stages[NAME]] == ["PRODUCTION"]
    assert not past.engine.ledger.paused, "the pause came after midnight"
    assert all(at < ENDS_AT for at, _, _ in past.equity)
    assert len(past.coin_usd) == len(past.equity)


def test_of_behavior_it_knows_that_day_alone(tmp_path: Path) -> None:
    """What was found the day before is in the tapes, what came after midnight nowhere."""
    configuration = configured(tmp_path)
    write_journal(configuration)
    at = ENDS_AT + 2 * HOUR
    later = [(at, judgment(NAME)), (at + DAY, judgment(None)), (at + 2 * DAY, judgment(None))]
    past = past_of(configuration, *later, until=ENDS_AT + 2 * DAY)
    assert [(one.at, one.judged.strategy) for one in past.judged] == [(at + DAY, None)]
    assert past.engine.ledger.conduct.of(NAME).judged_at == at


def test_paper_trades_begin_anew_with_a_stage(tmp_path: Path) -> None:
    """What was closed before the last change of stage says nothing of this one."""
    configuration = configured(tmp_path)
    write_journal(configuration)
    hash_ = configuration.strategies[0].configuration_hash
    verdict = NightVerdict(
        strategy=NAME, configuration_hash=hash_, stage="PILOT", standing="judged", reason="why"
    )
    night = NightEvaluated(date="2026-06-01", profile="quick", verdicts=(verdict,))
    change = StageChanged(NAME, "PILOT", "night", "why", hash_)
    at = ENDS_AT + 2 * HOUR
    past = past_of(configuration, (at, night), (at, change), until=ENDS_AT + DAY)
    assert past.previous == night
    assert past.paper[NAME].results == ()
    assert [(one.at, one.by) for one in past.stages[NAME]][1:] == [(at, "night")]
    assert past.engine.ledger.night_of == "2026-06-01"


def test_a_journal_that_begins_later_is_refused(tmp_path: Path) -> None:
    """By the date that was asked for, and since when it knows anything."""
    configuration = configured(tmp_path)
    write_journal(configuration)
    with pytest.raises(ConfigurationError, match="--date 2026-05-30: the journal knows nothing"):
        past_of(configuration, until=ENDS_AT - 2 * DAY)
