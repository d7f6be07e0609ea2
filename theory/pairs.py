"""How one of each pair covers a window: Lueker's game with differences of uniforms, and a ladder of sorted neighbours.

Exactly one of X, X' is kept: X or X + D with D = X' - X, triangular on [-2, 2]. Both covers leave the number of kept
variables alone. Proofs: docs/sparsity.md.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, comb

from theory.arguments import checked_eps
from theory.game import START_SHARE, GrowthGame

Floats = NDArray[np.float64]


@lru_cache(maxsize=64)
def pair_game(eps: float) -> GrowthGame:
    """The game whose ``G_k`` bounds P(k pairs, one kept of each, fail to eps-cover base + W), W = [-w/2, w/2].

    w = :func:`pair_window`. In each pair the value that is smaller in size is the base B (b = 0), the other is B + D;
    base is the sum of the B. |D| does not depend on the label and (B, D) -> (-B, -D) is a symmetry, so the D are iid
    with density (2 - |d|)/4.
    Derivation. V = [-1, 1], C_0 = [-e0, e0], C_{t+1} = C_t u ((C_t + D) n V). Differences within V are at most 2 in
    size, so a step's mean growth is

        int over z in V - C, y in C of (2 - |z - y|)/4 = |C| |V - C|/2 - (1/4) int |z - y|  >=  |C| |V - C|/4

    because int over C x C of |z - y| >= |C|^3/3 (pushing the pieces together makes distances smaller), so that over
    C x (V - C) it is at most (8/6)(1 - x^3 - (1 - x)^3) = 4 x (1 - x) with x = |C|/2. Hence E x' >= x + x (1 - x)/2.
    The end is that of :func:`theory.game.cover_game`: with at most u = 2 (eps - e0) of V uncovered and a margin u/2 at
    each end of W, every point of W is within e0 + u/2 = eps of a sum.
    """
    eps = checked_eps(eps)
    return GrowthGame(START_SHARE * eps, (1 - START_SHARE) * eps * (1 - 2.0**-50), 0.5)


def pair_failures(eps: float, least: float = 1e-9, pairs: int = 100_000) -> Floats:
    """Bound P(k pairs fail to eps-cover base + W) for k = 0, 1, .. until a bound is <= ``least`` or k = ``pairs``.

    Non-increasing, so that the last entry holds for every larger k.

    >>> int((pair_failures(0.1) > 0.05).sum())
    25
    """
    return pair_game(checked_eps(eps)).failures(least, pairs)


def pair_window(eps: float) -> float:
    """Length of the window W that :func:`pair_game` covers, rounded down: 2 - u, u = 2 (eps - e0)."""
    return 2 - 2 * (1 - START_SHARE) * eps - 2.0**-50


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
    terms = comb(pairs, k) * np.clip(1 - others * eps, 0.0, None) ** (2 * pairs) / (1.0 + others) ** k
    return min(1.0, float(terms.sum()) * (1 + 1e-9))


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
