"""Is a span cut without a hole, at the borders of months and days?"""

from __future__ import annotations

import pytest

from tests.app.venue_history import NOW
from trader.app.data_spans import chunks, day_start, month_of


def test_chunks_cut_at_months_and_days() -> None:
    """Half-open, without holes, named by the part they belong to."""
    span = (day_start("2026-01-30") + 5, day_start("2026-03-01"))
    months = list(chunks(span, by_day=False))
    assert [name for name, _ in months] == ["2026-01", "2026-02"]
    assert [one for _, one in months] == [
        (span[0], day_start("2026-02-01")), (day_start("2026-02-01"), span[1]),
    ]  # fmt: skip
    assert len(list(chunks(span, by_day=True))) == 30
    assert list(chunks((5, 5), by_day=True)) == []
    assert month_of(NOW) == "2026-06"


def test_a_day_is_an_iso_date() -> None:
    """Anything else is refused where it is typed."""
    assert day_start("1970-01-02") == 86_400_000_000_000
    with pytest.raises(ValueError, match="yesterday"):
        day_start("yesterday")
