"""Can a person see, give, take and question stages, with a daemon and without one?"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.app.running import typed_to_a_daemon, within, write_configuration
from tests.evaluation.life import Life
from tests.evaluation.played import edge, judged
from tests.views.nights import a_night, full_card, subject
from trader.app.assemble import build_engine
from trader.app.configuration import Configuration, load_configuration
from trader.app.last_night import REPORT
from trader.app.night_folder import NIGHTS
from trader.app.strategy_archive import keep
from trader.domain.events import (
    Command,
    Demote,
    NightEvaluated,
    NightVerdict,
    Promote,
    Stamped,
)
from trader.domain.facts import EpochOpened
from trader.domain.units import DAY
from trader.storage.journal import Journal
from trader.views.nightly_report import render

NAME = "covered_call_btc"
WHO = ("--by", "ana", "--reason", "good month")
EPOCH = EpochOpened(
    epoch=1, feed="simulated", speed=300.0, market="1@1", software="0", configuration_hash="0"
)
AT = 20_000 * DAY
DATE = "2026-06-01"


class Terminal(io.StringIO):
    """Somebody who sits there and types."""

    def isatty(self) -> bool:
        """Be one."""
        return True


@pytest.fixture
def left(tmp_path: Path) -> Configuration:
    """A configuration whose daemon traded, was judged PRODUCTION on its first night, and ended."""
    path = write_configuration(tmp_path, '[journal]\nstate_dir = "s"\n')
    configuration = load_configuration([path], (), {})
    engine = build_engine(configuration)
    (strategy,) = configuration.strategies
    verdict = NightVerdict(
        strategy=NAME, configuration_hash=strategy.configuration_hash, stage="PRODUCTION",
        standing="judged", reason="meets all",
    )  # fmt: skip
    night = NightEvaluated(date=DATE, profile="full", verdicts=(verdict,))
    outcomes = [
        engine.start(EPOCH, configuration.settings.account.balances, AT),
        engine.process(Stamped(1, AT + DAY, night)),
    ]
    configuration.state_dir.mkdir()
    with Journal.create_or_open(configuration.journal_url, writer=True) as journal:
        journal.append([one for outcome in outcomes for one in outcome.records])
    keep(configuration.state_dir, configuration.strategies)
    folder = configuration.state_dir / NIGHTS / DATE
    folder.mkdir(parents=True)
    (folder / REPORT).write_text(render(a_night(subject(full_card(NAME))))[REPORT])
    return configuration


def where(configuration: Configuration) -> tuple[str | Path, ...]:
    """Name the daemon's configuration."""
    return ("--config", configuration.state_dir.parent / "trader.toml")


def stage_of(configuration: Configuration, capsys: pytest.CaptureFixture[str]) -> str:
    """Ask for its stage."""
    run = within("strategies", "--json", *where(configuration), capsys=capsys)
    row = json.loads(run.stdout)[0]
    return str(row["stage"])


TYPED: dict[tuple[str, ...], Command] = {
    ("promote", "s", "pilot", "--yes"): Promote(
        by="ana", reason="good month", strategy="s", stage="PILOT"
    ),
    ("promote", "s", "--to", "PRODUCTION", "--override", "--yes"): Promote(
        by="ana", reason="good month", strategy="s", stage="PRODUCTION", override=True
    ),
    ("demote", "s", "--to", "research"): Demote(
        by="ana", reason="good month", strategy="s", stage="RESEARCH"
    ),
    ("demote", "s", "PILOT"): Demote(by="ana", reason="good month", strategy="s", stage="PILOT"),
}


