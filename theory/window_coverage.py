"""How likely the subset sums of given numbers leave no gap in a window: exact when they are few, estimated otherwise.

Sign folding turns free values X_i into y_i = |X_i|, and centring at half the total makes the sums symmetric about 0.
A point w is *covered* when some sum lies within eps of it; a window [a, b] when all its points are.

1. **Absorption (exact).** While the smallest y left is at most 2 eps, adding it to every sum prolongs every covered
   interval without a gap: the sums of the others with eps + y/2 in place of eps cover exactly the same points. So
   small values are taken out, in ascending order, and eps grows; once it is large nothing may be left, and the
   window is covered when it ends inside [-eps, eps]. This also removes the near-duplicate sums that spoil step 3.
2. **Enumeration (exact)** when at most ``ENUMERATED`` values are left.
3. **Poisson sums (estimate)** otherwise: the sums on the positive half line (the other half is their mirror image and
   adds no chance of failure of its own) are taken for a Poisson process whose rate is the saddlepoint density.
"""

import numpy as np
from numpy.typing import NDArray

from theory.saddlepoint import density_in_reach

Array = NDArray[np.float64]

ENUMERATED = 10
_RATE_MATTERS = 1e-9  # at most this eps, the least rate of gaps in the table, 2e-17 / eps, is no longer negligible
_DENSE = 50.0  # log density beyond which no gap is possible at any eps that float64 resolves


def _gap_table() -> tuple[Array, Array]:
    """Tabulate log v against log lam; v = 2 eps times the exponential rate at which gaps end a covered stretch.

    Poisson sums of rate rho, lam = 2 eps rho. A stretch survives length x with probability ~ exp(-gamma x), where
    gamma solves the renewal equation: integral_0^{2 eps} rho exp(-rho t + gamma t) dt = 1. With g = gamma / rho this
    is g = exp(-lam (1 - g)), so g itself parametrises the curve: lam = log g / (g - 1), v = g lam. For large lam it
    is the familiar rho exp(-lam); for small lam, where coverage is hopeless, it stays above it.
    """
    above = np.geomspace(1e6, 1.0001, 400)
    below = np.concatenate([1 - np.geomspace(1e-4, 0.5, 100), np.geomspace(0.499, 1e-18, 400)])
    g = np.concatenate([above, below])
    lam = np.log(g) / (g - 1)
    return np.log(lam), np.log(g * lam)


_LOG_LAM, _LOG_V = _gap_table()


def coverage_probability(y: Array, eps: float, a: Array, b: Array) -> Array:
    """Return, per row and window, the probability that [a, b] is covered: 0 or 1 where it is decided exactly.

    y: (rows, m) ascending, |X_i| of the free values, padded at the end with inf; eps > 0.
    a, b: (rows, windows) with 0 <= a <= b, in centred coordinates.
    Relation: exact for rows left with at most ``ENUMERATED`` values after absorption, an estimate for the others.
    """
    first, wide = absorb(y, eps)
    left = np.isfinite(y).sum(axis=1) - first
    result = np.empty(a.shape)
    for count in np.unique(np.minimum(left, ENUMERATED + 1)):
        rows = np.flatnonzero(np.minimum(left, ENUMERATED + 1) == count)
        columns = first[rows, None] + np.arange(left[rows].max())
        kept = np.take_along_axis(y[rows], np.minimum(columns, y.shape[1] - 1), axis=1)
        if count <= ENUMERATED:
            result[rows] = _enumerated(kept, wide[rows], a[rows], b[rows])
        else:
            kept = np.where(columns < y.shape[1], kept, np.inf)
            kept[~np.isfinite(kept)] = 0
            result[rows] = _poisson(kept, wide[rows], a[rows], b[rows])
    return result


def absorb(y: Array, eps: float) -> tuple[NDArray[np.int64], Array]:
    """Return how many of the smallest values each row absorbs, and the eps it has afterwards: (rows,) each.

    y: (rows, m) ascending, padded with inf.

    >>> absorb(np.array([[0.1, 0.3, 0.9]]), 0.1)
    (array([2]), array([0.3]))
    """
    rows = len(y)
    grown = eps + np.cumsum(np.where(np.isfinite(y), y, 0.0), axis=1) / 2
    before = np.concatenate([np.full((rows, 1), eps), grown], axis=1)
    too_large = np.concatenate([y > 2 * before[:, :-1], np.ones((rows, 1), bool)], axis=1)
    first = np.argmax(too_large, axis=1)
    return first, before[np.arange(rows), first]


