"""Necessary by reach: the largest (smallest) reachable sum must come within eps of r (of -r).

With Y = X if locked, max(X, 0) if free, 0 if pruned, the largest reachable sum is A = Y_1 + .. + Y_n; the smallest
is -B with B of the same law, and A + B = sum of |X| over the free variables. Nothing comes close to r when A < r - eps
or B < -r - eps.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import exp, factorial, log, log1p, pi, sqrt

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from slt.core.checks import one_of, open_unit, positive
from slt.core.rates import READINGS, Rates, searchable
from theory.laws import TAIL, Floats, reach_below, spread_below

LARGEST_LAW = 20_000  # variables up to which upper bounds use the law of the reach
BERRY_ESSEEN = 0.4748  # Shevtsova 2011, identically distributed terms
_FAR = 2**15  # variables from which on lower bounds look at far tails after a tilt
_LARGEST_S = 700.0  # sinh(s) is finite up to there
_AROUND = np.append(np.geomspace(1e-6, 1e4, 2000), 1.0)
# Taylor coefficients, highest first, for s <= 1: s^2/3! + s^4/5! + .. and -s/2! + s^2/3! - ..
_GROWTH = [1 / factorial(2 * k + 1) for k in range(9, 0, -1)]
_LOSS = [(-1) ** k / factorial(k + 1) for k in range(18, 0, -1)]
_EXPONENTIAL = (  # E exp(-tU) - 1 for U uniform on [-1, 1] and on [0, 1]
    Polynomial([0.0 if k % 2 or k == 0 else 1 / factorial(k + 1) for k in range(19)]),
    Polynomial([0.0, *reversed(_LOSS)]),
)


def reach_pointwise(counts: ArrayLike, eps: float, rates: Rates, radius: float = 1.0) -> Floats:
    """Bound P(no subset sum within eps of radius) from below, for each n in ``counts``: either end may fall short.

    Statement: P(A < r - eps) + P(B < -r - eps). Both at once would mean A + B < -2 eps, but A + B is a sum of sizes.
    B is distributed as A.
    """
    counts = np.atleast_1d(np.asarray(counts))
    upper_end = reach_below(Fraction(radius) - Fraction(eps), counts, rates.lock, rates.free, "lower")
    return upper_end + reach_below(-Fraction(radius) - Fraction(eps), counts, rates.lock, rates.free, "lower")


def reach_uniform(counts: ArrayLike, eps: float, rates: Rates, radius: float = 1.0) -> Floats:
    """Bound P(err(radius) > eps) from below, for each n in ``counts``: either end may be out of reach.

    Statement: with c = radius - eps, P(A < c or B < c) = 2 P(A < c) - P(A < c, B < c), and both events together
    imply A + B < 2c; so P(fail) >= 2 P(A < c) - P(sum over the free ones of |X| < 2c). It is at least that of the one
    target r, too.
    """
    counts = np.atleast_1d(np.asarray(counts))
    short = Fraction(radius) - Fraction(eps)
    one_side = reach_below(short, counts, rates.lock, rates.free, "lower")
    both_sides = 2 * one_side - spread_below(2 * short, counts, rates.free, "upper")
    return np.maximum(reach_pointwise(counts, eps, rates, radius), both_sides)


def reach_coarse(counts: ArrayLike, eps: float, rates: Rates, radius: float = 1.0, two_sided: bool = True) -> Floats:
    """Bound the same failure probability from below at the cost of one normal distribution function per n.

    Berry and Esseen: |P(A < c) - Phi((c - n m)/(s sqrt n))| <= 0.4748 rho / (s^3 sqrt n), rho = E|Y - m|^3, for
    c = r - eps and c = -r - eps; and P(sum |X| < 2c) <= exp(2ct) (1 - f + f (1 - e^-t)/t)^n for every t > 0 (three
    values are tried). Loose for small n or far tails; it excludes most of the many small n when little is free.
    """
    return reach_of_blocks(counts, counts, eps, rates, radius, two_sided)


def reach_of_blocks(
    low: ArrayLike, high: ArrayLike, eps: float, rates: Rates, radius: float, two_sided: bool
) -> Floats:
    """Bound, for each block, the failure probability with n variables from below for all low <= n <= high at once.

    As :func:`reach_coarse`; (c - n m)/(s sqrt n) = c/(s sqrt n) - m sqrt(n)/s is least where the second sqrt(n) is that
    of ``high``, and the first, too, for c >= 0, but that of ``low`` for c < 0. The error of Berry and Esseen and
    P(sum |X| < 2c) fall with n. A block may begin with n = 0.
    """
    n, last = (np.atleast_1d(np.asarray(x, dtype=np.float64)) for x in (low, high))
    short = radius - eps
    mean, deviation, third = _moments_of_reach(rates.lock, rates.free)
    root, last_root = np.sqrt(np.maximum(n, 1)), np.sqrt(np.maximum(last, 1))
    error = BERRY_ESSEEN * third / (deviation**3 * root) + 1e-12

    def below(c: float) -> Floats:
        normal = ndtr((c / (last_root if c >= 0 else root) - mean * last_root) / deviation) - error
        far = n >= _FAR
        if far.any():
            normal[far] = np.maximum(normal[far], tilted_below(c, n[far], last[far], rates))
        # n = 0 has the sum 0: alone in its block it is told exactly, with others it is one more case
        normal = np.where((n > 0) | (c > 0), np.maximum(normal, 0.0), 0.0)
        return np.where(last > 0, normal, float(c > 0))

    one_side = below(short)
    one_target = one_side + below(-radius - eps)
    if not two_sided:
        return one_target
    spread = np.exp(
        np.min([2 * short * t + n * np.log1p(rates.free * _loss(t)) for t in (0.5, 2, 8)], axis=0).clip(max=0)
    )
    return np.maximum(one_target, 2 * one_side - (1 + 1e-9) * spread)


def tilted_below(c: float, low: Floats, high: Floats, rates: Rates) -> Floats:
    """Bound P(A < c) from below in far tails, for all low <= n <= high at once: Berry and Esseen after a tilt.

    Statement: with M = E exp(-tY), 0 < t <= 1, w > 0, and m, s^2 the mean and the variance of Y in the law tilted by
    exp(-tY),

        P(A < c) >= P(c - w <= A < c) >= M^n exp(t(c - w)) (Phi(x) - Phi(y) - 2 * 0.4748 (1 + |m|)/(s sqrt n)),
        x = (c - nm)/(s sqrt n),    y = (c - w - nm)/(s sqrt n).

    Derivation. A >= c - w in the event, and |Y - m| <= 1 + |m| gives E|Y - m|^3 <= (1 + |m|) s^2. In a block M^n and x
    are at least, y and the error at most what their terms are at the worse end. The best of some t and w.
    Relation: lower bound, 0 where nothing is gained.
    """
    best = np.zeros_like(low)
    ends = np.sqrt(low), np.sqrt(high)
    for t, log_mean, m, s in _tilts(rates):

        def extreme(value: float, worse: Callable[..., Floats], m: float = m) -> Floats:
            """Return the least or largest of value/sqrt(n) - m sqrt(n) over a block."""
            return worse(*(value / end for end in ends)) + worse(*(-m * end for end in ends))

        size = np.minimum(low * log_mean, high * log_mean)
        error = 2 * BERRY_ESSEEN * (1 + abs(m)) / (s * ends[0]) + 1e-12
        for w in np.array([0.3, 1.0, 2.5]) / t:
            inside = ndtr(extreme(c, np.minimum) / s) - ndtr(extreme(c - w, np.maximum) / s) - error
            best = np.maximum(best, np.exp(size + t * (c - w)) * inside)
    return best * (1 - 1e-6)


def tilted_reach(c: float, n: int, rates: Rates) -> float:
    """Bound P(A < c) from above in far tails: Berry and Esseen after a tilt, as in :func:`tilted_below`.

    Statement: P(A < c) <= M^n exp(tc) (1/(t s sqrt(2 pi n)) + 2 * 0.4748 (1 + |m|)/(s sqrt n)). Derivation: P(A < c) is
    M^n exp(tc) times the tilted mean of exp(-t (c - A)) over A < c, which is the integral over u > 0 of
    t exp(-tu) P(c - u <= A < c); the density of a normal law of that variance is at most 1/(s sqrt(2 pi n)).
    Relation: upper bound; the best of some t, 1 without locking.
    """
    best = 1.0
    for t, log_mean, m, s in _tilts(rates):
        share = (1 / (t * sqrt(2 * pi)) + 2 * BERRY_ESSEEN * (1 + abs(m))) / (s * sqrt(n)) + 1e-12
        best = min(best, exp(min(n * log_mean + t * c, 0.0)) * share)
    return best * (1 + 1e-6)


@lru_cache(maxsize=64)
def _tilts(rates: Rates) -> list[tuple[float, float, float, float]]:
    """Return, for some t <= 1 about where E exp(-tY) is least: t, its logarithm, and the tilted mean and deviation."""
    gain = _EXPONENTIAL[0] * rates.lock + _EXPONENTIAL[1] * (rates.free / 2)  # E exp(-tY) - 1, a polynomial in t
    slope, bend, found = gain.deriv(), gain.deriv(2), []
    if rates.lock > 0:
        for t in np.unique(np.minimum(0.75 * rates.free / rates.lock * np.linspace(0.1, 1.3, 25), 1.0)):
            mean = 1 + float(gain(t))
            m = -float(slope(t)) / mean
            found.append((float(t), log1p(float(gain(t))), m, sqrt(float(bend(t)) / mean - m * m)))
    return found


def reach_at_most(c: float, n: int, rates: Rates) -> float:
    """Bound P(Y_1 + .. + Y_n < c) from above: the least of its law (n <= 20000), Chernoff's bound and normal laws."""
    lock, free = rates.lock, rates.free
    bound = float(chernoff_reach(c, n, lock, free))
    if n <= LARGEST_LAW:
        # the law is of no use where the whole bound is below what it leaves out
        return min(bound, float(reach_below(c, [n], lock, free, "upper")[0])) if bound > exp(-TAIL) else bound
    return min(bound, float(normal_reach(c, n, lock, free)), tilted_reach(c, n, rates))


