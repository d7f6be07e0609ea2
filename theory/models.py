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

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import exp, gcd, inf, lcm, log, log2, nextafter, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincc, ndtr

from slt.core.checks import flag, one_of, shown
from slt.core.first import first
from slt.core.laws import Constant, Integers, Law, Mixture, Normal, Own, Product, Uniform, checked_law
from slt.core.rates import READINGS, Rates
from theory.arguments import checked_delta, checked_eps, checked_n, checked_rates
from theory.game import cover_failure
from theory.lattice import Side, sums_below
from theory.laws import binomial_weights, weight_error
from theory.necessary import necessary_n
from theory.sufficient import sufficient_n

Floats = NDArray[np.float64]

SCAN_LIMIT = 4096  # beyond, no n is excluded and no split is tried
_CELLS = 200  # of either sign, into which the first factor of a product is cut
_DEEPEST = 1e-5  # smallest cell of a factor, in units of the largest number
_FAR = 9.0  # standard deviations beyond which a normal law has less than 1e-18
_SHARES = (0.15, 0.3, 0.45, 0.6, 0.7, 0.8, 0.9)  # of the free numbers, for the shift
_GIVEN = 1 - 1e-9  # of a density, for its rounding


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
    from slt.core.checks import positive

    law, rates, radius = checked_law(law), checked_rates(prune, lock), positive("radius", radius)
    far = 1000 * extent(law)
    if radius > far:
        raise ValueError(f"radius must be at most {far:g} for this law (tables grow with it), got {shown(radius)}")
    return Model(law, rates, flag("signed", signed), radius)


# what a law is


def below(law: Law, x: Floats, side: Side, *, strict: bool = False) -> Floats:
    """Bound P(X <= x), or P(X < x) if strict, from ``side``; exact up to rounding but for products.

    A product X Y: X is cut into cells of one sign. Given a cell, P(X Y <= x) lies between the values at its two ends,
    since x / t is monotone in t there.

    >>> below(Normal(), np.array([0.0, 1.0]), "lower").round(4)
    array([0.5   , 0.8413])
    """
    match law:
        case Uniform(bound):
            return np.clip((x / bound + 1) / 2, 0.0, 1.0)
        case Normal(sigma):
            return ndtr(x / sigma)
        case Constant(c):
            return (np.where(strict, x > -c, x >= -c) + np.where(strict, x > c, x >= c)) / 2.0
        case Integers(M):
            k = np.clip(np.ceil(x) - 1 if strict else np.floor(x), -M - 1, M)
            return np.where(k < 0, k + M + 1, k + M) / (2 * M)
        case Own(values):
            return np.searchsorted(np.sort(values), x, side="left" if strict else "right") / len(values)
        case Mixture(parts):
            return sum((weight * below(part, x, side, strict=strict) for weight, part in parts), np.zeros(x.shape))
        case Product(one, two):
            return _product_below(one, two, np.asarray(x), side, strict)


def _product_below(one: Law, two: Law, x: Floats, side: Side, strict: bool) -> Floats:
    if _has_product(one):
        one, two = two, one
    total = np.zeros(x.shape)
    choose = np.minimum if side == "lower" else np.maximum
    other: Side = "upper" if side == "lower" else "lower"
    at_zero = float(side == "upper")

    def given(t: float, sign: int) -> Floats:
        if t == 0:  # the limit from the cell's side; an atom at 0 is nearer to the safe side than what is said here
            return np.where(x == 0, at_zero, x > 0).astype(np.float64)
        with np.errstate(over="ignore"):
            ratio = x / t
        return below(two, ratio, side, strict=strict) if sign > 0 else 1 - below(two, ratio, other, strict=not strict)

    for weight, low, high in cells(one):
        sign = 1 if low + high > 0 else -1
        total += weight * (given(low, sign) if low == high else choose(given(low, sign), given(high, sign)))
    return total


