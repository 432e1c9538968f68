"""Tests of `trader.deribit.feed`."""

from __future__ import annotations

from typing import get_args

import pytest

from trader.deribit.feed import Connected, Disconnected, Failure, Fault, FeedEvent, Recovered


@pytest.mark.parametrize(
    "event",
    [
        Failure(1, "public/test", 10040, "retry", ""),
        Fault("gap", (), "", lost=True),
        Recovered("ticker.X.agg2"),
        Connected(1),
        Disconnected("server_gone", "", 1, 0.5),
    ],
)
def test_events_of_a_feed_are_values(event: FeedEvent) -> None:
    """An event compares by content, and nobody who is handed one can change it for the others."""
    assert type(event) in get_args(FeedEvent)
    again = type(event)(*(getattr(event, name) for name in event.__struct_fields__))
    assert again == event
    with pytest.raises(AttributeError):
        setattr(event, event.__struct_fields__[0], None)


def test_a_fault_loses_no_trust_unless_it_says_so() -> None:
    """The mild reading is the default only where nothing was lost."""
    assert not Fault("duplicate", ("ticker.X.agg2",), "the same push twice").lost
