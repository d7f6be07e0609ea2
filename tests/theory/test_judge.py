"""Verdicts: the controls both ways, every witness, the lower bounds behind refutations, the constants behind proofs."""

import re
import time
from dataclasses import replace
from functools import cache
from math import ceil, exp, inf, isinf, log

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from slt.core.rates import Rates
from subsetsum import success_probability
from tests.theory.exact_small import pointwise_failure, uniform_failure
from theory import gadhikar2023, lueker1998, otsuka2024
from theory.asymptotics import closed_form_n, constant
from theory.claims import CLAIMS, LEDGER
from theory.closed_needs import far_locked, necessary_floor, proven_need, universal_need
from theory.expression import Expression
from theory.judge import implied_constant, judge
from theory.judgement import MIXTURE, OPEN, PRODUCTS, PROVEN, REFUTED, Question
from theory.law_sufficient import law_failure_at_most
from theory.necessary import necessary_n
from theory.refute import CONSTANTS, DELTA, EPS
from theory.sufficient import sufficient_n

MIN = "log(1/min(delta, eps))"
MIN2 = "log(2/min(delta, eps))"
DENSE, PRUNED, LOCKED, FROZEN = Rates(), Rates(0.4), Rates(0, 0.4), Rates(0.4, 0.3)


@cache
def judged(form, rates=DENSE, reading="uniform", moving="", least=1.0):
    question = Question(Expression(form), reading, rates, frozenset(moving), least)
    return question, judge(question)


# (form, rates, reading, rates that the constant may not depend on, domain, what it must be refuted by)
REFUTATIONS = [
    ("C", DENSE, "uniform", "", 1.0, "eps -> 0"),
    ("C", FROZEN, "pointwise", "", 1e-6, "eps -> 0"),
    ("C * log(log(1/eps))", DENSE, "uniform", "", 0.5, "eps -> 0"),
    ("C * log(1/eps)", DENSE, "uniform", "", 1.0, "delta -> 0"),
    ("C * log(1/eps)", FROZEN, "pointwise", "", 0.5, "delta -> 0"),
    ("C * log(1/delta)", DENSE, "uniform", "", 0.5, "eps -> 0"),
    (f"C * sqrt({MIN})", DENSE, "uniform", "", 1.0, "eps -> 0"),
    (f"C * sqrt({MIN2})", LOCKED, "pointwise", "", 0.5, "eps -> 0"),
    (f"C * {MIN2}**0.9", DENSE, "uniform", "", 1.0, "eps -> 0"),
    (f"C * {MIN2} / log({MIN2} + 3)", DENSE, "uniform", "", 1.0, "eps -> 0"),
    (f"C + {MIN}", DENSE, "uniform", "", 0.5, "eps -> 0"),
    ("log(1 + C/min(delta, eps))", DENSE, "uniform", "", 0.5, "eps -> 0"),
    ("(C + log(2/eps))**2", PRUNED, "uniform", "", 1.0, "delta -> 0"),
    ("exp(C) * log(2/eps)", DENSE, "uniform", "", 1.0, "delta -> 0"),
    ("C / eps", DENSE, "uniform", "", 1.0, "delta -> 0"),
    ("C / delta**2", DENSE, "pointwise", "", 1.0, "eps -> 0"),
    ("C * min(log(2/eps), log(2/delta))", DENSE, "uniform", "", 1.0, "eps -> 0"),
    ("C * log(2/max(delta, eps))", DENSE, "uniform", "", 1.0, "eps -> 0"),
    (f"C * {MIN}", DENSE, "uniform", "", 1.0, "eps, delta -> 1"),
    (f"C * {MIN}", FROZEN, "uniform", "", 1.0, "eps, delta -> 1"),
    (f"C * (1 - eps) * {MIN2}", DENSE, "uniform", "", 1.0, "eps, delta -> 1"),
    (f"C * {MIN} / log(1/p)", PRUNED, "pointwise", "p", 1.0, "p -> 0"),
    (f"C * {MIN} / log(1/p)", DENSE, "pointwise", "p", 1.0, "p -> 0"),
    (f"C * sqrt(p) * {MIN2}", Rates(0.4, 0.001), "uniform", "p", 0.5, "p -> 1 - q"),
    (f"C * {MIN2}", PRUNED, "uniform", "p", 1.0, "p -> 1"),
    (f"C / sqrt(f) * {MIN2}", PRUNED, "pointwise", "p", 1.0, "p -> 1"),
    (f"C / (1-p)**0.9 * {MIN2}", PRUNED, "pointwise", "p", 1.0, "p -> 1"),
    (f"C / f * {MIN2}", LOCKED, "uniform", "q", 1.0, "q -> 1"),
    (f"C / (1 - p - q) * {MIN2}", FROZEN, "uniform", "q", 1.0, "q -> 1 - p"),
    (f"C / f * {MIN2}", FROZEN, "uniform", "p", 1.0, "p -> 1 - q"),
    (f"C * q / f**2 * {MIN2}", LOCKED, "uniform", "q", 1.0, "q -> 0"),
    ("C * log(1/eps)**2", DENSE, "uniform", "", 0.5, "delta -> 0"),
    ("C * max(log(1/eps), sqrt(log(1/delta)))", DENSE, "uniform", "", 0.5, "delta -> 0"),
    ("C * (log(1/eps) + log(1/delta))", DENSE, "uniform", "", 1.0, "eps, delta -> 1"),
    ("C * log(2/eps) + log(2/delta)", DENSE, "uniform", "", 1.0, "delta -> 0"),
    ("sqrt(C * log(2/eps)) * sqrt(C * log(2/delta))", DENSE, "uniform", "", 1.0, "eps -> 0"),
    ("log(3/min(delta, eps))**min(C, 0.5)", DENSE, "uniform", "", 0.5, "eps -> 0"),
]

