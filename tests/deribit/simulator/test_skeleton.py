"""The hourly path: reproducible, mixed in mood, plausible in level."""

import numpy as np
import pytest

from trader.deribit.simulator.skeleton import (
    ABSENCE_DAYS_MAX,
    COINS,
    LOG_VOL,
    REGIMES,
    TRANSITION,
    VOL,
    Skeleton,
)

FOUR_YEARS = 4 * 365 * 24


def test_the_past_does_not_depend_on_how_far_one_looks() -> None:
    """Asking first for a near hour, then for a far one, gives the hours of asking once."""
    stepwise, at_once = Skeleton(5), Skeleton(5)
    for hour in (10, 7_000, 20_000):
        stepwise.upto(hour)
    short, full = stepwise.upto(20_000), at_once.upto(20_000)
    assert short.level.tobytes() == full.level.tobytes()
    assert short.jump.tobytes() == full.jump.tobytes()
    assert short.premium.tobytes() == full.premium.tobytes()


def test_seeds_differ() -> None:
    """Another seed is another path from the same genesis level."""
    one, other = Skeleton(1).upto(100), Skeleton(2).upto(100)
    assert one.level[0, 0] == other.level[0, 0]
    assert one.level[0, 50] != other.level[0, 50]


@pytest.mark.parametrize("seed", range(6))
def test_every_mood_occurs_within_four_years(seed: int) -> None:
    """Bull, bear, chop and crash each last some days in four years, and none fills them all."""
    days = np.bincount(Skeleton(seed).upto(FOUR_YEARS).regime[:FOUR_YEARS], minlength=4) / 24
    assert days.min() >= 1
    assert days.max() < 0.8 * 4 * 365


def test_transitions_are_probabilities() -> None:
    """Each row of the daily chain sums to one and every mood can be reached."""
    assert np.allclose(TRANSITION.sum(axis=1), 1.0)
    assert np.linalg.matrix_power(TRANSITION, 400).min() > 0.0


def test_moods_differ_in_realized_volatility() -> None:
    """Hours of a crash move most, hours of a chop least, close to what the tables say."""
    measured = []
    for mood in range(len(REGIMES)):
        moves = []
        for seed in range(8):
            hours = Skeleton(seed).upto(FOUR_YEARS)
            step = np.diff(hours.level[0])[: FOUR_YEARS - 1] - hours.jump[0, : FOUR_YEARS - 1]
            moves.append(step[hours.regime[: FOUR_YEARS - 1] == mood])
        measured.append(np.concatenate(moves).std() * np.sqrt(365 * 24))
    assert measured[3] > measured[1] > measured[0] > measured[2]
    assert np.array(measured) == pytest.approx(VOL[0], rel=0.1)


def test_levels_neither_die_nor_explode() -> None:
    """By the end of 2026 most seeds have BTC between 20,000 and 400,000 USD."""
    ends = [np.exp(Skeleton(seed).upto(6 * 365 * 24).level[0, 6 * 365 * 24]) for seed in range(30)]
    assert np.mean([20_000 < end < 400_000 for end in ends]) >= 0.9
    assert 50_000 < np.median(ends) < 140_000


def test_jumps_stay_inside_their_hour() -> None:
    """A jump happens at the start of one of the hour's minutes but the first."""
    hours = Skeleton(3).upto(FOUR_YEARS)
    assert hours.jump_minute.min() >= 1
    assert hours.jump_minute.max() <= 59
    assert 0.0005 < np.mean(hours.jump[0] != 0.0) < 0.02
    assert not hours.jump[LOG_VOL].any()


def test_coins_have_plausible_levels_and_move_together() -> None:
    """Over seeds every coin stays within its order of magnitude and follows BTC, not exactly."""
    ranges = {"ETH": (300, 60_000), "SOL": (8, 4_000), "XRP": (0.1, 50), "ADA": (0.03, 15)}
    ranges["AVAX"] = (1, 700)
    ends = []
    for seed in range(10):
        hours = Skeleton(seed).upto(FOUR_YEARS)
        levels = hours.level[: len(COINS)].copy()
        levels[1:] += levels[0]
        ends.append(np.exp(levels[:, FOUR_YEARS]))
        correlation = np.array(np.corrcoef(np.diff(levels, axis=1)))[0, 1:]
        assert 0.5 < correlation.min() <= correlation.max() < 0.95
    middle = np.median(ends, axis=0)
    for coin, (low, high) in ranges.items():
        assert low < middle[COINS.index(coin)] < high


def test_no_mood_stays_away_for_four_years() -> None:
    """Between two days of any mood never lie more than ABSENCE_DAYS_MAX days."""
    for seed in range(12):
        days = Skeleton(seed).upto(18 * 365 * 24).regime[::24]
        for mood in range(len(REGIMES)):
            seen = np.flatnonzero(days == mood)
            gaps = np.diff(np.concatenate(([-1], seen, [len(days)])))
            assert gaps.max() <= ABSENCE_DAYS_MAX + 1
