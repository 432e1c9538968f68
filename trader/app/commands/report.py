"""What did the night find? `trader report`: the first screen, all of it, or the page itself."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Final

from trader.app.commands.options import add_state, state_dir
from trader.app.exit_codes import ExitCode
from trader.app.terminal import complain, say

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from trader.app.commands.options import Subparsers

SUMMARY: Final = "what a night found: the first screen; all of it with --text, --open or --json"


def add_commands(subparsers: Subparsers) -> None:
    """Add `report`."""
    parser = subparsers.add_parser("report", help=SUMMARY, description=SUMMARY)
    parser.add_argument(
        "--date", type=datetime.date.fromisoformat, metavar="YYYY-MM-DD",
        help="the UTC day that was judged (default: the newest)",
    )  # fmt: skip
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--open", action="store_true", help="open report.html in the browser")
    form.add_argument("--text", action="store_true", help="write the whole report as Markdown")
    form.add_argument("--json", action="store_true", help="write report.json")
    add_state(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Show a night that was made.

    Raises:
        ConfigurationError: the configuration cannot be read.
    """
    from trader.views.nightly_report import HTML, JSON, TEXT, first_screen

    folder = find_night(arguments)
    if folder is None:
        return ExitCode.NOT_FOUND
    if arguments.open:
        return _open(folder / HTML)
    if arguments.json:
        say((folder / JSON).read_text(encoding="utf-8").rstrip())
        return ExitCode.OK
    text = (folder / TEXT).read_text(encoding="utf-8")
    say(text.rstrip() if arguments.text else first_screen(text).rstrip())
    if not arguments.text:
        say(f"\nall of it: trader report --text, or {folder / HTML}")
    return ExitCode.OK


def find_night(arguments: argparse.Namespace) -> Path | None:
    """Find the folder of the night that is meant; None, and a word about it, where there is none.

    Raises:
        ConfigurationError: the configuration cannot be read.
    """
    from trader.app.night_folder import NIGHTS
    from trader.views.nightly_report import HTML

    nights = state_dir(arguments) / NIGHTS
    made = sorted(one.parent for one in nights.glob(f"????-??-??/{HTML}"))
    if arguments.date is not None:
        wanted = [one for one in made if one.name == arguments.date.isoformat()]
        if not wanted:
            held = f"; there are {made[0].name} to {made[-1].name}" if made else ""
            complain(f"no report of {arguments.date} in {nights}{held}; `trader nightly` makes one")
        return wanted[0] if wanted else None
    if not made:
        complain(f"no report in {nights}: name the daemon's --config or --state, or wait a night")
        return None
    return made[-1]


def _open(page: Path) -> ExitCode:
    """Hand a page to the browser of this machine."""
    import webbrowser

    if webbrowser.open(page.as_uri()):
        say(str(page))
        return ExitCode.OK
    complain(f"no browser here: copy {page} to where one is, it is one file")
    return ExitCode.FAILURE