PROOFS = [
    (f"C * {MIN2}", DENSE, "uniform", "", 1.0),
    (f"C * {MIN2}", FROZEN, "uniform", "", 1.0),
    (f"C * {MIN2}", FROZEN, "pointwise", "", 1.0),
    (f"C * {MIN}", FROZEN, "pointwise", "", 1.0),
    (f"C * {MIN}", DENSE, "uniform", "", 0.5),
    (f"C * {MIN}", Rates(0, 0.9), "uniform", "", 0.01),
    (f"(C/(1-p)) * {MIN2}", PRUNED, "uniform", "p", 1.0),
    (f"C / f * {MIN2}", PRUNED, "pointwise", "p", 1.0),
    (f"C / f**1.5 * {MIN}", PRUNED, "uniform", "p", 0.5),
    (f"C / log(1/p)**2 / f * {MIN2} + C / f * {MIN2}", PRUNED, "uniform", "", 1.0),
    (f"{MIN2} / log(1/(1 - (1-p) * (1 - exp(-1/C))))", PRUNED, "uniform", "p", 1.0),
    (f"C / f * {MIN2}", FROZEN, "uniform", "", 1.0),
    ("C * (log(2/eps) + log(2/delta))", LOCKED, "uniform", "", 1.0),
    ("C * log2(2/(eps * delta))", DENSE, "uniform", "", 1.0),
    ("C * log(2/eps) * log(2/delta)", DENSE, "uniform", "", 1.0),
    ("C / min(delta, eps)", DENSE, "uniform", "", 1.0),
    ("C / eps**0.123456789 * log(2/delta)", DENSE, "uniform", "", 1.0),
    (f"C * {MIN2}**1.25", DENSE, "uniform", "", 1.0),
    (f"(C + {MIN2})**2", DENSE, "uniform", "", 1.0),
    (f"sqrt(C) * {MIN2}", PRUNED, "uniform", "", 1.0),
    (f"exp(C) * {MIN2}", DENSE, "pointwise", "", 1.0),
    (f"(exp(1/C) - 1)**-1 * {MIN2}", DENSE, "uniform", "", 1.0),
    ("max(C, 3) * max(log(2/eps), log(2/delta))", DENSE, "uniform", "", 1.0),
    ("C * (log(1/eps) + log(1/delta))", DENSE, "uniform", "", 0.5),
    ("C * log(2/eps) + 100 * log(2/delta)", DENSE, "uniform", "", 1.0),
    (f"exp(C/100) * {MIN2}", DENSE, "uniform", "", 1.0),  # fails with every C up to 364
    ("log(3/min(delta, eps))**(C/20)", DENSE, "uniform", "", 1.0),  # fails with every C up to 20
    (f"C * (2 - eps) * {MIN2}", DENSE, "uniform", "", 1.0),
]