@pytest.mark.parametrize("typed", TYPED, ids=" ".join)
async def test_what_is_typed_is_what_the_daemon_takes(
    typed: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By place or by name, in any case; the journal's sequence comes back."""
    run, taken = await typed_to_a_daemon(tmp_path, *typed, *WHO, capsys=capsys)
    assert taken == [TYPED[typed]]
    assert run.returncode == 0
    assert run.stdout.endswith(f"{typed[0]} journaled with sequence 41\n")


@pytest.mark.parametrize(
    "typed", [("promote", "s"), ("promote", "s", "PILOT", "--to", "RESEARCH"), ("demote", "s")]
)
def test_one_stage_must_be_named(
    typed: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """None, or two that differ, is usage: exit 2, nothing is sent."""
    run = within(*typed, *WHO, "--state", tmp_path, capsys=capsys)
    assert run.returncode == 2
    assert "name one stage, --to STAGE" in run.stderr


def test_a_promotion_shows_the_scorecard_and_asks(
    left: Configuration, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it stands, the seed's summary, what speaks against it; "n" changes nothing."""
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    run = within("promote", NAME, "--to", "PILOT", *WHO, *where(left), capsys=capsys)
    assert run.returncode == 1
    assert "RESEARCH since" in run.stdout
    assert "chains ended: 0, won: 0" in run.stdout
    assert "=== Strategy Evaluation ===" in run.stdout
    assert "Psychology score:" in run.stdout
    assert "Against it: only 1 of 60 days" in run.stdout
    assert f"promote {NAME} to PILOT? [y/N]" in run.stdout
    assert run.stderr == "nothing was changed\n"
    assert stage_of(left, capsys) == "RESEARCH"


def test_a_promotion_is_refused_for_its_reason_or_overridden(
    left: Configuration, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One day of sixty: not accepted, and the line says how; with --override it is."""
    command = ("promote", NAME, "--to", "PILOT", *WHO, *where(left))
    monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))
    refused = within(*command, capsys=capsys)
    assert refused.returncode == 1
    assert "repeat with --override" in refused.stderr
    done = within(*command, "--override", "--yes", capsys=capsys)
    assert done.returncode == 0, done.stderr
    assert stage_of(left, capsys) == "PILOT"


def test_without_a_terminal_nobody_agreed(
    left: Configuration, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script must say --yes: exit 1 with the remedy, nothing is journaled."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    command = ("promote", NAME, "--to", "PILOT", "--override", *WHO, *where(left))
    run = within(*command, capsys=capsys)
    assert run.returncode == 1
    assert "no terminal to ask on; repeat with --yes" in run.stderr
    assert stage_of(left, capsys) == "RESEARCH"


def test_strategies_tell_where_each_stands(
    left: Configuration, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stage, by whom, the last night with its reason, the next step; the record below."""
    text = within("strategies", *where(left), capsys=capsys).stdout
    assert "by config" in text
    assert f"{DATE}: PRODUCTION: meets all" in text
    assert f"`trader promote {NAME} --to PRODUCTION` (only 1 of 60 days" in text
    assert f"shadow:{NAME}" in text
    (row,) = json.loads(within("strategies", "--json", *where(left), capsys=capsys).stdout)
    assert (row["judged_on"], row["failing_nights"], row["paper_trades"]) == (DATE, 0, 0)
    assert (row["account"], row["slots_used"]) == (f"shadow:{NAME}", 0)


def test_diff_says_nothing_changed(left: Configuration, capsys: pytest.CaptureFixture[str]) -> None:
    """The same parameters and code."""
    run = within("diff", NAME, *where(left), capsys=capsys)
    assert run.returncode == 0
    assert "Nothing changed since" in run.stdout


def test_diff_names_what_changed_since_the_stage_was_given(
    left: Configuration, capsys: pytest.CaptureFixture[str]
) -> None:
    """Parameter by parameter; as JSON too; what was not kept is said."""
    path = left.state_dir.parent / "strategies" / f"{NAME}.toml"
    path.write_text(path.read_text() + "[parameters]\ntarget_delta = 0.3\n", encoding="utf-8")
    run = within("diff", NAME, *where(left), capsys=capsys)
    assert "It changed since" in run.stdout
    (line,) = [one for one in run.stdout.splitlines() if one.startswith("target_delta")]
    assert line.split() == ["target_delta", "0.25", "0.3"]
    told = json.loads(within("diff", NAME, "--json", *where(left), capsys=capsys).stdout)
    assert told["changes"] == {"changed": [["target_delta", "0.25", "0.3"]], "code": []}
    for kept in (left.state_dir / "strategy-archive" / NAME).iterdir():
        kept.unlink()
    assert "is not kept here" in within("diff", NAME, *where(left), capsys=capsys).stdout


def test_diff_needs_a_configuration_and_a_strategy(
    left: Configuration, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 and 3, with what is missing."""
    run = within("diff", NAME, "--state", left.state_dir, capsys=capsys)
    assert (run.returncode, "name the --config" in run.stderr) == (2, True)
    run = within("diff", "nobody", *where(left), capsys=capsys)
    assert (run.returncode, run.stderr) == (3, "no strategy nobody in the configuration\n")


def test_explain_tells_of_nights_and_stages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By date and by name, from the journal of a strategy that rose and fell."""
    life = Life()
    life.night(judged(edge))
    life.promote(override=True)
    fallen = life.night(judged(edge, paper=(-0.3,) * 22))
    with Journal.create_or_open(f"sqlite:///{tmp_path}/journal.sqlite", writer=True) as journal:
        journal.append(life.floor.records)
    story = within("explain", "alpha", "--state", tmp_path, capsys=capsys).stdout
    night = within("explain", life.nights[-1].date, "--state", tmp_path, capsys=capsys).stdout
    assert "ana asked to promote alpha to PRODUCTION: earned it" in story
    for told in (story, night):
        assert f"alpha lives at PILOT now, by night: night of {life.nights[-1].date}: " in told
        assert fallen.why in told
    data = within("explain", "alpha", "--json", "--state", tmp_path, capsys=capsys).stdout
    assert [one["fact"]["type"] for one in json.loads(data)].count("StageChanged") == 3
    shown = within("strategies", "--state", tmp_path, capsys=capsys).stdout
    assert "live_divergence: 22 paper trades" in shown
