"""Is every night judged once, or told why not, whatever becomes of the process that judges it?

The children are real processes: a script of a few lines in place of `trader nightly`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from structlog.testing import capture_logs

from tests.app.nights import configured
from tests.engine.floor import Floor
from trader.app.configuration import load_configuration
from trader.app.night_folder import Made, Origin, judging_hash, write_folder
from trader.app.night_settings import NightSettings
from trader.app.night_shift import LOG_NAME, NightShift, nightly_command
from trader.domain.events import NightEvaluated, NightVerdict
from trader.engine.outcome import NightNeeded
from trader.engine.review import Slot
from trader.strategies.covered_call import CoveredCall, CoveredCallSettings
from trader.strategies.strategy import Cadence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DATE = "2026-06-01"
OURS = Origin(configuration="c0ffee", journal_began_at=7)
CHILD = """
import json, os, pathlib, signal, sys, time
nights, date = pathlib.Path(sys.argv[1]), sys.argv[sys.argv.index("--date") + 1]
with (nights / "calls").open("a") as calls:
    calls.write(" ".join([date, *sys.argv[sys.argv.index("--until-eof") + 1:]]) + "\\n")
count = len((nights / "calls").read_text().splitlines())
def make():
    folder = nights / date
    folder.mkdir(exist_ok=True)
    origin = {"configuration": "c0ffee", "journal_began_at": 7}
    made = {"date": date, "origin": origin, "demoted": [], "needs": []}
    (folder / "made.json").write_text(json.dumps(made))
    night = {"type": "NightEvaluated", "date": date, "profile": "quick", "verdicts": []}
    (folder / "decisions.json").write_text(json.dumps(night))
"""
WAITS = "import threading\nthreading.Thread(target=sys.stdin.read).start()\n"


def slot(name: str) -> Slot:
    """Configure a strategy."""
    strategy = CoveredCall(
        name=name, underlying="BTC", settings=CoveredCallSettings(), timetable=Cadence(1, 0, 1)
    )
    return Slot(strategy, f"hash of {name}", "PILOT")


class Scene:
    """A shift whose nights are delivered here."""

    def __init__(self, folder: Path, behavior: str, **settings: Any) -> None:
        self.folder = folder
        self.delivered: list[NightEvaluated] = []
        self._came = asyncio.Event()
        self.shift = NightShift(
            NightSettings(profile="quick", **settings),
            folder,
            (sys.executable, "-S", "-c", CHILD + behavior, str(folder)),
            (slot("alpha"), slot("beta")),
            lambda: OURS,
            self._deliver,
        )

    async def _deliver(self, night: NightEvaluated) -> None:
        self.delivered.append(night)
        self._came.set()

    async def night(self, date: str = DATE) -> NightEvaluated:
        """Ask for a night and wait for it."""
        self._came.clear()
        self.shift.want(NightNeeded(date))
        await asyncio.wait_for(self._came.wait(), 30)
        return self.delivered[-1]

    @property
    def calls(self) -> list[str]:
        """What children were started for."""
        path = self.folder / "calls"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@asynccontextmanager
async def scene(folder: Path, behavior: str, **settings: Any) -> AsyncIterator[Scene]:
    """Run a shift until the block ends."""
    found = Scene(folder, behavior, **settings)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(found.shift.run())
        yield found
        task.cancel()


async def test_what_the_child_judged_is_delivered_and_not_asked_again(tmp_path: Path) -> None:
    """The folder is there after a restart: no second child."""
    async with scene(tmp_path, "make()") as one:
        night = await one.night()
        assert night == NightEvaluated(date=DATE, profile="quick", verdicts=())
        assert one.shift.under_way == ""
        assert await one.night() == night
        assert one.calls == [DATE]


async def test_a_night_that_says_why_it_cannot_is_believed(tmp_path: Path) -> None:
    """Every strategy goes without a judgment, in the child's own last words; nothing is retried."""
    async with scene(tmp_path, "print('journal: the moon is full'); sys.exit(78)") as one:
        night = await one.night()
        assert [(each.strategy, each.configuration_hash) for each in night.verdicts] == [
            ("alpha", "hash of alpha"), ("beta", "hash of beta"),
        ]  # fmt: skip
        assert {each.standing for each in night.verdicts} == {"failed"}
        reason = "the night ended with code 78: journal: the moon is full (see "
        assert night.detail.startswith(reason)
        assert night.verdicts[0].reason == night.detail
        assert one.calls == [DATE]


