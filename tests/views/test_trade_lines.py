"""Are the sentences of a trade's life true in their less common turns?"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.storage.story import EVENING, EXPIRY, FILLED, PLACED, REFUSED, SETTLED
from trader.domain.facts import (
    ChainEnded,
    FundingPaid,
    LegSettlement,
    OrderEnded,
    Posting,
    SpotDelivery,
)
from trader.domain.instruments import spot_pair
from trader.domain.units import HOUR
from trader.views import trade_lines


def test_an_order_without_a_limit_takes_any_price() -> None:
    """A market order (closes only) says that it has no limit, and shows none."""
    order = msgspec.structs.replace(PLACED.order, limit_net=None, worst_net=None, action="close")
    fields = trade_lines.placed(msgspec.structs.replace(PLACED, order=order), EVENING, 1.0)
    assert str(fields["message"]).endswith("at any displayed price")
    assert (fields["limit_net"], fields["worst_net"]) == ("", "")


def test_an_early_end_tells_its_detail() -> None:
    """Why an order was canceled is part of the sentence."""
    fields = trade_lines.order_ended(OrderEnded("o1", "main", "leg_expired", "it was 08:00"))
    assert fields["message"] == "order o1 ended, leg expired: it was 08:00"
    known = trade_lines.order_ended(OrderEnded("o1", "main", "expired"), PLACED.order)
    assert known["message"] == (
        "covered_call_btc's order to open BTC-2JUN26-66000-C ended, expired"
    )
    assert known["strategy"] == "covered_call_btc"


@pytest.mark.parametrize(
    ("paid_atoms", "text"), [(-1_500_000, "cost us 0.015 BTC"), (1_500_000, "paid us 0.015 BTC")]
)
def test_a_settlement_tells_what_it_paid_or_cost(paid_atoms: int, text: str) -> None:
    """In the money, the leg's payment is written in coin with its direction."""
    leg = msgspec.structs.replace(SETTLED.legs[0], paid_atoms=paid_atoms)
    fields = trade_lines.settled(msgspec.structs.replace(SETTLED, legs=(leg,)))
    assert text in str(fields["message"])


@pytest.mark.parametrize(
    ("cash", "text"),
    [(-200_000, "c1 paid 0.002 BTC of funding"), (200_000, "c1 received 0.002 BTC of funding")],
)
def test_funding_tells_direction_rate_and_span(cash: int, text: str) -> None:
    """Received or paid, on which contract, over how long, at which rate."""
    paid = FundingPaid(
        account="main",
        chain_id="c1",
        instrument="BTC-PERPETUAL",
        rate_8h=0.0001,
        from_at=EVENING,
        to_at=EVENING + HOUR,
        postings=(Posting("cash", "BTC", cash), Posting("funding", "BTC", -cash)),
    )
    message = str(trade_lines.funding_paid(paid)["message"])
    assert message == f"{text} on BTC-PERPETUAL over 1 h at 0.01 % per 8 h"


def test_a_loss_is_called_a_loss() -> None:
    """A losing structure lost dollars; percent keeps its sign."""
    ended = ChainEnded(
        account="main",
        strategy="s",
        chain_id="c2",
        underlying="BTC",
        opened_at=EVENING,
        pnl={"BTC": -1_000_000},
        pnl_usd=-650.0,
        pnl_pct=-0.0025,
        how="closed",
    )
    message = str(trade_lines.chain_ended(ended, EXPIRY)["message"])
    assert (
        message
        == "s lost 650 USD on c2 (-0.01 BTC, -0.25 % of equity), ended by closing after 14 h"
    )


def test_a_refusal_without_numbers_shows_none() -> None:
    """A rule that counts nothing (a pause) writes no zeros as if they were limits."""
    paused: Any = msgspec.structs.replace(
        REFUSED, rule="paused", limit=0.0, used=0.0, requested=0.0, limits=()
    )
    fields = trade_lines.refused(paused, EVENING, 1.0)
    assert (fields["limit"], fields["used"], fields["requested"]) == ("", "", "")


def test_a_linear_option_has_no_second_dollar_figure() -> None:
    """A premium in USDC is its own USD value."""
    leg = msgspec.structs.replace(
        FILLED.legs[0], instrument="BTC_USDC-2JUN26-66000-C", price=273.0, currency="USDC"
    )
    fields = trade_lines.filled(msgspec.structs.replace(FILLED, legs=(leg,)), None)
    assert fields["premium"] == "credit 164 USDC"
    assert fields["message"] == ("sold 0.6 BTC_USDC-2JUN26-66000-C at 273 USDC (credit 164 USDC)")


def test_an_assumed_size_is_told() -> None:
    """A fill whose size nobody displayed says so at its end."""
    fields = trade_lines.filled(msgspec.structs.replace(FILLED, assumed_size=True), None)
    assert str(fields["message"]).endswith(", assumed size")


def test_coin_that_moved_is_told_beside_its_option() -> None:
    """Who bought or sold how much at which price, and what it cost to."""
    leg = LegSettlement("c1", "BTC_USDC-2JUN26-66000-P", -0.5, 1_000.0, -50_000_000_000, 0, "USDC")
    for amount, text in ((0.5, "c1 is assigned and buys 0.5 BTC at 65,000 USDC"),
                         (-0.5, "c1 is called away and sells 0.5 BTC at 65,000 USDC")):  # fmt: skip
        spot = SpotDelivery("c1", spot_pair("BTC"), amount, 65_000.0, 0, 100_000_000, "USDC")
        fields = trade_lines.settled(msgspec.structs.replace(SETTLED, legs=(leg,), spot=(spot,)))
        assert str(fields["message"]).endswith(f"cost us 500 USDC, {text}")
        assert fields["assigned"] == text
        assert fields["fees"] == "1.00 USDC"
    assert trade_lines.settled(SETTLED)["assigned"] == ""
