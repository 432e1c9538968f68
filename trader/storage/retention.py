"""Which recordings go when there are too many? The oldest: too old first, then too much.

A recording that was set aside (another journal's) counts as older than all of the one in use.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection
from pathlib import Path

import msgspec

from trader.storage import recordings


class Deleted(msgspec.Struct, frozen=True):
    """What was deleted; `early_day` is the newest day that only the budget made go.

    `room_bytes` is what the budget still has, below 0 where files in use alone are too much.
    """

    paths: tuple[Path, ...] = ()
    early_day: str | None = None
    room_bytes: int = 0


def make_room(
    root: Path, *, oldest_day: str, budget_bytes: int, spare: Collection[Path], epoch: int
) -> Deleted:
    """Delete days before `oldest_day`, then the oldest until everything fits the budget.

    Files in `spare` are being written and stay, as does the opening of `epoch`.

    Raises:
        OSError: a file cannot be deleted.
    """
    found = [
        (segment, path, path.stat().st_size)
        for one in (*set_aside(root), root)
        for segment, path in recordings.segments(one).items()
    ]
    total = sum(size for _, _, size in found)
    deleted: list[Path] = []
    early = ""
    for segment, path, size in found:
        if path in spare or not (segment.day < oldest_day or total > budget_bytes):
            continue
        path.unlink()
        total -= size
        deleted.append(path)
        if segment.day >= oldest_day and path.is_relative_to(root):
            early = max(early, segment.day)
        _drop_empty(path.parent)
    if deleted:
        _tidy(root, epoch)
    return Deleted(tuple(deleted), early or None, budget_bytes - total)


def keep_aside(root: Path) -> Path:
    """Move a whole recording out of the way; return its new place.

    Raises:
        OSError: it cannot be moved.
    """
    number = max((int(one.name.rpartition(".")[2]) for one in set_aside(root)), default=0) + 1
    return root.rename(root.with_name(f"{root.name}.{number}"))


def set_aside(root: Path) -> list[Path]:
    """List what `keep_aside` moved, oldest first."""
    name = re.compile(re.escape(root.name) + r"\.(\d+)")
    found = ((name.fullmatch(path.name), path) for path in root.parent.glob(f"{root.name}.*"))
    return [path for _, path in sorted((int(match[1]), path) for match, path in found if match)]


def _tidy(root: Path, epoch: int) -> None:
    """Forget the openings of epochs of which nothing is left, and what is empty then."""
    for one in set_aside(root):
        if not recordings.segments(one):
            shutil.rmtree(one)
        else:
            _drop_manifests(one, _epochs(one))
    _drop_manifests(root, _epochs(root) | {epoch})


def _epochs(root: Path) -> set[int]:
    return {segment.epoch for segment in recordings.segments(root)}


def _drop_manifests(root: Path, living: set[int]) -> None:
    for epoch in recordings.manifests(root):
        if epoch not in living:
            shutil.rmtree(recordings.manifest_folder(root, epoch))


def _drop_empty(folder: Path) -> None:
    """Remove a currency's folder, and its day's, once nothing is in them."""
    for one in (folder, folder.parent):
        try:
            one.rmdir()
        except OSError:
            return
