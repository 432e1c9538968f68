"""What lies in the folder of a night, and may it be trusted? Whole or not there, and of this state.

    nights/2026-06-01/decisions.json     what the daemon adopts
    nights/2026-06-01/made.json          what it was made from: see `Origin`
    nights/2026-06-01/report.*           what a person reads

A folder is written under another name and renamed. One that is made again is put aside first, so
that whenever a kill comes the old one or the new one can be had: `sweep` brings it back.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from trader.domain.errors import TraderError
from trader.domain.events import NightEvaluated
from trader.storage.whole_files import make_durable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trader.app.configuration import Configuration

NIGHTS: Final = "nights"
DECISIONS: Final = "decisions.json"
MADE: Final = "made.json"
UNFINISHED: Final = ".unfinished"
REPLACED: Final = ".replaced"
DATED: Final = "????-??-??"
JUDGING: Final = ("account", "risk", "broker", "engine", "stages", "approval", "stage_floor")
"""The sections that a judgment depends on, beside the strategies and these keys of its own:"""
JUDGING_NIGHTLY: Final = ("profile", "years")
Kind = TypeVar("Kind")


class NightUnusable(TraderError):
    """A night's folder is not there, not whole, or not of this journal and configuration."""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What a night was made from, as far as another state would have given another night."""

    configuration: str
    journal_began_at: int


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """How a night came out, for whoever finds its folder: from what, whom it lowers, what to do."""

    date: str
    origin: Origin
    demoted: tuple[str, ...]
    needs: tuple[str, ...]


def judging_hash(configuration: Configuration) -> str:
    """Hash what a judgment depends on: not where state lies, who is fed from where, or who logs."""
    settings = configuration.settings.model_dump(mode="json")
    decided = {name: settings[name] for name in JUDGING}
    decided["nightly"] = {name: settings["nightly"][name] for name in JUDGING_NIGHTLY}
    decided["source"] = settings["feed"]["source"]
    decided["strategies"] = {
        one.file.name: one.configuration_hash for one in configuration.strategies
    }
    decided["software"] = version("trader")
    canonical = json.dumps(decided, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def read_made(folder: Path, origin: Origin) -> Made:
    """Read how a night came out.

    Raises:
        NightUnusable: it is not there, cannot be read, or was made from something else.
    """
    made = _read(folder / MADE, Made)
    if made.date != folder.name:
        raise NightUnusable(f"{folder / MADE} is of {made.date}")
    if made.origin.journal_began_at != origin.journal_began_at:
        raise NightUnusable(f"{folder} was made from another journal")
    if made.origin.configuration != origin.configuration:
        raise NightUnusable(f"{folder} was made from another configuration")
    return made


def read_decisions(folder: Path, origin: Origin) -> NightEvaluated:
    """Read what a night judged.

    Raises:
        NightUnusable: it is not there, cannot be read, or was made from something else.
    """
    read_made(folder, origin)
    night = _read(folder / DECISIONS, NightEvaluated)
    if night.date != folder.name:
        raise NightUnusable(f"{folder / DECISIONS} is of {night.date}")
    return night


def _read(path: Path, kind: type[Kind]) -> Kind:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        raise NightUnusable(f"{path} is not there") from None
    except (OSError, msgspec.DecodeError) as error:
        raise NightUnusable(f"{path} cannot be read: {error}") from error


def write_folder(folder: Path, made: Made, night: NightEvaluated, files: Mapping[str, str]) -> None:
    """Write a night's files, in place of those of an earlier making."""
    unfinished, replaced = _beside(folder, UNFINISHED), _beside(folder, REPLACED)
    for stale in (unfinished, replaced):
        shutil.rmtree(stale, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    own = {name: msgspec.json.format(msgspec.json.encode(one), indent=2).decode()
           for name, one in ((DECISIONS, night), (MADE, made))}  # fmt: skip
    for name, text in {**files, **own}.items():
        with (unfinished / name).open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    if folder.exists():
        folder.rename(replaced)
    unfinished.rename(folder)
    make_durable(folder.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def sweep(nights: Path) -> None:
    """Clear up after a kill: what is unfinished goes, what was put aside comes back where needed.

    The caller holds the nights' lock: nobody else writes here.
    """
    for stale in nights.glob(DATED + UNFINISHED):
        shutil.rmtree(stale)
    for replaced in nights.glob(DATED + REPLACED):
        folder = replaced.with_name(replaced.name.removesuffix(REPLACED))
        if folder.exists():
            shutil.rmtree(replaced)
        else:
            replaced.rename(folder)
    make_durable(nights)


def forget_old(nights: Path, keep: int, made: str) -> list[str]:
    """Delete the oldest nights beyond what is kept, never the one just made; name them."""
    dated = sorted(one for one in nights.glob(DATED) if one.is_dir() and one.name != made)
    gone = dated[: max(len(dated) + 1 - keep, 0)]
    for folder in gone:
        shutil.rmtree(folder)
    return [folder.name for folder in gone]


def _beside(folder: Path, suffix: str) -> Path:
    return folder.with_name(folder.name + suffix)
