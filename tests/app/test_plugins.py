"""Do built-in strategies and strangers take the same door?"""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from trader.app.plugins import pricing_models, strategy_kinds
from trader.domain.errors import ConfigurationError
from trader.pricing.model import PricingModel
from trader.pricing.models import Merton
from trader.pricing.registry import BUILT_IN as MODELS
from trader.strategies.covered_call import CoveredCall
from trader.strategies.registry import BUILT_IN
from trader.strategies.strategy import ENTRY_POINT_GROUP


class Stranger(CoveredCall):
    """Somebody else's strategy."""

    kind = "stranger"


class Usurper(CoveredCall):
    """A strategy under a name that is taken."""


NO_STRATEGY = object()


class Half:
    """A class that forgot most of the contract."""

    kind = "half"


def entry(name: str, target: str | None = None) -> EntryPoint:
    """Announce something of this module, as an installed package would."""
    value = f"{__name__}:{name}" if target is None else target
    return EntryPoint(name.lower(), value, ENTRY_POINT_GROUP)


def test_built_in_kinds_are_there_without_strangers() -> None:
    """With nothing installed beside us, the kinds are the built-in ones by name."""
    assert strategy_kinds([]) == {kind.kind: kind for kind in BUILT_IN}


def test_installed_strangers_are_found() -> None:
    """What the environment announces is loaded without being told."""
    assert set(strategy_kinds()) >= {kind.kind for kind in BUILT_IN}


def test_a_stranger_joins_by_its_kind() -> None:
    """An announced class is one more kind, nothing else is needed."""
    assert strategy_kinds([entry("Stranger")])["stranger"] is Stranger


@pytest.mark.parametrize(
    ("announced", "says"),
    [
        (entry("Usurper"), ("kind 'covered_call' is taken by", "give it another name")),
        (entry("Missing"), ("does not load (AttributeError", "repair or uninstall")),
        (entry("x", "no_such_package:X"), ("does not load (ModuleNotFoundError", "uninstall")),
        (entry("NO_STRATEGY"), ("is no class", "announce the strategy's class")),
        (
            entry("Half"),
            ("lacks cadence, propose, parameter_space, sketch, Settings", "fulfill"),
        ),
    ],
)
def test_a_broken_stranger_is_refused_by_name(announced: EntryPoint, says: tuple[str, ...]) -> None:
    """The line names the entry point, what is wrong and what to do."""
    with pytest.raises(ConfigurationError) as caught:
        strategy_kinds([announced])
    (line,) = caught.value.mistakes
    assert line.startswith(f"entry point {ENTRY_POINT_GROUP}:{announced.name} = {announced.value}")
    for part in says:
        assert part in line


def test_a_stranger_that_explodes_on_import_is_contained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a stranger's module raises becomes a mistake, not a crash."""
    (tmp_path / "exploding_stranger.py").write_text("1 / 0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError, match="ZeroDivisionError"):
        strategy_kinds([entry("x", "exploding_stranger:X")])


def test_every_broken_stranger_is_reported_at_once() -> None:
    """Two broken packages are two lines."""
    with pytest.raises(ConfigurationError) as caught:
        strategy_kinds([entry("Usurper"), entry("Half"), entry("Stranger")])
    assert len(caught.value.mistakes) == 2


class Foreign(Merton):
    """Somebody else's model."""

    name = "foreign"


class Taken(Merton):
    """A model under a name that is taken."""


class Unfinished(PricingModel):
    """A model that forgot most of the contract."""

    name = "unfinished"


def test_models_take_the_same_door() -> None:
    """Built-in models are there; what is announced joins them by its name."""
    assert pricing_models([]) == {kind.name: kind for kind in MODELS}
    assert set(pricing_models()) >= {kind.name for kind in MODELS}
    assert pricing_models([entry("Foreign")])["foreign"] is Foreign


@pytest.mark.parametrize(
    ("announced", "says"),
    [
        (entry("Taken"), ("model 'merton' is taken by trader.pricing.models.Merton",)),
        (entry("Unfinished"), ("lacks calibrate, sensitivities, value, parameters",)),
        (entry("NO_STRATEGY"), ("is no PricingModel; derive it from",)),
        (entry("Half"), ("is no PricingModel",)),
        (entry("Absent", "no.such.module:Model"), ("does not load (ModuleNotFoundError",)),
    ],
)
def test_models_that_cannot_join_say_why(announced: EntryPoint, says: tuple[str, ...]) -> None:
    """With the entry point and a remedy, before anything runs."""
    with pytest.raises(ConfigurationError) as refused:
        pricing_models([announced])
    assert all(one in str(refused.value) for one in says)
