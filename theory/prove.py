"""Proofs: a constant with which a form lies, everywhere in its domain, above what is proven to suffice."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from math import exp, inf, isfinite, log
from typing import Any

import numpy as np

from slt.core.first import threshold
from theory.closed_needs import proven_need, universal_need
from theory.expression import Expression
from theory.expression_tree import Node, symbols_in
from theory.growth import limit_of_ratio
from theory.judgement import (
    FAR,
    LEAST,
    MOST,
    MOVING,
    OPEN,
    PROVEN,
    UNIFORM,
    Judgement,
    Question,
    logs_of,
    multiple_of_constant,
)

_STEP = 1.01
_ROUNDING = 1e-6


def proven(question: Question) -> Judgement:
    """Return the judgement "proven" with its constant, or "open" and why."""
    form, multiple = question.form, multiple_of_constant(question.form)
    fixed = question.fixed
    rates: Expression | None = None
    if question.moving:
        if question.rates.lock or "q" in question.moving:
            return Judgement(OPEN, "no closed form of ours holds for all rates at once where something is locked")
        parts = _parted(form)
        if parts is None:
            return Judgement(OPEN, "rates and precision are not separate factors of the form")
        rates, form = parts
    known = form.trends({k: v for k, v in fixed.items() if k in form.symbols})
    if not known.defined:
        return Judgement(OPEN, "its structure does not show that it is defined for all eps and delta")
    if not all(known.trend[name] in (0, -1) for name in MOVING):
        return Judgement(OPEN, "its structure does not show that it never falls as eps or delta fall")
    apart = [form.trends(fixed)] if rates is None else [form.trends({}), rates.trends({"q": 0.0})]
    if any(part.trend["C"] not in (0, 1) for part in apart):
        return Judgement(OPEN, "its structure does not show that it never falls as C rises")
    K, corner = (
        (universal_need(), inf) if question.moving else proven_need(question.rates, question.reading, question.model)
    )
    if question.moving and question.reading == "pointwise" and question.least == 1:
        corner = inf  # as in the uniform reading; no better is needed

    @cache
    def precise(C: float, least: float) -> float:
        return _least_gap(form, C, fixed, K, corner, least)

    def enough(C: float, least: float) -> float:
        """Return the least of log(form / what suffices) over all steps."""
        gap = precise(C if "C" in form.symbols else 1.0, least)
        return _sum(gap, 0.0 if rates is None else _least_rate_gap(rates, C))

    def agreed(C: float, least: float) -> float:
        """Return the least of the same over all steps and in the limits."""
        ends = [precise(C if "C" in form.symbols else 1.0, least)]
        ends += [_limit_gap(form, C, fixed, moving, K, near=False, multiple=multiple) for moving in MOVING]
        if least == 1 and corner < inf:
            ends += [_limit_gap(form, C, fixed, moving, corner, near=True, multiple=multiple) for moving in MOVING]
        if rates is None:
            return min(ends)
        return _sum(min(ends), min(_least_rate_gap(rates, C), _rate_limit(rates, C)))

    found = [
        _smallest_constant(partial(enough, least=least), partial(agreed, least=least), multiple)
        for least in (question.least, 0.5)
    ]
    whole, half = found[0], found[1] if question.least > 0.5 else found[0]
    if whole is None:
        reason = "neither is it proven with any C, nor do our lower bounds refute every C"
        if question.model != UNIFORM:
            reason = "it is not proven with any C, and our closed lower bounds do not speak of such numbers"
        return Judgement(OPEN, reason, constant_half=half)
    return Judgement(PROVEN, "a closed form of ours, proven to suffice, lies below it everywhere", whole, half)


def _sum(one: float, other: float) -> float:
    """Return the sum; -inf where either is -inf, whatever the other is."""
    return -inf if -inf in (one, other) else one + other


def _least_gap(form: Expression, C: float, fixed: Mapping[str, float], K: float, corner: float, least: float) -> float:
    """Return the least log(form / need) over min(delta, eps) <= least; -inf when the form is too small somewhere."""
    low = -log(least)
    M = np.concatenate([[low], np.geomspace(max(low, 10.0**-FAR), 10.0**FAR, round(FAR * 2 * log(10) / log(_STEP)))])
    above = np.append(M[1:], M[-1])
    need = np.where(
        above >= log(2) * (1 - 1e-12), np.maximum(above, log(2)) * K, np.minimum(K * log(2), above * corner)
    )
    worst = inf
    for moving, still in (("eps", "delta"), ("delta", "eps")):
        logs: dict[str, Any] = {"C": log(C), **logs_of(fixed), moving: -M, still: np.zeros_like(M)}
        sign, size = form.log_value(logs)
        gaps = np.where(np.broadcast_to(sign, M.shape) > 0, size - np.log(need), -inf)
        if low == 0 and corner < inf:
            gaps = gaps[1:]  # both go to 0 in the first step: that is a limit
        worst = min(worst, float(gaps.min()))
    return worst


def _limit_gap(
    form: Expression, C: float, fixed: Mapping[str, float], moving: str, need: float, *, near: bool, multiple: bool
) -> float:
    """Return log of lim form / (need M) for M -> infinity, or M -> 0 if ``near``; -inf where it is 0 or not found."""
    import sympy

    t = sympy.Symbol("t", positive=True)
    M = 1 / t if near else t
    still = "delta" if moving == "eps" else "eps"
    p, q = (sympy.Rational(str(fixed[name])) for name in ("p", "q"))
    values: dict[str, Any] = {"p": p, "q": q, "f": 1 - p - q}
    values |= {
        "C": sympy.Integer(1) if multiple else sympy.Rational(repr(C)),
        moving: sympy.exp(-M),
        still: sympy.Integer(1),
    }
    end = limit_of_ratio(form, values, M, t)
    if end is None or not bool(end > 0):
        return -inf
    return inf if end == sympy.oo else log(float(end)) + (log(C) if multiple else 0.0) - log(need)


def _least_rate_gap(part: Expression, C: float) -> float:
    """Return the least of log(part * f) over 0 < f <= 1 with q = 0, -inf where it is not shown to be positive."""
    trend = part.trends({"C": C, "q": 0.0}).trend
    if trend["p"] is None or trend["f"] is None or trend["p"] * trend["f"] > 0:
        return -inf  # p = 1 - f: it must rise or fall with both together
    f = np.geomspace(1.0, 10.0**-FAR, round(FAR * log(10) / log(_STEP)))
    with np.errstate(divide="ignore"):
        logs: dict[str, Any] = {"C": log(C), "p": np.log1p(-f), "q": np.full_like(f, -inf), "f": np.log(f)}
    sign, size = part.log_value(logs)
    size = np.where(np.broadcast_to(sign, f.shape) > 0, size, -inf)
    return float((np.minimum(size[:-1], size[1:]) + np.log(f[1:])).min())


def _rate_limit(part: Expression, C: float) -> float:
    """Return log of lim part * f for f -> 0 with q = 0, at most 0 counted; -inf where it is 0 or not found."""
    import sympy

    t = sympy.Symbol("t", positive=True)
    values = {"C": sympy.Rational(repr(C)), "p": 1 - 1 / t, "q": sympy.Integer(0), "f": 1 / t}
    end = limit_of_ratio(part, values, t, t)
    if end is None or not bool(end > 0):
        return -inf
    return inf if end == sympy.oo else log(float(end))


def _smallest_constant(gap: Callable[[float], float], agreed: Callable[[float], float], multiple: bool) -> float | None:
    """Return a C, hardly above the smallest, from which on gap(C) >= 0 and agreed(C) >= 0; None where none is found."""
    if multiple:
        at_one = agreed(1.0)
        return exp(-at_one) * (1 + _ROUNDING) if isfinite(at_one) else None
    low, high = log(LEAST), log(MOST)
    if not gap(exp(high)) >= 0:
        return None
    least = threshold(lambda log_C: gap(exp(log_C)) >= 0, low, high, 1e-3)
    C = float(f"{exp(least) * (1 + _ROUNDING):.9g}")
    for factor in (1.0, 1.01, 2.0):
        if agreed(factor * C) >= 0:
            return factor * C
    return None


def _parted(form: Expression) -> tuple[Expression, Expression] | None:
    """Return the factor of the rates and C, and that of eps and delta; None where they are not apart."""
    trees: dict[bool, Node] = {True: ("number", 1.0), False: ("number", 1.0)}
    for operation, parts in zip(("*", "/"), form.factors(), strict=True):
        for part in parts:
            held = symbols_in(part)
            of_precision = bool(held & set(MOVING))
            if of_precision and held & {"p", "q", "f", "C"}:
                return None
            trees[of_precision] = (operation, trees[of_precision], part)
    return Expression.of(trees[False]), Expression.of(trees[True])
