"""Channel names, and a client's place on each."""

from __future__ import annotations

import pytest

from trader.deribit.simulator.channels import (
    NOTHING_SENT,
    Channel,
    Subscriptions,
    Wanted,
    parse_channel,
)


def channel(name: str) -> Channel:
    """Read a channel that must exist."""
    parsed = parse_channel(name)
    assert parsed is not None
    return parsed


@pytest.mark.parametrize(
    ("name", "stream", "subject", "topic", "fast"),
    [
        ("ticker.A-PERPETUAL.100ms", "ticker", "A-PERPETUAL", "ticker.A-PERPETUAL", True),
        ("ticker.A-5JUN26-7-C.agg2", "ticker", "A-5JUN26-7-C", "ticker.A-5JUN26-7-C", False),
        ("quote.A-PERPETUAL", "quote", "A-PERPETUAL", "quote.A-PERPETUAL", True),
        ("deribit_price_index.btc_usd", "index", "btc_usd", "deribit_price_index.btc_usd", False),
        ("instrument.state.option.BTC", "state", "option.BTC", "instrument.state.option.BTC", True),
        ("instrument.state.any.any", "state", "any.any", "instrument.state.any.any", True),
    ],
)
def test_known_channels_are_read(
    name: str, stream: str, subject: str, topic: str, fast: bool
) -> None:
    """A channel says what it streams, about what, and how often."""
    parsed = channel(name)
    assert (parsed.stream, parsed.subject, parsed.fast) == (stream, subject, fast)
    assert parsed.topic == topic


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ticker",
        "ticker.BTC-PERPETUAL",
        "ticker.BTC-PERPETUAL.1s",
        "quote.BTC-PERPETUAL.100ms",
        "deribit_price_index",
        "instrument.state.tulip.BTC",
        "instrument.state.option.DOGE",
        "user.portfolio.BTC",
    ],
)
def test_unknown_channels_are_none(name: str) -> None:
    """What this exchange does not stream has no channel."""
    assert parse_channel(name) is None


def test_subscribing_twice_keeps_the_place() -> None:
    """A second subscribe sends no new snapshot; a fresh one after unsubscribing does."""
    subscriptions = Subscriptions()
    quote = channel("quote.BTC-PERPETUAL")
    subscriptions.add(quote)
    (place,) = subscriptions.due(slow=False)
    assert place.sent == NOTHING_SENT
    place.sent = 7
    subscriptions.add(quote)
    assert [one.sent for one in subscriptions.due(slow=False)] == [7]
    subscriptions.remove([quote.name, "quote.NOPE"])
    assert len(subscriptions) == 0
    subscriptions.add(quote)
    assert [one.sent for one in subscriptions.due(slow=False)] == [NOTHING_SENT]


def test_slow_channels_are_due_only_once_a_second() -> None:
    """Fast places are walked every time, slow ones when told."""
    subscriptions = Subscriptions()
    for name in ("deribit_price_index.btc_usd", "ticker.A.agg2", "ticker.A.100ms"):
        subscriptions.add(channel(name))
    assert [one.channel.name for one in subscriptions.due(slow=False)] == ["ticker.A.100ms"]
    assert len(list(subscriptions.due(slow=True))) == 3


def test_channels_of_instruments_are_found() -> None:
    """What expired is found on every interval and stream."""
    subscriptions = Subscriptions()
    for name in ("ticker.A.agg2", "ticker.A.100ms", "quote.A", "quote.B"):
        subscriptions.add(channel(name))
    found = subscriptions.of_instruments(frozenset({"A"}))
    assert sorted(found) == ["quote.A", "ticker.A.100ms", "ticker.A.agg2"]


def test_what_two_clients_want_is_looked_at_once() -> None:
    """Every channel once; the same object until somebody subscribes, unsubscribes or leaves."""
    one, two, wanted = Subscriptions(), Subscriptions(), Wanted()
    for name in ("quote.A", "ticker.A.agg2"):
        one.add(channel(name))
    for name in ("quote.A", "quote.B"):
        two.add(channel(name))
    channels = wanted.channels([one, two])
    assert sorted(one.name for one in channels) == ["quote.A", "quote.B", "ticker.A.agg2"]
    assert wanted.channels([one, two]) is channels
    two.add(channel("quote.A"))
    assert wanted.channels([one, two]) is channels
    two.remove(["quote.B"])
    assert [one.name for one in wanted.channels([one, two])] == ["quote.A", "ticker.A.agg2"]
    assert [one.name for one in wanted.channels([two])] == ["quote.A"]


@pytest.mark.parametrize(
    ("name", "stream", "subject", "fast", "detail"),
    [
        ("ticker.A.raw", "ticker", "A", True, ""),
        ("book.A.agg2", "book", "A", False, ""),
        ("book.A.none.20.100ms", "grouped", "A", True, "none.20"),
        ("trades.A.agg2", "trades", "A", False, ""),
        ("chart.trades.A.1D", "chart", "A", False, "1D"),
        ("incremental_ticker.A", "incremental", "A", False, ""),
        ("markprice.options.btc_usd", "markprice", "btc_usd", False, ""),
        ("deribit_volatility_index.btc_usd", "volatility", "btc_usd", False, ""),
        ("estimated_expiration_price.btc_usd", "expiration", "btc_usd", False, ""),
        ("instrument.creation.any.any", "creation", "any.any", True, ""),
        ("trades.option.BTC.100ms", "tape", "option.BTC", True, ""),
        ("trades.any.any.agg2", "tape", "any.any", False, ""),
        ("announcements", "announcements", "", False, ""),
        ("block_trade_confirmations", "blocks", "any", False, ""),
        ("block_trade_confirmations.BTC", "blocks", "BTC", False, ""),
        ("block_rfq.trades.any", "blocks", "any", False, ""),
        ("platform_state", "platform", "", False, ""),
        ("platform_state.public_methods_state", "methods", "", False, ""),
    ],
)
def test_streams_are_told_apart(
    name: str, stream: str, subject: str, fast: bool, detail: str
) -> None:
    """Each name leads to its stream, its subject, its pace and what else it says."""
    channel = parse_channel(name)
    assert channel is not None
    read = (channel.stream, channel.subject, channel.fast, channel.detail)
    assert read == (stream, subject, fast, detail)


@pytest.mark.parametrize(
    "name",
    [
        "trades.tulip.BTC.100ms",
        "block_rfq.trades.DOGE",
        "book.A.none.7.100ms",
        "book.A.3.10.100ms",
        "book.A.none.10.raw",
        "chart.trades.A.7",
    ],
)
def test_groups_depths_and_resolutions_are_the_documented_ones(name: str) -> None:
    """Anything else is no channel."""
    assert parse_channel(name) is None
