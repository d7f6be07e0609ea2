"""Does a claim of the form "n >= F(C; eps, delta, p, q) suffices" hold? Its verdict, with a constant or witnesses.

**Proven.** F never falls as eps or delta fall. So on all (eps, delta) with the same M = log(1/min(delta, eps)) it is
least where the other of the two is 1, and two functions of M alone have to be compared with what is proven to
suffice (:func:`proven_need`): in steps of one percent from M = 0 to 10^100, which lose nothing because both sides are
monotone, and in the limit. So what is proven holds for min(delta, eps) >= exp(-10^100), and for all eps and delta that
are small enough; the free share, where one constant has to serve all of them, is at least 10^-100.

**Refuted.** Along one direction F with C = 10^30 (10 where C is in an exponent), and so with every smaller C, grows so
slowly that it ends below what is necessary there (:func:`necessary_floor`). Witnesses are points on that direction for
C = 1, 10, 100 and 1000. Where C is no factor of F, a larger C might do what these do not: so a proof is looked for
first, and where C is in an exponent there must be a witness for C = 1000, up to which every C then is refuted. A factor
of C alone, such as exp(C), leaves a limit of 0 what it is.

Both use closed forms only; docs/theory.md (section 2) derives them. What is neither is open.

**Other models.** The closed forms also hold for numbers that contain a uniform one, because no others need be used.
*Uniform mixture*: uniform on [-1, 1] with probability 1 - p and of any other law else, as if the others were pruned.
*Products* of two numbers uniform on [-1, 1]: their density log(1/|z|)/2 is at least 1/2 on [-1/e, 1/e], so that each
is, with probability 1/e, uniform there (:func:`proven_need`). The lower bounds speak of uniform numbers alone, so
claims on these models are proven or open, and nothing may be locked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import pairwise
from math import e, exp, expm1, inf, isfinite, log, log1p, sqrt
from typing import Any

import numpy as np

from slt.core.rates import Rates
from theory.asymptotics import constant
from theory.expression import Expression, Floats, Node, symbols_of
from theory.growth import limit_of_ratio

PROVEN, REFUTED, OPEN = "proven", "refuted", "open"
UNIFORM, MIXTURE, PRODUCTS = "uniform", "uniform mixture", "products"
MODELS = (UNIFORM, MIXTURE, PRODUCTS)  # that are judged
MOVING = ("eps", "delta")
CONSTANTS = (1.0, 10.0, 100.0, 1000.0)
EPS, DELTA = 0.1, 0.05  # where the others stay while one quantity moves
_STEP = 1.01
_FAR = 100  # powers of ten
_TRIED = 10.0 ** np.arange(-3, 7)  # constants with which a form has to rise
_LEAST, _MOST = 1e-12, 1e30  # between which constants are looked for
_ROUNDING = 1e-6
_GIVEN = 1 - 1e-9  # of a probability, for its rounding
_ROUNDED_FREE = 1e-9


@dataclass(frozen=True, slots=True)
class Witness:
    """A point at which the form with this C asks for fewer than are necessary.

    where: the point in words. asked: what the form gives there; needed: n must be at least this. Where that is None,
    success is a bound of the probability of success with the n that ``where`` names, below what is claimed.
    """

    C: float
    where: str
    asked: float
    needed: float | None
    success: float | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a form, and what it rests on.

    verdict: "proven", "refuted" or "open". constant: for a proven form, a C with which it suffices everywhere in its
    domain; constant_half: the same where min(delta, eps) <= 1/2. direction: for a refuted form, along which way every
    C fails. witnesses: points there. reason: one sentence. up_to: every C up to this is refuted; None: every C is.
    """

    verdict: str
    reason: str
    constant: float | None = None
    constant_half: float | None = None
    direction: str = ""
    witnesses: tuple[Witness, ...] = ()
    up_to: float | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A form and what is said of its constant.

    rates: where a constant may depend on them; what a claim does not speak of is 0. reading: "uniform" or "pointwise".
    moving: the rates that the constant may not depend on, "p" and "q". least: the domain is min(delta, eps) <= least.
    model: one of MODELS; of a uniform mixture p is the weight of the other law, of products no rates are known.
    """

    form: Expression
    reading: str
    rates: Rates
    moving: frozenset[str] = frozenset()
    least: float = 1.0
    model: str = UNIFORM

    @property
    def fixed(self) -> dict[str, float]:
        """The rates as values of symbols."""
        return {"p": self.rates.prune, "q": self.rates.lock, "f": self.rates.free}


def judge(question: Question) -> Judgement:
    """Return the verdict. Raises ValueError for a form that is no requirement, see :func:`check`."""
    question = _off_zero(question)
    check(question)
    if question.model != UNIFORM:
        return _proven(question)
    if _multiple_of_constant(question.form):
        return _refuted(question) or _proven(question)
    found = _proven(question)
    return found if found.verdict == PROVEN else _refuted(question) or found


def _off_zero(question: Question) -> Question:
    """Return the question with half of what may be pruned or locked where a rate that moves is 0.

    One constant serves all values of such a rate, and a form may say nothing at 0, such as 1/log(1/p).
    """
    p, q = question.rates.prune, question.rates.lock
    if "p" in question.moving and p == 0:
        p = (1 - q) / 2
    if "q" in question.moving and q == 0 and "q" in question.form.symbols:
        q = (1 - p) / 2
    return replace(question, rates=Rates(p, q))


def check(question: Question) -> None:
    """Raise ValueError unless the form holds C, rises with it, is positive for small eps, delta and never falls there.

    Small: below 1/100. The rates are those of the question.
    """
    form = question.form
    if "C" not in form.symbols:
        raise ValueError(f"form must hold the constant C, got {form.text}")
    logs, shape = _far_grid()

    def of_constant(log_C: float) -> tuple[Floats, Floats]:
        sign, size = form.log_value({"C": log_C, **_logs(question.fixed), **logs})
        return np.broadcast_to(sign, shape), np.broadcast_to(size, shape)

    sign, size = of_constant(0.0)
    for index in zip(*np.nonzero(~(sign > 0) | np.isneginf(size)), strict=True):
        at = f"eps = {_shown(logs['eps'][index])}, delta = {_shown(logs['delta'][index])}, C = 1"
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


def necessary_floor(x: float, y: float, rates: Rates, reading: str) -> float:
    """Return a number that n must at least be: at eps = exp(-x), delta = exp(-y) and radius 1.

    Statement: the largest of (a) x / log 2, uniformly, and (x + log(1 - delta)) / log 2 pointwise: so many numbers
    have enough subset sums; (b) y / -log(1 - f/2) uniformly: with probability (1 - f/2)^n no free value is negative,
    and as often none is positive; with T >= 0 the first misses z = -1, with T <= 0 the second z = 1, so that one of
    them is missed with probability (1 - f/2)^n. Pointwise half of that where q > 0, and y / log 2: with probability
    2^-n no value is negative at all; (c) (1 - delta - eps) x / ((1 - eps) f log 2), counting free numbers; (d) for
    delta <= 1/10 and q > 960 f the largest n with 20 f n + 1 <= sqrt(n q / 12), if n q > 10 there: below it the locked
    sum is too far away. Between the two roots n_1 < n_2 of that quadratic in sqrt(n), success needs |T - z| < m + 1, m
    the free numbers: P(m > 20 f n) <= 1/20, and P(|T| <= sqrt(n q / 12)), half a standard deviation, is far below 17/20
    for n q >= 10. And n <= n_1 or n q < 10 has f n <= 1/20: nothing is free with probability 19/20, and then 1 or -1 is
    missed by half of that.
    Relation: lower bound on the smallest sufficient n, in either reading.
    """
    return _floor(x, y, rates.lock, rates.free, reading)


def _floor(x: float, y: float, lock: float, free: float, reading: str) -> float:
    """Return the same for a free share that rounding of the rates would lose."""
    eps, delta = exp(-x), exp(-y)
    share = 1.0 if reading == "uniform" else -expm1(-y)
    single = log(2) if reading == "pointwise" and lock > 0 else 0.0
    floors = [(x + log(share)) / log(2) if share > 0 else 0.0, y / log(2), (y - single) / -log1p(-free / 2)]
    if 1 - delta - eps > 0:
        floors.append((1 - delta - eps) * x / (-expm1(-x) * free * log(2)))
    return max(0.0, *floors, _far_locked(lock, free) if delta <= 0.1 else 0.0)


def _far_locked(lock: float, free: float) -> float:
    """Return the n of (d), 0 where it says nothing."""
    slope = sqrt(lock / 12)
    inside = slope * slope - 80 * free
    if inside <= 0:
        return 0.0
    high = ((slope + sqrt(inside)) / (40 * free)) ** 2
    return high if high * lock > 10 else 0.0


def proven_need(rates: Rates, reading: str, model: str = UNIFORM) -> tuple[float, float]:
    """Return (K, K'): all n >= K M suffice where M = log(1/min(delta, eps)) >= log 2, else all n >= K' M.

    K = :func:`theory.asymptotics.constant`. For M < log 2 the n that suffices at eps = delta = 1/2 does: uniformly
    there is no better, and K' is infinite, because one number never suffices. Pointwise K' = K log 2 / s, where s is at
    most the probability that any 1 <= n < K log 2 numbers reach a target at eps = 1/2: if n >= K' M, then 1 - delta <=
    1 - min <= M <= n / K' <= s. s = (f/12) min(1, 2 / sqrt(n q)): one number is free, the others' locked sum T has
    |z - T| <= 1, and the number lies within 1/2 of z - T. The law of T is symmetric and unimodal, so z = 1 is the
    worst, and P(0 <= T <= 2) >= min(1, 2/a) P(0 <= T <= a) >= min(1, 2/a) / 3 at a = sqrt(n q), by Chebyshev.

    Products: only those labelled uniform on [-1/e, 1/e] are used. In units of 1/e the targets reach to e and the
    precision is e eps, which eps serves: K is that of the rate 1 - 1/e and the radius e. One product is within 1/2 of
    |z| <= 1, or 0 is, with probability at least P(X Y >= 1/2) = (1 - log 2)/4, and more of them only help.
    """
    if model == PRODUCTS:
        K = constant(prune=1 - exp(-1) * _GIVEN, radius=e / _GIVEN, eps_0=0.5)
        return K, inf if reading == "uniform" else max(K, K * log(2) / ((1 - log(2)) / 4 * _GIVEN))
    K = constant(prune=rates.prune, lock=rates.lock, eps_0=0.5)
    if reading == "uniform":
        return K, inf
    reached = rates.free / 12 * min(1.0, 2 / sqrt(max(K * log(2) * rates.lock, 4)))
    return K, max(K, K * log(2) / reached)


def universal_need() -> float:
    """Return A with K(p, 0) <= A / f for all p: what suffices without locking, with one constant for all rates.

    In :func:`theory.asymptotics.constant` at q = 0 every term but the last is a constant over f, and the last is at
    most itself over f.
    """
    return constant(eps_0=0.5)


# refutations


def _refuted(question: Question) -> Judgement | None:
    import sympy

    t = sympy.Symbol("t", positive=True)
    multiple, raised = _multiple_of_constant(question.form), question.form.raised("C")
    most = 10 ** (1 if raised else 30)
    apart = all(symbols_of(part) == {"C"} for part in _holding_constant(question.form))
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
            reason = f"as {direction.name} the form, {every}, {slow} {direction.why}"
            return Judgement(REFUTED, reason, direction=direction.name, witnesses=witnesses, up_to=up_to)
    return None


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
            "eps, delta -> 1",
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
                lambda s, rest=float(1 - kept): (x, y, 1 / s, _log(rest - 1 / s)),
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
    steps = np.geomspace(direction.start, 10.0**_FAR, round(log(10.0**_FAR / direction.start) / log(1.02)))
    points = [point for point in map(direction.at, steps.tolist()) if point[2] > 0 and point[3] != -inf]
    if direction.name.endswith(("-> 1 - q", "-> 1 - p")) and direction.name[0] in question.form.symbols:
        # it may hold 1 - p - q, which rounding spoils beyond
        points = [point for point in points if point[2] > _ROUNDED_FREE]
    locks = [_lock(question.rates, direction.name, moved) for *_, moved in points]
    needs = [
        2.0 if direction.name == "eps, delta -> 1" else _floor(x, y, lock, free, question.reading)
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


def _log(x: float) -> float:
    return log(x) if x > 0 else -inf


def _lock(rates: Rates, name: str, moved: float | None) -> float:
    return exp(moved) if moved is not None and name[0] == "q" else rates.lock


def _placed(rates: Rates, name: str, points: Sequence[_Point]) -> dict[str, Floats]:
    """Return the logarithms of eps, delta, p, q and f at the points of a direction."""
    x, y, free, moved = (np.array(column) for column in zip(*points, strict=True))
    still: dict[str, Floats] = {
        name: np.full_like(x, value) for name, value in _logs({"p": rates.prune, "q": rates.lock}).items()
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
        return f"eps = {_shown(-x)}, delta = {_shown(-y)}"
    if moved is None:
        return f"eps = delta = {exp(-x):.4g}"
    other = "" if kept == 0 else f", {'q' if name[0] == 'p' else 'p'} = {kept:g}"
    moving = f"{name[0]} = {_shown(moved)}" if name.endswith("-> 0") else f"free share {free:.3g}"
    return f"{moving}{other}, eps = {_shown(-x)}, delta = {_shown(-y)}"


# proofs


def _proven(question: Question) -> Judgement:
    form, multiple = question.form, _multiple_of_constant(question.form)
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
            reason = "it is not proven with any C, and our lower bounds do not speak of such numbers"
        return Judgement(OPEN, reason, constant_half=half)
    return Judgement(PROVEN, "a closed form of ours, proven to suffice, lies below it everywhere", whole, half)


def _sum(one: float, other: float) -> float:
    """Return the sum; -inf where either is -inf, whatever the other is."""
    return -inf if -inf in (one, other) else one + other


def _least_gap(form: Expression, C: float, fixed: Mapping[str, float], K: float, corner: float, least: float) -> float:
    """Return the least log(form / need) over min(delta, eps) <= least; -inf when the form is too small somewhere."""
    low = -log(least)
    M = np.concatenate([[low], np.geomspace(max(low, 10.0**-_FAR), 10.0**_FAR, round(_FAR * 2 * log(10) / log(_STEP)))])
    above = np.append(M[1:], M[-1])
    need = np.where(
        above >= log(2) * (1 - 1e-12), np.maximum(above, log(2)) * K, np.minimum(K * log(2), above * corner)
    )
    worst = inf
    for moving, still in (("eps", "delta"), ("delta", "eps")):
        logs: dict[str, Any] = {"C": log(C), **_logs(fixed), moving: -M, still: np.zeros_like(M)}
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
    f = np.geomspace(1.0, 10.0**-_FAR, round(_FAR * log(10) / log(_STEP)))
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
    low, high = log(_LEAST), log(_MOST)
    if not gap(exp(high)) >= 0:
        return None
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (low, middle) if gap(exp(middle)) >= 0 else (middle, high)
    C = float(f"{exp(high) * (1 + _ROUNDING):.9g}")
    for factor in (1.0, 1.01, 2.0):
        if agreed(factor * C) >= 0:
            return factor * C
    return None


def _multiple_of_constant(form: Expression) -> bool:
    return _holding_constant(form) == [("symbol", "C")] and ("symbol", "C") in form.factors()[0]


def _holding_constant(form: Expression) -> list[Node]:
    """Return the factors of a form that hold C, above and below the line."""
    return [part for parts in form.factors() for part in parts if "C" in symbols_of(part)]


def _parted(form: Expression) -> tuple[Expression, Expression] | None:
    """Return the factor of the rates and C, and that of eps and delta; None where they are not apart."""
    trees: dict[bool, Node] = {True: ("number", 1.0), False: ("number", 1.0)}
    for operation, parts in zip(("*", "/"), form.factors(), strict=True):
        for part in parts:
            held = symbols_of(part)
            of_precision = bool(held & set(MOVING))
            if of_precision and held & {"p", "q", "f", "C"}:
                return None
            trees[of_precision] = (operation, trees[of_precision], part)
    return Expression.of(trees[False]), Expression.of(trees[True])


# the constant that a number implies


def implied_constant(form: Expression, n: float, eps: float, delta: float, rates: Rates) -> float:
    """Return the smallest C at which the form asks for ``n``: 0 where every C does, infinity where none does."""
    logs = {"eps": log(eps), "delta": log(delta), **_logs({"p": rates.prune, "q": rates.lock, "f": rates.free})}

    def reaches(log_C: float) -> bool:
        sign, size = form.log_value({"C": log_C, **logs})
        return bool(sign > 0) and float(size) >= log(n)

    if n <= 0 or reaches(log(_LEAST)):
        return 0.0
    low, high = log(_LEAST), log(_MOST)
    if not reaches(high):
        return inf
    if _multiple_of_constant(form):
        return float(n / np.exp(form.log_value({"C": 0.0, **logs})[1]))
    while high - low > 1e-15 * max(1.0, abs(high)):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return exp(high)


def _logs(values: Mapping[str, float]) -> dict[str, float]:
    return {name: _log(value) for name, value in values.items()}


def _far_grid() -> tuple[dict[str, Floats], tuple[int, int]]:
    """Return logarithms of small eps and delta, growing along the two axes, and the shape of the grid."""
    steps = -np.array([5.0, 10, 20, 50, 100, 1e3, 1e4, 1e6])
    eps, delta = np.meshgrid(steps, steps, indexing="ij")
    return {"eps": eps, "delta": delta}, eps.shape


def _shown(log_value: float) -> str:
    """Return exp(log_value) as text, also where it is no floating point number."""
    if log_value > -600:
        return f"{exp(log_value):.3g}"
    power = -log_value / log(10)
    return f"10^-{power:.0f}" if power < 1e6 else f"10^-({power:.3g})"
