"""Which history is there, and how does more of it get here? `trader data`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from trader.app.commands.options import add_json, add_state, journal_url, state_dir
from trader.app.exit_codes import ExitCode
from trader.app.terminal import complain, say, say_json

if TYPE_CHECKING:
    import argparse

    from trader.app.commands.options import Subparsers
    from trader.storage.datasets import DatasetStore, Holding

SUMMARIES: Final = {
    "sync": "fetch history through the exchange's public methods; goes on where it was",
    "import": "read Tardis CSV files, folders of recordings, or the files that a TOML describes",
    "list": "what is held, and from when to when",
    "check": "read every row: gaps, duplicates, impossible prices",
}
WHAT: Final = "instruments,candles,dvol,funding,deliveries,settlements,trades"
GAPS_SHOWN: Final = 3


def add_commands(subparsers: Subparsers) -> None:
    """Add `data sync`, `data import`, `data list` and `data check`."""
    family = subparsers.add_parser("data", help="history: sync, import, list, check")
    actions = family.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, execute in (("sync", sync), ("import", import_), ("list", list_), ("check", check)):
        parser = actions.add_parser(name, help=SUMMARIES[name], description=SUMMARIES[name])
        add_state(parser)
        parser.set_defaults(execute=execute)
        if name == "sync":
            _add_sync(parser)
        elif name == "import":
            parser.add_argument("paths", metavar="PATH", type=Path, nargs="+")
            parser.add_argument(
                "--data", metavar="DIR", type=Path, help="where the files lie that a TOML names"
            )
        else:
            add_json(parser)


def _add_sync(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--what", type=_kinds, default=WHAT.split(","), help=f"kinds of history ({WHAT})"
    )
    parser.add_argument(
        "--currency",
        action="append",
        default=[],
        help="coin or linear pair (SOL_USDC); again for more (feed.underlyings)",
    )
    parser.add_argument("--since", type=_day, metavar="DATE", help="first day (a year ago)")
    parser.add_argument("--until", type=_day, metavar="DATE", help="first day left out (now)")
    parser.add_argument("--url", help="another exchange than the configuration's (ws or wss)")
    parser.add_argument(
        "--history-url", help="where trades older than 24 hours are asked (http, https, ws, wss)"
    )


def sync(arguments: argparse.Namespace) -> ExitCode:
    """Fetch what is missing."""
    from trader.app.data_session import run_sync
    from trader.app.loop import run

    return run(run_sync(arguments, state_dir(arguments)))


def import_(arguments: argparse.Namespace) -> ExitCode:
    """Import every path; one that fails ends it, with all before it kept."""
    from trader.app.data_import import import_path

    store = _store(arguments)
    for path in arguments.paths:
        imported = import_path(store, path, arguments.data)
        for dataset, rows in imported.rows.items():
            say(f"{path}: {rows} rows of {dataset}")
        for note in imported.notes:
            complain(f"{path}: {note}")
    return ExitCode.OK


def list_(arguments: argparse.Namespace) -> ExitCode:
    """List every holding."""
    return _report(arguments, check=False)


def check(arguments: argparse.Namespace) -> ExitCode:
    """Check every row; exit 4 where one cannot be true. Gaps are told, not judged."""
    return _report(arguments, check=True)


def _report(arguments: argparse.Namespace, *, check: bool) -> ExitCode:
    import msgspec

    from trader.app.night_data import stores

    held = {
        market: store.holdings(check=check)
        for market, store in stores(state_dir(arguments)).items()
    }
    holdings = [(market, one) for market, found in held.items() for one in found]
    if arguments.json:
        say_json([{"market": market, **msgspec.to_builtins(one)} for market, one in holdings])
    elif not holdings:
        complain("no history is held: see `trader data sync` and `trader data import`")
        return ExitCode.NOT_FOUND
    else:
        for market, found in held.items():
            if market and found:
                say(f"of the bundled market {market}:")
            for one in found:
                say(_line(one))
    return ExitCode.VERIFICATION_FAILED if any(one.faults for _, one in holdings) else ExitCode.OK


def _line(one: Holding) -> str:
    from trader.domain.units import iso
    from trader.storage.datasets import describe_gap

    span = "empty"
    if one.first_at is not None and one.last_at is not None:
        span = f"{iso(one.first_at)} .. {iso(one.last_at)}"
    text = (
        f"{one.dataset:<18}{one.subject:<16}{one.rows:>10} rows  {span}  {one.bytes / 1e6:.1f} MB"
    )
    if one.gaps:
        shown = ", ".join(describe_gap(gap) for gap in one.gaps[:GAPS_SHOWN])
        text += f"\n  {len(one.gaps)} gaps: {shown}"
    for fault, count in one.faults.items():
        text += f"\n  {count} rows: {fault}"
    return text


def _store(arguments: argparse.Namespace) -> DatasetStore:
    """Open the history of the market that the journal is about: the one that nights read."""
    from trader.app.night_data import datasets_folder, market_of
    from trader.storage.datasets import DatasetStore

    market = market_of(journal_url(arguments))
    return DatasetStore(datasets_folder(state_dir(arguments), market))


def _kinds(text: str) -> list[str]:
    """Take kinds of history, separated by commas."""
    kinds = text.split(",")
    if unknown := [kind for kind in kinds if kind not in WHAT.split(",")]:
        raise ValueError(f"unknown kinds {unknown}")
    return kinds


def _day(text: str) -> int:
    """Take a date as the instant it begins."""
    from trader.app.data_spans import day_start

    return day_start(text)
