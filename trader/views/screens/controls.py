"""What can a person do from a page? The commands of the terminal as forms, where they belong."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from trader.domain.units import DAY, day_date, utc_day
from trader.engine.stages import RANK, STAGES
from trader.views.blocks import Control, Field

if TYPE_CHECKING:
    from trader.domain.trading import Stage

SIGNED: Final = "--by NAME --reason WHY"
EVERYTHING: Final = "of every strategy"


def pause(strategy: str = "") -> Control:
    """Stop opening, of one strategy or of all."""
    what = f"of {strategy}" if strategy else EVERYTHING
    return Control(
        action="pause",
        button=f"Pause opening {what}",
        typed=_typed("pause", strategy),
        fields=_about(strategy),
    )


def resume(strategy: str = "") -> Control:
    """Open again, of one strategy or of all."""
    what = f"of {strategy}" if strategy else EVERYTHING
    return Control(
        action="resume",
        button=f"Resume opening {what}",
        typed=_typed("resume", strategy),
        fields=_about(strategy),
    )


def flatten() -> Control:
    """Close everything, and pause."""
    return Control(
        action="flatten",
        button="Flatten: close everything",
        typed=_typed("flatten"),
        warning="Cancels every order, closes every chain at the displayed quotes, pauses opening.",
    )


def close(chain_id: str) -> Control:
    """Close one chain."""
    return Control(
        action="close",
        button="Close this chain",
        typed=_typed("close", chain_id),
        fields=(Field("chain_id", value=chain_id, hidden=True),),
        warning="Closes it as soon as the displayed quotes allow.",
    )


def promote(strategy: str, stage: Stage) -> Control:
    """Raise a strategy; what speaks against it is shown before it is done."""
    return Control(
        action="promote",
        button=f"Promote {strategy} to {stage}",
        typed=_typed("promote", strategy, "--to", stage),
        fields=_about(strategy, stage),
    )


def demote(strategy: str, stage: Stage) -> Control:
    """Lower a strategy."""
    return Control(
        action="demote",
        button=f"Demote {strategy} to {stage}",
        typed=_typed("demote", strategy, "--to", stage),
        fields=_about(strategy, stage),
    )


def run_night(at: int) -> Control:
    """Judge the last day that is over now; `at` is the market's time, 0 where nobody knows it."""
    date = day_date(utc_day(at - DAY)).isoformat() if at >= DAY else ""
    return Control(
        action="nightly",
        button="Run the night now",
        fields=(Field("date", "Day that is over (YYYY-MM-DD)", date),),
        warning="Judges every strategy on that day, as each night does: it can cost a stage.",
    )


def account_controls(at: int, *, paused: bool) -> tuple[Control, ...]:
    """Make what can be done to all of it at once; resuming is offered where `paused` or halted."""
    return (*((resume(),) if paused else ()), pause(), flatten(), run_night(at))


def strategy_controls(
    strategy: str, stage: Stage, *, paused: bool, floor: Stage = "RESEARCH"
) -> tuple[Control, ...]:
    """Make what can be done to one strategy where it stands."""
    up = tuple(promote(strategy, one) for one in STAGES if RANK[one] > RANK[stage])
    down = tuple(demote(strategy, one) for one in reversed(STAGES) if _below(one, stage, floor))
    return (resume(strategy) if paused else pause(strategy), *up, *down)


def _below(one: Stage, stage: Stage, floor: Stage) -> bool:
    return RANK[floor] <= RANK[one] < RANK[stage]


def _about(strategy: str, stage: str = "") -> tuple[Field, ...]:
    named = (("strategy", strategy), ("stage", stage))
    return tuple(Field(name, value=value, hidden=True) for name, value in named if value)


def _typed(command: str, *words: str) -> str:
    """Write what a person would type, quoted as a shell asks for."""
    return " ".join(("trader", command, *(shlex.quote(one) for one in words if one), SIGNED))
