"""Is a night alone, modest, and content with what history it can get?"""

from __future__ import annotations

import resource
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.app.exchange_thread import exchange_thread
from tests.app.nights import configured
from tests.app.venue_history import VenueHistory
from trader.app import data_session
from trader.app.night_data import datasets_folder
from trader.app.night_folder import NIGHTS
from trader.app.night_process import ENDED, _fetch, alone, fetch_history
from trader.deribit.messages import RequestFailed
from trader.deribit.server_session import ServerError
from trader.domain.errors import JournalLocked
from trader.domain.units import DAY, HOUR
from trader.storage.datasets import DatasetStore

if TYPE_CHECKING:
    from trader.app.configuration import Configuration

START = 20_605 * DAY + 18 * HOUR


def test_two_nights_at_once_are_refused(tmp_path: Path) -> None:
    """The second says what to do; one that waits begins when the first is done."""
    configuration = configured(tmp_path)
    order = []
    with alone(configuration) as nights:
        assert nights == configuration.state_dir / NIGHTS
        with pytest.raises(JournalLocked, match="wait for its end"), alone(configuration):
            pass

        def second() -> None:
            with alone(configuration, wait=True):
                order.append("second")

        waiting = threading.Thread(target=second)
        waiting.start()
        order.append("first")
    waiting.join(10)
    assert order == ["first", "second"]


def test_what_a_kill_left_is_cleared_up(tmp_path: Path) -> None:
    """Half a folder of a night goes before another is written."""
    configuration = configured(tmp_path)
    stale = configuration.state_dir / NIGHTS / "2026-06-01.unfinished"
    stale.mkdir(parents=True)
    (stale / "report.md").touch()
    with alone(configuration):
        assert not stale.exists()


def test_it_gives_way_and_takes_no_more_memory_than_it_may() -> None:
    """Niceness and address space, of it and whatever it starts."""
    code = (
        "import os, resource\n"
        "from trader.app.night_process import confine\n"
        "from trader.app.night_settings import NightSettings\n"
        "confine(NightSettings(niceness=7, memory_gb_max=3.0))\n"
        "print(os.nice(0), *resource.getrlimit(resource.RLIMIT_AS))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    nice, soft, hard = map(int, run.stdout.split())
    assert nice >= 7
    assert soft == hard == 3_000_000_000
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != 3_000_000_000


def test_it_ends_when_its_input_does() -> None:
    """Its own exit code tells that the daemon went away."""
    code = (
        "import time\nfrom trader.app.night_process import until_eof as end\nend()\ntime.sleep(60)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, timeout=30, check=False,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert run.returncode == ENDED


def held(configuration: Configuration, market: str) -> dict[str, int]:
    """Count the rows of each dataset."""
    store = DatasetStore(datasets_folder(configuration.state_dir, market))
    return {one.dataset: one.rows for one in store.holdings(check=False)}


def test_the_bundled_exchange_gives_its_past_to_a_folder_of_its_own(tmp_path: Path) -> None:
    """Two seeds are two markets: their candles must never mix."""
    configuration = configured(tmp_path)
    for seed in (1, 2):
        with exchange_thread(seed=seed, speed=1.0, start_at=START) as url:
            configuration = configured(tmp_path, f"feed.url={url}", "nightly.years=0.01")
            fetch_history(configuration, lambda text: None)
    rows = {seed: held(configuration, f"{seed}@2") for seed in (1, 2)}
    assert rows[1] == rows[2]
    assert rows[1]["candles"] == rows[1]["dvol"] > 70 * 24
    folders = {path.name for path in (configuration.state_dir / "datasets").iterdir()}
    assert folders == {"1@2", "2@2"}


def test_a_venue_that_is_away_costs_freshness_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody answers: said, and the night goes on with what is here."""
    monkeypatch.setattr(data_session, "CONNECT_WITHIN_S", 0.3)
    said: list[str] = []
    fetch_history(configured(tmp_path), said.append)
    (line,) = said
    assert line.startswith("history not fetched (nobody answers at ws://127.0.0.1:9/ws/api/v2):")
    assert line.endswith("evaluating on what is here")


async def test_what_a_venue_does_not_serve_costs_only_that(tmp_path: Path) -> None:
    """No volatility index: said; candles come all the same, to the folder of real venues."""
    venue = VenueHistory()
    venue.lacking = ("public/get_volatility_index_data",)

    async def call(method: str, params: dict[str, object]) -> msgspec.Raw:
        try:
            return msgspec.Raw(msgspec.json.encode(venue.answer(method, params)))
        except ServerError as error:
            raise RequestFailed(method, -32_601, str(error)) from error

    configuration = configured(tmp_path, "nightly.years=0.01")
    said: list[str] = []
    await _fetch(configuration, call, said.append)
    assert "dvol BTC: the venue does not serve it" in said[-1]
    assert held(configuration, "")["candles"] > 70 * 24
