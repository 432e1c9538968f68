"""What stands in the journal? Reports of the state and of decisions, as text or JSON."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trader.app.commands.options import add_json, add_state, journal_url
from trader.app.exit_codes import ExitCode
from trader.app.terminal import complain, say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from trader.app.commands.options import Subparsers
    from trader.domain.facts import Recorded
    from trader.storage.journal import Journal
    from trader.views.live import LiveView

SUMMARIES: Final = {
    "status": "account, halts and budgets",
    "positions": "what is held",
    "chains": "every living structure, from its first order on",
}
VERDICTS: Final = "what the gate decided, newest last, and how often each rule bound"
EXPLAIN: Final = (
    "why: a decision (rule, limit, used), a chain, a night, or a strategy's stages and behavior"
)
STAGE_FACTS: Final = (
    "StageChanged", "NightEvaluated", "CommandTaken", "BehaviorJudged", "AlertRaised"
)  # fmt: skip
"""What the stages and the behavior of strategies are told from."""
ACCOUNT: Final = "account"
"""Whom to ask about for the behavior of all strategies together."""


def add_commands(subparsers: Subparsers) -> None:
    """Add status, positions, chains, verdicts and explain."""
    for name, summary in SUMMARIES.items():
        parser = subparsers.add_parser(name, help=summary, description=summary)
        add_options(parser, _report(name))
    parser = subparsers.add_parser("verdicts", help=VERDICTS, description=VERDICTS)
    parser.add_argument("--strategy", help="only those of this strategy")
    parser.add_argument("--limit", type=_count, default=30, help="how many of the newest (30)")
    add_options(parser, verdicts)
    parser = subparsers.add_parser("explain", help=EXPLAIN, description=EXPLAIN)
    parser.add_argument(
        "what", metavar="WHAT",
        help="id of a verdict or chain, date of a night (YYYY-MM-DD), name of a strategy, or "
        "`account`",
    )  # fmt: skip
    add_options(parser, explain)


def verdicts(arguments: argparse.Namespace, journal: Journal) -> ExitCode:
    """List decisions, then count what bound."""
    from trader.domain.trading import Approved, Refused
    from trader.views.decisions import binding_counts, verdict_row, verdict_table

    stored = journal.read(
        kinds=("Approved", "Refused"), strategy=arguments.strategy, newest_first=True
    )
    decided = [
        (one.recorded.at, one.recorded.fact)
        for one in stored
        if isinstance(one.recorded.fact, Approved | Refused)
    ]
    rows = [verdict_row(verdict, at) for at, verdict in reversed(decided[: arguments.limit])]
    counts = binding_counts(verdict for _, verdict in decided)
    if arguments.json:
        say_structs({"verdicts": rows, "counts": counts})
        return ExitCode.OK
    say(verdict_table(rows))
    if not decided:
        return ExitCode.OK
    say(f"\nshown: {len(rows)} of {len(decided)} decisions; what became of all of them:")
    for count in counts:
        became = f"refused by {count.rule}" if count.rule else "approved"
        say(f"  {count.strategy:<24}{became:<32}{count.count:>7}{count.share:>8.1%}")
    say("\nwhy one was decided so: trader explain VERDICT")
    return ExitCode.OK


def explain(arguments: argparse.Namespace, journal: Journal) -> ExitCode:
    """Explain one decision, one chain, one night, or the stages of one strategy."""
    records = _about(journal, arguments.what)
    if not records:
        complain(
            f"no verdict, chain, night or strategy {arguments.what} in {journal.where}; "
            "see `trader verdicts`, `trader chains` and `trader strategies`"
        )
        return ExitCode.NOT_FOUND
    if arguments.json:
        say_structs(records[0] if len(records) == 1 else records)
        return ExitCode.OK
    say(_explained(arguments.what, records, journal))
    return ExitCode.OK


def _about(journal: Journal, what: str) -> list[Recorded]:
    """Find the facts that a question is about; none where it is about nothing."""
    from trader.domain.events import NightEvaluated

    verdict = next(journal.read(kinds=("Approved", "Refused"), verdict_id=what), None)
    if verdict is not None:
        return [verdict.recorded]
    if next(journal.read(chain_id=what, limit=1), None) is not None:
        return _of_chain(journal, what)
    if next(journal.read(kinds=("StageChanged",), strategy=what, limit=1), None) is not None:
        return [one.recorded for one in journal.read(kinds=STAGE_FACTS)]
    if what == ACCOUNT:
        judged = (one.recorded for one in journal.read(kinds=("BehaviorJudged",)))
        return [one for one in judged if getattr(one.fact, "strategy", "") is None]
    for night in journal.read(kinds=("NightEvaluated",), newest_first=True):
        fact = night.recorded.fact
        if isinstance(fact, NightEvaluated) and fact.date == what:
            sequence = night.recorded.sequence
            step = (one.recorded for one in journal.read(kinds=STAGE_FACTS))
            return [one for one in step if one.sequence == sequence]
    return []


def _of_chain(journal: Journal, chain_id: str) -> list[Recorded]:
    """Find the facts about one chain: its own, and the settlements of its legs."""
    from trader.domain.facts import Settled

    stored = list(journal.read(chain_id=chain_id))
    for one in journal.read(kinds=("Settled",)):
        fact = one.recorded.fact
        if isinstance(fact, Settled) and any(leg.chain_id == chain_id for leg in fact.legs):
            stored.append(one)
    return [one.recorded for one in sorted(stored, key=lambda one: one.id)]


def _explained(what: str, records: list[Recorded], journal: Journal) -> str:
    """Write the explanation that fits what was found."""
    from trader.domain.facts import BehaviorJudged, EpochOpened
    from trader.domain.trading import Approved, Refused
    from trader.views.decisions import explain as explain_verdict
    from trader.views.roll_chains import explain_chain
    from trader.views.session_lines import explain_session
    from trader.views.stage_story import explain_account, explain_night, explain_stages

    fact = records[0].fact
    if isinstance(fact, Approved) and fact.chain_id == what:
        session = explain_session(records)
        return "\n\n".join(filter(None, (session, explain_chain(what, records))))
    if isinstance(fact, Approved | Refused):
        epoch = next(journal.read(kinds=("EpochOpened",), newest_first=True, limit=1), None)
        opened = epoch.recorded.fact if epoch is not None else None
        speed = opened.speed if isinstance(opened, EpochOpened) else 1.0
        return explain_verdict(fact, records[0].at, speed=speed)
    if what[:4].isdigit():
        return explain_night(records)
    if what == ACCOUNT and all(isinstance(one.fact, BehaviorJudged) for one in records):
        return explain_account(records)
    return explain_stages(what, records)


@contextmanager
def open_journal(arguments: argparse.Namespace) -> Iterator[Journal | None]:
    """Open the journal for reading; None, and a word about it, where there is none.

    Raises:
        StorageError: what lies there is no whole journal of ours.
    """
    from trader.storage.journal import Journal

    url = journal_url(arguments)
    path = Path(url.removeprefix("sqlite:///"))
    if not path.exists():
        complain(f"no journal at {path}; name the daemon's --config or --state, or start it first")
        yield None
        return
    with Journal.create_or_open(url, writer=False) as journal:
        yield journal


def add_options(
    parser: argparse.ArgumentParser, report: Callable[[argparse.Namespace, Journal], ExitCode]
) -> None:
    """Add what every report takes; `report` gets the journal, where there is one."""
    add_state(parser)
    add_json(parser)

    def execute(arguments: argparse.Namespace) -> ExitCode:
        with open_journal(arguments) as journal:
            return ExitCode.NOT_FOUND if journal is None else report(arguments, journal)

    parser.set_defaults(execute=execute)


def _report(name: str) -> Callable[[argparse.Namespace, Journal], ExitCode]:
    """Make the command that folds the journal and shows one side of it."""

    def report(arguments: argparse.Namespace, journal: Journal) -> ExitCode:
        from trader.views.live import fold

        live = fold(stored.recorded for stored in journal.read())
        if arguments.json:
            say_structs(getattr(live, name)())
        else:
            say(_as_text(name, live))
        return ExitCode.OK

    return report


def _as_text(name: str, live: LiveView) -> str:
    """Write one side of the state for people."""
    from trader.views import live_rows

    match name:
        case "status":
            return live_rows.status_text(live.status())
        case "positions":
            return live_rows.positions_text(live.positions())
        case _:
            return live_rows.chains_text(live.chains())


def say_structs(value: object) -> None:
    """Write structs as JSON."""
    import msgspec

    say(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def _count(text: str) -> int:
    """Take a whole number from 1 on."""
    number = int(text)
    if number < 1:
        raise ValueError("must be at least 1")
    return number
