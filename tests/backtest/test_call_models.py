"""Is a call held against fits that were known, and by the worth that strategies are told?"""

from __future__ import annotations

import functools
import math

import msgspec
import numpy as np
import pytest

from tests.backtest.calls import study
from tests.backtest.pasts import chains, day
from trader.backtest.call_models import Fit, Fits, beyond_worth
from trader.backtest.call_tape import CallTape, TapeDataSource, record_tape
from trader.backtest.covered_call import CoveredCallSimulator, EnsemblePolicy
from trader.backtest.training import generate_training_data
from trader.domain.events import BoardSnapshot
from trader.domain.trading import Leg
from trader.domain.units import DAY, HOUR, YEAR, moment
from trader.engine.model_desk import Ensemble
from trader.pricing.black_scholes import price
from trader.pricing.board_quotes import CalibrationSettings
from trader.pricing.ensemble import Believed
from trader.pricing.models import BlackScholes, Merton
from trader.strategies.call_features import Quote

MODELS = Ensemble(
    (BlackScholes(), Merton()), calibration=CalibrationSettings(every_minutes=24 * 60)
)
SPAN = (day(8), day(24))
ASKED = {"start": moment(day(9)), "end": moment(day(23)), "decision_interval_bars": 7}


@functools.cache
def tape() -> CallTape:
    """Fit two models to the boards of two weeks."""
    return record_tape(chains(30, days_max=11.0), *SPAN, MODELS)


def quote(at: int, **changes: object) -> Quote:
    """Quote a week's call a tenth out of the money."""
    told = Quote(
        at=at, instrument_name="BTC-X-44000-C", expires_at=at + 7 * DAY, strike=44_000.0,
        delta=0.25, mark=0.02, price=0.019, fee=0.0003, spot=40_000.0, linear=False,
    )  # fmt: skip
    return msgspec.structs.replace(told, **changes)


def flat(at: int, vol: float, error: float = 0.0, weight: float = 1.0) -> Fit:
    """Believe in one volatility for a day."""
    return Fit(at, at + DAY, (Believed(BlackScholes(), (vol,), error, weight),))


def test_a_sale_is_held_against_the_worth_of_the_call() -> None:
    """Price less fee less Black-76 less the doubt of its fit, in shares of spot; linear alike."""
    at = day(9)
    worth = price("call", 40_100.0, 44_000.0, 7 * DAY / YEAR, 0.5) / 40_100.0
    gain = beyond_worth([flat(at, 0.5)], quote(at), 40_100.0)
    assert gain == pytest.approx(0.019 - 0.0003 - worth, abs=1e-12)
    doubted = beyond_worth([flat(at, 0.5, error=0.02)], quote(at), 40_100.0)
    assert doubted is not None
    assert gain is not None
    vega = price("call", 40_100.0, 44_000.0, 7 * DAY / YEAR, 0.51) / 40_100.0 - worth
    assert gain - doubted == pytest.approx(2 * vega, rel=0.02)
    dollars = quote(at, linear=True, price=760.0, fee=12.0)
    told = beyond_worth([flat(at, 0.5)], dollars, 40_100.0)
    assert told == pytest.approx((760.0 - 12.0 - worth * 40_100.0) / 40_000.0, abs=1e-12)


def test_only_a_fit_that_was_known_and_is_young_counts() -> None:
    """The last by then; none before the first, none when it is too old, none of no model."""
    at = day(9)
    early, late = flat(at, 0.4), flat(at + HOUR, 0.9)
    alone = beyond_worth([early], quote(at), 40_000.0)
    assert alone is not None
    assert beyond_worth([early, late], quote(at), 40_000.0) == alone
    later = beyond_worth([early, late], quote(at + HOUR), 40_000.0)
    assert later is not None
    assert later < alone
    assert beyond_worth([early], quote(at - 1), 40_000.0) is None
    assert beyond_worth([early], quote(at + DAY + 1), 40_000.0) is None
    assert beyond_worth([Fit(at, at + DAY, ())], quote(at), 40_000.0) is None
    assert beyond_worth([early], quote(at, strike=None), 40_000.0) is None
    assert beyond_worth([early], quote(at), math.nan) is None


