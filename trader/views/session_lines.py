"""How are sessions of quotes told? Lines of the log, a chain's summary, a table of strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.facts import Filled, FillFollowed, OrderPlaced, SessionOpened, SessionWithdrawn
from trader.domain.trading import Approved
from trader.domain.units import iso, tidy
from trader.views.text import Column, duration, money, number, pairs, percent, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trader.domain.facts import Recorded
    from trader.domain.portfolio import Session
    from trader.engine.quoting import Tally
    from trader.views.trade_lines import Fields

FILLS: Final = (
    Column("at", "fill at"),
    Column("amount", "amount", "right"),
    Column("price", "price", "right"),
    Column("after", "looked at after", "right"),
    Column("mid", "middle then", "right"),
    Column("drift", "moved for us", "right"),
)
STRATEGIES: Final = (
    Column("strategy", "strategy"),
    Column("sessions", "sessions", "right"),
    Column("fills", "fills", "right"),
    Column("units", "units", "right"),
    Column("followed", "looked at", "right"),
    Column("drift", "moved for us", "right"),
    Column("unit", "per unit", "right"),
    Column("share", "of the price", "right"),
)


def opened(fact: SessionOpened) -> Fields:
    """Tell which contract is quoted from here on."""
    return {
        "message": f"{fact.strategy} quotes {fact.instrument.name} from here on: {fact.chain_id}",
        "strategy": fact.strategy,
        "instrument": fact.instrument.name,
        "underlying": fact.instrument.underlying,
        "chain_id": fact.chain_id,
        "verdict_id": fact.verdict_id,
        "account": fact.account,
    }


def withdrawn(fact: SessionWithdrawn) -> Fields:
    """Tell why a session quotes no more."""
    return {
        "message": f"{fact.strategy} quotes no more on {fact.chain_id}: {fact.reason}",
        "strategy": fact.strategy,
        "chain_id": fact.chain_id,
        "account": fact.account,
        "reason": fact.reason,
    }


def followed(fact: FillFollowed) -> Fields:
    """Tell where the market was some time after a fill."""
    verb = "bought" if fact.amount > 0 else "sold"
    what = f"{verb} {number(abs(fact.amount))} {fact.instrument} at {number(fact.price)}"
    seen = "nobody quoted it" if fact.mid is None else f"its middle was {number(fact.mid)}"
    drift = "" if fact.mid is None else f", {_signed(fact.drift, fact.currency)} for us"
    return {
        "message": f"{fact.strategy} {what}: {duration(fact.after)} later {seen}{drift}",
        "strategy": fact.strategy,
        "instrument": fact.instrument,
        "chain_id": fact.chain_id,
        "fill_id": fact.fill_id,
        "account": fact.account,
        "drift": _signed(fact.drift, fact.currency) if fact.mid is not None else "",
    }


def session_text(session: Session) -> str:
    """Sum a living session up in a few words."""
    state = "quotes" if session.quotes else f"withdrawn ({session.withdrawn})"
    return (
        f"{state} {session.instrument.name}, at most {number(session.inventory_max)}; "
        f"{session.fills} fills, bought {number(session.bought)}, sold {number(session.sold)}"
    )


class SessionStory(msgspec.Struct, frozen=True):
    """A session as its facts tell it: what sums it up, and a row for each fill of a quote."""

    summary: tuple[tuple[str, str], ...]
    fills: tuple[dict[str, str], ...]


def session_story(records: Iterable[Recorded]) -> SessionStory | None:
    """Read a session off the facts of its chain: what it might hold, its fills, and what came
    after each; None of a chain that was none.
    """
    told = [(one.at, one.fact) for one in records]
    approved = next((fact for _, fact in told if isinstance(fact, Approved)), None)
    if approved is None or approved.intent.quoting is None:
        return None
    quotes = {
        fact.order.order_id
        for _, fact in told
        if isinstance(fact, OrderPlaced) and fact.order.action == "quote"
    }
    fills = [
        (at, fact) for at, fact in told if isinstance(fact, Filled) and fact.order_id in quotes
    ]
    seen = {fact.fill_id: fact for _, fact in told if isinstance(fact, FillFollowed)}
    ends = [f"{iso(at)}, {fact.reason}" for at, fact in told if isinstance(fact, SessionWithdrawn)]
    inventory = tidy(sum(leg.amount for _, fill in fills for leg in fill.legs))
    limit = f"{number(approved.amount)} {approved.intent.legs[0].instrument}"
    summary = (
        ("session of quotes", f"at most {limit} on either side"),
        ("orders that rested", f"{len(quotes)}, {len(fills)} fills"),
        ("inventory by quotes", number(inventory)),
        ("quotes withdrawn", "; ".join(ends) or "not yet"),
        *_drift_rows(list(seen.values())),
    )
    rows = tuple(_fill_row(at, fill, seen.get(fill.fill_id)) for at, fill in fills)
    return SessionStory(summary, rows)


def explain_session(records: Iterable[Recorded]) -> str:
    """Tell a session as text; "" of a chain that was none."""
    story = session_story(records)
    if story is None:
        return ""
    parts = [pairs(story.summary), table(story.fills, FILLS) if story.fills else ""]
    return "\n\n".join(filter(None, parts))


def _drift_rows(seen: list[FillFollowed]) -> list[tuple[str, str]]:
    """Sum up what the market did after the fills that were looked at."""
    known = [one for one in seen if one.mid is not None]
    units = sum(abs(one.amount) for one in known)
    if not units:
        return [("adverse selection", "no fill was looked at yet")]
    drift, paid = sum(one.drift for one in known), sum(abs(one.amount) * one.price for one in known)
    currency = known[0].currency
    side = "for us" if drift >= 0 else "against us"
    moved = (
        f"after a fill the market had moved {money(abs(drift) / units, currency)} a unit {side} "
        f"({percent(drift / paid)} of the price), {len(known)} fills looked at"
    )
    return [("adverse selection", moved)]


def _fill_row(at: int, fill: Filled, seen: FillFollowed | None) -> dict[str, str]:
    (leg,) = fill.legs
    known = seen is not None and seen.mid is not None
    return {
        "at": iso(at),
        "amount": number(leg.amount),
        "price": number(leg.price),
        "after": duration(seen.after) if seen is not None else "",
        "mid": number(seen.mid) if seen is not None and seen.mid is not None else "",
        "drift": _signed(seen.drift, seen.currency) if seen is not None and known else "",
    }


def strategy_rows(tallies: Mapping[str, Tally]) -> list[dict[str, str]]:
    """Set one line for each strategy that quotes."""
    return [_strategy_row(name, tally) for name, tally in sorted(tallies.items())]


def strategies_text(tallies: Mapping[str, Tally]) -> str:
    """Set the lines under their titles."""
    return table(strategy_rows(tallies), STRATEGIES)


def _strategy_row(name: str, tally: Tally) -> dict[str, str]:
    unit, share = tally.drift_per_unit, tally.drift_share
    return {
        "strategy": name,
        "sessions": str(tally.sessions),
        "fills": str(tally.fills),
        "units": number(tally.units),
        "followed": number(tally.followed),
        "drift": _signed(tally.drift, tally.currency) if tally.followed else "",
        "unit": _signed(unit, tally.currency) if unit is not None else "",
        "share": percent(share) if share is not None else "",
    }


def _signed(amount: float, currency: str) -> str:
    """Write what the market moved for us with its sign."""
    text = money(amount, currency)
    return f"+{text}" if amount > 0 else text
