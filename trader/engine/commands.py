"""What did a person ask for? Commands are journaled as given, then carried out."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, assert_never

from trader.domain.events import (
    ClosePosition,
    Demote,
    FlattenAll,
    PauseTrading,
    Promote,
    ResumeTrading,
    RunNightly,
    StageChanged,
)
from trader.domain.facts import AlertRaised, CommandTaken, OrderEnded
from trader.domain.units import day_date, iso, utc_day
from trader.engine import housekeeping, quoting
from trader.engine.ledger import EVERYTHING
from trader.engine.outcome import NightNeeded
from trader.engine.stages import NIGHT, RANK, decide, objection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.events import Command, NightEvaluated
    from trader.engine.review import Slot
    from trader.engine.stages import StageSettings
    from trader.engine.step import Step
    from trader.engine.trading_desk import TradingDesk


def take(
    desk: TradingDesk,
    slots: Mapping[str, Slot],
    command: Command,
    settings: StageSettings,
    step: Step,
) -> None:
    """Journal a command and carry it out; one that names nothing known is answered by an alert."""
    if isinstance(command, ResumeTrading) and command.strategy is None:
        # The halts forgive up to the last mark: without a new one this hour would count again.
        housekeeping.mark(desk.ledger, desk.review, step)
    step.record(CommandTaken(command))
    match command:
        case PauseTrading() | ResumeTrading():
            if command.strategy is not None and command.strategy not in slots:
                _refuse(f"strategy {command.strategy!r} is not configured", step)
            elif isinstance(command, PauseTrading):
                detail = f"paused by {command.by}: {command.reason}"
                housekeeping.stop_opening(
                    desk.ledger, step, "canceled", detail, strategy=command.strategy
                )
            else:
                desk.halts(step)
        case ClosePosition():
            _close(desk, command, step)
        case FlattenAll():
            _flatten(desk, command, step)
        case Promote() | Demote():
            _move(desk, slots, command, settings, step)
        case RunNightly():
            _ask_for_night(desk, command, step)
        case _:
            assert_never(command)


def change_stage(
    desk: TradingDesk, slots: Mapping[str, Slot], change: StageChanged, step: Step
) -> None:
    """Adopt a stage that was decided elsewhere: about the strategy as it runs now, never up."""
    slot = slots.get(change.strategy)
    if slot is None or slot.configuration_hash != change.configuration_hash:
        _refuse(f"stage of {change.strategy!r} is for another configuration: ignored", step)
        return
    if RANK[change.stage] > RANK[desk.review.stage(change.strategy)]:
        _refuse(f"{change.strategy} to {change.stage} by {change.by}: only a person promotes", step)
        return
    _adopt(desk, change, step)


def _refuse(text: str, step: Step) -> None:
    step.record(AlertRaised(kind="command_refused", severity="warning", text=text))


def _close(desk: TradingDesk, command: ClosePosition, step: Step) -> None:
    chain = desk.ledger.chains.get(command.chain_id)
    if chain is None or (chain.flat and not chain.quotes):
        _refuse(f"chain {command.chain_id!r} holds nothing that could be closed", step)
        return
    desk.leave(chain, f"closed by {command.by}: {command.reason}", step)


def _flatten(desk: TradingDesk, command: FlattenAll, step: Step) -> None:
    reason = f"flattened by {command.by}: {command.reason}"
    for chain in tuple(desk.ledger.chains.values()):
        quoting.withdraw(desk.ledger, chain, "flattened", reason, step)
    for book in tuple(desk.ledger.orders.values()):
        if book.order.action != "close":
            step.record(OrderEnded(book.order.order_id, book.order.account, "flattened"))
    for chain in tuple(desk.ledger.chains.values()):
        if not chain.flat and not chain.pending:
            desk.close(chain, reason, step)


def _ask_for_night(desk: TradingDesk, command: RunNightly, step: Step) -> None:
    """Ask for a night that can still count: of a day that is over, after the last one taken."""
    try:
        over = date.fromisoformat(command.date) < day_date(utc_day(step.at))
    except ValueError:
        _refuse(f"{command.date!r} is no day: write YYYY-MM-DD", step)
        return
    if not over:
        _refuse(f"the day {command.date} is not over yet: it is {iso(step.at)}", step)
    elif command.date <= desk.ledger.night_of:
        _refuse(f"the night of {desk.ledger.night_of} is taken already: name a later day", step)
    else:
        step.requests.append(NightNeeded(command.date, by_hand=True))


def flatten_assigned(desk: TradingDesk, step: Step) -> None:
    """Close what an assignment opened after a person asked for everything to be closed."""
    asked = desk.ledger.paused.get(EVERYTHING)
    if isinstance(asked, FlattenAll):
        for chain in tuple(desk.ledger.chains.values()):
            if not (chain.flat or chain.pending or desk.leaving(chain)):
                desk.close(chain, f"flattened by {asked.by}: {asked.reason}", step)


def take_night(
    desk: TradingDesk,
    slots: Mapping[str, Slot],
    night: NightEvaluated,
    settings: StageSettings,
    step: Step,
) -> None:
    """Adopt what a night judged; one that is over already, or about others, changes nothing."""
    if night.date <= desk.ledger.night_of:
        _refuse(f"night of {night.date}: that of {desk.ledger.night_of} is taken already", step)
        return
    step.record(night)
    warnings: dict[str, list[str]] = {}
    for verdict in night.verdicts:
        slot = slots.get(verdict.strategy)
        if slot is None or slot.configuration_hash != verdict.configuration_hash:
            _refuse(f"night of {night.date}: {verdict.strategy} is configured otherwise now", step)
            continue
        stage = desk.review.stage(verdict.strategy)
        standing = desk.ledger.standing(verdict.strategy)
        floor = slot.cap_on_change
        fallen, reason = decide(stage, standing, verdict, floor, settings)
        if fallen != stage:
            change = StageChanged(
                verdict.strategy, fallen, NIGHT, f"night of {night.date}: {reason}",
                slot.configuration_hash,
            )  # fmt: skip
            _adopt(desk, change, step)
        elif reason != verdict.reason or verdict.standing == "failed":
            warnings.setdefault(reason, []).append(verdict.strategy)
    _warn(warnings, step)


def _warn(warnings: Mapping[str, list[str]], step: Step) -> None:
    """Raise one alert for a reason, however many strategies share it."""
    for reason, names in warnings.items():
        one = names[0] if len(names) == 1 else None
        text = reason if one else f"{', '.join(names)}: {reason}"
        step.record(
            AlertRaised(kind="night_warning", severity="warning", text=text[:500], strategy=one)
        )


def _move(
    desk: TradingDesk,
    slots: Mapping[str, Slot],
    command: Promote | Demote,
    settings: StageSettings,
    step: Step,
) -> None:
    slot = slots.get(command.strategy)
    if slot is None:
        _refuse(f"strategy {command.strategy!r} is not configured", step)
        return
    now = desk.review.stage(command.strategy)
    up = RANK[command.stage] > RANK[now]
    if command.stage == now or up != isinstance(command, Promote):
        _refuse(f"{command.strategy} is at {now}: {command.stage} is not the way asked for", step)
        return
    if isinstance(command, Promote) and not command.override:
        standing = desk.ledger.standing(command.strategy)
        against = objection(standing, command.stage, step.at, settings)
        if against is not None:
            _refuse(f"{command.strategy} to {command.stage}: {against}", step)
            return
    change = StageChanged(
        command.strategy, command.stage, command.by, command.reason, slot.configuration_hash
    )
    _adopt(desk, change, step)


def _adopt(desk: TradingDesk, change: StageChanged, step: Step) -> None:
    """Make a stage true; going down ends what would still enlarge a position."""
    down = RANK[change.stage] < RANK[desk.review.stage(change.strategy)]
    step.record(change)
    if down:
        detail = f"{change.strategy} is at {change.stage}"
        housekeeping.stop_opening(desk.ledger, step, "demoted", detail, strategy=change.strategy)
