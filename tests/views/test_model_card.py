"""A model card as a person reads it."""

from __future__ import annotations

from trader.pricing.network import Bucket, ModelCard, trained
from trader.views.model_card import card_text


def test_a_card_tells_sample_box_errors_and_limits() -> None:
    """Each in its place; errors in points."""
    card = ModelCard(
        box={"vol_week": (0.15, 2.5), "skew_near": (-0.3, 0.2)},
        trained="surfaces of two models",
        surfaces=1_600,
        options=193_600,
        seed=7,
        steps=3_000,
        errors=[Bucket("held out", "all", 40, 0.00412, 0.01234)],
        limits=["nothing beyond a year"],
    )
    assert card_text(card).splitlines() == [
        "trained on  surfaces of two models",
        "sample      1,600 surfaces, 193,600 options",
        "seed        7, 3,000 steps",
        "vol_week    0.15 to 2.5",
        "skew_near   -0.3 to 0.2",
        "",
        "Errors in points of volatility",
        "sample    part  options  median  root mean square",
        "held out  all        40    0.41              1.23",
        "",
        "Limits",
        "- nothing beyond a year",
    ]


def test_the_card_of_the_package_is_told_whole() -> None:
    """A line for each bucket, limit and side of the box."""
    card = trained().card
    lines = card_text(card).splitlines()
    assert len(lines) == 3 + len(card.box) + 3 + len(card.errors) + 2 + len(card.limits)
