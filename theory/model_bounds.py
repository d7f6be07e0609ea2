"""Bounds for numbers of other laws than uniform on [-1, 1], and for the signed alphabet {-1, 0, 1}.

Own code, shared with :mod:`subsetsum.laws` in nothing but the names of the laws (:mod:`slt.core.laws`).

**Necessary.** *Counting* knows no law: 2^m (signed 3^m) sums are too few. *Reach*: the largest sum is A = Y_1 + .. +
Y_n, Y = X if locked, max(X, 0) (signed |X|) if free, else 0; the least is -B, B the same of -X; A + B is the sum of |X|
(signed twice that) over the free ones. Nothing covers r when A < r - eps, nothing -r when B < r - eps, so
P(fail) >= P(A < c) + P(B < c) - min(P(A < c), P(B < c), P(A + B < 2c)), c = r - eps. The laws of sums come from
:mod:`theory.lattice`.

**Sufficient, by thinning.** A law with density at least alpha/(2w) on [-w, w] is, with probability alpha and
independently of everything, uniform on [-w, w]. Only such free numbers are used; locked ones stay in T with their
true law. So the bounds of :mod:`theory.sufficient` hold for f' = alpha f, r/w, eps/w: as they are where nothing is
locked, and else the split,

    P(fail) <= P(A' < r - w/2) + P(B' < r - w/2) + E G_m,        m ~ Bin(n, (1 - b) alpha f),

where marks (probability b) are independent of all else and A' counts, of the free numbers, only those that are marked
and of |X| <= w, with their true law: no more is needed to lead a residual into [-w/2, w/2] without overstepping it. B'
is its mirror image and G the game at eps/w; the cover takes the labelled ones without a mark. The best of several w is
taken. Every choice from {0, 1} is one from {-1, 0, 1}; signed numbers, moreover, lead by |X|, not by max(X, 0) only.

**Lattices.** Where every number is a multiple of d, so is every sum, locked ones and both alphabets included: the
target min(r, d/2) is that far from all of them, and for eps below it nothing is ever covered, whatever n.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import inf, log, log2, nextafter, sqrt
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincc, ndtr

from slt.core.checks import flag, one_of, positive, shown, whole
from slt.core.first import first
from slt.core.keys import checked_seed
from slt.core.laws import Law, Uniform, checked_law
from slt.core.rates import READINGS, Rates
from theory.arguments import checked_delta, checked_eps, checked_n, checked_rates
from theory.estimate import DRAWS, Sizes, success_of
from theory.game import cover_failure
from theory.lattice import sums_below
from theory.laws import Side, binomial_weights, weight_error
from theory.models import (
    Cdf,
    continuous,
    density_steps,
    extent,
    law_below,
    moment,
    pitch,
    size_below,
    symmetric,
    thinning,
)
from theory.necessary import necessary_n
from theory.sufficient import failure_at_most, sufficient_n

Floats = NDArray[np.float64]

SMALLEST_DELTA = 1e-3  # the estimate averages over 2000 draws, too few to see rarer failures
SCAN_LIMIT = 4096  # beyond, no n is excluded and no split is tried
_SHARES = (0.15, 0.3, 0.45, 0.6, 0.7, 0.8, 0.9)  # of the free numbers, for the shift


class _Told(TypedDict):
    """What is handed on from one question to the others."""

    prune: float
    lock: float
    radius: float
    reading: str


@dataclass(frozen=True)
class Model:
    """Numbers of a law, their rates, the alphabet, and how far the targets reach; checked."""

    law: Law
    rates: Rates
    signed: bool
    radius: float

    @property
    def present(self) -> float | None:
        """The bound of a uniform law with choices from {0, 1}, which scaling makes the present one; else None."""
        return self.law.bound if isinstance(self.law, Uniform) and not self.signed else None


def model(law: Law | str, prune: float, lock: float, radius: float, signed: bool) -> Model:
    """Return the model of checked arguments."""
    law, rates, radius = checked_law(law), checked_rates(prune, lock), positive("radius", radius)
    far = 1000 * extent(law)
    if radius > far:
        raise ValueError(f"radius must be at most {far:g} for this law (tables grow with it), got {shown(radius)}")
    return Model(law, rates, flag("signed", signed), radius)


def never_covered(law: Law | str, eps: float, radius: float = 1.0) -> bool:
    """Whether it is proven that no number of variables, of any rates and alphabet, ever covers [-radius, radius].

    Statement: with all numbers in dZ (:func:`pitch`) all sums, T included, lie in dZ. So min(radius, d/2), and it as a
    single target, is that far from every sum; where eps is less, success has probability 0 for every n.

    >>> never_covered("constant 1", 0.49), never_covered("constant 1", 0.5), never_covered("normal", 0.01)
    (True, False, False)
    """
    d = pitch(checked_law(law))
    return d is not None and Fraction(checked_eps(eps)) < min(Fraction(radius), d / 2)


# what is necessary


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
    if never_covered(asked.law, eps, asked.radius):
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
    """Return the smallest n that no bound excludes, or None where no n ever suffices (:func:`never_covered`).

    A uniform law with choices from {0, 1} is the present one scaled (:func:`theory.necessary.necessary_n`). Relation:
    lower bound; every smaller n fails with probability above delta. Nothing above n = 4096 is excluded.

    >>> law_necessary_n(0.01, 0.05, law="normal 0.5"), law_necessary_n(0.1, 0.05, law="constant 1")
    (15, None)
    """
    asked, eps, delta = model(law, prune, lock, radius, signed), checked_eps(eps), checked_delta(delta)
    reading = one_of("reading", reading, READINGS)
    if eps >= asked.radius:
        return 0
    if never_covered(asked.law, eps, asked.radius):
        return None
    scaled = _scaled(asked.present, eps, asked.radius, outward=False) if asked.present else None
    if scaled:
        return necessary_n(scaled[0], delta, prune=prune, lock=lock, radius=scaled[1], reading=reading)
    return _necessary(asked, eps, delta, reading == "uniform")


@lru_cache(maxsize=256)
def _necessary(asked: Model, eps: float, delta: float, uniform: bool) -> int:
    start = first(lambda n: bool(_counting(asked, np.array([n]), eps, uniform)[0] <= delta), 0)
    while start < SCAN_LIMIT:
        stop = max(32, 2 * start)
        batch = np.arange(start, stop)
        open_ones = batch[_reach(asked, batch, eps, uniform) <= delta]
        if len(open_ones):
            return int(open_ones[0])
        start = stop
    return start


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


def _reach(asked: Model, n: NDArray[np.int64] | list[int], eps: float, uniform: bool) -> Floats:
    """Bound the probability that an end is out of reach from below, for each n in a range of them."""
    counts, short = np.asarray(n), Fraction(asked.radius) - Fraction(eps)
    sides = (False,) if symmetric(asked.law) else (False, True)
    ends = [sums_below(*_reached(asked, "lower", mirrored), short, counts, "lower") for mirrored in sides]
    if not uniform:
        return np.maximum(ends[0], ends[-1])
    both = sums_below(*_spread(asked), short if asked.signed else 2 * short, counts, "upper")
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


# what suffices


def law_sufficient_n(
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
    """Return an n that suffices with probability 1 - delta, by thinning; None where the law contains no uniform.

    A uniform law with choices from {0, 1} is the present one scaled. Relation: upper bound, uniform in z (so for both
    readings). With nothing locked every larger n suffices, else only this n is claimed. None also where the split would
    need more than 4096 variables.

    >>> law_sufficient_n(0.1, 0.1, law="normal"), law_sufficient_n(0.1, 0.1, law="integers 3")
    (32, None)
    """
    asked, eps, delta = model(law, prune, lock, radius, signed), checked_eps(eps), checked_delta(delta)
    one_of("reading", reading, READINGS)
    if eps >= asked.radius:
        return 0
    scaled = _scaled(asked.present, eps, asked.radius, outward=True) if asked.present else None
    if scaled:
        return sufficient_n(scaled[0], delta, prune=prune, lock=lock, radius=scaled[1])
    found = []
    for w in _windows(asked, eps, delta):
        alpha = thinning(asked.law, w)
        ends = _scaled(w, eps, asked.radius, outward=True)
        if asked.rates.lock == 0 and ends:
            found.append(sufficient_n(ends[0], delta, prune=1 - alpha * asked.rates.free, radius=ends[1]))
        if asked.rates.lock > 0 or (asked.signed and asked.radius > 4 * w):
            found.append(_split(asked, eps, delta, w, alpha) or 0)
    return min((n for n in found if n), default=None)


def law_failure_at_most(
    n: int,
    eps: float,
    *,
    law: Law | str,
    signed: bool = False,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
) -> float:
    """Bound the failure probability with n variables from above, by thinning; 1 where the law contains no uniform.

    Relation: upper bound, uniform in z; the best of a few w and shares of marks.

    >>> law_failure_at_most(80, 0.1, law="normal") < 0.01, law_failure_at_most(80, 0.1, law="constant")
    (True, 1.0)
    """
    asked, eps, n = model(law, prune, lock, radius, signed), checked_eps(eps), checked_n(n)
    if eps >= asked.radius and (n == 0 or asked.rates.lock == 0):
        return 0.0
    scaled = _scaled(asked.present, eps, asked.radius, outward=True) if asked.present else None
    if scaled:
        return failure_at_most(n, scaled[0], prune=prune, lock=lock, radius=scaled[1])
    found = [1.0]
    for w in _windows(asked, eps, 0.05):
        alpha, ends = thinning(asked.law, w), _scaled(w, eps, asked.radius, outward=True)
        if asked.rates.lock == 0 and ends:
            found.append(failure_at_most(n, ends[0], prune=1 - alpha * asked.rates.free, radius=ends[1]))
        if asked.rates.lock > 0 or asked.signed:
            best = min(_SHARES, key=lambda share: _near(asked, n, eps, w, alpha, share))
            found.append(split_failure(asked, n, eps, w, best))
    return min(found)


def _scaled(w: float | None, eps: float, radius: float, *, outward: bool) -> tuple[float, float] | None:
    """Return eps/w and radius/w, rounded so that they ask more (outward) or less, or None beyond what theory takes."""
    if w is None:
        return None
    small, large = (0.0, inf) if outward else (inf, 0.0)
    scaled = (eps, radius) if w == 1 else (nextafter(eps / w, small), nextafter(radius / w, large))
    return scaled if 1e-100 < scaled[0] < 1 and 1e-100 < scaled[1] <= 1000 else None


def _windows(asked: Model, eps: float, delta: float) -> list[float]:
    """Return the one or two w that look best: resolution and reach as the present law's bounds grow."""
    size, free = sqrt(3 * moment(asked.law, 2)), asked.rates.free

    def looks(w: float) -> float:
        used = thinning(asked.law, w) * free
        drift = free * _leading(asked, w)[0]
        if min(used, drift) <= 0 or w <= eps:
            return inf
        cover = (2.2 * max(log2(w / eps), 0.0) + 3 * log(1 / delta)) / used
        far = max(asked.radius - w / 2, 0.0) / drift
        return cover + far + 2 * log(2 / delta) * asked.rates.lock * moment(asked.law, 2) / drift**2

    tried = sorted({*(size * s for s in np.geomspace(0.1, 2, 24)), *density_steps(asked.law)}, key=looks)
    good = [w for w in tried if looks(w) < inf]
    others = [w for w in good if abs(log(w / good[0])) > 0.2] if asked.rates.lock == 0 else []
    return good[:1] + others[:1]


