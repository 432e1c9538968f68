"""Is what a strategy was kept whole, and told apart from what it is?"""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.app.running import write_configuration
from trader.app.configuration import Configuration, load_configuration
from trader.app.strategy_archive import FOLDER, compare, describe, keep, recall

NAME = "covered_call_btc"


def configured(folder: Path, parameters: str = "") -> Configuration:
    """Load one strategy with some parameters."""
    path = write_configuration(folder)
    strategy = folder / "strategies" / f"{NAME}.toml"
    strategy.write_text(strategy.read_text() + parameters, encoding="utf-8")
    return load_configuration([path], (), {})


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    """By name and hash; a second keeping leaves the first file as it is."""
    (one,) = configured(tmp_path).strategies
    keep(tmp_path, [one])
    (path,) = (tmp_path / FOLDER / NAME).iterdir()
    before = path.stat().st_mtime_ns
    keep(tmp_path, [one])
    assert path.stat().st_mtime_ns == before
    kept = recall(tmp_path, NAME, one.configuration_hash)
    assert kept == describe(one)
    assert kept is not None
    assert kept.parameters["target_delta"] == 0.25
    assert "class CoveredCall" in kept.sources["trader.strategies.covered_call"]


def test_what_was_never_kept_or_is_damaged_is_nothing(tmp_path: Path) -> None:
    """The caller says so; nothing raises."""
    (one,) = configured(tmp_path).strategies
    assert recall(tmp_path, NAME, one.configuration_hash) is None
    keep(tmp_path, [one])
    (path,) = (tmp_path / FOLDER / NAME).iterdir()
    path.write_text("{", encoding="utf-8")
    assert recall(tmp_path, NAME, one.configuration_hash) is None


def test_a_change_is_named_parameter_by_parameter(tmp_path: Path) -> None:
    """Then and now; the code is the same."""
    (old,) = configured(tmp_path).strategies
    (new,) = configured(tmp_path, "[parameters]\ntarget_delta = 0.3\n").strategies
    found = compare(describe(old), describe(new))
    assert found.changed == (("target_delta", "0.25", "0.3"),)
    assert found.code == ()


def test_changed_code_is_shown_line_by_line(tmp_path: Path) -> None:
    """A rule that was rewritten is another strategy."""
    (one,) = configured(tmp_path).strategies
    now = describe(one)
    rule = "trader.strategies.covered_call"
    before = now.sources[rule].replace("board.delta_at(row)", "board.delta_at(0)")
    then = msgspec.structs.replace(now, sources={**now.sources, rule: before})
    found = compare(then, now)
    assert found.changed == ()
    assert any(line.startswith("+") and "board.delta_at(row)" in line for line in found.code)
