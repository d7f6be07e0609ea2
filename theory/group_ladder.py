"""Ladders in groups: neighbours among the sorted values of each group, for N:M where nothing is frozen.

Groups that ladder come within eps of each point of a window; the others go from their smallest to their largest sum in
steps that are no longer than it. Proofs: docs/sparsity.md, Lemma 8.
"""

from functools import lru_cache
from math import exp, lgamma, log, log1p

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

from slt.core.keep import Groups
from slt.core.rates import Rates
from theory.grouped import State, group_states, groups_short, largest_mean

Floats = NDArray[np.float64]

_EXPONENTS = np.geomspace(0.02, 40, 120)
_LENGTHS = np.arange(1, 61) * 0.1  # of the window
_UP = 1 + 1e-9
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_LOOKED_AT = 6
_MOST = 100  # groups that ladder, at most


def ones_break(eps: float, of: int, groups: int) -> float:
    """Bound P(the ladder breaks) where each group of ``of`` values gives one spacing between given neighbours.

    Statement: sum over k < g of C(g, k) (1 - eps)^(M (g - k)) ((M/2)/(a + (M - 1)/2))^k, a = M (g - k)/(2 (1 - eps)).
    Derivation. If it breaks, for some k spacings with the sum S the g - k others exceed 2 eps + S: probability
    (1 - eps - S/2)_+^M each, at most (1 - eps)^M exp(-M S/(2 (1 - eps))). A spacing has the density
    (M/2) (1 - y/2)^(M-1), at most (M/2) exp(-(M - 1) y/2). Relation: upper bound.
    """
    total = 0.0
    for k in range(groups):
        others = groups - k
        rate = of * others / (2 * (1 - eps)) + (of - 1) / 2
        ways = lgamma(groups + 1) - lgamma(k + 1) - lgamma(others + 1)
        total += exp(min(ways + of * others * log1p(-eps) + k * log(of / 2 / rate), 1.0))
    return min(1.0, total * _UP)


def fours_break(eps: float, groups: int) -> float:
    """Bound P(the ladder breaks) where each group of four gives the spacings of its lower two and of its upper two.

    Statement: the sum over n0 + n1 + n2 = g, n0 + n1 > 0, of
    g!/(n0! n1! n2!) 2^n1 (1 - 2 eps)_+^(4 n0) (1 - eps)^(3 n1) (2/(A + 3/(2 (1 - eps))))^n1 (3/(A + 1)^2)^n2,
    A = 4 n0/(1 - 2 eps) + 3 n1/(2 (1 - eps)).
    Derivation as for :func:`ones_break`. Of the spacings s, s' of a group both, one or none exceed 2 eps + S:
    P(s > t, s' > t') = (1 - (t + t')/2)_+^4 gives (1 - 2 eps - S)_+^4, 2 (1 - eps - (S + y)/2)_+^3 dy and at most
    3 exp(-y - y') dy dy'; each base is at most its value at S = y = 0 times an exponential. Relation: upper bound.
    """
    total = 0.0
    for some in range(groups + 1):
        for one in range(some + 1):
            none, both = groups - some, some - one
            if none + one == 0 or (none and eps >= 0.5):
                continue
            rate = 1.5 * one / (1 - eps) + (4 * none / (1 - 2 * eps) if none else 0.0)
            size = lgamma(groups + 1) - lgamma(none + 1) - lgamma(one + 1) - lgamma(both + 1) + one * log(2)
            size += 4 * none * log1p(-2 * eps) if none else 0.0
            size += one * (3 * log1p(-eps) + log(2 / (rate + 1.5 / (1 - eps)))) + both * log(3 / (rate + 1) ** 2)
            total += exp(min(size, 1.0))
    return min(1.0, total * _UP)


