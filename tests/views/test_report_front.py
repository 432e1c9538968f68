"""Does the first screen say what changed, why, what to type, and how far to trust it?"""

from __future__ import annotations

import msgspec

from tests.views.nights import ENDS_AT, a_night, empty_card, full_card, subject, verdict
from trader.domain.events import NightEvaluated
from trader.domain.units import DAY, HOUR
from trader.evaluation.night import Limit, StageHistory
from trader.views.nightly_report import TEXT, first_screen, render
from trader.views.report_front import move, notices, verdict_text


def screen(*subjects: object, **changes: object) -> str:
    """Write the first screen of a night in words."""
    night = msgspec.structs.replace(a_night(*subjects), **changes)  # type: ignore[arg-type]
    return first_screen(render(night)[TEXT])


def test_a_demotion_is_told_with_its_reason_and_what_to_do() -> None:
    """Both stages, why, and a command that looks into it."""
    text = screen(subject(full_card(), "PRODUCTION", "PILOT", "score 57.1 < 60"))
    assert "covered_call_btc: PRODUCTION \u2192 PILOT. score 57.1 \\< 60" in text
    assert "`trader diff covered_call_btc`" in text
    assert "- covered_call_btc: score 57.1" not in text, "told above"
    assert "- covered_call_btc: as it was" in screen(
        subject(full_card(), "PILOT", "PILOT", "as it was")
    )


def test_an_earned_stage_waits_for_a_person_with_the_command() -> None:
    """Promotion is typed by somebody who says who and why."""
    card = msgspec.structs.replace(full_card(), verdict=verdict("x", "PRODUCTION"), strategy="x")
    text = screen(subject(card, "PILOT", "PILOT"))
    assert '`trader promote x --to PRODUCTION --by YOU --reason "..."`' in text


def test_a_quiet_night_says_so() -> None:
    """No change and nothing to do are sentences, not gaps."""
    card = msgspec.structs.replace(full_card(), verdict=verdict("x", "PILOT"))
    text = screen(subject(card, "PILOT", "PILOT"))
    assert "No stage changed." in text
    assert "Nothing: no strategy waits for a person." in text
    assert "no earlier night" in text


def test_what_a_person_did_today_is_a_change() -> None:
    """A promotion of the day that ended is told with who and why; an older one is not."""
    today = StageHistory(at=ENDS_AT - HOUR, stage="PILOT", by="ann", reason="looks good")
    one = subject(full_card(), "PILOT", "PILOT")
    assert "by ann: looks good" in screen(msgspec.structs.replace(one, stages=(today,)))
    assert "it \\<earned> it" not in screen(one)


def test_it_is_compared_with_the_night_before() -> None:
    """A judgment that changed is told with the earlier one; one that did not is not."""
    card = msgspec.structs.replace(full_card("a"), verdict=verdict("a", "PILOT"))
    other = NightEvaluated(date="2026-05-31", profile="quick", verdicts=(verdict("a", "RESEARCH"),))
    same = msgspec.structs.replace(other, verdicts=(verdict("a", "PILOT"),))
    one = subject(card, "PILOT", "PILOT")
    assert "a: deserves RESEARCH the night before, now deserves PILOT" in screen(
        one, previous=other
    )
    assert "No judgment differs from that of the night of 2026-05-31" in screen(one, previous=same)
    first = msgspec.structs.replace(other, verdicts=())
    assert "a is judged for the first time" in screen(one, previous=first)


def test_notices_are_honest() -> None:
    """Quick profile, modelled prices and the floor are told; of a recorded night its length."""
    night = a_night(subject(full_card()))
    texts = [one.text for one in notices(night)]
    assert [text.partition(" ")[0] for text in texts] == ["Quick", "Modelled", "stage_floor"]
    card = full_card()
    recorded = msgspec.structs.replace(card.provenance, kind="recorded")
    sound = subject(msgspec.structs.replace(card, provenance=recorded))
    bare = msgspec.structs.replace(night, profile="full", notes=(), subjects=(sound,))
    [told] = notices(bare)
    days = (card.end - card.start) // DAY
    assert told.text == (
        "Recorded data: 1 of 1 backtests ran on recorded option prices,"
        f" {days:,} days of them at most."
    )