@lru_cache(maxsize=64)
def cells(law: Law) -> tuple[tuple[float, float, float], ...]:
    """Cut a law into (probability, low, high), each cell of one sign; raise ValueError for a product."""
    match law:
        case Constant(c):
            return (0.5, -c, -c), (0.5, c, c)
        case Mixture(parts):
            return tuple((weight * p, a, b) for weight, part in parts for p, a, b in cells(part))
        case Product():
            raise ValueError("law must have no product of two products: no bounds are known to us")
        case Own(values) if len(set(values)) <= _CELLS:
            return tuple((values.count(v) / len(values), v, v) for v in sorted(set(values)))
        case Integers(M) if M <= _CELLS // 2:
            return tuple((0.5 / M, float(s * k), float(s * k)) for k in range(1, M + 1) for s in (-1, 1))
    far = extent(law)
    ends = far * np.unique(np.concatenate([np.geomspace(_DEEPEST, 1, _CELLS), np.linspace(0, 1, _CELLS + 1)]))
    ends = np.concatenate([-ends[:0:-1], ends])
    upto = below(law, ends, "lower")
    upto[-1] = 1.0
    found = []
    if upto[0] > 0:  # what lies at the lower end or, with a probability below 1e-18, beyond it
        found.append((float(upto[0]), float(ends[0]), float(ends[0])))
    for a, b, p in zip(ends, ends[1:], np.diff(upto), strict=False):
        if p > 0:
            found.append((float(p), float(a), float(b)))
    return tuple(found)


def _has_product(law: Law) -> bool:
    if isinstance(law, Mixture):
        return any(_has_product(part) for _, part in law.parts)
    return isinstance(law, Product)


def extent(law: Law) -> float:
    """Return the largest |x| of a law; for a normal one, a size that |x| exceeds with a probability below 1e-18.

    >>> extent(Product(Uniform(0.5), Normal(2.0)))
    9.0
    """
    match law:
        case Uniform(bound):
            return bound
        case Normal(sigma):
            return _FAR * sigma
        case Constant(c):
            return c
        case Integers(M):
            return float(M)
        case Product(one, two):
            return extent(one) * extent(two)
        case Mixture(parts):
            return max(extent(part) for _, part in parts)
        case Own(values):
            return max(map(abs, values))


def moment(law: Law, power: int) -> float:
    """Return E |X|^power for power 1, 2 or 4.

    >>> moment(Uniform(), 2), moment(Normal(2.0), 4)
    (0.3333333333333333, 48.0)
    """
    match law:
        case Uniform(bound):
            return bound**power / (power + 1)
        case Normal(sigma):
            return {1: sqrt(2 / pi), 2: 1.0, 4: 3.0}[power] * sigma**power
        case Constant(c):
            return c**power
        case Integers(M):
            return float(np.mean(np.arange(1.0, M + 1) ** power))
        case Product(one, two):
            return moment(one, power) * moment(two, power)
        case Mixture(parts):
            return sum(weight * moment(part, power) for weight, part in parts)
        case Own(values):
            return float(np.mean(np.abs(values) ** power))


def symmetric(law: Law) -> bool:
    """Whether X and -X have the same law."""
    match law:
        case Own(values):
            return sorted(values) == sorted(-v for v in values)
        case Product(one, two):
            return symmetric(one) or symmetric(two)
        case Mixture(parts):
            return all(symmetric(part) for _, part in parts)
    return True


def continuous(law: Law) -> bool:
    """Whether no number has a probability of its own, as the estimate's model needs.

    >>> continuous(Product(Constant(2.0), Normal())), continuous(Mixture(((0.5, Normal()), (0.5, Constant()))))
    (True, False)
    """
    match law:
        case Uniform() | Normal():
            return True
        case Product(one, two):
            rest = two if continuous(one) else one
            return (continuous(one) or continuous(two)) and not (isinstance(rest, Own) and 0 in rest.values)
        case Mixture(parts):
            return all(continuous(part) for _, part in parts)
    return False


def density_floor(law: Law, w: float) -> float:
    """Return d such that the law has a density of at least d on [-w, w], beside whatever else it has; 0 where none.

    Product X Y: its density at z is E f_Y(z / X) / |X|. In a cell a <= |X| <= b of the first factor it is at least
    d_Y(w / a) / b, since floors fall with w.

    >>> density_floor(Uniform(2.0), 1.0), density_floor(Uniform(), 1.5), density_floor(Integers(3), 0.1)
    (0.24999999975, 0.0, 0.0)
    """
    match law:
        case Uniform(bound):
            return _GIVEN / (2 * bound) if w <= bound else 0.0
        case Normal(sigma):
            return _GIVEN * exp(-((w / sigma) ** 2) / 2) / (sigma * sqrt(2 * pi))
        case Mixture(parts):
            return sum(weight * density_floor(part, w) for weight, part in parts) * _GIVEN
        case Product(one, two):
            return max(_product_floor(one, two, w), _product_floor(two, one, w))
    return 0.0


