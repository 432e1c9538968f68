"""Is a contract what the venue lists, with its steps, and nothing impossible?"""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from tests.builders import option
from trader.domain.instruments import Instrument, pair_name, perpetual_name, spot_pair

OPTION = option()
NOT_POSITIVE = [0.0, -0.1, math.nan, math.inf, -math.inf]


def _changed(**fields: Any) -> Instrument:
    whole = {one: getattr(OPTION, one) for one in OPTION.__struct_fields__}
    return Instrument(**{**whole, **fields})


@pytest.mark.parametrize("field", ["tick_size", "min_trade_amount", "contract_size", "strike"])
@pytest.mark.parametrize("value", NOT_POSITIVE)
def test_a_step_that_is_none_is_refused(field: str, value: float) -> None:
    """Steps, sizes and strikes are positive numbers: the error names contract, field and value."""
    with pytest.raises(ValueError, match=rf"{OPTION.name}: {field} {value!r} must be a positive"):
        _changed(**{field: value})


@pytest.mark.parametrize("field", ["maker_fee_rate", "taker_fee_rate"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_fee_rate_that_is_no_number_is_refused(field: str, value: float) -> None:
    """A NaN fee would make every result NaN; a negative rate is a rebate and fine."""
    with pytest.raises(ValueError, match=rf"{field} {value!r} must be a finite number"):
        _changed(**{field: value})
    assert getattr(_changed(**{field: -0.0001}), field) == -0.0001


@pytest.mark.parametrize("field", ["option_type", "strike", "expires_at"])
def test_an_option_without_its_terms_is_refused(field: str) -> None:
    """An option has a type, a strike and an expiry."""
    with pytest.raises(ValueError, match="an option needs option_type, strike, expires_at"):
        _changed(**{field: None})


def test_a_future_without_expiry_is_refused() -> None:
    """A dated contract that never ends could never be settled."""
    with pytest.raises(ValueError, match="a future needs expires_at"):
        _changed(kind="future", option_type=None, strike=None, expires_at=None)


@pytest.mark.parametrize("expires_at", [0, -1])
def test_an_expiry_that_is_no_instant_is_refused(expires_at: int) -> None:
    """0 would read as "never expires"."""
    with pytest.raises(ValueError, match=rf"expires_at {expires_at} must be UTC nanoseconds"):
        _changed(expires_at=expires_at)


@pytest.mark.parametrize(
    "steps",
    [
        ((0.01, 0.001), (0.005, 0.0005)),
        ((0.005, 0.0005), (0.005, 0.001)),
        ((0.005, 0.0),),
        ((0.005, math.nan),),
        ((math.nan, 0.0005),),
        ((-1.0, 0.0005),),
    ],
)
def test_a_tick_ladder_must_rise(steps: tuple[tuple[float, float], ...]) -> None:
    """Unsorted, repeated or empty steps would choose a wrong tick in silence."""
    with pytest.raises(ValueError, match=r"tick_size_steps .* must rise in price"):
        _changed(tick_size_steps=steps)


@pytest.mark.parametrize(
    ("price", "tick"), [(0.0049, 0.0001), (0.005, 0.0005), (0.02, 0.0005), (-0.02, 0.0005)]
)
def test_the_tick_follows_the_price(price: float, tick: float) -> None:
    """Above 0.005 a BTC option moves in 0.0005; a credit's size counts, not its sign."""
    assert OPTION.tick_at(price) == tick


def test_dailies_are_known_by_their_period() -> None:
    """Only a daily option pays no delivery fee, so it must be told apart."""
    assert OPTION.daily
    assert not _changed(settlement_period="week").daily


def test_a_contract_survives_the_journal() -> None:
    """A contract reads back from JSON as itself, ladder included."""
    assert msgspec.json.decode(msgspec.json.encode(OPTION), type=Instrument) == OPTION


def test_a_spot_pair_is_named_by_both_and_charges_nothing() -> None:
    """What Deribit lists as BTC_USDC: coin against USDC, no expiry, no fee."""
    pair = spot_pair("BTC")
    assert (pair.name, pair.kind, pair.underlying) == ("BTC_USDC", "spot", "BTC")
    assert (pair.settlement_currency, pair.inverse, pair.expires_at) == ("USDC", False, None)
    assert pair.maker_fee_rate == pair.taker_fee_rate == 0.0
    assert pair_name("ETH") == "ETH_USDC"


def test_a_perpetual_is_named_from_any_spelling_of_its_coin() -> None:
    """By the coin where that settles it, by the pair where USDC does."""
    for spelling in ("btc", "BTC", "BTC_USDC"):
        assert perpetual_name(spelling) == "BTC-PERPETUAL"
        assert perpetual_name(spelling, linear=True) == "BTC_USDC-PERPETUAL"
