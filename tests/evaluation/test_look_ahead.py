"""Is a change of decisions found, and silence told from innocence?"""

from __future__ import annotations

import msgspec

from tests.evaluation.played import DAYS, FILE, START, Tuned, four_years, request
from trader.domain.units import DAY, HOUR, MINUTE
from trader.evaluation.look_ahead import CUTS, judge, variants
from trader.evaluation.runs import Run, Subject

HONEST = {f"{kind}:{at}": f"d{at}" for at in (1, 2) for kind in ("whole", "truncated", "poisoned")}


def test_the_same_fingerprints_are_innocent() -> None:
    """Two cuts, truncated and poisoned."""
    found = judge(HONEST, [3, 4])
    assert (found.ok, found.cuts) == (True, (1, 2))


def test_a_difference_is_named() -> None:
    """Which cut, and what was done to the future."""
    found = judge(HONEST | {"poisoned:2": "other"}, [3])
    assert found.ok is False
    assert "replaced by nonsense" in found.reason
    assert "cut off" in judge(HONEST | {"truncated:1": "other"}, [3]).reason


def test_a_strategy_that_decided_nothing_proves_nothing() -> None:
    """Equal silence is no answer."""
    assert judge(HONEST, [0, 0]).ok is None


def plain(days: int = DAYS) -> Run:
    """Run some days of a strategy that decides at 08:05."""
    return Run(
        subject=Subject(kind=Tuned, file=FILE, configuration_hash="v1"), market=four_years(),
        terms=request().terms, start=START, end=START + days * DAY,
    )  # fmt: skip


def test_every_cut_comes_a_minute_after_a_decision() -> None:
    """Three runs each, to the same end: all that is decided last can have seen beyond it."""
    found = variants(plain())
    cuts = {int(name.partition(":")[2]) for name in found}
    assert len(cuts) == len(CUTS)
    assert {at % DAY for at in cuts} == {8 * HOUR + 6 * MINUTE}
    for at in cuts:
        runs = [found[f"{kind}:{at}"] for kind in ("whole", "truncated", "poisoned")]
        assert {(run.start, run.end, run.fingerprint) for run in runs} == {
            (runs[0].start, at, True)
        }


def test_truncated_knows_less_and_poisoned_knows_nonsense() -> None:
    """Up to the cut all three have the same candles."""
    found = variants(plain())
    at = min(int(name.partition(":")[2]) for name in found)
    whole, cut, wrong = (
        found[f"{kind}:{at}"].market.candles for kind in ("whole", "truncated", "poisoned")
    )
    known = len(cut.close)
    assert known < len(whole.close)
    assert (whole.close[:known] == cut.close).all()
    assert (wrong.close[:known] == cut.close).all()
    assert (wrong.close[known:] > 100 * whole.close[known:]).all()


def test_a_span_without_a_decision_has_no_cut() -> None:
    """An hour's history: nothing to compare, which is no answer."""
    assert variants(msgspec.structs.replace(plain(), end=START + HOUR)) == {}
    assert judge({}, ()).ok is None
