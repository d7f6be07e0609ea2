"""Necessary by reach: the largest (smallest) reachable sum must come within eps of r (of -r).

With Y = X if locked, max(X, 0) if free, 0 if pruned, the largest reachable sum is A = Y_1 + .. + Y_n; the smallest
is -B with B of the same law, and A + B = sum of |X| over the free variables. Nothing covers r when A < r - eps.
"""

from fractions import Fraction
from math import exp, factorial, log, log1p, sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from slt.core.checks import one_of, open_unit, positive
from slt.core.rates import READINGS, Rates, searchable
from theory.laws import Floats, reach_below, spread_below

BERRY_ESSEEN = 0.4748  # Shevtsova 2011, identically distributed terms
_LARGEST_S = 700.0  # sinh(s) is finite up to there
_AROUND = np.append(np.geomspace(1e-6, 1e4, 2000), 1.0)
# Taylor coefficients, highest first, for s <= 1: s^2/3! + s^4/5! + .. and -s/2! + s^2/3! - ..
_GROWTH = [1 / factorial(2 * k + 1) for k in range(9, 0, -1)]
_LOSS = [(-1) ** k / factorial(k + 1) for k in range(18, 0, -1)]


def reach_pointwise(counts: ArrayLike, eps: float, rates: Rates, radius: float = 1.0) -> Floats:
    """Bound P(no subset sum within eps of radius) from below, for each n in ``counts``, by P(A < radius - eps)."""
    counts = np.atleast_1d(np.asarray(counts))
    short = Fraction(radius) - Fraction(eps)
    return reach_below(short, counts, rates.lock, rates.free, "lower")


def reach_uniform(counts: ArrayLike, eps: float, rates: Rates, radius: float = 1.0) -> Floats:
    """Bound P(err(radius) > eps) from below, for each n in ``counts``: either end may be out of reach.

    Statement: with c = radius - eps, P(A < c or B < c) = 2 P(A < c) - P(A < c, B < c), and both events together
    imply A + B < 2c; so P(fail) >= 2 P(A < c) - min(P(A < c), P(sum over the free ones of |X| < 2c)).
    """
    counts = np.atleast_1d(np.asarray(counts))
    one_side = reach_pointwise(counts, eps, rates, radius)
    short = Fraction(radius) - Fraction(eps)
    return np.maximum(one_side, 2 * one_side - spread_below(2 * short, counts, rates.free, "upper"))


def reach_coarse(counts: ArrayLike, eps: float, rates: Rates, radius: float = 1.0, two_sided: bool = True) -> Floats:
    """Bound the same failure probability from below at the cost of one normal distribution function per n.

    Berry and Esseen: |P(A < c) - Phi((c - n m)/(s sqrt n))| <= 0.4748 rho / (s^3 sqrt n), rho = E|Y - m|^3; and
    P(sum |X| < 2c) <= exp(2ct) (1 - f + f (1 - e^-t)/t)^n for every t > 0 (three values are tried). Loose for small n
    or far tails; it excludes most of the many small n when little is free.
    """
    n = np.atleast_1d(np.asarray(counts, dtype=np.float64))
    short = radius - eps
    mean, deviation, third = _moments_of_reach(rates)
    root = np.sqrt(np.maximum(n, 1))
    error = BERRY_ESSEEN * third / (deviation**3 * root) + 1e-12
    one_side = np.where(n > 0, np.maximum(ndtr((short - n * mean) / (deviation * root)) - error, 0.0), float(short > 0))
    if not two_sided:
        return one_side
    spread = np.exp(
        np.min([2 * short * t + n * np.log1p(rates.free * _loss(t)) for t in (0.5, 2, 8)], axis=0).clip(max=0)
    )
    return np.maximum(one_side, 2 * one_side - (1 + 1e-9) * spread)


def reach_rate(prune: float = 0.0, lock: float = 0.0) -> float:
    """Return I = -log min over s >= 0 of E exp(-s Y): P(A < c) falls like exp(-n I), so n grows like log(1/delta)/I.

    Cramer's theorem at level 0. Without locking the minimum is at s = infinity, P(Y = 0) = 1 - f/2. For f much
    smaller than q it is about f^2 / (32 (q/3 + f/6)). Raises ValueError when nothing is free.

    >>> reach_rate() == log(2)
    True
    """
    from scipy.optimize import minimize_scalar  # takes a while to load, and most bounds do without

    rates = searchable(prune, lock)
    if rates.lock == 0:
        return -log1p(-rates.free / 2)
    end = 1.0
    # convex: once it grows from end to 2 end, the minimum lies below 2 end; and below 700 for every lock of a float
    while 2 * end <= _LARGEST_S and log_moment(2 * end, rates.lock, rates.free) < log_moment(
        end, rates.lock, rates.free
    ):
        end *= 2
    best = minimize_scalar(
        lambda u: float(log_moment(exp(u), rates.lock, rates.free)),
        bounds=(log(end) - 60, log(min(2 * end, _LARGEST_S))),
        options={"xatol": 1e-9},
    )
    return -float(best.fun)


