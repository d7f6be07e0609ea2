"""How many variables are necessary: the smallest n that no rigorous lower bound of the failure probability excludes.

Three bounds, each in its own module: counting (too few subset sums), reach (sums too short), first moment (too few
subset sums near the target). Two readings of "n variables suffice at precision eps with probability 1 - delta":

* uniform: P(every |z| <= radius has a subset sum within eps) >= 1 - delta;
* pointwise: for every fixed |z| <= radius, P(a subset sum within eps of z) >= 1 - delta.

A uniform failure is at least as likely as a failure at any one z, so pointwise bounds serve both. All bounds hold for
independent states (a variable is pruned, locked or free by coin flips).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import count

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincc

from slt.core.checks import one_of
from slt.core.first import first
from slt.core.rates import READINGS, Rates
from theory.arguments import checked_delta, checked_eps, checked_n, checked_radius, checked_rates
from theory.counting import counting_pointwise, counting_uniform, fewest_free
from theory.first_moment import (
    expected_solutions,
    first_moment,
    free_that_matter,
    mean_over_states,
    near,
    near_on_average,
)
from theory.laws import TAIL, Floats, below_table, most, thinned
from theory.reach import chernoff_reach, reach_coarse, reach_of_blocks, reach_pointwise, reach_uniform

Whole = NDArray[np.int64]
TOGETHER_LIMIT = 256  # the joint bound costs n^2; beyond, one of the single bounds decides anyway
FINE_LIMIT = 2**15  # with locking, n above it are excluded by normal laws with their errors only
_RATIO = 1.0005  # of the ends of a block of n that are excluded together, with locking beyond FINE_LIMIT
_BLOCKS = 1000  # looked at together


@dataclass(frozen=True, slots=True)
class _Problem:
    eps: float
    rates: Rates
    radius: float
    uniform: bool


def necessary_n(
    eps: float,
    delta: float,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
) -> int:
    """Return the smallest n that no bound excludes: fewer variables fail with probability above delta.

    Every smaller n is excluded. Without locking one excluded n excludes all below it (more variables only help);
    with locking success is not monotone in n, so each n is excluded by itself, beyond n = 32768 in blocks. Relation:
    lower bound of the smallest sufficient n. 0 when eps >= radius (the empty sum covers). Raises ValueError for
    arguments outside :mod:`theory.arguments`.

    >>> necessary_n(0.01, 0.05, prune=0.4, lock=0.3)
    124
    """
    return _necessary(_checked(eps, prune, lock, radius, reading), checked_delta(delta))


def necessary_by(
    eps: float,
    delta: float,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
) -> str:
    """Name the bound that decides at necessary_n - 1: "counting" or "first moment" (resolution), "reach", or "none".

    >>> necessary_by(0.01, 0.05, prune=0.4, lock=0.3), necessary_by(1e-6, 0.05)
    ('reach', 'first moment')
    """
    problem = _checked(eps, prune, lock, radius, reading)
    n = _necessary(problem, checked_delta(delta))
    if n == 0:
        return "none"
    single = _single_bounds(problem, n - 1)
    return max(single, key=lambda name: single[name])


def failure_at_least(
    n: int,
    eps: float,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
) -> float:
    """Return the best lower bound of the failure probability with n variables.

    Pointwise: of the largest failure probability over |z| <= radius. Raises ValueError as :func:`necessary_n`.
    """
    problem, n = _checked(eps, prune, lock, radius, reading), checked_n(n)
    if problem.eps >= problem.radius and (n == 0 or problem.rates.lock == 0):
        return 0.0  # the empty sum is within eps of every target
    return max(*_single_bounds(problem, n).values(), _together(problem, n))


def _checked(eps: float, prune: float, lock: float, radius: float, reading: str) -> _Problem:
    uniform = one_of("reading", reading, READINGS) == "uniform"
    return _Problem(checked_eps(eps), checked_rates(prune, lock), checked_radius(radius), uniform)


@lru_cache(maxsize=1024)
def _necessary(problem: _Problem, delta: float) -> int:
    if problem.eps >= problem.radius:
        return 0
    # what counting alone excludes: its bound falls with n
    start = first(lambda n: bool(_counting(problem, np.array([n]))[0] <= delta), 0)
    candidates = _open_without_locking if problem.rates.lock == 0 else _open_with_locking
    return next(n for n in candidates(problem, delta, start) if n > TOGETHER_LIMIT or _together(problem, n) <= delta)


def _open_without_locking(problem: _Problem, delta: float, start: int) -> Iterator[int]:
    """Yield n, n + 1, .. from an n that no single bound excludes while n - 1 (hence all below it) is excluded."""
    step = max(start // 8, 1)  # counting is seldom further than that from the best of the bounds
    yield from count(first(lambda n: max(_single_bounds(problem, n).values()) <= delta, start, step=step))


def _open_with_locking(problem: _Problem, delta: float, start: int) -> Iterator[int]:
    """Yield the n >= start that no single bound excludes, in order; every n is tested, the cheap bounds first."""
    while start < FINE_LIMIT:
        batch = np.arange(start, min(max(64, 2 * start), FINE_LIMIT))
        batch = batch[reach_coarse(batch, problem.eps, problem.rates, problem.radius, problem.uniform) <= delta]
        if len(batch):
            batch = batch[_reach(problem, batch) <= delta]
        for n in batch:
            if _first_moment(problem, int(n), delta) <= delta:
                yield int(n)
        start = min(max(64, 2 * start), FINE_LIMIT)
    while True:
        start = _open_in_blocks(problem, delta, start)
        yield start
        start += 1


def _open_in_blocks(problem: _Problem, delta: float, start: int) -> int:
    """Return the first n >= start that blocks do not exclude: their ends are close, and equal in the end."""
    ratio = _RATIO
    while True:
        # ends of consecutive blocks; every n from start on lies in one of them
        ends = np.floor(start * ratio ** np.arange(1, _BLOCKS + 1)).astype(np.int64)
        ends = np.maximum(ends, start + np.arange(_BLOCKS))
        low = np.append(start, ends[:-1] + 1)
        open_ones = np.flatnonzero(_of_blocks(problem, low, ends) <= delta)
        if not len(open_ones):
            start = int(ends[-1]) + 1
            continue
        start, end = int(low[open_ones[0]]), int(ends[open_ones[0]])
        if start == end:
            return start
        ratio = 1 + (end - start) / start / (_BLOCKS / 2)


def _of_blocks(problem: _Problem, low: Whole, high: Whole) -> Floats:
    return reach_of_blocks(low, high, problem.eps, problem.rates, problem.radius, problem.uniform)


def _counting(problem: _Problem, n: Whole) -> Floats:
    bound = counting_uniform if problem.uniform else counting_pointwise
    return bound(n, problem.eps, problem.rates.free, problem.radius)


def _reach(problem: _Problem, n: Whole) -> Floats:
    if _too_large(problem, int(n.max())):
        return reach_coarse(n, problem.eps, problem.rates, problem.radius, problem.uniform)
    bound = reach_uniform if problem.uniform else reach_pointwise
    value = np.zeros(len(n))
    # the laws leave out what is below e^-240; where the whole bound is, no table is made
    worth = chernoff_reach(problem.radius - problem.eps, n, problem.rates.lock, problem.rates.free) > np.exp(-TAIL)
    if worth.any():
        value[worth] = bound(n[worth], problem.eps, problem.rates, problem.radius)
    return value


def _single_bounds(problem: _Problem, n: int) -> dict[str, float]:
    counting, reach = float(_counting(problem, np.array([n]))[0]), float(_reach(problem, np.array([n]))[0])
    return {"counting": counting, "reach": reach, "first moment": _first_moment(problem, n, max(counting, reach))}


def _first_moment(problem: _Problem, n: int, beat: float) -> float:
    """First-moment bound at z = radius or on average over z, whichever is larger; 0 if it cannot exceed ``beat``."""
    if _too_large(problem, n):
        return 0.0
    free_most = free_that_matter(problem.eps, problem.radius)
    # P(Bin(n, f) <= free_most): draws with more free variables count as covered
    if n > free_most and betaincc(free_most + 1, n - free_most, problem.rates.free) <= beat:
        return 0.0
    return max(first_moment(n, table, problem.rates, free_most) for table in _near(problem, n, free_most))


def _too_large(problem: _Problem, n: int) -> bool:
    """Say whether tables over the number of locked variables would grow too long."""
    return problem.rates.lock > 0 and n >= FINE_LIMIT


def _near(problem: _Problem, n: int, free_most: int) -> tuple[Floats, Floats]:
    """D_j at z = radius and on average, for all counts j that matter with n variables (n rounded up, for the cache)."""
    return _near_tables(problem.eps, problem.radius, free_most + most(2 ** n.bit_length(), problem.rates.lock))


@lru_cache(maxsize=64)
def _near_tables(eps: float, radius: float, terms: int) -> tuple[Floats, Floats]:
    return near(radius, eps, terms), near_on_average(radius, eps, terms)


def _together(problem: _Problem, n: int) -> float:
    """Take the best bound for each number of free and locked variables, then the mean; 0 beyond TOGETHER_LIMIT.

    The bounds hold conditionally: m free and a locked variables fail with probability at least the largest of

    * 1 if 2^m eps < radius (uniform reading);
    * P(A < c | m, a) + P(A < c' | m, a), c = radius - eps, c' = -radius - eps, and (uniform)
      2 P(A < c | m, a) - P(|X_1| + .. + |X_m| < 2c);
    * 1 - E[#solutions near z = radius | m, a], and (uniform) the same on average over z.
    """
    if n > TOGETHER_LIMIT:
        return 0.0
    free_most, lock_most = most(n, problem.rates.free), most(n, problem.rates.lock)
    tables = _near(problem, n, free_most)
    fails = 1 - expected_solutions(tables[0], free_most, lock_most)
    short = Fraction(problem.radius) - Fraction(problem.eps)

    def below(c: Fraction) -> Floats:
        table = _reach_table(c, _rounded(lock_most), _rounded(free_most))[: lock_most + 1]
        return thinned(table, np.arange(free_most + 1), 0.5, "lower", axis=1).T

    one_side = below(short)
    fails = np.maximum(fails, one_side + below(-Fraction(problem.radius) - Fraction(problem.eps)))
    if problem.uniform:
        fails = np.maximum(fails, 1 - expected_solutions(tables[1], free_most, lock_most))
        spread = below_table(2 * short, 0, free_most, side="upper")[0]
        fails = np.maximum(fails, 2 * one_side - spread[:, None])
        fails[: fewest_free(problem.eps, problem.radius)] = 1
    return mean_over_states(n, problem.rates, np.maximum(fails, 0.0))


@lru_cache(maxsize=16)
def _reach_table(short: Fraction, a_max: int, b_max: int) -> Floats:
    return below_table(short, a_max, b_max, side="lower")


def _rounded(n: int) -> int:
    """Round up to a multiple of 32, so that neighbouring n share a cached table."""
    return -(-n // 32) * 32
