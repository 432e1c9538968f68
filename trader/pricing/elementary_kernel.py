"""exp, log, sine, arc tangent and the tail of the normal distribution, written out for kernels.

A call of the system's would keep a loop from becoming vectors; so would most branches. Each is
exact to the last bit or two. They are compiled into each kernel that uses them.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from trader.pricing.jit import compiled_fused

_PER_LN2: Final = 1.4426950408889634
_LN2_HIGH: Final = 6.93147180369123816490e-01
_LN2_LOW: Final = 1.90821492927058770002e-10
_PER_QUARTER: Final = 0.6366197723675814
_QUARTER_HIGH: Final = 1.57079632673412561417
_QUARTER_LOW: Final = 6.07710050650619224932e-11
_HALF_PI: Final = 1.5707963267948966
_ROUND: Final = 6755399441055744.0  # added and taken away it rounds; its last bits then count
_ROUND_BITS: Final = np.int64(0x4338000000000000)
_ROOT_HALF_BITS: Final = np.int64(0x3FE6A09E667F3BCD)
_BIAS: Final = np.int64(1023)
_BIAS_BITS: Final = np.int64(1023 << 52)
_MANTISSA: Final = np.int64(52)
_ONE: Final = np.int64(1)


@compiled_fused
def exp(x: float) -> float:
    """Return e^x for x <= 700, 0 below -708."""
    rest, scale = fraction(x)
    found = scale * rest + scale
    return found if x >= -708.0 else 0.0


@compiled_fused
def fraction(x: float) -> tuple[float, float]:
    """Return e^r - 1 and 2^k with x = r + k ln 2, by Taylor's series."""
    within = max(x, -708.0)
    rounded = within * _PER_LN2 + _ROUND
    power = rounded - _ROUND
    rest = (within - power * _LN2_HIGH) - power * _LN2_LOW
    p = 1.6059043836821613e-10 * rest + 2.08767569878681e-09
    p = p * rest + 2.505210838544172e-08
    p = p * rest + 2.755731922398589e-07
    p = p * rest + 2.7557319223985893e-06
    p = p * rest + 2.48015873015873e-05
    p = p * rest + 1.984126984126984e-04
    p = p * rest + 1.388888888888889e-03
    p = p * rest + 8.333333333333333e-03
    p = p * rest + 4.1666666666666664e-02
    p = p * rest + 1.6666666666666666e-01
    p = (p * rest + 0.5) * (rest * rest) + rest
    bits = (np.float64(rounded).view(np.int64) + _BIAS) << _MANTISSA
    return p, np.int64(bits).view(np.float64)


@compiled_fused
def log(x: float) -> float:
    """Return ln x of x > 0."""
    power, beyond = split(x)
    return log_of(power, beyond, 1.0 / (2.0 + beyond))


@compiled_fused
def split(x: float) -> tuple[float, float]:
    """Return k and m - 1 with x = 2^k m, m between sqrt(1/2) and sqrt(2)."""
    bits = np.float64(x).view(np.int64)
    power = ((bits - _ROOT_HALF_BITS + _BIAS_BITS) >> _MANTISSA) - _BIAS
    mantissa = np.int64(bits - (power << _MANTISSA)).view(np.float64)
    return np.int64(power + _ROUND_BITS).view(np.float64) - _ROUND, mantissa - 1.0


@compiled_fused
def log_of(power: float, beyond: float, per_sum: float) -> float:
    """Return ln(2^power (1 + beyond)) given 1 / (2 + beyond): the series of fdlibm's log."""
    s = beyond * per_sum
    z = s * s
    rest = 1.531383769920937332e-01 + z * 1.479819860511658591e-01
    rest = 1.818357216161805012e-01 + z * rest
    rest = 2.222219843214978396e-01 + z * rest
    rest = 2.857142874366239149e-01 + z * rest
    rest = 3.999999999940941908e-01 + z * rest
    rest = z * (6.666666666666735130e-01 + z * rest)
    half = 0.5 * beyond * beyond
    low = s * (half + rest) + power * _LN2_LOW
    return power * _LN2_HIGH - ((half - low) - beyond)