def _enumerated(y: Array, eps: Array, a: Array, b: Array) -> Array:
    """Decide coverage from all 2^m sums; y: (rows, m) finite, eps: (rows,)."""
    wide = eps[:, None]
    sums = np.zeros((len(y), 1))
    for column in y.T[:, :, None] / 2:
        sums = np.concatenate([sums - column, sums + column], axis=1)
    sums.sort(axis=1)
    breaks = np.concatenate([np.diff(sums, axis=1) > 2 * wide, np.ones(wide.shape, bool)], axis=1)
    # how far the stretch goes on which each sum lies
    reach = np.minimum.accumulate(np.where(breaks, sums + wide, np.inf)[:, ::-1], axis=1)[:, ::-1]
    last = _row_positions(sums, a + wide) - 1
    # sum number `last` is the last one that could cover a; if it does not, its stretch ends before a <= b.
    # The sums are symmetric and a >= 0, so there always is one.
    return (np.take_along_axis(reach, last, axis=1) >= b).astype(np.float64)


def _poisson(y: Array, eps: Array, a: Array, b: Array) -> Array:
    """Estimate coverage as if the sums were a Poisson process; y: (rows, m) padded with zeros, eps: (rows,).

    [a, b] is uncovered when no sum lies in [a - eps, a + eps], or when some sum in (a - eps, b - eps) is followed by
    none for 2 eps. Only sums >= 0 count: below 0 they are mirror images.
    """
    wide = eps[:, None]
    end = y.sum(axis=1, keepdims=True) / 2
    low = np.maximum(a - wide, 0)
    high = np.maximum(b - wide, low)
    asked = np.where(high > end, 0.0, np.maximum(a, high)).max(axis=1)
    w, log_rho = density_in_reach(y, asked, _enough(eps))
    log_lam = np.minimum(log_rho, _DENSE) + np.log(2 * wide)
    rate = np.exp(np.interp(log_lam, _LOG_LAM, _LOG_V)) / (2 * wide)
    w = np.concatenate([w, end], axis=1)
    rate = np.concatenate([rate, rate[:, -1:]], axis=1)
    steps = np.diff(w, axis=1) * (rate[:, 1:] + rate[:, :-1]) / 2
    hazard = np.concatenate([np.zeros(wide.shape), np.cumsum(steps, axis=1)], axis=1)
    rho = np.exp(np.minimum(np.concatenate([log_rho, log_rho[:, -1:]], axis=1), _DENSE))
    start_covered = -np.expm1(-_row_interp(a, w, rho) * np.minimum(2 * wide, a + wide))
    no_gap = np.exp(_row_interp(low, w, hazard) - _row_interp(high, w, hazard))
    return np.where(high > end, 0.0, start_covered * no_gap)  # no sum lies beyond the end


def _enough(eps: Array) -> Array:
    """Return the log density beyond which there is no gap: the rate of gaps is the table's last, and a is covered.

    From twice the table's last lam on, 1 - exp(-rho eps) is 1 in floating point. Nothing is enough where eps is so
    small that the table's last rate matters: then the order of additions would show in the last digit.
    """
    return np.where(eps > _RATE_MATTERS, _LOG_LAM[-1] - np.log(eps), np.inf)


def _row_interp(x: Array, nodes: Array, values: Array) -> Array:
    """Interpolate linearly row by row; x is cut at the last node. All three: (rows, .), x >= 0, nodes from 0."""
    # one call for all rows: each row is moved to its own stretch of the line
    shift = (nodes[:, -1].max() + 1) * np.arange(len(nodes))[:, None]
    x = np.minimum(x, nodes[:, -1:])
    return np.interp((x + shift).ravel(), (nodes + shift).ravel(), values.ravel()).reshape(x.shape)


def _row_positions(ascending: Array, x: Array) -> NDArray[np.int64]:
    """Count, row by row, the entries that are at most x: (rows, sums) and (rows, windows) to (rows, windows)."""
    shift = 2 * (ascending[:, -1].max() + x.max() + 1) * np.arange(len(x))[:, None]
    before = ascending.shape[1] * np.arange(len(x))[:, None]
    found = np.searchsorted((ascending + shift).ravel(), (x + shift).ravel(), side="right")
    return found.reshape(x.shape) - before
