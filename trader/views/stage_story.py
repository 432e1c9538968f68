"""Why does a strategy live where it does? The story of its stage, and of one night, from facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.domain.events import (
    Demote,
    NightEvaluated,
    PauseTrading,
    Promote,
    ResumeTrading,
    StageChanged,
)
from trader.domain.facts import AlertRaised, BehaviorJudged, CommandTaken
from trader.domain.units import iso
from trader.engine.guard import trader_name
from trader.views.behavior_lines import judgment_text, profile_text
from trader.views.log_lines import command_text
from trader.views.stages import verdict_text
from trader.views.text import Column, number, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trader.domain.events import NightVerdict
    from trader.domain.facts import Recorded
    from trader.views.stages import Approval


def explain_night(records: Sequence[Recorded]) -> str:
    """Tell of a night from the facts of its step: what it said, and what followed at once."""
    lines: list[str] = []
    for recorded in records:
        match recorded.fact:
            case NightEvaluated() as night:
                quick = ", quick profile" if night.profile == "quick" else ""
                lines.append(f"Night of {night.date}{quick}, taken at {iso(recorded.at)}.")
                lines += [f"  {night.detail}"] if night.detail else []
                for one in night.verdicts:
                    lines += ["", f"{one.strategy}: {verdict_text(one)}"]
                    lines += [f"  {line}" for line in _figures(one)]
                lines += [""] if night.traders else []
                lines += [
                    f"{trader_name(one.strategy)}: {profile_text(one)}" for one in night.traders
                ]
            case StageChanged() as change:
                lines += ["", f"So {_moved(change)}"]
            case AlertRaised() as alert:
                about = f" of {alert.strategy}" if alert.strategy else ""
                lines += ["", f"Warned{about}: {alert.text}"]
            case _:
                pass
    return "\n".join(lines)


def explain_account(records: Sequence[Recorded]) -> str:
    """Tell what was found about the behavior of the account as a whole, in order."""
    lines = [
        f"  {iso(one.at)}  {judgment_text(one.fact)}"
        for one in records
        if isinstance(one.fact, BehaviorJudged)
    ]
    return "\n".join(["The behavior of the account, oldest first:", *lines])


def explain_stages(strategy: str, records: Sequence[Recorded]) -> str:
    """Tell how a strategy came to its stage: every change, night and command about it, in order."""
    head = f"The stages and the behavior of {strategy}, oldest first:"
    lines = (f"  {iso(at)}  {told}" for at, told in stage_lines(strategy, records))
    return "\n".join([head, *lines])


def stage_lines(strategy: str, records: Iterable[Recorded]) -> Iterator[tuple[int, str]]:
    """Tell, with its time, of each fact that bears on the stage of a strategy."""
    for recorded in records:
        if told := _told(strategy, recorded):
            yield recorded.at, told


def _told(strategy: str, recorded: Recorded) -> str:
    match recorded.fact:
        case StageChanged() as change if change.strategy == strategy:
            return _moved(change)
        case NightEvaluated() as night:
            said = [verdict_text(one) for one in night.verdicts if one.strategy == strategy]
            told = f"the night of {night.date} says {said[0]}" if said else ""
            types = [profile_text(one) for one in night.traders if one.strategy == strategy]
            return "; ".join(one for one in (told, *types) if one)
        case CommandTaken(command) if isinstance(
            command, Promote | Demote | PauseTrading | ResumeTrading
        ) and (command.strategy == strategy):
            return f"{command.by} {command_text(command)}: {command.reason}"
        case BehaviorJudged() as judged if judged.strategy in (strategy, None):
            return f"behavior of {judgment_text(judged)}"
        case AlertRaised() as alert if alert.strategy == strategy:
            return f"warned: {alert.text}" if alert.kind == "night_warning" else ""
        case _:
            return ""


def _moved(change: StageChanged) -> str:
    return f"{change.strategy} lives at {change.stage} now, by {change.by}: {change.reason}"


def _figures(verdict: NightVerdict) -> list[str]:
    names = {name: name.replace("_", " ") for name in verdict.figures}
    return [f"{names[name]}: {number(value)}" for name, value in verdict.figures.items()]


def changes_text(
    approval: Approval,
    now: str,
    changed: Sequence[tuple[str, str, str]] | None,
    code: Sequence[str],
) -> str:
    """Tell what changed since a strategy got its stage; `changed` None: how it was is not kept."""
    change = approval.change
    head = f"{change.strategy} got {change.stage} on {iso(approval.at)} by {change.by}"
    lines = [f"{head}: {change.reason}"]
    if change.configuration_hash == now:
        return "\n".join([*lines, "Nothing changed since: parameters and code are the same."])
    hashes = f"configuration {change.configuration_hash[:12]} then, {now[:12]} now"
    lines.append(f"It changed since ({hashes}), so that stage is not its own any more.")
    if changed is None:
        return "\n".join([*lines, "How it was then is not kept here: only the hashes tell."])
    columns = (Column("name", "parameter"), Column("then", "then"), Column("now", "now"))
    rows = [{"name": name, "then": then, "now": one} for name, then, one in changed]
    lines += ["", table(rows, columns)] if rows else ["No parameter changed."]
    lines += ["", "Its code changed:", *code] if code else ["", "Its code is the same."]
    return "\n".join(lines)
