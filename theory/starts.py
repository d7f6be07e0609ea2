"""How much of a window many choices leave uncovered in the mean: a second moment of the number of sums near a target.

Blocks of few variables have many choices. Their sums, smeared by e to both sides, cover most of a window. This begins a
cover that :mod:`theory.closing` ends. Proofs: docs/sparsity.md, Lemma 5.
"""

from functools import lru_cache
from math import ceil, comb

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FINE = 256  # points of the lattice in a unit of length
_CELL = 2  # points in a cell of targets
_PARTS = 8  # of the way from a target to the end of its neighbourhood
WIDEST = 6.0  # the longest window of the tables
_ROUNDING = 1e-9


@lru_cache(maxsize=8)
def densities(most: int) -> Floats:
    """Return f_m(l/FINE), the density of a sum of m uniforms on [-1, 1], for m = 0 .. ``most`` and l = 0, 1, ..

    By ``f_m(x) = ((m + x) f_{m-1}(x + 1) + (m - x) f_{m-1}(x - 1))/(2 (m - 1))``, a mean of what is not negative: no
    cancellation. f_1(1) is put at 1/4, half of its jump. Row 0 is 0.

    >>> float(densities(3)[3, 0])
    0.375
    """
    points = np.arange((most + 1) * FINE + 1)
    x = points / FINE
    table = np.zeros((most + 1, len(points)))
    table[1] = np.where(points < FINE, 0.5, np.where(points == FINE, 0.25, 0.0))
    for m in range(2, most + 1):
        last = table[m - 1]
        further = np.append(last[FINE:], np.zeros(FINE))
        table[m] = ((x + m) * further + np.maximum(m - x, 0.0) * last[np.abs(points - FINE)]) / (2 * (m - 1))
    return table


def halves_uncovered(e: float, unit: int, units: int, window: float = WIDEST) -> float:
    """Bound the mean length that sums of half of each unit leave uncovered in a window about their middle.

    Each of ``units`` units has 2 ``unit`` variables, of which a choice keeps half. Sums count from half of the sum of
    all, their middle. Covered is what is within e of a sum.
    Statement: with N choices, k = unit * units, S_j a sum of 2j uniforms on [-1/2, 1/2] and w_d the share of the
    choices that differ from a given one in d of their k variables,

        P(z is uncovered) <= 1 - (N P(|S_k - z| <= e))^2 / second,   second = N^2 sum over d of w_d P(|S_{k-d} - z| +
        |S_d| <= e),  the two sums independent.

    Derivation. Cauchy and Schwarz for the number of sums within e of z. Two choices have the sums P + Q and P - Q
    about the middle, Q of the variables that one of them keeps and the other does not; both are within e of z when
    |P - z| + |Q| <= e. Densities are symmetric, fall and are log-concave: P(|S - z| <= e) >= 2e sqrt(f(z - e) f(z +
    e)), and the last probability is at most f_Q(0) times the integral of 2 (e - |t|)_+ f_P(z + t). Each cell of z
    takes the worse end of either. Relation: upper bound.
    """
    k = unit * units
    one = np.array([comb(unit, d) ** 2 for d in range(unit + 1)]) / comb(2 * unit, unit)
    share = np.ones(1)
    for _ in range(units):
        share = np.convolve(share, one)
    f = densities(2 * k)
    near, wide = _targets(window, 2), 2 * e  # S_j is half a sum of 2j uniforms on [-1, 1]: all is doubled
    hit = 2 * wide * _either_end(f[2 * k], near + 2 * _CELL, wide)
    second = share[0] * _within(f[2 * k], near, wide)
    for d in range(1, k):
        second = second + share[d] * f[2 * d, 0] * 2 * wide**2 * _smeared(f[2 * (k - d)], near, wide)
    second = second + np.where(near <= wide * FINE, share[k] * 2 * wide * f[2 * k, 0], 0.0)  # all differ: Q alone
    return _total(hit, second)


