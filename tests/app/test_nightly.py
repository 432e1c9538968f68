"""Is a night a function of its date and inputs, and does it say what it could not judge?"""

from __future__ import annotations

import shutil
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.app.histories import import_chains
from tests.app.nights import (
    DAY_OF_NIGHT,
    ENDS_AT,
    configured,
    files_of,
    write_history,
    write_journal,
)
from tests.app.running import ROOT
from tests.strategies.policies import content, of_features
from trader.app import nightly
from trader.app.assemble import build_engine, recover
from trader.app.night_folder import DECISIONS, Origin, judging_hash, read_decisions
from trader.app.nightly import end_of, last_day, make_night
from trader.app.trials import TrialLedger
from trader.domain.errors import ConfigurationError, StorageError
from trader.domain.events import NightEvaluated, Stamped
from trader.domain.units import DAY, HOUR, day_date, utc_day
from trader.storage.journal import Journal
from trader.strategies.fitted_policy import policy_json
from trader.views.log_lines import judgment
from trader.views.nightly_report import first_screen
from trader.views.stage_story import explain_night

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a thread of this process: what is asked here is not whether processes work."""

    @contextmanager
    def one_thread(name: str, workers: int) -> Iterator[ThreadPoolExecutor]:
        with ThreadPoolExecutor(1) as pool:
            yield pool

    monkeypatch.setattr(nightly, "executor", one_thread)


def read(folder: Path) -> Any:
    """Read the decisions of a night's folder, whatever they were made from."""
    return msgspec.json.decode((folder / DECISIONS).read_bytes())


def test_the_same_night_twice_has_the_same_bytes(tmp_path: Path) -> None:
    """By other workers, after more history, trials and facts came: every file is the same."""
    configuration = configured(tmp_path, "nightly.workers=1")
    write_journal(configuration)
    write_history(configuration)
    said: list[str] = []
    made, folder = make_night(configuration, DAY_OF_NIGHT, said.append)
    first = files_of(folder)
    assert any(name.startswith("report") for name in first)
    assert said
    assert said[0].startswith("covered_call_btc: ")
    write_history(configuration, later=9)
    trials = TrialLedger(configuration.state_dir)
    assert trials.count("covered_call_btc", "2026-06-02") == 0, "its own do not count in it"
    assert trials.count("covered_call_btc", "2026-06-03") == 6
    trials.add("covered_call_btc", ["another"], "2026-06-02")
    wider = configured(tmp_path, "nightly.workers=2")
    again, _ = make_night(wider, DAY_OF_NIGHT, said.append, again=True)
    assert files_of(folder) == first
    assert again == made
    with Journal.create_or_open(configuration.journal_url, writer=False) as journal:
        began_at = next(iter(journal.read())).recorded.at
        kinds = {type(stored.recorded.fact).__name__ for stored in journal.read()}
    assert "NightEvaluated" not in kinds, "made by hand it changes no stage"
    origin = Origin(configuration=judging_hash(configuration), journal_began_at=began_at)
    night = read_decisions(folder, origin)
    assert night.date == "2026-06-01"
    assert night.verdicts[0].figures["trades"] > 20


@pytest.mark.usefixtures("threads")
def test_a_night_that_was_made_stays(tmp_path: Path) -> None:
    """A second call reads it back; another configuration asks for --again by name."""
    configuration = configured(tmp_path)
    write_journal(configuration)
    made, folder = make_night(configuration, DAY_OF_NIGHT, print)
    assert read(folder)["verdicts"][0]["standing"] == "failed", "there is no history"
    write_history(configuration)
    assert make_night(configuration, DAY_OF_NIGHT, print) == (made, folder)
    other = configured(tmp_path, "nightly.years=0.3")
    with pytest.raises(ConfigurationError, match="another configuration: --again makes"):
        make_night(other, DAY_OF_NIGHT, print)
    make_night(other, DAY_OF_NIGHT, print, again=True)
    assert read(folder)["verdicts"][0]["standing"] != "failed"


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(
    ("market", "remedy"),
    [
        ("1@2", "let the night reach the exchange (feed.url, nightly.sync)"),
        ("deribit", "`trader data sync --what candles,dvol --currency BTC --since 2026-01-10`"),
    ],
)
def test_without_history_nothing_is_judged_and_the_remedy_is_named(
    tmp_path: Path, market: str, remedy: str
) -> None:
    """Each strategy failed, for a reason a person can act on; the report is written."""
    configuration = configured(tmp_path)
    write_journal(configuration, market=market)
    made, folder = make_night(configuration, DAY_OF_NIGHT, print)
    (verdict,) = read(folder)["verdicts"]
    reason = f"no candles of BTC-PERPETUAL before 2026-06-02T00:00:00Z: {remedy}"
    assert verdict["standing"] == "failed"
    assert verdict["reason"].startswith(reason)
    assert reason in made.needs[0]
    assert made.demoted == ()