UNDECIDED = [
    (f"C + 2 * {MIN2}", DENSE, "uniform", "", 1.0),  # above counting, below our closed forms
    ("(sqrt(2*log(1/delta)) + sqrt(2*log(1/delta) + 2*C*log(1/eps)))**2", DENSE, "uniform", "", 0.5),
    (f"C / f**2 * {MIN2}", LOCKED, "uniform", "q", 1.0),
    (f"({MIN2} + C/f)**2", PRUNED, "uniform", "p", 1.0),
    ("C * log(2/eps) + 1.5 * log(2/delta)", DENSE, "uniform", "", 1.0),
    ("C**0.01 * log(2/min(delta, eps))", DENSE, "uniform", "", 1.0),  # the C would be 38^100
    (f"min(C, 5) * {MIN2}", DENSE, "uniform", "", 1.0),
    (f"C * {MIN2} * (2 + eps - 2 * eps)", DENSE, "uniform", "", 1.0),  # never falls, but not by its structure
]


@pytest.mark.long(keep=10)
@pytest.mark.parametrize(("form", "rates", "reading", "moving", "least", "direction"), REFUTATIONS)
def test_what_must_be_refuted(form, rates, reading, moving, least, direction):
    _, found = judged(form, rates, reading, moving, least)
    assert (found.verdict, found.direction) == (REFUTED, direction)
    assert found.constant is None
    assert found.witnesses
    if not any(part in form for part in ("**0.9", "log(log", "exp(C)")):  # others need more than 10^100
        assert [witness.C for witness in found.witnesses] == list(CONSTANTS)


@pytest.mark.long(keep=8)
@pytest.mark.parametrize(("form", "rates", "reading", "moving", "least"), PROOFS)
def test_what_must_be_proven(form, rates, reading, moving, least):
    _, found = judged(form, rates, reading, moving, least)
    assert found.verdict == PROVEN
    assert 0 < found.constant < 1e6
    assert found.constant_half <= found.constant
    assert not found.witnesses


@pytest.mark.parametrize(
    ("form", "up_to"),
    [
        ("C * log(2/eps)", None),
        ("exp(C) * log(2/eps)", None),
        ("C * log(2/eps) + log(2/delta)", 1e30),
        ("log(3/min(delta, eps))**min(C, 0.5)", 1000.0),
    ],
)
def test_up_to_which_constant_a_form_is_refuted(form, up_to):
    _, found = judged(form)
    assert found.verdict == REFUTED
    assert found.up_to == up_to
    assert ("whatever C is" in found.reason) == (up_to is None)


@pytest.mark.parametrize(("form", "rates", "reading", "moving", "least"), UNDECIDED)
def test_what_is_open(form, rates, reading, moving, least):
    _, found = judged(form, rates, reading, moving, least)
    assert found.verdict == OPEN
    assert found.constant is None
    assert not found.witnesses


@pytest.mark.parametrize(
    ("form", "rates", "message"),
    [
        (MIN2, DENSE, "must hold the constant C"),
        (f"0*C + {MIN2}", DENSE, "must rise with C"),
        (f"{MIN2} / C", DENSE, "must rise with C"),
        (f"(C + 1/C) * {MIN2}", DENSE, "must rise with C"),
        (f"(C - 20)**2 * {MIN2}", DENSE, "must rise with C"),
        (f"-C * {MIN2}", DENSE, "must be positive"),
        (f"C - {MIN2}", DENSE, "must be positive"),
        ("C * log(eps)", DENSE, "must be positive"),
        ("C * log(eps - 1)", DENSE, "undefined"),
        (f"C * {MIN2} / (q / q)", DENSE, "undefined"),
        (f"C * {MIN} / log(1/p)", DENSE, "must be positive"),  # where C may depend on p, nothing is asked at p = 0
        ("C * eps", DENSE, "where eps is smaller"),
        ("C * log(2/eps) * (1 + delta)", DENSE, "where delta is smaller"),
        (f"C * {MIN2} / f**0 * (p - q)", FROZEN, None),
    ],
)
def test_what_is_no_requirement_is_refused(form, rates, message):
    if message is None:
        assert judged(form, rates)[1].verdict == PROVEN
        return
    with pytest.raises(ValueError, match=message) as refused:
        judged(form, rates)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "form",
    [
        "C**C**C * log(2/min(delta, eps))",
        "C * exp(exp(exp(3*p))) * log(2/min(delta, eps))",
        "C * 9**(9**(9**f)) * log(2/min(delta, eps))",
        "C * log(2/min(delta, eps)) * 2**(1e9 * f)",
        "C * (1/delta)**(1000000000 * f) + log(1/eps)",
        "C * exp(1/eps) * log(2/delta)",
        "C * log(2/eps)**0.987654321 + " + " + ".join(["C * log(2/delta)**0.123456789"] * 8),
        "C * min(log(2/eps), log(3/eps)**0.77, log(5/delta)**0.13) * max(eps, delta, 1/eps, 1/delta)",
    ],
)
def test_odd_forms_get_an_answer_in_time(form):
    started = time.monotonic()
    assert judged(form, PRUNED)[1].verdict in (PROVEN, REFUTED, OPEN)
    assert time.monotonic() - started < 60