@lru_cache(maxsize=1024)
def _leading(asked: Model, w: float) -> tuple[float, float]:
    """Return about E Z and E Z^2, Z = max(X, 0) or, signed, |X| where |X| <= w, and else 0."""
    x = np.linspace(0.0, w, 201)
    size = size_below(asked.law, "lower")(x, False)
    left = np.clip(size[-1] - size, 0.0, 1.0) * (1.0 if asked.signed else 0.5)
    return float(np.trapezoid(left, x)), float(np.trapezoid(2 * x * left, x))


def split_failure(asked: Model, n: int, eps: float, w: float, marked: float) -> float:
    """Bound the failure probability from above by the split of the module's docstring, for any w and share of marks."""
    sides = (False,) if symmetric(asked.law) else (False, True)
    spread = sqrt(moment(asked.law, 2))
    short = Fraction(asked.radius) - Fraction(w) / 2
    late = [
        float(
            sums_below(_lead(asked, w, marked, mirrored), extent(asked.law), spread, short, np.array([n]), "upper")[0]
        )
        for mirrored in sides
    ]
    return min(late[0] + late[-1] + _uncovered(asked, n, eps, w, thinning(asked.law, w), marked), 1.0)


def _lead(asked: Model, w: float, marked: float, mirrored: bool) -> Cdf:
    """Upper bounds of the distribution function of a term of A', or of B'."""
    rates = asked.rates
    locked = law_below(asked.law, "upper", mirrored)
    up, low = (
        size_below(asked.law, side) if asked.signed else law_below(asked.law, side, mirrored)
        for side in ("upper", "lower")
    )
    share = marked * rates.free
    within = float(low(np.array([w]), False)[0])

    def cdf(x: Floats, strict: bool) -> Floats:
        zero = np.where(x > 0, 1.0, 0.0) if strict else np.where(x >= 0, 1.0, 0.0)
        # P(Z <= x) = 1 - P(x < X <= w) for 0 <= x < w
        part = np.where(x >= w, 1.0, np.clip(1 - within + up(x, strict), 0.0, 1.0))
        fixed = rates.lock * locked(x, strict) if rates.lock else np.zeros(x.shape)
        return fixed + share * zero * part + max(1 - rates.lock - share, 0.0) * zero

    return cdf


