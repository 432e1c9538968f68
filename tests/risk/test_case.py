"""Are verdicts written whole: limits asked, numbers finite, consumers in order?"""

from __future__ import annotations

import math

from tests.risk.scenes import consumer, intent, view
from trader.domain.trading import LimitUse
from trader.risk.case import Case, by_id, underlying_of
from trader.risk.limits import RiskSettings, per_trade_use


def case(**changes: object) -> Case:
    """Bring the usual intent before the gate."""
    return Case(RiskSettings(), intent(), view(**changes), "V7-1")


def test_every_limit_asked_is_in_the_verdict() -> None:
    """A refusal carries all questions so far, not only the last."""
    asked = case()
    assert not asked.ask(per_trade_use(0.01, 0.005))
    assert asked.ask(per_trade_use(0.01, 0.02))
    refused = asked.refuse("per_trade_risk", "too much", per_trade_use(0.01, 0.02))
    assert [use.requested for use in refused.limits] == [0.005, 0.02]
    assert (refused.limit, refused.used, refused.requested) == (0.01, 0.0, 0.02)
    assert (refused.verdict_id, refused.account, refused.stage) == ("V7-1", "main", "PRODUCTION")


def test_numbers_that_are_none_never_reach_the_journal() -> None:
    """JSON has no NaN: the words say it, the numbers stay finite."""
    asked = case()
    assert asked.ask(LimitUse("margin", math.inf, math.nan, -math.inf))
    refused = asked.refuse("margin", "margin is nan", LimitUse("margin", math.nan, 1.0, math.inf))
    numbers = [refused.limit, refused.used, refused.requested, refused.allowed]
    numbers += [value for use in refused.limits for value in (use.limit, use.used, use.requested)]
    assert all(math.isfinite(value) for value in numbers)


def test_budget_users_are_those_of_the_underlying_by_id() -> None:
    """However written, BTC is BTC; a consumer without a name may use any budget."""
    names = {"C3-0": "btc", "C1-0": "BTC_USDC", "C2-0": "ETH", "C4-0": " "}
    users = tuple(consumer(id, underlying=name) for id, name in names.items())  # noqa: A001
    assert [one.id for one in case(consumers=users).budget_users()] == ["C1-0", "C3-0", "C4-0"]
    assert [one.id for one in by_id(users)] == ["C1-0", "C2-0", "C3-0", "C4-0"]


def test_an_approval_reserves_what_it_says() -> None:
    """Amount, chain, reservation under the verdict's id, and marks of data quality."""
    approved = case(data_quality=("gap",)).approve(
        0.5, "C7-1", reserve_usd=100.0, reserve_coin=0.01, slot=True
    )
    assert (approved.amount, approved.chain_id, approved.data_quality) == (0.5, "C7-1", ("gap",))
    held = approved.reservation
    assert (held.id, held.usd, held.coin, held.slot) == ("V7-1", 100.0, 0.01, True)


def test_an_underlying_that_names_nothing_is_empty() -> None:
    """An odd intent is refused later by what it lacks, it does not raise here."""
    assert underlying_of(" ") == ""
    assert underlying_of("eth_usdc") == "ETH"
