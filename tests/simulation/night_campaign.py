"""Does a night survive kills? Daemon and nightly process are killed at random while one is judged.

One exchange whose clock jumps from week to week, so that nights come every few seconds; one
strategy, the quick profile, two months. After each kill every folder of a night must be whole, and
after each week the night must have been taken once, with no more than one demotion.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from tests.simulation.processes import ROOT, DaemonProcess, ExchangeProcess, run, wait_for
from trader.app.configuration import load_configuration
from trader.app.control import send
from trader.app.night_folder import DATED, NIGHTS, Origin, judging_hash, read_decisions
from trader.app.night_shift import ATTEMPTS
from trader.domain.events import NightEvaluated, Promote, StageChanged
from trader.domain.facts import EpochOpened, Recorded
from trader.domain.units import DAY, day_date, utc_day
from trader.engine.audit import Audit
from trader.engine.stages import NIGHT
from trader.risk.limits import RiskSettings
from trader.storage.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STRATEGY = "covered_call_btc"
CHILD_SHARE = 0.4
"""The part of the kills that only the nightly process suffers: it is begun again."""
HOPELESS_SHARE = 0.3
"""The part of the nights whose process is killed each time: not judged, which costs a stage."""
BEFORE_EIGHT_S = 8 * 3_600 - 11 * 60
"""The clock jumps to 00:11 of a Friday: the night of Thursday is due at once."""
GONE_WITHIN_S = 5.0
NIGHT_WITHIN_S = 90.0
SETTINGS = (
    'strategies = ["strategies"]\n'
    '[feed]\nsource = "simulated"\nexpiries_within_days = 2\n'
    '[journal]\nstate_dir = "state"\n'
    '[log]\nformat = "json"\nrotate_mb = 1000\n'
    "[web]\nport = 0\n"
    '[nightly]\nprofile = "quick"\nyears = 0.2\nworkers = 1\n'
    "[stages]\nbroken_nights_max = 1\n"
)


class NightFigures(msgspec.Struct):
    """What a campaign did and what it found."""

    daemon_kills: int = 0
    nightly_kills: int = 0
    daemon_kills_at_night: int = 0
    workers_orphaned: int = 0
    nights: int = 0
    nights_failed: int = 0
    demotions: int = 0
    night_s: float = 0.0
    night_s_max: float = 0.0
    seconds: float = 0.0
    violations: int = 0

    @property
    def kills(self) -> int:
        """Count every kill."""
        return self.daemon_kills + self.nightly_kills

    def line(self) -> str:
        """Write every figure in one line."""
        values = {"kills": self.kills, **msgspec.structs.asdict(self)}
        return " ".join(f"{name}={round(value, 1)}" for name, value in values.items())


def whole_folders(nights: Path, origin: Origin) -> list[str]:
    """Find folders of nights that are not whole."""
    wrong = []
    for folder in sorted(nights.glob(DATED)):
        try:
            read_decisions(folder, origin)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a violation
            wrong.append(f"{folder.name}: {error}")
        if not any(folder.glob("report.*")):
            wrong.append(f"{folder.name} has no report")
    return wrong


def taken_once(records: Sequence[Recorded]) -> list[str]:
    """Find nights that were taken twice, and demotions that no single night explains."""
    wrong, last, fallen = [], "", set[int]()
    nights = {one.sequence: one.fact for one in records if isinstance(one.fact, NightEvaluated)}
    for night in nights.values():
        if night.date <= last:
            wrong.append(f"the night of {night.date} comes after that of {last}")
        last = night.date
    for one in records:
        if isinstance(one.fact, StageChanged) and one.fact.by == NIGHT:
            if one.sequence not in nights or one.sequence in fallen:
                wrong.append(f"demotion {one.sequence} is none of a night, or its second")
            fallen.add(one.sequence)
    return wrong


class NightCampaign:
    """Exchange, daemon, and the nights between them."""

    def __init__(self, folder: Path, *, seed: int, say: Callable[[str], None]) -> None:
        self.figures = NightFigures()
        self.wrong: list[str] = []
        self._chance = np.random.default_rng(seed)
        self._say = say
        (folder / "strategies").mkdir(parents=True)
        shutil.copy(ROOT / "config/demo/strategies" / f"{STRATEGY}.toml", folder / "strategies")
        path = folder / "trader.toml"
        path.write_text(SETTINGS, encoding="utf-8")
        self._exchange = ExchangeProcess(folder, seed=seed, speed=60.0)
        self._exchange.start()
        self._daemon = DaemonProcess(path, self._exchange.url)
        self._configuration = load_configuration([path], [f"feed.url={self._exchange.url}"], {})
        self._nights = self._daemon.state / NIGHTS

    def run(self, kills: int) -> NightFigures:
        """Kill that many times, night after night, and check."""
        began = time.monotonic()
        try:
            self._daemon.start()
            self._daemon.ready()
            self._undisturbed()
            while self.figures.kills < kills:
                self._week(kills)
            code = self._daemon.stop()
            if code != 0:
                self.wrong.append(f"the last, clean stop ended with {code}")
            verified = run("verify", "--config", self._daemon.configuration)
            if verified.returncode != 0:
                self.wrong.append(f"trader verify: {verified.stderr or verified.stdout}")
        finally:
            self._daemon.end()
            self._exchange.end()
        self.figures.violations = len(self.wrong)
        self.figures.seconds = time.monotonic() - began
        return self.figures

    def _week(self, kills: int) -> None:
        """Jump to the next night, kill while it is judged, let it be caught up."""
        self._promote()
        date = self._jump()
        began = time.monotonic()
        left = kills - self.figures.kills
        if left >= ATTEMPTS and self._chance.random() < HOPELESS_SHARE:
            for _ in range(ATTEMPTS):
                self._kill_child(date, 0.5)
        else:
            for _ in range(min(int(self._chance.integers(1, 4)), left)):
                self._kill_one(date)
        wait_for(lambda: self._taken(date), NIGHT_WITHIN_S, f"the night of {date}")
        self.figures.night_s_max = max(self.figures.night_s_max, time.monotonic() - began)
        self._look(date)

    def _undisturbed(self) -> None:
        """Let one night be, to learn how long one takes; kills are spread over that time."""
        date = self._jump()
        wait_for(lambda: self._child() is not None, 20, "a nightly process")
        began = time.monotonic()
        wait_for(lambda: self._taken(date), NIGHT_WITHIN_S, f"the night of {date}")
        self.figures.night_s = time.monotonic() - began
        self._look(date)

    def _promote(self) -> None:
        """Put the strategy where it can fall from."""
        command = Promote("campaign", "to fall again", STRATEGY, "PRODUCTION", override=True)
        send(self._configuration.socket_path, command)

    def _jump(self) -> str:
        """Let the clock jump to the next night; name the day that ended."""
        before = self._exchange.market_now()
        self._exchange.fault("expiry_storm", duration_s=1.0, before_s=BEFORE_EIGHT_S)
        wait_for(lambda: self._exchange.market_now() > before + DAY, 20, "the jump")
        return day_date(utc_day(self._exchange.market_now()) - 1).isoformat()

    def _kill_one(self, date: str) -> None:
        """Kill daemon or nightly process at a random moment."""
        if self._chance.random() < CHILD_SHARE:
            self._kill_child(date)
        else:
            time.sleep(float(self._chance.uniform(0.0, self.figures.night_s)))
            self._kill_daemon(date)

    def _kill_child(self, date: str, share: float = 1.0) -> None:
        """Kill the nightly process alone, some time after it began; the daemon begins it again."""
        wait_for(lambda: self._child() is not None or self._taken(date), 20, "a nightly process")
        time.sleep(float(self._chance.uniform(0.0, self.figures.night_s * share)))
        child = self._child()
        if child is None:
            return
        tree = [child, *_descendants(child)]
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
            self.figures.nightly_kills += 1
        self._require_gone(tree)
        self._say(f"{date}: killed the nightly process, {len(tree) - 1} workers with it")

    def _kill_daemon(self, date: str) -> None:
        """Kill the daemon; all it began must go with it, and what it left must be whole."""
        child = self._child()
        tree = _descendants(self._daemon.pid)
        self._daemon.kill()
        self.figures.daemon_kills += 1
        self.figures.daemon_kills_at_night += child is not None
        self._require_gone(tree)
        self.wrong += [f"{date}: {what}" for what in whole_folders(self._nights, self._origin())]
        self._say(f"{date}: killed the daemon, {len(tree)} processes with it")
        self._daemon.start()
        self._daemon.ready()

    def _require_gone(self, tree: Sequence[int]) -> None:
        try:
            wait_for(lambda: not any(map(_alive, tree)), GONE_WITHIN_S, "the end of workers")
        except TimeoutError:
            left = [one for one in tree if _alive(one)]
            self.figures.workers_orphaned += len(left)
            self.wrong.append(f"processes {left} outlive a kill")

    def _child(self) -> int | None:
        """Find the nightly process of the daemon."""
        return next(iter(_children(self._daemon.pid)), None)

    def _records(self) -> list[Recorded]:
        with Journal.create_or_open(self._configuration.journal_url, writer=False) as journal:
            return [stored.recorded for stored in journal.read()]

    def _taken(self, date: str) -> bool:
        """Tell whether the journal holds that night; the daemon must live to bring it there."""
        if not self._daemon.alive:
            raise RuntimeError(f"the daemon ended: {self._daemon.said()[-3000:]}")
        time.sleep(0.1)
        facts = (one.fact for one in self._records())
        return any(isinstance(fact, NightEvaluated) and fact.date == date for fact in facts)

    def _origin(self) -> Origin:
        opened = (one.at for one in self._records() if isinstance(one.fact, EpochOpened))
        return Origin(
            configuration=judging_hash(self._configuration), journal_began_at=next(opened)
        )

    def _look(self, date: str) -> None:
        """Check everything that must hold once a night is over."""
        records = self._records()
        wrong = [*Audit(RiskSettings()).read(records), *taken_once(records)]
        wrong += whole_folders(self._nights, self._origin())
        taken = [one.fact for one in records if isinstance(one.fact, NightEvaluated)]
        failed = [one for one in taken if all(each.standing == "failed" for each in one.verdicts)]
        if taken[-1].date == date and taken[-1] not in failed:
            told = read_decisions(self._nights / date, self._origin())
            if told != taken[-1]:
                wrong.append(f"the journal's night of {date} is not that of its folder")
        figures = self.figures
        figures.nights, figures.nights_failed = len(taken), len(failed)
        figures.demotions = sum(
            isinstance(one.fact, StageChanged) and one.fact.by == NIGHT for one in records
        )
        self._say(f"{date}: taken, {taken[-1].verdicts[0].reason}; {figures.line()}")
        self.wrong += [f"{date}: {what}" for what in wrong]


def _children(pid: int) -> list[int]:
    """List the living children of a process that are Python programs of ours."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(one) for one in text.split()]


def _descendants(pid: int) -> list[int]:
    found = []
    for child in _children(pid):
        found += [child, *_descendants(child)]
    return found


def _alive(pid: int) -> bool:
    """Tell whether a process runs; one that only waits to be reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"
