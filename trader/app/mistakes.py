"""What is wrong with this configuration? Every mistake as one line: where, key, value, remedy."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel

from trader.domain.errors import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import ValidationError
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

VALUE_LENGTH_MAX: Final = 120
BOUNDS: Final = (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="))
TYPE_NAMES: Final = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "string": "text",
    "tuple": "a list",
    "dict": "a table",
    "model": "a table",
    "finite": "a finite number",
}


def mistakes_of(
    error: ValidationError, model: type[BaseModel], origin: Callable[[str], str]
) -> list[str]:
    """Write every error pydantic found as one line; `origin` names who set a dotted key."""
    lines = [_line(detail, model, origin) for detail in error.errors(include_url=False)]
    return list(dict.fromkeys(lines))


def mistake(origin: str, key: str, value: object, problem: str, remedy: str) -> str:
    """Write one mistake: origin, key, value, problem, remedy, without a line break."""
    return " ".join(f"{origin}: {key} = {shown(value)}: {problem}; {remedy}".split())


def shown(value: object) -> str:
    """Write a value as TOML would, shortened in the middle: the end of a path matters."""
    if isinstance(value, float) and not math.isfinite(value):
        text = str(value)
    else:
        text = json.dumps(value, default=str, ensure_ascii=False)
    half = VALUE_LENGTH_MAX // 2
    return text if len(text) <= VALUE_LENGTH_MAX else f"{text[:half]}...{text[-half:]}"


def choices_of(annotation: object) -> list[str]:
    """List the texts of a `Literal`, also within a union."""
    found = [argument for argument in get_args(annotation) if isinstance(argument, str)]
    for argument in get_args(annotation):
        found.extend(choices_of(argument))
    return found


def bounds_of(field: FieldInfo) -> list[str]:
    """List the limits of a number, such as `> 0`."""
    return [
        f"{sign} {getattr(limit, name):g}"
        for limit in field.metadata
        for name, sign in BOUNDS
        if getattr(limit, name, None) is not None
    ]


def _line(detail: ErrorDetails, model: type[BaseModel], origin: Callable[[str], str]) -> str:
    """Write one error of pydantic."""
    location = tuple(part for part in detail["loc"] if not _is_branch(part))
    key = ".".join(str(part) for part in location) or "configuration"
    owner, field = _find(model, location)
    where = origin(key)
    kind = detail["type"]
    if kind == "extra_forbidden":
        remedy = nearest(str(location[-1]), owner.model_fields if owner is not None else ())
        return mistake(where, key, detail["input"], "unknown key", remedy)
    if kind in ("value_error", "assertion_error"):
        return mistake(where, key, detail["input"], *_told(str(detail["ctx"]["error"]), key, field))
    remedy = "correct it or remove it" if owner is None else _wanted(field, detail["input"])
    return mistake(where, key, detail["input"], _problem(detail), remedy)


def _told(message: str, key: str, field: FieldInfo | None) -> tuple[str, str]:
    """Split a section's own message into problem and remedy; its key and value stand already."""
    leaf = key.rpartition(".")[2]
    message = re.sub(rf"^{re.escape(leaf)} [^\s:]+:? ", "", message)
    for mark in ("; ", ": "):
        problem, found, remedy = message.partition(mark)
        if found:
            return problem, remedy
    return message, _wanted(field)


def _is_branch(part: int | str) -> bool:
    """Tell pydantic's names of union branches from keys of ours."""
    return isinstance(part, str) and (part.startswith("literal[") or part == "[key]")


def _problem(detail: ErrorDetails) -> str:
    """Say what is wrong in the trade's words rather than the library's."""
    kind = detail["type"]
    context: dict[str, Any] = detail.get("ctx", {})
    for bound, word in (("gt", "greater than"), ("ge", "at least")):
        if kind in ("greater_than", "greater_than_equal") and bound in context:
            return f"must be {word} {context[bound]:g}"
    for bound, word in (("lt", "less than"), ("le", "at most")):
        if kind in ("less_than", "less_than_equal") and bound in context:
            return f"must be {word} {context[bound]:g}"
    if kind == "literal_error":
        return "unknown value"
    if kind == "missing":
        return "is missing"
    wanted = TYPE_NAMES.get(kind.partition("_")[0])
    if wanted is not None and kind.endswith(("_type", "_parsing", "_number", "from_float")):
        return f"must be {wanted}"
    return detail["msg"].removeprefix("Input should be ").removeprefix("Value error, ")


def _find(
    model: type[BaseModel], location: Sequence[int | str]
) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """Follow a location to the section that owns it and to its field, where there is one."""
    owner: type[BaseModel] | None = model
    field: FieldInfo | None = None
    for depth, part in enumerate(location):
        if owner is None:
            return None, field
        field = owner.model_fields.get(str(part))
        if depth < len(location) - 1:
            owner = None if field is None else _section(field.annotation)
    return owner, field


def _section(annotation: object) -> type[BaseModel] | None:
    """Find the model in an annotation, `Model` or `Model | None`."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _wanted(field: FieldInfo | None, given: object = None) -> str:
    """Say what the field takes: choices or range, and its default."""
    if field is None:
        return "remove it or correct it"
    choices = choices_of(field.annotation)
    if choices:
        pointer = nearest(given, choices) if isinstance(given, str) else ""
        listed = f"choose one of {', '.join(choices)}"
        return f"{listed} ({pointer})" if pointer.startswith("did") else listed
    bounds = bounds_of(field)
    taken = f"give a value {' and '.join(bounds)}" if bounds else "correct the value"
    return taken if field.is_required() else f"{taken} (default {shown(_default(field))})"


def _default(field: FieldInfo) -> object:
    """Take the default as the configuration would write it."""
    value = field.get_default(call_default_factory=True, validated_data={})
    return value.model_dump() if isinstance(value, BaseModel) else value
