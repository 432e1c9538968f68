"""Which models come with the package? Strangers enter by the entry-point group instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.pricing.models import BlackScholes, Heston, Merton, Neural

if TYPE_CHECKING:
    from trader.pricing.model import PricingModel

BUILT_IN: Final[tuple[type[PricingModel], ...]] = (BlackScholes, Merton, Heston, Neural)
