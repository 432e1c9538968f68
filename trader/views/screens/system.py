"""How is the daemon itself? Lags, queue, memory, journal, quality of data, versions, epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.domain.facts import EpochOpened
from trader.domain.units import iso
from trader.views import report_numbers as say
from trader.views.blocks import Cell, Page, Pairs, Prose, Section, Table, columns, row
from trader.views.text import duration

if TYPE_CHECKING:
    from trader.views.blocks import Block, Tone
    from trader.views.reading import Asked, Filed, Pulse, Reading

EPOCHS_SHOWN: Final = 20
LAG_WARN_S: Final = 0.05
PROGRESS_WARN_S: Final = 5.0
GOOD_SCORE: Final = 0.9
MEGABYTE: Final = 1e6


def system(reading: Reading, _: Asked) -> Page:
    """Make the page of the daemon."""
    pulse = reading.pulse
    problems = tuple(Prose(one, "bad") for one in pulse.problems)
    return Page(
        title="System",
        subtitle=f"trader {pulse.software}, running for {_wall(pulse.uptime_s)}",
        notices=problems,
        sections=(
            Section("Now", (_now(pulse),), level=2),
            Section("Journal", (_journal(reading),), level=2),
            Section("Quality of data", _scores(pulse), level=2),
            Section("What memory holds", _sizes(pulse), level=2),
            Section("Epochs", _epochs(reading), level=2),
        ),
    )


def _now(pulse: Pulse) -> Block:
    alive = Cell("alive", "good") if pulse.feed_alive else Cell("not alive", "bad")
    return Pairs(
        (
            ("health", Cell("; ".join(pulse.problems), "bad") if pulse.problems else Cell("good")),
            ("feed", Cell(f"{pulse.feed}: {alive.text}", alive.tone)),
            ("trading", Cell("on paper" if pulse.trading else "not yet: waiting for the market")),
            (
                "market time",
                Cell(f"{iso(pulse.at) if pulse.at else 'unknown'} at {pulse.speed:g}x"),
            ),
            ("loop lag", _late(pulse.loop_lag_s, LAG_WARN_S)),
            ("engine moved", _late(pulse.progress_age_s, PROGRESS_WARN_S, " ago")),
            ("queue", Cell(f"{say.count(pulse.queue_length, 'event')} waiting")),
            ("events", Cell(f"{pulse.events:,} taken, {pulse.conflated:,} quotes overtaken")),
            ("memory", Cell(f"{say.plain(pulse.rss_bytes / MEGABYTE, 0)} MB resident")),
            ("version", Cell(f"trader {pulse.software}")),
        )
    )


def _late(seconds: float, warn: float, suffix: str = "") -> Cell:
    tone: Tone = "warn" if not seconds <= warn else ""
    text = f"{1000 * seconds:,.1f} ms" if seconds < 1 else f"{seconds:,.1f} s"
    return Cell(f"{text}{suffix}", tone)


def _journal(reading: Reading) -> Block:
    """Tell how far the journal goes: a page shows nothing that is not in it."""
    books = reading.desk.ledger
    newest = next(reading.facts(newest_first=True, limit=1), None)
    if newest is None:
        return Prose("The journal is empty: its first fact comes with the market.", "muted")
    fact = type(newest.recorded.fact).__name__
    return Pairs(
        (
            ("facts", Cell(f"{newest.id:,}")),
            ("on disk", Cell(_megabytes(reading.pulse.journal_bytes))),
            ("last fact", Cell(f"{fact} at {iso(newest.recorded.at)}")),
            ("its sequence", Cell(f"{newest.recorded.sequence:,}")),
            ("events since it", Cell(f"{reading.pulse.sequence - books.sequence:,}")),
            ("began", Cell(iso(books.began_at) if books.began_at else "unknown")),
        )
    )


def _megabytes(size: int) -> str:
    return f"{say.plain(size / MEGABYTE, 2)} MB" if size else "not a file of this machine"


def _scores(pulse: Pulse) -> tuple[Block, ...]:
    if not pulse.scores:
        return (Prose("Scores appear once the market is connected.", "muted"),)
    rows = tuple(
        row(name, Cell(say.plain(score, 3), "" if score >= GOOD_SCORE else "warn"))
        for name, score in pulse.scores.items()
    )
    told = "1 is a channel that is heard, young, whole and in order; 0 is not to be believed."
    return (Prose(told, "muted"), Table(columns("channel", "#score"), rows))


def _sizes(pulse: Pulse) -> tuple[Block, ...]:
    rows = tuple(row(name.replace("_", " "), f"{size:,}") for name, size in pulse.sizes.items())
    half = -(-len(rows) // 2)
    heads = columns("kept", "#count")
    told = "After an expiry only what is listed stays: what grows here for days is a leak."
    return (Prose(told, "muted"), Table(heads, rows[:half]), Table(heads, rows[half:]))


def _epochs(reading: Reading) -> tuple[Block, ...]:
    found = reading.facts(kinds=("EpochOpened",), newest_first=True, limit=EPOCHS_SHOWN)
    rows = tuple(_epoch(one) for one in found)
    if not rows:
        return (Prose("The first epoch opens when the market is known.", "muted"),)
    heads = columns(
        "#epoch", "opened", "feed", "#speed", "market", "version", "configuration", "behavior"
    )
    return (Table(heads, rows, "Each start opens one, newest first.", stacked=True),)


def _epoch(filed: Filed) -> tuple[Cell, ...]:
    fact = filed.recorded.fact
    if not isinstance(fact, EpochOpened):
        raise TypeError(f"fact {filed.id} is {type(fact).__name__}, EpochOpened was asked for")
    return row(
        str(fact.epoch),
        iso(filed.recorded.at),
        fact.feed,
        f"{fact.speed:g}x",
        fact.market,
        fact.software,
        fact.configuration_hash[:16],
        "watched" if fact.behavior else "not watched",
    )


def _wall(seconds: float) -> str:
    return duration(round(seconds * 1e9)) if seconds >= 0 else "unknown"
