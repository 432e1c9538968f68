"""The file of faults: read whole, refused by line, and the example in config/ is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.source import ROOT
from trader.app.fault_file import plan_of
from trader.deribit.simulator.faults import KINDS, Drop, ExpiryStorm
from trader.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = ROOT / "config" / "faults.example.toml"


def test_nothing_asked_is_nothing_planned() -> None:
    """Without the option the exchange is healthy."""
    assert plan_of(None).entries == ()


def test_the_example_is_a_plan_and_names_every_kind() -> None:
    """What people copy from can be run, and its comments leave no kind out."""
    plan = plan_of(str(EXAMPLE))
    faults = [entry.fault for entry in plan.entries]
    assert plan.seed == 7
    assert faults[0] == Drop(
        scope="ticker.*", probability=0.2, starts_s=30, duration_s=5, every_s=60
    )
    assert isinstance(faults[-1], ExpiryStorm)
    text = EXAMPLE.read_text(encoding="utf-8")
    assert [kind for kind in KINDS if kind not in text] == []


def test_a_seed_is_a_day_of_faults() -> None:
    """The same faults for the same number."""
    first, second = plan_of("random:5"), plan_of("random:5")
    assert [one.fault for one in first.entries] == [one.fault for one in second.entries]
    assert first.seed == 5
    assert len(first.entries) > 5_000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sede = 1", "sede = 1: unknown key; did you mean seed?"),
        ("seed = -1", "seed = -1: no seed; give a whole number from 0"),
        ("seed = true", "seed = true: no seed"),
        ('fault = "drop"', 'fault = "drop": no list; write [[fault]]'),
        ("fault = [1]", "fault 1: fault = 1: no table"),
        ("[[fault]]", "fault 1: kind = null: is missing; known here: clock_skew"),
        ('[[fault]]\nkind = "drp"', 'fault 1: kind = "drp": unknown kind; did you mean'),
        (
            '[[fault]]\nkind = "drop"\n[[fault]]\nkind = "drop"\nprobabilty = 1',
            "fault 2 (drop): probabilty = 1: unknown key; did you mean probability?",
        ),
        (
            '[[fault]]\nkind = "close"\nduration_s = -1',
            "fault 1 (close): duration_s = -1: must be greater than 0",
        ),
        ('[[fault]]\nkind = "corrupt"\nmode = "jsn"', 'mode = "jsn": unknown value; choose one of'),
        ("[[fault]", "invalid TOML"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    """File, place, key, value and remedy."""
    path = tmp_path / "faults.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        plan_of(str(path))
    (line,) = str(refused.value).splitlines()
    assert line.startswith(str(path))
    assert says in line


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """Two tables, three mistakes, three lines."""
    path = tmp_path / "faults.toml"
    path.write_text(
        '[[fault]]\nkind = "mute"\nscope = ""\nclients = ""\n[[fault]]\nkind = "x"', "utf-8"
    )
    with pytest.raises(ConfigurationError) as refused:
        plan_of(str(path))
    assert len(str(refused.value).splitlines()) == 3


@pytest.mark.parametrize("asked", ["random:", "random:x", "random:-1", "nowhere.toml"])
def test_what_is_no_plan_is_refused(asked: str) -> None:
    """No seed, or no file: the remedy is named."""
    with pytest.raises(ConfigurationError, match=r"give a whole number|name an existing"):
        plan_of(asked)