# witnesses

_NUMBER = r"(10\^-\(?[\d.e+]+\)?|[\d.e+-]+)"


def _log_of(text):
    power = re.fullmatch(r"10\^-\(?([\d.e+]+)\)?", text)
    return -float(power[1]) * log(10) if power else log(float(text))


def _point(where, rates, moving):
    """The logarithms of eps, delta, p, q, f that the words of a witness name, and the rates."""
    named = dict(re.findall(rf"(eps|delta|p|q|free share) =? ?{_NUMBER}", where.replace("eps = delta", "delta")))
    logs = {"delta": _log_of(named["delta"]), "eps": _log_of(named.get("eps", named["delta"]))}
    p, q = rates.prune, rates.lock
    for name in moving:
        kept = q if name == "p" else p
        if name in named and "free share" not in named:
            moved = exp(_log_of(named[name]))
        else:
            moved = 1 - kept - float(named["free share"])
        p, q = (moved, q) if name == "p" else (p, moved)
    if "free share" in named and moving == "p" and q == 0:  # as near to 1 as can be said
        return {
            **logs,
            "p": float(np.log1p(-float(named["free share"]))),
            "q": -inf,
            "f": log(float(named["free share"])),
        }, Rates(p, q)
    log_of = {name: log(value) if value > 0 else -inf for name, value in {"p": p, "q": q, "f": 1 - p - q}.items()}
    for name in moving:
        if name in named and "free share" not in named:
            log_of[name] = _log_of(named[name])
    if "free share" in named:
        log_of["f"] = log(float(named["free share"]))
    return {**logs, **log_of}, Rates(min(p, 1.0), q)


@pytest.mark.parametrize(("form", "rates", "reading", "moving", "least", "direction"), REFUTATIONS)
def test_every_witness_is_one(form, rates, reading, moving, least, direction):
    question, found = judged(form, rates, reading, moving, least)
    assert [w.C for w in found.witnesses] == list(CONSTANTS)[: len(found.witnesses)]
    for witness in found.witnesses:
        assert ceil(witness.needed) - 1 >= max(witness.asked, 1)
        logs, there = _point(witness.where, question.rates if rates != DENSE else Rates(0.5), moving)
        sign, size = question.form.log_value({"C": log(witness.C), **logs})
        asked = float(np.exp(min(size, 700))) if sign > 0 else 0.0
        assert asked <= witness.asked * 1.1 + 0.01  # the words give three digits
        assert witness.where.count("eps") == 1
        if direction == "eps, delta -> 1":
            assert witness.asked <= 1
            continue
        if there.free > 1e-9:
            assert necessary_floor(-logs["eps"], -logs["delta"], there, reading) >= 0.97 * witness.needed - 0.01


OUT_OF_REACH = ("C / delta**2", f"C / f * {MIN2}", f"C / (1 - p - q) * {MIN2}")  # eps = 1e-120, n > 10^6


@pytest.mark.long(keep=8)
@pytest.mark.parametrize(("form", "rates", "reading", "moving", "least", "direction"), REFUTATIONS)
def test_at_a_witness_more_are_necessary_than_asked_for(form, rates, reading, moving, least, direction):
    question, found = judged(form, rates, reading, moving, least)
    looked_at = 0
    for witness in found.witnesses:
        logs, there = _point(witness.where, question.rates if rates != DENSE else Rates(0.5), moving)
        eps, delta = exp(max(logs["eps"], -700)), exp(max(logs["delta"], -700))
        if direction == "eps, delta -> 1":
            assert max(1, ceil(witness.asked)) == 1
            assert uniform_failure(1, min(eps, 1 - 1e-9), there.prune, there.lock) == 1  # for all delta < 1
            looked_at += 1
        elif eps >= 1e-12 and delta >= 1e-30 and there.free > 1e-3:
            needed = necessary_n(eps, delta, prune=there.prune, lock=there.lock, reading=reading)
            assert needed - 1 >= max(1, witness.asked)
            looked_at += 1
    assert looked_at >= 1 or form in OUT_OF_REACH


def test_the_places_of_witnesses_lie_in_the_words():
    where = judged("C * log(1/eps)")[1].witnesses[-1].where
    assert where.startswith(f"eps = {EPS:g}, delta = 10^-")
    assert judged("C")[1].witnesses[-1].where.endswith(f"delta = {DELTA:g}")


# lower bounds behind refutations