def _uncovered(asked: Model, n: int, eps: float, w: float, alpha: float, marked: float) -> float:
    """Bound the mean of G_m over the number m of labelled free numbers without a mark."""
    return cover_failure(n, eps / w, free=(1 - marked) * alpha * asked.rates.free) if eps < w / 2 else 0.0


def _near(asked: Model, n: int, eps: float, w: float, alpha: float, marked: float) -> float:
    """Return about the split, by a normal law of the reach."""
    mean, square = _leading(asked, w)
    drift = marked * asked.rates.free * mean
    spread = asked.rates.lock * moment(asked.law, 2) + marked * asked.rates.free * square - drift**2
    late = 2 * float(ndtr((asked.radius - w / 2 - n * drift) / sqrt(max(n * spread, 0.0) + 1e-12)))
    return min(late + _uncovered(asked, n, eps, w, alpha, marked), 1.0)


def _split(asked: Model, eps: float, delta: float, w: float, alpha: float) -> int | None:
    """Return an n at which the split is at most delta, for the share of marks that a normal law finds best."""

    def guess(marked: float) -> int:
        return first(lambda n: _near(asked, n, eps, w, alpha, marked) <= delta, 0, SCAN_LIMIT + 1, 64)

    guesses = {share: guess(share) for share in _SHARES}
    best = min(guesses, key=lambda share: guesses[share])
    if guesses[best] > SCAN_LIMIT:
        return None
    found = first(lambda n: split_failure(asked, n, eps, w, best) <= delta, 0, SCAN_LIMIT + 1, guesses[best])
    return found if found <= SCAN_LIMIT else None


