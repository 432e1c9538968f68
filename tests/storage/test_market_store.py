"""Is what the engine took in kept: whole, in its bounds, and through a kill?"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pydantic
import pytest

from tests.source import ROOT
from tests.storage.inputs import NOON, every_kind, manifest, quotes, stamped
from trader.domain.events import FeedFault, Stamped
from trader.domain.units import DAY, HOUR, SECOND
from trader.storage.market_store import GB, MarketStore, RecorderSettings
from trader.storage.recordings import manifests, segments
from trader.storage.replay_inputs import epoch_inputs

SETTINGS = RecorderSettings(reserve_gb=0.0)


def opened(root: Path, epoch: int = 1, settings: RecorderSettings = SETTINGS) -> MarketStore:
    """Begin a recording."""
    store = MarketStore(root, settings)
    store.begin(manifest(epoch), {})
    return store


def sequences(root: Path, epoch: int = 1) -> list[int]:
    """Read the sequences of an epoch."""
    return [one.sequence for one in epoch_inputs(root, epoch)]


def size_of(root: Path) -> int:
    """Add up the recordings."""
    return sum(path.stat().st_size for path in segments(root).values())


def test_every_input_comes_back_in_order_from_its_partitions(tmp_path: Path) -> None:
    """Day and currency part them, the sequence joins them, before and after the end."""
    store = opened(tmp_path)
    rows = stamped(*every_kind(), *every_kind(), at=NOON + 12 * HOUR - 20 * SECOND)
    store.write(rows)
    assert [repr(one) for one in epoch_inputs(tmp_path, 1)] == [repr(one) for one in rows]
    store.close()
    store.close()
    assert [repr(one) for one in epoch_inputs(tmp_path, 1)] == [repr(one) for one in rows]
    places = {(one.day, one.currency) for one in segments(tmp_path)}
    assert places == {
        (day, name) for day in ("2026-06-01", "2026-06-02") for name in ("ANY", "BTC", "ETH")
    }


def test_a_day_that_ended_is_parquet_while_the_next_is_written(tmp_path: Path) -> None:
    """Rotation follows the market clock; each write compacts one segment only."""
    store = opened(tmp_path)
    store.write(quotes(10))
    store.write(quotes(10, 11, NOON + DAY))
    assert sorted(path.suffix for path in segments(tmp_path).values()).count(".parquet") == 1
    store.write(quotes(10, 21, NOON + DAY + HOUR))
    kinds = {(segment.day, path.suffix) for segment, path in segments(tmp_path).items()}
    assert kinds == {("2026-06-01", ".parquet"), ("2026-06-02", ".arrows")}
    store.close()


def test_a_large_segment_is_compacted_within_the_day(tmp_path: Path) -> None:
    """The next one takes the next number, and no row is lost between them."""
    store = opened(tmp_path, settings=RecorderSettings(budget_gb=0.01, reserve_gb=0.0))
    for sequence in range(1, 6):
        store.write(stamped(FeedFault("garbage", (), os.urandom(400_000).hex()), first=sequence))
    numbers = {one.number for one in segments(tmp_path)}
    store.close()
    assert numbers >= {0, 1}
    assert sequences(tmp_path) == [1, 2, 3, 4, 5]


def test_old_days_go_with_their_epochs(tmp_path: Path) -> None:
    """Retention counts market days; the opening of an epoch goes with its last input."""
    store = opened(tmp_path)
    store.write(quotes(10))
    store.close()
    later = MarketStore(tmp_path, RecorderSettings(retention_days=2, reserve_gb=0.0))
    later.begin(manifest(2, NOON + DAY), {})
    later.write(quotes(10, 11, NOON + DAY))
    assert {one.day for one in segments(tmp_path)} == {"2026-06-01", "2026-06-02"}
    later.write(quotes(10, 21, NOON + 2 * DAY))
    later.write(quotes(10, 31, NOON + 3 * DAY))
    assert {one.day for one in segments(tmp_path)} == {"2026-06-03", "2026-06-04"}
    assert list(manifests(tmp_path)) == [2]
    assert not (tmp_path / "day=2026-06-01").exists()
    later.close()


def test_the_budget_holds_and_the_oldest_goes_first(tmp_path: Path) -> None:
    """Ten days of recordings in a budget for some of them: the newest are left."""
    settings = RecorderSettings(budget_gb=0.01, reserve_gb=0.0)
    store = opened(tmp_path, settings=settings)
    noise = [FeedFault("garbage", (), os.urandom(700_000).hex())]
    first = 1
    for day in range(20):
        rows = quotes(50, first, NOON + day * DAY)
        alerts = [Stamped(first + 50 + n, rows[-1].at, one) for n, one in enumerate(noise)]
        store.write(rows + alerts)
        first += 50 + len(alerts)
        assert size_of(tmp_path) <= settings.budget_gb * GB
    store.close()
    assert size_of(tmp_path) <= settings.budget_gb * GB
    days = sorted({one.day for one in segments(tmp_path)})
    assert days[-1] == "2026-06-20"
    assert days[0] > "2026-06-05"
    assert len(days) > 3


def test_another_journals_recording_is_set_aside(tmp_path: Path) -> None:
    """A new journal counts epochs from 1 again: nothing is overwritten or mixed."""
    root = tmp_path / "recordings"
    store = opened(root, epoch=2)
    store.write(quotes(5))
    store.close()
    anew = MarketStore(root, SETTINGS)
    kept = anew.begin(manifest(1), {})
    anew.write(quotes(3))
    anew.close()
    assert kept == tmp_path / "recordings.1"
    assert (sequences(kept, 2), sequences(root, 1)) == ([1, 2, 3, 4, 5], [1, 2, 3])


def test_the_journals_reserve_of_disk_is_not_touched(tmp_path: Path) -> None:
    """Less free space than the reserve: an OSError that names the key, and nothing written."""
    store = opened(tmp_path)
    greedy = MarketStore(tmp_path, RecorderSettings(reserve_gb=1_000))
    greedy._epoch = 1
    with pytest.raises(OSError, match=r"recorder\.reserve_gb") as caught:
        greedy.write(quotes(1))
    assert caught.value.errno == errno.ENOSPC
    assert segments(tmp_path) == {}
    store.close()


def test_a_disk_that_fills_up_leaves_what_was_written(tmp_path: Path) -> None:
    """A real full disk (a file-size limit stands for it): the whole batches stay readable."""
    run = subprocess.run(
        [sys.executable, "-c", _FULL, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    written = int(run.stdout)
    found = sequences(tmp_path)
    assert found[:written] == list(range(1, written + 1))
    assert written > 0


_FULL = """
import resource, signal, sys
from pathlib import Path
from tests.storage.inputs import manifest, quotes
from trader.storage.market_store import MarketStore, RecorderSettings
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = MarketStore(Path(sys.argv[1]), RecorderSettings(reserve_gb=0.0))
store.begin(manifest(), {})
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
first = 1
try:
    while True:
        store.write(quotes(500, first))
        first += 500
