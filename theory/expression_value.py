"""Values as a sign and the logarithm of a size: eps = exp(-1e300) is a number here."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite, isnan, log, nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.expression_tree import Node, symbols_in

Floats = NDArray[np.float64]

_NOISE = 1e-9  # relative difference of two logarithms of sizes below which their difference is not trusted


@dataclass(frozen=True, slots=True)
class Far:
    """Values: sign is -1, 0 or 1, size the logarithm of the absolute value, NaN where there is no value."""

    sign: Floats
    size: Floats

    def negative(self) -> "Far":
        """Return -x."""
        return Far(-self.sign, self.size)

    def plus(self, other: "Far") -> "Far":
        """Return x + y, without a value where rounding would be all that is left."""
        ahead = self.size >= other.size
        large, small = np.where(ahead, self.size, other.size), np.where(ahead, other.size, self.size)
        gap = np.where(small == large, 0.0, small - large)
        same = self.sign * other.sign >= 0
        apart = np.where(gap > -log(2), np.log(-np.expm1(gap)), np.log1p(-np.exp(gap)))  # both precise near 0
        size = large + np.where(same, np.log1p(np.exp(gap)), apart)
        size = np.where(np.isneginf(large), -inf, size)
        size = np.where(np.isposinf(large), np.where(same | (gap < 0), inf, nan), size)
        size = np.where(np.isnan(self.size) | np.isnan(other.size), nan, size)
        sign = np.where(ahead, self.sign, other.sign)
        lost = ~same & (gap != 0) & (np.abs(gap) < _NOISE * np.maximum(np.abs(self.size), np.abs(other.size)))
        size = np.where(lost, nan, size)  # a difference within the rounding of the two
        # 0 + 0 has size -inf, and equal sizes of one sign must not count a zero twice
        both = (self.sign != 0) & (other.sign != 0)
        size = np.where(same & ~both, large, size)
        return Far(np.where(np.isneginf(size), 0.0, sign), size)

    def times(self, other: "Far") -> "Far":
        """Return x y."""
        sign = self.sign * other.sign
        size = self.size + other.size  # 0 times infinity: NaN
        most = np.maximum(np.abs(self.size), np.abs(other.size))
        lost = np.isfinite(size) & (most > 1 / _NOISE) & (np.abs(size) < 1e-3 * most)
        size = np.where(lost, nan, size)  # two far sizes that nearly cancel
        return Far(sign, np.where((sign == 0) & ~np.isnan(size), -inf, size))

    def power(self, exponent: float) -> "Far":
        """Return x to the power of a number."""
        bad = (self.sign < 0) & (exponent != int(exponent)) if isfinite(exponent) else self.sign < 0
        sign = np.where(self.sign < 0, (-1.0) ** (int(exponent) % 2), self.sign)
        if exponent == 0:
            return Far(np.ones_like(sign), np.zeros_like(self.size))
        size = self.size * exponent
        return Far(np.where(np.isposinf(size) & (sign == 0), 1.0, sign), np.where(bad, nan, size))

    def log(self) -> "Far":
        """Return the natural logarithm."""
        size = np.where(self.sign > 0, self.size, np.where(self.sign == 0, -inf, nan))
        return real(np.where(np.isnan(self.size), nan, size))

    def exp(self) -> "Far":
        """Return e to the power of x."""
        size = np.where(self.sign == 0, 0.0, self.sign * np.exp(self.size))
        return Far(np.where(np.isneginf(size), 0.0, 1.0), size)

    def below(self, other: "Far") -> NDArray[np.bool_]:
        """Say where x < y."""
        gap = self.plus(other.negative())
        return gap.sign < 0

    def where(self, mask: NDArray[np.bool_], other: "Far") -> "Far":
        """Return x where the mask is set, else y."""
        unknown = np.isnan(self.size) | np.isnan(other.size)
        size = np.where(unknown, nan, np.where(mask, self.size, other.size))
        return Far(np.where(mask, self.sign, other.sign), size)


def real(value: ArrayLike) -> Far:
    """Return floating point numbers as such values."""
    number = np.asarray(value, float)
    return Far(np.sign(number), np.log(np.abs(number)))


def far_value(node: Node, values: Mapping[str, Far]) -> Far:
    """Return the value of a part; raise ValueError for a symbol without one."""
    kind, *parts = node
    if kind == "number":
        return real(parts[0])
    if kind == "symbol":
        if parts[0] not in values:
            raise ValueError(f"no value is given for {parts[0]}")
        return values[parts[0]]
    if kind == "**":
        base = far_value(parts[0], values)
        if not symbols_in(parts[1]):
            return base.power(constant_value(parts[1]))
        return base.log().times(far_value(parts[1], values)).exp()
    first, *others = (far_value(part, values) for part in parts)
    match kind:
        case "-" if not others:
            return first.negative()
        case "+":
            return first.plus(others[0])
        case "-":
            return first.plus(others[0].negative())
        case "*":
            return first.times(others[0])
        case "/":
            return first.times(others[0].power(-1))
        case "log":
            return first.log()
        case "log2":
            return first.log().times(real(1 / log(2)))
        case "sqrt":
            return first.power(0.5)
        case "exp":
            return first.exp()
    for other in others:
        first = first.where(first.below(other) == (kind == "min"), other)
    return first


def constant_value(node: Node) -> float:
    """Return the value of a part without symbols, NaN where it is undefined; whole numbers are exact."""
    if node[0] == "number":
        return float(node[1])
    with np.errstate(all="ignore"):
        found = far_value(node, {})
        value = float(found.sign * np.exp(found.size)) if found.sign != 0 else 0.0
    value = nan if isnan(found.size) else value
    return float(round(value)) if isfinite(value) and abs(value - round(value)) < 1e-12 * abs(value) else value


def powers_in(node: Node) -> set[float]:
    """Return the numbers that occur as exponents, and 0.5 where there is a root."""
    kind, *parts = node
    if kind in ("number", "symbol"):
        return set()
    own = (
        {0.5} if kind == "sqrt" else {constant_value(parts[1])} if kind == "**" and not symbols_in(parts[1]) else set()
    )
    return own.union(*(powers_in(part) for part in parts))
