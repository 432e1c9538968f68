"""Which keys are there? The reference of README and `.env.example`, read off the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel

from trader.app.layers import ENVIRONMENT_DELIMITER, ENVIRONMENT_PREFIX
from trader.app.mistakes import bounds_of, choices_of
from trader.app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

TYPES = {bool: "true or false", int: "whole number", float: "number", str: "text"}


class Key(NamedTuple):
    """One key: what it takes, its default as TOML writes it, what it is for."""

    name: str
    takes: str
    default: str
    description: str

    @property
    def variable(self) -> str:
        """Spell the environment variable."""
        return ENVIRONMENT_PREFIX + self.name.upper().replace(".", ENVIRONMENT_DELIMITER)


def known_keys() -> list[Key]:
    """List every key in order of declaration."""
    return list(_keys(Settings, ""))


def reference_table() -> str:
    """Write the keys as the Markdown table of README."""
    rows = ["| key | takes | default | |", "|---|---|---|---|"]
    for key in known_keys():
        default = f"`{key.default}`" if key.default else ""
        cells = (f"`{key.name}`", key.takes, default, key.description)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def environment_example() -> str:
    """Write `.env.example`: every variable with its default, commented out."""
    lines = [
        "# Every key of the configuration as an environment variable, with its default.",
        "# Remove the `# ` before a line to set it; values are written as in TOML.",
        "# The environment overrides files and is overridden by `--set section.key=value`.",
    ]
    for key in known_keys():
        value = f"'{key.default}'" if key.default else ""
        lines.extend(("", f"# {key.description}", f"# {key.variable}={value}"))
    return "\n".join(lines)


def as_toml(value: object) -> str:
    """Write a default as TOML does; None is written as nothing."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case dict():
            return "{" + ", ".join(f"{name} = {as_toml(one)}" for name, one in value.items()) + "}"
        case tuple() | list():
            return "[" + ", ".join(as_toml(one) for one in value) + "]"
        case str():
            return f'"{value}"'
        case _:
            return str(value)


def _keys(model: type[BaseModel], prefix: str) -> Iterator[Key]:
    """Walk a section."""
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _keys(annotation, f"{prefix}{name}.")
        else:
            default = as_toml(field.get_default(call_default_factory=True, validated_data={}))
            yield Key(f"{prefix}{name}", _takes(field), default, field.description or "")


def _takes(field: FieldInfo) -> str:
    """Say what a key takes: choices, or type and range."""
    choices = choices_of(field.annotation)
    if choices:
        return " or ".join(f"`{choice}`" for choice in choices)
    bounds = " and ".join(bounds_of(field))
    return f"{_type_name(field.annotation)} {bounds}".strip()


def _type_name(annotation: object) -> str:
    """Name a type for people."""
    if isinstance(annotation, type) and annotation in TYPES:
        return TYPES[annotation]
    origin = get_origin(annotation)
    if origin is tuple:
        return f"list of {_type_name(get_args(annotation)[0])}"
    if origin is dict:
        return f"table of {_type_name(get_args(annotation)[1])}s"
    inner = [one for one in get_args(annotation) if one is not type(None)]
    if inner and origin is not Literal:
        return _type_name(inner[0])
    return str(annotation)
