"""On what past is one strategy tried by hand? Modelled boards, imported ones, a file's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trader.app.chain_data import read_chains, read_closes
from trader.app.evaluation_request import UNMET, WARM_UP, boards_lack, span_of, unseen_from
from trader.app.night_data import (
    datasets_folder,
    market_of,
    read_market,
    read_markets,
    read_recorded_market,
)
from trader.app.past_candles import YEARS
from trader.backtest.beside import quoted_for
from trader.backtest.recorded_market import RecordedMarket
from trader.domain.errors import ConfigurationError
from trader.domain.instruments import perpetual_name
from trader.evaluation.recorded_past import moved
from trader.evaluation.runs import Subject, days_looked
from trader.storage.datasets import DatasetStore
from trader.strategies.strategy import (
    boards_apart,
    coins_of,
    has_boards,
    reads_board,
    trades_linear,
)

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from trader.app.configuration import Configuration
    from trader.backtest.history import History
    from trader.backtest.market import Market
    from trader.domain.market import Floats, Ints


class Boards(msgspec.Struct, frozen=True, kw_only=True):
    """Which boards are asked for: those of a file, with hourly closes beside them, imported ones
    (`recorded`), or modelled ones.
    """

    chains: Path | None = None
    closes: Path | None = None
    recorded: bool = False


def boards_of(arguments: argparse.Namespace) -> Boards:
    """Take what a command line asks for."""
    return Boards(chains=arguments.chains, closes=arguments.closes, recorded=arguments.recorded)


class Past(msgspec.Struct, frozen=True):
    """A history to run on, with the hourly closes that tell bull from bear, and who runs on it."""

    history: History
    opened_at: Ints
    close: Floats
    subject: Subject
    warm_up: int = WARM_UP


def store_of(configuration: Configuration) -> DatasetStore:
    """Open the datasets of the market that a state directory belongs to."""
    market = market_of(configuration.journal_url)
    return DatasetStore(datasets_folder(configuration.state_dir, market))


def market_for(
    configuration: Configuration,
    underlying: str,
    boards: Boards,
    until: int | None = None,
    *,
    years: float | None = None,
) -> Market | RecordedMarket:
    """Read the past of a coin: the boards asked for, else what they are modelled from, of so many
    `years` (nightly.years).

    Raises:
        ConfigurationError: there are no boards or candles, or a file cannot be used.
    """
    settings, store = configuration.settings, store_of(configuration)
    source, years = settings.feed.source, years or settings.nightly.years
    if boards.chains is not None:
        if boards.closes is not None:
            candles = read_closes(boards.closes, perpetual_name(underlying))
        else:
            candles = read_market(store, underlying, source=source, years=years).candles
        market = read_chains(boards.chains, underlying, candles)
        return market if until is None else market.until(until)
    if boards.recorded:
        return read_recorded_market(store, underlying, until)
    return read_market(store, underlying, until, source=source, years=years)


def market_of_subject(
    configuration: Configuration,
    subject: Subject,
    boards: Boards,
    until: int | None = None,
    *,
    years: float | None = None,
) -> Market | RecordedMarket:
    """Read the past of what a strategy trades; perpetuals of several coins know no boards.

    Raises:
        ConfigurationError: there are no boards or candles, or a file cannot be used.
    """
    strategy = subject.strategy()
    if has_boards(strategy):
        if (apart := boards_apart(strategy)) is not None and boards.chains is None:
            if not boards.recorded:
                raise ConfigurationError(f"{subject.name}: {UNMET}")
            store = store_of(configuration)
            return read_recorded_market(store, strategy.underlying, until, every=apart)
        return market_for(configuration, strategy.underlying, boards, until, years=years)
    settings, store = configuration.settings, store_of(configuration)
    years = years or settings.nightly.years
    return read_markets(store, coins_of(strategy), until, source=settings.feed.source, years=years)


def past_of(subject: Subject, market: Market | RecordedMarket) -> Past:
    """Show the boards of a market, as far out as a strategy looks and when it can see them.

    Raises:
        ConfigurationError: recorded boards do not show what it trades.
    """
    strategy = subject.strategy()
    candles, days_max, linear = market.candles, days_looked(strategy), trades_linear(strategy)
    if not reads_board(strategy):
        quotes = market.perpetual(linear=linear)
        return Past(quotes, candles.opened_at, candles.close, subject)
    if not isinstance(market, RecordedMarket):
        if (lack := boards_lack(subject, market)) is not None:
            raise ConfigurationError(f"{subject.name}: {lack}")
        history = quoted_for(strategy, market.chains(days_max=days_max, linear=linear))
        return Past(history, candles.opened_at, candles.close, subject)
    if (lack := boards_lack(subject, market)) is not None:
        raise ConfigurationError(f"{subject.name}: {lack}")
    subject, notes = moved(subject, market)
    market = msgspec.structs.replace(market, notes=(*market.notes, *notes))
    history = quoted_for(strategy, market.chains(days_max=days_max))
    return Past(history, candles.opened_at, candles.close, subject, warm_up=0)


def past_and_span(
    configuration: Configuration,
    subject: Subject,
    boards: Boards,
    wanted: tuple[int | None, int | None],
) -> tuple[Past, tuple[int, int]]:
    """Read what a run goes over, and from when to when: what is wanted, else the last years.

    Of those, what a fitted policy learned from is left out.

    Raises:
        ConfigurationError: there are no boards or candles, or a file cannot be used.
    """
    start, end = wanted
    years = configuration.settings.nightly.years if start is None else YEARS
    market = market_of_subject(configuration, subject, boards, years=years)
    past = past_of(subject, market)
    since, until = span_of(past.history.span, start, end, years, past.warm_up)
    if start is None:
        since = max(since, unseen_from(subject) or since)
    return past, (since, until)
