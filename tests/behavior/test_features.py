"""Are the features the seed's, except where it misleads, and do patterns show what was planted?"""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest

from tests.behavior.lists import START, closed, seed_features, untimed
from trader.behavior.features import (
    CONSECUTIVE_LOSSES,
    FEATURES,
    MAX_DRAWDOWN,
    PATTERNS,
    TRADE_COUNT,
    TRADE_FREQUENCY,
    extract_behavior_features,
    extract_patterns,
)


def patterns(trades: list[dict[str, object]]) -> dict[str, float]:
    """Name the second vector."""
    return dict(zip(PATTERNS, extract_patterns(trades).tolist(), strict=True))


def test_features_are_the_seeds() -> None:
    """On 500 lists all agree but the drawdown, which differs only where it began with a loss."""
    rng = np.random.default_rng(11)
    deeper = 0
    for _ in range(500):
        trades = untimed(rng, int(rng.integers(0, 60)))
        mine, seeds = extract_behavior_features(trades), np.array(seed_features(trades))
        rest = np.arange(len(FEATURES)) != MAX_DRAWDOWN
        np.testing.assert_allclose(mine[rest], seeds[rest], rtol=1e-12, atol=1e-12)
        if mine[MAX_DRAWDOWN] != pytest.approx(seeds[MAX_DRAWDOWN], rel=1e-12):
            assert trades[0]["pnl"] < 0
            assert mine[MAX_DRAWDOWN] > seeds[MAX_DRAWDOWN]
            deeper += 1
    assert deeper > 50


def test_the_drawdown_starts_from_nothing() -> None:
    """A first loss is a fall; the seed starts counting after it."""
    trades = [{"pnl": -5.0}, {"pnl": -3.0}, {"pnl": 4.0}]
    assert extract_behavior_features(trades)[MAX_DRAWDOWN] == 8.0


def test_frequency_is_trades_a_day() -> None:
    """Ten trades in five days are two a day; within a day, or without times, it is the count."""
    spread = [closed(12 * 60 * place) for place in range(11)]
    assert extract_behavior_features(spread)[TRADE_FREQUENCY] == pytest.approx(11 / 5)
    assert extract_behavior_features(spread[:3])[TRADE_FREQUENCY] == 3.0
    assert extract_behavior_features([{"pnl": 1.0}] * 40)[TRADE_FREQUENCY] == 40.0


def test_the_legs_of_a_chain_count_once() -> None:
    """A spread of a losing and a winning leg is one trade with one result."""
    legs = [closed(0, -4.0, chain_id="a"), closed(0, 6.0, chain_id="a"), closed(9, 1.0)]
    features = extract_behavior_features(legs)
    assert features[TRADE_COUNT] == 2
    assert features[0] == 1.0
    assert features[CONSECUTIVE_LOSSES] == 0


def test_a_scratch_makes_and_ends_no_streak() -> None:
    """Two losses around a scratch are a streak of two; the seed says three."""
    trades = [{"pnl": one} for one in (-1.0, 0.0, -1.0, 2.0, 0.0)]
    assert extract_behavior_features(trades)[CONSECUTIVE_LOSSES] == 2
    assert seed_features([one | {"size": 0, "holding_time": 0} for one in trades])[9] == 3


def test_the_order_given_does_not_matter_where_times_are_known() -> None:
    """Trades are put in the order in which they closed."""
    rng = np.random.default_rng(2)
    trades = [
        one | {"timestamp": START + timedelta(hours=place)}
        for place, one in enumerate(untimed(rng, 30))
    ]
    mixed = [trades[place] for place in rng.permutation(30)]
    assert extract_behavior_features(mixed).tolist() == extract_behavior_features(trades).tolist()
    assert extract_patterns(mixed).tolist() == pytest.approx(
        extract_patterns(trades).tolist(), nan_ok=True
    )