@pytest.mark.parametrize("n", [0, 1, 2, 3])
@pytest.mark.parametrize("reading", ["uniform", "pointwise"])
@pytest.mark.parametrize("rates", [DENSE, PRUNED, LOCKED, FROZEN, Rates(0.1, 0.8)])
def test_floors_are_below_the_smallest_sufficient_number(n, reading, rates):
    for eps in (0.35, 0.5, 0.75, 0.9):
        if n == 3 and eps not in (0.5, 0.9):
            continue
        given_rates = (rates.prune, rates.lock)
        if reading == "uniform":
            failure = uniform_failure(n, eps, *given_rates)
        else:
            failure = max(pointwise_failure(n, z, eps, *given_rates) for z in (-1, -0.5, 0, 0.25, 1))
        if failure < 1:  # n suffices for delta = failure
            assert necessary_floor(-log(eps), -log(failure + 1e-7), rates, reading) <= n


@pytest.mark.long
@given(
    x=st.floats(0.01, 25),
    y=st.floats(0.05, 60),
    prune=st.floats(0, 0.9),
    lock=st.floats(0, 0.6),
    reading=st.sampled_from(["uniform", "pointwise"]),
)
@settings(max_examples=40)
def test_floors_are_below_what_is_necessary(x, y, prune, lock, reading):
    assume(prune + lock < 0.95)
    floor = necessary_floor(x, y, Rates(prune, lock), reading)
    assert ceil(floor * (1 - 1e-12)) <= necessary_n(exp(-x), exp(-y), prune=prune, lock=lock, reading=reading)


def test_each_floor_decides_somewhere():
    assert necessary_floor(10, 0.1, DENSE, "uniform") == pytest.approx(10 / log(2))
    assert necessary_floor(10, 0.1, DENSE, "pointwise") == pytest.approx((10 + log(1 - exp(-0.1))) / log(2))
    assert necessary_floor(0.1, 10, DENSE, "pointwise") == pytest.approx(10 / log(2))
    share = (1 - exp(-3) - exp(-10)) / (1 - exp(-10))
    assert necessary_floor(10, 3, PRUNED, "pointwise") == pytest.approx(share * 10 / (0.6 * log(2)))
    assert necessary_floor(1, 2, Rates(0, 0.9), "pointwise") < 40  # delta above 1/10
    assert necessary_floor(0.1, 10, Rates(0.4, 0.3), "uniform") == pytest.approx(10 / -log(0.85))
    assert necessary_floor(0.1, 10, Rates(0.4, 0.3), "pointwise") == pytest.approx((10 - log(2)) / -log(0.85))
    f, q = 1e-5, 0.9
    n = necessary_floor(1, 3, Rates(1 - f - q, q), "pointwise")
    assert 20 * f * n + 1 == pytest.approx((n * q / 12) ** 0.5)


@pytest.mark.parametrize(("free", "lock"), [(5e-4, 0.9), (9e-4, 0.9), (1e-4, 0.2), (2e-4, 0.2)])
def test_when_little_is_free_the_locked_sum_is_too_far_away(free, lock):
    top = far_locked(lock, free)
    assert top > 10 / lock
    rng = np.random.default_rng(1)
    draws = 4000
    for n in {1, int(5 / lock), int(12 / lock), *map(int, np.geomspace(10 / lock, top, 5))}:
        free_ones = rng.binomial(n, free, draws)
        locked = rng.binomial(n - free_ones, min(1.0, lock / (1 - free)))
        steps = rng.uniform(-1, 1, (draws, locked.max() or 1))
        T = np.where(np.arange(steps.shape[1]) < locked[:, None], steps, 0).sum(1)
        # with m free numbers |z - T| <= m + eps; without, z = 1 needs T > 0 and z = -1 needs T < 0
        met = [(abs(T - z) < free_ones + 1).mean() for z in (-1, 1)]
        assert min(met) < 0.9 - 4 * 0.3 / draws**0.5


# constants behind proofs


@pytest.mark.parametrize(("rates", "reading"), [(DENSE, "pointwise"), (LOCKED, "pointwise"), (FROZEN, "pointwise")])
def test_the_corner_constant_is_below_every_probability_of_success(rates, reading):
    K, corner = proven_need(rates, reading)
    s = K * log(2) / corner
    assert constant(prune=rates.prune, lock=rates.lock, eps_0=0.5) == K
    rng = np.random.default_rng(2)
    worst = 1.0
    for n in range(1, 21):
        worst = min(worst, _success(rng, n, 0.5, rates, 1.0))
        if n <= 3:
            exact = 1 - max(pointwise_failure(n, z, 0.5, rates.prune, rates.lock) for z in (0, 0.5, 1))
            assert s <= exact
    assert s <= worst - 0.02
    assert s == pytest.approx(rates.free / 12 * min(1, 2 / max(4, K * log(2) * rates.lock) ** 0.5))


