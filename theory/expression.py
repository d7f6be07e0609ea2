"""The form of a claim: what n must be at least, as an expression that is read safely and evaluated at any distance.

An expression may hold numbers, the symbols C, eps, delta, p, q and f, the operations + - * / **, and the functions log,
log2, sqrt, exp, min and max. Three things are asked of it: its value, also where eps = exp(-10^100) (:meth:`Expression.
log_value`); whether it rises or falls with a symbol, decided from its structure (:meth:`Expression.trends`); and the
same expression for sympy, which knows limits (:meth:`Expression.symbolic`).
"""

import ast
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import exp, inf, isfinite, isnan, log, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Node = tuple[Any, ...]  # ("number", 2.0), ("symbol", "eps"), (name of an operation or function, Node, ..)

SYMBOLS = ("C", "eps", "delta", "p", "q", "f")
OPERATIONS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
FUNCTIONS = {"log": 1, "log2": 1, "sqrt": 1, "exp": 1, "min": 2, "max": 2}  # min and max take two or more
LONGEST = 400  # characters
DEEPEST = 40
STEEPEST = 100  # of an exponent that is a number, either way
_DIGITS = 1000  # of an exponent over a number, for sympy
_SHORT = 20  # digits of such a number
_NOISE = 1e-9  # relative difference of two logarithms of sizes below which their difference is not trusted
_LARGEST = 1e30  # of numbers, and of parts without symbols; 1 / _LARGEST is the smallest but for 0


class Undecided(Exception):
    """What sympy was asked for cannot be decided, or would take too long."""


@dataclass(frozen=True)
class Expression:
    """An expression in the symbols of a claim. text: as written. Raises ValueError where it cannot be read."""

    text: str

    def __post_init__(self) -> None:
        _ = self.tree

    @classmethod
    def of(cls, tree: Node) -> "Expression":
        """Return the expression of a tree that was read before."""
        made = cls.__new__(cls)
        made.__dict__.update(text=written(tree), tree=tree)
        return made

    @cached_property
    def tree(self) -> Node:
        """The expression as nested tuples."""
        return _parsed(self.text)

    @cached_property
    def symbols(self) -> frozenset[str]:
        """The symbols that occur in it."""
        return frozenset(_symbols(self.tree))

    @cached_property
    def powers(self) -> frozenset[float]:
        """The numbers that occur as exponents, and 0.5 where there is a root."""
        return frozenset(_powers(self.tree))

    def raised(self, name: str) -> bool:
        """Say whether a symbol occurs in an exponent."""
        return _raised(self.tree, name)

    def log_value(self, logs: Mapping[str, ArrayLike]) -> tuple[Floats, Floats]:
        """Return the sign (-1, 0, 1; NaN where the expression is undefined) and the log of the absolute value.

        logs: natural logarithm of each symbol, floats or arrays of one shape; -inf for a symbol that is 0.
        """
        with np.errstate(all="ignore"):
            found = _far(
                self.tree,
                {
                    name: _Far(np.where(np.isneginf(np.asarray(x, float)), 0.0, 1.0), np.asarray(x, float))
                    for name, x in logs.items()
                },
            )
        sign, size = np.broadcast_arrays(found.sign, found.size)
        return np.where(np.isnan(size), nan, sign), size

    def value(self, **values: float) -> float:
        """Return the value at positive numbers or zeros; NaN where it is undefined.

        >>> Expression("C * log(2/min(delta, eps))").value(C=1, eps=0.5, delta=0.25).__round__(4)
        2.0794
        """
        sign, size = self.log_value({name: log(x) if x > 0 else -inf for name, x in values.items()})
        with np.errstate(over="ignore"):
            return float(np.where(sign == 0, 0.0, sign * np.exp(size)))

    def trends(self, fixed: Mapping[str, float], largest: float = 1.0) -> "Range":
        """Return between which values it lies, and how it moves with each symbol.

        C > 0, eps and delta in (0, largest), and p, q, f in (0, 1), but for those that have ``fixed`` values. What is
        said follows from the structure alone and holds everywhere.
        """
        known = {name: (value, value) for name, value in fixed.items()}
        return replace(_range(self.tree, known, largest), defined=_defined(self.tree, known, largest))

    def symbolic(self, values: Mapping[str, Any], smaller: Callable[[Any, Any], bool]) -> Any:
        """Return the expression for sympy. values: of every symbol; smaller: decides min and max of two parts."""
        return _symbolic(self.tree, values, smaller)

    def factors(self) -> tuple[list[Node], list[Node]]:
        """Return the factors above and below the line of the whole expression."""
        return _factors(self.tree)


