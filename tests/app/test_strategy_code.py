"""Is all of a strategy's code in its hash, and nothing that is not?"""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from trader.app.strategy_code import source_hash, sources
from trader.domain.errors import ConfigurationError
from trader.strategies.covered_call import CoveredCall
from trader.strategies.registry import BUILT_IN
from trader.strategies.roll_chain import RollChain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trader.strategies.strategy import Strategy

RULE = """
from __future__ import annotations
from typing import TYPE_CHECKING
import math
from trader.strategies.covered_call import CoveredCall
from . import levels
from .signals import wish
if TYPE_CHECKING:
    from lent import unused

class Stranger(CoveredCall):
    kind = "stranger"
"""

CLASS = """
from trader.strategies.covered_call import CoveredCall

class Stranger(CoveredCall):
    kind = "stranger"
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Write somebody else's strategy as a package of four modules, one of them for types alone."""
    folder = tmp_path / "lent"
    folder.mkdir()
    files = {
        "__init__": "", "rule": RULE, "levels": "HIGH = 2", "unused": "class T: ...",
        "signals": "from lent.levels import HIGH\n\ndef wish() -> int:\n    return HIGH\n",
    }  # fmt: skip
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield folder
    for name in [one for one in sys.modules if one.partition(".")[0] == "lent"]:
        del sys.modules[name]


def load(module: str = "lent.rule") -> type[Strategy]:
    """Import the stranger anew, as a daemon that starts does."""
    for name in [one for one in sys.modules if one.partition(".")[0] == "lent"]:
        del sys.modules[name]
    kind: type[Strategy] = importlib.import_module(module).Stranger
    return kind


def test_a_rule_is_its_module_and_those_it_is_built_from() -> None:
    """What two strategies share counts for both; what neither asks for counts for none."""
    ours = sources(RollChain)
    assert {f"trader.strategies.{name}" for name in ("roll_chain", "rolling", "structure")} <= set(
        ours
    )
    assert "trader.strategies.directional" not in ours
    assert all(name.startswith("trader.strategies") for name in ours)
    assert "class RollChain" in ours["trader.strategies.roll_chain"]
    assert list(ours) == sorted(ours)


def test_each_kind_has_a_hash_of_its_own() -> None:
    """No two rules are taken for one another."""
    assert len({source_hash(kind) for kind in BUILT_IN}) == len(BUILT_IN)


@pytest.mark.usefixtures("package")
def test_a_stranger_is_its_own_package_and_what_it_took_from_ours() -> None:
    """Imports are followed, relative ones too; those for types alone are not."""
    found = set(sources(load()))
    assert {"lent.rule", "lent.levels", "lent.signals", CoveredCall.__module__} <= found
    assert "lent.unused" not in found
    assert "math" not in found


@pytest.mark.parametrize(
    ("changes", "module"),
    [
        ({"__init__": RULE}, "lent"),
        (
            {"__init__": "from .signals import wish", "rule": f"from . import wish\n{CLASS}"},
            "lent.rule",
        ),
        (
            {"inner": "from ..signals import wish", "rule": f"from .inner import wish\n{CLASS}"},
            "lent.rule",
        ),
    ],
    ids=["class", "re-export", "from-above"],
)
def test_a_package_counts_as_the_one_its_dots_mean(
    package: Path, changes: dict[str, str], module: str
) -> None:
    """In an `__init__` one dot is the package itself: what it takes from there decides as well."""
    (package / "inner").mkdir()
    for name, text in changes.items():
        path = package / "inner" / "__init__.py" if name == "inner" else package / f"{name}.py"
        path.write_text(text, encoding="utf-8")
    before = source_hash(load(module))
    signals = package / "signals.py"
    signals.write_text(signals.read_text() + "\nMORE = 1\n", encoding="utf-8")
    importlib.invalidate_caches()
    kind = load(module)
    assert source_hash(kind) != before
    assert "lent.signals" in sources(kind)


@pytest.mark.parametrize(
    ("name", "another"), [("levels", True), ("signals", True), ("unused", False)]
)
def test_a_change_in_a_neighbor_is_another_strategy(
    package: Path, name: str, *, another: bool
) -> None:
    """A rule that moved into a module beside it still decides."""
    before = source_hash(load())
    path = package / f"{name}.py"
    path.write_text(path.read_text() + "\nMORE = 1\n", encoding="utf-8")
    importlib.invalidate_caches()
    assert (source_hash(load()) != before) is another


def test_a_strategy_without_source_can_have_no_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class made at run time is refused: its stage could not be told from another's."""
    monkeypatch.setitem(sys.modules, "made_up", types.ModuleType("made_up"))
    made = type("Made", (CoveredCall,), {"__module__": "made_up", "kind": "made"})
    with pytest.raises(ConfigurationError, match="kind made: the source of made_up cannot be read"):
        source_hash(made)
