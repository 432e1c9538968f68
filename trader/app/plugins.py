"""Which kinds of strategies are there? Built-in ones and strangers, through one door."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from trader.domain.errors import ConfigurationError
from trader.strategies.registry import BUILT_IN
from trader.strategies.strategy import ENTRY_POINT_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import EntryPoint

    from trader.strategies.strategy import Strategy

METHODS: Final = ("cadence", "propose", "parameter_space", "sketch")


def strategy_kinds(announced: Iterable[EntryPoint] | None = None) -> dict[str, type[Strategy]]:
    """Collect every kind by name: the built-in ones, then what installed packages announce.

    Raises:
        ConfigurationError: an entry point does not load, does not fulfill the contract, or takes
            a name that is taken; every such mistake at once.
    """
    strangers = entry_points(group=ENTRY_POINT_GROUP) if announced is None else announced
    kinds: dict[str, type[Strategy]] = {}
    mistakes: list[str] = []
    for kind in BUILT_IN:
        mistakes.extend(_admit(kind, f"built-in {kind.__qualname__}", kinds))
    for entry in strangers:
        origin = f"entry point {ENTRY_POINT_GROUP}:{entry.name} = {entry.value}"
        try:
            candidate = entry.load()
        except Exception as error:  # noqa: BLE001 - a stranger's import may raise anything
            cause = f"{type(error).__name__}: {error}"
            mistakes.append(f"{origin}: does not load ({cause}); repair or uninstall that package")
        else:
            mistakes.extend(_admit(candidate, origin, kinds))
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
