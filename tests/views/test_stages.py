"""Is it told where each strategy stands, who put it there, and what comes next?"""

from __future__ import annotations

import msgspec
import pytest

from trader.domain.events import NightEvaluated, NightVerdict, StageChanged
from trader.domain.facts import ChainEnded, EpochOpened, Fact, Recorded
from trader.domain.trading import Stage
from trader.domain.units import DAY
from trader.engine.ledger import Ledger
from trader.engine.stages import StageSettings, Standing
from trader.views.stages import StageView, next_step, stages_text, verdict_text

SETTINGS = StageSettings()
GOOD = NightVerdict(
    strategy="alpha", configuration_hash="v1", stage="PRODUCTION", standing="judged",
    reason="meets all",
)  # fmt: skip
BAD = msgspec.structs.replace(GOOD, stage="RESEARCH", reason="worst streak 9")
THIN = msgspec.structs.replace(BAD, standing="insufficient", reason="30 < 200")
FAILED = msgspec.structs.replace(BAD, standing="failed", reason="no candles")
EPOCH = EpochOpened(
    epoch=1, feed="test", speed=1.0, market="test", software="0", configuration_hash="0"
)


def at(stage: Stage, by: str = "config", reason: str = "first seen") -> StageChanged:
    """Place alpha."""
    return StageChanged("alpha", stage, by, reason, "v1")


def night(verdict: NightVerdict, day: int) -> NightEvaluated:
    """Judge alpha."""
    return NightEvaluated(date=f"2026-06-{day:02}", profile="full", verdicts=(verdict,))


def view(*facts: tuple[int, Fact]) -> StageView:
    """Fold facts, each on its day."""
    ledger = Ledger()
    found = StageView(ledger)
    for number, (day, fact) in enumerate([(0, EPOCH), *facts]):
        recorded = Recorded(number, day * DAY, fact)
        if not isinstance(fact, ChainEnded):  # what it traded is the ledger's own test
            ledger.apply(recorded)
        found.apply(recorded)
    return found


def ended(pnl_pct: float) -> ChainEnded:
    """End a chain of alpha."""
    return ChainEnded(
        account="shadow:alpha", strategy="alpha", chain_id="C1-0", underlying="BTC", opened_at=0,
        pnl={}, pnl_usd=pnl_pct * 1e6, pnl_pct=pnl_pct, how="settled",
    )  # fmt: skip


def test_a_row_tells_stage_night_trades_and_what_next() -> None:
    """Trades are counted from the last change of stage on."""
    found = view(
        (1, at("RESEARCH")), (2, ended(0.1)), (3, at("PILOT", "ana", "a good month")),
        (4, ended(0.1)), (5, ended(-0.1)), (6, night(BAD, 6)),
    )  # fmt: skip
    (row,) = found.rows(SETTINGS)
    assert (row.stage, row.by, row.reason, row.days) == ("PILOT", "ana", "a good month", 3.0)
    assert (row.judged_on, row.verdict) == ("2026-06-06", "RESEARCH: worst streak 9")
    assert (row.paper_trades, row.paper_won) == (2, 1)
    assert (row.failing_nights, row.nights_to_demote) == (1, 2)
    assert row.next_step == "one more night below PILOT: it falls to RESEARCH"
    text = stages_text([row])
    assert text.startswith(
        "alpha\n  stage           PILOT since 1970-01-04T00:00:00Z (3 d), by ana"
    )
    assert "2026-06-06: RESEARCH: worst streak 9" in text
    assert stages_text([]) == "no strategy has a stage yet"


def test_what_a_stage_was_given_for_is_the_last_rise() -> None:
    """A first place counts, a fall does not."""
    found = view(
        (1, at("PILOT")), (2, at("PRODUCTION", "ana", "good")), (3, at("PILOT", "night", "streak"))
    )
    approval = found.approvals["alpha"]
    assert (approval.at, approval.change.by) == (2 * DAY, "ana")
    assert view((1, at("RESEARCH"))).approvals["alpha"].change.by == "config"


@pytest.mark.parametrize(
    ("stage", "standing", "told"),
    [
        ("PILOT", Standing(), "waits for its first night"),
        ("PILOT", Standing(verdict=FAILED, broken=1), "2 more nights without a judgment: it falls"),
        ("PILOT", Standing(verdict=BAD, failing=2), "stage_floor holds it"),
        ("PILOT", Standing(verdict=GOOD), "`trader promote alpha --to PRODUCTION`"),
        ("PRODUCTION", Standing(verdict=GOOD), "stays"),
        ("PILOT", Standing(verdict=THIN), "stays until there is more to judge by"),
    ],
)
def test_the_next_step_is_said(stage: Stage, standing: Standing, told: str) -> None:
    """What the rules will do, or what a person could."""
    assert told in next_step(stage, standing, 100 * DAY, SETTINGS)


def test_a_promotion_that_needs_force_says_why() -> None:
    """The command, and what it would be answered."""
    early = next_step("PILOT", Standing(verdict=GOOD, since=90 * DAY), 100 * DAY, SETTINGS)
    assert "(only 10 of 60 days at its present stage" in early


def test_a_verdict_is_told_in_words() -> None:
    """Judged, thin, failed; with what paper showed."""
    assert verdict_text(None) == "no night has judged it as it is configured now"
    assert verdict_text(THIN) == "thin evidence, no verdict: 30 < 200"
    assert verdict_text(FAILED) == "not evaluated: no candles"
    apart = msgspec.structs.replace(GOOD, live_divergence="outside the band")
    assert verdict_text(apart) == "PRODUCTION: meets all; live_divergence: outside the band"
