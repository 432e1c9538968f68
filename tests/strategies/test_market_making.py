"""One session at a time, two quotes of it, and an end by its own rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from pydantic import ValidationError

from tests.builders import NOW, alter, board, chain, situation, working_order
from trader.domain.models import NoModels, Observation, Regime
from trader.domain.portfolio import ChainView, Session, WorkingOrder
from trader.domain.trading import Intent, Leg
from trader.domain.units import HOUR, MINUTE, to_atoms
from trader.strategies.market_making import MarketMaking, MarketMakingSettings
from trader.strategies.strategy import Cadence, asks_models, boards_apart

if TYPE_CHECKING:
    from trader.domain.market import Board

MARKET = board()
NAME = "BTC-27NOV26-90000-C"
OPTION = MARKET.instruments[MARKET.listing.places[NAME]]
EVERY = 5 * MINUTE


def maker(**settings: Any) -> MarketMaking:
    """Make a market in calls of seven days."""
    return MarketMaking(
        name="maker",
        underlying="BTC",
        settings=MarketMakingSettings(**{"delta_tolerance": 0.3} | settings),
        timetable=Cadence(2 * HOUR, 0, EVERY),
    )


def held(
    amount: float = 0.0,
    *,
    withdrawn: str = "",
    began: int = NOW - HOUR,
    flow: float = 0.0,
    **changes: Any,
) -> ChainView:
    """Hold a session that may hold one contract on either side."""
    legs = ((OPTION, amount, 0.02),) if amount else ()
    session = Session(instrument=OPTION, inventory_max=1.0, follow_after=EVERY, withdrawn=withdrawn)
    one = chain(*legs, units=abs(amount), strategy="maker", approved_at=began)
    return msgspec.structs.replace(
        one, session=session, flows={"BTC": to_atoms(flow)}, max_loss_coin=0.2, **changes
    )


def asked(
    strategy: MarketMaking,
    *chains: ChainView,
    orders: tuple[WorkingOrder, ...] = (),
    market: Board = MARKET,
    regime: Regime | None = "Calm",
    occasion: str = "manage",
) -> tuple[Intent, ...]:
    """Ask it about what it holds."""
    shown = situation(market, chains=chains, orders=orders)
    models = NoModels(Observation(regime, "it is so"))
    return strategy.propose(msgspec.structs.replace(shown, models=models, occasion=occasion))


def resting(ratio: int, price: float, amount: float, life: int = HOUR) -> WorkingOrder:
    """Rest one quote of the session."""
    one = working_order("quote", legs=(Leg(NAME, ratio),), limit_net=ratio * price)
    order = msgspec.structs.replace(one.order, amount=amount, expires_at=NOW + life)
    return WorkingOrder(order, 0.0)


def test_it_opens_one_session_and_no_second() -> None:
    """An opening names the option and the most it wants to hold; while it lives there is none."""
    (opening,) = asked(maker(), occasion="open")
    assert (opening.action, opening.amount) == ("open", 1.0)
    assert opening.quoting is not None
    assert opening.quoting.follow_after == 5 * MINUTE
    assert "of the mark (no model has one)" in opening.reason
    living = asked(maker(), held(began=NOW - 3 * HOUR), occasion="open")
    assert [one.action for one in living] == ["quote", "quote"]


def test_it_stands_aside_in_a_crisis_and_without_a_value() -> None:
    """No session begins; why is kept with the verdicts where a value is what lacks."""
    assert asked(maker(), occasion="open", regime="Crisis") == ()
    (withheld,) = asked(maker(without_ensemble="stand_aside"), occasion="open")
    assert withheld.withheld is not None
    assert withheld.withheld.rule == "no_value"
    assert withheld.reason == "no value to quote around: no model has one"


def test_both_sides_are_quoted_as_far_as_there_is_room() -> None:
    """Sizes are a share of the most; a full inventory is offered only."""
    bid, offer = asked(maker(), held())
    assert (bid.legs[0].ratio, offer.legs[0].ratio) == (1, -1)
    assert (bid.amount, offer.amount) == (0.3, 0.3)
    assert bid.pricing.limit_net is not None
    assert offer.pricing.limit_net is not None
    assert bid.pricing.limit_net < -offer.pricing.limit_net
    assert bid.pricing.lifetime == 10 * MINUTE
    (only,) = asked(maker(), held(1.0))
    assert only.legs[0].ratio == -1
    (short,) = asked(maker(), held(-1.0))
    assert short.legs[0].ratio == 1


def test_quotes_that_stand_right_are_left_alone() -> None:
    """The same price, size and life enough: nothing; else that side is quoted anew."""
    strategy = maker()
    bid, offer = asked(strategy, held())
    ours = [
        resting(1, bid.pricing.limit_net or 0.0, bid.amount or 0.0),
        resting(-1, -(offer.pricing.limit_net or 0.0), offer.amount or 0.0),
    ]
    assert asked(strategy, held(), orders=tuple(ours)) == ()
    dying = resting(1, bid.pricing.limit_net or 0.0, bid.amount or 0.0, life=MINUTE)
    assert asked(strategy, held(), orders=(dying, ours[1])) == (bid,)


@pytest.mark.parametrize(
    ("settings", "held_now", "regime", "why"),
    [
        ({"session_hours": 0.5}, held(), "Calm", "the session ends after 0.5 hours"),
        ({"exit_hours": 158.0, "min_hours_left": 160.0}, held(), "Calm", "hours to expiry"),
        ({}, held(), "Crisis", "market is Crisis: it is so"),
        ({"loss_limit": 0.1}, held(flow=-0.03), "Calm", "lost 0.03 of the 0.2 reserved"),
    ],
)
def test_a_session_ends_by_its_own_rules(
    settings: dict[str, Any], held_now: ChainView, regime: Regime, why: str
) -> None:
    """Time, expiry, regime, loss: it is withdrawn, with the reason."""
    (end,) = asked(maker(**settings), held_now, regime=regime)
    assert end.action == "withdraw"
    assert why in end.reason


def test_what_is_held_at_the_end_is_closed_patiently() -> None:
    """With the withdrawal, and at every look after it while no close works."""
    end, close = asked(maker(session_hours=0.5), held(0.4))
    assert (end.action, close.action) == ("withdraw", "close")
    assert close.legs == (Leg(NAME, -1),)
    assert close.pricing.worst_net is not None
    (again,) = asked(maker(), held(-0.4, withdrawn="done"))
    assert again.legs == (Leg(NAME, 1),)
    works = working_order("close")
    assert asked(maker(), held(-0.4, withdrawn="done"), orders=(works,)) == ()
    assert asked(maker(), held(withdrawn="done")) == ()


def test_losing_the_value_is_told_once_and_quotes_are_not_renewed() -> None:
    """While quotes still rest it says why; once they are gone it is silent."""
    strategy = maker(without_ensemble="stand_aside")
    (aside,) = asked(strategy, held(), orders=(resting(1, 0.01, 0.3),))
    assert aside.withheld is not None
    assert "no value" in aside.reason
    assert asked(strategy, held()) == ()


def test_nothing_is_quoted_on_a_quote_that_cannot_be_trusted() -> None:
    """Stale or one-sided: quotes are left to die."""
    assert asked(maker(), held(), market=alter(MARKET, {"fresh": False})) == ()
    assert asked(maker(), held(), market=alter(MARKET, {"bid": float("nan")})) == ()


def test_it_says_what_history_it_needs() -> None:
    """Boards once in a quote's life, and models while they are fitted."""
    assert boards_apart(maker(quote_minutes=4)) == 4 * MINUTE
    assert asks_models(maker())


def test_settings_that_contradict_each_other_are_refused() -> None:
    """A session must be able to last, and regimes are named once."""
    with pytest.raises(ValidationError, match="exit_hours 30 must be below"):
        MarketMakingSettings(exit_hours=30, min_hours_left=24)
    with pytest.raises(ValidationError, match="names a regime twice"):
        MarketMakingSettings(avoid_regimes=("Crisis", "Crisis"))


def test_studies_vary_width_and_lean() -> None:
    """Both grids hold today's values; the sketch is one lot short."""
    strategy = maker()
    space = strategy.parameter_space()
    assert strategy.settings.width_share in space["width_share"]
    assert strategy.settings.skew_share in space["skew_share"]
    (leg,) = strategy.sketch(90_000.0, 0.5, NOW)
    assert leg.ratio == -1
