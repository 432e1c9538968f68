"""Do buckets give what they promise, and never grow without bound?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.web.limits import CLIENTS_MAX, GUESS_EVERY_S, GUESSES, Buckets, Guesses, client_of


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.integers(1, 5), st.integers(1, 5))
def test_no_client_gets_more_than_its_share(waits: list[float], size: int, refill: int) -> None:
    """Over any stretch: at most what it held at first and what came back since."""
    buckets, now, taken = Buckets(size, refill), 0.0, 0
    for wait in waits:
        now += wait
        taken += buckets.take("a", now) == 0.0
    assert taken <= size + refill * now + 1e-6


@given(st.floats(0.1, 100), st.floats(0.1, 100))
def test_who_waits_as_told_is_served(size: float, refill: float) -> None:
    """The seconds told are enough, and looking does not cost."""
    buckets, now = Buckets(max(size, 1), refill), 0.0
    while not (wait := buckets.take("a", now)):
        pass
    assert buckets.wait("a", now) == pytest.approx(wait)
    assert buckets.take("a", now + wait + 1e-9) == 0.0


def test_clients_do_not_share_and_are_forgotten_in_turn() -> None:
    """A new client has its own; of too many the most silent goes."""
    buckets = Buckets(1, 0.001)
    assert buckets.take("first", 0.0) == 0.0
    assert buckets.take("first", 0.0) > 0
    for number in range(CLIENTS_MAX):
        assert buckets.take(f"c{number}", 1.0) == 0.0
    assert len(buckets) == CLIENTS_MAX


def test_an_old_token_repeated_is_one_guess() -> None:
    """A program that was not told of a new token locks nobody out."""
    guesses = Guesses()
    for _ in range(100):
        guesses.wrong("a", b"old", 0.0)
    assert guesses.wait("a", 0.0) == 0.0
    for number in range(GUESSES):
        guesses.wrong("a", str(number).encode(), 0.0)
    assert guesses.wait("a", 0.0) == pytest.approx(GUESS_EVERY_S)
    assert guesses.wait("b", 0.0) == 0.0


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "local"),
        (None, "local"),
    ],
)
def test_a_household_is_one_client(address: str | None, client: str) -> None:
    """Whoever owns a /64 of IPv6 has one bucket, not 2**64."""
    assert client_of(address) == client
