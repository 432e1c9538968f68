"""Do a night and a person ask the same of an evaluation, over a span that can be judged?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.pasts import write_past
from tests.app.running import write_configuration
from trader.app.configuration import load_configuration
from trader.app.evaluation_request import WARM_UP, request_of, span_of, terms_of
from trader.app.study import find_strategy, subject_of
from trader.app.study_past import Boards, market_for
from trader.backtest.market import Market
from trader.domain.units import DAY, HOUR, YEAR
from trader.evaluation.strategy_card import FULL, QUICK

SETTINGS = "[journal]\nstate_dir = 'state'\n"


def test_a_span_leaves_time_to_warm_up_and_is_cut_at_midnights() -> None:
    """Without dates: the last years there are, after what strategies look back on."""
    first, last = 100 * DAY + HOUR, 600 * DAY + 5 * HOUR
    assert span_of((first, last), None, None, 9.0) == (101 * DAY + WARM_UP, 600 * DAY)
    assert span_of((first, last), None, None, 0.2) == (527 * DAY, 600 * DAY)
    assert span_of((first, last), 7, 9, 9.0) == (7, 9)


def test_a_recorded_history_spares_no_warm_up() -> None:
    """What was recorded is short: all of it is used."""
    assert span_of((100 * DAY, 300 * DAY), None, None, 4.0, 0) == (100 * DAY, 300 * DAY)


def test_a_short_history_is_used_whole() -> None:
    """A few days cannot spare two months."""
    assert span_of((100 * DAY, 110 * DAY), None, None, 4.0) == (100 * DAY, 110 * DAY)


def test_just_enough_history_leaves_as_much_to_warm_up_as_to_judge() -> None:
    """Twice the warm-up is where it begins to be left out."""
    first = 100 * DAY
    assert span_of((first, first + 2 * WARM_UP), None, None, 4.0)[0] == first + WARM_UP
    assert span_of((first, first + 2 * WARM_UP - DAY), None, None, 4.0)[0] == first


@pytest.mark.parametrize(("profile", "plan"), [("full", FULL), ("quick", QUICK)])
def test_profile_terms_and_gates_are_those_of_the_configuration(
    tmp_path: Path, profile: str, plan: object
) -> None:
    """What is configured is what is asked; trials and paper are the caller's."""
    text = SETTINGS + f"[nightly]\nprofile = '{profile}'\nyears = 0.5\n[approval]\nmin_trades = 9\n"
    configuration = load_configuration([write_configuration(tmp_path, text)])
    write_past(tmp_path, days=200)
    subject = subject_of(find_strategy(configuration, "covered_call_btc"), [])
    market = market_for(configuration, "BTC", Boards())
    until = market.span[1] - 5 * DAY
    asked = request_of(configuration.settings, subject, market, until, trials=7, paper=(0.1,))
    assert (asked.plan, asked.trials, asked.paper) == (plan, 7, (0.1,))
    assert asked.approval.min_trades == 9
    assert asked.terms == terms_of(configuration.settings)
    assert asked.end == until
    assert 0 <= asked.start - max(until - round(0.5 * YEAR), market.span[0] + WARM_UP) < DAY
    assert isinstance(asked.market, Market)
    assert asked.market.step == (DAY if profile == "quick" else HOUR)
