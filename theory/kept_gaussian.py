"""The size that reach asks for at a place, in closed form: an approximation that shows where a sparsity is best.

At place x of a sparsity k = p + x f the share 1 - x of the free values is kept, and theta = 2 x - 1 separates the
largest from the others. With k' = n (1 - k) kept in all, the largest sum is at most k' theta + sum Y,

    Y = X - theta if locked, max(X - theta, 0) if free, 0 if pruned:

n f x (1 - x) on average, with variance n s^2,

    s^2 = q (1/3 + theta^2) + (4/3) f (1 - x)^3 - (f (1 - x)^2 - q theta)^2.

On average it is d = k (1 - k)/f less: the number of variables that are locked, or free and above theta, is k' only on
average, with variance n k (1 - k), and there are n f/2 free values in a unit of length to make up for it.
"""

from math import sqrt

from scipy.special import ndtri

from slt.core.checks import closed_unit, one_of
from slt.core.rates import READINGS
from theory.arguments import checked_delta, checked_eps, checked_radius, checked_rates


def gaussian_place_n(
    place: float,
    eps: float,
    delta: float,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
) -> float:
    """Return the n at which a normal largest sum falls short of radius - eps with probability delta/2 (pointwise:
    delta).

    n f x (1 - x) - d - z s sqrt(n) = radius - eps, z the normal quantile. Relation: an approximation, no bound; near
    what is needed where reach decides, and below it where the number of choices does. 0 when eps >= radius, infinite at
    places 0 and 1.

    >>> [round(gaussian_place_n(x, 0.01, 0.05)) for x in (0.1, 0.2, 0.5)]
    [173, 54, 15]
    """
    x, rates = closed_unit("place", place), checked_rates(prune, lock)
    short = checked_radius(radius) - checked_eps(eps)
    tail = checked_delta(delta) / (2 if one_of("reading", reading, READINGS) == "uniform" else 1)
    if short <= 0:
        return 0.0
    mean = rates.free * x * (1 - x)
    if not mean:
        return float("inf")
    k = rates.prune + x * rates.free
    short += k * (1 - k) / rates.free
    below = float(ndtri(tail)) * -sqrt(reach_variance(x, prune=rates.prune, lock=rates.lock))
    return (max(below + sqrt(below**2 + 4 * mean * short), 0.0) / (2 * mean)) ** 2


def reach_variance(place: float, *, prune: float = 0.0, lock: float = 0.0) -> float:
    """Return s^2, the variance of the largest sum for each variable, at a place x in [0, 1].

    >>> reach_variance(0.5)  # (1 - x)^3 (1/3 + x) with nothing frozen
    0.10416666666666666
    """
    x, rates = closed_unit("place", place), checked_rates(prune, lock)
    q, f, theta = rates.lock, rates.free, 2 * x - 1
    return q * (1 / 3 + theta**2) + 4 / 3 * f * (1 - x) ** 3 - (f * (1 - x) ** 2 - q * theta) ** 2


def offset_variance(place: float, *, prune: float = 0.0, lock: float = 0.0) -> float:
    """Return the variance of the centre of all sums, T + (j/m) A, for each variable: (q + f (1 - x)^2)/3.

    At a given sparsity k it is (1 - k - f x (1 - x))/3: the same at x and 1 - x, and least at the centre. At given
    rates it falls with x.

    >>> [round(offset_variance(x, prune=0.5 - 0.6 * x, lock=0.6 * x - 0.1), 12) for x in (0.25, 0.75)]  # k = .5
    [0.129166666667, 0.129166666667]
    """
    x, rates = closed_unit("place", place), checked_rates(prune, lock)
    return (rates.lock + rates.free * (1 - x) ** 2) / 3