def test_a_history_that_ended_long_ago_is_told_on_the_first_screen() -> None:
    """A judgment on it is no judgment of today's market."""
    card = full_card()
    old = msgspec.structs.replace(card, end=ENDS_AT - 100 * DAY, start=ENDS_AT - 900 * DAY)
    told = [one.text for one in notices(a_night(subject(old), subject(card)))]
    assert any(one.startswith("Old data: a history ends on ") for one in told)
    assert any(one.endswith(", 100 days before this night.") for one in told)
    assert not any("Old data" in one.text for one in notices(a_night(subject(card))))
    assert not any("Old data" in one.text for one in notices(a_night(subject(empty_card()))))


def test_gates_are_counted_over_all_strategies() -> None:
    """Each gate says how many it stops, and which."""
    text = render(a_night(subject(full_card("a", 40)), subject(full_card("b"))))[TEXT]
    (line,) = [
        one for one in text.splitlines() if one.startswith("| sample_size") and " of " in one
    ]
    assert [cell.strip() for cell in line.split("|")[1:-1]] == ["sample_size", "all", "1 of 2", "a"]


def test_the_limits_in_force_are_listed_and_what_was_set_stands_out() -> None:
    """Every threshold with its default; one that was moved is named before the table."""
    limits = (
        Limit("approval.min_trades", 50, 200),
        Limit("approval.min_deflated_sharpe", None, None),
        Limit("approval.require_walk_forward_ok", value=True, default=True),
        Limit("approval.max_worst_dd_pilot", 0.35, 0.35),
    )
    night = msgspec.structs.replace(a_night(subject(full_card())), limits=limits)
    text = render(night)[TEXT].partition("## Limits in force")[2].partition("\n## ")[0]
    assert "Set by hand: approval.min_trades." in text
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    assert ["approval.min_trades", "! 50", "200"] in rows
    assert ["approval.min_deflated_sharpe", "not set", "not set"] in rows
    assert ["approval.require_walk_forward_ok", "true", "true"] in rows
    assert ["approval.max_worst_dd_pilot", "0.35", "0.35"] in rows
    same = msgspec.structs.replace(night, limits=limits[1:])
    assert "All of them are the defaults." in render(same)[TEXT]
    bare = msgspec.structs.replace(night, limits=())
    assert "n/a: this night did not keep them." in render(bare)[TEXT]


def test_the_account_is_told_apart_from_its_coins() -> None:
    """Worth and trading result, and a gap where it was never marked."""
    night = a_night(subject(empty_card()))
    text = render(night)[TEXT]
    assert "Trading made +60.50 USD against holding" in text
    assert (
        "n/a: the account was not marked yet"
        in render(msgspec.structs.replace(night, equity=()))[TEXT]
    )


def test_the_account_is_told_in_coin_where_its_price_was_known() -> None:
    """At 100,000 USD the account of a million is ten BTC; a mark without an index is left out."""
    night = a_night(subject(empty_card()))
    assert "In BTC" not in render(night)[TEXT]
    prices = (*(100_000.0 for _ in night.equity[1:]), 0.0)
    text = render(msgspec.structs.replace(night, coin_usd=prices))[TEXT]
    assert "worth 10.0002, of which trading made +0.000570 against holding" in text
    nowhere = msgspec.structs.replace(night, coin_usd=tuple(0.0 for _ in night.equity))
    assert "In BTC" not in render(nowhere)[TEXT]


def test_words_for_stages_and_verdicts() -> None:
    """A stage that stays is one word; a verdict without judgment says why there is none."""
    assert move("PILOT", "PILOT") == "PILOT"
    assert verdict_text(verdict("a", "RESEARCH", "insufficient")) == "too early to judge"
    assert verdict_text(verdict("a", "PILOT")) == "deserves PILOT"
    held = msgspec.structs.replace(verdict("a", "RESEARCH"), demote_to="PRODUCTION")
    assert verdict_text(held) == "deserves no promotion, it may stay up to PRODUCTION"
    fallen = msgspec.structs.replace(verdict("a", "RESEARCH"), demote_to="RESEARCH")
    assert verdict_text(fallen) == "deserves RESEARCH"