@compiled_fused
def circle(x: float) -> tuple[float, float, float]:
    """Return cos x, sin x and 1 - cos x (fdlibm's polynomials); beyond 1e8 those of 1e8."""
    within = min(max(x, -1e8), 1e8)
    rounded = within * _PER_QUARTER + _ROUND
    quarters = rounded - _ROUND
    r = (within - quarters * _QUARTER_HIGH) - quarters * _QUARTER_LOW
    z = r * r
    s = -2.50507602534068634195e-08 + z * 1.58969099521155010221e-10
    s = 2.75573137070700676789e-06 + z * s
    s = -1.98412698298579493134e-04 + z * s
    s = 8.33333333332248946124e-03 + z * s
    s = r + r * z * (-1.66666666666666324348e-01 + z * s)
    c = 2.08757232129817482790e-09 + z * -1.13596475577881948265e-11
    c = -2.75573143513906633035e-07 + z * c
    c = 2.48015872894767294178e-05 + z * c
    c = -1.38888888888741095749e-03 + z * c
    less = 0.5 * z - z * z * (4.16666666666666019037e-02 + z * c)
    turns = np.float64(rounded).view(np.int64)
    # arithmetic in place of choices, which would end the vectors
    odd = np.int64((turns & _ONE) + _ROUND_BITS).view(np.float64) - _ROUND
    back = np.int64(((turns >> _ONE) & _ONE) + _ROUND_BITS).view(np.float64) - _ROUND
    sin_sign = 1.0 - 2.0 * back
    cos_sign = sin_sign * (1.0 - 2.0 * odd)
    cos = cos_sign * (odd * s + (1.0 - odd) * (1.0 - less))
    sin = sin_sign * (odd * (1.0 - less) + (1.0 - odd) * s)
    # small only where x is: there neither odd nor turned back
    return cos, sin, less if abs(x) < 0.5 else 1.0 - cos


@compiled_fused
def angle(y: float, x: float) -> float:
    """Return the angle of (x, y): the rational function of Cephes' atan."""
    across, along = abs(y), abs(x)
    least, most = min(across, along), max(across, along, 1e-300)
    far = least > 0.41421356237309503 * most
    t = (least - most if far else least) / (least + most if far else most)
    z = t * t
    top = -8.750608600031904122785e-1 * z - 1.615753718733365076637e1
    top = top * z - 7.500855792314704667340e1
    top = top * z - 1.228866684490136173410e2
    top = top * z - 6.485021904942025371773e1
    bottom = (z + 2.485846490142306297962e1) * z + 1.650270098316988542046e2
    bottom = bottom * z + 4.328810604912902668951e2
    bottom = bottom * z + 4.853903996359136964868e2
    bottom = bottom * z + 1.945506571482613964425e2
    angle = t + t * (z * (top / bottom)) + (0.5 * _HALF_PI if far else 0.0)
    angle = _HALF_PI - angle if across > along else angle
    angle = 2.0 * _HALF_PI - angle if x < 0.0 else angle
    return angle if y >= 0.0 else -angle


@compiled_fused
def sqrt(z: complex) -> complex:
    """Return the principal root."""
    size = math.sqrt(z.real * z.real + z.imag * z.imag)
    large = math.sqrt(0.5 * (size + abs(z.real)))
    small = 0.5 * abs(z.imag) / max(large, 1e-150)
    right = z.real >= 0.0
    imag = small if right else large
    return complex(large if right else small, imag if z.imag >= 0.0 else -imag)


@compiled_fused
def inverse(z: complex) -> complex:
    per = 1.0 / (z.real * z.real + z.imag * z.imag)
    return complex(z.real * per, -z.imag * per)


@compiled_fused
def mills(u: float) -> float:
    """Return the Mills ratio of z times 1 + z from u = (z - 5) / (z + 5): the fit of `normal`."""
    cube = u * u * u
    a = 6.288377855498677e-11 * cube + 1.1032071151574336e-08
    a = a * cube - 6.738323465177047e-08
    a = a * cube - 3.277287633208865e-06
    a = a * cube - 2.48054584472145e-05
    a = a * cube + 1.9530638370790786e-05
    a = a * cube - 0.038026592187762366
    a = a * cube + 0.0250721793016388
    a = a * cube + 1.1568486282918946
    b = -1.0846925288860795e-09 * cube - 7.758520236786343e-08
    b = b * cube + 3.2197131609042185e-07
    b = b * cube + 2.270961270923768e-05
    b = b * cube + 0.00045704381820007954
    b = b * cube + 0.01634823128102938
    b = b * cube - 0.0661776007789934
    b = b * cube - 0.22948753825211315
    c = -9.564832934712551e-10 * cube + 1.0082895646260188e-08
    c = c * cube + 4.91996233147834e-07
    c = c * cube - 1.7723438185601556e-07
    c = c * cube - 0.0001343742785571135
    c = c * cube - 0.004201290310663574
    c = c * cube + 0.0615050458401865
    c = c * cube + 0.07778159886873554
    return (c * u + b) * u + a