async def test_a_killed_child_is_begun_again(tmp_path: Path) -> None:
    """Killed or broken twice, the third makes it."""
    dies = "if count == 1: os.kill(os.getpid(), signal.SIGKILL)\nif count == 2: sys.exit(1)\nmake()"
    async with scene(tmp_path, dies) as one:
        assert (await one.night()).detail == ""
        assert len(one.calls) == 3


async def test_a_child_that_always_dies_is_given_up(tmp_path: Path) -> None:
    """Three times, then the night is without judgment and the next one is asked for anew."""
    async with scene(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)") as one:
        night = await one.night()
        assert night.detail.startswith("the night was killed by signal 9 (see ")
        assert len(one.calls) == 3
        await one.night("2026-06-02")
        assert len(one.calls) == 6


async def test_a_child_that_is_killed_after_its_work_has_done_it(tmp_path: Path) -> None:
    """What counts is the folder."""
    async with scene(tmp_path, "make(); os.kill(os.getpid(), signal.SIGKILL)") as one:
        assert (await one.night()).detail == ""


async def test_a_child_out_of_time_is_ended(tmp_path: Path) -> None:
    """It is told by its input's end, and the limit that was reached is named."""
    waits = "(nights / 'pid').write_text(str(os.getpid()))\n" + WAITS
    async with scene(tmp_path, waits, minutes_max=0.03) as one:
        night = await one.night()
        assert "was stopped after 0.03 minutes (nightly.minutes_max)" in night.detail
        pid = int((tmp_path / "pid").read_text(encoding="utf-8"))
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_child_that_cannot_be_started_costs_only_the_night(tmp_path: Path) -> None:
    """No process, no disk: said as the reason; the daemon's other tasks live on."""
    async with scene(tmp_path / "nights", "make()") as one:
        (tmp_path / "nights").write_text("in the way", encoding="utf-8")
        assert "the night could not be begun: " in (await one.night()).detail


async def test_a_stop_ends_the_child(tmp_path: Path) -> None:
    """A daemon that stops leaves no process behind and delivers nothing."""
    waits = "(nights / 'pid').write_text(str(os.getpid()))\n" + WAITS
    async with scene(tmp_path, waits) as one:
        one.shift.want(NightNeeded(DATE))
        async with asyncio.timeout(20):
            while not (tmp_path / "pid").exists():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert one.shift.under_way == DATE
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text(encoding="utf-8")), 0)
    assert one.delivered == []


async def test_nights_that_wait_coalesce(tmp_path: Path) -> None:
    """While one is judged three more come due: the newest stands for all."""
    slow = "while count == 1 and not (nights / 'go').exists(): time.sleep(0.02)\nmake()"
    async with scene(tmp_path, slow) as one:
        one.shift.want(NightNeeded(DATE))
        async with asyncio.timeout(20):
            while not one.calls:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        for day in (2, 4, 3):
            one.shift.want(NightNeeded(f"2026-06-0{day}"))
        (tmp_path / "go").touch()
        async with asyncio.timeout(20):
            while len(one.delivered) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert [night.date for night in one.delivered] == [DATE, "2026-06-04"]


@pytest.mark.parametrize("wrong", ["corrupt", "another configuration", "another journal"])
async def test_a_folder_that_is_not_to_be_trusted_is_made_anew(tmp_path: Path, wrong: str) -> None:
    """Whatever lies there, only decisions on our configuration and journal are adopted."""
    origin = {
        "another configuration": Origin(configuration="other", journal_began_at=7),
        "another journal": Origin(configuration="c0ffee", journal_began_at=8),
    }.get(wrong, OURS)
    verdict = NightVerdict(
        strategy="alpha", configuration_hash="h", stage="RESEARCH", standing="judged", reason="no"
    )
    foreign = NightEvaluated(date=DATE, profile="quick", verdicts=(verdict,))
    made = Made(date=DATE, origin=origin, demoted=(), needs=())
    write_folder(tmp_path / DATE, made, foreign, {})
    if wrong == "corrupt":
        (tmp_path / DATE / "decisions.json").write_text("{", encoding="utf-8")
    async with scene(tmp_path, "make()") as one:
        assert (await one.night()).verdicts == ()
        assert one.calls == [f"{DATE} --again"]


