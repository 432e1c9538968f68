"""Would it all come out the same again? `trader replay`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from trader.app.commands.journal import open_journal
from trader.app.commands.options import add_json, add_set, add_state, state_dir
from trader.app.exit_codes import ExitCode
from trader.app.terminal import complain, say, say_json

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from trader.app.commands.options import Subparsers
    from trader.app.configuration import Configuration
    from trader.app.replay import EpochReplay
    from trader.storage.journal import Journal
    from trader.storage.recordings import EpochManifest

SUMMARY: Final = "re-run a day's recorded inputs and compare every outcome with the journal"


def add_commands(subparsers: Subparsers) -> None:
    """Add `replay`."""
    parser = subparsers.add_parser("replay", help=SUMMARY, description=SUMMARY)
    parser.add_argument(
        "--date",
        required=True,
        metavar="YYYY-MM-DD",
        type=_day,
        help="market day; its epochs are re-run from their openings to the end of that day",
    )
    add_state(parser)
    add_set(parser)
    add_json(parser)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Replay every epoch of the day; 0 the same, 4 different, 3 no (beginning) recorded."""
    from trader.app.recorder import recordings_folder
    from trader.storage.recordings import manifests
    from trader.storage.replay_inputs import recorded_days

    root = recordings_folder(state_dir(arguments))
    epochs = [one for number, one in manifests(root).items()
              if arguments.date in recorded_days(root, number)]  # fmt: skip
    if not epochs:
        complain(f"no inputs of {arguments.date} are recorded in {root}")
        return ExitCode.NOT_FOUND
    with open_journal(arguments) as journal:
        if journal is None:
            return ExitCode.NOT_FOUND
        found = [_replay(arguments, root, one, journal) for one in epochs]
    if arguments.json:
        say_json({"date": arguments.date, "epochs": [dataclasses.asdict(one) for one in found]})
    else:
        for one in found:
            _tell(one)
    if any(one.difference for one in found):
        return ExitCode.VERIFICATION_FAILED
    return ExitCode.NOT_FOUND if any(one.headless for one in found) else ExitCode.OK


def _replay(
    arguments: argparse.Namespace, root: Path, manifest: EpochManifest, journal: Journal
) -> EpochReplay:
    from trader.app.replay import replay_engine, replay_epoch
    from trader.storage.replay_inputs import epoch_inputs, recorded_days

    engine = replay_engine(_configuration(arguments, root, manifest), manifest)
    epoch = manifest.opening.epoch
    inputs = epoch_inputs(root, epoch, arguments.date)
    whole = recorded_days(root, epoch)[-1] == arguments.date
    return replay_epoch(engine, manifest, journal, inputs, whole=whole)


def _configuration(
    arguments: argparse.Namespace, root: Path, manifest: EpochManifest
) -> Configuration:
    """Take the configuration the epoch ran on; with `--config`, that one instead."""
    from trader.app.configuration import load_configuration
    from trader.storage.recordings import manifest_folder

    if arguments.config:
        return load_configuration(arguments.config, arguments.set)
    recorded = manifest_folder(root, manifest.opening.epoch) / "trader.toml"
    return load_configuration([recorded], arguments.set, environment={})


def _tell(one: EpochReplay) -> None:
    from trader.domain.units import iso

    head = f"epoch {one.epoch}: {one.inputs} inputs up to {iso(one.until_at)}, {one.facts} facts"
    for note in one.notes:
        say(f"epoch {one.epoch}: {note}")
    if one.difference is not None:
        complain(f"{head}, then a difference: {one.difference}")
    elif one.gap is not None:
        complain(f"{head}, all the same; then {one.gap}")
    else:
        say(f"{head}, all the same")


def _day(text: str) -> str:
    """Take a date."""
    from datetime import date

    return date.fromisoformat(text).isoformat()
