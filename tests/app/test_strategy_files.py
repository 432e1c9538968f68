"""Do strategy files become strategies, and does a stage belong to what really decides?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.running import STRATEGY
from trader.app.plugins import strategy_kinds
from trader.app.strategy_files import ConfiguredStrategy, find_files, read_strategies

KINDS = strategy_kinds([])


def read(path: Path, text: str) -> ConfiguredStrategy:
    """Read one good strategy file."""
    path.write_text(text, encoding="utf-8")
    (strategy,), mistakes = read_strategies([path], KINDS, ["BTC", "ETH"])
    assert mistakes == []
    return strategy


def test_a_file_becomes_a_strategy_with_its_cadence_and_parameters(tmp_path: Path) -> None:
    """Name, underlying, cadence and parameters arrive; what is not named takes the default."""
    text = STRATEGY.format(name="calls") + "[parameters]\ntarget_delta = 0.3\n"
    configured = read(tmp_path / "a.toml", text)
    strategy = configured.strategy
    assert (strategy.name, strategy.kind, strategy.underlying) == ("calls", "covered_call", "BTC")
    assert strategy.cadence().every == 24 * 3_600_000_000_000
    assert strategy.settings.model_dump()["target_delta"] == 0.3
    assert configured.file.initial_stage == "RESEARCH"


def test_the_hash_follows_what_decides_and_nothing_else(tmp_path: Path) -> None:
    """A parameter or a coin makes another strategy; a remark, a name, a written default do not."""
    plain = STRATEGY.format(name="calls")
    base = read(tmp_path / "a.toml", plain).configuration_hash
    same = [
        f"# a remark\n{plain}",
        STRATEGY.format(name="other"),
        plain + "[parameters]\ntarget_delta = 0.25\n",
        plain.replace('"BTC"', '"BTC"\ninitial_stage = "PILOT"'),
    ]
    other = [
        plain + "[parameters]\ntarget_delta = 0.26\n",
        plain.replace('"BTC"', '"ETH"'),
    ]
    assert all(read(tmp_path / "a.toml", text).configuration_hash == base for text in same)
    assert all(read(tmp_path / "a.toml", text).configuration_hash != base for text in other)
    assert len(base) == 64


def test_folders_are_opened_in_order_of_name(tmp_path: Path) -> None:
    """A folder stands for its TOML files, sorted; a file named twice counts once."""
    for name in ("b.toml", "a.toml", "notes.md"):
        (tmp_path / name).write_text("", encoding="utf-8")
    files, mistakes = find_files("x", [tmp_path, tmp_path / "b.toml"])
    assert files == [tmp_path / "a.toml", tmp_path / "b.toml"]
    assert mistakes == []


@pytest.mark.parametrize(("name", "problem"), [("empty", "holds no *.toml"), ("gone", "does not")])
def test_a_place_without_strategies_is_a_mistake(tmp_path: Path, name: str, problem: str) -> None:
    """An empty folder or a missing file is named; nothing is silently run without."""
    (tmp_path / "empty").mkdir()
    files, (mistake,) = find_files("here", [tmp_path / name])
    assert files == []
    assert mistake.startswith("here: strategies = ")
    assert problem in mistake


def test_a_coin_that_is_not_watched_is_a_mistake(tmp_path: Path) -> None:
    """A strategy on ETH with a feed of BTC would wait forever."""
    path = tmp_path / "a.toml"
    text = STRATEGY.format(name="calls").replace('"BTC"', '"ETH"')
    path.write_text(text, encoding="utf-8")
    _, (mistake,) = read_strategies([path], KINDS, ["BTC"])
    assert 'underlying = "ETH": is not watched; add it to feed.underlyings' in mistake
