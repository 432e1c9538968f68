"""Who leads the faults while the exchange runs, and how? Three methods, for this machine alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from trader.deribit.refusal import ServerError
from trader.deribit.simulator.fault_plan import Entry, FaultPlan
from trader.deribit.simulator.faults import KINDS, read_fault
from trader.deribit.simulator.parameters import invalid

FORBIDDEN: Final = 13_021


class FaultDesk:
    """The methods that list, start and stop faults."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan
        self._methods: dict[str, Callable[[Mapping[str, Any]], object]] = {
            "simulator/faults": self._list,
            "simulator/fault_start": self._start,
            "simulator/fault_stop": self._stop,
        }

    def answers(self, method: str) -> bool:
        """Tell whether a method is one of these."""
        return method in self._methods

    def handle(self, method: str, params: Mapping[str, Any], *, local: bool) -> object:
        """Answer one of the methods.

        Raises:
            ServerError: asked from another machine, or nothing that can be done.
        """
        if not local:
            raise ServerError(FORBIDDEN, "forbidden", {"reason": "faults are for local clients"})
        return self._methods[method](params)

    def _list(self, _params: Mapping[str, Any]) -> list[dict[str, object]]:
        return [_row(entry) for entry in self._plan.entries]

    def _start(self, params: Mapping[str, Any]) -> dict[str, int]:
        kind = params.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            raise invalid("kind", f"{kind!r} is no fault; choose one of {', '.join(KINDS)}")
        try:
            return {"id": self._plan.start(read_fault(params))}
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            param = ".".join(map(str, first["loc"])) or "every_s"
            raise invalid(param, first["msg"].removeprefix("Value error, ")) from error
        except ValueError as error:
            raise invalid("kind", str(error)) from error

    def _stop(self, params: Mapping[str, Any]) -> dict[str, int]:
        id_ = params.get("id")
        if not (id_ is None or (isinstance(id_, int) and not isinstance(id_, bool))):
            raise invalid(
                "id", "give the number that `simulator/fault_start` told, or none for all"
            )
        stopped = self._plan.stop(id_)
        if id_ is not None and not stopped:
            raise invalid("id", f"no fault {id_} is planned or on")
        return {"stopped": stopped}


def _row(entry: Entry) -> dict[str, object]:
    return {"id": entry.id, "on": entry.on, "since_s": entry.since_s, **entry.fault.model_dump()}