def symbols_of(node: Node) -> frozenset[str]:
    """Return the symbols that occur in a part of an expression."""
    return frozenset(_symbols(node))


def written(node: Node) -> str:
    """Return a part of an expression as text that can be read again."""
    kind, *parts = node
    if kind == "number":
        return repr(parts[0])
    if kind == "symbol":
        return str(parts[0])
    if kind in FUNCTIONS:
        return f"{kind}({', '.join(written(part) for part in parts)})"
    return f"({f' {kind} '.join(written(part) for part in parts)})" if len(parts) > 1 else f"(-{written(parts[0])})"


def _parsed(text: str) -> Node:
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"form must be an expression such as C * log(2/min(delta, eps)), got {text!r}")
    if len(text) > LONGEST:
        raise ValueError(f"form must have at most {LONGEST} characters, got {len(text)}")
    line = " ".join(text.split())
    if not line.isascii() or "#" in line:  # Python would take other letters for ours, and # for the end
        raise ValueError(f"form must be ASCII text without #, got {line!a}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python, about text that is refused below
            tree = ast.parse(line, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError(f"form cannot be read as an expression: {line}") from None
    return _node(tree, line, 0)


def _node(tree: ast.expr, line: str, depth: int) -> Node:
    if depth > DEEPEST:
        raise ValueError(f"form is nested more than {DEEPEST} deep: {line}")

    def inner(part: ast.expr) -> Node:
        return _node(part, line, depth + 1)

    def checked(node: Node) -> Node:
        if not _symbols(node):
            with np.errstate(all="ignore"):
                far = _far(node, {})
            if not (far.sign == 0 or abs(far.size) <= log(_LARGEST) + 1e-9) or isnan(far.size):
                raise ValueError(f"numbers of a form must lie between 1e-30 and 1e30, got {said}")
        if node[0] == "**" and not _symbols(node[2]) and abs(_constant(node[2])) > STEEPEST:
            raise ValueError(f"exponents of a form must lie between -{STEEPEST} and {STEEPEST}, got {said}")
        return node

    said = (ast.get_source_segment(line, tree) or line)[:60]
    match tree:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as value):
            if abs(value) > _LARGEST:  # no float may hold it
                raise ValueError(f"numbers of a form must lie between 1e-30 and 1e30, got {said}")
            return checked(("number", float(value)))
        case ast.Name(id=name):
            if name in SYMBOLS:
                return ("symbol", name)
            raise ValueError(f"form may use the symbols {', '.join(SYMBOLS)}, got {name}")
        case ast.UnaryOp(op=ast.USub(), operand=part):
            return checked(("-", inner(part)))
        case ast.UnaryOp(op=ast.UAdd(), operand=part):
            return inner(part)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATIONS:
            made = (OPERATIONS[type(op)], inner(left), inner(right))
            exact = _exact(made) if made[0] in "+-" else None  # what is left of large numbers must not be rounding
            return checked(made if exact is None else ("number", float(exact)))
        case ast.Call(func=ast.Name(id=name), args=parts, keywords=[]) if name in FUNCTIONS:
            most = 8 if name in ("min", "max") else 1
            if FUNCTIONS[name] <= len(parts) <= most:
                return checked((name, *(inner(part) for part in parts)))
            wanted = "two to eight parts" if most > 1 else "one part"
            raise ValueError(f"{name} takes {wanted}, got {len(parts)}: {line}")
        case ast.Call(func=ast.Name(id=name)):
            raise ValueError(f"form may use the functions {', '.join(FUNCTIONS)}, got {name}")
    raise ValueError(f"form may use numbers, symbols, + - * / ** and functions, got {said}")


def _exact(node: Node) -> Fraction | None:
    """Return the value of a part without symbols as a fraction, None where that is not to be had."""
    kind, *parts = node
    if kind == "number":
        return Fraction(str(parts[0]))
    if kind == "symbol" or kind not in ("+", "-", "*", "/"):
        return None
    values = [_exact(part) for part in parts]
    if None in values or (kind == "/" and values[1] == 0):
        return None
    first, *others = (value for value in values if value is not None)
    if not others:
        return -first
    other = others[0]
    return {"+": first + other, "-": first - other, "*": first * other}.get(kind) if kind != "/" else first / other


def _symbols(node: Node) -> set[str]:
    kind, *parts = node
    if kind == "symbol":
        return {parts[0]}
    return set() if kind == "number" else set().union(*(_symbols(part) for part in parts))


def _powers(node: Node) -> set[float]:
    kind, *parts = node
    if kind in ("number", "symbol"):
        return set()
    own = {0.5} if kind == "sqrt" else {_constant(parts[1])} if kind == "**" and not _symbols(parts[1]) else set()
    return own.union(*(_powers(part) for part in parts))


def _raised(node: Node, name: str) -> bool:
    kind, *parts = node
    if kind in ("number", "symbol"):
        return False
    inside = parts[1:] if kind == "**" else parts if kind == "exp" else []
    return any(name in _symbols(part) for part in inside) or any(_raised(part, name) for part in parts)


def _factors(node: Node) -> tuple[list[Node], list[Node]]:
    kind, *parts = node
    if kind not in ("*", "/"):
        return [node], []
    (above, below), (right_above, right_below) = (_factors(part) for part in parts)
    if kind == "/":
        right_above, right_below = right_below, right_above
    return above + right_above, below + right_below


# values as a sign and the logarithm of a size: eps = exp(-1e300) is a number here


@dataclass(frozen=True, slots=True)
class _Far:
    sign: Floats
    size: Floats

    def negative(self) -> "_Far":
        return _Far(-self.sign, self.size)

    def plus(self, other: "_Far") -> "_Far":
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
        return _Far(np.where(np.isneginf(size), 0.0, sign), size)

    def times(self, other: "_Far") -> "_Far":
        sign = self.sign * other.sign
        size = self.size + other.size  # 0 times infinity: NaN
        most = np.maximum(np.abs(self.size), np.abs(other.size))
        lost = np.isfinite(size) & (most > 1 / _NOISE) & (np.abs(size) < 1e-3 * most)
        size = np.where(lost, nan, size)  # two far sizes that nearly cancel
        return _Far(sign, np.where((sign == 0) & ~np.isnan(size), -inf, size))

    def power(self, exponent: float) -> "_Far":
        bad = (self.sign < 0) & (exponent != int(exponent)) if isfinite(exponent) else self.sign < 0
        sign = np.where(self.sign < 0, (-1.0) ** (int(exponent) % 2), self.sign)
        if exponent == 0:
            return _Far(np.ones_like(sign), np.zeros_like(self.size))
        size = self.size * exponent
        return _Far(np.where(np.isposinf(size) & (sign == 0), 1.0, sign), np.where(bad, nan, size))

    def log(self) -> "_Far":
        size = np.where(self.sign > 0, self.size, np.where(self.sign == 0, -inf, nan))
        return _real(np.where(np.isnan(self.size), nan, size))

    def exp(self) -> "_Far":
        size = np.where(self.sign == 0, 0.0, self.sign * np.exp(self.size))
        return _Far(np.where(np.isneginf(size), 0.0, 1.0), size)

    def below(self, other: "_Far") -> NDArray[np.bool_]:
        gap = self.plus(other.negative())
        return gap.sign < 0

    def where(self, mask: NDArray[np.bool_], other: "_Far") -> "_Far":
        unknown = np.isnan(self.size) | np.isnan(other.size)
        size = np.where(unknown, nan, np.where(mask, self.size, other.size))
        return _Far(np.where(mask, self.sign, other.sign), size)


def _real(value: ArrayLike) -> _Far:
    number = np.asarray(value, float)
    return _Far(np.sign(number), np.log(np.abs(number)))


def _far(node: Node, values: Mapping[str, _Far]) -> _Far:
    kind, *parts = node
    if kind == "number":
        return _real(parts[0])
    if kind == "symbol":
        if parts[0] not in values:
            raise ValueError(f"no value is given for {parts[0]}")
        return values[parts[0]]
    if kind == "**":
        base = _far(parts[0], values)
        if not _symbols(parts[1]):
            return base.power(_constant(parts[1]))
        return base.log().times(_far(parts[1], values)).exp()
    first, *others = (_far(part, values) for part in parts)
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
            return first.log().times(_real(1 / log(2)))
        case "sqrt":
            return first.power(0.5)
        case "exp":
            return first.exp()
    for other in others:
        first = first.where(first.below(other) == (kind == "min"), other)
    return first


def _constant(node: Node) -> float:
    """Return the value of a part without symbols, NaN where it is undefined; whole numbers are exact."""
    if node[0] == "number":
        return float(node[1])
    with np.errstate(all="ignore"):
        found = _far(node, {})
        value = float(found.sign * np.exp(found.size)) if found.sign != 0 else 0.0
    value = nan if isnan(found.size) else value
    return float(round(value)) if isfinite(value) and abs(value - round(value)) < 1e-12 * abs(value) else value


# between which values a part lies, and how it moves with each symbol


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


def _range(node: Node, fixed: Mapping[str, tuple[float, float]], largest: float) -> Range:
    kind, *parts = node
    if kind == "number":
        return Range(parts[0], parts[0], dict.fromkeys(SYMBOLS, 0))
    if kind == "symbol":
        name = parts[0]
        low, high = fixed.get(name, (0.0, {"C": inf, "eps": largest, "delta": largest}.get(name, 1.0)))
        return Range(low, high, {**dict.fromkeys(SYMBOLS, 0), **({name: 1} if low < high else {})})
    if kind == "**":
        base = _range(parts[0], fixed, largest)
        if _symbols(parts[1]):
            power = _range(parts[1], fixed, largest)
            return _monotone(_product(_monotone(base, _log), power), _exp)
        exponent = _constant(parts[1])
        if base.sign == 1:
            found = _monotone(base, lambda x: _power(x, abs(exponent)))
            return found if exponent >= 0 else _reciprocal(found)
        return Range(-inf, inf, _unknown(base.trend))
    ranges = [_range(part, fixed, largest) for part in parts]
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


def _defined(node: Node, fixed: Mapping[str, tuple[float, float]], largest: float) -> bool:
    """Does the structure show that nothing negative has a logarithm or a root, and nothing is divided by 0?"""
    kind, *parts = node
    if kind in ("number", "symbol"):
        return True
    if not all(_defined(part, fixed, largest) for part in parts):
        return False
    if kind in ("log", "log2", "sqrt", "**"):
        whole = kind == "**" and not _symbols(parts[1]) and _constant(parts[1]) in range(STEEPEST + 1)
        return whole or _range(parts[0], fixed, largest).low >= 0
    return kind != "/" or _range(parts[1], fixed, largest).sign is not None


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


def _power_of_numbers(base: Any, exponent: Any) -> Any:
    """Return a power of a number; to 30 digits where sympy would factor or write out large integers."""
    import sympy

    if not exponent.is_number:
        return base**exponent
    if abs(float(exponent)) > _DIGITS:
        raise Undecided
    if exponent.is_Rational and exponent.q <= _DIGITS and base.is_Rational and max(abs(base.p), base.q) < 10**_SHORT:
        return base**exponent
    if not base.is_positive:
        raise Undecided
    size = sympy.N(exponent * sympy.log(base), 30)
    if abs(size) > _DIGITS:
        raise Undecided
    return sympy.Rational(sympy.exp(size))


def _symbolic(node: Node, values: Mapping[str, Any], smaller: Callable[[Any, Any], bool]) -> Any:
    import sympy

    kind, *parts = node
    if kind == "number":
        return sympy.Rational(str(parts[0])) if parts[0] != int(parts[0]) else sympy.Integer(int(parts[0]))
    if kind == "symbol":
        return values[parts[0]]
    first, *others = (_symbolic(part, values, smaller) for part in parts)
    match kind:
        case "-" if not others:
            return -first
        case "+":
            return first + others[0]
        case "-":
            return first - others[0]
        case "*":
            return first * others[0]
        case "/":
            return first / others[0]
        case "**":
            return _power_of_numbers(first, others[0]) if first.is_number else first ** others[0]
        case "log":
            return sympy.log(first)
        case "log2":
            return sympy.log(first) / sympy.log(2)
        case "sqrt":
            return sympy.sqrt(first)
        case "exp":
            if first.is_number and abs(float(first)) > _DIGITS:
                raise Undecided
            return sympy.exp(first)
    for other in others:
        if first != other and smaller(first, other) != (kind == "min"):
            first = other
    return first
