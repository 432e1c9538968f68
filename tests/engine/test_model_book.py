"""Does folding the models' facts give what they said, in any order recovery may see them?"""

from __future__ import annotations

import msgspec

from trader.domain.facts import AlertRaised
from trader.domain.models import ForecastScore, ModelCalibrated, RegimeChanged, WeightsAdopted
from trader.engine.model_book import ModelBook

FITTED = ModelCalibrated(
    underlying="BTC", model="heston", quoted_at=10, parameters=(0.2,), forecasts={"a": 0.5},
    targets=("a",),
)  # fmt: skip
ADOPTED = WeightsAdopted(
    underlying="BTC", regime="Calm", quoted_at=10, losses={"heston": 0.1}, belief={"heston": 1.0},
    weights={"heston": 1.0}, options=2, rate=2.0, share=0.0, floor=0.0,
    scores=(ForecastScore("heston", "put", "beyond", 2, 0.02, -0.01),),
)  # fmt: skip


def said(
    quoted_at: int, model: str = "heston", reason: str = "", **changes: object
) -> ModelCalibrated:
    """Say something else, at another time."""
    return msgspec.structs.replace(
        FITTED, quoted_at=quoted_at, model=model, reason=reason, **changes
    )


def test_a_round_holds_what_models_said_of_one_surface() -> None:
    """Answers of one surface wait together, with the regime they were made in; a newer one wins."""
    book = ModelBook()
    book.apply(RegimeChanged("BTC", "Calm", "quiet"), 5)
    book.apply(FITTED, 10)
    book.apply(RegimeChanged("BTC", "Crisis", "crash"), 11)
    book.apply(said(10, "merton", reason="stalled"), 12)
    first = book.rounds["BTC"]
    assert (first.regime, set(first.said)) == ("Calm", {"heston", "merton"})
    book.apply(said(20), 20)
    book.apply(said(15, "merton"), 21)
    second = book.rounds["BTC"]
    assert (second.quoted_at, second.regime, set(second.said)) == (20, "Crisis", {"heston"})


def test_an_answer_without_targets_opens_no_round() -> None:
    """While forecasts wait, calibrations go on; they are adopted and forecast nothing."""
    book = ModelBook()
    book.apply(FITTED, 10)
    book.apply(said(20, targets=(), forecasts={}), 20)
    assert book.rounds["BTC"].quoted_at == 10
    assert book.last["BTC", "heston"].quoted_at == 20


def test_a_failure_is_the_last_word_but_not_the_last_fit() -> None:
    """The next calibration starts from what fitted last."""
    book = ModelBook()
    book.apply(FITTED, 10)
    book.apply(said(20, reason="NaN", parameters=()), 20)
    assert book.last["BTC", "heston"].reason == "NaN"
    assert book.fitted["BTC", "heston"] == FITTED


def test_adopted_weights_end_a_round_and_fill_the_table() -> None:
    """Beliefs belong to a coin and a regime; sums of errors add up per bucket."""
    book = ModelBook()
    book.apply(FITTED, 10)
    book.apply(ADOPTED, 12)
    assert book.rounds == {}
    assert book.belief("BTC", "Calm") == {"heston": 1.0}
    assert book.belief("BTC", "Crisis") == {}
    assert book.belief("ETH", "Calm") == {}
    assert book.belief("BTC", None) == {}
    book.apply(msgspec.structs.replace(ADOPTED, quoted_at=20), 22)
    row = book.accuracy["BTC"]["heston", "Calm", "put", "beyond"]
    assert (row.options, row.mean_error, row.bias) == (4, 0.01, -0.005)
    assert book.adopted["BTC"][0] == 22


def test_unknown_regimes_teach_nothing() -> None:
    """Scores of an unknown regime stand in a row of their own; no belief is kept."""
    book = ModelBook()
    book.apply(msgspec.structs.replace(ADOPTED, regime=None), 12)
    assert book.beliefs == {}
    assert list(book.accuracy["BTC"]) == [("heston", "unknown", "put", "beyond")]


def test_other_facts_change_nothing() -> None:
    """A book of models hears everything, and keeps what is its own."""
    book = ModelBook()
    book.apply(AlertRaised(kind="x", severity="info", text=""), 1)
    assert vars(book) == vars(ModelBook())
