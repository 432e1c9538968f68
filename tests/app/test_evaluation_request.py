"""Do a night and a person ask the same of an evaluation, over a span that can be judged?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.app.histories import maker, seller
from tests.app.pasts import write_past
from tests.app.running import write_configuration
from tests.backtest.boards import recorded_market
from tests.backtest.pasts import market as past
from tests.backtest.test_perpetual import FILE
from tests.strategies.policies import content, of_features
from trader.app.configuration import load_configuration
from trader.app.evaluation_request import (
    UNMET,
    WARM_UP,
    boards_lack,
    days_lack,
    request_of,
    shown_span,
    span_of,
    terms_of,
    unseen_from,
    unseen_lack,
    warm_up_of,
)
from trader.app.study import find_strategy, remembered, subject_of
from trader.app.study_past import Boards, market_for
from trader.backtest.market import Market
from trader.domain.units import DAY, HOUR, MINUTE, YEAR, nanoseconds
from trader.evaluation.runs import Subject
from trader.evaluation.strategy_card import FULL, QUICK
from trader.strategies.fitted_policy import policy_json
from trader.strategies.trend_pullback import TrendPullback
from trader.strategies.wheel import Wheel

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
    terms = terms_of(configuration.settings)
    assert asked.terms.ensemble is not None
    assert msgspec.structs.replace(asked.terms, ensemble=terms.ensemble) == terms
    assert asked.end == until
    assert 0 <= asked.start - max(until - round(0.5 * YEAR), market.span[0] + WARM_UP) < DAY
    assert isinstance(asked.market, Market)
    assert asked.market.step == (DAY if profile == "quick" else HOUR)


def test_recorded_boards_show_neither_perpetuals_nor_options_in_usdc(tmp_path: Path) -> None:
    """One goes over the candles beside them, months warming up; the other is told where to go."""
    configuration = load_configuration([write_configuration(tmp_path, SETTINGS)])
    market = recorded_market(20)
    candles = (int(market.candles.opened_at[0]) + HOUR, int(market.candles.opened_at[-1]) + HOUR)
    trend = Subject(kind=TrendPullback, file=FILE, configuration_hash="test")
    assert boards_lack(trend, market) is None
    assert boards_lack(seller(), market) is None
    assert shown_span(trend, market) == candles != shown_span(seller(), market)
    assert (warm_up_of(trend, market), warm_up_of(seller(), market)) == (WARM_UP, 0)
    asked = request_of(configuration.settings, trend, market, trials=1)
    assert asked.plan.stresses == FULL.stresses
    assert (asked.start, asked.end) == span_of(candles, None, None, 4.0)
    file = FILE.model_copy(update={"kind": "wheel", "parameters": {}})
    wheel = Subject(kind=Wheel, file=file, configuration_hash="test")
    assert 'nightly.boards = "modelled"' in str(boards_lack(wheel, market))
    assert boards_lack(wheel, past(days=20)) is None


def test_what_a_policy_learned_from_is_not_judged(tmp_path: Path) -> None:
    """The span begins after it; where too little came after, that is said, as by a run by hand."""
    path = write_configuration(tmp_path, SETTINGS)
    write_past(tmp_path, days=200)
    file = tmp_path / "strategies" / "covered_call_btc.toml"
    learned = {**content()["tested"], "first": "2022-04-10T09:00:00Z"}
    (file.parent / "policy.json").write_text(policy_json(of_features("iv", tested=learned)))
    plain = find_strategy(load_configuration([path]), "covered_call_btc")
    assert unseen_from(subject_of(plain, [])) is None
    assert unseen_lack(subject_of(plain, []), 0) is None
    file.write_text(file.read_text() + '[parameters]\npolicy = "policy.json"\n')
    configuration = load_configuration([path])
    subject = subject_of(find_strategy(configuration, "covered_call_btc"), [])
    since = nanoseconds(datetime(2022, 4, 11, tzinfo=UTC))
    asked = request_of(
        configuration.settings, subject, market_for(configuration, "BTC", Boards()), trials=1
    )
    assert asked.start == unseen_from(subject) == since
    assert unseen_lack(subject, asked.end) is None
    assert "before 2022-04-11T00:00:00Z: 9 days of history came after, 60 are needed" in str(
        unseen_lack(subject, since + 9 * DAY)
    )
    assert remembered(subject, since) is None
    assert "--from 2022-04-11 tells that" in str(remembered(subject, since - DAY))


def test_quotes_that_rest_are_judged_on_closely_recorded_boards_only() -> None:
    """Modelled boards show nothing that meets a quote; of recorded ones days are counted."""
    market = recorded_market(20)
    assert boards_lack(maker(), past(days=20)) == UNMET
    assert days_lack(seller(), past(days=20)) is None
    assert str(days_lack(maker(), past(days=20))).startswith("0 of 20 days were recorded")
    assert boards_lack(maker(), market) is None
    assert str(days_lack(maker(boards_days_min=7), market)) == (
        f"0 of 7 days were recorded with a board every 10 minutes; {UNMET}"
    )
    first, rows = int(market.rows.at[0]) // DAY * DAY + DAY, len(market.rows.at)
    close = msgspec.structs.replace(market.rows, at=first + np.arange(rows) * 5 * MINUTE)
    days = rows * 5 * MINUTE // DAY
    dense = msgspec.structs.replace(market, rows=close)
    assert days > 2
    assert days_lack(maker(boards_days_min=days), dense) is None
    assert str(days_lack(maker(boards_days_min=99), dense)).startswith(f"{days} of 99 days")
