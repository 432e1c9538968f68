"""Does every model answer a surface with parameters and forecasts, or with a reason?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.builders import NOW, board
from trader.pricing.board_quotes import CalibrationSettings, surface
from trader.pricing.calibration import Calibrated, NotCalibrated
from trader.pricing.models import BlackScholes, Heston, Merton
from trader.pricing.recalibration import not_calibrated, recalibrate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.pricing.calibration import VolQuotes
    from trader.pricing.model import PricingModel

SURFACE = surface(board(iv=0.6, spread=0.0001), CalibrationSettings())


class Planted(BlackScholes):
    """A model whose fit is what the test says, or raises it."""

    name = "planted"

    def __init__(self, fitted: Calibrated | NotCalibrated | Exception) -> None:
        """Take what comes of a fit."""
        self.fitted = fitted

    def calibrate(
        self, quotes: VolQuotes, start: Sequence[float] | None = None
    ) -> Calibrated | NotCalibrated:
        """Answer as planted."""
        if isinstance(self.fitted, Exception):
            raise self.fitted
        return self.fitted


def fitted(*parameters: float, error: float = 0.01) -> Calibrated:
    """State a fit."""
    return Calibrated(parameters, error, (), 1, 1, ())


@pytest.mark.parametrize("model", [BlackScholes(), Merton(), Heston()])
def test_every_model_fits_and_forecasts(model: PricingModel) -> None:
    """On a flat board at 60 % each says 60 %, for every target, and again from its own start."""
    found = recalibrate(model, SURFACE, None)
    assert (found.reason, found.model, found.quoted_at) == ("", model.name, NOW)
    assert found.error < 0.01
    assert set(found.forecasts) == {one.instrument for one in SURFACE.targets}
    assert list(found.forecasts.values()) == pytest.approx([0.6] * len(found.forecasts), abs=0.02)
    assert sum(one.options for one in found.expiries) == len(SURFACE.vol)
    warm = recalibrate(model, SURFACE, found.parameters)
    assert warm.error <= found.error * (1.0 + 1e-6)
    assert (found.quotes, found.excluded) == (len(SURFACE.vol), SURFACE.excluded)


@pytest.mark.parametrize(
    ("planted", "reason"),
    [
        (NotCalibrated("no value"), "no value"),
        (NotCalibrated(""), "no reason was given"),
        (fitted(math.nan), r"parameters \(nan,\)"),
        (fitted(0.6, error=math.inf), "error inf"),
        (RuntimeError("stranger"), "RuntimeError: stranger"),
        (ZeroDivisionError("x" * 1_000), "ZeroDivisionError"),
        (fitted(0.6, 1.0), "ValueError: planted got 2 parameters"),
        (fitted(-1.0), "ValueError: vol = -1.0"),
    ],
)
def test_a_fit_that_is_none_is_a_reason(
    planted: Calibrated | NotCalibrated | Exception, reason: str
) -> None:
    """Not calibrated, no number, an exception: stated, bounded, without a parameter."""
    found = recalibrate(Planted(planted), SURFACE, None)
    assert found.parameters == ()
    assert found.forecasts == {}
    assert 0 < len(found.reason) <= 300
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(found.reason)


def test_a_start_of_other_parameters_is_none() -> None:
    """What older software adopted may have another length: the model starts by itself."""
    assert recalibrate(Heston(), SURFACE, (0.5,)).reason == ""


def test_a_surface_of_too_few_quotes_is_a_reason() -> None:
    """Empty columns and columns without targets are no exception."""
    empty = msgspec.structs.replace(
        SURFACE, forward=(), strike=(), years=(), vol=(), weight=(), targets=()
    )
    assert "quotes have weight" in recalibrate(Heston(), empty, None).reason
    untargeted = msgspec.structs.replace(SURFACE, targets=())
    assert recalibrate(BlackScholes(), untargeted, None).forecasts == {}


def test_a_failure_keeps_what_was_asked() -> None:
    """Who failed at what, and which options it was to forecast."""
    found = not_calibrated(SURFACE, "heston", "stalled")
    assert found.targets == tuple(one.instrument for one in SURFACE.targets)
    assert (found.underlying, found.model, found.reason) == ("BTC", "heston", "stalled")
