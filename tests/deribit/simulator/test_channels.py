"""Channel names, and a client's place on each."""

from __future__ import annotations

import pytest

from trader.deribit.simulator.channels import (
    NOTHING_SENT,
    Channel,
    Subscriptions,
    parse_channel,
    wanted_channels,
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
        "ticker.BTC-PERPETUAL.raw",
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
    """The union of what is due, each channel once."""
    one, two = Subscriptions(), Subscriptions()
    for name in ("quote.A", "ticker.A.agg2"):
        one.add(channel(name))
    for name in ("quote.A", "quote.B"):
        two.add(channel(name))
    fast = [wanted.name for wanted in wanted_channels([one, two], slow=False)]
    assert fast == ["quote.A", "quote.B"]
    assert len(wanted_channels([one, two], slow=True)) == 3
