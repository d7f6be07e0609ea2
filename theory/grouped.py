"""What provably suffices where of every M neighbours exactly N are kept (N:M), frozen variables among them.

The first groups cover a window with their pairs (:func:`theory.pairs.pair_game`), the others lead it past every target:
each goes from its smallest sum to its largest, one neighbour at a time. docs/sparsity.md.
"""

from dataclasses import dataclass
from math import exp, expm1, log, log1p, pi

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

from slt.core.keep import Groups
from slt.core.rates import Rates
from theory.arguments import SMALLEST, NoBound, checked_n, checked_rates
from theory.kept_states import group_compliance, group_refusal, parts_of
from theory.pairs import PAIR_WINDOW, pair_failures
from theory.tops import DEEP, ROUNDING

Floats = NDArray[np.float64]

LARGEST_GROUPS = 5000
_DIVISIONS = 80  # numbers of covering groups that are tried
_TOO_MUCH = 0.9  # a cover that fails as often as that is of no use
_NOISE, _PARTS = 0.004, 8  # a sum of 8 uniforms, at most .004 in size: it ends the Fourier series
_ENDED = 1e-17
_HIGHEST = 40.0  # largest frequency that is looked at; the quadrature is good for it
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(480)
_EXPONENTS = np.geomspace(0.01, 20, 80)  # of Chernoff's bound; the quadrature is good for them, too


@dataclass(frozen=True, slots=True)
class State:
    """One group: its probability, numbers of free and locked variables, and how many free ones are kept."""

    probability: float
    free: int
    locked: int
    kept: int

    @property
    def pairs(self) -> int:
        """Disjoint pairs of which one is kept each."""
        return min(self.kept, self.free - self.kept)

    @property
    def always(self) -> int:
        """Variables that are kept when the group covers: the locked ones and free ones that are in no pair."""
        return self.locked + max(2 * self.kept - self.free, 0)


def group_states(keep: Groups, rates: Rates) -> tuple[list[State], float]:
    """Return the states of a group that complies, their probabilities given that, and the probability to comply."""
    complies = group_compliance(keep, rates)
    parts = parts_of(keep, rates)
    return [State(probability / complies, free, locked, kept) for probability, locked, free, kept in parts], complies


def compliance(n: int, keep: Groups, *, prune: float = 0.0, lock: float = 0.0) -> float:
    """Return the probability that all groups of n variables can keep exactly N; for lenient groups it is 1.

    Identity: rho^(n/M), rho the probability that a group has at most N locked and at most M - N pruned variables. For
    0 < N < M and p + q > 0 we have rho <= 1 - p^M - q^M < 1: strict N:M succeeds with a probability that tends to 0 as
    n grows, whatever eps.

    >>> round(compliance(24, Groups(2, 4), prune=0.1, lock=0.1), 3)
    0.956
    """
    groups = keep.groups(checked_n(n))
    return group_compliance(keep, checked_rates(prune, lock)) ** groups


def failure_at_most_grouped(n: int, eps: float, keep: Groups, rates: Rates, radius: float) -> float:
    """Bound P(some |z| <= radius is further than eps from every choice) for n variables, N of every M kept.

    Statement, g = g1 + g2 groups, given that all comply:

        P(fail) <= E G_K + 2 P(A_1 + .. + A_g1 + B_1 + .. + B_g2 < r - 1).

    K: number of pairs in the first g1 groups, a group with m free variables of which j are kept having min(j, m - j);
    A: what such a group keeps for certain, its locked and always kept variables, uniform on [-1, 1], and two uniforms
    on [-1/2, 1/2] for each pair; B: the largest sum of another group. The best of some g1. No step is longer than the
    window of length 2. Without leniency groups that do not comply are added: 1 - rho^g.
    Derivation: docs/sparsity.md. Relation: upper bound, uniform in z.
    Raises ValueError unless n is a multiple of M, and for more than 5000 groups.
    """
    groups = keep.groups(n)
    if groups > LARGEST_GROUPS:
        raise NoBound(f"n must be at most {LARGEST_GROUPS * keep.of} for keep {keep}, got {n}")
    states, _ = group_states(keep, rates)
    refused = _refused(groups, keep, rates)
    if not groups or not states or refused == 1:
        return 1.0
    cover = _cover_means(groups, eps, tuple(states))
    useful = np.flatnonzero(cover < _TOO_MUCH)
    if not len(useful):
        return 1.0
    first = np.unique(useful[np.linspace(0, len(useful) - 1, _DIVISIONS).astype(int)])
    short = groups_short(radius * (1 + 1e-15) - PAIR_WINDOW / 2, groups, first, tuple(states))
    failure = min(float((cover[first] + 2 * short).min()), 1.0)
    return min(1.0, (refused + (1 - refused) * failure) * (1 + 1e-12))


def _refused(groups: int, keep: Groups, rates: Rates) -> float:
    """Bound 1 - rho^g from above."""
    no = group_refusal(keep, rates)
    return min(1.0, -expm1(groups * log1p(-no)) * (1 + 1e-9)) if no < 1 else 1.0


def _cover_means(groups: int, eps: float, states: tuple[State, ...]) -> Floats:
    """E G_K for K the number of pairs in g1 = 0, 1, .., ``groups`` groups; rounded up."""
    most = max(s.pairs for s in states)
    one = np.zeros(most + 1)
    for s in states:
        one[s.pairs] += s.probability
    table = pair_failures(eps, SMALLEST, min(groups * most, 100_000))
    means, law = np.ones(groups + 1), np.ones(1)
    for g in range(1, groups + 1):
        law = np.convolve(law, one)
        if len(law) > len(table):  # more pairs than the table has count as its last entry
            law = np.append(law[: len(table) - 1], law[len(table) - 1 :].sum())
        means[g] = law @ table[: len(law)]
    return np.minimum(means * (1 + 1e-9), 1.0)


