"""Random numbers of other laws than uniform on [-1, 1], and of both alphabets, decided by the same exact kernels.

**Draws.** Variable j of trial i has the state that it has in every law (:func:`subsetsum.draw`) and its value is a
function of one or more words of 53 bits, each keyed by (seed, i, j) alone: word 0 is ``raw[2j + 1] >> 11`` of the
present draw, so uniform 0.5 is half of what uniform 1 draws; word k is the same of the draw whose seed is
``derived_seed(seed, "law k")`` (:mod:`slt.core.keys`). Laws of one number use word 0 only; a product gives its first
words to its first factor; a mixture chooses by its first word and gives all its parts the next ones.

**Grid.** Values are rounded to multiples of 2**(e - 48), for n > 512 of 2**(e - 38), where 2**e is the least power of
two above every value: integer sums of three times all |x| never overflow. Integers are on the grid,
as constants with few digits are.

**Alphabet.** A signed choice, x times -1, 0 or 1, is x times b + b' - 1 with b, b' in {0, 1} (0 twice, which makes no
difference to which sums there are). So it is a choice from {0, 1} with every free value twice and with minus the sum
of all free values locked.
"""

from dataclasses import dataclass
from math import frexp, ldexp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slt.core.checks import flag, shown
from slt.core.keys import checked_seed, derived_seed
from slt.core.laws import (
    LARGEST,
    PRESENT,
    SMALLEST,
    Constant,
    Integers,
    Law,
    Mixture,
    Normal,
    Own,
    Product,
    Uniform,
    checked_law,
)
from slt.core.rates import Rates
from subsetsum.memory import bitset_bytes, chain_bytes, likely_most_free, refuse_if_too_large
from subsetsum.sampling import FINE_N, RADIUS_MAX, gap_units, point_units, trial_law
from subsetsum.threads import over_chunks, workers

Floats = NDArray[np.float64]
Words = NDArray[np.int64]  # in 0 .. 2**53 - 1
States = NDArray[np.int8]
FINE, COARSE = 48, 38  # bits below the least power of two above every value
_FARTHEST_NORMAL = 8.21  # standard deviations: -ndtri(2**-53)


def words(law: Law) -> int:
    """Return how many words one value takes."""
    match law:
        case Product(first, second):
            return words(first) + words(second)
        case Mixture(parts):
            return 1 + max(words(part) for _, part in parts)
    return 1


def largest(law: Law) -> float:
    """Return a bound of the absolute value of everything that is drawn."""
    match law:
        case Uniform(bound):
            return bound
        case Normal(sigma):
            return _FARTHEST_NORMAL * sigma
        case Constant(c):
            return c
        case Integers(M):
            return float(M)
        case Product(first, second):
            return largest(first) * largest(second)
        case Mixture(parts):
            return max(largest(part) for _, part in parts)
        case Own(values):
            return max(map(abs, values))


def values(law: Law, raw: Words) -> Floats:
    """Return numbers of a law made of words: raw (words, ...) to (...).

    Each word is uniform on 0 .. 2**53 - 1. Of M integers or own numbers each has probability 1/M within 2**-42 (within
    nothing for M a power of two).

    >>> values(Constant(2.0), np.array([[0, 2**52]]))
    array([-2.,  2.])
    """
    word = raw[0]
    match law:
        case Uniform(bound):
            return bound * np.ldexp((word - 2**52).astype(np.float64), -52)
        case Normal(sigma):
            from scipy.special import ndtri

            return sigma * ndtri(np.ldexp((word >> 1) + 0.5, -52))
        case Constant(c):
            return np.where(word >> 52, c, -c)
        case Integers(M):
            size = 1.0 + _one_of(M, word & (2**52 - 1), 52)
            return np.where(word >> 52, size, -size)
        case Product(first, second):
            return values(first, raw) * values(second, raw[words(first) :])
        case Mixture(parts):
            ends = np.ldexp(np.cumsum([weight for weight, _ in parts])[:-1], 53)
            which = np.searchsorted(ends, word, side="right")
            each = np.stack([values(part, raw[1:]) for _, part in parts])
            return np.take_along_axis(each, which[None], axis=0)[0]
        case Own(numbers):
            return np.array(numbers)[_one_of(len(numbers), word, 53)]


