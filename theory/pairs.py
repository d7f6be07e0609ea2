"""How one of each pair covers a window: Lueker's game with differences of uniforms, and a ladder of sorted neighbours.

Exactly one of X, X' is kept: X or X + D with D = X' - X, triangular on [-2, 2]. Both covers leave the number of kept
variables alone. Proofs: docs/sparsity.md.
"""

from functools import lru_cache
from math import ceil, e, log, log1p, sinh

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammaln

from theory.arguments import checked_delta, checked_eps, checked_radius
from theory.game import START_SHARE, GrowthGame

Floats = NDArray[np.float64]

PAIR_WINDOW = 2.0  # length of the window W that pairs cover: no difference of two values is longer
SPREAD = 2 * log(2 * sinh(0.5))  # log of E exp(-U - U'), what the base of a covering pair costs the shift; below .0827
SHIFT = log(2 / (e - 3 / e))  # -log of E exp(-max(X, X')), what a shifting pair adds to it; above .214


@lru_cache(maxsize=64)
def pair_game(eps: float) -> GrowthGame:
    """The game whose ``G_k`` bounds P(k pairs, one kept of each, fail to eps-cover base + W), W = [-1, 1].

    In each pair the value that is smaller in size is the base B (b = 0), the other is B + D; base is the sum of the B.
    |D| does not depend on the label and (B, D) -> (-B, -D) is a symmetry, so the D are iid with density (2 - |d|)_+/4.
    Derivation. e0 = START_SHARE eps, u = 2 (eps - e0), V = [-1 - u/2, 1 + u/2] of length L = 2 + u, C_0 = [-e0, e0],
    C_{t+1} = C_t u ((C_t + D) n V). With x = |C|/L the mean growth of |C| is

        int over z in V - C, y in C of (2 - |z - y|)_+/4  >=  L^2 x (1 - x)/2 - (1/4) int |z - y|
                                                          >=  L^2 x (1 - x)/2 - L^3 x (1 - x)/8

    because int over C x C of |z - y| is at least |C|^3/3 (pushing the pieces together makes distances smaller) and
    L^3/3 over V x V, so that over C x (V - C) it is at most L^3 (1 - x^3 - (1 - x)^3)/6 = L^3 x (1 - x)/2. Hence
    ``E x' >= x + growth x (1 - x)`` with growth = L/2 - L^2/8 = 1/2 - u^2/8, the best at L = 2.
    The end is that of :func:`theory.game.cover_game`: with at most u of V uncovered and a margin u/2 at each end of W,
    every point of W is within e0 + u/2 = eps of a sum.
    """
    eps = checked_eps(eps)
    uncovered = 2 * (1 - START_SHARE) * eps
    length = 2 + uncovered
    growth = (0.5 - uncovered**2 / 8) * (1 - 2.0**-50)
    return GrowthGame(2 * START_SHARE * eps / length, uncovered / length, growth)


def pair_failures(eps: float, least: float = 1e-9, pairs: int = 100_000) -> Floats:
    """Bound P(k pairs fail to eps-cover base + W) for k = 0, 1, .. until a bound is <= ``least`` or k = ``pairs``.

    Non-increasing, so that the last entry holds for every larger k.

    >>> int((pair_failures(0.1) > 0.05).sum())
    26
    """
    return pair_game(checked_eps(eps)).failures(least, pairs)


def ladder_failure(eps: float, pairs: int) -> float:
    """Bound P(the ladder breaks): the sums of one of each pair of sorted neighbours leave a gap above 2 eps.

    Of s = 2h iid uniforms on [-1, 1] the sorted ones are paired, (1st, 2nd), (3rd, 4th), ..; D_1 <= .. <= D_h are the
    sorted differences. An interval of sums with gaps of at most 2 eps that is as long as D, less 2 eps, stays one when
    D may be added. So all sums from that of the lower to that of the upper ones have gaps of at most 2 eps unless, for
    some k < h, D_{k+1} > 2 eps + D_1 + .. + D_k. Statement: that has probability at most

        sum over k < h of C(h, k) (1 - (h - k) eps)^s / (1 + h - k)^k     (a negative base counts as 0).

    Derivation. The s + 1 spacings, ends included, are twice a uniform point of the simplex. Let S be half the sum of k
    given differences: Beta(k, s + 1 - k). Given those, the others are uniform on a simplex of size 1 - S, and h - k of
    them exceed eps + S with probability ((1 - S - (h - k)(eps + S))_+/(1 - S))^(s - k). The integral over S is a Beta
    integral; C(h, k) choices of which k. Relation: upper bound.

    >>> round(ladder_failure(0.01, 16), 4)
    0.018
    """
    if pairs == 0:
        return 0.0
    k = np.arange(pairs)
    others = pairs - k
    with np.errstate(divide="ignore"):
        powers = 2 * pairs * np.log1p(-np.minimum(others * eps, 1.0)) - k * np.log1p(others)
    ways = gammaln(pairs + 1) - gammaln(k + 1) - gammaln(others + 1)
    return min(1.0, float(np.exp(np.minimum(ways + powers, 1.0)).sum()) * (1 + 1e-8))


