"""What does a surface make of one model? Its parameters and forecasts, or why there are none.

Runs in a worker process. Nothing a model does ends it: what raises, or is no number, is a reason.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from trader.domain.models import ExpiryFit, ModelCalibrated
from trader.pricing.black_scholes import implied_vol
from trader.pricing.calibration import Calibrated, NotCalibrated, vol_quotes
from trader.pricing.model import prices_or_nan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.domain.models import Surface
    from trader.pricing.model import PricingModel

REASON_LENGTH_MAX: Final = 300


def recalibrate(
    model: PricingModel, surface: Surface, start: Sequence[float] | None
) -> ModelCalibrated:
    """Fit a model to a surface, from `start` where there is one, and let it forecast."""
    try:
        fitted = _fitted(model, surface, start)
        if isinstance(fitted, NotCalibrated):
            return not_calibrated(surface, model.name, fitted.reason)
        forecasts = _forecasts(model, fitted.parameters, surface)
    except Exception as error:  # noqa: BLE001 - a stranger's model must not end the worker
        return not_calibrated(surface, model.name, f"{type(error).__name__}: {error}")
    if surface.targets and not forecasts:
        return not_calibrated(
            surface, model.name, f"none of its {len(surface.targets)} forecasts is a number"
        )
    return ModelCalibrated(
        underlying=surface.underlying,
        model=model.name,
        quoted_at=surface.quoted_at,
        parameters=fitted.parameters,
        error=fitted.error,
        expiries=tuple(ExpiryFit(one.years, one.error, one.options) for one in fitted.expiries),
        forecasts=forecasts,
        quotes=len(surface.vol),
        excluded=surface.excluded,
        targets=tuple(one.instrument for one in surface.targets),
        at_bound=fitted.at_bound,
    )


def not_calibrated(surface: Surface, model: str, reason: str) -> ModelCalibrated:
    """State that a model was not fitted, and why."""
    return ModelCalibrated(
        underlying=surface.underlying,
        model=model,
        quoted_at=surface.quoted_at,
        reason=(reason or "no reason was given")[:REASON_LENGTH_MAX],
        quotes=len(surface.vol),
        excluded=surface.excluded,
        targets=tuple(one.instrument for one in surface.targets),
    )


def _fitted(
    model: PricingModel, surface: Surface, start: Sequence[float] | None
) -> Calibrated | NotCalibrated:
    """Fit; a start of other parameters (of older software) is none."""
    columns = (surface.forward, surface.strike, surface.years, surface.vol, surface.weight)
    quotes = vol_quotes(*columns)
    known = start if start is not None and len(start) == len(model.parameters) else None
    fitted = model.calibrate(quotes, known)
    if isinstance(fitted, NotCalibrated):
        return fitted
    numbers = (*fitted.parameters, fitted.error, *(one.error for one in fitted.expiries))
    if not all(math.isfinite(one) for one in numbers):
        return NotCalibrated(f"parameters {fitted.parameters} with error {fitted.error}")
    return fitted


def _forecasts(
    model: PricingModel, parameters: tuple[float, ...], surface: Surface
) -> dict[str, float]:
    """Return the volatilities a fitted model implies for the targets, where they are numbers."""
    targets = surface.targets
    if not targets:
        return {}
    sides = np.array([one.sign for one in targets])
    forward, strike, years = (
        np.array([getattr(one, name) for one in targets]) for name in ("forward", "strike", "years")
    )
    worth = prices_or_nan(model, sides, forward, strike, years, parameters)
    if np.isnan(worth).all():
        model.price(sides, forward, strike, years, *parameters)  # where it refuses, it says why
    told = np.isfinite(worth) & (worth >= 0.0)
    vols = np.full(worth.shape, np.nan)
    if told.any():
        solved = implied_vol(sides[told], worth[told], forward[told], strike[told], years[told])
        vols[told] = solved.vol
    return {
        one.instrument: vol
        for one, vol in zip(targets, vols.tolist(), strict=True)
        if math.isfinite(vol)
    }
