"""An expression for sympy, which knows limits; what would take it too long is refused."""

from collections.abc import Callable, Mapping
from typing import Any

from theory.expression_tree import Node

_DIGITS = 1000  # of an exponent over a number
_SHORT = 20  # digits of such a number


class Undecided(Exception):
    """What sympy was asked for cannot be decided, or would take too long."""


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


def for_sympy(node: Node, values: Mapping[str, Any], smaller: Callable[[Any, Any], bool]) -> Any:
    """Return a part for sympy; raise :class:`Undecided` for what would take too long. See Expression.symbolic."""
    import sympy

    kind, *parts = node
    if kind == "number":
        return sympy.Rational(str(parts[0])) if parts[0] != int(parts[0]) else sympy.Integer(int(parts[0]))
    if kind == "symbol":
        return values[parts[0]]
    first, *others = (for_sympy(part, values, smaller) for part in parts)
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
