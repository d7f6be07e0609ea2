"""Which n are too few? Lower bounds for numbers of other laws than uniform on [-1, 1], and for choices {-1, 0, 1}.

Own code, shared with :mod:`subsetsum.laws` in nothing but the names of the laws (:mod:`slt.core.laws`).

*Counting* knows no law: 2^m (signed 3^m) sums are too few. *Reach*: the largest sum is A = Y_1 + .. + Y_n, Y = X if
locked, max(X, 0) (signed |X|) if free, else 0; the least is -B, B the same of -X; A + B is the sum of |X| (signed twice
that) over the free ones. Nothing covers r when A < r - eps, nothing -r when B < r - eps, so P(fail) >= P(A < c) +
P(B < c) - min(P(A < c), P(B < c), P(A + B < 2c)), c = r - eps. The laws of sums come from :mod:`theory.lattice`. For
which numbers no n suffices: :mod:`theory.law_never`.
"""

from fractions import Fraction
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincc

from slt.core.checks import one_of
from slt.core.first import first
from slt.core.laws import Law
from slt.core.rates import READINGS
from theory.arguments import checked_delta, checked_eps, checked_n
from theory.lattice import sums_below
from theory.law_model import SCAN_LIMIT, Model, model, scaled
from theory.law_never import drift_limit, never_covered
from theory.laws import Side, binomial_weights, weight_error
from theory.models import Cdf, extent, law_below, moment, size_below, symmetric
from theory.necessary import necessary_n

Floats = NDArray[np.float64]

_BLOCK = 16  # numbers of variables that are looked at together
_COARSER = 4  # powers of two: the pitch of the first look


def law_failure_at_least(
    n: int,
    eps: float,
    *,
    law: Law | str,
    signed: bool = False,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
) -> float:
    """Bound the failure probability with n variables from below: the best of counting and reach, 1 where never covered.

    Pointwise: the largest failure probability over |z| <= radius. Relation: lower bound; see the module's docstring.

    >>> law_failure_at_least(40, 0.3, law="constant")
    1.0
    """
    asked, eps = model(law, prune, lock, radius, signed), checked_eps(eps)
    uniform = one_of("reading", reading, READINGS) == "uniform"
    n = checked_n(n)
    if eps >= asked.radius and (n == 0 or asked.rates.lock == 0):
        return 0.0
    if never_covered(asked.law, eps, asked.radius, signed=asked.signed):
        return 1.0
    return float(max(_counting(asked, np.array([n]), eps, uniform)[0], _reach(asked, [n], eps, uniform)[0]))


def law_necessary_n(
    eps: float,
    delta: float,
    *,
    law: Law | str,
    signed: bool = False,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
) -> int | None:
    """Return the smallest n that no bound excludes; None where no n ever suffices or none up to 4096 is left.

    :func:`theory.law_requirement.law_notes` says which of the two it is.

    A uniform law with choices from {0, 1} is the present one scaled (:func:`theory.necessary.necessary_n`). Relation:
    lower bound; every smaller n fails with probability above delta.

    >>> law_necessary_n(0.01, 0.05, law="normal 0.5"), law_necessary_n(0.1, 0.05, law="constant 1")
    (15, None)
    """
    asked, eps, delta = model(law, prune, lock, radius, signed), checked_eps(eps), checked_delta(delta)
    reading = one_of("reading", reading, READINGS)
    if eps >= asked.radius:
        return 0
    if never_covered(asked.law, eps, asked.radius, signed=asked.signed):
        return None
    ends = scaled(asked.present, eps, asked.radius, outward=False) if asked.present else None
    if ends:
        return necessary_n(ends[0], delta, prune=prune, lock=lock, radius=ends[1], reading=reading)
    return _necessary(asked, eps, delta, reading == "uniform")