def normal_reach(c: float, n: int, lock: float, free: ArrayLike) -> Floats:
    """Bound P(Y_1 + .. + Y_n < c) from above by Phi((c - n m)/(s sqrt n)) + 0.4748 E|Y - m|^3/(s^3 sqrt n), n > 0.

    Berry and Esseen, as in :func:`reach_coarse`; for each of ``free``.
    """
    mean, deviation, third = _moments_of_reach(lock, free)
    spread = np.maximum(deviation * sqrt(n), 1e-150)  # 0 where nothing counts, and then the error is above 1
    error = BERRY_ESSEEN * third / np.maximum(deviation, 1e-150) ** 2 / spread
    return np.where(deviation > 0, ndtr((c - n * mean) / spread) + error + 1e-12, 1.0)


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
    _, s, _ = _moments_of_reach(rates.lock, rates.free)
    root = z * s + sqrt((z * s) ** 2 + rates.free * short)
    return (2 * max(float(root), 0.0) / rates.free) ** 2 if short else 0.0


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


def _moments_of_reach(lock: float, free: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Mean m, standard deviation and E|Y - m|^3 of Y."""
    q, f = lock, np.asarray(free, dtype=np.float64)
    m = f / 4
    third = q * ((1 + m) ** 4 + (1 - m) ** 4) / 8 + f / 2 * (m**3 + (m**4 + (1 - m) ** 4) / 4) + (1 - q - f) * m**3
    return m, np.sqrt(q / 3 + f / 6 - m**2), third
