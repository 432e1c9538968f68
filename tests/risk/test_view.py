"""Can the gate's view be used wherever an account's numbers are asked for?"""

from __future__ import annotations

import msgspec
import pytest

from tests.risk.scenes import view
from trader.domain.trading import Restraint
from trader.risk.limits import RiskSettings, halts


def test_a_view_answers_for_its_account() -> None:
    """The halts read a view as they read an account's standing."""
    lost = view(trading_pnl_usd=-400_000.0)
    assert [halt.active for halt in halts(RiskSettings(), lost)] == [True, True, False]


def test_a_view_cannot_be_changed() -> None:
    """What was judged is what was shown."""
    with pytest.raises(AttributeError):
        view().equity_usd = 1.0  # type: ignore[misc]


def test_sizes_are_not_shrunk_unless_asked() -> None:
    """Neither behavior nor circumstances say anything by default; marks of quality are none."""
    assert (view().restraint, view().circumstances, view().data_quality) == (None, None, ())
    held = Restraint(multiplier=0.5)
    assert msgspec.structs.replace(view(), restraint=held).restraint == held
