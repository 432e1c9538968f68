"""What does a chain hold now? Its legs with their Greeks, and its result over prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trader.domain.units import iso
from trader.views import report_numbers as say
from trader.views.blocks import Cell, Figure, Prose, Table, columns, row
from trader.views.figures import Line, chart
from trader.views.payoff import Sensitivity, payoff, seen_on, sensitivity
from trader.views.reading import NotThere
from trader.views.svg import Axis
from trader.views.text import money, number

if TYPE_CHECKING:
    from trader.domain.market import Board
    from trader.engine.chains import Chain
    from trader.views.blocks import Block
    from trader.views.payoff import HeldLeg, Payoff
    from trader.views.reading import Reading

NOTHING_HELD = "Nothing is held yet: its first order works, or ended without a fill."
HOW = (
    "Everything that moved so far counts, coin at the price looked at. At expiry is exact, delivery"
    " fees included; now is Black-76 at the volatility the board shows."
)


def now_blocks(reading: Reading, chain: Chain) -> tuple[Block, ...]:
    """Show legs, Greeks and payoff of a chain that lives."""
    if chain.flat:
        return (Prose(NOTHING_HELD, "muted"),)
    board = _board(reading, chain)
    held = [(leg.instrument, leg.amount, leg.entry_price) for leg in chain.legs.values()]
    legs = seen_on(held, board)
    index = board.index if board is not None else chain.index_at_open
    at = board.at if board is not None else reading.desk.ledger.at
    source = (
        Prose(f"{chain.underlying} index {number(round(index, 2))} USD at {iso(at)}.", "muted")
        if board is not None
        else Prose("No board shows its legs now: Greeks and today's value are not known.", "warn")
    )
    return (source, _legs(legs, index, at), *_figures(legs, chain, index, at))


def _board(reading: Reading, chain: Chain) -> Board | None:
    """Find the board that shows the options of a chain; any of its coin where it has none."""
    options = [one.instrument for one in chain.legs.values() if one.instrument.kind == "option"]
    inverse = options[0].inverse if options else True
    try:
        return reading.board(chain.underlying, inverse=inverse).board
    except NotThere:
        return None


def _legs(legs: tuple[HeldLeg, ...], index: float, at: int) -> Block:
    """List what is held, with the Greeks of the whole amounts and their sum."""
    found = [sensitivity(leg, index, at) for leg in legs]
    rows = [
        row(
            leg.instrument.name,
            number(leg.amount),
            money(leg.entry_price, leg.instrument.settlement_currency),
            _price(leg.mark, leg),
            say.share(leg.vol, 1),
            *_greeks(one),
        )
        for leg, one in zip(legs, found, strict=True)
    ]
    known = [one for one in found if one is not None]
    if len(known) == len(found) and len(found) > 1:
        total = sum(known[1:], start=known[0])
        rows.append(row(Cell("together"), "", "", "", "", *_greeks(total)))
    heads = columns(
        "leg", "#amount", "#entry", "#mark", "#IV", "#delta (coin)", "#gamma (coin/USD)",
        "#vega (USD/point)", "#theta (USD/day)",
    )  # fmt: skip
    return Table(heads, tuple(rows), stacked=True)


def _price(price: float, leg: HeldLeg) -> str:
    known = say.is_known(price)
    return money(price, leg.instrument.settlement_currency) if known else say.NOT_AVAILABLE


def _greeks(one: Sensitivity | None) -> tuple[str, ...]:
    if one is None:
        return (say.NOT_AVAILABLE,) * 4
    return (
        say.plain(one.delta, 4, signed=True),
        f"{one.gamma:+.3g}",
        say.plain(one.vega, 2, signed=True),
        say.plain(one.theta, 2, signed=True),
    )


def _figures(legs: tuple[HeldLeg, ...], chain: Chain, index: float, at: int) -> tuple[Block, ...]:
    found = payoff(legs, chain.flows, chain.underlying, index, at)
    if found is None:
        return (Prose("Its payoff is drawn once its index is known.", "muted"),)
    xs = found.prices.tolist()
    lines = [Line(label=_label(found), xs=xs, ys=found.at_expiry.tolist())]
    place = int(np.searchsorted(found.prices, index))
    today = float(found.now[place])
    lines.append(Line(label="now", xs=xs, ys=found.now.tolist(), tone=2, dashed=True))
    if say.is_known(today):
        lines.append(Line(label="at today's price", xs=[index], ys=[today], tone=3))
    x, y = Axis(f"{chain.underlying} in USD", "usd"), Axis("result in USD", "usd", include=(0.0,))
    svg = chart(f"Result of {chain.id} over the price of {chain.underlying}", lines, x, y)
    told = f"{_told(found, index, today)} {HOW}"
    return (Figure(svg, told),)


def _label(found: Payoff) -> str:
    return f"at expiry {iso(found.expires_at)[:10]}" if found.expires_at else "without expiry"


def _told(found: Payoff, index: float, today: float) -> str:
    """Say what the figure shows: the result now, and where it turns at expiry."""
    signs = np.sign(found.at_expiry)
    turns = np.flatnonzero((signs[:-1] * signs[1:] < 0) & np.isfinite(signs[:-1] * signs[1:]))
    zeros = [_zero(found, int(one)) for one in turns]
    where = ", ".join(f"{one:,.0f}" for one in zeros) or "nowhere in this range"
    now = f"Result now, at {index:,.0f}: {say.signed_usd(today)}. " if say.is_known(today) else ""
    return f"{now}Breaks even at expiry at {where}."


def _zero(found: Payoff, place: int) -> float:
    """Find where a line between two points is zero."""
    x0, x1 = found.prices[place], found.prices[place + 1]
    y0, y1 = found.at_expiry[place], found.at_expiry[place + 1]
    return float(x0 - y0 * (x1 - x0) / (y1 - y0))
