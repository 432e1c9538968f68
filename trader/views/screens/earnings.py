"""What did trading earn? The result in USD and BTC, its sources, its curves, against holding."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from trader.domain.units import from_atoms
from trader.views import report_numbers as say
from trader.views.blocks import Cell, Figure, Prose, Table, columns, row
from trader.views.figures import Line, chart
from trader.views.performance import COIN
from trader.views.svg import Axis
from trader.views.text import is_dollar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trader.views.blocks import Block, Tone
    from trader.views.performance import Flows, Parts, Point

SOURCES: Final = (
    ("premium", "premium of options opened"),
    ("delta", "market: payoffs, closing, perpetuals, marks"),
    ("fees", "fees of trades and deliveries"),
    ("funding", "funding of perpetuals"),
)
NO_MARK: Final = "Figures begin with the first full market hour."
NO_END: Final = "Figures begin at the first full market hour after its first chain has ended."
TIME: Final = Axis("UTC", "time")
USD: Final = Axis("USD", "usd", include=(0.0,))
BITCOIN: Final = Axis(COIN, include=(0.0,))


def account_result(points: Sequence[Point], ended: Parts) -> tuple[Block, ...]:
    """Tell what an account earned; `ended` is the part of its ended chains, at the same indices."""
    if not points:
        return (Prose(NO_MARK, "muted"),)
    last = points[-1]
    still_open = last.parts.total - ended.total
    rows = (
        *_source_rows(last.parts, last.coin_usd),
        amount_row(
            "result of trading against holding", last.parts.total, last.coin_usd, is_result=True
        ),
        amount_row("of it: chains that ended", ended.total, last.coin_usd),
        amount_row("of it: chains that are open, at their marks", still_open, last.coin_usd),
    )
    told = f"At {say.minute(last.at)}; coin that was earned is valued at the index of that hour."
    return (
        Prose(told, "muted"),
        Table(columns("where it came from", "#USD", f"#{COIN}"), rows),
        _against_holding(points),
    )


def account_curves(points: Sequence[Point]) -> tuple[Block, ...]:
    """Draw what an account earned and is worth, in USD and in BTC; nothing before a mark."""
    if not points:
        return ()
    at = [float(one.at) for one in points]
    coin = [one for one in points if one.coin_usd > 0]
    coin_at = [float(one.at) for one in coin]
    worth = Line(label="equity", xs=at, ys=[one.equity_usd for one in points], tone=2)
    held = Line(label="holding", xs=at, ys=[one.holding_usd for one in points], dashed=True)
    worth_coin = Line(
        label="equity", xs=coin_at, ys=[one.equity_usd / one.coin_usd for one in coin], tone=2
    )
    held_coin = Line(
        label="holding", xs=coin_at, ys=[one.holding_usd / one.coin_usd for one in coin],
        dashed=True,
    )  # fmt: skip
    return (
        *result_curves(points),
        _drawdown(points),
        Figure(
            chart("Equity and holding, USD", [worth, held], TIME, Axis("USD", "usd")),
            "Equity in USD, and what the starting balances would be worth.",
        ),
        Figure(
            chart(f"Equity and holding, {COIN}", [worth_coin, held_coin], TIME, Axis(COIN)),
            f"Equity and holding in {COIN}: the price of {COIN} is out of it.",
        ),
    )


def strategy_result(points: Sequence[Point]) -> tuple[Block, ...]:
    """Tell what the ended chains of a strategy earned, with curves."""
    if not points:
        return (Prose(NO_END, "muted"),)
    last = points[-1]
    rows = (
        *_source_rows(last.parts, last.coin_usd),
        amount_row("result of its ended chains", last.parts.total, last.coin_usd, is_result=True),
    )
    told = (
        f"At {say.minute(last.at)}, against holding; coin that was earned is valued at the index of"
        " that hour. Chains that are open count when they end."
    )
    return (
        Prose(told, "muted"),
        Table(columns("where it came from", "#USD", f"#{COIN}"), rows),
        *result_curves(points),
        _drawdown(points),
    )


def chain_result(flows: Flows, rates: Mapping[str, float]) -> Block:
    """Tell what a chain moved by its source: in each currency, and in USD and BTC at `rates`."""
    currencies = tuple(flows.atoms)
    if not currencies:
        return Prose("No cash has moved for it yet.", "muted")
    shown = {name: flows.parts(name) for name in currencies}
    if flows.priced_by(rates):
        shown["USD"] = flows.valued(rates)
        if COIN not in shown and rates.get(COIN, 0.0) > 0:
            shown[COIN] = shown["USD"].over(rates[COIN])
    rows = tuple(
        row(text, *(money_text(getattr(parts, source), name) for name, parts in shown.items()))
        for source, text in (*SOURCES, ("total", "together"))
    )
    caption = "What was not moved in USD or BTC is told in them at the last index."
    return Table(columns("source", *(f"#{name}" for name in shown)), rows, caption)


def money_text(atoms: int, currency: str) -> str:
    """Write atoms with their sign: coin to six places, dollars to two."""
    places = 2 if currency == "USD" or is_dollar(currency) else 6
    return say.plain(from_atoms(atoms), places, signed=True)


def result_curves(points: Sequence[Point]) -> tuple[Figure, Figure]:
    """Draw a result over time, in USD and in BTC."""
    at = [float(one.at) for one in points]
    coin = [one for one in points if one.coin_usd > 0]
    usd = Line(label="result", xs=at, ys=[one.trading_usd for one in points])
    bitcoin = Line(
        label="result",
        xs=[float(one.at) for one in coin],
        ys=[one.trading_usd / one.coin_usd for one in coin],
    )
    return (
        Figure(
            chart("Result of trading against holding, USD", [usd], TIME, USD),
            "Result in USD: what decisions earned or lost, the coins' own movement taken out.",
        ),
        Figure(
            chart(f"Result of trading against holding, {COIN}", [bitcoin], TIME, BITCOIN),
            f"Result in {COIN}, at each hour's index.",
        ),
    )


def coin_text(amount: float) -> str:
    """Write an amount of BTC with its sign, to six places."""
    return say.plain(amount, 6, signed=True)


def amount_row(
    name: str, atoms: int, coin_usd: float, *, is_result: bool = False
) -> tuple[Cell, ...]:
    """Write one amount (atoms of a USD) in USD and in BTC; a result in its color."""
    usd = from_atoms(atoms)
    coin = coin_text(usd / coin_usd) if coin_usd > 0 else say.NOT_AVAILABLE
    shown: Tone = ("good" if atoms > 0 else "bad" if atoms < 0 else "") if is_result else ""
    return row(name, Cell(say.plain(usd, 2, signed=True), shown), Cell(coin, shown))


def _source_rows(parts: Parts, coin_usd: float) -> tuple[tuple[Cell, ...], ...]:
    return tuple(amount_row(text, getattr(parts, name), coin_usd) for name, text in SOURCES)


def _against_holding(points: Sequence[Point]) -> Table:
    """Set equity beside what holding would be, and how both moved since the first mark."""
    first, last = points[0], points[-1]
    worth = (
        ("equity", last.equity_usd, first.equity_usd),
        ("holding the starting balances", last.holding_usd, first.holding_usd),
    )
    rows = []
    for name, now, then in worth:
        coin = say.plain(now / last.coin_usd, 4) if last.coin_usd > 0 else say.NOT_AVAILABLE
        rows.append(row(name, say.plain(now, 2), coin, say.share(now / then - 1.0, signed=True)))
    return Table(columns("what it is worth", "#USD", f"#{COIN}", "#since the start"), tuple(rows))


def _drawdown(points: Sequence[Point]) -> Figure:
    """Draw how far the result lay below its peak."""
    results = [one.trading_usd for one in points]
    peaks = itertools.accumulate(results, max, initial=0.0)
    next(peaks)
    depths = [result - peak for result, peak in zip(results, peaks, strict=True)]
    line = Line(label="below the peak", xs=[float(one.at) for one in points], ys=depths, tone=3)
    return Figure(
        chart("Drawdown of the result, USD", [line], TIME, USD),
        "Drawdown: how far the result lay below its best hour, in USD.",
    )
