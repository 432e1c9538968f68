"""Which values are in force, and who set each? Secrets are masked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import BaseModel

from trader.app.mistakes import shown
from trader.strategies.fitted_policy import FittedPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trader.app.configuration import Configuration
    from trader.app.strategy_files import ConfiguredStrategy

PASSWORD: Final = re.compile(r"(://[^/@:]*:)[^/@]*(@)")


class EffectiveValue(NamedTuple):
    """One value in force; `origin` is a file, a variable, the command line or `default`."""

    key: str
    shown: str
    origin: str


def effective_values(configuration: Configuration) -> list[EffectiveValue]:
    """List every value: settings in order of declaration, then each strategy."""
    layers = configuration.layers
    values = [
        EffectiveValue(key, masked(value), layers.setter(key))
        for key, value in _flat(configuration.settings, "")
    ]
    home = str(configuration.state_dir)
    resolved = EffectiveValue("(state directory)", masked(home), "resolved")
    strategies = (*configuration.strategies, *configuration.disabled)
    return [*values, resolved, *(value for one in strategies for value in _strategy(one))]


def masked(value: object) -> str:
    """Write a value without the password of a URL; a secret's file name is no secret."""
    return shown(PASSWORD.sub(r"\1***\2", value) if isinstance(value, str) else value)


def _strategy(configured: ConfiguredStrategy) -> Iterator[EffectiveValue]:
    """List one strategy: its file, then its parameters with their defaults."""
    name, path = configured.file.name, str(configured.path)
    for key, value in _flat(configured.file, f"{name}."):
        if not key.startswith(f"{name}.parameters"):
            given = _given(configured.file, key.removeprefix(f"{name}."))
            yield EffectiveValue(key, masked(value), path if given else "default")
    written = configured.file.parameters
    for key, value in _flat(configured.strategy.settings, ""):
        origin = path if key.partition(".")[0] in written else "default"
        yield EffectiveValue(f"{name}.parameters.{key}", masked(value), origin)
    yield EffectiveValue(f"{name}.(hash)", shown(configured.configuration_hash[:12]), "computed")


def _given(model: BaseModel, key: str) -> bool:
    """Tell whether a dotted key was written rather than defaulted."""
    name, _, rest = key.partition(".")
    inner = getattr(model, name, None)
    written = name in model.model_fields_set
    return written and (_given(inner, rest) if rest and isinstance(inner, BaseModel) else True)


def _flat(model: BaseModel, prefix: str) -> Iterator[tuple[str, object]]:
    """Walk a section: dotted key and value, tables opened."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, FittedPolicy):
            yield f"{prefix}{name}", str(value)
        elif isinstance(value, BaseModel):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, dict) and value:
            yield from ((f"{prefix}{name}.{key}", item) for key, item in value.items())
        else:
            yield f"{prefix}{name}", value