def groups_short(c: float, groups: int, first: NDArray[np.int64], states: tuple[State, ...]) -> Floats:
    """Bound P(A_1 + .. + A_g1 + B_1 + .. < c) for each g1 in ``first``: Chernoff's bound or the law, the smaller.

    The law as in :func:`theory.tops.sum_below`, for S that need not be symmetric: E sin(o (c - S)) = Im(exp(i o c)
    conj phi(o)). A sum N of 8 uniforms, |N| <= v, makes the series end: P(S < c) <= P(S + N < c + v), and from
    o_0 = 8/v on |phi_N| <= (o_0/o)^8. Up to there the size of phi is at most a product that falls: min(1, 2/o) for each
    half of the first groups, min(1, 1/o) for each whole, min(1, m/o) for the largest of m in the others, whose density
    rises to m/2. Hoeffding bounds what lies outside the period: a group's sum is at most M in size.
    """
    s = _EXPONENTS
    logs = np.log([_mean(states, s, part) for part in ("cover", "shift")]) + 1e-11
    size = np.exp(np.minimum((s * c + np.outer(first, logs[0]) + np.outer(groups - first, logs[1])).min(axis=1), 0))
    chernoff = size * (1 + 1e-9)

    most = max(x.locked + x.kept for x in states)
    center = groups * most * 0.5  # a bound of the mean of S, as the largest j of m uniforms have mean <= j/2 .. j
    center = max(center, groups * max(_mean_top(x) for x in states))
    period = abs(c) + _NOISE + center + most * (2 * groups * DEEP) ** 0.5 + _NOISE
    # frequencies up to where the slowest of the series has ended
    highest = 4.0
    while highest < _HIGHEST and _both_fall(states, highest, groups, first).max() > _ENDED:
        highest += 4
    odd = 2 * np.arange(max(1, int(highest * period / (2 * pi)))) + 1
    omega = odd * (pi / period)
    cover, shift = (_mean(states, -1j * omega, part) for part in ("cover", "shift"))
    noise = np.sinc(omega * _NOISE / _PARTS / pi) ** _PARTS
    wave = np.exp(1j * omega * (c + _NOISE)) * noise / odd
    law = np.array([float((wave * np.conj(cover**g * shift ** (groups - g))).imag.sum()) for g in first])
    at = omega[-1]
    beyond = 2 / pi * _both_fall(states, at, groups, first) * (log(_PARTS / _NOISE / at) + 1 + 1 / _PARTS)
    bound = 0.5 + 2 / pi * law + beyond + 2 * exp(-DEEP) + ROUNDING * len(omega)
    return np.clip(np.minimum(chernoff, bound), 0.0, 1.0)


def _falls(states: tuple[State, ...], at: float) -> float:
    """Bound |E exp(i o A)| for every frequency o >= at."""
    sizes = [s.probability * min(1.0, 2 / at) ** (2 * s.pairs) * min(1.0, 1 / at) ** s.always for s in states]
    return min(1.0, sum(sizes) * (1 + 1e-9))


def _both_fall(states: tuple[State, ...], at: float, groups: int, first: NDArray[np.int64]) -> Floats:
    """Bound |E exp(i o S)| for every frequency o >= at, S the sum of ``first`` A and of as many B as are left."""
    largest = [s.probability * min(1.0, 1 / at) ** s.locked * _top_falls(s, at) for s in states]
    return _falls(states, at) ** first * min(1.0, sum(largest) * (1 + 1e-9)) ** (groups - first)


def _top_falls(state: State, at: float) -> float:
    if state.kept == state.free:
        return min(1.0, 1 / at) ** state.kept
    return min(1.0, state.free / at) if state.kept == 1 else 1.0


def _mean_top(state: State) -> float:
    """Mean of the sum of a group's largest: the order statistics of m uniforms on [-1, 1] are evenly spaced."""
    return state.kept * (state.free - state.kept) / (state.free + 1)


def _mean(states: tuple[State, ...], s: NDArray, part: str) -> NDArray:
    """E exp(-s A) or E exp(-s B) of a group; s real or imaginary."""
    whole, half = _uniform(s), _uniform(s / 2)
    total = np.zeros(len(s), dtype=s.dtype)
    for x in states:
        if part == "cover":
            total += x.probability * whole**x.always * half ** (2 * x.pairs)
        else:
            total += x.probability * whole**x.locked * largest_mean(s, x.kept, x.free)
    return total


def _uniform(s: NDArray) -> NDArray:
    """E exp(-s U), U uniform on [-1, 1]: sinh(s)/s."""
    small = np.abs(s) < 1e-4
    large = np.where(small, 1.0, s)
    return np.where(small, 1 + s * s / 6, np.sinh(large) / large)


def largest_mean(s: NDArray, kept: int, of: int) -> NDArray:
    """E exp(-s top), top the sum of the ``kept`` largest of ``of`` uniforms on [-1, 1] (:func:`tops.tops_below`).

    Given the largest that is not kept, by Gauss and Legendre's rule: the integrand is entire, and for |s| <= 40 and at
    most 16 variables its Legendre series has ended long before 2 * 480 terms.
    """
    if kept in (0, of):
        return _uniform(s) ** kept
    v, weights = _NODES, _WEIGHTS
    density = np.exp((of - kept - 1) * np.log((1 + v) / 2) + kept * np.log((1 - v) / 2) - betaln(of - kept, kept + 1))
    given = np.exp(-np.outer(s, kept * (1 + v) / 2)) * _uniform(np.outer(s, (1 - v) / 2)) ** kept
    return given @ (weights * density / 2)