def log_moment(s: ArrayLike, lock: float, free: float) -> Floats:
    """Return log E exp(-s Y) for 0 < s <= 700, without cancellation for small s.

    Y = X if locked (probability ``lock``), max(X, 0) if free (``free``), else 0, so that
    E exp(-sY) - 1 = lock (sinh(s)/s - 1) + (free/2) ((1 - exp(-s))/s - 1).

    >>> float(log_moment(1e-9, 0.5, 0.0)) / 1e-18  # s^2/12
    0.08333333333333333
    """
    return np.log1p(lock * _growth(s) + free / 2 * _loss(s))


def chernoff_reach(c: float, n: ArrayLike, lock: float, free: ArrayLike, more: ArrayLike = 0) -> Floats:
    """Bound P(Y_1 + .. + Y_n + Z_1 + .. + Z_more < c) from above, for each of the (broadcast) n, free, more.

    Z = X if locked, else 0: a variable of which only the locked value counts. Statement: at most
    ``exp(s c) E[exp(-s Y)]^n E[exp(-s Z)]^more``, at the best s of a grid.
    """
    free = np.asarray(free, dtype=np.float64)[..., None]
    n, more = np.asarray(n, dtype=np.float64)[..., None], np.asarray(more, dtype=np.float64)[..., None]
    s = exponents(lock, free)
    log_bound = s * c - n * shift_exponent(s, lock, free) + more * log_moment(s, lock, 0.0) * (1 + 1e-9)
    return np.exp(np.minimum(log_bound.min(axis=-1), 0.0)) * (1 + 1e-9)


def shift_exponent(s: ArrayLike, lock: float, free: ArrayLike) -> Floats:
    """Return a lower bound of -log E exp(-s Y), s > 0; not positive where s is too large to be of use.

    For s = f/(f + 2q) <= 1 at least k f s with k = 1/4 - (e - 2)/6: as Y >= -1, exp(-sY) <= 1 - sY +
    Y^2 (exp(s) - 1 - s) (Bennett), exp(s) - 1 - s <= (e - 2) s^2, E Y = f/4 and E Y^2 = q/3 + f/6 = f/(6s).
    """
    up, down = lock * _growth(s), np.asarray(free) / 2 * _loss(s)
    exponent = -np.log1p(up + down)
    return exponent - 1e-9 * np.abs(exponent) - 1e-14 * (up - down)


def exponents(lock: float, free: ArrayLike) -> Floats:
    """Return exponents s around f/(f + 2q), the minimizer's order of magnitude, along a last axis; at most 500."""
    free = np.asarray(free, dtype=np.float64)
    return np.minimum(free / np.maximum(free + 2 * lock, 1e-300) * _AROUND, 500.0)


def gaussian_reach_n(
    eps: float, delta: float, *, prune: float = 0.0, lock: float = 0.0, radius: float = 1.0, reading: str = "uniform"
) -> float:
    """Return the n at which a normal A falls short of radius - eps with probability delta/2 (pointwise: delta).

    n = (4/f^2) (z s + sqrt(z^2 s^2 + f (radius - eps)))^2, from n f/4 - z s sqrt(n) = radius - eps, with
    s^2 = Var Y = q/3 + f/6 - f^2/16 and z the normal quantile. An approximation (no bound); 0 when eps >= radius.

    >>> round(gaussian_reach_n(0.01, 0.05, prune=0.4, lock=0.3))
    124
    """
    reading, rates = one_of("reading", reading, READINGS), searchable(prune, lock)
    short = max(positive("radius", radius) - open_unit("eps", eps), 0.0)
    z = -float(ndtri(open_unit("delta", delta) / (2 if reading == "uniform" else 1)))
    _, s, _ = _moments_of_reach(rates)
    root = z * s + sqrt((z * s) ** 2 + rates.free * short)
    return 4 / rates.free**2 * max(root, 0.0) ** 2 if short else 0.0


def near_reach(c: float, n: int, lock: float, free: Floats) -> Floats:
    """Approximate P(Y_1 + .. + Y_n < c) by a normal law with the moments of Y, for each of ``free``."""
    spread = n * (lock / 3 + free / 6 - free**2 / 16)
    return ndtr((c - n * free / 4) / np.sqrt(spread + 1e-3))


def _growth(s: ArrayLike) -> Floats:
    """Return sinh(s)/s - 1 = E exp(-s U) - 1 for U uniform on [-1, 1], s > 0."""
    s = np.asarray(s, dtype=np.float64)
    small, large = np.minimum(s, 1.0), np.maximum(s, 1.0)
    return np.where(s < 1, small**2 * np.polyval(_GROWTH, small**2), np.sinh(large) / large - 1)


def _loss(s: ArrayLike) -> Floats:
    """Return (1 - exp(-s))/s - 1 = E exp(-s U) - 1 for U uniform on [0, 1], s > 0."""
    s = np.asarray(s, dtype=np.float64)
    small, large = np.minimum(s, 1.0), np.maximum(s, 1.0)
    return np.where(s < 1, small * np.polyval(_LOSS, small), -np.expm1(-large) / large - 1)


def _moments_of_reach(rates: Rates) -> tuple[float, float, float]:
    """Mean m, standard deviation and E|Y - m|^3 of Y."""
    q, f = rates.lock, rates.free
    m = f / 4
    third = q * ((1 + m) ** 4 + (1 - m) ** 4) / 8 + f / 2 * (m**3 + (m**4 + (1 - m) ** 4) / 4) + (1 - q - f) * m**3
    return m, sqrt(q / 3 + f / 6 - m**2), third
