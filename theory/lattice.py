"""Bounds of P(Y_1 + .. + Y_n < c) for any law of Y that is known by bounds of its distribution function.

Every Y is moved to a lattice of pitch h, a power of two: *up* for a lower bound of the probability, *down* for an upper
one. Up: mass beyond the lattice's upper end is dropped, mass below its lower end is moved to that end. Down: the other
way round, and n times the probability of what lies below the lower end is added to the result. A distribution function
is taken SLACK lower (up) or higher (down), more than its rounding; made monotone, it is that of a number that is larger
(smaller) than Y in every outcome of a coupling.

The n-fold sum S is found modulo N from the n-th power of a discrete Fourier transform. Errors, all moved to the safe
side: P(S outside the window of N lattice points), at most 2 e^-32 by Chernoff's bound for the lattice law; rounding,
64 * 2^-53 (n + 1)(1 + sum of the sizes of the transformed half-line / N), a first-order allowance with a wide margin,
not interval arithmetic. So probabilities below some 1e-11 n are not told from 0.
"""

from collections.abc import Callable
from fractions import Fraction
from math import ceil, exp, floor, frexp, ldexp, log2
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len, rfft

Floats = NDArray[np.float64]
Side = Literal["lower", "upper"]
Cdf = Callable[[Floats, bool], Floats]

SLACK = 1e-12
_OUTSIDE = 32.0
_ROUNDING = 64 * 2.0**-53
_MOST = 2**24  # lattice points of a window
_FINE = 7.0  # steps of the lattice: 2^-(this + log2(n)/2) of the spread


def sums_below(
    cdf: Cdf,
    size: float,
    spread: float,
    c: float | Fraction,
    counts: NDArray[np.int64],
    side: Side,
    most: int | None = None,
    coarser: int = 0,
) -> Floats:
    """Bound P(Y_1 + .. + Y_n < c) from ``side`` for each n in ``counts``; one lattice serves all of them.

    cdf: (x, strict) -> bounds from the same side of P(Y <= x), or of P(Y < x). size: |Y| is at most this, but for a
    probability that ``cdf`` tells. spread: about the standard deviation of Y, which sets the pitch.
    most: the pitch is that for sums of so many (default: the largest of ``counts``). coarser: it is 2**coarser times as
    wide, which is faster and less sharp.

    >>> coin = lambda x, strict: np.clip(np.ceil(x) if strict else np.floor(x) + 1, 0, 2) / 2
    >>> sums_below(coin, 1.0, 0.5, 2, np.array([2, 3]), "lower").round(6)
    array([0.75, 0.5 ])
    """
    counts, c = np.asarray(counts), Fraction(c)
    most = int(counts.max(initial=1)) if most is None else most
    exponent = frexp(spread)[1] - round(_FINE + log2(max(most, 1)) / 2) + coarser
    while True:
        found = _on_lattice(cdf, size, c, counts, side, exponent)
        if found is not None:
            return found
        exponent += 1


def _on_lattice(
    cdf: Cdf, size: float, c: Fraction, counts: NDArray[np.int64], side: Side, exponent: int
) -> Floats | None:
    """The bounds at the pitch 2**exponent, or None where the window would hold too many points."""
    h = ldexp(1.0, exponent)
    end = ceil(size / h)
    if 2 * end + 2 > _MOST:
        return None
    k = np.arange(-end, end + 1)
    if side == "lower":
        upto = np.maximum.accumulate(np.clip(cdf(np.ldexp(k.astype(np.float64), exponent), False) - SLACK, 0.0, 1.0))
        lost = 0.0
    else:
        upto = np.maximum.accumulate(np.clip(cdf(np.ldexp(k + 1.0, exponent), True) + SLACK, 0.0, 1.0))
        upto[-1] = 1.0
        lost = float(cdf(np.array([-end * h]), True)[0])
    mass = np.diff(upto, prepend=0.0)
    low, high = _window(mass, k, counts)
    points = next_fast_len(high - low + 1, real=True)
    if points > _MOST:
        return None
    last = ceil(c * Fraction(2) ** -exponent) - 1  # a lattice sum is below c up to here
    outside = 2 * exp(-_OUTSIDE)
    if last < low:
        return np.zeros(len(counts)) if side == "lower" else np.minimum(outside + counts * lost, 1.0)
    law = np.zeros(points)
    np.add.at(law, k % points, mass)
    half_line = np.zeros(points)
    half_line[np.arange(low, min(last, low + points - 1) + 1) % points] = 1.0
    weights, phi = np.conj(rfft(half_line)), rfft(law)
    twice = np.full(len(weights), 2.0)
    twice[0] = 1.0
    if points % 2 == 0:
        twice[-1] = 1.0
    weights *= twice / points
    error = _ROUNDING * (1 + float(np.abs(weights).sum()))
    order = np.argsort(counts, kind="stable")
    values, power, done = np.empty(len(counts)), np.ones(len(phi), np.complex128), 0
    for place in order:
        n = int(counts[place])
        if n > done:
            power = power * (phi if n - done == 1 else phi ** (n - done))
            done = n
        values[place] = float((weights * power).sum().real)
    allowance = error * (counts + 1) + outside + (counts * lost if side == "upper" else 0.0)
    return np.clip(values - allowance if side == "lower" else values + allowance, 0.0, 1.0)


def _window(mass: Floats, k: NDArray[np.int64], counts: NDArray[np.int64]) -> tuple[int, int]:
    """Lattice points outside of which a sum lies with probability at most e^-32 on either side, for all counts."""
    few, many, end = int(counts.min(initial=0)), int(counts.max(initial=1)), int(k[-1])
    held = np.flatnonzero(mass)
    first, last = int(k[held[0]]), int(k[held[-1]])
    most, least = max(many * last, 0), min(many * first, 0)
    scale = max(float(np.sqrt(np.sum(mass * (k / end) ** 2))), 1e-3) * end
    for theta in np.geomspace(0.02, 8, 24) / scale:
        up, down = (_log_mean(mass, sign * theta * k) for sign in (1, -1))
        most = min(most, ceil((max(few * up, many * up) + _OUTSIDE) / theta))
        least = max(least, floor(-(max(few * down, many * down) + _OUTSIDE) / theta))
    return min(least, most), most


def _log_mean(mass: Floats, exponent: Floats) -> float:
    top = float(np.max(exponent))
    return top + float(np.log(max(float(mass @ np.exp(exponent - top)), 1e-300)))