def ladder_short(length: float, pairs: int) -> float:
    """Bound P(D_1 + .. + D_h < length) for :func:`ladder_failure`'s differences: twice a Beta(h, h + 1)."""
    if pairs == 0 or length >= 2:
        return float(length > 0)
    return min(1.0, float(betainc(pairs, pairs + 1, max(length, 0.0) / 2)) * (1 + 1e-9))


def step_failure(step: float, kept: int, of: int) -> float:
    """Bound P(some neighbours of ``of`` sorted uniforms on [-1, 1] are more than ``step`` apart).

    The sets of ``kept`` that move from the smallest to the largest by one neighbour at a time then have sums at most
    ``step`` apart. A given spacing exceeds ``step`` with probability (1 - step/2)^of; there are of - 1 between values.
    With kept = 0 or all of them there is one set and no step.
    """
    if kept in (0, of):
        return 0.0
    return min(1.0, (of - 1) * max(1 - step / 2, 0.0) ** of * (1 + 1e-9))


def closed_half_n(eps: float, delta: float, *, radius: float = 1.0) -> int:
    """Return n = 2 (k + l): with half of n variables kept, also 1:2 and (4 | n) 2:4, failure is at most delta; dense.

    Statement (eps <= 1/2): one of each of k pairs covers W, one of each of l pairs leads it past every target;

        k >= (log(o(x_0)/o(1 - b)) + log(2/delta)) / log(1/(1 - growth/2)),          o(x) = (1 - x)/x,
        l >= (log(4/delta) + r - 1 + 2 k log(2 sinh(1/2))) / log(2/(e - 3/e)),

    x_0, b, growth those of :func:`pair_game`. A larger l serves too. For r = 1 every n >= 20 log(1/eps) +
    20 log(1/delta) + 47 is large enough.
    Derivation. Cover: as in :func:`theory.asymptotics.closed_form_n`, the mean odds of a point to be uncovered shrink
    by 1 - growth/2 with each pair; Markov. Shift: M is a sum of 2k uniforms on [-1/2, 1/2], E exp(-U) = 2 sinh(1/2),
    and the larger of a pair has density (1 + x)/2, E exp(-max) = (e - 3/e)/2; Chernoff's bound at s = 1 of
    P(M + max_1 + .. + max_l < r - 1), twice. The constants: docs/sparsity.md.

    >>> closed_half_n(0.01, 0.05)
    184
    """
    eps, delta, radius = checked_eps(eps), checked_delta(delta), checked_radius(radius)
    cover = closed_cover(eps, delta / 2)
    more = log(4 / delta) + radius - 1 + cover * SPREAD
    shift = ceil(max(more, 0.0) / SHIFT * (1 + 1e-12))
    return 2 * (cover + shift + (cover + shift) % 2)


def closed_cover(eps: float, part: float) -> int:
    """Return the k of :func:`closed_half_n`: k pairs fail to cover with probability at most ``part``; eps <= 1/2."""
    if eps > 0.5:
        raise ValueError(f"eps must be at most 1/2 here, got {eps:g}")
    uncovered = 2 * (1 - START_SHARE) * eps
    start, left = 2 * START_SHARE * eps / (2 + uncovered), uncovered / (2 + uncovered)
    size = log((1 - start) / start) + log((1 - left) / left) - log(part)
    return ceil(size / -log1p(-0.25 + uncovered**2 / 16) * (1 + 1e-12))
