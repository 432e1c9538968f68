"""Do the right recordings go: oldest first, those set aside before any, and nothing in use?"""

from __future__ import annotations

from pathlib import Path

from tests.storage.inputs import NOON, manifest, quotes
from trader.domain.units import DAY
from trader.storage.market_store import MarketStore, RecorderSettings
from trader.storage.recordings import manifests, segments
from trader.storage.retention import keep_aside, make_room, set_aside

UNLIMITED = 10**12


def recorded(root: Path, *days: int, epoch: int = 1) -> Path:
    """Record ten quotes on each of some days."""
    store = MarketStore(root, RecorderSettings(reserve_gb=0.0))
    store.begin(manifest(epoch), {})
    for day in days:
        store.write(quotes(10, 1 + 10 * day, NOON + day * DAY))
    store.close()
    return root


def days(root: Path) -> list[str]:
    """Name the days that are left."""
    return sorted({one.day for one in segments(root)})


def bytes_of(*roots: Path) -> int:
    """Add up recordings."""
    return sum(path.stat().st_size for root in roots for path in segments(root).values())


def test_too_old_goes_whatever_the_budget(tmp_path: Path) -> None:
    """Every day before the oldest to keep; nobody needs to hear of that."""
    root = recorded(tmp_path / "recordings", 0, 1, 2)
    deleted = make_room(root, oldest_day="2026-06-03", budget_bytes=UNLIMITED, spare=(), epoch=1)
    assert days(root) == ["2026-06-03"]
    assert deleted.early_day is None
    assert len(deleted.paths) == 4
    nothing = make_room(root, oldest_day="2026-06-03", budget_bytes=UNLIMITED, spare=(), epoch=1)
    assert nothing.paths == ()


def test_too_much_goes_oldest_first_and_is_told(tmp_path: Path) -> None:
    """The budget deletes a day that was to be kept: it is named. A file in use stays."""
    root = recorded(tmp_path / "recordings", 0, 1, 2)
    spared = next(iter(segments(root).values()))
    deleted = make_room(
        root, oldest_day="2026-01-01", budget_bytes=bytes_of(root) * 5 // 9, spare={spared}, epoch=1
    )
    assert deleted.early_day == "2026-06-02"
    assert spared.exists()
    assert days(root) == ["2026-06-01", "2026-06-03"]


def test_what_was_set_aside_is_in_the_budget_and_goes_first(tmp_path: Path) -> None:
    """In the order in which they were set aside; one of which nothing is left is gone whole."""
    root = tmp_path / "recordings"
    first = keep_aside(recorded(root, 5, 6))
    second = keep_aside(recorded(root, 0, 1))
    recorded(root, 0)
    assert set_aside(root) == [first, second] == [tmp_path / f"recordings.{n}" for n in (1, 2)]
    budget = bytes_of(root) + bytes_of(second) // 2
    deleted = make_room(root, oldest_day="2026-01-01", budget_bytes=budget, spare=(), epoch=1)
    assert deleted.early_day is None
    assert not first.exists()
    assert days(second) == ["2026-06-02"]
    assert days(root) == ["2026-06-01"]
    assert bytes_of(root, second) <= budget
    assert deleted.room_bytes == budget - bytes_of(root, second)


def test_the_opening_of_an_epoch_goes_with_its_last_input(tmp_path: Path) -> None:
    """Of the epoch in use it stays, even before its first input."""
    root = recorded(tmp_path / "recordings", 0)
    recorded(root, 1, epoch=2)
    MarketStore(root, RecorderSettings(reserve_gb=0.0)).begin(manifest(3), {})
    make_room(root, oldest_day="2026-06-02", budget_bytes=UNLIMITED, spare=(), epoch=3)
    assert list(manifests(root)) == [2, 3]


def test_another_set_aside_takes_a_number_of_its_own(tmp_path: Path) -> None:
    """Even after an earlier one was deleted, and beside folders that are none."""
    root = tmp_path / "recordings"
    (tmp_path / "recordings.old").mkdir()
    (tmp_path / "recordings.7").mkdir()
    assert keep_aside(recorded(root, 0)) == tmp_path / "recordings.8"
