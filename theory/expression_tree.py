"""An expression as a tree of nested tuples: its symbols, its factors, its text."""

from typing import Any

Node = tuple[Any, ...]  # ("number", 2.0), ("symbol", "eps"), (name of an operation or function, Node, ..)

SYMBOLS = ("C", "eps", "delta", "p", "q", "f")
FUNCTIONS = {"log": 1, "log2": 1, "sqrt": 1, "exp": 1, "min": 2, "max": 2}  # min and max take two or more


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


def symbols_in(node: Node) -> set[str]:
    """Return the symbols that occur in a part of an expression."""
    kind, *parts = node
    if kind == "symbol":
        return {parts[0]}
    return set() if kind == "number" else set().union(*(symbols_in(part) for part in parts))


def is_raised(node: Node, name: str) -> bool:
    """Say whether a symbol occurs in an exponent."""
    kind, *parts = node
    if kind in ("number", "symbol"):
        return False
    inside = parts[1:] if kind == "**" else parts if kind == "exp" else []
    return any(name in symbols_in(part) for part in inside) or any(is_raised(part, name) for part in parts)


def factors_of(node: Node) -> tuple[list[Node], list[Node]]:
    """Return the factors above and below the line."""
    kind, *parts = node
    if kind not in ("*", "/"):
        return [node], []
    (above, below), (right_above, right_below) = (factors_of(part) for part in parts)
    if kind == "/":
        right_above, right_below = right_below, right_above
    return above + right_above, below + right_below