def test_corner_constants_hold_for_many_locked_numbers():
    rates = Rates(0.05, 0.9)
    K, corner = proven_need(rates, "pointwise")
    s = K * log(2) / corner
    rng = np.random.default_rng(3)
    for n in (100, 1000, int(K * log(2))):
        draws = 20_000
        T = rng.standard_normal(draws) * (n * rates.lock / 3) ** 0.5
        assert s < rates.free * (abs(T - 1) < 1).mean() / 4
    assert corner > K


def _success(rng, n, eps, rates, z):
    draws = 400 if n <= 12 else 40
    met = 0
    for _ in range(draws):
        state = rng.random(n)
        values = rng.uniform(-1, 1, n)
        sums = np.array([values[state < rates.lock].sum()])
        for x in values[state > 1 - rates.free]:
            sums = np.concatenate([sums, sums + x])
        met += (abs(sums - z) <= eps).any()
    return met / draws


def test_uniformly_one_number_never_suffices_so_the_corner_has_none():
    assert isinf(proven_need(FROZEN, "uniform")[1])
    assert uniform_failure(1, 0.999) == 1


@given(st.floats(0, 0.999999))
def test_one_constant_over_f_serves_all_rates_without_locking(prune):
    assert constant(prune=prune, eps_0=0.5) <= universal_need() / (1 - prune) * (1 + 1e-12)


def _asked(question, C, eps, delta, rates):
    values = {"p": rates.prune, "q": rates.lock, "f": rates.free}
    return question.form.value(C=C, eps=eps, delta=delta, **values)


@pytest.mark.long(keep=12)
@pytest.mark.parametrize(("form", "rates", "reading", "moving", "least"), PROOFS)
def test_with_its_constant_a_proven_form_asks_for_a_proven_number(form, rates, reading, moving, least):
    question, found = judged(form, rates, reading, moving, least)
    rng = np.random.default_rng(4)
    for trial in range(60):
        small, other = exp(-rng.exponential(20)), rng.random()
        small = small * min(least, 1.0)
        eps, delta = (small, other) if trial % 2 else (other, small)
        there = Rates(1 - exp(-rng.exponential(2))) if moving else rates
        if not 1e-250 < min(eps, delta) <= least or there.free < 1e-4:
            continue
        enough = closed_form_n(eps, delta, prune=there.prune, lock=there.lock)
        asked = _asked(question, found.constant, eps, delta, there)
        if reading == "uniform" or min(eps, delta) <= 0.5:
            assert asked >= enough * (1 - 1e-9)
        if min(eps, delta) <= 0.5:
            assert _asked(question, found.constant_half, eps, delta, there) >= enough * (1 - 1e-9)


@pytest.mark.parametrize(
    ("form", "rates", "reading"), [(f"C * {MIN}", r, "pointwise") for r in (DENSE, FROZEN, LOCKED)]
)
def test_in_the_corner_what_a_proven_form_asks_for_succeeds(form, rates, reading):
    question, found = judged(form, rates, reading)
    for eps in (0.6, 0.9, 0.999):
        for delta in (1 - 1e-6, 0.9999, 0.99, eps):
            n = max(1, ceil(_asked(question, found.constant, eps, delta, rates)))
            if n <= 3:
                assert max(pointwise_failure(n, z, eps, rates.prune, rates.lock) for z in (0, 0.5, 1)) <= delta


@pytest.mark.long(keep=12)
@pytest.mark.parametrize(("form", "rates", "reading", "moving", "least"), PROOFS)
def test_a_smaller_constant_would_ask_for_less_than_the_closed_form(form, rates, reading, moving, least):
    """At C / 1.05 the form lies, for some (eps, delta) of its domain, below what the proof compares it with."""
    question, found = judged(form, rates, reading, moving, least)
    if "max(C, 3)" in form:
        assert found.constant > 3
    K, corner = proven_need(rates, reading)
    M = np.concatenate([np.geomspace(1e-60, 1e-3, 60), np.linspace(1e-3, 3, 4000), np.geomspace(3, 1e60, 4000)])
    M = np.append(M[-log(least) < M], max(-log(least), 1e-70))
    need = np.where(log(2) <= M, K * M, np.minimum(K * log(2), corner * M if corner < inf else inf))
    free = np.geomspace(1, 1e-60, 300) if moving else np.array([rates.free])
    if moving:
        need = universal_need() / free[:, None] * np.maximum(M, log(2))
    logs = {"p": np.log(np.maximum(1 - rates.lock - free, 1e-300)), "q": log(rates.lock or 1e-300), "f": np.log(free)}
    if moving:
        with np.errstate(divide="ignore"):
            logs = {"p": np.log1p(-free)[:, None], "q": -inf, "f": np.log(free)[:, None]}
    gaps = []
    for moved, still in (("eps", "delta"), ("delta", "eps")):
        values = {"C": log(found.constant / 1.05), moved: -M, still: 0 * M, **logs}
        gaps.append((question.form.log_value(values)[1] - np.log(need)).min())
    assert min(gaps) < 0


