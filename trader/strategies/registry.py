"""Which strategies come with the package? Strangers enter by the entry-point group instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.strategies.covered_call import CoveredCall
from trader.strategies.directional import Directional
from trader.strategies.gamma_scalping import GammaScalping
from trader.strategies.market_making import MarketMaking
from trader.strategies.neutral import Neutral
from trader.strategies.roll_chain import RollChain
from trader.strategies.trend_pullback import TrendPullback
from trader.strategies.volatility import Volatility
from trader.strategies.wheel import Wheel

if TYPE_CHECKING:
    from trader.strategies.strategy import Strategy

BUILT_IN: Final[tuple[type[Strategy], ...]] = (
    CoveredCall,
    Directional,
    RollChain,
    Wheel,
    TrendPullback,
    Neutral,
    Volatility,
    GammaScalping,
    MarketMaking,
)
