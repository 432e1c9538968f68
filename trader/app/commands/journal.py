"""What stands in the journal? Reports of the state and of decisions, as text or JSON."""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from trader.app.commands.options import add_json, add_state, journal_url, state_dir
from trader.app.exit_codes import ExitCode
from trader.app.terminal import complain, say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from trader.app.commands.options import Subparsers
    from trader.domain.facts import Recorded
    from trader.engine.stages import StageSettings
    from trader.storage.journal import Journal
    from trader.views.answers.asking import Question
    from trader.views.decisions import VerdictRow
    from trader.views.reading import Reading

    Q = TypeVar("Q", bound=Question)
A = TypeVar("A")

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
        add_answer(parser, _report(name))
    parser = subparsers.add_parser("verdicts", help=VERDICTS, description=VERDICTS)
    parser.add_argument("--strategy", help="only those of this strategy")
    parser.add_argument("--limit", type=_count, default=30, help="how many of the newest (30)")
    add_answer(parser, verdicts)
    parser = subparsers.add_parser("explain", help=EXPLAIN, description=EXPLAIN)
    parser.add_argument(
        "what", metavar="WHAT",
        help="id of a verdict or chain, date of a night (YYYY-MM-DD), name of a strategy, or "
        "`account`",
    )  # fmt: skip
    add_options(parser, explain)


def verdicts(arguments: argparse.Namespace) -> ExitCode:
    """List decisions, then count what bound."""
    from trader.views.answers.asking import LIMIT_MAX
    from trader.views.answers.verdicts import Verdicts, VerdictsQuestion
    from trader.views.answers.verdicts import verdicts as answer
    from trader.views.decisions import verdict_table

    newest: list[VerdictRow] = []
    before, page = None, None
    while page is None or (before is not None and len(newest) < arguments.limit):
        limit = min(arguments.limit - len(newest), LIMIT_MAX)
        asked = VerdictsQuestion(strategy=arguments.strategy, limit=limit, before=before)
        page = answered(arguments, "/verdicts", answer, asked, Verdicts)
        if page is None:
            return ExitCode.NOT_FOUND
        newest += page.verdicts
        before = page.next
    rows = newest[::-1]
    if arguments.json:
        say_structs({"verdicts": rows, "counts": page.counts})
        return ExitCode.OK
    say(verdict_table(rows))
    if not page.counts:
        return ExitCode.OK
    decided = sum(one.count for one in page.counts)
    say(f"\nshown: {len(rows)} of {decided} decisions; what became of all of them:")
    for count in page.counts:
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
    from trader.views.answers.stories import chain_facts

    verdict = next(journal.read(kinds=("Approved", "Refused"), verdict_id=what), None)
    if verdict is not None:
        return [verdict.recorded]
    if next(journal.read(chain_id=what, limit=1), None) is not None:
        return [one.recorded for one in chain_facts(journal.read, what)]
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
    if not _there(url):
        yield None
        return
    with Journal.create_or_open(url, writer=False) as journal:
        yield journal


def _there(url: str) -> bool:
    """Whether there is a journal; where there is none, say so."""
    path = Path(url.removeprefix("sqlite:///"))
    if not path.exists():
        complain(f"no journal at {path}; name the daemon's --config or --state, or start it first")
    return path.exists()


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


def add_answer(
    parser: argparse.ArgumentParser, execute: Callable[[argparse.Namespace], ExitCode]
) -> None:
    """Add what every answer takes that a running daemon gives, or the journal in its place."""
    add_state(parser)
    add_json(parser)
    parser.set_defaults(execute=execute)


def answered(
    arguments: argparse.Namespace,
    path: str,
    make: Callable[[Reading, Q], A],
    asked: Q,
    kind: type[A],
) -> A | None:
    """Ask the running daemon, or the journal where none answers; None, and a word, without either.

    Raises:
        StorageError: what lies there is no whole journal of ours.
    """
    from trader.app.daemon_answers import asked_of_daemon, read_from_journal

    folder = state_dir(arguments)
    found = asked_of_daemon(folder, path, asked, kind)
    if found is not None:
        return found
    url = journal_url(arguments)
    if not _there(url):
        return None
    with closing(read_from_journal(url, folder, stage_settings(arguments))) as records:
        return make(records, asked)


def stage_settings(arguments: argparse.Namespace) -> StageSettings:
    """Read how stages change; the defaults where only the state is named."""
    from trader.app.configuration import load_settings
    from trader.engine.stages import StageSettings

    return load_settings(arguments.config).stages if arguments.config else StageSettings()


def _report(name: str) -> Callable[[argparse.Namespace], ExitCode]:
    """Make the command that shows one side of the state."""

    def report(arguments: argparse.Namespace) -> ExitCode:
        from trader.views import live_rows
        from trader.views.answers import standing
        from trader.views.answers.asking import Question

        sides: dict[str, tuple[Any, Any, Callable[[Any], str]]] = {
            "status": (standing.status, live_rows.Status, live_rows.status_text),
            "positions": (
                standing.positions, tuple[live_rows.PositionRow, ...], live_rows.positions_text,
            ),
            "chains": (standing.chains, tuple[live_rows.ChainRow, ...], live_rows.chains_text),
        }  # fmt: skip
        answer, kind, told = sides[name]
        found = answered(arguments, f"/{name}", answer, Question(), kind)
        if found is None:
            return ExitCode.NOT_FOUND
        if arguments.json:
            say_structs(found)
        else:
            say(told(found))
        return ExitCode.OK

    return report


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
