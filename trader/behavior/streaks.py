"""How long a losing run is no news? The exact law of the longest run in n independent trades."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def losing_run_probability(trials: int, run: int, loss_probability: float) -> float:
    """Return P(longest losing run >= `run`) in independent trials.

    >>> round(losing_run_probability(100, 7, 0.5), 10)
    0.3175203875

    Raises:
        ValueError: as `losing_run_probabilities`.
    """
    return float(losing_run_probabilities(trials, loss_probability, run)[run])


def losing_run_probabilities(
    trials: int, loss_probability: float, longest: int
) -> NDArray[np.float64]:
    """Return P(longest losing run >= k) for k = 0 .. `longest`.

    A first run of k losses ends at trial i if there was none up to i - k - 1, then a win, then k
    losses; the chances of these ends are added, so that rare runs keep their relative accuracy.

    Raises:
        ValueError: a count is negative or the probability is not in [0, 1].
    """
    if trials < 0 or longest < 0:
        raise ValueError(f"trials is {trials}, run is {longest}: neither may be negative")
    if not 0.0 <= loss_probability <= 1.0:
        raise ValueError(f"loss_probability is {loss_probability}, must lie in [0, 1]")
    runs = np.arange(1, longest + 1)
    all_lost = loss_probability**runs
    # happened[i, k - 1] = P(a run of k within the first i trials)
    happened = np.zeros((trials + 1, longest))
    for trial in range(1, trials + 1):
        before = trial - runs - 1
        still_none = 1.0 - happened[np.maximum(before, 0), runs - 1]
        ends = all_lost * (1.0 - loss_probability) * still_none
        ends[before < 0] = 0.0
        ends[runs == trial] = all_lost[runs == trial]
        happened[trial] = happened[trial - 1] + ends
    return np.concatenate([[1.0], np.minimum(happened[trials], 1.0)])


def bearable_loss_share(trials: int, longest: int, paths: int) -> float:
    """Return the share of losers with which a gate on the worst losing run has even odds.

    That is: with which no run of any of `paths` paths of `trials` trades is beyond `longest`.

    >>> round(bearable_loss_share(200, 6, 1_000), 2)
    0.17

    Raises:
        ValueError: there is no trial or no path, or `longest` is negative.
    """
    if trials < 1 or longest < 0 or paths < 1:
        raise ValueError(f"trials {trials}, longest {longest}, paths {paths}: must be positive")
    if longest >= trials:
        return 1.0
    needed = 0.5 ** (1.0 / paths)
    low, high = 0.0, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2.0
        low, high = (
            (middle, high) if _none(trials, longest + 1, middle) >= needed else (low, middle)
        )
    return low


def _none(trials: int, run: int, loss_probability: float) -> float:
    """Return P(no losing run of `run` in `trials`), by the recursion above for one length."""
    ends = loss_probability**run * (1.0 - loss_probability)
    none = [1.0] * run + [1.0 - loss_probability**run]
    for trial in range(run + 1, trials + 1):
        none.append(none[-1] - ends * none[trial - run - 1])
    return none[trials]
