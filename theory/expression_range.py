"""Between which values a part of an expression lies, and how it moves with each symbol, from its structure alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp, inf, isnan, log, sqrt

from theory.expression_read import STEEPEST
from theory.expression_tree import SYMBOLS, Node, symbols_in
from theory.expression_value import constant_value


@dataclass(frozen=True, slots=True)
class Range:
    """Values lie in [low, high]. trend by symbol: 1 never falls with it, -1 never rises, 0 both, None unknown.

    defined: the structure shows that there is a value everywhere; only the whole expression says so.
    """

    low: float
    high: float
    trend: Mapping[str, int | None]
    defined: bool = False

    @property
    def sign(self) -> int | None:
        """1 for a part that is never negative, -1 for one that is never positive, None where that is unknown."""
        return 1 if self.low >= 0 else -1 if self.high <= 0 else None

    def turned(self) -> "Range":
        """The range of the part with a minus before it."""
        return Range(-self.high, -self.low, {name: None if t is None else -t for name, t in self.trend.items()})


def range_of(node: Node, fixed: Mapping[str, tuple[float, float]], largest: float) -> Range:
    """Return the range of a part. fixed: (low, high) of symbols; largest: eps and delta are below it."""
    kind, *parts = node
    if kind == "number":
        return Range(parts[0], parts[0], dict.fromkeys(SYMBOLS, 0))
    if kind == "symbol":
        name = parts[0]
        low, high = fixed.get(name, (0.0, {"C": inf, "eps": largest, "delta": largest}.get(name, 1.0)))
        return Range(low, high, {**dict.fromkeys(SYMBOLS, 0), **({name: 1} if low < high else {})})
    if kind == "**":
        base = range_of(parts[0], fixed, largest)
        if symbols_in(parts[1]):
            power = range_of(parts[1], fixed, largest)
            return _monotone(_product(_monotone(base, _log), power), _exp)
        exponent = constant_value(parts[1])
        if base.sign == 1:
            found = _monotone(base, lambda x: _power(x, abs(exponent)))
            return found if exponent >= 0 else _reciprocal(found)
        return Range(-inf, inf, _unknown(base.trend))
    ranges = [range_of(part, fixed, largest) for part in parts]
    first = ranges[0]
    match kind:
        case "-" if len(parts) == 1:
            return first.turned()
        case "+" | "-":
            other = ranges[1] if kind == "+" else ranges[1].turned()
            return Range(first.low + other.low, first.high + other.high, _both(first.trend, other.trend))
        case "*":
            return _product(*ranges)
        case "/":
            return _product(first, _reciprocal(ranges[1]))
        case "log":
            return _monotone(first, _log)
        case "log2":
            return _monotone(first, lambda x: _log(x) / log(2))
        case "sqrt":
            return _monotone(first, lambda x: sqrt(max(x, 0.0)))
        case "exp":
            return _monotone(first, _exp)
    pick = min if kind == "min" else max
    for other in ranges[1:]:
        first = Range(pick(first.low, other.low), pick(first.high, other.high), _both(first.trend, other.trend))
    return first


def is_defined(node: Node, fixed: Mapping[str, tuple[float, float]], largest: float) -> bool:
    """Does the structure show that nothing negative has a logarithm or a root, and nothing is divided by 0?"""
    kind, *parts = node
    if kind in ("number", "symbol"):
        return True
    if not all(is_defined(part, fixed, largest) for part in parts):
        return False
    if kind in ("log", "log2", "sqrt", "**"):
        whole = kind == "**" and not symbols_in(parts[1]) and constant_value(parts[1]) in range(STEEPEST + 1)
        return whole or range_of(parts[0], fixed, largest).low >= 0
    return kind != "/" or range_of(parts[1], fixed, largest).sign is not None


def _monotone(part: Range, function: Callable[[float], float]) -> Range:
    return Range(function(part.low), function(part.high), part.trend)


def _log(x: float) -> float:
    return log(x) if 0 < x < inf else (inf if x == inf else -inf)


def _exp(x: float) -> float:
    return exp(x) if x < 700 else inf


def _power(x: float, exponent: float) -> float:
    try:
        return float(x**exponent)
    except OverflowError:
        return inf


def _both(one: Mapping[str, int | None], other: Mapping[str, int | None]) -> dict[str, int | None]:
    return {name: _joined(one[name], other[name]) for name in SYMBOLS}


def _joined(one: int | None, other: int | None) -> int | None:
    if one in {0, other}:
        return other
    return one if other == 0 else None


def _unknown(trend: Mapping[str, int | None]) -> dict[str, int | None]:
    return {name: 0 if t == 0 else None for name, t in trend.items()}


def _product(one: Range, other: Range) -> Range:
    ends = [a * b for a in (one.low, one.high) for b in (other.low, other.high)]
    ends = [0.0 if isnan(end) else end for end in ends]  # 0 times infinity: values between are finite

    def moved(trend: int | None, sign: int | None) -> int | None:
        return 0 if trend == 0 else None if trend is None or sign is None else trend * sign

    trend = {name: _joined(moved(one.trend[name], other.sign), moved(other.trend[name], one.sign)) for name in SYMBOLS}
    return Range(min(ends), max(ends), trend)


def _reciprocal(part: Range) -> Range:
    if part.sign is None:
        return Range(-inf, inf, _unknown(part.trend))
    low, high = (1 / end if end else inf * (part.sign or 1) for end in (part.high, part.low))
    return Range(min(low, high), max(low, high), {name: None if t is None else -t for name, t in part.trend.items()})
