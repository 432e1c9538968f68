"""What do a trader's own trades say of him? Type, features, patterns, alerts, on screen or page.

Nothing here is advice: alerts say what was done, not what a market will do.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from trader.behavior.alerts import TERMS
from trader.behavior.archetypes import ARCHETYPES, ASKED, TRADER_TYPES
from trader.behavior.features import FEATURES
from trader.behavior.personalization import PersonalizationEngine
from trader.behavior.timeline import counts
from trader.domain.units import iso, moment
from trader.views.behavior_figures import LANES, account, after_results, hours, timeline
from trader.views.blocks import Column as Head
from trader.views.blocks import Figure, Items, Page, Prose, Section, Table, row
from trader.views.text import Column, number, percent, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trader.behavior.clustering import FittedProfiles
    from trader.behavior.study import BehaviorStudy

NAMES: Final = {
    "win_rate": "trades won",
    "avg_win": "mean win",
    "avg_loss": "mean loss",
    "profit_factor": "profit factor",
    "avg_position_size": "mean size",
    "max_position_size": "largest size",
    "position_size_std": "deviation of size",
    "avg_holding_time": "mean holding time, minutes",
    "trade_frequency": "trades a day",
    "consecutive_losses": "longest losing run",
    "revenge_ratio": "size after a loss / after a win",
    "max_drawdown": "deepest fall of results",
    "size_after_loss": "mean size after a loss",
    "size_after_win": "mean size after a win",
    "trade_count": "trades",
    "gains_realized": "gains realized of all gains (PGR)",
    "losses_realized": "losses realized of all losses (PLR)",
    "disposition": "disposition effect (PGR - PLR)",
    "losers_held_longer": "median holding of losers / winners",
    "gap_after_loss": "median minutes to the next opening after a loss",
    "gap_after_win": "the same after a win",
    "revenge_gap_p": "chance that gaps after losses are no shorter",
    "revenge_size_p": "chance that sizes after losses are no larger",
    "hour_mean": "mean hour of opening, UTC",
    "hour_concentration": "how close hours lie (0 around the clock, 1 all alike)",
    "loss_after_loss": "losses that another loss follows",
    "loss_clustering_p": "chance that losses come in so few runs",
}
FEATURE_COLUMNS: Final = (("what", "feature"), ("value", "value"))
TYPE_COLUMNS: Final = (
    ("of", ""), *((name, name) for name in ("yours", *TRADER_TYPES.values())),
)  # fmt: skip
ALERT_COLUMNS: Final = (
    ("type", "alert"), ("severity", "severity"), ("multiplier", "multiplier"), ("count", "closes"),
    ("share", "share"), ("seed", "each leg alone"), ("last", "last"), ("habit", "a habit"),
)  # fmt: skip
MONTH_COLUMNS: Final = (
    ("month", "month"), ("trades", "trades"), ("result", "result"),
    *((name, name.replace("_", " ").lower()) for name in LANES), ("least", "lowest multiplier"),
)  # fmt: skip
GROUP_COLUMNS: Final = (
    ("type", "type"), ("traders", "traders"), ("silhouette", "silhouette of all"),
)  # fmt: skip
LATEST_COLUMNS: Final = (
    ("when", "when (UTC)"), ("type", "alert"), ("message", "what"), ("why", "why"),
)  # fmt: skip
LATEST_SHOWN: Final = 8
LATEST_ON_PAGE: Final = 40
MONTHS_SHOWN: Final = 12
CAVEATS: Final = (
    "Results are as the file states them: fees count where it counted them.",
    "Alerts of a close look at the 24 hours before it; 100 earlier trades tell what is usual.",
)


def headline(study: BehaviorStudy, whose: str) -> str:
    """Say in a sentence whose trades these are, of when, and of what type he is."""
    begin, end = (iso(study.moments[place].at)[:10] for place in (0, -1))
    told = f"{whose}: {len(study.trades):,} trades, {begin} to {end}. "
    profile = study.profile
    if profile is None:
        return f"{told}Type: cannot be told ({study.untyped})."
    return (
        f"{told}Type: {profile['type_name']}, confidence {profile['confidence']:.2f}"
        f" ({profile['reason']})."
    )


def habit_line(study: BehaviorStudy) -> str:
    """Name habits in a sentence."""
    if not study.habits:
        return "Habits: none of the alerts is raised so often that it is one."
    return f"Habits: {', '.join(one.replace('_', ' ').lower() for one in study.habits)}."


def limits_line(study: BehaviorStudy) -> str:
    """Say which limits suit the type, as the last close leaves them."""
    if study.profile is None:
        return "Limits that suit: none without a type."
    limits = PersonalizationEngine().get_personalized_params(
        study.profile, study.moments[-1].analysis
    )
    return (
        f"Limits that suit: positions up to {percent(limits['max_position_pct'])} of equity,"
        f" {limits['max_trades_per_day']} trades a day, stop at {limits['sl_atr_mult']:g} and"
        f" target at {limits['tp_atr_mult']:g} times ATR, confidence from"
        f" {limits['min_confidence']:.2f};"
        f" after the last close, with a multiplier of"
        f" {study.moments[-1].analysis['risk_multiplier']:g}."
    )


def study_text(study: BehaviorStudy, whose: str, notes: Sequence[str], told: Sequence[str]) -> str:
    """Set everything for a terminal; `notes` say what cannot be trusted, `told` how it was read."""
    parts = (
        f"{headline(study, whose)}\n{habit_line(study)}\n{limits_line(study)}",
        table(type_rows(study), _right(TYPE_COLUMNS)),
        table(feature_rows(study.features), _right(FEATURE_COLUMNS)),
        table(feature_rows(study.patterns), _right(FEATURE_COLUMNS)),
        table(alert_rows(study), _right(ALERT_COLUMNS)),
        table(month_rows(study)[-MONTHS_SHOWN:], _right(MONTH_COLUMNS)),
        table(latest_rows(study, LATEST_SHOWN), [Column(*one) for one in LATEST_COLUMNS]),
        "\n".join((*notes, *told, *CAVEATS)),
    )
    return "\n\n".join(parts)


def study_page(study: BehaviorStudy, whose: str, notes: Sequence[str], told: Sequence[str]) -> Page:
    """Set everything for a page, with figures."""
    return Page(
        title=f"How {whose} trades",
        subtitle=headline(study, whose),
        notices=tuple(Prose(one, "warn") for one in notes),
        sections=(
            Section("Over time", (Figure(timeline(study), f"{habit_line(study)} The darker a mark,"
                " the more closes of its stretch raised the alert.", wide=True),), level=2),
            Section("Alerts", (_block(ALERT_COLUMNS, alert_rows(study)),), level=2),
            Section("Against the archetypes", (
                _block(TYPE_COLUMNS, type_rows(study)), Prose(limits_line(study)),
            ), level=2),
            Section("Along the way", (
                Figure(account(study), "As the file tells, or as was stated, plus results."),
                Figure(hours(study), "When trades began; where only closes are known, when they"
                    " ended."),
                Figure(after_results(study), "Of the trade that follows."),
            ), level=2),
            Section("Features", (
                _block(FEATURE_COLUMNS, feature_rows(study.features)),
                _block(FEATURE_COLUMNS, feature_rows(study.patterns)),
            ), level=2),
            Section("By month", (_block(MONTH_COLUMNS, month_rows(study)),), level=2),
            Section("Latest alerts", (_told(latest_rows(study, LATEST_ON_PAGE)),), level=2),
            Section("What to know", (
                Items(tuple(Prose(one) for one in (*told, *CAVEATS))),
            ), level=2),
        ),
    )  # fmt: skip


def type_rows(study: BehaviorStudy) -> list[dict[str, str]]:
    """Set what names a type beside the archetypes, and how far he is from each."""
    named = {
        "avg_holding_time": "holding_minutes",
        "avg_position_size": "position_size",
        "trade_frequency": "trades_per_day",
    }
    rows: list[dict[str, str]] = []
    for place in ASKED:
        name = FEATURES[place]
        models = {
            TRADER_TYPES[kind]: _value(getattr(one, named[name]))
            for kind, one in ARCHETYPES.items()
        }
        rows.append({"of": NAMES[name], "yours": _value(study.asked[name]), **models})
    apart = {name: f"{value:.2f}" for name, value in study.apart.items()}
    return [*rows, {"of": "decades apart, in what is known", **apart}]


def feature_rows(values: Mapping[str, float]) -> list[dict[str, str]]:
    """Set named values; what cannot be told says so."""
    return [{"what": NAMES[name], "value": _value(value)} for name, value in values.items()]


def alert_rows(study: BehaviorStudy) -> list[dict[str, str]]:
    """Count alerts: how often, what they cost, when last, and what the seed would have said."""
    raised = counts(one.analysis for one in study.moments)
    seeds = Counter(name for one in study.moments for name in one.analysis["seed"]["types"])
    last = {
        alert["type"]: one.at for one in study.moments for alert in one.analysis["alerts"]
    }  # fmt: skip
    return [
        {
            "type": name.replace("_", " ").lower(),
            "severity": TERMS[name][0].lower(),
            "multiplier": f"{TERMS[name][1]:g}",
            "count": f"{raised[name]:,}",
            "share": percent(raised[name] / len(study.moments)),
            "seed": f"{seeds[name]:,}" if TERMS[name][0] != "INFO" else "-",
            "last": iso(last[name])[:16].replace("T", " ") if name in last else "-",
            "habit": "yes" if name in study.habits else "",
        }
        for name in LANES
    ]


def month_rows(study: BehaviorStudy) -> list[dict[str, str]]:
    """Set each month with trades: how many, what they made, which alerts, the lowest multiplier."""
    by_month = defaultdict(list)
    for one in study.moments:
        by_month[moment(one.at).strftime("%Y-%m")].append(one)
    rows: list[dict[str, str]] = []
    for month, moments in by_month.items():
        raised = counts(one.analysis for one in moments)
        rows.append(
            {
                "month": month,
                "trades": f"{len(moments):,}",
                "result": _value(math.fsum(one.trade.pnl for one in moments)),
                **{str(name): f"{raised[name]:,}" for name in LANES},
                "least": f"{min(one.analysis['risk_multiplier'] for one in moments):g}",
            }
        )
    return rows


def latest_rows(study: BehaviorStudy, count: int) -> list[dict[str, str]]:
    """Set the latest alerts, newest first: what was found and why, once while it lasts."""
    rows: list[dict[str, str]] = []
    lasting: set[str] = set()
    for one in study.moments:
        alerts = one.analysis["alerts"]
        rows += [
            {
                "when": iso(one.at)[:16].replace("T", " "),
                "type": alert["type"].replace("_", " ").lower(),
                "message": alert["message"],
                "why": alert["severity_reason"],
            }
            for alert in alerts
            if alert["type"] not in lasting
        ]
        lasting = {alert["type"] for alert in alerts}
    return rows[: -count - 1 : -1]


def groups_text(fitted: FittedProfiles) -> str:
    """Set the groups that were found among many traders."""
    rows = [
        {
            "type": one.type_name,
            "traders": f"{one.traders:,}",
            "silhouette": f"{fitted.silhouette:.2f}",
        }
        for one in fitted.clusters
    ]
    return table(rows, _right(GROUP_COLUMNS))


def _value(value: float) -> str:
    """Write a number for people; what cannot be told is no number."""
    if not math.isfinite(value):
        return "n/a"
    size = abs(value)
    return number(round(value, 2)) if size >= 100 else f"{value:.4g}"


def _right(columns: Sequence[tuple[str, str]]) -> list[Column]:
    return [
        Column(name, title, "right" if place else "left")
        for place, (name, title) in enumerate(columns)
    ]


def _told(rows: Sequence[Mapping[str, str]]) -> Table:
    """Set sentences, a card each where the screen is narrow."""
    heads = tuple(Head(title) for _, title in LATEST_COLUMNS)
    cells = tuple(row(*(one[name] for name, _ in LATEST_COLUMNS)) for one in rows)
    return Table(heads, cells, stacked=True)


def _block(columns: Sequence[tuple[str, str]], rows: Sequence[Mapping[str, str]]) -> Table:
    heads = tuple(Head(title, bool(place)) for place, (_, title) in enumerate(columns))
    return Table(heads, tuple(row(*(one.get(name, "-") for name, _ in columns)) for one in rows))
