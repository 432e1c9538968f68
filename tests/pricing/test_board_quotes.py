"""Is what is fitted sound, and is every quote that is left out counted under its reason?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.builders import NOW, alter, board
from trader.domain.units import HOUR, MINUTE, SECOND
from trader.pricing.board_quotes import AIMS, CalibrationSettings, clean, due_every, surface

SETTINGS = CalibrationSettings()


def of(**changes: Any) -> CalibrationSettings:
    """Change settings."""
    return CalibrationSettings.model_validate(changes)


def test_a_sound_board_gives_its_own_volatility() -> None:
    """Quotes by Black-76 at 55 %: that is what comes out, out of the money only, each row once."""
    shown = board(iv=0.55, spread=0.0001)
    quotes = clean(shown, SETTINGS)
    assert len(quotes.row) > 50
    assert quotes.vol == pytest.approx(0.55, abs=0.04)
    assert np.median(quotes.vol) == pytest.approx(0.55, abs=0.003)
    sign = np.where(shown.is_call[quotes.row], 1, -1)
    assert (sign * (quotes.strike - quotes.forward) >= 0).all()
    assert (np.abs(quotes.deviation) <= SETTINGS.deviations_max).all()
    assert len(quotes.row) + sum(quotes.excluded.values()) == len(shown)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"fresh": False}, "stale"),
        ({"bid": math.nan}, "one_sided"),
        ({"ask": math.nan}, "one_sided"),
        ({"bid_amount": 0.0}, "one_sided"),
        ({"ask": math.inf}, "one_sided"),
        ({"bid": 0.5, "ask": 0.4}, "crossed"),
        ({"underlying_price": math.nan}, "no_forward"),
        ({"underlying_price": 0.0}, "no_forward"),
    ],
)
def test_what_cannot_be_believed_is_counted(columns: dict[str, Any], reason: str) -> None:
    """One kind of damage on every row: nothing is left, and the count says why."""
    shown = alter(board(), columns)
    quotes = clean(shown, SETTINGS)
    assert len(quotes.row) == 0
    assert quotes.excluded[reason] > 0
    assert sum(quotes.excluded.values()) == len(shown)


def test_quotes_far_apart_far_out_and_nearly_expired_are_left_out() -> None:
    """Each limit is a setting: spread in volatility, deviations from the money, hours left."""
    shown = board(spread=0.0008)
    assert clean(shown, of(spread_vol_max=0.01)).excluded["wide"] > 0
    assert clean(shown, of(deviations_max=0.5)).excluded["far"] > 0
    # the first expiry is 14 hours away
    near = clean(shown, of(hours_min=15.0))
    assert near.excluded["expiring"] > 0
    assert near.years.min() > 15 / 8_760


def test_prices_that_imply_no_volatility_are_counted() -> None:
    """An ask above the coin itself, or a bid of next to nothing under it: not a volatility."""
    shown = alter(board(), {"ask": 1.5})
    quotes = clean(shown, SETTINGS)
    assert len(quotes.row) == 0
    assert quotes.excluded["no_volatility"] > 0


@pytest.mark.parametrize(
    "columns",
    [{"ask": 1e14}, {"ask": 1e300}, {"underlying_price": 1e300}, {"underlying_price": 1e-12}],
)
def test_a_lone_absurd_number_harms_nobody(columns: dict[str, float]) -> None:
    """On one row it is left out and the rest stays; on all rows nothing is left. No error."""
    shown = board(iv=0.55, spread=0.0001)
    usual = clean(shown, SETTINGS)
    row = int(usual.row[0])
    kept = clean(alter(shown, columns, row), SETTINGS)
    assert row not in kept.row
    assert set(usual.row.tolist()) - {row} <= set(kept.row.tolist())
    everywhere = clean(alter(shown, columns), SETTINGS)
    assert len(everywhere.row) == 0
    assert sum(everywhere.excluded.values()) == len(shown)


def test_an_empty_board_is_an_empty_surface() -> None:
    """No option, no quote, no reason, no exception."""
    found = surface(board(days=()), SETTINGS)
    assert (found.vol, found.targets, found.excluded) == ((), (), {})


def test_a_surface_thins_evenly_and_keeps_both_wings() -> None:
    """So many options an expiry, from its lowest put to its highest call; others are counted."""
    shown = board(spread=0.0001)
    whole = clean(shown, SETTINGS)
    found = surface(shown, of(options_max=7, expiries_max=3))
    years = np.array(found.years)
    assert len(np.unique(years)) == 3
    for one in np.unique(years):
        fitted = np.array(found.strike)[years == one]
        known = whole.strike[whole.years == one]
        assert len(fitted) == 7
        assert (fitted.min(), fitted.max()) == (known.min(), known.max())
    assert found.excluded["thinned"] == len(whole.row) - len(found.vol)
    assert max(found.weight) == pytest.approx(1.0, abs=0.05)
    assert min(found.weight) >= math.exp(-0.5 * SETTINGS.deviations_max**2) - 1e-12


def test_targets_lie_near_their_aims_in_bounded_number() -> None:
    """Five an expiry, at -2 to 2 deviations; whole expiries, spread over all, within the limit."""
    shown = board(spread=0.0001)
    found = surface(shown, SETTINGS)
    assert len(found.targets) == len({one.instrument for one in found.targets})
    assert len(found.targets) <= SETTINGS.forecasts_max
    for one in found.targets:
        deviation = math.log(one.strike / one.forward) / (0.55 * math.sqrt(one.years))
        assert min(abs(deviation - aim) for aim in AIMS) < 0.7
        assert one.sign * (one.strike - one.forward) >= 0
    few = surface(shown, of(forecasts_max=11))
    assert len({one.years for one in few.targets}) == 2
    assert {one.years for one in few.targets} == {min(found.years), max(found.years)}


def test_calibrations_are_due_as_configured() -> None:
    """Period and offset in nanoseconds; an offset beyond the period means its rest."""
    assert due_every(SETTINGS) == (HOUR, 7 * MINUTE)
    assert due_every(of(every_minutes=5, offset_minutes=12)) == (300 * SECOND, 2 * MINUTE)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("every_minutes", 0),
        ("every_minutes", 1_441),
        ("seconds_max", 0.0),
        ("seconds_max", math.nan),
        ("score_after_minutes", 0),
        ("spread_vol_max", math.inf),
        ("options_max", 4),
        ("hours_min", 0.0),
    ],
)
def test_settings_that_mean_nothing_are_refused(key: str, value: float) -> None:
    """Nothing every day, no time at all, no number: named at the start."""
    with pytest.raises(ValidationError, match=key):
        of(**{key: value})


def test_boards_are_only_read() -> None:
    """Cleaning writes nothing: the arrays of the builder would refuse it."""
    shown = board()
    assert surface(shown, SETTINGS).quoted_at == NOW
    assert not shown.bid.flags.writeable