@pytest.mark.long
def test_the_published_constants_of_the_proofs_are_above_what_is_sufficient():
    _, found = judged(f"C * {MIN2}", FROZEN)
    for eps, delta in ((0.1, 0.05), (1e-6, 0.05), (0.1, 1e-9)):
        needed = sufficient_n(eps, delta, prune=0.4, lock=0.3)
        assert found.constant * log(2 / min(eps, delta)) > needed


# the constant that a number implies


@pytest.mark.long(keep=4)
@pytest.mark.parametrize("claim", [claim for claim in LEDGER.values() if claim.form], ids=lambda claim: claim.key)
@given(
    C=st.floats(0.05, 200),
    eps=st.floats(1e-12, 0.9),
    delta=st.floats(1e-12, 0.9),
    p=st.floats(0.01, 0.5),
    q=st.floats(0, 0.4),
)
@settings(max_examples=25)
def test_the_implied_constant_inverts_every_form_of_the_ledger(claim, C, eps, delta, p, q):
    for form in (claim.form, claim.standing):
        rates = claim.rates(p, q)
        n = form.sample_size(C, eps, delta, rates)
        lowest = form.sample_size(1e-12, eps, delta, rates)
        assume(n > lowest * 1.001)
        assert form.implied_constant(n, eps, delta, rates) == pytest.approx(C, rel=1e-6)


def test_implied_constants_at_the_ends():
    form = Expression(f"C + {MIN}")
    assert implied_constant(form, 0, 0.1, 0.1, DENSE) == 0
    assert implied_constant(form, 1, 0.1, 0.1, DENSE) == 0  # log 10 whatever C is
    assert implied_constant(form, 5, 0.1, 0.1, DENSE) == pytest.approx(5 - log(10))
    assert implied_constant(Expression("1 - exp(-C)"), 5, 0.1, 0.1, DENSE) == inf
    assert implied_constant(Expression(f"C * {MIN} / log(1/p)"), 5, 0.1, 0.1, DENSE) == inf


@settings(max_examples=40)
@given(
    C=st.floats(0.1, 100),
    eps=st.floats(1e-12, 0.999),
    delta=st.floats(1e-12, 0.999),
    p=st.floats(1e-6, 0.6),
    q=st.floats(0, 0.3),
)
def test_the_forms_of_the_four_lemmas_are_those_of_the_papers_modules(C, eps, delta, p, q):
    dense, pruned, locked, frozen = (claim.form for claim in CLAIMS)
    assert dense.sample_size(C, eps, delta, Rates()) == pytest.approx(lueker1998.sample_size(eps, delta, C))
    published = gadhikar2023.sample_size(eps, delta, C, p)
    assert pruned.sample_size(C, eps, delta, Rates(p)) == pytest.approx(published)
    assert locked.sample_size(C, eps, delta, Rates(0, q)) == pytest.approx(otsuka2024.sample_size_locked(eps, delta, C))
    assert frozen.sample_size(C, eps, delta, Rates(p, q)) == pytest.approx(otsuka2024.sample_size_frozen(eps, delta, C))
    corrected = CLAIMS[1].corrected.form
    repaired = gadhikar2023.corrected_sample_size(eps, delta, C, p)
    assert corrected.sample_size(C, eps, delta, Rates(p)) == pytest.approx(repaired)
    assert corrected.implied_constant(repaired, eps, delta, Rates(p)) == pytest.approx(C, rel=1e-6)


def on_model(form, model, rates=DENSE, reading="pointwise", least=1.0):
    return judge(Question(Expression(form), reading, rates, frozenset(), least, model))


def test_what_is_false_of_uniform_numbers_is_open_on_other_models():
    for model in (MIXTURE, PRODUCTS):
        assert on_model("C * log(2/eps)", model).verdict == OPEN
        assert on_model("C", model, least=0.5).verdict == OPEN


