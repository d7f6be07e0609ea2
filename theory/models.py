"""What a law is, for bounds: distribution function, moments, density, lattice. Own code, not that which draws numbers.

It shares nothing with :mod:`subsetsum.laws` but the names of the laws (:mod:`slt.core.laws`).
"""

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import exp, gcd, lcm, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from slt.core.laws import PRESENT, Constant, Integers, Law, Mixture, Normal, Own, Product, Uniform, kaiming, law_of
from theory.laws import Side

Floats = NDArray[np.float64]

_CELLS = 200  # of either sign, into which the first factor of a product is cut
_DEEPEST = 1e-5  # smallest cell of a factor, in units of the largest number
_FAR = 9.0  # standard deviations beyond which a normal law has less than 1e-18
_SMALL = 1e-9  # of the largest number: where a density is highest
_GIVEN = 1 - 1e-9  # of a density, for its rounding


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
            return np.mean([x > end if strict else x >= end for end in (-c, c)], axis=0)
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


def halves(law: Law, power: int) -> tuple[float, float]:
    """Return E max(X, 0)^power and E max(-X, 0)^power for power 1, 2 or 4.

    >>> halves(Own((1.0, 2.0, -3.0)), 1), halves(Uniform(), 2)
    ((1.0, 1.0), (0.16666666666666666, 0.16666666666666666))
    """
    match law:
        case Own(values):
            x = np.array(values)
            return float(np.mean(np.maximum(x, 0) ** power)), float(np.mean(np.maximum(-x, 0) ** power))
        case Product(one, two):
            (a, b), (c, d) = halves(one, power), halves(two, power)
            return a * c + b * d, a * d + b * c
        case Mixture(parts):
            each = [(weight, halves(part, power)) for weight, part in parts]
            return sum(weight * up for weight, (up, _) in each), sum(weight * down for weight, (_, down) in each)
    return moment(law, power) / 2, moment(law, power) / 2


def one_sign(law: Law) -> int:
    """Return 1 where every number is at least 0, -1 where every number is at most 0, else 0.

    >>> one_sign(Own((0.0, 2.0))), one_sign(Own((-1.0, -2.0))), one_sign(Own((-1.0, 2.0)))
    (1, -1, 0)
    """
    match law:
        case Own(values):
            return (min(values) >= 0) - (max(values) <= 0)
        case Product(one, two):
            return one_sign(one) * one_sign(two)
        case Mixture(parts):
            signs = {one_sign(part) for _, part in parts}
            return signs.pop() if len(signs) == 1 else 0
    return 0


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
    if _has_product(one) or (not isinstance(one, Constant) and density_floor(two, _SMALL * extent(two)) == 0):
        return 0.0
    total = 0.0
    for weight, low, high in cells(one):
        a, b = sorted((abs(low), abs(high)))
        if a > 0:
            total += weight * density_floor(two, w / a) / b
    return total * _GIVEN


@lru_cache(maxsize=64)
def pitch(law: Law) -> Fraction | None:
    """Return the largest d of which every number is a whole multiple, or None where there is none.

    Numbers are the decimals as which they are written: 0.1, 0.2 and 0.5 have the pitch 1/10, although the floating
    point numbers that stand for them differ from multiples of it by some 10^-17.

    >>> pitch(Mixture(((0.5, Constant(0.75)), (0.5, Integers(7))))), pitch(Own((0.1, -0.2, 0.5)))
    (Fraction(1, 4), Fraction(1, 10))
    """
    match law:
        case Constant(c):
            return decimal(c)
        case Integers():
            return Fraction(1)
        case Own(values):
            return _common([decimal(v) for v in set(values)])
        case Product(one, two):
            first_pitch, second_pitch = pitch(one), pitch(two)
            return first_pitch * second_pitch if first_pitch and second_pitch else None
        case Mixture(parts):
            pitches = [pitch(part) for _, part in parts]
            return _common([d for d in pitches if d]) if all(pitches) else None
    return None


def decimal(x: float) -> Fraction:
    """Return the number that is written: the shortest decimal that is read as this floating point number."""
    return Fraction(repr(float(x)))


def asked_law(text: str | None, fan_in: int | None, levels: int | None) -> Law:
    """Return the law that options ask for: a text, the fan-in of a Kaiming uniform layer, or whole numbers up to M.

    With levels the law is that of the whole numbers up to it unless a text says another one of whole numbers. Without
    any of the three it is the present law. Raises ValueError for a text that is no law, and for options that exclude
    each other.
    """
    if text is not None and fan_in is not None:
        raise ValueError("--law and --fan-in both say what the numbers are: give one of them")
    law: Law = PRESENT if levels is None else Integers(levels)
    if fan_in is not None:
        law = kaiming(fan_in)
    elif text is not None:
        law = law_of(text)
    if levels is not None:
        step = pitch(law)
        if step is None or step % 1:
            raise ValueError(f"--levels asks for a law of whole numbers, got {law}")
    return law


def _common(numbers: list[Fraction]) -> Fraction:
    return Fraction(gcd(*(x.numerator for x in numbers)), lcm(*(x.denominator for x in numbers)))


def thinning(law: Law, w: float) -> float:
    """Return alpha such that a number is, with probability alpha and independently of all else, uniform on [-w, w].

    >>> round(thinning(Normal(), 1.0), 4), thinning(Constant(), 0.5)
    (0.4839, 0.0)
    """
    return min(2 * w * density_floor(law, w), 1.0)


def density_steps(law: Law) -> list[float]:
    """Where the density of a law may have a step."""
    match law:
        case Uniform(bound):
            return [bound]
        case Mixture(parts):
            return [w for _, part in parts for w in density_steps(part)]
        case Product(Constant(c), other) | Product(other, Constant(c)):
            return [c * w * (1 - 1e-12) for w in density_steps(other)]
    return []


Cdf = Callable[[Floats, bool], Floats]  # bounds of P(Y <= x), or of P(Y < x) where the flag is set


def law_below(law: Law, side: Side, mirrored: bool) -> Cdf:
    """Bounds of P(X <= x), or of P(-X <= x)."""
    other: Side = "upper" if side == "lower" else "lower"
    if mirrored:
        return lambda x, strict: 1 - below(law, -x, other, strict=not strict)
    return lambda x, strict: below(law, x, side, strict=strict)


def size_below(law: Law, side: Side) -> Cdf:
    """Bounds of P(|X| <= x)."""
    other: Side = "upper" if side == "lower" else "lower"

    def cdf(x: Floats, strict: bool) -> Floats:
        inside = below(law, x, side, strict=strict) - below(law, -x, other, strict=not strict)
        return np.where(x < 0, 0.0, np.clip(inside, 0.0, 1.0))

    return cdf
