"""How different could it have felt, and is it luck? Simulated paths, their limits, overfitting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.behavior.streaks import bearable_loss_share, losing_run_probability
from trader.evaluation.trade_stats import compounded
from trader.views import report_numbers as say
from trader.views.blocks import Cell, Figure, Prose, Section, Table, columns, row
from trader.views.figures import Band, Limit, Line, chart, histogram
from trader.views.svg import Axis

if TYPE_CHECKING:
    from trader.evaluation.monte_carlo import Breach, MonteCarlo, Quantiles
    from trader.evaluation.sample_size import SizedStage
    from trader.evaluation.strategy_card import Scorecard
    from trader.views.blocks import Block

TRADES: Final = Axis("trades")
CONVINCING: Final = 0.95


def luck(card: Scorecard, sizes: tuple[SizedStage, ...]) -> tuple[Section, ...]:
    """Write the parts on paths, on the size of the simulation, and on overfitting."""
    return (
        Section("Equity, drawdown and what they could have been", _paths(card)),
        Section("Simulated drawdowns and losing runs", _distributions(card)),
        Section("Does the stage depend on the number of simulations?", _sizes(card, sizes)),
        Section("Overfitting", _overfitting(card)),
    )


def _paths(card: Scorecard) -> tuple[Block, ...]:
    if not card.results:
        return (Prose("n/a: no closed trade.", "muted"),)
    equity = compounded(card.results)
    peak, depths = 0.0, []
    for value in equity:
        peak = max(peak, value)
        depths.append(value / peak - 1.0 if peak > 0 else 0.0)
    steps = [float(one) for one in range(len(equity))]
    path = Line(label="backtest", xs=steps, ys=[one - 1.0 for one in equity], tone=2)
    figures = [
        Figure(
            chart("Equity by trade with the Monte Carlo fan", [*_median(card), path], TRADES,
                  Axis("return on the starting equity", "percent"), bands=_fan(card)),
            "The backtest as it went, over what the same trades, drawn anew, would have given.",
        ),
        Figure(
            chart("Drawdown by trade", [Line(label="backtest", xs=steps, ys=depths, tone=2)],
                  TRADES, Axis("below the last peak", "percent", include=(0.0,)),
                  limits=_drawdown_limits(card)),
            "How far below its peak it was after each trade.",
        ),
    ]  # fmt: skip
    if card.marks:
        at = [float(one.at) for one in card.marks]
        pnl = [one.trading_pnl_usd for one in card.marks]
        figures.append(
            Figure(
                chart("Trading result against holding, USD", [Line(label="trading", xs=at, ys=pnl)],
                      Axis("UTC", "time"), Axis("USD", "usd", include=(0.0,))),
                "The backtest by the calendar, all coins at the price of the day.",
            )
        )  # fmt: skip
    return tuple(figures)


def _median(card: Scorecard) -> list[Line]:
    if card.monte_carlo is None:
        return []
    fan = card.monte_carlo.fan
    ys = [one - 1.0 for one in fan.p50]
    return [Line(label="median path", xs=[float(one) for one in fan.trades], ys=ys, dashed=True)]


def _fan(card: Scorecard) -> list[Band]:
    if card.monte_carlo is None:
        return []
    fan = card.monte_carlo.fan
    steps = [float(one) for one in fan.trades]
    pairs = (("5 to 95 %", fan.p05, fan.p95), ("25 to 75 %", fan.p25, fan.p75))
    return [
        Band(label=name, xs=steps, low=[one - 1 for one in low], high=[one - 1 for one in high])
        for name, low, high in pairs
    ]


def _drawdown_limits(card: Scorecard) -> list[Limit]:
    breaches = card.monte_carlo.drawdown_breaches if card.monte_carlo is not None else ()
    return [Limit(-one.limit, _limit_text(one, "%")) for one in breaches]


def _distributions(card: Scorecard) -> tuple[Block, ...]:
    study = card.monte_carlo
    if study is None:
        return (Prose("n/a: no simulation was made.", "muted"),)
    n = study.variance.sims
    depth = [Limit(one.limit, _limit_text(one, "%")) for one in study.drawdown_breaches]
    runs = [Limit(one.limit + 0.5, _limit_text(one)) for one in study.loss_streak_breaches]
    depths, lengths = study.drawdown_histogram, study.loss_streak_histogram
    return (
        Figure(
            histogram(f"Deepest drawdown of {n} simulated paths", depths.edges, depths.counts,
                      Axis("depth", "percent", include=(0.0,)), limits=depth),
            f"{n} paths of {study.variance.trades_per_sim:,} trades drawn one by one.",
        ),
        Figure(
            histogram(f"Longest losing run of {n} simulated paths", lengths.edges, lengths.counts,
                      Axis("losses in a row", "count", include=(0.0,)), limits=runs),
            "A path beyond a dashed line would break that stage's limit.",
        ),
        _quantile_table(card),
        _breach_table(card),
        *_streak_law(card),
    )  # fmt: skip


def _limit_text(breach: Breach, unit: str = "") -> str:
    name = {"drawdown_halt": "halt", "daily_loss_halt": "halt"}.get(
        breach.limit_name, breach.limit_name
    )
    scale = 100.0 if unit else 1.0
    return f"{name} {say.brief(breach.limit * scale)} {unit}".rstrip()


def _quantile_table(card: Scorecard) -> Table:
    rows = []
    for study, how in ((card.monte_carlo, "one by one"), (card.stationary, "in blocks")):
        if study is None:
            continue
        found = (("final return", study.final_return), ("drawdown", study.drawdown_depth),
                 ("losing run", study.loss_streak))  # fmt: skip
        rows += [_quantile_row(f"{name}, {how}", ones) for name, ones in found]
    block = card.stationary.block_length if card.stationary is not None else None
    caption = (
        "Quantiles over the simulations, with their 95 % intervals. Trades drawn in blocks"
        f" (mean length {say.plain(block, 1)}) keep what depends on the trade before."
    )
    return Table(columns("over the paths", "#5 %", "#50 %", "#95 %", "#99 %"), tuple(rows), caption)


def _quantile_row(name: str, quantiles: Quantiles) -> tuple[Cell, ...]:
    is_share = not name.startswith("losing run")
    ones = (quantiles.p05, quantiles.p50, quantiles.p95, quantiles.p99)
    return row(name, *(say.interval(one, percent=is_share) for one in ones))


def _breach_table(card: Scorecard) -> Table:
    study, blocks = card.monte_carlo, card.stationary
    rows = [] if study is None else _breaches(study, blocks)
    return Table(
        columns("goes beyond", "#one by one", "#in blocks"), tuple(rows),
        "How probable it is that such a path breaks a limit, with 95 % intervals:",
    )  # fmt: skip


def _breaches(study: MonteCarlo, blocks: MonteCarlo | None) -> list[tuple[Cell, ...]]:
    def named(one: MonteCarlo) -> list[tuple[str, Breach]]:
        return [
            *((f"drawdown: {_limit_text(b, '%')}", b) for b in one.drawdown_breaches),
            *((f"losing run: {_limit_text(b)}", b) for b in one.loss_streak_breaches),
            *((f"loss of a day: {_limit_text(b, '%')}", b) for b in one.day_loss_breaches),
        ]

    others = dict(named(blocks)) if blocks is not None else {}
    rows = []
    for name, breach in named(study):
        other = others[name].probability if name in others else None
        first = say.interval(breach.probability, percent=True)
        rows.append(row(name, first, say.interval(other, percent=True)))
    ruin = blocks.ruin_probability if blocks is not None else None
    first = say.interval(study.ruin_probability, percent=True)
    return [*rows, row("ruin (all lost)", first, say.interval(ruin, percent=True))]


def _streak_law(card: Scorecard) -> tuple[Block, ...]:
    """Put the exact law of losing runs beside the simulated ones."""
    approval = card.approval
    if approval is None or not 0.0 <= approval.stats.win_rate <= 1.0 or card.monte_carlo is None:
        return ()
    trades = min(card.monte_carlo.variance.trades_per_sim, 5_000)
    losses = sum(one < 0 for one in card.results) / max(len(card.results), 1)
    limits = (approval.config.max_loss_streak_prod, approval.config.max_loss_streak_pilot)
    told = ", ".join(
        f"more than {limit} in a row {say.share(losing_run_probability(trades, limit + 1, losses))}"
        for limit in limits
    )
    sims = approval.variance.sims
    borne = ", ".join(
        f"{limit} with {say.share(1.0 - bearable_loss_share(trades, limit, sims), 1)} won"
        for limit in limits
    )
    return (
        Prose(
            f"By the exact law of independent trades, {say.share(losses, 1)} of them lost, among"
            f" {trades:,}: {told}."
        ),
        Prose(
            "How hard the gates on the losing run are: the worst of"
            f" {sims} such paths stays at a limit with even odds at {borne};"
            f" this strategy wins {say.share(approval.stats.win_rate, 1)}."
        ),
    )


def _sizes(card: Scorecard, sizes: tuple[SizedStage, ...]) -> tuple[Block, ...]:
    if not sizes:
        return (Prose("n/a: no stage was decided.", "muted"),)
    decided = sizes[0]
    differing = [one for one in sizes if one.stage != decided.stage]
    study = card.monte_carlo
    quantile = (
        " The 95 % quantiles do not grow with N: drawdown"
        f" {say.share(study.drawdown_depth.p95.value)},"
        f" losing run {say.plain(study.loss_streak.p95.value, 0)}."
        if study is not None
        else ""
    )
    told = (
        "; ".join(f"{one.stage} at {_size_text(one)}" for one in differing)
        if differing
        else f"no, {decided.stage} at every size below"
    )
    rows = tuple(
        row(Cell(_size_text(one) + (" (decides)" if one.decides else "")),
            say.share(one.worst_max_dd), say.count(one.worst_max_loss_streak, "trade"),
            say.plain(one.score, 1), Cell(one.stage, "" if one.stage == decided.stage else "warn"))
        for one in sizes
    )  # fmt: skip
    return (
        Prose(
            f"The stage is decided by the worst of N={decided.sims} simulated paths, and the worst"
            f" of N grows with N.{quantile} Would the stage differ? {told}.",
            "warn" if differing else "",
        ),
        Table(
            columns("simulation", "#worst drawdown", "#worst losing run", "#score", "stage"), rows
        ),
    )


def _size_text(one: SizedStage) -> str:
    return f"N={one.sims:,}, {one.trades_per_sim:,} trades each"


def _overfitting(card: Scorecard) -> tuple[Block, ...]:
    found = card.overfitting
    if found is None:
        return (Prose("n/a: not computed.", "muted"),)
    rows = (
        row("Sharpe ratio, annualized", say.plain(found.sharpe), "daily results of the whole span"),
        row("probabilistic Sharpe (PSR)", say.share(found.probabilistic_sharpe, 1),
            "confidence that the true one is above 0"),
        row("deflated Sharpe (DSR)", _doubtful(found.deflated_sharpe, below=CONVINCING),
            "the same, after the best of all trials was taken; below 95 % it may be luck"),
        row("trials", say.count(found.trials), "configurations ever tried"),
        row("PBO", _doubtful(found.overfitting_probability, above=0.5),
            "how often the best in sample is below the median out of sample"),
        row("MinTRL", f"{say.count(found.minimum_track_record_days)} days"
            if say.is_known(found.minimum_track_record_days) else say.NOT_AVAILABLE,
            "track record needed to believe the Sharpe ratio"),
    )  # fmt: skip
    return (Table(columns("statistic", "#value", "what it says"), rows),)


def _doubtful(value: float | None, below: float = 0.0, above: float = 1.0) -> Cell:
    """Write a probability; one outside what convinces is a warning, not a verdict."""
    is_doubtful = value is not None and (value < below or value > above)
    return Cell(say.share(value, 1), "warn" if is_doubtful else "")
