"""Which command does a person give? What was sent, read into the event the journal keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain import events
from trader.views.reading import NotUnderstood
from trader.views.stages import MACHINES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.events import Command

COMMANDS: Final[dict[str, type[Command]]] = {
    "pause": events.PauseTrading,
    "resume": events.ResumeTrading,
    "close": events.ClosePosition,
    "flatten": events.FlattenAll,
    "promote": events.Promote,
    "demote": events.Demote,
    "nightly": events.RunNightly,
}
"""Every command, by the name of its address."""
TEXT_MAX: Final = 200
"""Characters of each text that is kept."""


def command_of(action: str, given: Mapping[str, object]) -> Command:
    """Read a command.

    Raises:
        NotUnderstood: it is none; names the field, what was sent, and what may be.
    """
    kind = COMMANDS.get(action)
    if kind is None:
        raise NotUnderstood(f"action {action[:50]!r}: choose from {', '.join(COMMANDS)}")
    fields = {one.name: one for one in msgspec.structs.fields(kind)}
    for name in given:
        if name not in fields:
            raise NotUnderstood(f"field {name[:50]!r}: {action} takes {', '.join(fields)}")
    for one in fields.values():
        if one.required and one.name not in given:
            raise NotUnderstood(f"field {one.name!r} is missing: {action} needs it")
    read = {name: _said(name, value) for name, value in given.items()}
    if str(read["by"]).lower() in MACHINES:
        raise NotUnderstood(f"field 'by' = {read['by']!r} signs for the program itself: give yours")
    try:
        command: Command = msgspec.convert(read, kind)
    except msgspec.ValidationError as error:
        raise NotUnderstood(f"{action}: {error}") from error
    return command


def fields_of(action: str, form: Mapping[str, str]) -> dict[str, object]:
    """Take what a form says of a command; a tick is true, what was left empty is not said."""
    kind = COMMANDS.get(action)
    if kind is None:
        return {}
    known = {one.name: one.type for one in msgspec.structs.fields(kind)}
    said = {name: value for name, value in form.items() if name in known and value.strip()}
    return {name: value == "true" if known[name] is bool else value for name, value in said.items()}


def _said(name: str, value: object) -> object:
    """Bound a text; an empty one says nothing."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not text:
        raise NotUnderstood(f"field {name!r} is empty: say it, the journal keeps it for years")
    if len(text) > TEXT_MAX or not text.isprintable():
        raise NotUnderstood(f"field {name!r}: at most {TEXT_MAX} printable characters")
    return text
