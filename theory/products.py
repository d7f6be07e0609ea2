"""Subset sums of products v u of two random weights, as the second layer of the construction needs them.

Layer 1 of the source has the neurons relu(u x), layer 2 the edges v: a target weight becomes a subset sum of v u over
the neurons with u > 0 (those with u < 0 serve -x). With v uniform on [-1, 1] and u on [0, 1] the product has the
density (1/2) ln(1/|x|) on [-1, 1]: many small numbers, few large ones, so more are needed than of uniform ones.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from math import ceil, e, exp, log, log1p

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import exp1, shichi
from scipy.stats import binom

from slt.core.checks import closed_unit, open_unit, positive, whole
from slt.core.first import first
from slt.core.rates import Rates, searchable
from theory.game import GrowthGame

Floats = NDArray[np.float64]

START_SHARE = 0.7  # e0 / eps, as in theory.game
_SHARES = (0.003, 0.02, 0.1, 0.3, 0.45)  # of delta, that the search tries for the cover, and for the arrival
_EULER = 0.5772156649015329
_SAFETY = 1 + 1e-9  # covers the rounding of the special functions, whose relative errors are some 1e-15


def effective_rates(prune_first: float, prune: float, lock: float) -> Rates:
    """Return the rates of one product: with probability (1 - prune_first)/2 the neuron below is alive and u > 0.

    Otherwise the edge feeds on a neuron that is 0 on the inputs that count: it is as good as pruned, locked or not.

    >>> effective_rates(0.0, 0.2, 0.2)
    Rates(prune=0.6, lock=0.1)
    """
    alive = (1 - Rates(prune_first).prune) / 2
    rates = searchable(prune, lock)
    return Rates(1 - alive * (1 - rates.prune), alive * rates.lock)


def window(eps: float) -> float:
    """Return w, the half width of the interval W = [-w, w] that the products are led into and then cover.

    W is V = [-1/(2e), 1/(2e)] less a margin c = (1 - START_SHARE) eps at both ends, see :func:`cover_failures`.
    """
    eps = open_unit("eps", eps)
    w = 1 / (2 * e) - (1 - START_SHARE) * eps
    if w <= eps:
        raise ValueError(f"eps must be below {1 / (2 * e) / (2 - START_SHARE):.3g} for products, got {eps:g}")
    return w


@lru_cache(maxsize=64)
def cover_game(eps: float) -> GrowthGame:
    """Return the game whose G_k bounds P(k free products fail to eps-cover W).

    Derivation. C_0 = [-e0, e0] and C_{t+1} = C_t u ((C_t + X) n V), |V| = 1/e. Differences of points of V are at most
    1/e in size, where the density of X is at least (1/2) ln e = 1/2. So the measure of C grows in mean by at least
    |C| (|V| - |C|)/2, the covered fraction x = |C|/|V| by x (1 - x)/(2e), and at most doubles. (A window of length L
    has growth L ln(1/L)/2, largest at L = 1/e.) Once at most u = 2 (eps - e0) of V is not covered, a point of W, u/2
    from the ends of V, has C within u/2, hence a subset sum within e0 + u/2 = eps.
    """
    window(eps)
    uncovered = 2 * (1 - START_SHARE) * eps
    return GrowthGame(2 * START_SHARE * eps * e, uncovered * e, 1 / (2 * e) * (1 - 1e-15))


def cover_failures(eps: float, least: float = 1e-12) -> Floats:
    """Bound P(k free products fail to eps-cover W) for k = 0, 1, .. until a bound is at most ``least``."""
    return cover_game(eps).failures(least)


def cover_failure(n: int, eps: float, free: float, least: float = 1e-12) -> float:
    """Bound P(n products, each free with probability ``free``, fail to eps-cover W): mean of G_m, m ~ Bin(n, free)."""
    n, free = whole("n", n), closed_unit("free", free)
    table = cover_failures(eps, least)
    counts = np.arange(len(table))
    weights = np.append(binom.pmf(counts[:-1], n, free), binom.sf(len(table) - 2, n, free))
    return min(1.0, float(weights @ table) * _SAFETY)


def laplace_locked(s: float) -> float:
    """Return E exp(-s X) of a product X: the mean over u of sinh(s u)/(s u), Shi(s)/s.

    >>> abs(laplace_locked(1e-3) - (1 + 1e-6 / 18)) < 1e-12
    True
    """
    return float(shichi(s)[0]) / s


def laplace_shift(s: float, largest: float) -> float:
    """Return E exp(-s Y), Y = X if 0 < X <= ``largest`` and 0 otherwise.

    By parts, with Ein(z) = E_1(z) + ln z + gamma: the integral of (1/2) ln(1/x) exp(-s x) over [0, a] is
    (ln(1/a) (1 - exp(-s a)) + Ein(s a)) / (2 s), and P(0 < X <= a) = (a ln(1/a) + a)/2.
    """
    a = largest
    inside = (-log(a) * -np.expm1(-s * a) + float(exp1(s * a)) + log(s * a) + _EULER) / (2 * s)
    return 1 - (a - a * log(a)) / 2 + float(inside)


def arrive_failure(n: int, rates: Rates, distance: float, w: float) -> float:
    """Bound P(n variables do not lead a residual in (w, w + distance] into W) by Chernoff.

    Free products in (0, 2w] are taken one by one and cannot overshoot W; those above 2w are not counted.
    """
    if distance <= 0:
        return 0.0

    def exponent(log_s: float) -> float:
        s = exp(log_s)
        return s * distance + n * log1p(rates.free * (laplace_shift(s, 2 * w) - 1))

    return _least(exponent)


def approach_failure(n: int, rest: int, rates: Rates, radius: float, w: float) -> float:
    """Bound P(n variables do not lead z - T, T the sum of all locked, to within 1 - w of 0), for a fixed |z| <= radius.

    A residual above 1 - w takes the next positive free product whatever its size and stays above -w. So it fails only
    if T plus the positive products among the n is below radius - (1 - w), or the mirror image: Chernoff, twice.
    rest: further variables, whose locked ones belong to T as well.
    """
    if radius <= 1 - w and rates.lock == 0:
        return 0.0

    def exponent(log_s: float) -> float:
        s = exp(log_s)
        locked = rates.lock * (laplace_locked(s) - 1)
        moved = log1p(locked + rates.free * (laplace_shift(s, 1.0) - 1))
        return s * (radius - 1 + w) + n * moved + rest * log1p(locked)

    return min(1.0, 2 * _least(exponent))


def sufficient_n(eps: float, delta: float, rates: Rates, radius: float = 1.0) -> int:
    """Return an n such that for every fixed |z| <= radius n products fail to come within eps with probability <= delta.

    Statement: n = n_a + n_b + n_c with approach_failure(n_a) + arrive_failure(n_b) + cover_failure(n_c) <= delta.
    Derivation: the first n_a variables are for the approach of the residual to 0 up to 1 - w, the next n_b for its
    arrival in W, the last n_c for the cover; what a stage does not need is left out. Given all states and T, the free
    numbers of a later stage are independent of the earlier ones, and symmetric, and the bounds hold for every residual
    that a stage may begin with; so each stage fails with at most its own probability, whatever T says about how many
    later variables are free. What a stage takes depends on z: pointwise reading only.
    rates: of the products. 0 for eps >= radius. With locking only this n is claimed, see theory.sufficient.
    Relation: upper bound on the smallest sufficient n.

    >>> sufficient_n(0.01, 0.05, Rates())
    150
    """
    eps, delta, radius = open_unit("eps", eps), open_unit("delta", delta), positive("radius", radius)
    searchable(rates.prune, rates.lock)
    if eps >= radius:
        return 0  # the empty sum is within eps of every target
    w = window(eps)
    distance = (1 - w if rates.lock else min(radius, 1 - w)) - w
    sizes = []
    for share in _SHARES:
        least = 0.1 * share * delta
        cover = partial(cover_failure, eps=eps, free=rates.free, least=least)
        n_c = _first(cover, 10 * least, ceil(len(cover_failures(eps, least)) / rates.free))
        arrive = partial(arrive_failure, rates=rates, distance=distance, w=w)
        n_b = _first(arrive, share * delta, n_c)
        approach = partial(approach_failure, rest=n_b + n_c, rates=rates, radius=radius, w=w)
        n_a = _first(approach, delta - cover(n_c) - arrive(n_b), n_c)
        sizes.append(n_a + n_b + n_c)
    return min(sizes)


def _least(exponent: Callable[[float], float]) -> float:
    """Return exp of the least value found of an exponent of log s, at most 1; any s gives a valid bound."""
    best = minimize_scalar(exponent, bounds=(log(1e-4), log(50.0)), method="bounded", options={"xatol": 1e-4})
    return min(1.0, exp(min(float(best.fun), 0.0)) * _SAFETY)


def _first(bound: Callable[[int], float], level: float, guess: int) -> int:
    """Return the smallest n with bound(n) <= level: it is mostly below ``guess``, at 0 or a good part of it."""
    guess = max(guess, 1)
    return first(lambda n: bound(n) <= level, 0, guess=guess, step=guess)
