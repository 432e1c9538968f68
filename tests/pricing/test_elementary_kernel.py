"""exp, log, angles and tails, written out, against the system's and scipy's; and who has them."""

from __future__ import annotations

import cmath
import hashlib
import math
import re

import numpy as np
import pytest
from scipy.special import erfcx  # type: ignore[import-untyped]

from tests.source import ROOT
from trader.pricing.elementary_kernel import (
    angle,
    circle,
    exp,
    fraction,
    inverse,
    log,
    mills,
    sqrt,
)

DRAW = np.random.default_rng(1)
KERNELS = sorted((ROOT / "trader/pricing").glob("*_kernel.py"))


def test_exp() -> None:
    """To two units in the last place from -708 to 700, and 0 below."""
    for x in DRAW.uniform(-707.9, 700.0, 2_000).tolist():
        assert exp(x) == pytest.approx(math.exp(x), rel=4.5e-16)
    assert exp(0.0) == 1.0
    assert exp(-709.0) == exp(-math.inf) == 0.0


def test_what_is_next_to_one_keeps_its_digits() -> None:
    """e^x - 1 of small x is as exact as the system's."""
    for x in (-(10.0 ** DRAW.uniform(-15.0, 0.0, 500))).tolist():
        rest, scale = fraction(x)
        assert scale * rest + (scale - 1.0) == pytest.approx(math.expm1(x), rel=5e-16)


def test_log() -> None:
    """To two units in the last place, over all doubles but the smallest."""
    for x in (10.0 ** DRAW.uniform(-307.0, 308.0, 2_000)).tolist():
        assert log(x) == pytest.approx(math.log(x), rel=4.5e-16)
    near = 1.0 + DRAW.normal(0.0, 1e-6, 500)
    assert [log(x) for x in near.tolist()] == pytest.approx(np.log(near).tolist(), rel=4.5e-16)


def test_circle() -> None:
    """Cosine and sine of many turns, and how far a small cosine is from one."""
    for x in DRAW.uniform(-1e5, 1e5, 2_000).tolist():
        cos, sin, _ = circle(x)
        assert (cos, sin) == pytest.approx((math.cos(x), math.sin(x)), abs=3e-16)
    for x in (10.0 ** DRAW.uniform(-9.0, 0.4, 500)).tolist():
        assert circle(x)[2] == pytest.approx(2.0 * math.sin(0.5 * x) ** 2, rel=1e-15)
    assert all(math.isfinite(one) for one in circle(1e300))


def test_angle() -> None:
    """In all four quadrants and on the axes."""
    points = [*DRAW.normal(size=(2_000, 2)).tolist(), [0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]]
    for y, x in points:
        assert angle(y, x) == pytest.approx(math.atan2(y, x), rel=4.5e-16)
    assert angle(0.0, -1.0) == math.pi


def test_complex_root_and_inverse() -> None:
    """The principal root, on either side of the imaginary axis; one over a number."""
    for real, imag in DRAW.normal(size=(1_000, 2)).tolist():
        z = complex(real, imag)
        assert abs(sqrt(z) - cmath.sqrt(z)) < 5e-16 * abs(z) ** 0.5
        assert abs(inverse(z) * z - 1.0) < 5e-16


def test_mills() -> None:
    """Against scipy's scaled erfc, from the center to the far tail."""
    for z in np.concatenate([np.linspace(0.0, 30.0, 1_001), np.geomspace(30.0, 1e6, 100)]).tolist():
        oracle = math.sqrt(0.5 * math.pi) * float(erfcx(z / math.sqrt(2.0)))
        assert mills((z - 5.0) / (z + 5.0)) / (1.0 + z) == pytest.approx(oracle, rel=2e-15)


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.stem)
def test_kernels_say_which_text_they_compile_in(path: object) -> None:
    """A change of what a kernel calls changes the kernel too, or numba would keep the old one."""
    here = ROOT / "trader/pricing" / f"{getattr(path, 'stem', '')}.py"
    text = here.read_text(encoding="utf-8")
    called = sorted(re.findall(r"^from trader\.pricing\.(\w+_kernel) import", text, re.MULTILINE))
    texts = [(here.parent / f"{name}.py").read_text(encoding="utf-8") for name in called]
    wanted = hashlib.sha256("".join(texts).encode()).hexdigest()[:16]
    assert re.findall(r'^COMPILED_IN: Final = "(\w*)"$', text, re.MULTILINE) == (
        [wanted] if called else []
    ), f'{here.name} needs COMPILED_IN: Final = "{wanted}"'