@lru_cache(maxsize=256)
def _necessary(asked: Model, eps: float, delta: float, uniform: bool) -> int | None:
    start = first(lambda n: bool(_counting(asked, np.array([n]), eps, uniform)[0] <= delta), 0)
    hopeless = drift_limit(asked, eps, delta)
    end = SCAN_LIMIT + 1 if hopeless is None else min(hopeless, SCAN_LIMIT + 1)
    while start < end:
        stop = max(32, 2 * start)
        batch = np.arange(start, min(stop, end))
        # a coarse pitch excludes most n at a small part of the cost
        left = batch[_reach(asked, batch, eps, uniform, stop - 1, _COARSER) <= delta]
        for place in range(0, len(left), _BLOCK):
            block = left[place : place + _BLOCK]
            open_ones = block[_reach(asked, block, eps, uniform, stop - 1) <= delta]
            if len(open_ones):
                return int(open_ones[0])
        start = stop
    return None


def _counting(asked: Model, n: NDArray[np.int64], eps: float, uniform: bool) -> Floats:
    """The bounds of :mod:`theory.counting` with 3^m sums where choices are signed."""
    base, free, least = 3 if asked.signed else 2, asked.rates.free, 0
    while base**least * Fraction(eps) < Fraction(asked.radius):
        least += 1
    if least == 0:
        return np.zeros(len(n))
    if uniform:
        return np.where(n < least, 1.0, betaincc(least, np.maximum(n - least + 1, 1), free) * (1 - 1e-9))
    m = np.arange(least)
    uncovered = np.maximum(1 - float(base) ** m * eps / asked.radius, 0.0)
    return np.clip(binomial_weights(n[:, None], free, m) @ uncovered * (1 - weight_error(int(n.max()))), 0.0, 1.0)


def _reach(
    asked: Model, n: NDArray[np.int64] | list[int], eps: float, uniform: bool, most: int | None = None, coarser: int = 0
) -> Floats:
    """Bound the probability that an end is out of reach from below, for each n in a range of them.

    most, coarser: as :func:`theory.lattice.sums_below` takes them.
    """
    counts, short = np.asarray(n), Fraction(asked.radius) - Fraction(eps)
    sides = (False,) if symmetric(asked.law) else (False, True)
    ends = [
        sums_below(*_reached(asked, "lower", mirrored), short, counts, "lower", most, coarser) for mirrored in sides
    ]
    if not uniform:
        return np.maximum(ends[0], ends[-1])
    both = sums_below(*_spread(asked), short if asked.signed else 2 * short, counts, "upper", most, coarser)
    return np.maximum(np.maximum(ends[0], ends[-1]), ends[0] + ends[-1] - both)


def _reached(asked: Model, side: Side, mirrored: bool) -> tuple[Cdf, float, float]:
    """The law of Y, and the size and the spread of its values."""
    locked = law_below(asked.law, side, mirrored)
    size = size_below(asked.law, side)
    rates = asked.rates

    def cdf(x: Floats, strict: bool) -> Floats:
        zero = np.where(x > 0, 1.0, 0.0) if strict else np.where(x >= 0, 1.0, 0.0)
        free = size(x, strict) if asked.signed else zero * locked(x, strict)
        still = max(1 - rates.lock - rates.free, 0.0)
        return (rates.lock * locked(x, strict) if rates.lock else 0.0) + rates.free * free + still * zero

    return cdf, extent(asked.law), sqrt(moment(asked.law, 2))


def _spread(asked: Model) -> tuple[Cdf, float, float]:
    """The law of |X| of a free variable, 0 of another."""
    size = size_below(asked.law, "upper")

    def cdf(x: Floats, strict: bool) -> Floats:
        zero = np.where(x > 0, 1.0, 0.0) if strict else np.where(x >= 0, 1.0, 0.0)
        return asked.rates.free * size(x, strict) + (1 - asked.rates.free) * zero

    return cdf, extent(asked.law), sqrt(moment(asked.law, 2))
