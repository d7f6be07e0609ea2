"""How many variables provably suffice when exactly so many of them are kept: a share, a count, or N of every M.

Some free variables, one kept of each pair, cover a window (:mod:`theory.pairs`); the others, sorted, are kept from the
smallest to the largest in small steps and lead the window past every target (:mod:`theory.tops`). docs/sparsity.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor, log, log1p, sqrt

import numpy as np

from slt.core.checks import one_of
from slt.core.first import first
from slt.core.keep import Groups, Keep, Share, Size
from slt.core.rates import READINGS, Rates
from theory.arguments import SMALLEST, NoBound, checked_delta, checked_eps, checked_n, checked_radius, checked_rates
from theory.closing import Closing
from theory.group_ladder import ladder_groups_failure
from theory.grouped import LARGEST_GROUPS, failure_at_most_grouped
from theory.kept_closing import best_closing, closed_failure, closed_groups_failure
from theory.kept_states import group_compliance
from theory.pairs import PAIR_WINDOW, ladder_failure, ladder_short, pair_failures, step_failure
from theory.tops import tops_below

LARGEST_STATES = 20_000  # pairs (free, locked) looked at for one n: half a minute
LARGEST_N = 100_000
_LENGTHS = tuple(0.1 * k for k in range(1, 13))  # of the ladder
_GUESS = 60  # free variables, where searches begin
_HARDLY = 1e-3
_TOO_MUCH = 0.9  # a plan whose cover or whose steps fail as often as that is not looked at


@dataclass(frozen=True, slots=True)
class Plan:
    """A division: one kept of each of ``pairs`` pairs covers a window. length: of the ladder; None for the game."""

    pairs: int
    length: float | None


def failure_at_most_kept(
    n: int, eps: float, keep: Keep, *, prune: float = 0.0, lock: float = 0.0, radius: float = 1.0
) -> float:
    """Bound the probability that some |z| <= radius is further than eps from every choice that ``keep`` allows.

    Statement, given m free and a locked variables of which exactly j free ones are kept: for every number k of pairs,
    0 <= k <= min(j, m - j), with i = j - k and b = m - 2k, T the sum of a uniforms on [-1, 1], M of 2k on [-1/2, 1/2],
    top that of the i largest of b on [-1, 1],

        P(fail) <= C + S + 2 P(T + M + top < r - w/2),

    C a bound of P(the pairs do not eps-cover a window of length w about M), S of P(a step from one set of the i to the
    next is longer than w): w = 2, C = G_k for the game, or w = g + 2 eps, C = P(the ladder breaks) + P(it is
    shorter than g). An average over m and a is the bound; states with j < 0 or j > m, or outside a window, fail.
    Covers of many choices (:func:`theory.kept_closing.closed_failure`) are tried in each state, too.
    Derivation: docs/sparsity.md. Size: j = count; Share: j = kept(n) - a. Groups: the least of :mod:`theory.grouped`
    and, where nothing is frozen, of :mod:`theory.kept_closing` and :mod:`theory.group_ladder`.
    Relation: upper bound, uniform in z. The best of some k and g for the state of the mean serves every state (k no
    larger than it allows).
    Raises ValueError for arguments outside :mod:`theory.arguments`, and where too many states matter.

    >>> round(failure_at_most_kept(60, 0.01, Share(0.5)), 3)
    0.034
    """
    rates, radius, n, eps = checked_rates(prune, lock), checked_radius(radius), checked_n(n), checked_eps(eps)
    if isinstance(keep, Groups):
        failure = failure_at_most_grouped(n, eps, keep, rates, radius)
        if rates.freezing or failure == 0:
            return failure
        setting = n // keep.of, eps, keep, radius
        return min(failure, ladder_groups_failure(*setting), closed_groups_failure(*setting))
    if n > LARGEST_N:
        raise NoBound(f"n must be at most {LARGEST_N} where a share or a count is kept, got {n}")
    tail = 1e-4
    while True:
        bound = _average(n, eps, keep, rates, radius, tail)
        finer = max(1e-3 * bound, SMALLEST)
        if rates.freezing == 0 or finer > tail / 5:
            return bound
        tail = finer


def sufficient_kept_n(
    eps: float,
    delta: float,
    keep: Share | Groups,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
) -> int:
    """Return an n with :func:`failure_at_most_kept` (n) <= delta: n variables suffice with probability 1 - delta.

    For Groups a multiple of the group. Only the returned n is claimed, not larger ones, though the bound falls with n
    but for rounding of the share; no smaller n was found by growing steps and bisection.
    reading: "uniform" or "pointwise", the same n, as the bound is uniform in z.
    Raises ValueError as :func:`failure_at_most_kept`, and where no n is found: N:M that is not lenient with p or q > 0
    has success probabilities that tend to 0.

    >>> sufficient_kept_n(0.01, 0.05, Share(0.5))
    56
    """
    one_of("reading", reading, READINGS)
    eps, delta, radius = checked_eps(eps), checked_delta(delta), checked_radius(radius)
    if isinstance(keep, Size):
        raise ValueError("keep must be a share or groups: a count does not grow with n")
    rates = checked_rates(prune, lock)
    of = keep.of if isinstance(keep, Groups) else 1

    def enough(number: int) -> bool:
        failure = failure_at_most_kept(number * of, eps, keep, prune=rates.prune, lock=rates.lock, radius=radius)
        return failure <= delta

    most = LARGEST_GROUPS if isinstance(keep, Groups) else LARGEST_N
    if isinstance(keep, Groups) and (complies := group_compliance(keep, rates)) < 1:
        # more groups than that comply too rarely, and below that number the bound does not fall all along
        most = min(most, int(log1p(-delta) / log(complies)) if complies > 0 else 0)
        tried = sorted({round(most ** (k / 40)) for k in range(41)}) if most else []
        most = next((number for number in tried if enough(number)), 0)
        if not most:
            raise NoBound(f"no n is found for keep {keep}: groups of frozen variables comply too rarely")
    found = first(enough, 1, most, min(most, max(1, round(_GUESS / rates.free / of))))
    if found == most and not enough(found):
        raise NoBound(f"no n up to {most * of} is found for keep {keep}")
    return of * found


def _average(n: int, eps: float, keep: Share | Size, rates: Rates, radius: float, tail: float) -> float:
    """Bound the failure probability; about 4 ``tail`` may be given away."""
    states, outside = _states(n, rates, tail)
    count = keep.count if isinstance(keep, Size) else keep.kept(n)

    def kept(locked: int) -> int:
        return count if isinstance(keep, Size) else count - locked

    free, locked, _ = max(states, key=lambda state: state[2])
    plan = _best_plan(eps, radius, free, locked, kept(locked))
    _, cover = best_closing(eps, radius, free, locked, kept(locked))
    total = outside
    for free, locked, weight in states:
        bound = _at_state(eps, radius, free, locked, kept(locked), plan)
        total += weight * _closed(eps, radius, free, locked, kept(locked), cover, bound)
    return min(1.0, total * (1 + 1e-9))


def _closed(
    eps: float, radius: float, free: int, locked: int, kept: int, cover: Closing | None, otherwise: float
) -> float:
    """Bound the failure at a state by ``cover``; ``otherwise`` where that is smaller, or the cover has no room."""
    if cover is None or otherwise < cover.failure:
        return otherwise
    return min(otherwise, closed_failure(eps, radius, free, locked, kept, cover))


def _states(n: int, rates: Rates, tail: float) -> tuple[list[tuple[int, int, float]], float]:
    """(free, locked, probability) of the states that matter, and a bound of the probability of all others."""
    from scipy.stats import binom

    if rates.freezing == 0:
        return [(n, 0, 1.0)], 0.0
    low, high = _window(n, rates.free, tail)
    outside = float(binom.cdf(low - 1, n, rates.free) + binom.sf(high, n, rates.free))
    share = min(1.0, rates.lock / rates.freezing)
    ranges = [(0, 0) if share == 0 else _window(n - m, share, tail) for m in range(low, high + 1)]
    if sum(last - start + 1 for start, last in ranges) > LARGEST_STATES:
        raise NoBound(f"n must be smaller: {n} variables have more than {LARGEST_STATES} states that matter")
    found = []
    for m, (start, last) in zip(range(low, high + 1), ranges, strict=True):
        weight = float(binom.pmf(m, n, rates.free)) * (1 + 1e-9)
        locked = np.arange(start, last + 1)
        inside = binom.pmf(locked, n - m, share)
        found += [(m, int(a), float(weight * w)) for a, w in zip(locked, inside, strict=True)]
        outside += weight * float(binom.cdf(start - 1, n - m, share) + binom.sf(last, n - m, share))
    return found, outside


def _window(n: int, probability: float, tail: float) -> tuple[int, int]:
    """Range outside of which Bin(n, probability) has at most 2 ``tail`` (Bernstein)."""
    deep = -log(tail)
    reach = deep / 3 + sqrt(deep**2 / 9 + 2 * n * probability * (1 - probability) * deep)
    return max(0, floor(n * probability - reach)), min(n, ceil(n * probability + reach))


def _best_plan(eps: float, radius: float, free: int, locked: int, kept: int) -> Plan:
    """The plan with the smallest bound at a state, of those that are worth a try: any other is as valid."""
    best, found = 2.0, Plan(0, 0.0)
    if not 0 <= kept <= free:
        return found
    covered: set[float | None] = set()  # kinds of cover that hardly ever fail: more pairs only shorten the shift
    for pairs in range(min(kept, free - kept) + 1):
        for plan in _plans(pairs):
            if plan.length in covered:
                continue
            cover = _cover(eps, plan.pairs, plan.length)[0] + _steps(eps, free, kept, plan)
            if cover >= min(best, _TOO_MUCH):
                continue
            bound = _at_state(eps, radius, free, locked, kept, plan)
            if bound < best:
                best, found = bound, plan
            if pairs and cover < _HARDLY * best:
                covered.add(plan.length)
    return found


def _plans(pairs: int) -> Iterator[Plan]:
    if pairs == 0:
        yield Plan(0, 0.0)
        return
    yield Plan(pairs, None)
    for length in _LENGTHS:
        yield Plan(pairs, length)


@lru_cache(maxsize=100_000)
def _cover(eps: float, pairs: int, length: float | None) -> tuple[float, float]:
    """(failure probability, length w of the window) of a plan's cover."""
    if length is None:
        table = pair_failures(eps, SMALLEST, -(-pairs // 64) * 64)  # 64 more at a time
        return float(table[min(pairs, len(table) - 1)]), PAIR_WINDOW
    return min(1.0, ladder_failure(eps, pairs) + ladder_short(length, pairs)), length + 2 * eps


def _steps(eps: float, free: int, kept: int, plan: Plan) -> float:
    _, window = _cover(eps, plan.pairs, plan.length)
    return step_failure(window, kept - plan.pairs, free - 2 * plan.pairs)


def _at_state(eps: float, radius: float, free: int, locked: int, kept: int, plan: Plan) -> float:
    """Bound of :func:`failure_at_most_kept` given the state; a plan with too many pairs gives some of them up."""
    if not 0 <= kept <= free:
        return 1.0
    pairs = min(plan.pairs, kept, free - kept)
    plan = Plan(pairs, plan.length if pairs else 0.0)
    failure, window = _cover(eps, pairs, plan.length)
    failure += _steps(eps, free, kept, plan)
    if failure >= 1:
        return 1.0
    # w/2 is rounded down, r up
    distance = radius * (1 + 1e-15) - window / 2 * (1 - 1e-15)
    short = tops_below(
        distance, kept - pairs, free - 2 * pairs, locked=locked, halves=2 * pairs, least=max(failure, 1e-12)
    )
    return min(1.0, failure + 2 * short)
