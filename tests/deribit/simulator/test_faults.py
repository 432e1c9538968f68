"""The kinds of faults: what each takes, whom it is about, and what is refused by name."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from trader.deribit.simulator.faults import KINDS, Close, Drop, ExpiryStorm, Gap, read_fault
from trader.domain.units import HOUR, MINUTE, nanoseconds

FRIDAY = nanoseconds(datetime(2026, 6, 5, 8, tzinfo=UTC))


def test_every_kind_reads_itself_from_its_name() -> None:
    """A table with nothing but a kind is a whole fault."""
    for name, kind in KINDS.items():
        fault = read_fault({"kind": name})
        assert type(fault) is kind
        assert read_fault(fault.model_dump()) == fault


def test_the_kinds_are_those_that_are_promised() -> None:
    """Names that people write in files are no accident."""
    assert set(KINDS) == {
        "clock_skew", "close", "corrupt", "delay", "drip", "drop", "duplicate", "expiry_storm",
        "gap", "maintenance", "mute", "refuse", "reorder", "too_many_requests", "truncate",
        "zero_side",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("drop", {"scope": ""}),
        ("drop", {"clients": ""}),
        ("drop", {"starts_s": -1.0}),
        ("drop", {"starts_s": math.nan}),
        ("drop", {"duration_s": 0.0}),
        ("drop", {"duration_s": math.inf}),
        ("drop", {"probability": 0.0}),
        ("drop", {"probability": math.nan}),
        ("drop", {"count": 0}),
        ("drop", {"clock": "sun"}),
        ("drop", {"every_s": 0.5}),
        ("drop", {"share": 0.5}),
        ("drip", {"scope": "*"}),
        ("corrupt", {"mode": "burn"}),
        ("truncate", {"keep": 0.0}),
        ("clock_skew", {"skew_s": math.inf}),
        ("close", {"code": 999}),
        ("close", {"code": 1005}),
        ("close", {"code": 2000}),
        ("refuse", {"status": 200}),
        ("maintenance", {"clients": "ws/1"}),
    ],
)
def test_an_impossible_fault_is_refused_by_field(kind: str, fields: dict[str, Any]) -> None:
    """The refusal names the field; one that means nothing for a kind is refused too."""
    with pytest.raises(ValidationError, match=next(iter(fields))):
        read_fault({"kind": kind, **fields})


@pytest.mark.parametrize("code", [1000, 1006, 1012, 1013, 4000])
def test_the_codes_a_venue_closes_with_can_be_asked_for(code: int) -> None:
    """Also the one that never is in a close frame: it stands for a cut."""
    assert Close(code=code).code == code


def test_patterns_name_clients_and_topics() -> None:
    """As in a shell; case matters, as it does in the names of channels."""
    fault = Drop(scope="ticker.BTC-*", clients="ws/[12]")
    assert fault.covers("ticker.BTC-PERPETUAL.100ms")
    assert not fault.covers("ticker.ETH-PERPETUAL.100ms")
    assert not fault.covers("ticker.btc-PERPETUAL.100ms")
    assert fault.concerns("ws/2")
    assert not fault.concerns("http")
    assert Gap().covers("book.BTC-PERPETUAL.100ms")
    assert not Gap().covers("ticker.BTC-PERPETUAL.100ms")


@pytest.mark.parametrize("days", [-6, -3, 0])
def test_a_storm_breaks_before_the_next_friday(days: int) -> None:
    """The clock only moves forward; a minute before the roll it moves to the next one."""
    storm = ExpiryStorm(before_s=60.0)
    assert storm.breaks_at(FRIDAY + days * 24 * HOUR - HOUR) == FRIDAY - MINUTE
    assert storm.breaks_at(FRIDAY - MINUTE) == FRIDAY + 7 * 24 * HOUR - MINUTE
    assert storm.breaks_at(FRIDAY) == FRIDAY + 7 * 24 * HOUR - MINUTE
