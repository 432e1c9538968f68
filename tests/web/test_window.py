"""Does health name what is wrong, and nothing else?"""

from __future__ import annotations

import msgspec
import pytest

from trader.web.window import Health

FIT = Health(feed_alive=True, journal_ok=True, progress_age_s=0.5, progress_age_s_max=30.0)


def test_a_fit_daemon_has_no_problems() -> None:
    """Empty means healthy; a detail alone is no problem."""
    assert FIT.problems() == ()
    assert msgspec.structs.replace(FIT, detail="waiting").problems() == ()


@pytest.mark.parametrize("age", [30.1, float("nan"), float("inf")])
def test_progress_that_is_late_or_unknown_is_a_problem(age: float) -> None:
    """What cannot be compared is not taken for good."""
    (problem,) = msgspec.structs.replace(FIT, progress_age_s=age).problems()
    assert problem.startswith("no progress for")