@pytest.mark.usefixtures("threads")
def test_too_short_a_history_is_thin_evidence_in_every_telling(tmp_path: Path) -> None:
    """Report, log line, journal and `trader explain` say so; however often, no stage follows."""
    configuration = configured(tmp_path, "stages.broken_nights_max=1")
    write_journal(configuration)
    write_history(configuration, days=100)
    made, folder = make_night(configuration, DAY_OF_NIGHT, print)
    night = msgspec.json.decode((folder / DECISIONS).read_bytes(), type=NightEvaluated)
    reason = "only 99 days of history, a backtest needs 120: let the night"
    (verdict,) = night.verdicts
    assert (verdict.standing, verdict.demote_to) == ("insufficient", None)
    assert verdict.reason.startswith(reason)
    assert (made.demoted, made.needs) == ((), ())
    report = first_screen((folder / "report.md").read_text(encoding="utf-8"))
    assert "too early to judge" in report
    assert reason in report
    assert judgment(verdict).startswith(f"no verdict, thin evidence: {reason}")
    with Journal.create_or_open(configuration.journal_url, writer=False) as journal:
        engine = build_engine(configuration)
        recover(engine, journal)
    stage = engine.ledger.stages["covered_call_btc"].stage
    for nights in range(5):
        later = msgspec.structs.replace(night, date=f"2026-06-0{nights + 1}")
        at = ENDS_AT + (nights + 1) * DAY
        outcome = engine.process(Stamped(engine.sequence + 1, at, later))
        assert f"thin evidence, no verdict: {reason}" in explain_night(outcome.records)
        assert outcome.alerts == ()
    assert engine.ledger.stages["covered_call_btc"].stage == stage == "PRODUCTION"


@pytest.mark.usefixtures("threads")
def test_a_policy_is_not_judged_on_what_it_learned_from(tmp_path: Path) -> None:
    """Five months are there, six weeks of them unseen: thin evidence, and why."""
    configured(tmp_path)
    terms = {**content()["terms"], "target_dte": 1.0}
    learned = {**content()["tested"], "first": "2026-04-20T12:00:00Z"}
    policy = of_features("iv", terms=terms, tested=learned)
    file = tmp_path / "strategies" / "covered_call_btc.toml"
    (file.parent / "policy.json").write_text(policy_json(policy))
    text = file.read_text().replace('initial_stage = "PRODUCTION"', 'initial_stage = "RESEARCH"')
    file.write_text(text.replace("[parameters]", '[parameters]\npolicy = "policy.json"'))
    configuration = configured(tmp_path)
    write_journal(configuration)
    write_history(configuration)
    made, folder = make_night(configuration, DAY_OF_NIGHT, print)
    (verdict,) = msgspec.json.decode(
        (folder / DECISIONS).read_bytes(), type=NightEvaluated
    ).verdicts
    assert verdict.standing == "insufficient"
    assert verdict.reason == (
        "its policy learned from what came before 2026-04-21T00:00:00Z: 42 days of history came"
        " after, 60 are needed"
    )
    assert made.demoted == ()


@pytest.mark.usefixtures("threads")
def test_the_thresholds_that_are_configured_judge_and_are_reported(tmp_path: Path) -> None:
    """A lower number of trades is the gate's limit, told as set by hand; it is another night."""
    plain = configured(tmp_path)
    configuration = configured(tmp_path, "approval.min_trades=20", "stages.demotions_max=5")
    assert judging_hash(plain) != judging_hash(configuration)
    write_journal(configuration)
    write_history(configuration)
    _, folder = make_night(configuration, DAY_OF_NIGHT, print)
    report = (folder / "report.md").read_text(encoding="utf-8")
    changed = "approval.min_trades, stages.nights_to_demote, stages.demotions_max"
    assert f"Set by hand: {changed}." in report
    limits = report.partition("## Limits in force")[2].splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in limits]
    assert ["approval.min_deflated_sharpe", "not set", "not set"] in rows
    assert ["risk.max_risk_per_trade", "0.01", "0.01"] in rows
    assert ["risk.sizing.regime.crisis", "0.5", "0.5"] in rows
    assert ["risk.universe.underlyings", "empty", "empty"] in rows
    (verdict,) = read(folder)["verdicts"]
    assert verdict["figures"]["mc_seed"] == 20_251
    assert "Insufficient sample size" not in verdict["reason"]


