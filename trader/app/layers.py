"""Who set this value? Configuration as layers: files, then environment, then command line."""

from __future__ import annotations

import datetime
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, get_args, get_origin

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ENVIRONMENT_PREFIX: Final = "TRADER_"
ENVIRONMENT_DELIMITER: Final = "__"
NO_SETTINGS: Final = ("TRADER_REAL_DATA",)
"""Variables with our prefix that are no settings: where the tests find recorded market data."""

Tree = dict[str, object]


class Layer(NamedTuple):
    """Values of one origin; `folder` is what its relative paths are relative to."""

    origin: str
    folder: Path
    values: Tree


class Layers:
    """Layers in order of weight, the heaviest last, and who set each value of their sum.

    Invariant: tables merge key by key at every depth; anything else replaces what lies below.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.values: Tree = {}
        self._setter: dict[str, Layer] = {}
        for layer in layers:
            self._lay(layer, layer.values, self.values, "")

    def origin(self, key: str) -> str:
        """Name where to look for a dotted key: who set it, or the nearest table around it."""
        layer = self._nearest(key)
        return "default" if layer is None else layer.origin

    def setter(self, key: str) -> str:
        """Name who set exactly this value; `default` where nobody did."""
        layer = self._setter.get(key)
        return "default" if layer is None else layer.origin

    def folder(self, key: str) -> Path:
        """Find what a relative path under a dotted key is relative to."""
        layer = self._nearest(key)
        return Path.cwd() if layer is None else layer.folder

    def _nearest(self, key: str) -> Layer | None:
        while key and key not in self._setter:
            key = key.rpartition(".")[0]
        return self._setter.get(key)

    def _lay(self, layer: Layer, above: Tree, below: Tree, prefix: str) -> None:
        for name, value in above.items():
            key = f"{prefix}{name}"
            lower = below.get(name)
            if isinstance(value, dict):
                table: Tree = lower if isinstance(lower, dict) else {}
                below[name] = table
                self._setter.setdefault(key, layer)
                self._lay(layer, value, table, f"{key}.")
            else:
                below[name] = _frozen(value)
                self._setter[key] = layer


def file_layer(path: Path) -> tuple[Layer | None, list[str]]:
    """Read one TOML file; a file that cannot be read is a mistake, not an exception."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        return None, [f"{path}: invalid TOML: {error}; correct that line"]
    except UnicodeDecodeError as error:
        return None, [f"{path}: not UTF-8 text ({error.reason}); save it as UTF-8"]
    except OSError as error:
        reason = error.strerror or str(error)
        return None, [f"{path}: cannot be read: {reason}; name an existing, readable TOML file"]
    return Layer(str(path), path.parent, values), []


def environment_layers(variables: Mapping[str, str], model: type[BaseModel]) -> list[Layer]:
    """Read every `TRADER_SECTION__KEY` of the environment, one layer each.

    Values are written as in TOML; what is no TOML value is taken as text, an empty one as unset.
    """
    return [
        Layer(
            f"environment {name}",
            Path.cwd(),
            _tree(_keys(name.removeprefix(ENVIRONMENT_PREFIX), model), parsed(variables[name])),
        )
        for name in sorted(variables)
        if name.startswith(ENVIRONMENT_PREFIX) and variables[name] and name not in NO_SETTINGS
    ]


def command_line_layers(assignments: Iterable[str]) -> tuple[list[Layer], list[str]]:
    """Read every `--set section.key=value`; one without a key or a value is a mistake."""
    layers, mistakes = [], []
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        keys = key.strip().split(".")
        if not equals or not all(keys):
            mistakes.append(
                f"command line: --set {assignment}: no assignment; write --set section.key=value"
            )
            continue
        layers.append(Layer("command line --set", Path.cwd(), _tree(keys, parsed(text.strip()))))
    return layers, mistakes


def parsed(text: str) -> object:
    """Read a value as TOML writes it; anything else, dates included, is text."""
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    value: object = table.get("value")
    no_plain_value = isinstance(value, datetime.date | datetime.time)
    return text if len(table) != 1 or no_plain_value else value


def _keys(name: str, model: type[BaseModel]) -> list[str]:
    """Spell a variable's name as keys: lower case in a section, as given in a free table."""
    keys: list[str] = []
    place: object = model
    for part in name.split(ENVIRONMENT_DELIMITER):
        section = isinstance(place, type) and issubclass(place, BaseModel)
        key = part.lower() if section else part
        keys.append(key)
        if section and isinstance(place, type) and issubclass(place, BaseModel):
            field = place.model_fields.get(key)
            place = None if field is None else field.annotation
            if get_origin(place) is not None and get_origin(place) is not dict:
                place = next((one for one in get_args(place) if isinstance(one, type)), None)
    return keys


def _tree(keys: Sequence[str], value: object) -> Tree:
    """Nest a value under its keys."""
    for key in reversed(keys):
        value = {key: value}
    return value if isinstance(value, dict) else {}


def _frozen(value: object) -> object:
    """Turn lists into tuples, as frozen settings hold them."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
