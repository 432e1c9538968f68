"""Which faults does this file, or this seed, ask the exchange for? Every mistake as one line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from trader.app.layers import file_layer
from trader.app.mistakes import mistake, mistakes_of
from trader.deribit.simulator.fault_plan import FaultPlan
from trader.deribit.simulator.faults import KINDS, read_fault
from trader.deribit.simulator.random_faults import random_schedule
from trader.domain.errors import ConfigurationError, nearest

if TYPE_CHECKING:
    from trader.deribit.simulator.faults import AnyFault

RANDOM: Final = "random:"
RANDOM_WALL_S: Final = 24 * 3_600.0
"""For how long a seed brings new faults."""

_KEYS: Final = ("fault", "seed")


def plan_of(asked: str | None) -> FaultPlan:
    """Make the plan that `--faults` asks for: a file, `random:SEED`, or nothing.

    Raises:
        ConfigurationError: with one line per mistake.
    """
    if asked is None:
        return FaultPlan()
    if asked.startswith(RANDOM):
        seed = asked.removeprefix(RANDOM)
        if not (seed.isascii() and seed.isdecimal()):
            remedy = "give a whole number, such as random:1"
            raise ConfigurationError(mistake("--faults", "random", seed, "no seed", remedy))
        return FaultPlan(random_schedule(int(seed), wall_s=RANDOM_WALL_S), seed=int(seed))
    return _read(Path(asked))


def _read(path: Path) -> FaultPlan:
    layer, wrong = file_layer(path)
    if layer is None:
        raise ConfigurationError(wrong)
    origin, values = layer.origin, layer.values
    wrong = [
        mistake(origin, key, values[key], "unknown key", nearest(key, _KEYS))
        for key in values
        if key not in _KEYS
    ]
    seed = values.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        wrong.append(mistake(origin, "seed", seed, "no seed", "give a whole number from 0"))
    tables = values.get("fault", [])
    faults: list[AnyFault] = []
    if not isinstance(tables, list):
        wrong.append(mistake(origin, "fault", tables, "no list", "write [[fault]]"))
        tables = []
    for number, table in enumerate(tables, 1):
        fault, mistakes = _fault(f"{origin}: fault {number}", table)
        faults += fault
        wrong += mistakes
    if wrong or not isinstance(seed, int):
        raise ConfigurationError(wrong)
    return FaultPlan(faults, seed=seed)


def _fault(origin: str, table: object) -> tuple[list[AnyFault], list[str]]:
    """Read one table: the fault, or what is wrong with it."""
    if not isinstance(table, dict):
        return [], [mistake(origin, "fault", table, "no table", "write [[fault]] above its keys")]
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        problem = "is missing" if kind is None else "unknown kind"
        return [], [mistake(origin, "kind", kind, problem, nearest(str(kind), KINDS))]
    try:
        return [read_fault(table)], []
    except ValidationError as error:
        return [], mistakes_of(error, KINDS[kind], lambda _: f"{origin} ({kind})")
