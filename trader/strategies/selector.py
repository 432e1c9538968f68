"""Which families may open in this regime? A table from regime to kinds, and the words for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from trader.domain.models import Observation

EVERY: Final = "*"
"""Stands for every kind, those of strangers too."""
EXPLANATION_MAX: Final = 300


def kinds_once(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Accept kinds that are given once each, and "*" by itself."""
    if len(set(kinds)) != len(kinds):
        raise ValueError("names a kind twice; name each once")
    if EVERY in kinds and len(kinds) > 1:
        raise ValueError('"*" is every kind; name it alone')
    return kinds


Kinds = Annotated[tuple[str, ...], AfterValidator(kinds_once)]


class SelectorSettings(BaseModel):
    """Which kinds of strategy may open in which market regime; exits go on in all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    enabled: bool = Field(
        default=False, description="Whether the market regime decides which kinds may open."
    )
    calm: Kinds = Field(
        default=(
            "covered_call",
            "market_making",
            "neutral",
            "roll_chain",
            "trend_pullback",
            "volatility",
            "wheel",
        ),
        strict=False,  # TOML has lists, we keep tuples
        description='Kinds that may open while the market is calm; "*": all.',
    )
    volatile: Kinds = Field(
        default=("directional", "gamma_scalping", "roll_chain", "volatility"),
        strict=False,
        description="Kinds that may open while it is volatile.",
    )
    trending: Kinds = Field(
        default=("covered_call", "directional", "gamma_scalping", "trend_pullback"),
        strict=False,
        description="Kinds that may open while it trends.",
    )
    crisis: Kinds = Field(
        default=("gamma_scalping",),
        strict=False,
        description="Kinds that may open in a crisis.",
    )
    unknown: Kinds = Field(
        default=(EVERY,),
        strict=False,
        description="Kinds that may open while there is too little history to tell.",
    )


class Choice(msgspec.Struct, frozen=True):
    """Whether a family may open now, and why: the words stand in each verdict on an opening."""

    allowed: bool
    explanation: str


def choose(settings: SelectorSettings, kind: str, seen: Observation) -> Choice | None:
    """Tell whether a kind may open in the regime that is seen; None where no regime is asked."""
    if not settings.enabled:
        return None
    table = {
        "Calm": settings.calm,
        "Volatile": settings.volatile,
        "Trending": settings.trending,
        "Crisis": settings.crisis,
        None: settings.unknown,
    }
    kinds = table[seen.regime]
    allowed = kind in kinds or EVERY in kinds
    families = "every family" if EVERY in kinds else ", ".join(kinds) or "no family"
    verdict = "among them" if allowed else "not among them"
    told = f"{seen.regime or 'unknown'} market ({seen.reason}) lets open {families}"
    return Choice(allowed, f"{told[:EXPLANATION_MAX]}; {kind} is {verdict}")