def _product_floor(one: Law, two: Law, w: float) -> float:
    if _has_product(one) or (not isinstance(one, Constant) and density_floor(two, SMALL * extent(two)) == 0):
        return 0.0
    total = 0.0
    for weight, low, high in cells(one):
        a, b = sorted((abs(low), abs(high)))
        if a > 0:
            total += weight * density_floor(two, w / a) / b
    return total * _GIVEN


SMALL = 1e-9


def pitch(law: Law) -> Fraction | None:
    """Return the largest d of which every number is a whole multiple, or None where there is none.

    >>> pitch(Mixture(((0.5, Constant(0.75)), (0.5, Integers(7)))))
    Fraction(1, 4)
    """
    match law:
        case Constant(c):
            return Fraction(c)
        case Integers():
            return Fraction(1)
        case Own(values):
            return _common([Fraction(v) for v in values])
        case Product(one, two):
            first_pitch, second_pitch = pitch(one), pitch(two)
            return first_pitch * second_pitch if first_pitch and second_pitch else None
        case Mixture(parts):
            pitches = [pitch(part) for _, part in parts]
            return _common([d for d in pitches if d]) if all(pitches) else None
    return None


def _common(numbers: list[Fraction]) -> Fraction:
    return Fraction(gcd(*(x.numerator for x in numbers)), lcm(*(x.denominator for x in numbers)))


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


Cdf = Callable[[Floats, bool], Floats]  # bounds of P(Y <= x), or of P(Y < x) where the flag is set


def _of(law: Law, side: Side, mirrored: bool) -> Cdf:
    """Bounds of P(X <= x), or of P(-X <= x)."""
    other: Side = "upper" if side == "lower" else "lower"
    if mirrored:
        return lambda x, strict: 1 - below(law, -x, other, strict=not strict)
    return lambda x, strict: below(law, x, side, strict=strict)


def _size_of(law: Law, side: Side) -> Cdf:
    """Bounds of P(|X| <= x)."""
    other: Side = "upper" if side == "lower" else "lower"

    def cdf(x: Floats, strict: bool) -> Floats:
        inside = below(law, x, side, strict=strict) - below(law, -x, other, strict=not strict)
        return np.where(x < 0, 0.0, np.clip(inside, 0.0, 1.0))

    return cdf


def _reached(asked: Model, side: Side, mirrored: bool) -> tuple[Cdf, float, float]:
    """The law of Y, and the size and the spread of its values."""
    locked = _of(asked.law, side, mirrored)
    size = _size_of(asked.law, side)
    rates = asked.rates

    def cdf(x: Floats, strict: bool) -> Floats:
        zero = np.where(x > 0, 1.0, 0.0) if strict else np.where(x >= 0, 1.0, 0.0)
        free = size(x, strict) if asked.signed else zero * locked(x, strict)
        still = max(1 - rates.lock - rates.free, 0.0)
        return (rates.lock * locked(x, strict) if rates.lock else 0.0) + rates.free * free + still * zero

    return cdf, extent(asked.law), sqrt(moment(asked.law, 2))


def _spread(asked: Model) -> tuple[Cdf, float, float]:
    """The law of |X| of a free variable, 0 of another."""
    size = _size_of(asked.law, "upper")

    def cdf(x: Floats, strict: bool) -> Floats:
        zero = np.where(x > 0, 1.0, 0.0) if strict else np.where(x >= 0, 1.0, 0.0)
        return asked.rates.free * size(x, strict) + (1 - asked.rates.free) * zero

    return cdf, extent(asked.law), sqrt(moment(asked.law, 2))


# what suffices


