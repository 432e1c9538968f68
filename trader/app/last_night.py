"""What did the last night find of a strategy? Its approval, read back from the night's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from trader.app.night_folder import NIGHTS
from trader.evaluation.approval import ApprovalResult

if TYPE_CHECKING:
    from pathlib import Path

REPORT: Final = "report.json"


def approval_of(state_dir: Path, date: str, strategy: str) -> ApprovalResult | None:
    """Read how a night approved a strategy; None where there is no such night, or no judgment."""
    if not date:
        return None
    try:
        report = msgspec.json.decode((state_dir / NIGHTS / date / REPORT).read_bytes())
        night = report.get("night", report)
        cards: list[dict[str, Any]] = [one["card"] for one in night["subjects"]]
        found = next(card["approval"] for card in cards if card["strategy"] == strategy)
        return msgspec.convert(found, ApprovalResult) if found is not None else None
    except (OSError, msgspec.MsgspecError, LookupError, TypeError, AttributeError, StopIteration):
        return None
