"""Do the names beside the loop's numbers agree with those in it?"""

from __future__ import annotations

import numpy as np

from trader.backtest import portfolio_kernel as kernel
from trader.backtest import portfolio_signals as signals
from trader.backtest.portfolio_layout import CURVE, EVENT, KINDS, REASONS, SLEEVES, new_run
from trader.backtest.portfolio_terms import PortfolioTerms


def test_the_loops_numbers_are_the_names_places() -> None:
    """Kinds, reasons and sleeves: the compiled modules hold numbers of their own."""
    for place, kind in enumerate(KINDS):
        assert getattr(kernel, kind.upper()) == place
    for place, reason in enumerate(REASONS):
        assert getattr(kernel, reason.upper()) == place
    assert len(REASONS) == kernel.TAKEN
    assert (signals.RANKING_OR_FILTER, signals.SCORE_FLOOR) == (0, 1)
    for module in (kernel, signals):
        assert (module.PULLBACK, module.TREND) == (0, 1)
    assert [one.partition("_")[0] for one in SLEEVES] == ["pullback", "trend"]


def test_a_run_begins_with_nothing() -> None:
    """Cash is the peak; slots for what may be open, and no more than can be."""
    first = np.array([0, 3, 5])
    run = new_run(
        np.zeros(5, [("at", np.int64)]), np.zeros(5, np.int64), first, np.zeros(5), np.zeros(5),
        np.ones(2), PortfolioTerms().rules(),
        np.arange(3), np.zeros(5, np.int64), 250.0,
    )  # fmt: skip
    assert run.account.tolist() == [250.0, 250.0]
    assert run.cursor.tolist() == [0, 3]
    assert len(run.book) == 4
    assert run.curve.shape == (3, len(CURVE))
    assert run.events.dtype == EVENT
    assert run.rejected.shape == (2, len(REASONS))