def thinning(law: Law, w: float) -> float:
    """Return alpha such that a number is, with probability alpha and independently of all else, uniform on [-w, w].

    >>> round(thinning(Normal(), 1.0), 4), thinning(Constant(), 0.5)
    (0.4839, 0.0)
    """
    return min(2 * w * density_floor(law, w), 1.0)


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
    (59, None)
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
    n: int, eps: float, w: float, marked: float, *, law: Law | str, signed: bool = False, prune: float = 0.0,
    lock: float = 0.0, radius: float = 1.0,
) -> float:  # fmt: skip
    """Bound the failure probability with n variables from above by the split of the module's docstring.

    w: the numbers that are used are uniform on [-w, w]; marked: the share b of those for the shift. Relation: upper
    bound for every w and b.
    """
    asked, eps = model(law, prune, lock, radius, signed), checked_eps(eps)
    return _split_bound(asked, checked_n(n), eps, w, thinning(asked.law, w), marked)


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

    tried = sorted({*(size * s for s in np.geomspace(0.1, 2, 24)), *_bounds(asked.law)}, key=looks)
    good = [w for w in tried if looks(w) < inf]
    others = [w for w in good if abs(log(w / good[0])) > 0.2] if asked.rates.lock == 0 else []
    return good[:1] + others[:1]


@lru_cache(maxsize=1024)
def _leading(asked: Model, w: float) -> tuple[float, float]:
    """Return about E Z and E Z^2, Z = max(X, 0) or, signed, |X| where |X| <= w, and else 0."""
    x = np.linspace(0.0, w, 201)
    size = _size_of(asked.law, "lower")(x, False)
    left = np.clip(size[-1] - size, 0.0, 1.0) * (1.0 if asked.signed else 0.5)
    return float(np.trapezoid(left, x)), float(np.trapezoid(2 * x * left, x))


def _bounds(law: Law) -> list[float]:
    """Where the density of a law may have a step."""
    match law:
        case Uniform(bound):
            return [bound]
        case Mixture(parts):
            return [w for _, part in parts for w in _bounds(part)]
        case Product(Constant(c), other) | Product(other, Constant(c)):
            return [c * w * (1 - 1e-12) for w in _bounds(other)]
    return []


def _split_bound(asked: Model, n: int, eps: float, w: float, alpha: float, marked: float) -> float:
    """Evaluate the split; for a law that is not symmetric, at both ends."""
    sides = (False,) if symmetric(asked.law) else (False, True)
    spread = sqrt(moment(asked.law, 2))
    short = Fraction(asked.radius) - Fraction(w) / 2
    late = [
        float(
            sums_below(_lead(asked, w, marked, mirrored), extent(asked.law), spread, short, np.array([n]), "upper")[0]
        )
        for mirrored in sides
    ]
    return min(late[0] + late[-1] + _uncovered(asked, n, eps, w, alpha, marked), 1.0)


def _lead(asked: Model, w: float, marked: float, mirrored: bool) -> Cdf:
    """Upper bounds of the distribution function of a term of A', or of B'."""
    rates = asked.rates
    locked = _of(asked.law, "upper", mirrored)
    up, low = (
        _size_of(asked.law, side) if asked.signed else _of(asked.law, side, mirrored) for side in ("upper", "lower")
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


def _split(asked: Model, eps: float, delta: float, w: float, alpha: float) -> int | None:
    """Return an n at which the split is at most delta, for the share of marks that a normal law finds best."""
    short = asked.radius - w / 2
    mean, square = _leading(asked, w)

    def near(n: int, marked: float) -> float:
        drift = marked * asked.rates.free * mean
        spread = asked.rates.lock * moment(asked.law, 2) + marked * asked.rates.free * square - drift**2
        late = 2 * float(ndtr((short - n * drift) / sqrt(n * spread + 1e-12)))
        return min(late + _uncovered(asked, n, eps, w, alpha, marked), 1.0)

    def guess(marked: float) -> int:
        return first(lambda n: near(n, marked) <= delta, 0, SCAN_LIMIT + 1, 64)

    guesses = {share: guess(share) for share in _SHARES}
    best = min(guesses, key=lambda share: guesses[share])
    if guesses[best] > SCAN_LIMIT:
        return None
    found = first(lambda n: _split_bound(asked, n, eps, w, alpha, best) <= delta, 0, SCAN_LIMIT + 1, guesses[best])
    return found if found <= SCAN_LIMIT else None