def test_nothing_and_little_can_be_told() -> None:
    """No trade gives zeros, one its own numbers; patterns of neither are numbers."""
    assert extract_behavior_features([]).tolist() == [0.0] * 15
    one = extract_behavior_features([closed(0, -2.0, 0.5, holding_time=30)])
    assert one[[0, 2, 4, 7, 9, 11]].tolist() == [0.0, -2.0, 0.5, 30.0, 1.0, 2.0]
    assert np.isnan(extract_patterns([])).all()
    assert np.isfinite(one).all()


@pytest.mark.parametrize(
    ("field", "value"),
    [("pnl", math.nan), ("size", -1.0), ("holding_time", math.inf), ("pnl", "much")],
)
def test_what_is_no_trade_is_refused_by_name(field: str, value: object) -> None:
    """The trade and its field are named."""
    with pytest.raises(ValueError, match=f"trade 1: {field}"):
        extract_behavior_features([{"pnl": 1.0}, {"pnl": 1.0} | {field: value}])


def test_revenge_is_told_by_gaps_and_sizes() -> None:
    """After losses larger and sooner: both p are small; after a coin toss they are not."""
    rng = np.random.default_rng(8)
    wild, calm, minute, then = [], [], 0.0, 0.0
    lost = False
    for _ in range(120):
        minute += rng.uniform(1, 10) if lost else rng.uniform(60, 600)
        wild.append(closed(minute, pnl := rng.normal(), rng.uniform(1, 2) * (2 if lost else 1)))
        lost = pnl < 0
        then += rng.uniform(60, 600)
        calm.append(closed(then, rng.normal(), rng.uniform(1, 2)))
    told, other = patterns(wild), patterns(calm)
    assert told["revenge_gap_p"] < 1e-6
    assert told["revenge_size_p"] < 1e-6
    assert told["gap_after_loss"] < 10 < 60 < told["gap_after_win"]
    assert min(other["revenge_gap_p"], other["revenge_size_p"]) > 0.01


def test_losses_that_come_in_clusters_are_told() -> None:
    """Blocks of losses: clustering is no chance, a loss follows a loss."""
    blocks = patterns([{"pnl": one} for one in ([1.0] * 5 + [-1.0] * 5) * 8])
    assert blocks["loss_clustering_p"] < 1e-6
    assert blocks["loss_after_loss"] == pytest.approx(32 / 39)


def test_hours_are_a_circle() -> None:
    """Trades around midnight have their mean there, not at noon."""
    near = [closed(12 * 60 + 60 * one + 1440 * day) for one in (-1, 1) for day in range(10)]
    told = patterns(near)
    assert min(told["hour_mean"], 24 - told["hour_mean"]) < 1e-6
    assert told["hour_concentration"] == pytest.approx(math.cos(math.pi / 12))
    around = patterns([closed(60 * hour) for hour in range(24)])
    assert around["hour_concentration"] < 1e-9


def test_disposition_counts_gains_and_losses_that_were_realized() -> None:
    """One gain is taken while two losses are kept, one of them known to lose by a later deal."""

    def trade(
        begin: float, end: float, symbol: str, prices: tuple[float, float]
    ) -> dict[str, object]:
        return closed(
            end, prices[1] - prices[0], opened_at=START + timedelta(minutes=begin), symbol=symbol,
            entry_price=prices[0], exit_price=prices[1],
        )  # fmt: skip

    told = patterns([
        trade(0, 900, "A", (100.0, 80.0)),  # held at a loss: A was dealt in at 90 since
        trade(1, 901, "C", (100.0, 80.0)),  # no deal in C since: unknown on paper
        trade(10, 20, "B", (50.0, 55.0)),
        trade(30, 40, "A", (90.0, 95.0)),
    ])  # fmt: skip
    assert told["gains_realized"] == 1.0
    assert told["losses_realized"] == pytest.approx(2 / 3)
    assert told["disposition"] == pytest.approx(1 / 3)
    assert told["losers_held_longer"] == pytest.approx(90.0)
