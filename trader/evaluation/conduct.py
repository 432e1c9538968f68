"""What type of trader is each strategy, and how did it behave? The behavior part of a night.

The night only tells types; alerts and what they cost were facts the moment they arose.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trader.behavior.features import FEATURES, TRADE_COUNT, extract_behavior_features
from trader.behavior.profiles import TraderProfiler
from trader.domain.events import TraderProfile
from trader.domain.facts import BehaviorJudged
from trader.engine.guard import held_back, pause_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.domain.market import Floats
    from trader.engine.conduct import Conduct, Tape


class JudgedAt(msgspec.Struct, frozen=True):
    """A judgment about behavior, and when it was made."""

    at: int
    judged: BehaviorJudged


class TraderNight(msgspec.Struct, frozen=True, kw_only=True):
    """How one trader stands at the end of a day: a strategy, or (None) the account as a whole.

    `features` are those that types are told by; `multiplier` is what behavior leaves of its new
    risk, `held_back` and `paused` say why, "" where nothing is; `judged` is of the day.
    """

    strategy: str | None
    profile: TraderProfile
    features: dict[str, float]
    multiplier: float
    held_back: str
    paused: str
    judged: tuple[JudgedAt, ...]


def tell_traders(
    conduct: Conduct, names: Sequence[str], judged: Sequence[JudgedAt], at: int
) -> tuple[TraderNight, ...]:
    """Tell of the account and of the named strategies that closed a chain.

    Types come from groups where there are enough traders to find some, else from the rules.
    """
    tapes = {None: conduct.account} | {name: conduct.of(name) for name in names}
    known = {name: tape for name, tape in tapes.items() if tape.deals}
    rows = {name: _features(tape) for name, tape in known.items()}
    profiler = TraderProfiler()
    if rows:
        with contextlib.suppress(ModuleNotFoundError):  # the extra `train`: the rules need none
            profiler.fit(np.array(list(rows.values())))
    return tuple(
        TraderNight(
            strategy=name,
            profile=_profile(profiler, name, row),
            features=dict(zip(FEATURES, row.tolist(), strict=True)),
            multiplier=known[name].scaled(at),
            held_back=held_back(name, known[name], at) if known[name].scaled(at) < 1 else "",
            paused=pause_text(name, known[name]) if known[name].paused(at) else "",
            judged=tuple(one for one in judged if one.judged.strategy == name),
        )
        for name, row in rows.items()
    )


def _features(tape: Tape) -> Floats:
    return extract_behavior_features(deal.trade(deal.risk) for deal in tape.deals)


def _profile(profiler: TraderProfiler, strategy: str | None, row: Floats) -> TraderProfile:
    told = profiler.predict_type(row)
    return TraderProfile(
        strategy=strategy,
        cluster=told["cluster"],
        type_name=told["type_name"],
        confidence=told["confidence"],
        trades=int(row[TRADE_COUNT]),
        reason=told["reason"],
    )
