"""Do metrics follow the facts, and can Prometheus read them?"""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from tests.builders import NOW
from tests.engine.test_conduct import judged_tape, judgment
from tests.storage.story import STORY
from trader.app.metrics import Metrics
from trader.domain.facts import FillFollowed, Recorded
from trader.domain.units import HOUR
from trader.engine.conduct import Tape


def values(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Read the text back as Prometheus does: value by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def test_an_evening_of_facts_is_counted() -> None:
    """Every fact counts once by kind; verdicts, fills, chains and accounts by their names."""
    metrics = Metrics()
    metrics.record(STORY)
    found = values(metrics)
    total = sum(value for (name, _), value in found.items() if name == "trader_facts_total")
    assert total == len(STORY)
    strategy = ("strategy", "covered_call_btc")
    assert found["trader_approved_total", (("action", "open"), strategy)] == 1
    assert found["trader_refused_total", (("rule", "underlying_risk"), strategy)] == 1
    assert found["trader_fills_total", (strategy,)] == 1
    assert found["trader_chains_ended_total", (("how", "settled"), strategy)] == 1
    assert found["trader_stage", (strategy,)] == 2
    assert found["trader_equity_usd", (("account", "main"),)] == 260_000
    assert found["trader_halted", (("rule", "daily_loss_halt"),)] == 0


def test_counters_follow_totals_of_others() -> None:
    """What the loop counts itself is taken over as growth, however often it is asked."""
    metrics = Metrics()
    for events, conflated in ((5, 1), (5, 1), (9, 4)):
        metrics.follow(events=events, conflated=conflated)
    found = values(metrics)
    assert found["trader_events_total", ()] == 9
    assert found["trader_quotes_conflated_total", ()] == 4


def test_what_is_held_is_shown_by_name() -> None:
    """A map that grows is seen beside the count of what is listed."""
    metrics = Metrics()
    for listed in (400, 320):
        metrics.hold({"listed": listed, "quote_rows": 400})
    found = values(metrics)
    assert found["trader_held", (("what", "listed"),)] == 320
    assert found["trader_held", (("what", "quote_rows"),)] == 400


def test_behavior_is_counted_by_trader_and_its_multiplier_shown() -> None:
    """What was found anew counts; the multiplier of the moment grows back between alerts."""
    metrics = Metrics()
    metrics.record(Recorded(1, NOW, judgment(one)) for one in ("alpha", None))
    metrics.restrain([(None, Tape()), ("alpha", judged_tape())], NOW + 12 * HOUR)
    found = values(metrics)
    for trader in ("alpha", "account"):
        labels = (("severity", "CRITICAL"), ("trader", trader), ("type", "REVENGE_TRADING"))
        assert found["trader_behavior_alerts_total", labels] == 1
    assert found["trader_risk_multiplier", (("trader", "alpha"),)] == 0.65
    assert found["trader_risk_multiplier", (("trader", "account"),)] == 1.0


def test_the_process_itself_is_measured() -> None:
    """Resident memory is among the metrics: a leak is seen before the kernel sees it."""
    assert values(Metrics())["process_resident_memory_bytes", ()] > 1_000_000


def test_two_daemons_do_not_mix() -> None:
    """Each registry counts for itself."""
    first, second = Metrics(), Metrics()
    first.reconnects.inc()
    assert values(first)["trader_feed_connects_total", ()] == 1
    assert values(second)["trader_feed_connects_total", ()] == 0


def test_labels_never_carry_ids() -> None:
    """A label per chain or order would grow without end: no id of the evening is in the text."""
    metrics = Metrics()
    metrics.record(STORY)
    text = metrics.text().decode()
    assert not [one for one in ('"c1"', '"o1"', '"v1"', '"v2"', "66000") if one in text]


def test_scores_show_the_channels_there_are_and_no_other() -> None:
    """A channel that expired leaves the metrics with it."""
    metrics = Metrics()
    metrics.score({"BTC index": 1.0, "BTC-PERPETUAL": 0.5})
    metrics.score({"BTC index": 0.75})
    lines = [one for one in metrics.text().decode().splitlines() if "data_quality{" in one]
    assert lines == ['trader_data_quality{channel="BTC index"} 0.75']


def test_what_followed_the_fills_of_quotes_is_added_up() -> None:
    """Units that were looked at, and how far the market moved for them; unseen ones count not."""
    metrics = Metrics()
    seen = FillFollowed(
        account="main", strategy="maker", chain_id="C", fill_id="F", instrument="X",
        currency="BTC", amount=-0.2, price=0.01, mid=0.012, after=5,
    )  # fmt: skip
    metrics.record([Recorded(1, NOW, seen), Recorded(2, NOW, replace(seen, mid=None))])
    found = values(metrics)
    assert found["trader_quotes_followed_total", (("strategy", "maker"),)] == 0.2
    drift = found["trader_quotes_drift", (("currency", "BTC"), ("strategy", "maker"))]
    assert drift == pytest.approx(-0.0004)
