"""Does a strategy see what it cannot know? Its decisions must not change when the future does.

Truncation: on history cut at an instant it decides as on the whole of it. Poison: with everything
after that instant replaced by nonsense it still does. Whatever leaks, through data, code or a file
beside it, changes one of the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.units import DAY, MINUTE, iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trader.evaluation.runs import Run

DAYS: Final = 8
"""How long before a cut the runs begin."""
CUTS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Where in the span. Only what is decided last before a cut can have seen beyond it: many cuts."""


class LookAhead(msgspec.Struct, frozen=True, kw_only=True):
    """What the comparison says; `ok` None: nothing was decided, so nothing could differ."""

    ok: bool | None
    cuts: tuple[int, ...]
    reason: str


def variants(plain: Run) -> dict[str, Run]:
    """Make the runs to compare: at each cut the whole history, a truncated and a poisoned one.

    Names are "whole:AT", "truncated:AT", "poisoned:AT"; all end at their cut, a minute after a
    decision: one that looked ahead by an hour shows.
    """
    found: dict[str, Run] = {}
    cadence = plain.subject.strategy(plain.parameters).cadence()
    for share in CUTS:
        wanted = plain.start + int(share * (plain.end - plain.start))
        at = cadence.latest_due(wanted) + MINUTE
        start = max(plain.start, (at - DAYS * DAY) // DAY * DAY)
        if not start < at <= plain.end:
            continue  # a span shorter than a cadence
        whole = msgspec.structs.replace(plain, start=start, end=at, fingerprint=True)
        found[f"whole:{at}"] = whole
        market = plain.market
        found[f"truncated:{at}"] = msgspec.structs.replace(whole, market=market.until(at))
        found[f"poisoned:{at}"] = msgspec.structs.replace(whole, market=market.poisoned(at))
    return found


def judge(digests: Mapping[str, str], decided: Iterable[int]) -> LookAhead:
    """Compare fingerprints of all outcomes; `decided` counts verdicts of the whole runs."""
    cuts = sorted({int(name.partition(":")[2]) for name in digests})
    for at in cuts:
        whole = digests[f"whole:{at}"]
        for kind in ("truncated", "poisoned"):
            if digests[f"{kind}:{at}"] != whole:
                told = "cut off" if kind == "truncated" else "replaced by nonsense"
                reason = f"decisions before {iso(at)} changed when what came after was {told}"
                return LookAhead(ok=False, cuts=tuple(cuts), reason=reason)
    if not any(decided):
        return LookAhead(ok=None, cuts=tuple(cuts), reason="nothing was decided in the test span")
    reason = f"decisions do not change with the future ({len(cuts)} cuts, truncated and poisoned)"
    return LookAhead(ok=True, cuts=tuple(cuts), reason=reason)
