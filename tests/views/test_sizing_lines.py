"""Does everybody hear what made a size smaller?"""

from __future__ import annotations

from trader.domain.trading import SizeFactor
from trader.views.sizing_lines import sizing_table, sizing_text

FACTORS = (
    SizeFactor("kelly", 1.0, "12 closed chains, 50 tell something"),
    SizeFactor("regime", 0.75, "Volatile: at 85% of its year"),
    SizeFactor("correlation", 0.5, "ETH 1.50% at correlation 1.00"),
    SizeFactor("stage", 0.25, "PILOT trades a quarter, at least one lot"),
)


def test_every_factor_stands_in_the_table_with_its_reason() -> None:
    """Those of 1 too, and the product of all."""
    told = sizing_table(FACTORS)
    for one in FACTORS:
        assert one.reason in told
    assert "together" in told
    assert "x 0.0938" in told


def test_the_log_names_the_strongest_first_and_the_stage_elsewhere() -> None:
    """One clause."""
    assert sizing_text(FACTORS) == "size x 0.375 by correlation x 0.5, regime x 0.75"


def test_what_hardly_shrank_is_no_news() -> None:
    """A size that keeps 96 % is the size; so is one that only its stage made small."""
    assert sizing_text((SizeFactor("agreement", 0.96, "4 models"),)) == ""
    assert sizing_text(FACTORS[-1:]) == ""
    assert sizing_text(()) == ""
