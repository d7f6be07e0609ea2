"""Which of two expressions grows faster? Limits of quotients, by sympy, along one direction.

A direction moves one quantity to its end: eps = exp(-t), delta = exp(-t) or f = 1/t with t -> infinity, or eps and
delta to 1. The limits of sympy are exact for what expressions of claims can hold (Gruntz). Where it gives no answer
the answer is None, and nothing is concluded from that.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from math import lcm
from typing import Any

from theory.expression import Expression
from theory.expression_sympy import Undecided

_ROOTS = 12  # the highest root that is replaced; others are left to sympy
_CALLS = 20_000_000  # of functions, in one limit: some half a minute; usual forms take less than a million


def limit_of_ratio(form: Expression, values: Mapping[str, Any], bound: Any, t: Any) -> Any:
    """Return the limit of form / bound as ``t`` (a positive sympy symbol) grows, or None where it is not found.

    values: of all symbols of the form, as sympy expressions of t; bound: another such expression, positive.
    """
    import sympy

    # sympy is slow with roots of t; those of the form become whole powers of another symbol
    powers = [Fraction(power).limit_denominator(_ROOTS) for power in form.powers]
    roots = lcm(*(power.denominator for power in powers))
    slower = t**roots if roots <= _ROOTS else t
    values = {name: sympy.sympify(value).subs(t, slower) for name, value in values.items()}
    try:
        with _bounded():
            ratio = form.symbolic(values, lambda a, b: _smaller(a, b, t)) / bound.subs(t, slower)
            found = sympy.limit(ratio, t, sympy.oo)
    except (
        Undecided,
        ValueError,
        TypeError,
        NotImplementedError,
        AttributeError,
        RecursionError,
        ZeroDivisionError,
        KeyError,
        sympy.PoleError,
    ):
        return None
    return found if found.is_extended_real and not found.has(sympy.Limit, sympy.AccumBounds) else None


@contextmanager
def _bounded() -> Iterator[None]:
    """Raise Undecided in this block after _CALLS calls of functions: sympy may try for hours."""
    count = 0

    def called(*_: Any) -> None:
        nonlocal count
        count += 1
        if count > 2 * _CALLS:  # calls and returns
            raise Undecided

    if sys.getprofile() is not None:  # somebody measures this program
        yield
        return
    sys.setprofile(called)
    try:
        yield
    finally:
        sys.setprofile(None)


def _smaller(one: Any, other: Any, t: Any) -> bool:
    """Is ``one`` below ``other`` for all large t? The difference may vanish like 1/t or 1/t^2, or both like exp(-t)."""
    import sympy

    for compared in (one - other, (one - other) * t, (one - other) * t**2):
        end = sympy.limit(compared, t, sympy.oo)
        if end.is_extended_real and end.is_extended_nonzero:
            return bool(end < 0)
    for scale in (sympy.exp(t), sympy.exp(2 * t)):  # both vanish like a power of eps
        end = sympy.limit((one - other) * scale, t, sympy.oo)
        if end.is_extended_real and end.is_extended_nonzero:
            return bool(end < 0)
    raise Undecided
