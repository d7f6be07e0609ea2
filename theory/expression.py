"""The form of a claim: what n must be at least, as an expression that is read safely and evaluated at any distance.

An expression may hold numbers, the symbols C, eps, delta, p, q and f, the operations + - * / **, and the functions log,
log2, sqrt, exp, min and max. Three things are asked of it: its value, also where eps = exp(-10^100) (:meth:`Expression.
log_value`); whether it rises or falls with a symbol, decided from its structure (:meth:`Expression.trends`); and the
same expression for sympy, which knows limits (:meth:`Expression.symbolic`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, log, nan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from theory.expression_range import Range, is_defined, range_of
from theory.expression_read import parsed
from theory.expression_sympy import for_sympy
from theory.expression_tree import Node, factors_of, is_raised, symbols_in, written
from theory.expression_value import Far, Floats, far_value, powers_in


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
        return parsed(self.text)

    @cached_property
    def symbols(self) -> frozenset[str]:
        """The symbols that occur in it."""
        return frozenset(symbols_in(self.tree))

    @cached_property
    def powers(self) -> frozenset[float]:
        """The numbers that occur as exponents, and 0.5 where there is a root."""
        return frozenset(powers_in(self.tree))

    def raised(self, name: str) -> bool:
        """Say whether a symbol occurs in an exponent."""
        return is_raised(self.tree, name)

    def log_value(self, logs: Mapping[str, ArrayLike]) -> tuple[Floats, Floats]:
        """Return the sign (-1, 0, 1; NaN where the expression is undefined) and the log of the absolute value.

        logs: natural logarithm of each symbol, floats or arrays of one shape; -inf for a symbol that is 0.
        """
        with np.errstate(all="ignore"):
            found = far_value(
                self.tree,
                {
                    name: Far(np.where(np.isneginf(np.asarray(x, float)), 0.0, 1.0), np.asarray(x, float))
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
        return replace(range_of(self.tree, known, largest), defined=is_defined(self.tree, known, largest))

    def symbolic(self, values: Mapping[str, Any], smaller: Callable[[Any, Any], bool]) -> Any:
        """Return the expression for sympy. values: of every symbol; smaller: decides min and max of two parts."""
        return for_sympy(self.tree, values, smaller)

    def factors(self) -> tuple[list[Node], list[Node]]:
        """Return the factors above and below the line of the whole expression."""
        return factors_of(self.tree)
