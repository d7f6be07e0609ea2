"""Random trials on a fixed-point grid, drawn from a counter: any trial can be shown again alone."""

from fractions import Fraction
from math import ceil, floor, ldexp

import numpy as np
from numpy.typing import NDArray

from slt.core.checks import flag, positive, shown, whole
from slt.core.keys import key_words
from slt.core.laws import PRESENT, Law
from slt.core.rates import Rates

FINE_BITS, FINE_N = 52, 512
COARSE_BITS, COARSE_N = 42, 2**19
RADIUS_MAX = 511


def grid_bits(n: int) -> int:
    """Return b such that the numbers of a trial with n variables are multiples of 2**-b.

    The draws are multiples of 2**-52. For n > 512 they are rounded down to multiples of 2**-42 (n up to 2**19). So
    twice the sum of all |x| and any radius up to 511 stays below 2**63 grid units: integer sums never overflow.
    Raises ValueError when n is larger.

    >>> grid_bits(512), grid_bits(513)
    (52, 42)
    """
    return FINE_BITS if checked_n(n) <= FINE_N else COARSE_BITS


def checked_n(n: int) -> int:
    """Return ``n`` as an int in 0..2**19, or raise ValueError."""
    number = whole("n", n)
    if number > COARSE_N:
        raise ValueError(f"n must be at most {COARSE_N} (sums would leave 64 bits), got {shown(number)}")
    return number


def draw(
    n: int,
    trials: int,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    seed: int = 0,
    exact_counts: bool = False,
    first: int = 0,
    law: Law | str = PRESENT,
    signed: bool = False,
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Return values (trials, n) float64 and states (trials, n) int8 of trials ``first``, ``first + 1``, ...

    States: -1 pruned, 0 free, +1 locked. These are exactly the numbers that every other function uses for the same
    seed, rates and n. With ``raw = np.random.Philox(key=[seed, 0], counter=[0, i, 0, 0]).random_raw(2 * n)`` variable
    j of trial i has the value k * 2**-52, k = (raw[2j + 1] >> 11) - 2**52, in [-1, 1) (see :func:`grid_bits` for
    n > 512). It is pruned if u = (raw[2j] >> 11) * 2**-53 is below ``prune``, locked if u is below ``prune + lock``
    and free otherwise. So the first n variables of a longer trial are the trial with n variables.

    exact_counts: exactly int(n * prune) variables are pruned and int(n * lock) locked, at random places: those
    with the smallest raw[2j] are pruned, the next ones locked. A product within 1e-9 below a whole number counts as
    that number, because 0.29 * 100 in floating point is 28.999999999999996. States then depend on n.

    law: what the numbers are, a law of :mod:`slt.core.laws` or a text such as "normal 0.5". signed: whether a choice is
    one of x, 0 and -x; the states are the same, and so are the values up to their grid. How values of other laws are
    made of words, and their grid, are told in :mod:`subsetsum.laws`.

    Raises ValueError for bad rates, n < 0, n > 2**19, trials < 0, first < 0, a seed outside 0..2**64 - 1 or no law.
    """
    from subsetsum.kernels.problem import draw_trials
    from subsetsum.laws import source

    rates, n = Rates(prune, lock), checked_n(n)
    bits = grid_bits(n)
    first, trials = checked_trials(first, trials)
    other = source(law, signed, n, rates, seed, exact_counts)
    if other:
        units, states = other.drawn(first, trials)
        return np.ldexp(units.astype(np.float64), -other.bits), states
    values = np.empty((trials, n), np.int64)
    states = np.empty((trials, n), np.int8)
    draw_trials(trial_law(n, rates, seed, exact_counts), first, values, states)
    return np.ldexp(values.astype(np.float64), -bits), states


def trial_law(n: int, rates: Rates, seed: int, exact_counts: bool):  # type: ignore[no-untyped-def]
    """Return the kernels' description of a trial with n variables (:class:`subsetsum.kernels.problem.Law`)."""
    from subsetsum.kernels.problem import Law

    exact = flag("exact_counts", exact_counts)
    pruned, locked = (count(n, rates.prune), count(n, rates.lock)) if exact else (-1, -1)
    key = np.uint64(key_words(seed)[0])
    return Law(key, rates.prune, rates.freezing, pruned, locked, FINE_BITS - grid_bits(n))


def count(n: int, rate: float) -> int:
    """Return int(n * rate), forgiving the rounding of the product.

    >>> count(100, 0.29)
    29
    """
    return floor(n * rate + 1e-9)


def gap_units(eps: float, bits: int) -> int:
    """Return floor(2 eps 2**bits): the longest gap between neighbouring sums, in grid units, that eps allows.

    Exact, because scaling by a power of two is.
    """
    return floor(ldexp(eps, bits + 1))


def point_units(z: float, bits: int, eps: float = 0.0) -> int:
    """Return the target that stands for z on the grid of pitch 2**-bits, where a sum must come within eps of it.

    The result is z, or one of the two multiples of the pitch around it: the one from which a sum on the side of 0 is at
    most :func:`gap_units` / 2 away if and only if it is within eps of z itself. So what is decided of a window
    [-radius, radius], whose ends only such sums can cover, is exact for every radius; and a sum of 0 serves whenever
    eps >= |z|. At eps = 0 z is rounded away from 0.
    """
    nearest = ceil((Fraction(abs(z)) - Fraction(eps)) * Fraction(2) ** bits)  # the least sum that is near enough
    units = nearest + gap_units(eps, bits) // 2
    return -units if z < 0 else units


def checked_trials(first: int, trials: int) -> tuple[int, int]:
    """Return first and trials as ints, or raise ValueError unless first .. first + trials - 1 are in 0..2**62."""
    first, trials = whole("first", first), whole("trials", trials)
    if first + trials > 2**62:
        raise ValueError(f"first + trials must be at most 2**62, got {shown(first)} + {shown(trials)}")
    return first, trials


def checked_radius(radius: float) -> float:
    """Return ``radius`` as a float in (0, 511], or raise ValueError."""
    number = positive("radius", radius)
    if number > RADIUS_MAX:
        raise ValueError(f"radius must be at most {RADIUS_MAX}, got {shown(number)}")
    return number
