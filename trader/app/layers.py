"""Who set this value? Configuration as layers: files, then environment, then command line.

pydantic-settings reads the files and merges; sources of ours read environment and command line,
because its own stop at the first value they cannot parse, ignore variables they do not know and
lower the case of keys such as BTC.
"""

from __future__ import annotations

import datetime
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic_settings import PydanticBaseSettingsSource, TomlConfigSettingsSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings

ENVIRONMENT_PREFIX: Final = "TRADER_"
ENVIRONMENT_DELIMITER: Final = "__"
NO_SETTINGS: Final = ("TRADER_REAL_DATA",)
"""Variables with our prefix that are no settings: where the tests find recorded market data."""

FOREIGN_PREFIX: Final = "TW_"
"""Of settings of a broker that nothing here trades with."""

Tree = dict[str, object]


class Layer(NamedTuple):
    """Values of one origin; `folder` is what its relative paths are relative to."""

    origin: str
    folder: Path
    values: Tree


class Assigned(PydanticBaseSettingsSource):
    """What one environment variable or one `--set` says."""

    def __init__(self, settings_cls: type[BaseSettings], values: Tree) -> None:
        super().__init__(settings_cls)
        self._values = values

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Give the value of one field; the library asks for this method, `__call__` gives all."""
        del field
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Give every value, also of keys that no setting has: those are mistakes to report."""
        return self._values


class Layers:
    """Files, then assignments, the heaviest last: what each wrote, right or wrong.

    Invariant: a key belongs to the heaviest layer that wrote it; so does a table.
    """

    def __init__(self, files: Sequence[Layer], assigned: Sequence[Layer] = ()) -> None:
        self._files = tuple(files)
        self._assigned = tuple(assigned)
        self._written = {
            key: (layer, value)
            for layer in (*files, *assigned)
            for key, value in _flat(layer.values, "")
        }

    def sources(self, settings_cls: type[BaseSettings]) -> tuple[PydanticBaseSettingsSource, ...]:
        """Give what pydantic-settings merges, the heaviest first.

        Without `deep_merge` a later file would replace whole tables of an earlier one.
        """
        paths = [Path(layer.origin) for layer in self._files]
        return (
            *(Assigned(settings_cls, layer.values) for layer in reversed(self._assigned)),
            TomlConfigSettingsSource(settings_cls, toml_file=paths, deep_merge=True),
        )

    def written(self, key: str, default: object = None) -> object:
        """Take the value of a dotted key as it was written, unchecked."""
        return self._written[key][1] if key in self._written else default

    def setter(self, key: str) -> str:
        """Name who set exactly this value; `default` where nobody did."""
        return self._written[key][0].origin if key in self._written else "default"

    def origin(self, key: str) -> str:
        """Name where to look for a dotted key: who set it, or the nearest table around it."""
        return self.setter(self._nearest(key))

    def folder(self, key: str) -> Path:
        """Find what a relative path under a dotted key is relative to."""
        nearest = self._nearest(key)
        return self._written[nearest][0].folder if nearest else Path.cwd()

    def _nearest(self, key: str) -> str:
        while key and key not in self._written:
            key = key.rpartition(".")[0]
        return key


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
    if not path.is_file():  # a pipe: pydantic-settings, which reads it once more, would skip it
        return None, [f"{path}: is no regular file; name a TOML file"]
    return Layer(str(path), path.parent, values), []


def foreign_settings(variables: Mapping[str, str]) -> str:
    """Say which variables of the environment are another program's settings; "" where none are."""
    names = sorted(name for name in variables if name.startswith(FOREIGN_PREFIX))
    if not names:
        return ""
    return (
        f"{', '.join(names)} ignored: settings of another broker; trading is on paper, on Deribit's"
        " market"
    )


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


def _flat(tree: Tree, prefix: str) -> Iterator[tuple[str, object]]:
    """Walk a tree: dotted key and value, of tables too."""
    for name, value in tree.items():
        yield f"{prefix}{name}", value
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
