"""Which strategies and pricing models are there? Built-in ones and strangers, through one door."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import BaseModel

from trader.domain.errors import ConfigurationError
from trader.pricing import model, registry
from trader.strategies.registry import BUILT_IN
from trader.strategies.strategy import ENTRY_POINT_GROUP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from importlib.metadata import EntryPoint

    from trader.pricing.model import PricingModel
    from trader.strategies.strategy import Strategy

T = TypeVar("T")

METHODS: Final = ("cadence", "propose", "parameter_space", "sketch")


def strategy_kinds(announced: Iterable[EntryPoint] | None = None) -> dict[str, type[Strategy]]:
    """Collect every kind by name: the built-in ones, then what installed packages announce.

    Raises:
        ConfigurationError: an entry point does not load, does not fulfill the contract, or takes
            a name that is taken; every such mistake at once.
    """
    return _collect(BUILT_IN, ENTRY_POINT_GROUP, announced, _admit)


def pricing_models(announced: Iterable[EntryPoint] | None = None) -> dict[str, type[PricingModel]]:
    """Collect every pricing model by name, as `strategy_kinds` does strategies.

    Raises:
        ConfigurationError: as `strategy_kinds`.
    """
    return _collect(registry.BUILT_IN, model.ENTRY_POINT_GROUP, announced, _admit_model)


def _collect(
    built_in: Iterable[type[T]],
    group: str,
    announced: Iterable[EntryPoint] | None,
    admit: Callable[[object, str, dict[str, type[T]]], list[str]],
) -> dict[str, type[T]]:
    """Admit the built-in classes, then what is announced; tell every mistake at once."""
    strangers = entry_points(group=group) if announced is None else announced
    kinds: dict[str, type[T]] = {}
    mistakes: list[str] = []
    for kind in built_in:
        mistakes.extend(admit(kind, f"built-in {kind.__qualname__}", kinds))
    for entry in strangers:
        origin = f"entry point {group}:{entry.name} = {entry.value}"
        try:
            candidate = entry.load()
        except Exception as error:  # noqa: BLE001 - a stranger's import may raise anything
            cause = f"{type(error).__name__}: {error}"
            mistakes.append(f"{origin}: does not load ({cause}); repair or uninstall that package")
        else:
            mistakes.extend(admit(candidate, origin, kinds))
    if mistakes:
        raise ConfigurationError(mistakes)
    return kinds


def _admit(candidate: object, origin: str, kinds: dict[str, type[Strategy]]) -> list[str]:
    """Register one class under its kind, or say why not."""
    if not isinstance(candidate, type):
        return [f"{origin}: is no class; announce the strategy's class itself"]
    missing = [name for name in METHODS if not callable(getattr(candidate, name, None))]
    settings = getattr(candidate, "Settings", None)
    if not (isinstance(settings, type) and issubclass(settings, BaseModel)):
        missing.append("Settings (a pydantic model)")
    name = getattr(candidate, "kind", None)
    if not (isinstance(name, str) and name):
        missing.append("kind (its name)")
    if missing:
        return [f"{origin}: lacks {', '.join(missing)}; fulfill trader.strategies.strategy"]
    if name in kinds:
        other = f"{kinds[name].__module__}.{kinds[name].__qualname__}"
        return [f"{origin}: kind {name!r} is taken by {other}; give it another name"]
    kinds[str(name)] = candidate
    return []


def _admit_model(candidate: object, origin: str, kinds: dict[str, type[PricingModel]]) -> list[str]:
    """Register one model under its name, or say why not."""
    if not (isinstance(candidate, type) and issubclass(candidate, model.PricingModel)):
        return [f"{origin}: is no PricingModel; derive it from trader.pricing.model.PricingModel"]
    missing = sorted(candidate.__abstractmethods__)
    missing += [one for one in ("name", "parameters") if not hasattr(candidate, one)]
    if missing:
        return [f"{origin}: lacks {', '.join(missing)}; fulfill trader.pricing.model"]
    if candidate.name in kinds:
        other = f"{kinds[candidate.name].__module__}.{kinds[candidate.name].__qualname__}"
        return [f"{origin}: model {candidate.name!r} is taken by {other}; give it another name"]
    kinds[candidate.name] = candidate
    return []