# what is estimated


def estimable(law: Law | str, signed: bool = False) -> str | None:
    """Return why the estimate's model does not hold for a law, in words, or None where it does.

    >>> estimable("normal"), estimable("constant")
    (None, 'sums of numbers from a grid coincide, which the model of random sums does not know')
    """
    law = checked_law(law)
    if signed:
        return "the model counts 2^m sums; with signed choices there are 3^m"
    if not continuous(law):
        return "sums of numbers from a grid coincide, which the model of random sums does not know"
    return None if symmetric(law) else "the model takes sums to be symmetric about their middle"


def law_estimated_success(
    n: int,
    eps: float,
    *,
    law: Law | str,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
    draws: int = DRAWS,
    seed: int = 0,
) -> float | None:
    """Return :func:`theory.estimate.estimated_success` with values of a law, None where the estimate has no model.

    Relation: an estimate, not a bound; choices from {0, 1} only (:func:`estimable`).
    """
    asked, eps, n = model(law, prune, lock, radius, False), checked_eps(eps), checked_n(n)
    reading, draws, seed = one_of("reading", reading, READINGS), whole("draws", draws, 1), checked_seed(seed)
    if estimable(asked.law) is not None:
        return None
    if eps >= asked.radius and (n == 0 or asked.rates.lock == 0):
        return 1.0
    unit = 2 * moment(asked.law, 1)
    sizes = _sizes(asked.law)
    return success_of(sizes, n, eps / unit, asked.rates, asked.radius / unit, reading, draws, seed)


