"""The type II cosine transform of 32 values, to the last bit as SciPy computes it.

An even icon has frequencies of nothing but rounding errors, and their signs are bits of a pHash; so the sums
are made in the order of pocketfft (M. Reinecke), which SciPy uses and the compiled loops repeat too.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

_HALF = 16
_Values: TypeAlias = NDArray[np.float64]


def _numbers(text: str) -> _Values:
    return np.array([float.fromhex(word) for word in text.split()])


# Cosines of (i + 1) pi / 64; cosine and sine of i pi / 16 for i of 1 to 7, and of i pi / 8 for i of 1 to 3.
_QUARTER_TURN = _numbers(
    "0x1.ff621e3796d7ep-1 0x1.fd88da3d12526p-1 0x1.fa7557f08a517p-1 0x1.f6297cff75cb0p-1 "
    "0x1.f0a7efb9230d7p-1 0x1.e9f4156c62ddap-1 0x1.e212104f686e5p-1 0x1.d906bcf328d46p-1 "
    "0x1.ced7af43cc773p-1 0x1.c38b2f180bdb1p-1 0x1.b728345196e3ep-1 0x1.a9b66290ea1a3p-1 "
    "0x1.9b3e047f38741p-1 0x1.8bc806b151741p-1 0x1.7b5df226aafafp-1 0x1.6a09e667f3bccp-1 "
    "0x1.57d69348cec9fp-1 0x1.44cf325091dd6p-1 0x1.30ff7fce17034p-1 0x1.1c73b39ae68c8p-1 "
    "0x1.073879922ffedp-1 0x1.e2b5d3806f639p-2 0x1.b5d1009e15cbfp-2 0x1.87de2a6aea961p-2 "
    "0x1.58f9a75ab1fdbp-2 0x1.294062ed59f04p-2 0x1.f19f97b215f1cp-3 0x1.8f8b83c69a60ap-3 "
    "0x1.2c8106e8e6136p-3 0x1.917a6bc29b424p-4 0x1.91f65f10dd810p-5 -0x0.0p+0"
)
_SIXTEENTHS = _numbers(
    "0x1.f6297cff75cb0p-1 0x1.8f8b83c69a60ap-3 0x1.d906bcf328d46p-1 0x1.87de2a6aea963p-2 "
    "0x1.a9b66290ea1a3p-1 0x1.1c73b39ae68c8p-1 0x1.6a09e667f3bccp-1 0x1.6a09e667f3bcdp-1 "
    "0x1.1c73b39ae68c8p-1 0x1.a9b66290ea1a3p-1 0x1.87de2a6aea963p-2 0x1.d906bcf328d46p-1 "
    "0x1.8f8b83c69a60ap-3 0x1.f6297cff75cb0p-1"
)
_EIGHTHS = _numbers(
    "0x1.d906bcf328d46p-1 0x1.87de2a6aea963p-2 0x1.6a09e667f3bccp-1 0x1.6a09e667f3bcdp-1 "
    "0x1.87de2a6aea963p-2 0x1.d906bcf328d46p-1"
)
_ROOT_2 = float.fromhex("0x1.6a09e667f3bcdp+0")


def cosine_transform(values: _Values) -> _Values:
    """The transform of each column of an array of shape (32, n)."""
    mixed = values.astype(np.float64)
    mixed[0] *= 2
    mixed[-1] *= 2
    odd, even = mixed[1:-1:2].copy(), mixed[2:-1:2].copy()
    mixed[2:-1:2] = even - odd
    mixed[1:-1:2] = even + odd
    waves = _quarters(_quarters(_halves(mixed), 4, 2), 1, 8)
    result = waves.copy()
    low, high = _QUARTER_TURN[: _HALF - 1, None], _QUARTER_TURN[-2 : _HALF - 1 : -1, None]
    ups, downs = waves[1:_HALF], waves[:_HALF:-1]
    total = low * downs + high * ups
    difference = low * ups - high * downs
    result[1:_HALF] = 0.5 * (total + difference)
    result[:_HALF:-1] = 0.5 * (total - difference)
    result[_HALF] = waves[_HALF] * _QUARTER_TURN[_HALF - 1]
    return result


def _turned(cosine: _Values, sine: _Values, x: _Values, y: _Values) -> tuple[_Values, _Values]:
    return cosine * x - sine * y, cosine * y + sine * x


# A real inverse transform of 32 points: one step of two, then steps of four.
def _halves(values: _Values) -> _Values:
    out = np.empty_like(values)
    out[0], out[_HALF] = values[0] + values[-1], values[0] - values[-1]
    out[_HALF - 1], out[-1] = 2 * values[_HALF - 1], -2 * values[_HALF]
    x, y = values[1 : _HALF - 1 : 2], values[2:_HALF:2]
    other_x, other_y = values[-3:_HALF:-2], values[-2:_HALF:-2]
    out[1 : _HALF - 1 : 2], out[2:_HALF:2] = x + other_x, y - other_y
    out[_HALF + 1 : -1 : 2], out[_HALF + 2 :: 2] = _turned(
        _SIXTEENTHS[::2, None], _SIXTEENTHS[1::2, None], x - other_x, y + other_y
    )
    return out


def _quarters(values: _Values, length: int, count: int) -> _Values:
    """One step for lengths of 1 and 4."""
    columns = values.shape[1]
    a, b, c, d = values.reshape(count, 4, length, columns).transpose(1, 2, 0, 3)
    out = np.empty((4, count, length, columns))
    first, second, third, fourth = out.transpose(0, 2, 1, 3)
    total, difference, middle, side = a[0] + d[-1], a[0] - d[-1], 2 * b[-1], 2 * c[0]
    first[0], third[0] = total + middle, total - middle
    fourth[0], second[0] = difference + side, difference - side
    if length > 1:
        plus, minus, even, odd = d[0] + b[0], d[0] - b[0], a[-1] + c[-1], a[-1] - c[-1]
        first[-1], third[-1] = even + even, minus + minus
        second[-1], fourth[-1] = _ROOT_2 * (odd - plus), -_ROOT_2 * (odd + plus)
        r1, r2, r3, r4 = a[1] - d[1], a[1] + d[1], c[1] + b[1], c[2] + b[2]
        i1, i2, i3, i4 = a[2] + d[2], a[2] - d[2], c[2] - b[2], c[1] - b[1]
        first[1], first[2] = r2 + r3, i2 + i3
        second[1], second[2] = _turned(_EIGHTHS[0], _EIGHTHS[1], r1 - r4, i1 + i4)
        third[1], third[2] = _turned(_EIGHTHS[2], _EIGHTHS[3], r2 - r3, i2 - i3)
        fourth[1], fourth[2] = _turned(_EIGHTHS[4], _EIGHTHS[5], r1 + r4, i1 - i4)
    return out.reshape(values.shape)