def ladder_groups_failure(groups: int, eps: float, keep: Groups, radius: float) -> float:
    """Bound P(fail) for groups without frozen variables: 1:2, 2:4 and 1:M with even M; else 1.

    Statement. 1:2: P(fail) <= break + 2 P(B_1 + .. + B_g < r - eps), as all groups ladder. 2:4 and 1:M, for each number
    h < g of groups that ladder and each length l, with w = l + 2 eps:

        P(fail) <= break + P(D_1 + .. + D_h < l) + steps + 2 P(A_1 + .. + A_h + B_1 + .. + B_{g-h} < r - w/2),

    D the sum of a group's spacings in the ladder (2:4: the two outer ones; 1:M: the middle one), steps the bound
    (g - h)(M - 1)(1 - w/2)_+^M of P(a step of another group is longer than w), A the middle of the sums that a group
    has in the ladder (2:4: half of the sum of all), B the largest sum of another group. Probabilities of sums by
    Chernoff's bound; the last for 2:4, at a few h and l, by its law. Relation: upper bound.
    """
    if (keep.kept, keep.of) == (1, 2):
        short = groups_short(radius * (1 + 1e-15) - eps, groups, np.array([0]), _only(keep))[0]
        return min(1.0, (ones_break(eps, 2, groups) + 2 * float(short)) * _UP)
    if groups < 2 or not ((keep.kept, keep.of) == (2, 4) or (keep.kept == 1 and keep.of % 2 == 0)):
        return 1.0
    spacings, middle, top = _logs(keep)
    most = min(groups - 1, _MOST)
    ladder = np.arange(1, most + 1)
    broken = np.array([_broken(eps, keep, int(h)) for h in ladder])
    windows = _LENGTHS + 2 * eps
    s = _EXPONENTS
    few = _chernoff((s * _LENGTHS[:, None])[None] + (ladder[:, None] * spacings)[:, None, :])
    steps = (groups - ladder)[:, None] * (keep.of - 1) * np.maximum(1 - windows / 2, 0.0) ** keep.of
    lead = ladder[:, None] * middle + (groups - ladder)[:, None] * top
    short = _chernoff(s * (radius - windows / 2)[:, None] + lead[:, None, :])
    rest = broken[:, None] + few + steps
    best = float((rest + 2 * short).min())
    if keep.of == 4 and keep.kept == 2:
        # the law is some 8 times below Chernoff's bound: that says where to look for the best
        for place in np.argsort((rest + short / 4).ravel())[:_LOOKED_AT]:
            at, length = np.unravel_index(place, rest.shape)
            c = radius * (1 + 1e-15) - float(windows[length]) / 2
            exact = float(groups_short(c, groups, ladder[at : at + 1], _only(keep))[0])
            best = min(best, float(rest[at, length]) + 2 * exact)
    return min(1.0, best * _UP)


@lru_cache(maxsize=4096)
def _broken(eps: float, keep: Groups, ladder: int) -> float:
    return fours_break(eps, ladder) if keep.kept == 2 else ones_break(eps, keep.of, ladder)


@lru_cache(maxsize=16)
def _only(keep: Groups) -> tuple[State, ...]:
    return tuple(group_states(keep, Rates())[0])


def _chernoff(exponents: Floats) -> Floats:
    return np.exp(np.minimum(exponents.min(axis=-1), 0.0)) * _UP


@lru_cache(maxsize=16)
def _logs(keep: Groups) -> tuple[Floats, Floats, Floats]:
    """Return log E exp(-sD), log E exp(-sA) and log E exp(-sB) of a group for s in _EXPONENTS, rounded up."""
    s, of = _EXPONENTS, keep.of
    x, weights = (_NODES + 1) / 2, _WEIGHTS / 2  # D/2 is a Beta(1, M) or, for two of four spacings, a Beta(2, 3)
    density = 12 * x * (1 - x) ** 2 if keep.kept == 2 else of * (1 - x) ** (of - 1)
    spacings = np.exp(-2 * np.outer(s, x)) @ (weights * density)
    if keep.kept == 2:
        middle = (np.sinh(s / 2) / (s / 2)) ** 4
    else:  # u above -1 and v below 1 lie the two in the middle: u + v = r has density of r^(M-1), u/r is a Beta(k, k)
        k = of // 2
        share = np.exp((k - 1) * np.log(x * (1 - x)) - betaln(k, k)) * weights
        given = np.cosh(s[:, None, None] * x[:, None] * (2 * x - 1)) @ share
        middle = given @ (weights * of * x ** (of - 1))
    top = largest_mean(s, keep.kept, of)
    return np.log(spacings) + 1e-11, np.log(middle) + 1e-11, np.log(top) + 1e-11
