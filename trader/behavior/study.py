"""What do we know of a trader from his trades? Type, features, patterns, alerts, habits as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from trader.behavior.alerts import AlertType, BehaviorAlertSystem
from trader.behavior.archetypes import ARCHETYPES, ASKED, SAMPLE_TRADES, TRADER_TYPES, distances
from trader.behavior.clustering import FittedProfiles
from trader.behavior.features import (
    AVG_HOLDING_TIME,
    AVG_POSITION_SIZE,
    FEATURES,
    MAX_POSITION_SIZE,
    PATTERNS,
    POSITION_SIZE_STD,
    REVENGE_RATIO,
    SIZE_AFTER_LOSS,
    SIZE_AFTER_WIN,
    TRADE_FREQUENCY,
    extract_behavior_features,
    extract_patterns,
)
from trader.behavior.profiles import Profile, TraderProfiler
from trader.behavior.timeline import Moment, alert_timeline, habits
from trader.behavior.trades import Trade

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.domain.market import Floats

SIZELESS: Final = ("Scalper", "Swing Trader")
"""Types that are told without a size."""
SIZES: Final = (
    AVG_POSITION_SIZE, MAX_POSITION_SIZE, POSITION_SIZE_STD, REVENGE_RATIO, SIZE_AFTER_LOSS,
    SIZE_AFTER_WIN,
)  # fmt: skip


class BehaviorStudy(msgspec.Struct, frozen=True, kw_only=True):
    """A trader as his trades show him; `profile` is None where they cannot tell a type.

    `untyped` says why; `apart` how many decades he is from each archetype in what is known.
    """

    trades: tuple[Trade, ...]
    balances: tuple[float | None, ...]
    features: dict[str, float]
    """What is not known is NaN."""
    asked: dict[str, float]
    """Of these, what names a type; a size only as a fraction of equity."""
    patterns: dict[str, float]
    profile: Profile | None
    untyped: str
    apart: dict[str, float]
    moments: tuple[Moment, ...]
    habits: tuple[AlertType, ...]


def study_behavior(
    trades: Sequence[Trade],
    balances: Sequence[float | None],
    *,
    knows_sizes: bool = True,
    knows_holding: bool = True,
    fitted: FittedProfiles | None = None,
) -> BehaviorStudy:
    """Study structures in the order they closed, each with its time.

    `balances` are what the account held after each. `knows_sizes` says that sizes are fractions of
    equity, `knows_holding` that holding times are known.

    Raises:
        ValueError: there are fewer than 20 trades.
    """
    if len(trades) < SAMPLE_TRADES:
        raise ValueError(
            f"not enough: {len(trades)} closed trades, a profile needs at least {SAMPLE_TRADES}"
        )
    features = extract_behavior_features(trades)
    profiler = TraderProfiler(fitted=fitted)
    profile, untyped = _typed(profiler, features, knows_sizes=knows_sizes, knows_time=knows_holding)
    moments = alert_timeline(trades, balances, BehaviorAlertSystem())
    if not knows_holding:
        features[AVG_HOLDING_TIME] = np.nan
    if not features[MAX_POSITION_SIZE]:
        features[list(SIZES)] = np.nan
    asked = features.copy()
    if not knows_sizes:
        asked[AVG_POSITION_SIZE] = np.nan
    named = dict(zip(FEATURES, asked.tolist(), strict=True))
    return BehaviorStudy(
        trades=tuple(trades),
        balances=tuple(balances),
        features=dict(zip(FEATURES, features.tolist(), strict=True)),
        asked={FEATURES[place]: named[FEATURES[place]] for place in ASKED},
        patterns=dict(zip(PATTERNS, extract_patterns(trades).tolist(), strict=True)),
        profile=profile,
        untyped=untyped,
        apart=dict(zip(TRADER_TYPES.values(), distances(asked)[0].tolist(), strict=True)),
        moments=tuple(moments),
        habits=tuple(habits(moments)),
    )


def _typed(
    profiler: TraderProfiler, features: Floats, *, knows_sizes: bool, knows_time: bool
) -> tuple[Profile | None, str]:
    """Tell the type, or why it cannot be told."""
    if not knows_time:
        return None, "no holding times are known: every type is named by them"
    if knows_sizes:
        return profiler.predict_type(features), ""
    sizeless = features.copy()
    sizeless[AVG_POSITION_SIZE] = ARCHETYPES[1].position_size
    profile = TraderProfiler().predict_type(sizeless)
    if profile["type_name"] in SIZELESS:
        return profile, ""
    pace = features[TRADE_FREQUENCY]
    return None, (
        "neither Scalper nor Swing Trader; sizes as a fraction of equity are not known, which tell"
        f" Conservative, Moderate and Aggressive apart ({pace:.3g} trades a day)"
    )
