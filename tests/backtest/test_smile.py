"""Is the smile that boards were priced on found again?"""

from __future__ import annotations

import numpy as np
import pytest

from tests.backtest.boards import SMILE, recorded_rows
from tests.backtest.pasts import market
from trader.backtest.recorded_market import chosen
from trader.backtest.smile import BOARDS_MAX, fit_smile


def test_the_smile_of_boards_is_found_and_said() -> None:
    """Shape and count; the market that gets it names where it comes from."""
    rows = recorded_rows()
    found = fit_smile(rows)
    assert found is not None
    assert found.smile.rho == pytest.approx(SMILE.rho, abs=0.02)
    assert found.smile.eta == pytest.approx(SMILE.eta, abs=0.03)
    assert found.boards == min(len(set(rows.at.tolist())), BOARDS_MAX)
    assert found.error < 0.005
    told = " ".join(found.on(market()).chains().provenance.caveats)
    assert f"rho {found.smile.rho:g}, eta {found.smile.eta:g}, fitted to" in told
    assert "assumed, there are no recorded boards" not in told


def test_too_few_boards_give_no_smile() -> None:
    """Two could be an accident; boards of distant expiries alone say nothing."""
    rows = recorded_rows()
    two = np.isin(rows.at, np.unique(rows.at)[:2])
    assert fit_smile(chosen(rows, two)) is None
    days = (rows.expires_at - rows.at) / 86_400e9
    assert fit_smile(chosen(rows, days < 1.0)) is None
