"""What is shown before a command is given? What it would do, what speaks against it, the way in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.engine.stages import RANK, objection
from trader.views.blocks import Cell, Control, Field, Items, Page, Pairs, Prose, Section
from trader.views.stages import verdict_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.views.blocks import Block
    from trader.views.reading import Reading

DOES: Final = {
    "pause": "Opening stops, of {what}. Exits, rolls and hedges go on.",
    "resume": "What a pause, a halt or an alert about behavior stopped opens again, of {what}.",
    "close": "The chain {chain_id} is closed as soon as the displayed quotes allow.",
    "flatten": "Every working order is canceled, every chain closed, all opening paused.",
    "promote": "{strategy} lives at {stage} from now on, and may risk what that stage allows.",
    "demote": "{strategy} lives at {stage} from now on; what would enlarge a position ends.",
    "nightly": "Every strategy is judged on {date}, as each night does: it can cost a stage.",
}
"""What a command does, in a sentence."""
TITLES: Final = {
    "pause": "Pause opening?",
    "resume": "Resume opening?",
    "close": "Close the chain?",
    "flatten": "Flatten?",
    "promote": "Promote?",
    "demote": "Demote?",
    "nightly": "Run the night?",
}
OVERRIDE: Final = Field(
    "override", "Do it all the same; that is journaled too", "true", kind="tick"
)


def consent(
    reading: Reading, action: str, form: Mapping[str, str], secret: Mapping[str, str]
) -> Page:
    """Ask once more, with what there is to know; `secret` goes along unseen."""
    told = dict.fromkeys(("chain_id", "strategy", "stage", "date"), "?") | dict(form)
    told["what"] = form.get("strategy") or "every strategy"
    against = _against(reading, action, form)
    signed = (
        Field("by", "Your name", form.get("by", "")),
        Field("reason", "Why", form.get("reason", "")),
    )
    hidden = tuple(
        Field(name, value=value, hidden=True)
        for name, value in (*form.items(), *secret.items())
        if name not in ("by", "reason", "override")
    )
    control = Control(
        action=action, button="Yes, do it and journal it", signed=False, open=True,
        fields=(*hidden, *signed, *((OVERRIDE,) if against else ())),
        warning=f"Against it: {against}" if against else "",
    )  # fmt: skip
    return Page(
        title=TITLES.get(action, "Do it?"),
        subtitle=DOES.get(action, "").format_map(told),
        notices=(),
        sections=(
            *_standing(reading, action, form),
            Section("Give the command", (control,), level=2),
        ),
    )


def sign_in_page(
    place: str, secret: Mapping[str, str], *, wrong: bool = False, action: str = ""
) -> Page:
    """Ask for the token; `place` says where it lies to those who may know."""
    where = Prose(f"The token is the text of `{place}`.") if place else None
    control = Control(
        action="", target="/sign-in", button="Sign in", signed=False, open=True,
        fields=(
            *(Field(name, value=value, hidden=True) for name, value in secret.items()),
            Field("token", "Token", kind="secret"),
        ),
    )  # fmt: skip
    subtitle = f"{TITLES[action]} First show" if action in TITLES else "Show"
    notices = (Prose("That is not the token.", "bad"),) if wrong else ()
    blocks: tuple[Block, ...] = (*((where,) if where else ()), control)
    return Page(
        title="Sign in",
        subtitle=f"{subtitle} that you may give commands: with the token of this daemon.",
        notices=notices,
        sections=(Section("Token", blocks, level=2),),
    )


def _against(reading: Reading, action: str, form: Mapping[str, str]) -> str:
    """Say what speaks against a promotion."""
    ledger, name, stage = reading.desk.ledger, form.get("strategy", ""), form.get("stage", "")
    if action != "promote" or name not in ledger.stages or stage not in RANK:
        return ""
    against = objection(ledger.standing(name), stage, ledger.at, reading.stage_settings) or ""
    return against.replace("repeat with --override", "tick the box below")


def _standing(reading: Reading, action: str, form: Mapping[str, str]) -> tuple[Section, ...]:
    """Show where things stand that a command is about."""
    name, desk = form.get("strategy", ""), reading.desk
    if action in ("promote", "demote") and name in desk.ledger.stages:
        row = desk.stages.row(name, reading.stage_settings)
        pairs = Pairs(
            (
                ("stage", Cell(f"{row.stage} since {row.since} ({row.days:.0f} d), by {row.by}")),
                ("because", Cell(row.reason)),
                ("last night", Cell(verdict_text(desk.ledger.standing(name).verdict))),
                ("figures", Cell(_figures(reading, name))),
                ("traded since", Cell(f"chains ended {row.paper_trades}, won {row.paper_won}")),
            )
        )
        return (Section("Where it stands", (pairs,), level=2),)
    if action == "flatten":
        lines = tuple(Prose(f"{one.chain_id} of {one.strategy}") for one in desk.live.chains())
        return (Section("What would be closed", (Items(lines) if lines else Prose("Nothing."),)),)
    return ()


def _figures(reading: Reading, name: str) -> str:
    """Write the headline numbers of the last scorecard."""
    verdict = reading.desk.ledger.standing(name).verdict
    if verdict is None or not verdict.figures:
        return "none yet"
    return ", ".join(f"{key} {value:.4g}" for key, value in verdict.figures.items())
