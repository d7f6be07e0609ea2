"""Refutations: one direction along which a form, with any C, ends below what is necessary, and witnesses on it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, log, log1p
from typing import Any

import numpy as np

from slt.core.rates import Rates
from theory.closed_needs import floor_of
from theory.expression_tree import symbols_in
from theory.expression_value import Floats
from theory.growth import limit_of_ratio
from theory.judgement import (
    CORNER,
    FAR,
    REFUTED,
    Judgement,
    Question,
    Witness,
    far_shown,
    holding_constant,
    log_of,
    logs_of,
    multiple_of_constant,
)
from theory.necessary import necessary_n

PRECISION = ((0.1, 0.05), (1e-3, 0.05), (1e-6, 0.05), (1e-12, 0.05), (0.1, 1e-6), (0.1, 1e-30), (1e-6, 1e-6))
CONSTANTS = (1.0, 10.0, 100.0, 1000.0)
EPS, DELTA = 0.1, 0.05  # where the others stay while one quantity moves
_ROUNDED_FREE = 1e-9


def refuted(question: Question) -> Judgement | None:
    """Return the judgement "refuted" with its direction and its witnesses, or None."""
    import sympy

    t = sympy.Symbol("t", positive=True)
    multiple, raised = multiple_of_constant(question.form), question.form.raised("C")
    most = 10 ** (1 if raised else 30)
    apart = all(symbols_in(part) == {"C"} for part in holding_constant(question.form))
    for direction in _directions(question, t):
        # with C as a symbol limits can be wrong where it is an exponent
        end = limit_of_ratio(question.form, {"C": sympy.Integer(most), **direction.values}, direction.floor, t)
        if end is not None and not end.free_symbols and bool(end < direction.least or end == 0):
            witnesses = tuple(_witnesses(question, direction))
            every_C = multiple or (apart and end == 0)  # a factor of C alone leaves a limit of 0 what it is
            if not witnesses or (raised and not every_C and CONSTANTS[-1] > witnesses[-1].C):
                continue
            up_to = None if every_C else CONSTANTS[-1] if raised else float(most)
            every = "whatever C is" if up_to is None else f"for every C up to {up_to:g}"
            slow = "grows more slowly than" if end == 0 else "stays below"
            whatever = "" if question.explicit else f", {every},"
            reason = f"as {direction.name} the form{whatever} {slow} {direction.why}"
            return Judgement(REFUTED, reason, direction=direction.name, witnesses=witnesses, up_to=up_to)
    return None


def single_witnesses(question: Question) -> tuple[Witness, ...]:
    """Return points at which the form with C = 1 asks for fewer than are necessary: one in a direction, and exact ones.

    Exact are those of :data:`PRECISION`, with :func:`theory.necessary.necessary_n`; it takes a second.
    """
    import sympy

    t = sympy.Symbol("t", positive=True)
    each = (next(_witnesses(question, direction), None) for direction in _directions(question, t))
    found = [witness for witness in each if witness is not None and witness.C == 1]
    rates = question.rates
    for eps, delta in PRECISION:
        if min(eps, delta) <= question.least:
            values = {"C": 1.0, "eps": eps, "delta": delta, **question.fixed}
            asked = question.form.value(**values)
            least = necessary_n(eps, delta, prune=rates.prune, lock=rates.lock, reading=question.reading)
            if asked <= least - 1:
                found.append(Witness(1.0, f"eps = {eps:g}, delta = {delta:g}", asked, float(least)))
    return tuple(found)


_Point = tuple[float, float, float, float | None]  # see _Direction.at


@dataclass(frozen=True)
class _Direction:
    """A way to an end. values: of the symbols as expressions of t; floor: what n is at least, up to a factor."""

    name: str
    why: str
    values: Mapping[str, Any]
    floor: Any
    at: Any  # t -> (x, y, f, moved): log(1/eps), log(1/delta), the free share, log of the rate that moves or None
    start: float = 1.0  # the smallest t of a witness
    least: float = 0.0  # n is at least this multiple of floor, in the limit


def _directions(question: Question, t: Any) -> Iterator[_Direction]:
    import sympy

    def number(value: float) -> Any:
        return sympy.Rational(str(value))

    p, q = number(question.rates.prune), number(question.rates.lock)
    rates = {"p": p, "q": q, "f": 1 - p - q}
    eps, delta = min(EPS, question.least), min(DELTA, question.least)
    x, y, f = -log(eps), -log(delta), question.rates.free
    small = sympy.exp(-t)
    yield _Direction(
        "eps -> 0",
        "log2(1/eps), the bits that any subset must have",
        {**rates, "eps": small, "delta": number(delta)},
        t,
        lambda s: (s, y, f, None),
        x,
        1 / log(2),
    )
    decay = -log1p(-f / 2)
    yield _Direction(
        "delta -> 0",
        "log2(1/delta), because with probability 2^-n no value is negative"
        if f == 1
        else f"log(1/delta)/{decay:.3g}, because with probability (1 - f/2)^n no free value is negative",
        {**rates, "eps": number(eps), "delta": small},
        t,
        lambda s: (x, s, f, None),
        y,
        1 / decay,
    )
    if question.least == 1 and question.reading == "uniform":
        near = sympy.exp(-1 / t)
        yield _Direction(
            CORNER,
            "2, because one number never serves z = 1 and z = -1 both",
            {**rates, "eps": near, "delta": near},
            sympy.Integer(1),
            lambda s: (1 / s, 1 / s, f, None),
            least=1.0,
        )
    if question.moving:
        usual = {"eps": number(eps), "delta": number(delta)}
        for name, kept in (("p", q), ("q", p)):
            if name not in question.moving:
                continue
            other = "q" if name == "p" else "p"
            free = 1 / t
            order = t * t if (name == "q" or q) else t
            why = "q/f^2, because the locked sum strays" if order != t else "1/f, because so many must be drawn"
            yield _Direction(
                f"{name} -> 1" if not kept else f"{name} -> 1 - {other}",
                why,
                {**usual, name: 1 - kept - free, other: kept, "f": free},
                order,
                lambda s, rest=float(1 - kept): (x, y, 1 / s, log_of(rest - 1 / s)),
                1 / f,
            )
            yield _Direction(
                f"{name} -> 0",
                "a constant, the bits that any subset must have",
                {**usual, name: small, other: kept, "f": 1 - kept - small},
                sympy.Integer(1),
                lambda s, rest=float(1 - kept): (x, y, rest - exp(-s), -s),
                -log(float(1 - kept - f)) if f < 1 - kept else 1 - log(float(1 - kept)),
            )


def _witnesses(question: Question, direction: _Direction) -> Iterator[Witness]:
    kept = question.rates.lock if direction.name[0] == "p" else question.rates.prune
    steps = np.geomspace(direction.start, 10.0**FAR, round(log(10.0**FAR / direction.start) / log(1.02)))
    points = [point for point in map(direction.at, steps.tolist()) if point[2] > 0 and point[3] != -inf]
    if direction.name.endswith(("-> 1 - q", "-> 1 - p")) and direction.name[0] in question.form.symbols:
        # it may hold 1 - p - q, which rounding spoils beyond
        points = [point for point in points if point[2] > _ROUNDED_FREE]
    locks = [_lock(question.rates, direction.name, moved) for *_, moved in points]
    needs = [
        2.0 if direction.name == CORNER else floor_of(x, y, lock, free, question.reading)
        for (x, y, free, _), lock in zip(points, locks, strict=True)
    ]
    logs = _placed(question.rates, direction.name, points)
    for C in CONSTANTS:
        sign, size = question.form.log_value({"C": log(C), **logs})
        asked = np.broadcast_to(np.where(sign > 0, np.exp(np.minimum(size, 709.0)), 0.0 * sign), len(points))
        short = np.ceil(needs) - 1 >= np.maximum(asked, 1)  # a whole number lies between
        if short.any():
            first = int(short.argmax())
            yield Witness(C, _where(direction.name, points[first], kept), float(asked[first]), needs[first])


def _lock(rates: Rates, name: str, moved: float | None) -> float:
    return exp(moved) if moved is not None and name[0] == "q" else rates.lock


def _placed(rates: Rates, name: str, points: Sequence[_Point]) -> dict[str, Floats]:
    """Return the logarithms of eps, delta, p, q and f at the points of a direction."""
    x, y, free, moved = (np.array(column) for column in zip(*points, strict=True))
    still: dict[str, Floats] = {
        name: np.full_like(x, value) for name, value in logs_of({"p": rates.prune, "q": rates.lock}).items()
    }
    logs: dict[str, Floats] = {"eps": -x, "delta": -y, **still, "f": np.log(free)}
    if name[0] in "pq":
        logs[name[0]] = moved
        if (rates.lock if name[0] == "p" else rates.prune) == 0:  # the larger of the two is 1 - the smaller
            whole, small = ("f", moved) if name.endswith("-> 0") else (name[0], logs["f"])
            logs[whole] = np.log1p(-np.exp(small))
    return logs


def _where(name: str, point: _Point, kept: float) -> str:
    x, y, free, moved = point
    if name in ("eps -> 0", "delta -> 0"):
        return f"eps = {far_shown(-x)}, delta = {far_shown(-y)}"
    if moved is None:
        return f"eps = delta = {exp(-x):.4g}"
    other = "" if kept == 0 else f", {'q' if name[0] == 'p' else 'p'} = {kept:g}"
    moving = f"{name[0]} = {far_shown(moved)}" if name.endswith("-> 0") else f"free share {free:.3g}"
    return f"{moving}{other}, eps = {far_shown(-x)}, delta = {far_shown(-y)}"
