"""Failure probabilities for n <= 3 variables by piecewise exact integration: an oracle.

It imports nothing of the project.


    uniform_failure(n, eps, prune, lock, radius)    P(some |z| <= radius has no subset sum within eps)
    pointwise_failure(n, z, eps, prune, lock)       P(no subset sum within eps of z)

The number of free and of locked variables is multinomial; given both, the failure probability is the volume of a
union of polytopes in the cube [-1, 1]^k, k <= 3 the number of variables that are not pruned.

* The last variable is free and integrated exactly: for fixed others, coverage changes only where a sum with it lies
  2 eps from one without it, or eps from an end of the window. Those points are sorted, every piece is tested at its
  middle.
* The next one too: the inner integral is piecewise linear, its kinks lie where two of those lines cross each other or
  the edge of the cube, and the value at the middle of a piece is its exact mean.
* The outermost of three is integrated by two-point Gauss, exact for the piecewise quadratic function that is left, on
  panels cut at its corners: combinations of up to three of the planes' offsets over 1, 2 or 3. A corner that is none
  of these costs O(width^3): cutting every panel in seven moved no result of a random sweep by more than 1e-7.

So n <= 2 is exact to rounding and n = 3 to :data:`ACCURACY`. Volumes do not depend on prune and lock and are cached; a
new (eps, radius) with n = 3 costs some 0.2 s.
"""

from functools import cache
from itertools import combinations
from math import comb, factorial

import numpy as np

ACCURACY = 1e-6


def uniform_failure(n, eps, prune=0.0, lock=0.0, radius=1.0):
    """P(err(radius) > eps) for n <= 3 variables."""
    return _mixture(n, eps, prune, lock, (-radius, radius))


def pointwise_failure(n, z, eps, prune=0.0, lock=0.0):
    """P(no subset sum lies within eps of z) for n <= 3 variables."""
    return _mixture(n, eps, prune, lock, (z, z))


def _mixture(n, eps, prune, lock, window):
    if not 0 <= n <= 3:
        raise ValueError(f"n must be 0..3, got {n}")
    total = 0.0
    for m in range(n + 1):
        for a in range(n - m + 1):
            weight = comb(n, m) * comb(n - m, a) * (1 - prune - lock) ** m * lock**a * prune ** (n - m - a)
            if weight > 0:
                total += weight * (1 - covered_given(m, a, eps, *window))
    return total


@cache
def covered_given(m, a, eps, low, high):
    """P([low, high] is covered | m free, a locked variables), m + a <= 3."""
    if m == 0:
        return _locked_only(a, max(high - eps, -4.0), min(low + eps, 4.0))
    if m + a == 1:
        return _last([(0.0, 0.0)], np.zeros(1), eps, low, high)[0]
    if m + a == 2:
        return _last_two([(0.0, 0.0), (0.0, 1.0)] if m == 2 else [(0.0, 1.0)], eps, low, high)
    edges = _outer_edges(eps, low, high)
    middles, halves = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    total = 0.0
    for middle, half in zip(middles, halves, strict=True):
        for value in (middle - half / 3**0.5, middle + half / 3**0.5):  # Gauss, exact for cubics
            sums = {  # of the first two variables, as (constant, coefficient of the second)
                3: [(0.0, 0.0), (value, 0.0), (0.0, 1.0), (value, 1.0)],
                2: [(value, 0.0), (value, 1.0)],
                1: [(value, 1.0)],
            }[m]
            total += half * _last_two(sums, eps, low, high)
    return total / (edges[-1] - edges[0])


def _outer_edges(eps, low, high):
    """Panels of the outermost variable, cut at the corners that small combinations of the planes' offsets give."""
    planes = np.array([end + side for end in (low, high) for side in (-eps, eps)] + [2 * eps, 1.0, 0.0])
    planes = np.concatenate([planes, -planes])
    pairs = planes[:, None] + planes
    triples = (pairs[..., None] + planes).ravel()  # pairs among them, as 0 is one of the planes
    points = np.concatenate([triples, triples / 2, triples / 3, [-1.0, 1.0]])
    first = 0.0 if low == -high else -1.0  # all values negated: the same failure probability
    points = np.unique(points[(points >= first) & (points <= 1)])
    return np.concatenate([points[:-1][np.diff(points) > 1e-9], [1.0]])


def _locked_only(a, low, high):
    """P(low <= sum of a uniforms on [-1, 1] <= high)."""
    if low > high:
        return 0.0
    if a == 0:
        return float(low <= 0 <= high)

    def below(c):
        return sum((-1) ** i * comb(a, i) * max(c + a - 2 * i, 0.0) ** a for i in range(a + 1)) / (2**a * factorial(a))

    return below(high) - below(low)


def _lines(sums, eps, low, high):
    """Lines x3 = constant + coefficient * x2 at which coverage can change, the edges of the cube included."""
    lines = {(-1.0, 0.0), (1.0, 0.0)}
    for c, k in sums:
        lines |= {(end + side - c, -k) for end in (low, high) for side in (-eps, eps)}
        if high > low:
            lines |= {(d - c + side, j - k) for d, j in sums for side in (-2 * eps, 2 * eps)}
    return np.array(sorted(lines))


def _upright(sums, eps, low, high):
    """Values of x2 at which coverage can change whatever x3 is: the same conditions among the sums without x3."""
    points = [(end + side - c) / k for c, k in sums if k for end in (low, high) for side in (-eps, eps)]
    points += [(c - d + side) / (j - k) for c, k in sums for d, j in sums if j != k for side in (-2 * eps, 2 * eps)]
    return np.array(points)


def _last_two(sums, eps, low, high):
    """P(covered) over x2, x3 uniform on [-1, 1]: sum of (piece) * (inner integral at its middle)."""
    lines = _lines(sums, eps, low, high)
    (c, k), (d, j) = (np.array(side).T for side in zip(*combinations(lines, 2), strict=True))
    cross = k != j
    kinks = np.concatenate([(d - c)[cross] / (k - j)[cross], _upright(sums, eps, low, high)])
    kinks = np.unique(np.concatenate([[-1.0, 1.0], kinks[np.abs(kinks) < 1]]))
    lengths = np.diff(kinks)
    keep = lengths > 1e-13
    middles = ((kinks[1:] + kinks[:-1]) / 2)[keep]
    return float(lengths[keep] @ _last(sums, middles, eps, low, high)) / 2


def _last(sums, x2, eps, low, high):
    """P(covered) over x3 uniform on [-1, 1], for every given x2; sums are those without x3."""
    lines = _lines(sums, eps, low, high)
    points = np.sort(np.clip(lines[:, 0] + lines[:, 1] * x2[:, None], -1, 1), axis=1)
    lengths, middles = np.diff(points, axis=1), (points[:, 1:] + points[:, :-1]) / 2
    without = np.stack([np.broadcast_to((c + k * x2)[:, None], middles.shape) for c, k in sums], axis=-1)
    every = np.concatenate([without, without + middles[..., None]], axis=-1)
    return (lengths * covers(every, eps, low, high)).sum(axis=1) / 2


def covers(sums, eps, low, high):
    """Whether every point of [low, high] lies within eps of one of ``sums`` (last axis)."""
    sums = np.sort(sums, axis=-1)
    reached = np.full(sums.shape[:-1], low)
    for i in range(sums.shape[-1]):
        s = sums[..., i]
        reached = np.where(s - eps <= reached, np.maximum(reached, s + eps), reached)
    return (reached >= high) & (np.abs(sums - low) <= eps).any(axis=-1)