def test_models_are_fitted_to_the_first_board_of_each_day() -> None:
    """Close to the volatilities the boards were made from; believed for three days."""
    fits = tape().fits
    assert [one.at for one in fits] == [day(number) for number in range(8, 24)]
    assert {one.until - one.at for one in fits} == {3 * DAY}
    for one in fits:
        assert [each.model.name for each in one.believed] == ["black_scholes", "merton"]
        assert sum(each.weight for each in one.believed) == pytest.approx(1.0)
        vol = one.believed[0].parameters[0]
        rows = slice(*tape().first[np.searchsorted(tape().at, one.at) :][:2])
        assert vol == pytest.approx(np.median(tape().mark_iv[rows]), abs=0.1)
    assert record_tape(chains(30, days_max=11.0), *SPAN).fits == ()


def test_it_is_what_strategies_are_told_of_the_same_board() -> None:
    """The edge of the engine's own view of the board, asked at the moment of the fit."""
    history = chains(30, days_max=11.0)
    fits = Fits(MODELS, history, day(8))
    for at, event in history.events(day(8), day(8) + HOUR):
        fits.take(at, event)
        if isinstance(event, BoardSnapshot):
            break
    engine = fits.engine
    board = engine.market.board("BTC")
    at = day(8)
    rows = [
        row for row, one in enumerate(board.instruments)
        if one.option_type == "call" and abs(board.delta_at(row) - 0.25) < 0.1
    ]  # fmt: skip
    assert len(rows) > 3
    for row in rows:
        one, bid = board.instruments[row], float(board.bid[row])
        seen = quote(
            at, instrument_name=one.name, expires_at=one.expires_at, strike=one.strike, price=bid
        )
        edge = engine.models.view(board).edge((Leg(one.name, -1),), -bid, costs=seen.fee)
        assert edge is not None
        told = beyond_worth(fits.made, seen, float(board.underlying_price[row]))
        assert told == pytest.approx(edge.gain - edge.worth.uncertainty, abs=1e-12)


def test_a_policy_asks_them_one_by_one_and_all_at_once() -> None:
    """It sells where the state says enough; without models it never does."""
    told: list[float | None] = []
    source, settings = TapeDataSource(tape()), study(**ASKED, dte_tolerance=5.0)

    def look(state: object) -> bool:
        told.append(state["ensemble_edge"])  # type: ignore[index]
        return True

    CoveredCallSimulator(source, settings).simulate_policy(look)
    known = sorted(one for one in told if one is not None)
    assert len(known) > 20
    middle = known[len(known) // 2]
    results = [
        CoveredCallSimulator(source, settings, arrays=arrays).simulate_policy(
            EnsemblePolicy(middle), 0.05
        )
        for arrays in (True, False)
    ]
    assert results[0] == results[1]
    declined = [row.reason == "policy_declined" for row in results[0].decisions]
    assert declined == [one is None or one < middle for one in told]
    bare = TapeDataSource(msgspec.structs.replace(tape(), fits=()))
    assert not CoveredCallSimulator(bare, settings).simulate_policy(EnsemblePolicy(-1.0)).trades


def test_it_sees_nothing_that_came_later() -> None:
    """Cut or poisoned after a decision, those before it are the same; later ones are not."""
    settings = study(**ASKED, dte_tolerance=5.0)
    cut = day(15) + 3 * HOUR

    def seen(one: CallTape) -> list[float | None]:
        rows: list[float | None] = []

        def look(state: object) -> bool:
            rows.append(state["ensemble_edge"])  # type: ignore[index]
            return False

        CoveredCallSimulator(TapeDataSource(one), settings).simulate_policy(look)
        return rows[: sum(at <= cut for at in settings.decision_times())]

    whole = seen(tape())
    assert any(one is not None for one in whole)
    assert seen(tape().until(cut)) == whole
    assert seen(tape().poisoned(cut)) == whole
    assert seen(tape().poisoned(day(13))) != whole


def test_rows_to_learn_from_do_not_carry_it() -> None:
    """It costs a fit a day: whoever asks for rows gets the features of the schema."""
    rows = generate_training_data(
        CoveredCallSimulator(TapeDataSource(tape()), study(**ASKED)), EnsemblePolicy(0.0)
    )
    assert rows
    assert "ensemble_edge" not in rows[0].extra
    assert "regime" in rows[0].extra