def ones_uncovered(e: float, of: int, groups: int, window: float = WIDEST) -> float:
    """Bound the same for one kept of each of ``groups`` groups of ``of`` variables; sums count from 0.

    Statement: with N = of^groups, S_j a sum of j uniforms on [-1, 1], and s of the groups keeping the same variable,

        P(z is uncovered) <= 1 - P(|S_groups - z| <= e)^2 / second,   second = P(..)/N + sum over s < groups of
        C(groups, s) (of - 1)^(groups - s)/N times the mean over S_s of P(|S_{groups-s} + S_s - z| <= e | S_s)^2.

    Derivation as for :func:`halves_uncovered`; two choices share s values and have groups - s fresh ones each. The mean
    is a convolution of two functions that are symmetric and fall, so it is one itself: each cell of z takes its inner
    end, and in the integral over S_s each cell takes the larger end of both factors.
    """
    f, near = densities(groups), _targets(window, 1)
    hit = 2 * e * _either_end(f[groups], near + _CELL, e)
    second = _within(f[groups], near, e) / float(of) ** groups
    for s in range(groups):
        fresh = groups - s
        weight = comb(groups, s) * (of - 1.0) ** fresh / float(of) ** groups
        if s == 0:
            second = second + weight * _within(f[fresh], near, e) ** 2
            continue
        shared = f[s][: s * FINE]  # cells [l, l + 1] of |S_s|, the larger end
        both = np.concatenate([shared[::-1], shared])
        square = _within(f[fresh], np.arange(ceil((fresh + e) * FINE) + 1), e) ** 2
        at = near[:, None] - np.arange(-s * FINE, s * FINE)[None, :]  # z less the lower end of a cell of S_s
        inner = np.where(at >= 1, at - 1, np.where(at <= 0, -at, 0))
        values = np.where(inner < len(square), square[np.minimum(inner, len(square) - 1)], 0.0)
        second = second + weight * (values @ both) / FINE
    return _total(hit, second)


def _targets(window: float, scale: int) -> NDArray[np.int64]:
    """Inner ends of the cells of z in the upper half of a window, in points, times ``scale``."""
    if not 0 < window <= WIDEST:
        raise ValueError(f"window must be above 0 and at most {WIDEST:g}, got {window:g}")
    return scale * np.arange(0, ceil(window / 2 * FINE), _CELL)


def _down(points: NDArray) -> NDArray[np.int64]:
    """Lattice points at or below, not below 0: where a density that falls is no smaller."""
    return np.maximum(np.floor(points - 1e-9), 0).astype(np.int64)


def _value(f: Floats, points: NDArray[np.int64]) -> Floats:
    return np.where(points < len(f), f[np.minimum(points, len(f) - 1)], 0.0)


def _either_end(f: Floats, z: NDArray[np.int64], e: float) -> Floats:
    """Lower bound of the root of f(z - e) f(z + e)."""
    ends = (np.ceil(np.abs(z + side * e * FINE) + 1e-9).astype(np.int64) for side in (-1, 1))
    low, high = (_value(f, end) for end in ends)
    return np.sqrt(low * high)


def _parts(f: Floats, z: NDArray[np.int64], e: float) -> list[Floats]:
    """Bound f(z + t) + f(z - t) from above for t in each of the parts of [0, e]."""
    t = e * FINE * np.arange(_PARTS + 1) / _PARTS
    return [_value(f, _down(z + t[i])) + _value(f, _down(z - t[i + 1])) for i in range(_PARTS)]


def _within(f: Floats, z: NDArray[np.int64], e: float) -> Floats:
    """Bound P(|S - z| <= e) from above."""
    return e / _PARTS * np.sum(_parts(f, z, e), axis=0)


def _smeared(f: Floats, z: NDArray[np.int64], e: float) -> Floats:
    """Bound the mean of f(z + t) over t of density (e - |t|)/e^2 on [-e, e] from above."""
    ends = (1 - np.arange(_PARTS + 1) / _PARTS) ** 2 / 2
    return np.sum([(ends[i] - ends[i + 1]) * part for i, part in enumerate(_parts(f, z, e))], axis=0)


def _total(hit: Floats, second: Floats) -> float:
    """Add up 1 - hit^2/second over the cells of z, on both sides of 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        missed = np.clip(1 - np.where(hit > 0, hit**2 / second, 0.0) * (1 - _ROUNDING), 0.0, 1.0)
    return float(missed.sum()) * (2 * _CELL / FINE) * (1 + _ROUNDING)
