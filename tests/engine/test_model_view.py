"""May a strategy ask what a structure is worth, and does the journal know what it was told?"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.builders import alter, board, option
from tests.engine.floor import CALL, PUT, VERTICAL, wish
from tests.engine.modelled import ModelFloor
from trader.domain.models import EdgesWeighed, Observation
from trader.domain.situation import Situation
from trader.domain.trading import Intent, Leg
from trader.engine.model_view import EDGES_MAX, BoardModels
from trader.pricing.ensemble import Believed
from trader.pricing.models import BlackScholes

CALM = Observation("Calm", "the test says so")


def models(vol: float = 0.6, *, error: float = 0.01, **changes: object) -> BoardModels:
    """Believe in one volatility, on a board quoted at 55 %."""
    believed = [Believed(BlackScholes(), (vol,), error, 1.0)]
    shown = alter(board(), changes) if changes else board()  # type: ignore[arg-type]
    return BoardModels(shown, lambda: CALM, lambda _: believed)


def test_worth_is_in_the_currency_that_settles() -> None:
    """An inverse option is worth coin, a linear one USD: the same but for the forward."""
    inverse = models().worth([Leg(option("call", 90_000.0).name, 1.0)])
    shown = board(inverse=False)
    linear = BoardModels(
        shown, lambda: CALM, lambda _: [Believed(BlackScholes(), (0.6,), 0.01, 1.0)]
    ).worth([Leg(option("call", 90_000.0, inverse=False).name, 1.0)])
    assert inverse is not None
    assert linear is not None
    assert linear.value == pytest.approx(90_000.0 * inverse.value)
    assert linear.uncertainty == pytest.approx(90_000.0 * inverse.uncertainty)


def test_vols_are_those_of_the_ensemble() -> None:
    """Row by row; without a forward there is none, and the others stay."""
    assert models().vols(np.arange(5)) == pytest.approx(0.6)
    rows = np.arange(4)
    shown = board()
    forward = shown.underlying_price.copy()
    forward[1] = math.nan
    found = models(underlying_price=forward).vols(rows)
    assert np.isnan(found).tolist() == [False, True, False, False]
    assert found[[0, 2, 3]] == pytest.approx(0.6)


@pytest.mark.parametrize("legs", [(), (Leg("BTC-PERPETUAL", 1.0),), (Leg("nowhere", 1.0),)])
def test_what_is_no_option_of_the_board_has_no_worth(legs: tuple[Leg, ...]) -> None:
    """Nothing, a perpetual, an unknown name: None, never a guess."""
    assert models().worth(legs) is None
    assert models().edge(legs, 0.01) is None


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_an_edge_needs_numbers(wrong: float) -> None:
    """A price, costs or a threshold that is none gives no edge, and none is journaled."""
    legs = [Leg(option("call", 90_000.0).name, 1.0)]
    asked = models()
    assert asked.edge(legs, wrong) is None
    assert asked.edge(legs, 0.01, costs=wrong) is None
    assert asked.edge(legs, 0.01, needed=wrong) is None
    assert asked.weighed("alpha", ()) is None


def test_a_forward_that_is_none_has_no_worth() -> None:
    """NaN, zero and infinity are no forwards."""
    legs = [Leg(option("call", 90_000.0).name, 1.0)]
    for wrong in (math.nan, 0.0, math.inf, -1.0):
        assert models(underlying_price=wrong).worth(legs) is None


def test_a_decision_keeps_the_best_edges_and_says_which_it_took() -> None:
    """What was wished for first, then by gain; each structure once; the rest is counted."""
    asked = models()
    strikes = [90_000.0 * (200 + k) / 200 for k in range(12)]
    legs = [(Leg(option("call", strike).name, 1.0),) for strike in strikes]
    for one in (*legs, legs[0]):
        assert asked.edge(one, 0.001) is not None
    wished = Intent(
        strategy="alpha", action="open", underlying="BTC", legs=legs[-1], confidence=0.5, reason=""
    )
    weighed = asked.weighed("alpha", (wished,))
    assert weighed is not None
    assert len(weighed.edges) == EDGES_MAX
    assert weighed.unshown == 12 - EDGES_MAX
    assert weighed.edges[0].legs == legs[-1]
    assert weighed.taken == (True, *[False] * (EDGES_MAX - 1))
    gains = [edge.gain for edge in weighed.edges[1:]]
    assert gains == sorted(gains, reverse=True)
    assert weighed.regime == "Calm"


def test_edges_are_journaled_with_the_decision() -> None:
    """A strategy that buys on edge: before its verdict the fact with what each model alone says."""

    def wishes(situation: Situation) -> tuple[Intent, ...]:
        edge = situation.models.edge(VERTICAL, -0.02, costs=0.0006, needed=0.0)
        return (wish(VERTICAL),) if edge is not None and edge.enough else ()

    floor = ModelFloor(wishes=wishes)
    assert floor.ask().facts == ()
    floor.rounds(2)
    facts = floor.ask().facts
    weighed = facts[0]
    assert isinstance(weighed, EdgesWeighed)
    assert weighed.taken == (True,)
    assert set(weighed.edges[0].worth.alone) == {"black_scholes", "merton"}
    assert weighed.edges[0].enough_alone("merton")
    assert len(facts) > 1
    assert weighed.regime == "Calm"


def test_what_is_not_enough_is_left_alone_and_journaled_too() -> None:
    """At the fair price nothing is gained beyond costs and doubt: no wish, but its edge is kept."""

    def wishes(situation: Situation) -> tuple[Intent, ...]:
        legs = (Leg(CALL, 1.0), Leg(PUT, 1.0))
        worth = situation.models.worth(legs)
        if worth is None:
            return ()
        edge = situation.models.edge(legs, worth.value, costs=0.0006)
        return (wish(legs),) if edge is not None and edge.enough else ()

    floor = ModelFloor(wishes=wishes)
    floor.rounds(2)
    (weighed,) = floor.ask().facts
    assert isinstance(weighed, EdgesWeighed)
    assert weighed.taken == (False,)