async def test_a_timers_night_is_waited_for(tmp_path: Path) -> None:
    """Where a timer starts it the daemon never does: it adopts what appears, or says it is late."""
    async with scene(tmp_path, "make()", run_by="timer", minutes_max=0.5) as one:
        one.shift.want(NightNeeded(DATE))
        await asyncio.sleep(0)
        night = NightEvaluated(date=DATE, profile="quick", verdicts=())
        made = Made(date=DATE, origin=OURS, demoted=(), needs=())
        write_folder(tmp_path / DATE, made, night, {})
        assert await one.night() == night
        assert one.calls == []


async def test_a_timers_night_that_is_overdue_is_told_once_with_the_remedy(tmp_path: Path) -> None:
    """A timer nobody enabled: one error line a night, and the journal's alert, say what to type."""
    with capture_logs() as lines:
        async with scene(tmp_path, "make()", run_by="timer", minutes_max=0.001) as late:
            night = await late.night("2026-06-02")
    assert night.detail.startswith("the night did not come within 0.001 minutes: ")
    remedy = "is the timer on? `systemctl enable --now trader-nightly.timer`"
    assert remedy in night.detail
    assert {one.reason for one in night.verdicts} == {night.detail}
    assert late.calls == []
    (line,) = [one for one in lines if one["log_level"] == "error"]
    assert remedy in line["message"]
    floor = Floor(stages={"alpha": "PILOT", "beta": "PILOT"})
    named = tuple(
        msgspec.structs.replace(
            one, configuration_hash=floor.engine.slots[one.strategy].configuration_hash
        )
        for one in night.verdicts
    )
    (alert,) = floor.send(msgspec.structs.replace(night, verdicts=named)).alerts
    assert alert.text.startswith("alpha, beta: the night did not come")
    assert remedy in alert.text


async def test_nobodys_nights_are_only_a_persons(tmp_path: Path) -> None:
    """With run_by = nobody the clock asks in vain."""
    async with scene(tmp_path, "make()", run_by="nobody") as one:
        one.shift.want(NightNeeded(DATE))
        one.shift.want(NightNeeded("2026-06-02", by_hand=True))
        async with asyncio.timeout(20):
            while not one.delivered:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert one.calls == ["2026-06-02"]


async def test_the_log_of_children_is_bounded(tmp_path: Path) -> None:
    """A large one is put aside, and one is kept."""
    (tmp_path / LOG_NAME).write_bytes(b"x" * 1_000_001)
    async with scene(tmp_path, "print('done'); make()") as one:
        await one.night()
    assert (tmp_path / LOG_NAME).read_text(encoding="utf-8") == "done\n"
    assert (tmp_path / f"{LOG_NAME}.1").exists()


async def test_children_are_not_configured_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the daemon was told otherwise must not come back: the frozen copy holds all of it."""
    monkeypatch.setenv("TRADER_NIGHTLY__YEARS", "9")
    said = "print([name for name in os.environ if name.startswith('TRADER_')]); make()"
    async with scene(tmp_path, said) as one:
        await one.night()
    assert (tmp_path / LOG_NAME).read_text(encoding="utf-8") == "[]\n"


def test_the_child_judges_what_the_daemon_runs(tmp_path: Path) -> None:
    """The frozen copy is the same configuration, strategies that were removed are not in it."""
    nightly_command(configured(tmp_path, strategies=2))
    (tmp_path / "strategies" / "directional_btc.toml").unlink()
    ours = configured(tmp_path, "risk.max_risk_per_trade=0.02")
    command = nightly_command(ours)
    sets = [command[place + 1] for place, word in enumerate(command) if word == "--set"]
    frozen = load_configuration([Path(command[command.index("--config") + 1])], sets, {})
    assert judging_hash(frozen) == judging_hash(ours)
    assert frozen.state_dir == ours.state_dir
    assert frozen.journal_url == ours.journal_url
    assert [one.file.name for one in frozen.strategies] == ["covered_call_btc"]
