"""What suffices by ladders: each number, in ascending order of size, extends an interval of targets without gaps.

Targets that a choice comes within eps of form an interval [a, b]. A further number x with |x| <= b - a makes it
[a, b + x] or [a + x, b]. So where nothing is too large when its turn comes, only the reach decides. docs/theory.md.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, e, exp, log, log1p

import numpy as np
from numpy.typing import NDArray

from slt.core.first import first
from slt.core.rates import READINGS, Rates
from theory.arguments import LARGEST_N, SMALLEST
from theory.game import cover_failures
from theory.reach import gaussian_reach_n, reach_at_most
from theory.sums import mixture_below

Floats = NDArray[np.float64]

_WINDOWS = (0.7, 0.85, 1.0)  # sizes w of numbers that cover [-w/2, w/2]; at least 1/2
MOST = 2000  # variables up to which small numbers cover; beyond, the powers of transforms would leave the floats


def ladder_break(n: int, eps: float, free: float) -> float:
    """Bound P(the ladder of all free numbers breaks): their sums leave a gap above 2 eps between the ends.

    Let x_1 <= .. <= x_m be the sorted sizes. It breaks at k < m when x_{k+1} > 2 eps + x_1 + .. + x_k. Statement:

        P(break | m) <= (1 - 2 eps)^m sum over k < m of 1/k!,    P(break) <= e (1 - 2 eps f)^n;  0 for eps >= 1/2.

    Derivation. The m + 1 spacings g_0, .., g_m of 0, the sizes and 1 are a uniform point of the simplex; a break at k
    says g_k > 2 eps + sum over l <= k - 2 of (k - l - 1) g_l. Given g_k > 2 eps, the spacings with g_k less 2 eps are
    1 - 2 eps times such a point, and of independent exponential variables the one exceeds the sum of the others times
    c_l with probability prod 1/(1 + c_l) = 1/k!. Relation: upper bound.
    """
    return min(1.0, e * exp(n * log1p(-2 * eps * free)) * (1 + 1e-9)) if eps < 0.5 else 0.0


def ladder_failure(n: int, eps: float, rates: Rates, radius: float, *, uniform: bool) -> float:
    """Bound P(fail) by the ladder of all free numbers; A is the largest sum, -B the smallest.

    P(fail) <= P(break) + 2 P(A < r - eps), pointwise P(break) + P(A < r - eps) + P(A < -r - eps).
    Derivation: without a break every z from -B - eps to A + eps is within eps of a sum. Pointwise r is the worst
    target: A = T + P with P >= 0 and T symmetric and unimodal, and given P, P(A < z - eps) + P(A < -z - eps) is
    1 - P(|T - z| <= P + eps), which rises with |z|. Relation: upper bound.
    """
    broken = ladder_break(n, eps, rates.free)
    short = reach_at_most(radius - eps, n, rates)
    return min(1.0, broken + short + (short if uniform else reach_at_most(-radius - eps, n, rates)))


def small_failure(n: int, eps: float, rates: Rates, radius: float, least: float, *, uniform: bool) -> float:
    """Bound P(fail) where small numbers cover a window and the others extend it; of some windows the one foretold best.

    Statement, 1/2 <= w <= 1. s of the n variables are free and at most w in size; G_k bounds P(k uniforms on [-w, w]
    fail to eps-cover [-w/2, w/2]), G_{-1} = 1, and h = (n - s) f/(1 - fw). Then

        P(fail) <= E_s [ G_s + sum_{k <= s} (G_{k-1} - G_k) (b^{s-k} + 2 P(T + S+ < r - w/2 | s, k)) ],
        b = (1 - exp(-hw))/(hw), and no b at w = 1;

    S+ is the sum of the positive parts of s - k small and of all larger free numbers. Pointwise the factor 2 P(..) is
    P(T + S+ < r - w/2) + P(T + S+ < -r - w/2).
    Derivation. Small numbers, in the order of their indices, cover the window once kappa of them are read, P(kappa > k)
    <= G_k. The other small ones, fresh, extend it, then the larger ones in ascending order: the first is short enough
    unless some are larger than w and none lies in (w, w + sum of the s - kappa sizes], and then the interval is
    longer than 2w >= 1. With u the sum over 1 - w the last has probability at most (1 - h'u)^(n - s) <= exp(-(n - s)
    h'u), h' = f(1 - w)/(1 - fw), and 0 for u >= 1; the mean is b^(s - kappa). Cut at 1, what is said given kappa does
    not fall with kappa, and kappa > s counts as 1: so G_k may stand for P(kappa > k). Sum by parts, then drop the cut.
    least: probability below which the game need not go. Relation: upper bound.
    """
    return min((window.failure(n, radius, uniform) for window in _near_best(n, eps, rates, radius, least)), default=1.0)


def by_ladder(eps: float, delta: float, rates: Rates, radius: float, *, uniform: bool) -> int | None:
    """Return the least n at which, by :func:`ladder_failure` or :func:`small_failure`, P(fail) <= delta.

    None: neither finds one. The second is asked where a broken ladder takes more than a twentieth of delta.
    """
    reading = READINGS[0] if uniform else READINGS[1]
    short = gaussian_reach_n(eps, min(delta, 0.5), prune=rates.prune, lock=rates.lock, radius=radius, reading=reading)
    unbroken = log(e / delta) / -log1p(-2 * eps * rates.free) if eps < 0.5 else 0.0
    found = None
    if max(short, unbroken) < LARGEST_N / 2:
        start = ceil(max(short, unbroken))

        def climbs(n: int) -> bool:
            return ladder_failure(n, eps, rates, radius, uniform=uniform) <= delta

        found = first(climbs, 0, LARGEST_N, start, step=max(1, start // 1000))
        if found == LARGEST_N:
            found = None
    if found is not None and ladder_break(found, eps, rates.free) < 0.05 * delta:
        return found
    most, least = MOST + 1 if found is None else min(found, MOST + 1), max(1e-3 * delta, SMALLEST)

    def foretold(n: int) -> bool:
        return min(window.foretold(n, radius) for window in _windows(eps, rates, least)) <= delta

    start = first(foretold, 0, most, min(ceil(short), most))
    if start < most:
        small = first(lambda n: small_failure(n, eps, rates, radius, least, uniform=uniform) <= delta, 0, most, start)
        if small < most:
            return small
    return found


def _near_best(n: int, eps: float, rates: Rates, radius: float, least: float) -> list["Window"]:
    """Return the window that is best if all laws are normal: what it foretells need not be right to be of use."""
    if n > MOST:
        return []
    return [min(_windows(eps, rates, least), key=lambda window: window.foretold(n, radius))]


def _windows(eps: float, rates: Rates, least: float) -> list["Window"]:
    return [Window(eps, rates, width, least) for width in _WINDOWS]


@dataclass(frozen=True)
class Window:
    """A cover with numbers up to ``width`` = w in size, as :func:`small_failure` says it.

    cover: bounds G_0, G_1, .. of P(k uniforms on [-w, w] fail to eps-cover [-w, w]), of which the last serves all
    larger k; the window is then as long as 2w >= 1, which no number exceeds, so that there is no b. By default the
    game's, for [-w/2, w/2].
    """

    eps: float
    rates: Rates
    width: float
    least: float
    cover: tuple[float, ...] | None = None

    @property
    def half(self) -> float:
        """Half the length of the window that is covered."""
        return self.width / 2 if self.cover is None else self.width

    @property
    def small(self) -> float:
        """Probability of a variable to be free and at most w in size."""
        return min(self.rates.free * self.width, 1.0)

    def failure(self, n: int, radius: float, uniform: bool) -> float:
        """Return the bound for n variables."""
        counts, weight, drop, lost = self._states(n)

        def transform(pieces: list[NDArray]) -> NDArray:
            whole, low, high = pieces
            f, q = self.rates.free, self.rates.lock
            rest = self.rates.prune + q * whole + f * (1 - self.width) * (1 + high) / 2
            rest = rest / (1 - self.small) if self.small < 1 else np.ones_like(whole)
            part = (1 + low) / 2
            covered, total = np.zeros_like(whole), np.zeros_like(whole)
            for s in range(counts[-1] + 1):  # covered: sum over k <= s of (G_{k-1} - G_k) part^(s-k)
                covered = covered * part + (drop[s] if s < len(drop) else 0.0)
                if s >= counts[0]:
                    total = total + weight[s - counts[0]] * covered * rest ** (n - s)
            return total

        pieces = [(-1.0, 1.0), (0.0, self.width), (self.width, 1.0) if self.width < 1 else (0.0, 1.0)]
        short = mixture_below(radius - self.half, pieces, transform, n)
        other = short if uniform else mixture_below(-radius - self.half, pieces, transform, n)
        return min(1.0, lost + short + other)

    def foretold(self, n: int, radius: float) -> float:
        """Return about what :meth:`failure` returns, by normal laws."""
        from scipy.special import ndtr

        counts, weight, drop, lost = self._states(n)
        f, q, w = self.rates.free, self.rates.lock, self.width
        other = max(1 - self.small, 1e-300)
        mean, square = f * (1 - w * w) / 4 / other, (q / 3 + f * (1 - w**3) / 6) / other
        left = counts[:, None] - np.arange(len(drop))
        many = (n - counts)[:, None]
        spread = many * (square - mean**2) + np.maximum(left, 0) * (w * w * 5 / 48)
        reach = many * mean + np.maximum(left, 0) * (w / 4)
        late = np.where(left >= 0, ndtr((radius - self.half - reach) / np.sqrt(spread + 1e-3)), 0.0)
        return float(lost + 2 * weight @ late @ drop)

    def _states(self, n: int) -> tuple[NDArray[np.int64], Floats, Floats, float]:
        """Return values of s, their weights, G_{k-1} - G_k, and the probability of no cover or of a break."""
        return _states(n, self.eps, self.rates.free, self.width, self.least, self.cover)


@lru_cache(maxsize=64)
def _states(n: int, eps: float, free: float, width: float, least: float, measured: tuple[float, ...] | None) -> tuple:
    from scipy.stats import binom

    small = min(free * width, 1.0)
    if measured is not None:
        cover = np.array(measured)
    else:
        cover = cover_failures(eps / width, least) if eps < width / 2 else np.zeros(1)
    drop = -np.diff(cover, prepend=1.0)
    low, high = (int(x) for x in (binom.ppf(least, n, small), binom.isf(least, n, small)))
    counts = np.arange(max(low, 0), min(high, n) + 1)
    weight = binom.pmf(counts, n, small) * (1 + 1e-9)
    outside = float(binom.cdf(counts[0] - 1, n, small) + binom.sf(counts[-1], n, small))
    lost = weight @ cover[np.minimum(counts, len(cover) - 1)]
    if width < 1 and measured is None:
        rate = (n - counts) * (free / (1 - small) * width)
        shrink = np.where(rate > 1e-9, -np.expm1(-rate) / np.maximum(rate, 1e-9), 1.0)[:, None]
        left = counts[:, None] - np.arange(len(drop))
        lost = lost + weight @ np.where(left >= 0, shrink ** np.maximum(left, 0), 0.0) @ drop
    return counts, weight, drop, float((lost + outside) * (1 + 1e-9))
