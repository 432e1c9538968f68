"""What did a policy learn, and does it earn more than always or never selling? For people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.views.text import Column, table

if TYPE_CHECKING:
    from trader.strategies.fitted_policy import Estimate, FittedPolicy

NOTHING_LEARNED: Final = "No feature helped: it expects the mean of what it learned from, always."


def policy_text(policy: FittedPolicy) -> str:
    """Write the policy, what each feature counts, and its test out of sample."""
    trained, tested = policy.trained, policy.tested
    lost = ", ".join(f"{count} {why}" for why, count in trained.left_out.items())
    learned = (
        f"Learned on {policy.underlying}, {trained.first:%Y-%m-%d} to {trained.last:%Y-%m-%d}:"
        f" {trained.rows:,} rows{f' (left out: {lost})' if lost else ''}; {trained.source}"
    )
    judged = (
        f"Out of sample, {tested.first:%Y-%m-%d} to {tested.last:%Y-%m-%d}:"
        f" {tested.decisions:,} decisions, {tested.independent} outcomes that do not overlap;"
        f" blocks of {tested.block_length} decisions"
    )
    note = f"Mean rewards of a decision, as {policy.reward_unit}; not selling earns 0."
    result = f"Result: {tested.evidence}."
    return "\n".join((learned, _learned(policy), "", judged, _values(policy), note, result))


def _learned(policy: FittedPolicy) -> str:
    if policy.model == "constant":
        return f"{NOTHING_LEARNED} That is {policy.intercept:+.3%}."
    rows = [
        {
            "name": one.name, "unit": one.unit, "mean": f"{one.mean:.4g}",
            "counts": f"{one.coefficient:+.3%}", "seen": f"{one.low:.4g} to {one.high:.4g}",
        }
        for one in policy.features
    ]  # fmt: skip
    columns = (
        Column("name", "feature"), Column("unit", "unit"), Column("mean", "mean", "right"),
        Column("counts", "one deviation more", "right"), Column("seen", "seen", "right"),
    )  # fmt: skip
    return (
        f"{policy.model}, penalty {policy.penalty:g}; {policy.intercept:+.3%} where every feature"
        f" is at its mean; sells above {policy.threshold:+.3%}\n{table(rows, columns)}"
    )


def _values(policy: FittedPolicy) -> str:
    tested = policy.tested
    lines = (
        ("policy", tested.sold, tested.policy),
        ("always", tested.decisions, tested.always),
        ("never", 0, None),
        ("policy less always", None, tested.policy_less_always),
    )
    rows = [
        {
            "who": who,
            "sells": "" if sold is None else f"{sold / tested.decisions:.0%}",
            "mean": f"{one.mean:+.3%}" if one else "0",
            "interval": _interval(one),
        }
        for who, sold, one in lines
    ]
    columns = (
        Column("who", ""), Column("sells", "sells", "right"), Column("mean", "mean", "right"),
        Column("interval", f"{tested.level:.0%} interval", "right"),
    )  # fmt: skip
    return table(rows, columns)


def _interval(one: Estimate | None) -> str:
    return f"{one.low:+.3%} to {one.high:+.3%}" if one else ""