def law_estimated_n(
    eps: float,
    delta: float,
    *,
    law: Law | str,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
    draws: int = DRAWS,
    seed: int = 0,
) -> int | None:
    """Estimate the smallest n with success probability at least 1 - delta, None where the estimate has no model.

    The search is that of :func:`theory.estimate.estimated_n`, upwards from what is proven to be too few.
    """
    told: _Told = {"prune": prune, "lock": lock, "radius": radius, "reading": reading}
    least = law_necessary_n(eps, delta, law=law, **told)
    if estimable(law) is not None or least is None:
        return None
    if least == 0:
        return 0

    def reaches(n: int) -> bool:
        found = law_estimated_success(n, eps, law=law, **told, draws=draws, seed=seed)
        return found is not None and found >= 1 - delta

    low, high = least - 1, least
    while not reaches(high):
        low, high = high, high + max(1, high // 8)
    return first(reaches, low + 1, high)


@lru_cache(maxsize=64)
def _sizes(law: Law) -> Sizes:
    """|X| in units of twice its mean: its quantiles interpolated between 4001 points."""
    unit = 2 * moment(law, 1)
    x = extent(law) * np.concatenate([[0.0], np.geomspace(1e-9, 1, 4000)])
    upto = np.maximum.accumulate(size_below(law, "lower")(x, False))
    upto, which = np.unique(upto, return_index=True)
    return Sizes(
        lambda level: np.interp(level, upto, x[which] / unit),
        0.5,
        moment(law, 2) / unit**2,
        moment(law, 4) / unit**4,
    )


def unestimated(law: Law | str, signed: bool, delta: float) -> str | None:
    """Return why there is no estimate of a requirement, in words, or None where there is one."""
    reason = estimable(law, signed)
    if reason is None and delta < SMALLEST_DELTA:
        reason = f"{DRAWS} draws cannot show failures rarer than {SMALLEST_DELTA:g}"
    return reason


def law_notes(law: Law, signed: bool, delta: float, necessary: int | None, sufficient: int | None) -> dict[str, str]:
    """Return why numbers of a requirement are not known, by name; nothing of those that are.

    necessary, sufficient: what :func:`law_necessary_n` and :func:`law_sufficient_n` have found.
    """
    if necessary is None:
        return dict.fromkeys(("necessary", "estimated", "sufficient"), _never(law))
    notes = {}
    reason = unestimated(law, signed, delta)
    if reason:
        notes["estimated"] = f"no estimate: {reason}"
    if sufficient is None:
        notes["sufficient"] = _no_upper(law)
    return notes


# all three


@dataclass(frozen=True, slots=True)
class LawRequirement:
    """How many numbers of a law are needed; None where no number is known, for the reason among ``notes``."""

    eps: float
    delta: float
    law: str
    signed: bool
    prune: float
    lock: float
    radius: float
    reading: str
    necessary: int | None
    estimated: int | None
    sufficient: int | None
    notes: dict[str, str]

    @property
    def lines(self) -> tuple[tuple[str, str, str], ...]:
        """Name, value and meaning of the three numbers, as texts."""
        meaning = {
            "necessary": f"every smaller n is proven to fail more often than {self.delta:g}",
            "estimated": "estimate of the smallest n that is enough",
            "sufficient": f"it is proven to be enough (failure at most {self.delta:g})",
        }
        numbers = {"necessary": self.necessary, "estimated": self.estimated, "sufficient": self.sufficient}
        return tuple(
            (name, "-" if found is None else str(found), self.notes.get(name, meaning[name]))
            for name, found in numbers.items()
        )

    @property
    def question(self) -> str:
        """What the numbers are asked for, in a line."""
        return f"n for eps = {self.eps:g}, delta = {self.delta:g}, {_described(self)}"


@dataclass(frozen=True, slots=True)
class LawSuccess:
    """How likely n numbers of a law are to serve all targets: proven bounds, and an estimate where there is one."""

    eps: float
    n: int
    law: str
    signed: bool
    prune: float
    lock: float
    radius: float
    reading: str
    lower: float
    estimated: float | None
    upper: float
    notes: dict[str, str]

    @property
    def lines(self) -> tuple[tuple[str, str, str], ...]:
        """Name, value and meaning of the three numbers, as texts."""
        guess = "-" if self.estimated is None else f"{self.estimated:.4f}"
        at_least, at_most = (
            "the probability is proven to be at least this",
            "the probability is proven to be at most this",
        )
        return (
            ("lower", f"{self.lower:.4f}", self.notes.get("lower", at_least)),
            ("estimated", guess, self.notes.get("estimated", "sharp estimate, not proven")),
            ("upper", f"{self.upper:.4f}", self.notes.get("upper", at_most)),
        )

    @property
    def question(self) -> str:
        """What the numbers are asked for, in a line."""
        return f"Success with n = {self.n}, eps = {self.eps:g}, {_described(self)}"


def law_requirement(
    eps: float,
    delta: float,
    *,
    law: Law | str,
    signed: bool = False,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
) -> LawRequirement:
    """Return how many numbers of a law are necessary, estimated and sufficient, and why where one is not known.

    >>> found = law_requirement(0.1, 0.1, law="constant 1")
    >>> found.necessary, found.estimated, found.sufficient
    (None, None, None)
    """
    law = checked_law(law)
    told: _Told = {"prune": prune, "lock": lock, "radius": radius, "reading": reading}
    necessary = law_necessary_n(eps, delta, law=law, signed=signed, **told)
    sufficient, estimated = None, None
    if necessary is not None:
        sufficient = law_sufficient_n(eps, delta, law=law, signed=signed, **told)
        if unestimated(law, signed, delta) is None:
            estimated = law_estimated_n(eps, delta, law=law, **told)
    notes = law_notes(law, signed, delta, necessary, sufficient)
    return LawRequirement(
        eps, delta, str(law), signed, prune, lock, radius, reading, necessary, estimated, sufficient, notes
    )


def law_success(
    eps: float,
    *,
    n: int,
    law: Law | str,
    signed: bool = False,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
) -> LawSuccess:
    """Return proven bounds of the success probability with n numbers of a law, and the estimate where there is one."""
    law = checked_law(law)
    told: _Told = {"prune": prune, "lock": lock, "radius": radius, "reading": reading}
    upper = 1 - law_failure_at_least(n, eps, law=law, signed=signed, **told)
    lower = 1 - law_failure_at_most(n, eps, law=law, signed=signed, prune=prune, lock=lock, radius=radius)
    estimated, notes = None, {}
    if never_covered(law, eps, radius):
        notes = {"upper": _never(law), "estimated": _never(law)}
    elif reason := estimable(law, signed):
        notes["estimated"] = f"no estimate: {reason}"
    else:
        estimated = law_estimated_success(n, eps, law=law, **told)
        estimated = None if estimated is None else min(max(estimated, lower), upper)
    if lower == 0 and not never_covered(law, eps, radius) and thinning_of_all(law) == 0:
        notes["lower"] = _no_upper(law)
    return LawSuccess(eps, n, str(law), signed, prune, lock, radius, reading, lower, estimated, upper, notes)


def thinning_of_all(law: Law) -> float:
    """Return the best alpha over all w: 0 where a law contains no uniform."""
    size = sqrt(3 * moment(law, 2))
    return max(thinning(law, w) for w in (*(size * s for s in (0.03, 0.1, 0.3, 0.6, 1.0)), *density_steps(law)))


def _never(law: Law) -> str:
    return f"nothing is ever covered: all sums are multiples of {float(pitch(law) or 0):g}, so one target is too far"


def _no_upper(law: Law) -> str:
    if thinning_of_all(law) == 0:
        return "not known: the law has no density around 0, which our proof needs"
    return f"not known: our bound would need more than {SCAN_LIMIT} numbers"


def _described(found: LawRequirement | LawSuccess) -> str:
    alphabet = ", signed" if found.signed else ""
    rates = f"prune = {found.prune:g}, lock = {found.lock:g}"
    return f"{rates} (|z| <= {found.radius:g}, {found.reading}), numbers: {found.law}{alphabet}"
