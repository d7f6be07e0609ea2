"""How many variables are necessary where a choice keeps a given number of them: a size, a sparsity, or N of every M.

Proven lower bounds of the failure probability. Given the states, with m free variables of which j are kept and k kept
in all (locked ones included; none complies: failure),

* counting: C(m, j) sums cover at most a length of 2 eps C(m, j), and fail for sure (uniform) if that is below 2 radius;
* first moment: a target z is missed with probability at least 1 - C(m, j) P(|U_1 + .. + U_k - z| <= eps), U uniform on
  [-1, 1]: every sum is one of k uniforms. At z = radius, and on average over z in [-radius, radius];
* reach: :mod:`theory.kept_reach`.

Groups have the product of C(free, kept of them) over the groups in place of C(m, j).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from slt.core.checks import one_of, whole
from slt.core.keep import Groups, Keep, Share, Size
from slt.core.rates import READINGS, Rates
from theory.arguments import checked_delta, checked_eps, checked_n, checked_radius, checked_rates
from theory.first_moment import near, near_on_average
from theory.kept_reach import both_ends, either_end, reach_of_groups, reach_of_size
from theory.kept_states import group_compliance, states_at

Array = NDArray[np.float64]
MOST = 2000  # the last n that a search looks at
LARGEST = 20_000


def failure_at_least_kept(
    n: int,
    eps: float,
    keep: Keep,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
) -> float:
    """Return the best lower bound of the failure probability where choices of n variables keep what ``keep`` says.

    Uniform: the probability that some |z| <= radius is further than eps from the sum of every choice. Pointwise: the
    largest over z of the probability that z is. A draw in which no choice complies fails.
    Relation: proven lower bound, for this n alone: success need not rise with n. The bound itself need not fall with
    eps, although the failure probability does. Bounds below 1e-11 (1 + n) by reach
    are given as 0. Raises ValueError for arguments outside :mod:`theory.arguments`, n above 20000, and n that is no
    multiple of the group.

    >>> [round(failure_at_least_kept(n, 0.01, Share(0.5)), 3) for n in (8, 10, 14)]
    [1.0, 0.214, 0.08]
    """
    rates, uniform = checked_rates(prune, lock), one_of("reading", reading, READINGS) == "uniform"
    eps, radius, n = checked_eps(eps), checked_radius(radius), checked_n(n)
    checked_keep(keep, n)
    if n == 0:
        return _empty(keep, eps, radius)
    return float(max(_few(n, eps, keep, rates, radius, uniform), _reach(n, eps, keep, rates, radius, uniform)))


def necessary_kept_n(
    eps: float,
    delta: float,
    keep: Keep,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
    largest: int = MOST,
) -> int | None:
    """Return the smallest n that no bound excludes: every smaller n fails with probability above delta.

    Of groups only multiples of the group count as n. Each n is excluded by itself, since success need not rise with
    n. None: every n up to ``largest`` is excluded. So it is for strict groups when a part is frozen and delta is
    small, and then no n at all is left: the probability that all comply falls with n.
    Raises ValueError for arguments outside :mod:`theory.arguments`.

    >>> necessary_kept_n(0.01, 0.05, Share(0.5)), necessary_kept_n(0.01, 0.05, Groups(2, 4), lock=0.3)
    (15, None)
    """
    rates, uniform = checked_rates(prune, lock), one_of("reading", reading, READINGS) == "uniform"
    eps, radius, delta, largest = (
        checked_eps(eps),
        checked_radius(radius),
        checked_delta(delta),
        whole("largest", largest),
    )
    checked_keep(keep, 0)
    step = keep.of if isinstance(keep, Groups) else 1
    for n in range(0, largest + 1, step):
        if isinstance(keep, Groups) and group_compliance(keep, rates) ** (n // step) * (1 + 1e-12 * n) < 1 - delta:
            return None  # and so it is for all larger n
        if not _excluded(n, eps, keep, rates, radius, uniform, delta):
            return n
    return None


def _excluded(n: int, eps: float, keep: Keep, rates: Rates, radius: float, uniform: bool, delta: float) -> bool:
    """Say whether some bound is above delta; the cheap ones are asked first."""
    if n == 0:
        return _empty(keep, eps, radius) > delta
    if _few(n, eps, keep, rates, radius, uniform) > delta:
        return True
    return any(_reach(n, eps, keep, rates, radius, uniform, coarse) > delta for coarse in (True, False))


def _empty(keep: Keep, eps: float, radius: float) -> float:
    """Return the failure probability without variables: the empty sum is the only one, if that is a choice."""
    return float(eps < radius or (isinstance(keep, Size) and keep.count > 0))


def checked_keep(keep: Keep, n: int) -> None:
    """Raise ValueError unless ``keep`` says how many of n variables, at most 20000, are kept."""
    if not isinstance(keep, Size | Share | Groups):
        raise ValueError(f"keep must be a Size, a Share or Groups, got {type(keep).__name__}")
    if n > LARGEST:
        raise ValueError(f"n must be at most {LARGEST} where a choice keeps a given number, got {n}")
    if isinstance(keep, Groups):
        keep.groups(n)


def _few(n: int, eps: float, keep: Keep, rates: Rates, radius: float, uniform: bool) -> float:
    """Return the bound by counting and first moment: the mean over the states of the best bound given the state."""
    unable, states = states_at(n, keep, rates, radius / eps)
    if not len(states.weight):
        return unable
    terms = 1 << int(states.kept.max()).bit_length()
    at_end, on_average = _tables(eps, radius, terms)
    choices = np.minimum(states.choices * (1 + 1e-9), 1e300)
    fails = [np.maximum(1 - choices * table[states.kept], 0.0) for table in (at_end, on_average)]
    if uniform:
        fails = [np.maximum(np.maximum(*fails), (choices * eps * (1 + 1e-9) < radius).astype(float))]
    return min(unable + max(float(states.weight @ fail) for fail in fails) * (1 - 1e-9), 1.0)


@lru_cache(maxsize=64)
def _tables(eps: float, radius: float, terms: int) -> tuple[Array, Array]:
    return near(radius, eps, terms), near_on_average(radius, eps, terms)


def _reach(n: int, eps: float, keep: Keep, rates: Rates, radius: float, uniform: bool, coarse: bool = False) -> float:
    """Return the bound by reach: no choice complies, or the largest sum is too small, or (uniform) the smallest."""
    if isinstance(keep, Groups):
        return reach_of_groups(n // keep.of, eps, keep, rates, radius, two_sided=uniform, coarse=coarse)
    one = reach_of_size(n, eps, keep, rates, radius, coarse)
    unable, states = states_at(n, keep, rates, 1.0)
    if uniform and one > 0:
        both = both_ends(radius - eps, states.chosen, states.free, states.weight * (1 + 1e-8))
        one = either_end(one, both, rates)
    return min(unable + one, 1.0)
