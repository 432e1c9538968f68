"""Can a person see and check the history that is held?"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.exchange_thread import exchange_thread
from tests.app.nights import MARKET, configured, write_journal
from tests.app.running import ROOT, trader, within
from tests.app.test_data_import import CHAIN, QUOTES
from tests.app.test_history_import import ROWS as CANDLES
from tests.app.test_history_import import TOML
from trader.app.night_data import datasets_folder
from trader.deribit.simulator.clock import parse_start
from trader.deribit.simulator.server import Access
from trader.domain.units import HOUR
from trader.storage.datasets import DatasetStore

PLAN = TOML.partition("[[volatility_index]]")[0]


def test_import_then_list_and_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What came in is listed with its span; sound rows exit 0."""
    file = tmp_path / "chain.csv"
    file.write_text(CHAIN)
    run = within("data", "import", "--state", tmp_path, file, capsys=capsys)
    assert (run.returncode, run.stderr) == (0, "")
    assert "2 rows of option_chain" in run.stdout
    listed = within("data", "list", "--state", tmp_path, "--json", capsys=capsys)
    [holding] = json.loads(listed.stdout)
    assert (holding["market"], holding["dataset"], holding["rows"]) == ("", "option_chain", 2)
    checked = within("data", "check", "--state", tmp_path, capsys=capsys)
    assert checked.returncode == 0
    assert "2020-06-08T00:00:00" in checked.stdout


def test_history_is_held_where_nights_of_the_market_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a journal of a bundled market it is that market's; `list` looks there as well."""
    configuration = configured(tmp_path)
    write_journal(configuration)
    state = configuration.state_dir
    file = tmp_path / "chain.csv"
    file.write_text(CHAIN)
    within("data", "import", "--state", state, file, capsys=capsys)
    assert DatasetStore(datasets_folder(state, MARKET)).span("option_chain", "tardis") is not None
    listed = within("data", "list", "--state", state, "--json", capsys=capsys)
    [holding] = json.loads(listed.stdout)
    assert (holding["market"], holding["dataset"]) == (MARKET, "option_chain")
    told = within("data", "list", "--state", state, capsys=capsys)
    assert told.stdout.startswith(f"of the bundled market {MARKET}:\n")


def test_a_toml_is_imported_from_where_the_files_lie(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--data names the folder; one that is wrong exits 78 and is named."""
    (tmp_path / "plan.toml").write_text(PLAN)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "candles.csv").write_text(CANDLES)
    told = ("data", "import", "--state", tmp_path, tmp_path / "plan.toml")
    missing = within(*told, capsys=capsys)
    assert missing.returncode == 74
    assert "candles.csv cannot be read" in missing.stderr
    run = within(*told, "--data", tmp_path / "files", capsys=capsys)
    assert (run.returncode, run.stderr) == (0, "")
    assert "2 rows of candles BTC@venue" in run.stdout
    (tmp_path / "plan.toml").write_text("wrong = 1")
    assert within(*told, capsys=capsys).returncode == 78


def test_impossible_rows_exit_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bid above its ask is counted; a gap alone is told, not judged."""
    store = DatasetStore(tmp_path / "datasets")
    column = [1.0, 1.0]
    names = ("open", "high", "low", "close", "volume", "cost")
    rows = {"at": [HOUR, 5 * HOUR]} | dict.fromkeys(names, column)
    store.merge("candles", "BTC-PERPETUAL", "1970-01", rows)
    gap = within("data", "check", "--state", tmp_path, capsys=capsys)
    assert gap.returncode == 0
    assert "1 gaps: 1970-01-01T01:00:00Z .. 1970-01-01T05:00:00Z" in gap.stdout
    file = tmp_path / "quotes.csv"
    file.write_text(QUOTES.replace("9700.5,9700,", "9700,9700.5,"))
    within("data", "import", "--state", tmp_path, file, capsys=capsys)
    crossed = within("data", "check", "--state", tmp_path, capsys=capsys)
    assert crossed.returncode == 4
    assert "1 rows: bid above ask" in crossed.stdout


def test_nothing_held_exits_3_and_a_wrong_file_74(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each with its remedy."""
    nothing = within("data", "list", "--state", tmp_path, capsys=capsys)
    assert nothing.returncode == 3
    assert "data sync" in nothing.stderr
    wrong = within("data", "import", "--state", tmp_path, tmp_path / "no.csv", capsys=capsys)
    assert wrong.returncode == 74
    assert trader("data", "sync", "--what", "rumors").returncode == 2


KINDS = "candles,dvol,funding,deliveries,settlements,instruments"
UNTIL = "2026-06-01"


def files(state: Path) -> dict[str, bytes]:
    """Read every file of the history but the catalog, which notes when it was looked at."""
    [root] = (state / "datasets").iterdir()  # of the market that was asked
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "instruments" not in path.parts
    }


def killed_after(lines: int, *arguments: str) -> None:
    """Sync until so many lines of progress were seen, then SIGKILL."""
    child = subprocess.Popen(
        [sys.executable, "-m", "trader.app.cli", *arguments],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stderr is not None
    for _ in range(lines):
        assert child.stderr.readline(), "it ended before it was killed"
    child.kill()
    child.communicate()


@pytest.mark.parametrize(
    ("what", "since", "kills"),
    [
        (KINDS, "2026-03-01", (2, 5)),
        pytest.param("trades", "2026-05-30", (1,), marks=pytest.mark.long),
    ],
    ids=["all but trades", "trades"],
)
def test_a_sync_that_was_killed_ends_on_the_files_of_one_that_was_not(
    tmp_path: Path, what: str, since: str, kills: tuple[int, ...]
) -> None:
    """Every kind from the bundled exchange, which charges credits; a repetition fetches nothing."""
    start_at = parse_start("2026-06-01T22:20:00Z")
    access = Access(limited=True)
    with exchange_thread(seed=4, speed=1.0, start_at=start_at, access=access) as url:
        whole, cut = tmp_path / "whole", tmp_path / "cut"
        sync = ("data", "sync", "--currency", "BTC", "--since", since, "--until", UNTIL,
                "--what", what, "--url", url, "--state")  # fmt: skip
        run = trader(*sync, whole)
        assert run.returncode == 0, run.stderr
        assert (" rows (1 of " in run.stderr, " rows fetched" in run.stdout) == (True, True)
        for lines in kills:
            killed_after(lines, *sync, str(cut))
        assert trader(*sync, cut).returncode == 0
        assert files(cut) == files(whole)
        again = trader(*sync, whole)
        assert {line.partition(": ")[2] for line in again.stdout.splitlines()} == {"0 rows fetched"}
        assert files(cut) == files(whole)
    checked = trader("data", "check", "--state", cut, "--json")
    held = {one["dataset"]: one for one in json.loads(checked.stdout)}
    assert checked.returncode == 0, checked.stdout
    assert set(held) == set(what.split(","))
    assert not any(one["gaps"] for one in held.values())
