"""Does a past hide what was not known yet, and travel whole?"""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from tests.backtest.pasts import candles, day, market, wandering
from trader.backtest.market import GAP_EVERY, gapped
from trader.backtest.modelled import Level
from trader.domain.units import HOUR


def test_until_keeps_what_had_closed() -> None:
    """The bar that closes at the instant is the last one known."""
    cut = market().until(day(3))
    assert cut.candles.opened_at[-1] + HOUR == day(3)
    assert len(cut.level.vol) == len(cut.candles.close)
    assert cut.span[1] == day(3)


def test_until_within_an_hour_hides_the_running_bar() -> None:
    """Half past, the bar that opened at the hour is not known."""
    assert market().until(day(3) + HOUR // 2).span[1] == day(3)


def test_poison_changes_only_what_was_not_known() -> None:
    """Known rows stay bit for bit; every later one is nonsense, volatility included."""
    plain = market()
    wrong = plain.poisoned(day(3))
    known = plain.candles.opened_at + HOUR <= day(3)
    for name in ("open", "high", "low", "close"):
        before, after = getattr(plain.candles, name), getattr(wrong.candles, name)
        assert (before[known] == after[known]).all()
        assert (before[~known] != after[~known]).all()
    assert (plain.level.vol[known] == wrong.level.vol[known]).all()
    assert (plain.level.vol[~known] != wrong.level.vol[~known]).all()


def test_a_span_begins_where_volatility_is_known() -> None:
    """Hours without a level cannot be asked for."""
    plain = market()
    vol = plain.level.vol.copy()
    vol[:30] = np.nan
    late = msgspec.structs.replace(plain, level=Level(vol, "index"))
    assert late.span == (plain.span[0] + 30 * HOUR, plain.span[1])
    assert late.chains().span == late.span


def test_no_volatility_at_all_is_refused() -> None:
    """Nothing can be modelled then."""
    plain = market()
    with pytest.raises(ValueError, match="no volatility is known"):
        _ = msgspec.structs.replace(plain, level=Level(plain.level.vol * np.nan, "index")).span


def test_a_gap_comes_once_a_year_and_has_no_bar() -> None:
    """Each half year after an anniversary all prices move by the share at once."""
    plain = candles(wandering(800))
    moved = gapped(plain, -0.15)
    factor = np.round(moved.close / plain.close, 9)
    middle = (plain.opened_at - plain.opened_at[0]) / GAP_EVERY
    assert (factor[middle < 0.5] == 1.0).all()
    assert (factor[(middle > 0.5) & (middle < 1.5)] == 0.85).all()
    assert (factor[middle > 1.5] == round(0.85**2, 9)).all()


@pytest.mark.parametrize("gap", [-1.0, -2.0, float("nan")])
def test_a_gap_that_leaves_no_price_is_refused(gap: float) -> None:
    """By name and value."""
    with pytest.raises(ValueError, match="must leave a price"):
        gapped(candles(wandering(2)), gap)