def _one_of(count: int, word: Words, bits: int) -> Words:
    """Return a whole number below ``count`` <= 2**20 made of a word of so many bits."""
    # 42 bits of the word, so that the product stays below 2**63
    return (word >> (bits - 42)) * count >> 42


def asymmetric(law: Law) -> bool:
    """Whether -X may have another law than X.

    >>> asymmetric(Own((1.0, 2.0))), asymmetric(Product(Own((1.0, 2.0)), Constant()))
    (True, False)
    """
    match law:
        case Own(numbers):
            return sorted(numbers) != sorted(-x for x in numbers)
        case Product(first, second):
            return asymmetric(first) and asymmetric(second)
        case Mixture(parts):
            return any(asymmetric(part) for _, part in parts)
    return False


def law_bits(law: Law, n: int) -> int:
    """Return b such that the numbers of a trial with n variables are multiples of 2**-b.

    >>> law_bits(Constant(1.0), 512), law_bits(Constant(1.0), 513)
    (47, 37)
    """
    return (FINE if n <= FINE_N else COARSE) - frexp(largest(law))[1]


@dataclass(frozen=True)
class Source:
    """Trials of a law: what :func:`subsetsum.draw` is told, checked before."""

    law: Law
    signed: bool
    n: int
    rates: Rates
    seed: int
    exact_counts: bool

    @property
    def bits(self) -> int:
        """The numbers are multiples of 2**-bits."""
        return law_bits(self.law, self.n)

    def drawn(self, first: int, count: int) -> tuple[NDArray[np.int64], States]:
        """Return values (count, n) in grid units, and states, of trials first, first + 1, .."""
        from subsetsum.kernels.problem import draw_trials

        shape = words(self.law), count, self.n
        raw, states = np.empty(shape, np.int64), np.empty(shape[1:], np.int8)
        other = np.empty_like(states)
        for k in range(shape[0]):
            seed = derived_seed(self.seed, f"law {k}") if k else self.seed
            told = trial_law(self.n, self.rates, seed, self.exact_counts)._replace(shift=0)
            draw_trials(told, first, raw[k], other if k else states)
        raw += 2**52
        return np.rint(np.ldexp(values(self.law, raw), self.bits)).astype(np.int64), states

    def problems(self, first: int, count: int) -> tuple[NDArray[np.int64], States]:
        """The same as choices from {0, 1}: with the signed alphabet there are 2n + 1 numbers."""
        return unsigned(*self.drawn(first, count)) if self.signed else self.drawn(first, count)

    def ends(self, eps: float, radius: float) -> tuple[int, int]:
        """Window and longest gap in grid units."""
        eps = self._eps(eps, radius)
        return point_units(radius, self.bits, eps), gap_units(eps, self.bits)

    @property
    def _step(self) -> float | None:
        """Of what all numbers on the grid are multiples, where that is known."""
        match self.law:
            case Integers():
                return 1.0
            case Constant(c) if ldexp(c, self.bits) % 1 == 0:
                return c
        return None

    @property
    def farthest(self) -> float:
        """How far targets may lie from 0."""
        return ldexp(RADIUS_MAX, frexp(largest(self.law))[1])

    def _eps(self, eps: float, radius: float) -> float:
        if radius > self.farthest:
            raise ValueError(f"radius must be at most {self.farthest:g} for this law, got {shown(radius)}")
        step = self._step
        if step and step <= 2 * eps < 2 * step and radius % step == 0:
            return 0.75 * step  # any such eps asks whether every multiple is a sum; this one is tied with no gap
        # sums and window stay below 2**60 units: an eps above that asks no more
        return min(eps, ldexp(1.0, 60 - self.bits))

    def refuse(self, name: str, eps: float, radius: float, jobs: int | None, chains: bool = False) -> None:
        """Raise ValueError when memory would not hold what this eps, called ``name``, needs."""
        scale = ldexp(1.0, frexp(largest(self.law))[1])
        free = likely_most_free(self.n, self.rates) * (2 if self.signed else 1)
        need = chain_bytes if chains else bitset_bytes
        refuse_if_too_large(name, eps, workers(jobs) * need(free, eps / scale, radius / scale))

    def covered(self, eps: float, radius: float, trials: int, first: int, jobs: int | None) -> NDArray[np.bool_]:
        """Return what :func:`subsetsum.covers` promises."""
        self.refuse("eps", eps, radius, jobs)
        ends = self.ends(eps, radius)
        return np.concatenate(
            over_chunks(lambda start, count: decided(*self.problems(start, count), *ends), trials, jobs, first)
        )

    def worst(self, radius: float, floor: float, trials: int, first: int, jobs: int | None) -> Floats:
        """Return what :func:`subsetsum.worst_errors` promises."""
        self._eps(floor, radius)
        window = point_units(radius, self.bits)
        floor2 = gap_units(min(floor, ldexp(1.0, 60 - self.bits)), self.bits)

        def task(start: int, count: int) -> Floats:
            units, states = self.problems(start, count)
            most = int((states == 0).sum(axis=1).max(initial=0))
            scale = ldexp(1.0, frexp(largest(self.law))[1])
            refuse_if_too_large("floor", floor, workers(jobs) * bitset_bytes(most, floor / scale, radius / scale))
            errors2 = worst_of(units, states, window, floor2)
            return np.ldexp(errors2.astype(np.float64), -self.bits - 1)

        return np.maximum(np.concatenate(over_chunks(task, trials, jobs, first)), floor)

    def points(self, units: NDArray[np.int64], states: States, eps: float, targets: Floats) -> NDArray[np.bool_]:
        """Return of each problem whether each target lies within eps of a sum; (count, k) bool."""
        eps = min(eps, ldexp(1.0, 60 - self.bits))
        return near(units, states, [point_units(z, self.bits, eps) for z in targets], gap_units(eps, self.bits))

    def point_hits(self, eps: float, radius: float, trials: int, jobs: int | None) -> tuple[NDArray[np.int64], int]:
        """Count how often each of nine targets is hit, of 17 where the law is not symmetric; and how many they are."""
        self.refuse("eps", eps, radius, jobs, chains=True)
        self.ends(eps, radius)
        goals = np.linspace(-radius, radius, 17)[0 if asymmetric(self.law) else 8 :]

        def task(start: int, count: int) -> NDArray[np.int64]:
            return self.points(*self.problems(start, count), eps, goals).sum(axis=0)

        return np.sum(over_chunks(task, trials, jobs), axis=0), len(goals)

    def counts(
        self, eps: float, radius: float, targets: Floats, trials: int, first: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Count, for every n' = 0 .. n, the trials of whose first n' variables all |z|, or each target, are hit."""
        self.refuse("eps", eps, float(np.max(np.abs(targets), initial=radius)), 1, chains=True)
        uniform, pointwise = np.zeros(self.n + 1, np.int64), np.zeros((self.n + 1, len(targets)), np.int64)
        ends = self.ends(eps, radius)
        # with nothing locked more numbers only help: what is covered stays so
        settled = self.rates.lock == 0 and not self.exact_counts
        for start in range(first, first + trials, 512):
            count = min(512, first + trials - start)
            units, states = self.drawn(start, count)
            done, hit = np.zeros(count, np.bool_), np.zeros((count, len(targets)), np.bool_)
            for n in range(self.n + 1):
                fates = states[:, :n]
                if self.exact_counts:  # the states depend on n, the grid is that of the longest
                    fates = Source(self.law, self.signed, n, self.rates, self.seed, True).drawn(start, count)[1]
                rows = np.flatnonzero(~(done & hit.all(axis=1))) if settled else np.arange(count)
                problem = np.ascontiguousarray(units[rows, :n]), np.ascontiguousarray(fates[rows])
                if self.signed:
                    problem = unsigned(*problem)
                done[rows] = decided(*problem, *ends)
                if len(targets):
                    hit[rows] = self.points(*problem, eps, targets)
                uniform[n] += done.sum()
                pointwise[n] += hit.sum(axis=0)
        return uniform, pointwise


def source(law: Law | str, signed: bool, n: int, rates: Rates, seed: int, exact_counts: bool) -> Source | None:
    """Return the trials of a law, or None where the kernels draw them themselves; arguments are checked."""
    law, signed = checked_law(law), flag("signed", signed)
    if law == PRESENT and not signed:
        return None
    if not SMALLEST <= (most := largest(law)) <= LARGEST:
        raise ValueError(f"the largest number of a law must lie between 2^-40 and 2^40, got {shown(most)}")
    return Source(law, signed, n, rates, checked_seed(seed), flag("exact_counts", exact_counts))


def unsigned(units: NDArray[np.int64], states: States) -> tuple[NDArray[np.int64], States]:
    """Return problems with choices from {0, 1} whose sums are those of choices from {-1, 0, 1}; (count, 2n + 1).

    >>> unsigned(np.array([[5, 7]]), np.array([[0, 1]], np.int8))
    (array([[ 5,  7,  5,  7, -5]]), array([[ 0,  1,  0, -1,  1]], dtype=int8))
    """
    free = np.where(states == 0, units, 0)
    columns = units, units, -free.sum(axis=1, keepdims=True)
    fates = states, np.where(states == 0, 0, -1), np.ones((len(states), 1))
    return np.concatenate(columns, axis=1), np.concatenate(fates, axis=1).astype(np.int8)


def decided(units: NDArray[np.int64], states: States, window: int, eps2: int) -> NDArray[np.bool_]:
    """Return of each problem whether the sums eps-cover [-window, window]; all in grid units."""
    from subsetsum.kernels.grid import scratch
    from subsetsum.kernels.trials import decide_given

    covered = np.empty(len(units), np.bool_)
    if covered.size:
        total = int(np.abs(np.where(states == 0, units, 0)).sum(axis=1).max())
        windows, gaps = (np.full(len(units), number) for number in (window, eps2))
        room = scratch(max(eps2, 1), total, units.shape[1])
        decide_given(units, states, windows, gaps, room, covered)
    return covered


def worst_of(units: NDArray[np.int64], states: States, window: int, floor2: int) -> NDArray[np.int64]:
    """Return twice the worst error of each problem over [-window, window], or floor2 if it is less."""
    from subsetsum.kernels.gaps import worst
    from subsetsum.kernels.grid import scratch

    folded = [_folded(*problem) for problem in zip(units, states, strict=True)]
    total, most = max(int(y[:m].sum()) for y, m, _ in folded) if folded else 0, units.shape[1]
    room = scratch(max(floor2, (total + window) >> min(most, 60), 1), total, most)
    return np.array([worst(y, m, -window - shift, window - shift, floor2, room) for y, m, shift in folded], np.int64)


def near(units: NDArray[np.int64], states: States, targets: list[int], eps2: int) -> NDArray[np.bool_]:
    """Return of each problem whether each target is near a sum: (problems, targets) bool."""
    from subsetsum.kernels.chains import build, new_scratch, window_covered

    found = np.empty((len(units), len(targets)), np.bool_)
    room = new_scratch(256)
    for row, problem in enumerate(zip(units, states, strict=True)):
        y, m, shift = _folded(*problem)
        room, count = build(y, m, min(targets) - shift, max(targets) - shift, eps2, room, True)
        found[row] = [window_covered(room, count, z - shift, z - shift, eps2) for z in targets]
    return found


def _folded(units: NDArray[np.int64], states: States) -> tuple[Any, int, int]:
    """Return |x| of the free values, sorted, how many they are, and by how much their sums are shifted."""
    from subsetsum.kernels.problem import fold

    y = np.empty(len(units), np.int64)
    m, locked, negative = fold(units, states, y)
    return y, m, int(locked + negative)
