"""Reading a form safely: it is parsed, never run; names, calls and sizes that are not allowed are refused."""

import ast
import warnings
from fractions import Fraction
from math import isnan, log

import numpy as np

from theory.expression_tree import FUNCTIONS, SYMBOLS, Node, symbols_in
from theory.expression_value import constant_value, far_value

OPERATIONS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
LONGEST = 400  # characters
DEEPEST = 40
STEEPEST = 100  # of an exponent that is a number, either way
_LARGEST = 1e30  # of numbers, and of parts without symbols; 1 / _LARGEST is the smallest but for 0


def parsed(text: str) -> Node:
    """Return the tree of a text; raise ValueError where it cannot be read or says what is not allowed."""
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
        if not symbols_in(node):
            with np.errstate(all="ignore"):
                far = far_value(node, {})
            if not (far.sign == 0 or abs(far.size) <= log(_LARGEST) + 1e-9) or isnan(far.size):
                raise ValueError(f"numbers of a form must lie between 1e-30 and 1e30, got {said}")
        if node[0] == "**" and not symbols_in(node[2]) and abs(constant_value(node[2])) > STEEPEST:
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
