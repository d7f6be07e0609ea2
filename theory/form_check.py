"""Is a form a requirement at all? It must hold C, rise with it, be positive, and never ask for less where more is."""

from itertools import pairwise
from math import exp, inf
from typing import Any

import numpy as np

from theory.expression_value import Floats
from theory.judgement import Question, far_shown, logs_of

_TRIED = 10.0 ** np.arange(-3, 7)  # constants with which a form has to rise


def check(question: Question) -> None:
    """Raise ValueError unless the form holds C, rises with it, is positive for small eps, delta and never falls there.

    Small: below 1/100. The rates are those of the question.
    """
    form = question.form
    if "C" not in form.symbols:
        raise ValueError(f"form must hold the constant C, got {form.text}")
    logs, shape = _far_grid()

    def of_constant(log_C: float) -> tuple[Floats, Floats]:
        sign, size = form.log_value({"C": log_C, **logs_of(question.fixed), **logs})
        return np.broadcast_to(sign, shape), np.broadcast_to(size, shape)

    sign, size = of_constant(0.0)
    for index in zip(*np.nonzero(~(sign > 0) | np.isneginf(size)), strict=True):
        at = f"eps = {far_shown(logs['eps'][index])}, delta = {far_shown(logs['delta'][index])}, C = 1"
        value = "undefined" if np.isnan(sign[index]) else f"{sign[index] * exp(min(size[index], 700)):.3g}"
        raise ValueError(f"form must be positive where eps and delta are small; at {at} it is {value}: {form.text}")
    for axis, name in enumerate(("eps", "delta")):
        before, after = np.delete(size, -1, axis), np.delete(size, 0, axis)
        if _below(after, before).any():
            raise ValueError(f"form must not ask for fewer numbers where {name} is smaller: {form.text}")
    sizes = [np.where(sign > 0, size, -inf) for sign, size in map(of_constant, np.log(_TRIED))]
    if not (sizes[-1] > sizes[0]).any() or any(_below(more, less).any() for less, more in pairwise(sizes)):
        raise ValueError(f"form must rise with C: {form.text}")


def _below(one: Floats, other: Floats) -> Any:
    """Say where ``one`` is below ``other`` by more than rounding."""
    return one < other - 1e-9 * np.maximum(1, np.where(np.isfinite(other), np.abs(other), 1))


def _far_grid() -> tuple[dict[str, Floats], tuple[int, int]]:
    """Return logarithms of small eps and delta, growing along the two axes, and the shape of the grid."""
    steps = -np.array([5.0, 10, 20, 50, 100, 1e3, 1e4, 1e6])
    eps, delta = np.meshgrid(steps, steps, indexing="ij")
    return {"eps": eps, "delta": delta}, eps.shape
