"""How many variables provably suffice: an explicit Lemma A.3 (Otsuka et al. 2024), every constant a number.

Some free variables lead every target |z| <= r, less the locked sum T, into W = [-1/2, 1/2] (*shift*); the others cover
W (*cover*, :mod:`theory.game`). Both happen for all z at once, so this bound serves the uniform and the pointwise
reading. The *ladders* of :mod:`theory.ladder` lose less reach; a single target asks less of them. The least counts.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from slt.core.checks import one_of
from slt.core.first import first
from slt.core.rates import READINGS, Rates
from theory.arguments import LARGEST_N, SMALLEST, checked_delta, checked_eps, checked_n, checked_radius, checked_rates
from theory.game import cover_failures
from theory.ladder import by_ladder, ladder_failure, small_failure
from theory.laws import below_table, reach_below, thinned
from theory.reach import LARGEST_LAW, chernoff_reach, near_reach, normal_reach

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Shift = Callable[[Counts, Counts], Floats]  # (frozen counts, free counts) -> table of P(T_j + S_t < r - 1/2)

_LARGEST_TABLE = 8_000_000  # entries of the table of shift laws (about 5 s); larger problems are split
_LARGEST_N = 100_000  # up to which binomial weights of the shift laws are certified
_DIVISIONS = np.append(0.0, np.geomspace(0.2, 20, 48))  # mean number of free ones for the cover / length of its table
_LARGEST_WINDOW = 4_000_000  # pairs (m, t) looked at


def failure_at_most(
    n: int,
    eps: float,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
) -> float:
    """Bound the probability that some |z| <= radius is further than eps from every choice among n variables.

    reading: "pointwise" bounds, for every single |z| <= radius, the probability that this z is.
    Relation: upper bound; the least of :func:`theory.ladder.ladder_failure`, :func:`theory.ladder.small_failure` and
    :func:`shift_failure`. Raises ValueError for arguments outside :mod:`theory.arguments`.

    >>> round(failure_at_most(208, 0.01, prune=0.4, lock=0.3), 4)
    0.0492
    """
    uniform = one_of("reading", reading, READINGS) == "uniform"
    shift = shift_failure(n, eps, prune=prune, lock=lock, radius=radius)
    if shift == 0:
        return 0.0
    least = max(1e-3 * shift, SMALLEST)
    setting = int(n), float(eps), checked_rates(prune, lock), float(radius)
    found = min(shift, ladder_failure(*setting, uniform=uniform), small_failure(*setting, least, uniform=uniform))
    if found < least:
        found = min(found, small_failure(*setting, max(1e-3 * found, SMALLEST), uniform=uniform))
    return found


def shift_failure(
    n: int,
    eps: float,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
) -> float:
    """Bound the same probability by a shift into W and a cover of W, for all |z| <= radius at once.

    Statement (early stopping): let m of the n variables be free, T the sum of the locked ones, S+_t and S-_t the
    sums of the positive parts of the first t free ones and of their negatives. With ``G_k`` a bound of P(k free
    uniforms fail to eps-cover W), non-increasing in k, and ``G_{-1} = 1``,

        P(fail) <= E_m [ G_m + sum_{t=0..m} min(1, 2 P(T + S+_t < r - 1/2 | m)) (G_{m-t-1} - G_{m-t}) ].

    Derivation. A residual above 1/2 that takes the next positive free variable stays above -1/2: it never oversteps
    W; the same below. So all |z| <= r are in W after t variables once T + S+_t >= r - 1/2 and -T + S-_t >= r - 1/2.
    The first such t, tau, is a stopping time of T, X_1, X_2, ..; given m, T does not depend on the free values.
    The m - tau variables left are therefore fresh and fail with probability at most G_{m-tau}; if tau > m we
    count a failure. Sum by parts; P(tau > t) is at most twice the one-sided probability, by symmetry. (The term
    t = m matters for eps >= 1/2 only, where G_0 = 0.)

    Relation: upper bound, uniform in z. Laws of T and S are bounded from above (:mod:`theory.laws`); values of m
    outside a window count as failures. The smaller of this bound, where its tables are not too large, and the one
    of :func:`split_sufficient_n`.
    Raises ValueError for arguments outside :mod:`theory.arguments`.

    >>> round(shift_failure(240, 0.01, prune=0.4, lock=0.3), 3)
    0.049
    """
    rates, radius, n, eps = checked_rates(prune, lock), checked_radius(radius), checked_n(n), checked_eps(eps)
    if eps >= radius and (n == 0 or rates.lock == 0):
        return 0.0  # the empty sum is within eps of every target
    distance, tail = Fraction(radius) - Fraction(1, 2), 1e-3
    while True:
        problem = _Problem(rates, distance, cover_failures(eps, tail), tail)
        bound = problem.split(n, law=False)[0]
        if problem.fits(n):
            bound = min(bound, problem.early_stopping(n, problem.near_shift))
        # what is given away is 0.001 of the answer, as a Gaussian shift law foretells it; no finer than that, for
        # finer tails need larger tables
        finer = 1e-3 * bound if bound > 10 * tail else tail**2
        if finer > tail / 2 or tail == SMALLEST:
            break
        tail = max(finer, SMALLEST)
    shift = problem.exact_shift(n)
    split = problem.split(n)[0]
    return min(split, problem.early_stopping(n, shift)) if shift else split


def sufficient_n(
    eps: float,
    delta: float,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
) -> int:
    """Return an n with :func:`failure_at_most` (n) <= delta, so that n variables suffice with probability 1 - delta.

    Search: each bound by itself is followed down or up in doubling steps and bisected, from an n that normal laws
    propose, to an n at which it is at most delta but not at n - 1: the smallest such n wherever the bound falls with n.
    The least of these n is taken. Early stopping and the split are left out where normal laws say that they need more.
    The search gives away tails of 0.001 delta each. In the end n is raised, if need be, until :func:`failure_at_most`,
    whose tails are others, says the same.
    Larger n: for lock = 0 success is monotone in n (ignore the new variables), so all larger n suffice. For
    lock > 0 only the returned n is claimed, because a further locked variable can undo a cover.
    eps >= radius: 0, with nothing to choose the sum 0 is within eps; with locking larger n may fail.
    Arguments as in :func:`failure_at_most`.

    >>> sufficient_n(0.01, 0.05, prune=0.4, lock=0.3)
    208
    """
    uniform = one_of("reading", reading, READINGS) == "uniform"
    eps, delta, radius, rates = (
        checked_eps(eps),
        checked_delta(delta),
        checked_radius(radius),
        checked_rates(prune, lock),
    )
    return 0 if eps >= radius else _sufficient(eps, delta, rates, radius, uniform)


@lru_cache(maxsize=1024)
def _sufficient(eps: float, delta: float, rates: Rates, radius: float, uniform: bool) -> int:
    """Return :func:`sufficient_n` of checked arguments; made once, as several reports ask for it."""
    found = by_ladder(eps, delta, rates, radius, uniform=uniform)
    problem = _problem(eps, delta, rates.prune, rates.lock, radius)
    if found is None:
        found = problem.smallest(delta)
    elif problem.may_need_less(found, delta):
        with suppress(ValueError):  # of the search: it finds none, and one is known
            found = min(found, problem.smallest(delta))
    n, step, reading = found, 1, READINGS[0] if uniform else READINGS[1]

    def fails(n: int) -> bool:
        told: dict[str, Any] = {"prune": rates.prune, "lock": rates.lock, "radius": radius, "reading": reading}
        return failure_at_most(n, eps, **told) > delta

    if ladder_failure(n, eps, rates, radius, uniform=uniform) > delta:  # else the least of the bounds is, too
        while fails(n):
            n, step = n + step, 2 * step
    return n


def split_sufficient_n(
    eps: float,
    delta: float,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
) -> tuple[int, int]:
    """Return (n1, n2): n = n1 + n2 variables suffice with probability 1 - delta, n1/n of the free ones for the shift.

    Statement: mark every variable independently with probability b = n1/n. Then

        P(fail) <= 2 P(Y_1 + .. + Y_n < r - 1/2) + E G_m,        m ~ Bin(n, (1 - b) f),

    Y = X if locked, max(X, 0) if free and marked, else 0; m is the number of free ones without a mark.
    Derivation: as in :func:`failure_at_most`, the marked free ones leading z - T into W and the others covering W. T is
    the sum of *all* locked ones. Marks are independent of the values, and a union bound needs no more. The marks leave
    n equal terms, so the first probability is that of the reach at rates lock and b f: its law up to
    n = 20000 and a normal law with the error of Berry and Esseen beyond, or Chernoff's bound if that is smaller.
    Relation: upper bound, uniform in z; weaker than early stopping, cheaper for large n.
    Raises ValueError as :func:`failure_at_most`, or where n would exceed 10^15.

    >>> sum(split_sufficient_n(0.01, 0.05, prune=0.4, lock=0.3))
    327
    """
    problem = _problem(eps, delta, prune, lock, radius)
    if checked_eps(eps) >= checked_radius(radius):
        return 0, 0
    n = problem.smallest_split(checked_delta(delta))
    cover = problem.split(n)[1]
    return n - cover, cover


def _problem(eps: float, delta: float, prune: float, lock: float, radius: float) -> "_Problem":
    """The setting with tails of 0.001 delta; every argument checked."""
    tail = max(1e-3 * checked_delta(delta), SMALLEST)
    cover = cover_failures(checked_eps(eps), tail)
    return _Problem(checked_rates(prune, lock), Fraction(checked_radius(radius)) - Fraction(1, 2), cover, tail)


@dataclass(frozen=True)
class _Problem:
    """One setting. distance: r - 1/2, from W to +-r; cover: G_0, G_1, ..; tail: probability that may be given away."""

    rates: Rates
    distance: Fraction
    cover: Floats
    tail: float

    @property
    def lock_share(self) -> float:
        """Probability that a variable that is not free is locked."""
        return min(1.0, self.rates.lock / self.rates.freezing) if self.rates.freezing else 0.0

    def window(self, n: int) -> tuple[int, int]:
        """Range of m = number of free variables outside of which little probability is left."""
        low, high = _most_of(n, self.rates.free, self.tail)
        return (n, n) if self.rates.freezing == 0 else (low, high)

    def fits(self, n: int) -> bool:
        """Tell whether the pairs (m, t) that matter for n variables are few enough to look at."""
        low, high = self.window(n)
        return (high - low) * (high - low + len(self.cover)) <= _LARGEST_WINDOW and high <= _LARGEST_WINDOW

    def exact_shift(self, n: int) -> Shift | None:
        """Bounds of P(T_j + S_t < distance) for every j, t that at most n variables need; None where too many."""
        free = self.window(n)[1]
        locked = _most_of(n, self.rates.lock, 1e-3 * self.tail)[1]
        positive_ones = _most_of(free, 0.5, 1e-3 * self.tail)[1]
        if n > _LARGEST_N or locked * positive_ones > _LARGEST_TABLE or not self.fits(n):
            return None
        table = below_table(self.distance, locked, positive_ones, side="upper")

        def shift(frozen: Counts, unfrozen: Counts) -> Floats:
            rows = thinned(table, frozen, self.lock_share, "upper")
            return thinned(rows, unfrozen, 0.5, "upper", axis=1)

        return shift

    def near_shift(self, frozen: Counts, unfrozen: Counts) -> Floats:
        """Gaussian approximation of the shift law: moments 0, q'/3 of a locked and 1/4, 5/48 of a positive part."""
        spread = frozen[:, None] * (self.lock_share / 3) + unfrozen * (5 / 48)
        return ndtr((float(self.distance) - unfrozen / 4) / np.sqrt(spread + 1e-3))

    def early_stopping(self, n: int, shift: Shift) -> float:
        """Evaluate the bound of :func:`failure_at_most`."""
        from scipy.stats import binom  # takes a second to load, in which trials can begin

        low, high = self.window(n)
        free = np.arange(low, high + 1)
        weight = binom.pmf(free, n, self.rates.free)
        outside = binom.cdf(low - 1, n, self.rates.free) + binom.sf(high, n, self.rates.free)
        left = np.arange(len(self.cover))  # k = m - t
        drop = -np.diff(self.cover, prepend=1.0)  # G_{k-1} - G_k
        stopped = np.arange(max(0, low - len(left) + 1), high + 1)
        late = np.minimum(1.0, 2 * shift(n - free, stopped))
        index = free[:, None] - left - stopped[0]
        terms = np.where(free[:, None] >= left, np.take_along_axis(late, np.maximum(index, 0), axis=1), 0.0)
        failure = self.cover[np.minimum(free, left[-1])] + terms @ drop
        return min(1.0, float((weight @ failure + outside) * (1 + 1e-8)))

    def guess(self, delta: float) -> int | None:
        """Return about the n that early stopping needs, by Gaussian laws; None where that takes too long."""
        high = 16
        while self.early_stopping(high, self.near_shift) > delta:
            high *= 2
            if not self.fits(high):
                return None
        low = high // 2 if high > 16 else 0
        # to 1%, which slt.core.first is not made for: what follows begins here, and every question is expensive
        while high - low > 1 + low // 100:
            middle = (low + high) // 2
            low, high = (low, middle) if self.early_stopping(middle, self.near_shift) <= delta else (middle, high)
        return high

    def may_need_less(self, n: int, delta: float) -> bool:
        """Tell whether, by normal laws, early stopping or the split is at most ``delta`` at about n variables."""
        n += n // 20
        near = self.early_stopping(n, self.near_shift) if self.fits(n) else 1.0
        return min(near, self.split(n, law=False)[0]) <= delta

    def smallest(self, delta: float) -> int:
        """Return an n at which early stopping or, where it has too many pairs, the split is at most ``delta``."""
        guess = self.guess(delta)
        if guess is not None:
            top = guess + guess // 10 + 20
            shift = self.exact_shift(top)
            if shift:
                found = first(lambda n: self.early_stopping(n, shift) <= delta, 0, top + 1, guess)
                if found <= top:
                    return found
        return self.smallest_split(delta)

    def thin_cover(self, n: int, covering: Counts) -> Floats:
        """Bound the mean of G_m, m ~ Bin(n, f k/n) for each k in ``covering``; past the table G is at most its end."""
        from scipy.stats import binom

        share = self.rates.free * (covering[:, None] / max(n, 1))
        counts = np.arange(len(self.cover))
        rest = binom.sf(counts[-1], n, share[:, 0])
        return np.minimum((binom.pmf(counts, n, share) @ self.cover + rest * self.cover[-1]) * (1 + 1e-8), 1.0)

    def split(self, n: int, law: bool = True) -> tuple[float, int]:
        """Bound of :func:`split_sufficient_n` at the best of some divisions (n - n2, n2), and that n2.

        law: False takes a normal law for that of the reach, which is no bound but foretells it.
        """
        q, short = self.rates.lock, float(self.distance)
        covering = np.unique(np.minimum(_DIVISIONS * len(self.cover) / self.rates.free, n).astype(np.int64))
        marked = self.rates.free * (1 - covering / max(n, 1))
        cover = self.thin_cover(n, covering)
        late = chernoff_reach(short, n, q, marked)
        if n > LARGEST_LAW:
            late = np.minimum(late, normal_reach(short, n, q, marked))
        total = cover + np.minimum(2 * late, 1.0)
        best = int(np.argmin(total))
        found = float(total[best]), int(covering[best])
        if n <= LARGEST_LAW:
            near = cover + np.minimum(2 * near_reach(short, n, q, marked), 1.0)
            best = int(np.argmin(near))
            total = near
            if law:
                total[best] = cover[best] + 2 * reach_below(self.distance, [n], q, marked[best], "upper")[0]
            found = min(found, (float(total[best]), int(covering[best])))
        return min(found[0], 1.0), found[1]

    def smallest_split(self, delta: float) -> int:
        """Return an n at which the split is at most ``delta`` but not at n - 1."""
        if self.cover[-1] < delta:
            near = first(lambda n: self.split(n, law=False)[0] <= delta, 0, LARGEST_N + 1, len(self.cover))
            if near <= LARGEST_N:
                found = first(lambda n: self.split(n)[0] <= delta, 0, LARGEST_N + 1, near)
                if found <= LARGEST_N:
                    return found
        raise ValueError(f"no n up to {LARGEST_N:.0e} is found for delta = {delta:g}; use asymptotics.closed_form_n")


def _most_of(n: int, probability: float, tail: float) -> tuple[int, int]:
    """Range outside of which Bin(n, probability) has at most 2 ``tail`` (Bernstein)."""
    deep = -log(tail)
    reach = deep / 3 + sqrt(deep**2 / 9 + 2 * n * probability * (1 - probability) * deep)
    return max(0, floor(n * probability - reach)), min(n, ceil(n * probability + reach))
