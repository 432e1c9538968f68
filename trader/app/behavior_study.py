"""How do a person's trades become a profile? Files read, sizes made fractions, pages written."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from trader.behavior.archetypes import SAMPLE_TRADES
from trader.behavior.features import extract_behavior_features
from trader.behavior.profiles import TraderProfiler, profiles_json, read_profiles
from trader.behavior.study import study_behavior
from trader.behavior.timeline import counts
from trader.behavior.trades import behavior_trades, fills_joined, legs_of
from trader.domain.errors import ConfigurationError
from trader.domain.units import DAY, MINUTE, iso
from trader.storage.trade_files import read_trades
from trader.storage.whole_files import write_whole
from trader.views.behavior_study import study_page
from trader.views.report_html import page_html

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trader.behavior.clustering import FittedProfiles
    from trader.behavior.study import BehaviorStudy
    from trader.behavior.trades import Trade
    from trader.storage.trade_files import Reading, TradeFile

FILLS_WITHIN: Final = MINUTE
"""Fills of one symbol that follow each other so soon are one close, where a file lists fills."""


BOOKED_SHARE: Final = 0.1
"""So many trades that close in one minute of the day did not close, but were booked then."""


class Studied(msgspec.Struct, frozen=True):
    """A trader's study, whose it is, what cannot be trusted, and how his trades were read."""

    study: BehaviorStudy
    whose: str
    notes: tuple[str, ...]
    told: tuple[str, ...]


class TooFew(msgspec.Struct, frozen=True):
    """Why nothing can be said: too few trades, or no groups."""

    reason: str


def profile_file(
    path: Path,
    how: Reading,
    equity: float | None = None,
    fitted: FittedProfiles | None = None,
    span: tuple[int | None, int | None] = (None, None),
) -> Studied | TooFew:
    """Study the trades of a file that closed in a span (nanoseconds, open where None).

    `equity` is what the account began with.

    Raises:
        ConfigurationError: equity, zone or column cannot be; the file holds several traders.
        StorageError: the file cannot be read, or a row cannot be used.
    """
    if equity is not None and not 0 < equity < math.inf:
        raise ConfigurationError(f"--equity {equity:g}: must be a positive amount")
    files = read_trades(path, how)
    if len(files) > 1:
        names = ", ".join(one.trader for one in files[:5])
        raise ConfigurationError(
            f"{path} holds {len(files)} traders ({names}): profile one of them by a file of his"
            " own, or trader behavior fit all"
        )
    if not files:
        return TooFew(f"{path}: not enough: it holds no closed trade")
    file = files[0]
    known = zip(*_known(file, equity), strict=True)
    kept = [(one, held) for one, held in known if _within(one, span)]
    trades, balances = [one for one, _ in kept], [held for _, held in kept]
    knows_sizes = _is_fraction(file, equity)
    try:
        study = study_behavior(
            trades, balances, knows_sizes=knows_sizes, knows_holding=_knows_holding(file),
            fitted=fitted,
        )  # fmt: skip
    except ValueError as error:
        return TooFew(f"{path}: {error}")
    return Studied(study, file.trader, tuple(_notes(file, equity, trades)), _told(file))


def fit_files(
    paths: Sequence[Path], how: Reading, equity: float | None, n_clusters: int
) -> tuple[FittedProfiles | TooFew, list[str]]:
    """Look for groups among the traders of all files; say who was left out, and why.

    Raises:
        ConfigurationError: scikit-learn is not installed, or the number of groups cannot be.
        StorageError: a file cannot be read, or a row cannot be used.
    """
    rows, left_out = [], []
    for path in paths:
        for file in read_trades(path, how):
            trades, _ = _known(file, equity)
            if len(trades) < SAMPLE_TRADES:
                left_out.append(f"{file.trader}: {len(trades)} trades, {SAMPLE_TRADES} are needed")
            elif not (_knows_holding(file) and _is_fraction(file, equity)):
                left_out.append(f"{file.trader}: sizes of equity or holding times are not known")
            else:
                rows.append(extract_behavior_features(trades))
    if not rows:
        return TooFew("no trader can be learned from"), left_out
    try:
        profiler = TraderProfiler(n_clusters)
        profiler.fit(np.array(rows))
    except ModuleNotFoundError:
        raise ConfigurationError(
            "trader behavior fit: the extra `train` is not installed (pip install trader[train])"
        ) from None
    except ValueError as error:
        raise ConfigurationError(f"--groups: {error}") from error
    return profiler.fitted or TooFew(profiler.reason), left_out


def read_fitted(path: Path) -> FittedProfiles:
    """Read profiles as `trader behavior fit` wrote them.

    Raises:
        ConfigurationError: there are none, or what the file holds is none.
    """
    try:
        return read_profiles(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error.strerror}): name profiles of trader behavior fit"
        ) from error
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def write_fitted(path: Path, fitted: FittedProfiles) -> None:
    """Write what was learned.

    Raises:
        StorageError: the disk refuses.
    """
    write_whole(path, profiles_json(fitted))


