"""Does a recording become history of every kind, once, however often it is imported?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import option
from tests.storage.inputs import NOON, every_kind, manifest, stamped
from trader.app.recording_import import import_recordings
from trader.domain.errors import StorageError
from trader.domain.events import InstrumentExpired, InstrumentListed
from trader.domain.units import DAY, HOUR
from trader.storage.datasets import DatasetStore
from trader.storage.market_store import MarketStore, RecorderSettings


def recorded(root: Path) -> Path:
    """Record every kind of input twice, on two days; the last day is a stream that was cut."""
    store = MarketStore(root, RecorderSettings(reserve_gb=0.0))
    store.begin(manifest(), {})
    store.write(stamped(*every_kind()))
    store.write(stamped(*every_kind(), first=100, at=NOON + DAY))
    store.abandon()
    return root


def test_every_kind_of_input_becomes_history(tmp_path: Path) -> None:
    """Quotes with their marks, boards row by row, and the feed's troubles as its health."""
    store = DatasetStore(tmp_path / "datasets")
    rows, others = import_recordings(store, recorded(tmp_path / "recordings"))
    assert rows == {
        "quotes": 2 * (2 + 2), "index": 2, "derivative_ticker": 2, "deliveries": 2, "candles": 4,
        "instruments": 2, "feed_health": 2 * 4,
    }  # fmt: skip
    assert others == 2 * (11 + 1)  # the contract that expired was never listed
    quote, *_ = store.read("quotes", "recorded-ETH").to_pylist()
    assert (quote["instrument"], quote["mark"], quote["ask"]) == ("ETH-PERPETUAL", 0.011, None)
    assert store.read("index", "recorded-BTC").column("price").to_pylist() == [90_000.5] * 2
    assert store.read("deliveries", "recorded-ETH").to_pylist() == [{"at": NOON, "price": 3_000.25}]
    health = store.read("feed_health", "recorded-ANY").to_pylist()
    assert [row["event"] for row in health[:4]] == [
        "FeedLost", "FeedRestored", "FeedFault", "RecordingTrouble",
    ]  # fmt: skip
    assert health[0]["scope"] == "*"


def test_importing_again_changes_nothing(tmp_path: Path) -> None:
    """Parts are replaced, keyed rows merged: the same rows are held."""
    store, root = DatasetStore(tmp_path / "datasets"), recorded(tmp_path / "recordings")
    import_recordings(store, root)
    before = [(one.dataset, one.subject, one.rows) for one in store.holdings(check=True)]
    import_recordings(store, root)
    assert [(one.dataset, one.subject, one.rows) for one in store.holdings(check=True)] == before
    assert ("candles", "recorded-BTC", 2) in before


def test_a_contract_that_expired_is_no_longer_active(tmp_path: Path) -> None:
    """The listing says what it was, the expiry that it is over."""
    contract = option()
    store = MarketStore(tmp_path / "recordings", RecorderSettings(reserve_gb=0.0))
    store.begin(manifest(), {})
    events = (InstrumentListed((contract,)), InstrumentExpired((contract.name, "BTC-NEVER")))
    store.write(stamped(*events, at=NOON - HOUR))
    store.close()
    datasets = DatasetStore(tmp_path / "datasets")
    import_recordings(datasets, tmp_path / "recordings")
    [row] = datasets.read("instruments", "recorded-ANY").to_pylist()
    assert (row["instrument"], row["active"], row["strike"]) == (
        contract.name, False, contract.strike,
    )  # fmt: skip


def test_gaps_of_a_recording_are_shown(tmp_path: Path) -> None:
    """A day between two rows of an index is a hole of a day; within the hour there is none."""
    store = DatasetStore(tmp_path / "datasets")
    import_recordings(store, recorded(tmp_path / "recordings"))
    held = {(one.dataset, one.subject): one for one in store.holdings(check=True)}
    [(start, end)] = held["index", "recorded-BTC"].gaps
    assert end - start == DAY


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    """With what should be named instead."""
    with pytest.raises(StorageError, match=r"day=\*"):
        import_recordings(DatasetStore(tmp_path / "datasets"), tmp_path)