@pytest.mark.usefixtures("threads")
def test_a_night_on_recorded_boards_says_how_little_it_knows(tmp_path: Path) -> None:
    """Too early to judge, in words, and nobody falls; without boards the import is named."""
    configuration = configured(tmp_path, "nightly.boards=recorded")
    write_journal(configuration, ENDS_AT - 6 * HOUR)
    store = write_history(configuration)
    _, folder = make_night(configuration, DAY_OF_NIGHT, print)
    reason = read(folder)["verdicts"][0]["reason"]
    assert reason.startswith("no recorded options of BTC: import more by `trader data import`")
    import_chains(store, tmp_path, start=ENDS_AT - 20 * DAY, days=20)
    wheel = tmp_path / "strategies" / "wheel_btc.toml"
    shutil.copy(ROOT / "config/wheel/strategies" / wheel.name, wheel)
    linear = configured(tmp_path, "nightly.boards=recorded", "feed.linear=true")
    _, folder = make_night(linear, DAY_OF_NIGHT, print, again=True)
    (reason,) = (
        one["reason"] for one in read(folder)["verdicts"] if one["strategy"] == "wheel_btc"
    )
    assert "no recorded boards show them: judge it on modelled ones" in reason
    wheel.unlink()
    made, folder = make_night(configuration, DAY_OF_NIGHT, print, again=True)
    (verdict,) = read(folder)["verdicts"]
    assert verdict["standing"] == "insufficient"
    assert "Insufficient history" in verdict["reason"]
    assert (made.demoted, made.needs) == ((), ())
    assert "Recorded data: 1 of 1 backtests" in (folder / "report.md").read_text()


@pytest.mark.usefixtures("threads")
def test_quotes_wait_for_days_that_were_recorded(tmp_path: Path) -> None:
    """Whatever boards a night goes by: of quotes it says how many days it has, and judges none."""
    file = tmp_path / "strategies" / "market_making_btc.toml"
    configured(tmp_path)
    shutil.copy(ROOT / "config/families/strategies" / file.name, file)
    configuration = configured(tmp_path)
    write_journal(configuration, ENDS_AT - 6 * HOUR)
    store = write_history(configuration)

    def judged() -> Any:
        _, folder = make_night(configuration, DAY_OF_NIGHT, print, again=True)
        (one,) = (row for row in read(folder)["verdicts"] if row["strategy"] == file.stem)
        return one

    none = judged()
    assert none["standing"] == "insufficient"
    assert none["reason"].startswith("no recorded options of BTC")
    import_chains(store, tmp_path, start=ENDS_AT - 20 * DAY, days=20)
    few = judged()
    assert few["standing"] == "insufficient"
    assert few["reason"].startswith("0 of 20 days were recorded with a board every 10 minutes")


@pytest.mark.usefixtures("threads")
def test_dead_workers_write_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A strategy is not to blame where its workers were killed: no folder, no trial, an error."""
    configuration = configured(tmp_path)
    write_journal(configuration)
    write_history(configuration)

    class Dying(ThreadPoolExecutor):
        """Every run ends as those of a killed worker do."""

        def submit(self, *work: Any, **more: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_exception(BrokenExecutor("a worker was killed"))
            return future

    @contextmanager
    def dying(name: str, workers: int) -> Iterator[Dying]:
        with Dying(1) as pool:
            yield pool

    monkeypatch.setattr(nightly, "executor", dying)
    with pytest.raises(BrokenExecutor, match="was killed"):
        make_night(configuration, DAY_OF_NIGHT, print)
    assert not (configuration.state_dir / "nights").exists()
    assert TrialLedger(configuration.state_dir).count("covered_call_btc", "9999-12-31") == 0


def test_a_day_before_the_journal_is_refused(tmp_path: Path) -> None:
    """Nobody traded then: nothing can be said of stages or paper trades."""
    configuration = configured(tmp_path)
    with pytest.raises(StorageError, match="start the daemon first"):
        make_night(configuration, DAY_OF_NIGHT, print)
    write_journal(configuration, began_at=ENDS_AT + HOUR)
    with pytest.raises(ConfigurationError, match="--date 2026-06-01: the journal knows nothing"):
        make_night(configuration, DAY_OF_NIGHT, print)


def test_the_last_day_is_the_markets(tmp_path: Path) -> None:
    """The bundled exchange has a calendar of its own; a real venue has everybody's."""
    wall = datetime(2030, 1, 2, 0, 5, tzinfo=UTC)
    configuration = configured(tmp_path)
    write_journal(configuration)
    assert last_day(configuration, wall) == DAY_OF_NIGHT
    assert last_day(configured(tmp_path, "feed.source=deribit"), wall) == date(2030, 1, 1)


def test_a_day_ends_at_midnight() -> None:
    """The midnight after it, UTC."""
    assert end_of(date(1970, 1, 1)) == DAY
    assert day_date(utc_day(ENDS_AT)) == date(2026, 6, 2)