except OSError:
    store.abandon()
    print(first - 1)
"""

_WRITER = """
import sys, time
from pathlib import Path
from tests.storage.inputs import manifest, quotes
from trader.storage.market_store import MarketStore, RecorderSettings
store = MarketStore(Path(sys.argv[1]), RecorderSettings(reserve_gb=0.0))
store.begin(manifest(), {})
first = 1
while True:
    store.write(quotes(40, first))
    first += 40
    print(first - 1, flush=True)
"""


def test_sigkill_loses_nothing_that_was_written(tmp_path: Path) -> None:
    """A real writer killed in the middle: what it reported is there, its heir carries on."""
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    first = writer.stdout.readline()
    assert first, "the writer never wrote"
    time.sleep(0.3)
    writer.send_signal(signal.SIGKILL)
    reported = [int(first), *map(int, writer.stdout.read().splitlines())]
    writer.wait()
    writer.stdout.close()
    found = sequences(tmp_path)
    assert found[: reported[-1]] == list(range(1, reported[-1] + 1))
    heir = opened(tmp_path, epoch=2)
    heir.write(quotes(5))
    assert sequences(tmp_path) == found
    heir.close()
    assert {path.suffix for path in segments(tmp_path).values()} == {".parquet"}
    assert sequences(tmp_path) == found
    assert sequences(tmp_path, 2) == [1, 2, 3, 4, 5]


def test_a_half_made_parquet_file_is_made_anew(tmp_path: Path) -> None:
    """Killed while compacting: the stream still has it all."""
    store = opened(tmp_path)
    store.write(quotes(20))
    store.abandon()
    [*streams] = segments(tmp_path).values()
    for path in streams:
        path.with_suffix(".part").write_bytes(b"PAR1 half")
    opened(tmp_path, epoch=2).close()
    assert sequences(tmp_path) == list(range(1, 21))
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    "wrong",
    [{"retention_days": 0}, {"budget_gb": float("nan")}, {"budget_gb": -1.0}, {"flush_s": 0.0},
     {"flush_s": float("inf")}, {"reserve_gb": -1.0}, {"budget": 1.0}],
)  # fmt: skip
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    """By name, before anything is written."""
    with pytest.raises(pydantic.ValidationError, match=next(iter(wrong))):
        RecorderSettings.model_validate(wrong)