def write_page(path: Path, studied: Studied) -> None:
    """Write the page of a study.

    Raises:
        StorageError: the disk refuses.
    """
    page = study_page(studied.study, studied.whose, studied.notes, studied.told)
    write_whole(path, page_html(page).encode())


def as_json(studied: Studied) -> dict[str, Any]:
    """Tell a study to a program; what is not known is null."""
    study = studied.study
    raised = counts(one.analysis for one in study.moments)
    return {
        "trader": studied.whose,
        "trades": len(study.trades),
        "first_close": iso(study.moments[0].at),
        "last_close": iso(study.moments[-1].at),
        "profile": study.profile,
        "untyped": study.untyped,
        "features": _plain(study.features),
        "patterns": _plain(study.patterns),
        "decades_from_archetypes": study.apart,
        "habits": study.habits,
        "alerts": dict(raised),
        "lowest_multiplier": min(one.analysis["risk_multiplier"] for one in study.moments),
        "notes": studied.notes,
        "read": studied.told,
    }


def _known(file: TradeFile, equity: float | None) -> tuple[list[Trade], list[float | None]]:
    """Return structures in the order they closed, sizes of equity where it is known; balances."""
    legs = legs_of(file.trades)
    trades = behavior_trades(fills_joined(legs, FILLS_WITHIN) if _lists_closes(file) else legs)
    totals = itertools.accumulate(one.pnl for one in trades)
    balances = [
        file.balances.get(one.closed_at or 0, None if equity is None else equity + total)
        for one, total in zip(trades, totals, strict=True)
    ]
    if file.sizes != "notional" or not _is_fraction(file, equity):
        return trades, balances
    shares = [
        msgspec.structs.replace(one, size=one.size / (held - one.pnl))
        if held is not None and held > one.pnl
        else msgspec.structs.replace(one, size=0.0)
        for one, held in zip(trades, balances, strict=True)
    ]
    return shares, balances


def _within(trade: Trade, span: tuple[int | None, int | None]) -> bool:
    at, (start, end) = trade.closed_at or 0, span
    return (start is None or at >= start) and (end is None or at < end)


def _is_fraction(file: TradeFile, equity: float | None) -> bool:
    """Whether sizes are, or can be made, fractions of equity."""
    known = equity is not None or bool(file.balances)
    return file.sizes == "fraction" or (file.sizes == "notional" and known)


def _knows_holding(file: TradeFile) -> bool:
    return file.knows("opened_at") or file.knows("holding_minutes")


def _lists_closes(file: TradeFile) -> bool:
    """Whether a file lists what closes filled, with nothing that tells one close from another."""
    return not (_knows_holding(file) or file.knows("entry_price") or file.knows("chain"))


def _notes(file: TradeFile, equity: float | None, trades: Sequence[Trade]) -> list[str]:
    """Say what the file cannot tell, and what may mislead."""
    notes = []
    if _lists_closes(file):
        notes.append(
            f"The file lists {len(file.trades):,} fills; those of a symbol within a minute are one"
            f" trade: {len(trades):,} are looked at. Positions closed in parts still count several"
            " times, which makes runs of losses longer than a trader felt them."
        )
    minute, count = Counter((one.closed_at or 0) % DAY // MINUTE for one in trades).most_common(1)[
        0
    ]
    if count > BOOKED_SHARE * len(trades):
        notes.append(
            f"{count / len(trades):.0%} of the trades close at {minute // 60:02d}:{minute % 60:02d}"
            " UTC: sums of a day, it seems, so that pace, hours and runs are those of days; --from"
            " and --to choose a time without them."
        )
    if file.sizes == "unknown":
        notes.append("No sizes: nothing can be said of revenge or of rising risk.")
    elif not _is_fraction(file, equity):
        what = "say --equity AMOUNT" if file.sizes == "notional" else "give a column notional"
        notes.append(
            f"Sizes are amounts, not fractions of equity ({what}): they are compared with each"
            " other, and name no type."
        )
    if not _knows_holding(file):
        notes.append(
            "No opening times: no holding times, and gaps are from close to close. Whether a trade"
            " began before a loss was known cannot be told."
        )
    if not file.knows("side") and not file.knows("closing_side"):
        notes.append("No sides: nothing can be said of long and short, all count as long.")
    if equity is None and not file.balances:
        notes.append("No account value (--equity AMOUNT): drawdown alerts cannot be told.")
    return notes


def _told(file: TradeFile) -> tuple[str, ...]:
    """Say how the file was read."""
    used = ", ".join(f"{meaning} from {name!r}" for meaning, name in file.columns.items())
    return (f"Read: {used}.", *(f"{one}." for one in file.notes))


def _plain(values: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