def test_a_mixture_is_judged_as_if_its_other_law_were_pruned():
    _, pruned = judged(f"C * {MIN2}", PRUNED, "uniform")
    assert on_model(f"C * {MIN2}", MIXTURE, PRUNED, "uniform") == pruned


def test_products_are_uniform_on_a_part_with_the_probability_that_the_proof_gives_them():
    # P(|X Y| <= x) = x (1 - log x); without what is uniform on [-w, w] with probability 1/e, no rest may be negative
    def rest(w):
        x = np.linspace(1e-6, w, 2000)
        return np.diff(x * (1 - np.log(x))) - np.exp(-1) * np.diff(x) / w

    assert rest(exp(-1)).min() >= 0
    assert rest(0.38).min() < 0  # no larger part
    assert rest(0.35).min() < 0  # nor the same probability on a smaller one


@pytest.mark.parametrize(("eps", "delta"), [(0.5, 0.5), (0.5, 0.9), (0.3, 0.5), (0.1, 0.05), (1e-3, 0.4), (0.9, 1e-3)])
def test_what_the_proof_asks_of_products_is_enough(eps, delta):
    K, _ = proven_need(DENSE, "pointwise", PRODUCTS)
    n = ceil(K * log(1 / min(eps, delta)))
    assert law_failure_at_most(n, min(eps, 0.5), law="product uniform uniform") <= delta  # a smaller eps asks for more


@pytest.mark.parametrize("n", [1, 2, 5])
def test_the_corner_of_products_is_below_the_measured_success(n):
    K, corner = proven_need(DENSE, "pointwise", PRODUCTS)
    found = success_probability(
        0.5, n=n, trials=20_000, reading="pointwise", confidence=1 - 1e-6, law="product uniform uniform"
    )
    assert K * log(2) / corner <= found.upper
    if n == 1:  # the bound is the probability itself
        assert K * log(2) / corner >= found.lower


# (form with a constant of its own, rates, reading, domain, verdict)
AS_THEY_STAND = [
    (f"40 * {MIN2}", DENSE, "uniform", 1.0, PROVEN),
    (f"10 * {MIN2}", DENSE, "uniform", 1.0, OPEN),
    (f"2 * {MIN2}", DENSE, "uniform", 1.0, REFUTED),
    ("5", DENSE, "pointwise", 1.0, REFUTED),
    ("2000 * log(1/eps)", DENSE, "uniform", 1.0, REFUTED),
    (f"40 * {MIN}", DENSE, "uniform", 1.0, REFUTED),
    (f"40 * {MIN}", DENSE, "uniform", 0.5, PROVEN),
    (f"400 * {MIN2}", FROZEN, "pointwise", 1.0, PROVEN),
    (f"(20 * {MIN2}) / f", PRUNED, "pointwise", 1.0, OPEN),
]


@pytest.mark.parametrize(("form", "rates", "reading", "least", "verdict"), AS_THEY_STAND)
def test_a_constant_of_its_own_is_the_only_one_that_counts(form, rates, reading, least, verdict):
    asked = Question(Expression(f"C * ({form})"), reading, rates, least=least, explicit=True)
    found = judge(asked)
    assert (found.verdict, found.explicit) == (verdict, True)
    usual = judge(replace(asked, explicit=False))
    if verdict == PROVEN:
        assert usual.constant == found.constant <= 1
    if verdict == OPEN:
        assert usual.constant > 1
    assert bool(found.witnesses) == (verdict == REFUTED)
    for witness in found.witnesses:
        assert witness.C == 1
        assert max(witness.asked, 1) <= np.ceil(witness.needed) - 1  # a whole number lies between
    if (form, least) == (f"40 * {MIN}", 1.0):
        assert found.elsewhere.verdict == PROVEN


def test_points_that_refute_a_constant_are_below_the_exact_bound():
    asked = Question(Expression(f"C * (2 * {MIN2})"), "uniform", DENSE, explicit=True)
    for witness in judge(asked).witnesses:
        eps, delta = (float(part.split(" = ")[1]) for part in witness.where.split(", "))
        assert necessary_n(eps, delta) == witness.needed > witness.asked + 1


def test_what_is_refuted_near_1_alone_is_judged_elsewhere_too():
    found = judged(f"C * {MIN}")[1]
    assert found.elsewhere == judged(f"C * {MIN}", least=0.5)[1]
    assert judged(f"C * {MIN2}")[1].elsewhere is None
    assert judged("C * log(1/eps)")[1].elsewhere is None
