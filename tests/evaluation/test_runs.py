"""Is a run a value: built anywhere, made anywhere, the same each time?"""

from __future__ import annotations

import pickle

import msgspec
import pytest
from pydantic import ValidationError

from tests.evaluation.played import FILE, START, four_years, request
from trader.domain.units import DAY, MINUTE
from trader.evaluation.runs import Run, Subject, make
from trader.evaluation.stress import STRESSES
from trader.strategies.covered_call import CoveredCall

FEES, DELAY = STRESSES[0], STRESSES[2]
SELLER = Subject(
    kind=CoveredCall,
    file=FILE.model_copy(update={"kind": "covered_call", "parameters": {"target_days": 3.0}}),
    configuration_hash="v1",
)


@pytest.fixture(scope="module")
def run() -> Run:
    """Sell calls for a month."""
    market = msgspec.structs.replace(four_years(), at_minute=485)
    return Run(
        subject=SELLER, market=market, terms=request().terms, start=START, end=START + 30 * DAY,
        fingerprint=True,
    )  # fmt: skip


def test_a_run_is_the_same_on_the_other_side_of_a_process(run: Run) -> None:
    """It is pickled to a worker and made there: the same digest."""
    here = make(run)
    there = make(pickle.loads(pickle.dumps(run)))
    assert here.chains
    assert here.digest == there.digest


def test_a_stress_reaches_costs_and_latency(run: Run) -> None:
    """Doubled fees cost about twice as much; an hour's delay changes what is done."""
    plain, dear = make(run), make(msgspec.structs.replace(run, stress=FEES))
    fees = [sum(one.fees_pct for one in history.chains) for history in (plain, dear)]
    assert fees[1] < 1.5 * fees[0] < 0
    late = make(msgspec.structs.replace(run, stress=DELAY))
    assert late.digest != plain.digest


def test_parameters_change_the_strategy_and_nothing_else(run: Run) -> None:
    """A value of the grid takes the place of the file's; whole numbers stay whole."""
    changed = SELLER.strategy({"target_delta": 0.3}).settings
    assert changed.model_dump() == SELLER.strategy().settings.model_dump() | {"target_delta": 0.3}
    other = make(msgspec.structs.replace(run, parameters={"target_delta": 0.4}))
    assert other.digest != make(run).digest
    with pytest.raises(ValidationError):
        SELLER.strategy({"target_delta": 7.0})


def test_once_a_day_moves_the_cadence_alone() -> None:
    """The quick profile: every 24 hours, at the minute given."""
    daily = SELLER.once_a_day(485)
    cadence = daily.strategy().cadence()
    assert (cadence.every, cadence.offset) == (DAY, 485 * MINUTE)
    assert daily.name == SELLER.name
    assert daily.file.parameters == SELLER.file.parameters
