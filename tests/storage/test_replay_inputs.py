"""Are the partitions of a recording joined as the engine took them in?"""

from __future__ import annotations

from pathlib import Path

from tests.storage.inputs import NOON, manifest, quotes
from trader.domain.units import DAY
from trader.storage.market_store import MarketStore, RecorderSettings
from trader.storage.replay_inputs import epoch_inputs, recorded_days


def record(root: Path) -> None:
    """Record two epochs over two days, the last of each never compacted."""
    for epoch in (1, 2):
        store = MarketStore(root, RecorderSettings(reserve_gb=0.0))
        store.begin(manifest(epoch, NOON + (epoch - 1) * DAY), {})
        store.write(quotes(10, 1, NOON + (epoch - 1) * DAY))
        store.write(quotes(10, 11, NOON + epoch * DAY))
        store.abandon()


def test_epochs_do_not_mix_and_days_can_be_left_out(tmp_path: Path) -> None:
    """Both epochs use the same sequences; the last day bounds what is read."""
    record(tmp_path)
    assert [one.sequence for one in epoch_inputs(tmp_path, 1)] == list(range(1, 21))
    first_day = list(epoch_inputs(tmp_path, 2, "2026-06-02"))
    assert [one.sequence for one in first_day] == list(range(1, 11))
    assert recorded_days(tmp_path, 1) == ["2026-06-01", "2026-06-02"]
    assert recorded_days(tmp_path, 2) == ["2026-06-02", "2026-06-03"]


def test_an_epoch_that_was_not_recorded_is_empty(tmp_path: Path) -> None:
    """No folder, no inputs, no error."""
    assert list(epoch_inputs(tmp_path / "none", 1)) == []
    assert recorded_days(tmp_path / "none", 1) == []


def test_a_stream_compacted_after_it_was_listed_is_still_read(tmp_path: Path) -> None:
    """The daemon may rotate between the listing and the reading."""
    store = MarketStore(tmp_path, RecorderSettings(reserve_gb=0.0))
    store.begin(manifest(), {})
    store.write(quotes(10))
    reading = epoch_inputs(tmp_path, 1)
    store.close()
    assert [one.sequence for one in reading] == list(range(1, 11))
