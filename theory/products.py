"""Subset sums of products v u of two random weights, as the second layer of the construction needs them.

Layer 1 of the source has the neurons relu(u x), layer 2 the edges v: a target weight becomes a subset sum of v u over
the neurons with u > 0 (those with u < 0 serve -x). With v uniform on [-1, 1] and u on [0, 1] the product has the
density (1/2) ln(1/|x|) on [-1, 1]: many small numbers, few large ones, so more are needed than of uniform ones.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from math import ceil, e, exp, log

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import exp1, shichi
from scipy.stats import binom

from common.checks import open_unit, positive, whole
from common.rates import Rates, searchable
from theory.game import GrowthGame

Floats = NDArray[np.float64]

START_SHARE = 0.7  # e0 / eps, as in theory.game
_SHARES = (0.02, 0.1, 0.3, 0.6)  # of delta, that the search tries for the cover
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
    w = 1 / (2 * e) - (1 - START_SHARE) * open_unit("eps", eps)
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
    table = cover_failures(eps, least)
    counts = np.arange(len(table))
    weights = np.append(binom.pmf(counts[:-1], whole("n", n), free), binom.sf(len(table) - 2, n, free))
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


def shift_failure(n_shift: int, n_rest: int, rates: Rates, radius: float, w: float) -> float:
    """Bound P(some |z| <= radius is not led into W = [-w, w]) by Chernoff.

    A residual above w that takes the next free product in (0, 2w] stays above -w. So W is reached once the sum of
    such products among ``n_shift`` variables, plus all locked ones among ``n_shift + n_rest``, is at least
    radius - w, and the mirror image: P(fail) <= 2 min_s exp(s (radius - w)) E exp(-s Y)^n_shift E exp(-s Y')^n_rest.
    rates: those of the products, see :func:`effective_rates`.
    """
    if radius <= w and rates.lock == 0:
        return 0.0

    def exponent(log_s: float) -> float:
        s = exp(log_s)
        locked = rates.lock * laplace_locked(s)
        moved = rates.prune + locked + rates.free * laplace_shift(s, 2 * w)
        left = rates.prune + rates.free + locked
        return s * (radius - w) + n_shift * log(moved) + n_rest * log(left)

    best = minimize_scalar(exponent, bounds=(log(1e-4), log(50.0)), method="bounded", options={"xatol": 1e-4})
    return min(1.0, 2 * exp(min(float(best.fun), 0.0)) * _SAFETY)


def failure_at_most(n: int, eps: float, rates: Rates, radius: float = 1.0, least: float = 1e-12) -> float:
    """Bound P(some |z| <= radius is further than eps from every subset sum of n products): best of a few splits."""
    sizes = {round(n * share) for share in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)}
    w = window(eps)
    return min(
        1.0,
        *(cover_failure(k, eps, rates.free, least) + shift_failure(n - k, k, rates, radius, w) for k in sizes),
    )


def sufficient_n(eps: float, delta: float, rates: Rates, radius: float = 1.0) -> int:
    """Return an n such that n products eps-cover all |z| <= radius with probability at least 1 - delta.

    Statement: P(fail) <= E G_m + P(shift fails), m ~ Bin(n2, f) the free ones among the last n2, the first n1 leading
    the targets into W; n = n1 + n2 with both parts together at most delta. Uniform in z, hence pointwise too.
    rates: of the products. With locking only this n is claimed, see theory.sufficient.

    >>> sufficient_n(0.01, 0.05, Rates())
    140
    """
    open_unit("delta", delta), positive("radius", radius), searchable(rates.prune, rates.lock)
    w = window(eps)
    best = 0
    for share in _SHARES:
        least = 0.1 * share * delta
        cover = partial(cover_failure, eps=eps, free=rates.free, least=least)
        n2 = _first(cover, 10 * least, ceil(len(cover_failures(eps, least)) / rates.free))
        shift = partial(shift_failure, n_rest=n2, rates=rates, radius=radius, w=w)
        n1 = _first(shift, delta - cover(n2), n2)
        best = min(best, n1 + n2) if best else n1 + n2
    return best


def _first(bound: Callable[[int], float], level: float, guess: int) -> int:
    """Return an n with bound(n) <= level, and bound(n - 1) > level or n = 0, by doubling from ``guess``, bisection."""
    if bound(0) <= level:
        return 0
    low, high = 0, max(guess, 1)
    while bound(high) > level:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if bound(middle) <= level else (middle, high)
    return high
