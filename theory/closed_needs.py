"""What is necessary and what is proven to suffice, in closed forms that hold at any distance.

docs/theory.md (section 2) derives them.
"""

from math import e, exp, expm1, inf, log, log1p, sqrt

from slt.core.rates import Rates
from theory.asymptotics import constant
from theory.judgement import PRODUCTS, UNIFORM

_GIVEN = 1 - 1e-9  # of a probability, for its rounding


def necessary_floor(x: float, y: float, rates: Rates, reading: str) -> float:
    """Return a number that n must at least be: at eps = exp(-x), delta = exp(-y) and radius 1.

    Statement: the largest of (a) x / log 2, uniformly, and (x + log(1 - delta)) / log 2 pointwise: so many numbers
    have enough subset sums; (b) y / -log(1 - f/2) uniformly: with probability (1 - f/2)^n no free value is negative,
    and as often none is positive; with T >= 0 the first misses z = -1, with T <= 0 the second z = 1, so that one of
    them is missed with probability (1 - f/2)^n. Pointwise half of that where q > 0, and y / log 2: with probability
    2^-n no value is negative at all; (c) (1 - delta - eps) x / ((1 - eps) f log 2), counting free numbers; (d) for
    delta <= 1/10 and q > 960 f the largest n with 20 f n + 1 <= sqrt(n q / 12), if n q > 10 there: below it the locked
    sum is too far away. Between the two roots n_1 < n_2 of that quadratic in sqrt(n), success needs |T - z| < m + 1, m
    the free numbers: P(m > 20 f n) <= 1/20, and P(|T| <= sqrt(n q / 12)), half a standard deviation, is far below 17/20
    for n q >= 10. And n <= n_1 or n q < 10 has f n <= 1/20: nothing is free with probability 19/20, and then 1 or -1 is
    missed by half of that.
    Relation: lower bound on the smallest sufficient n, in either reading.
    """
    return floor_of(x, y, rates.lock, rates.free, reading)


def floor_of(x: float, y: float, lock: float, free: float, reading: str) -> float:
    """Return the same for a free share that rounding of the rates would lose."""
    eps, delta = exp(-x), exp(-y)
    share = 1.0 if reading == "uniform" else -expm1(-y)
    single = log(2) if reading == "pointwise" and lock > 0 else 0.0
    floors = [(x + log(share)) / log(2) if share > 0 else 0.0, y / log(2), (y - single) / -log1p(-free / 2)]
    if 1 - delta - eps > 0:
        floors.append((1 - delta - eps) * x / (-expm1(-x) * free * log(2)))
    return max(0.0, *floors, far_locked(lock, free) if delta <= 0.1 else 0.0)


def far_locked(lock: float, free: float) -> float:
    """Return the n of (d), 0 where it says nothing."""
    slope = sqrt(lock / 12)
    inside = slope * slope - 80 * free
    if inside <= 0:
        return 0.0
    high = ((slope + sqrt(inside)) / (40 * free)) ** 2
    return high if high * lock > 10 else 0.0


def proven_need(rates: Rates, reading: str, model: str = UNIFORM) -> tuple[float, float]:
    """Return (K, K'): all n >= K M suffice where M = log(1/min(delta, eps)) >= log 2, else all n >= K' M.

    K = :func:`theory.asymptotics.constant`. For M < log 2 the n that suffices at eps = delta = 1/2 does: uniformly
    there is no better, and K' is infinite, because one number never suffices. Pointwise K' = K log 2 / s, where s is at
    most the probability that any 1 <= n < K log 2 numbers reach a target at eps = 1/2: if n >= K' M, then 1 - delta <=
    1 - min <= M <= n / K' <= s. s = (f/12) min(1, 2 / sqrt(n q)): one number is free, the others' locked sum T has
    |z - T| <= 1, and the number lies within 1/2 of z - T. The law of T is symmetric and unimodal, so z = 1 is the
    worst, and P(0 <= T <= 2) >= min(1, 2/a) P(0 <= T <= a) >= min(1, 2/a) / 3 at a = sqrt(n q), by Chebyshev.

    Products: only those labelled uniform on [-1/e, 1/e] are used. In units of 1/e the targets reach to e and the
    precision is e eps, which eps serves: K is that of the rate 1 - 1/e and the radius e. One product is within 1/2 of
    |z| <= 1, or 0 is, with probability at least P(X Y >= 1/2) = (1 - log 2)/4, and more of them only help.
    """
    if model == PRODUCTS:
        K = constant(prune=1 - exp(-1) * _GIVEN, radius=e / _GIVEN, eps_0=0.5)
        return K, inf if reading == "uniform" else max(K, K * log(2) / ((1 - log(2)) / 4 * _GIVEN))
    K = constant(prune=rates.prune, lock=rates.lock, eps_0=0.5)
    if reading == "uniform":
        return K, inf
    reached = rates.free / 12 * min(1.0, 2 / sqrt(max(K * log(2) * rates.lock, 4)))
    return K, max(K, K * log(2) / reached)


def universal_need() -> float:
    """Return A with K(p, 0) <= A / f for all p: what suffices without locking, with one constant for all rates.

    In :func:`theory.asymptotics.constant` at q = 0 every term but the last is a constant over f, and the last is at
    most itself over f.
    """
    return constant(eps_0=0.5)
