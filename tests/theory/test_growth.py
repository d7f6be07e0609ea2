"""Limits of forms along one direction, against limits by hand and against values far away."""

import time
from math import log

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.expression import Expression
from theory.growth import limit_of_ratio

t, C = sympy.Symbol("t", positive=True), sympy.Symbol("C", positive=True)
THREE = sympy.Integer(3)
EPS = {"eps": sympy.exp(-t), "delta": sympy.Rational(1, 20), "C": C}
DELTA = {"eps": sympy.Rational(1, 10), "delta": sympy.exp(-t), "C": C}
NEAR = {"eps": sympy.exp(-1 / t), "delta": sympy.exp(-1 / t), "C": C}
FREE = {**EPS, "eps": sympy.Rational(1, 10), "p": 1 - 1 / t, "q": sympy.Integer(0), "f": 1 / t}


@pytest.mark.parametrize(
    ("form", "values", "bound", "limit"),
    [
        ("C", EPS, t, 0),
        ("C * log(1/eps)", EPS, t, C),
        ("C * log(1/eps)", DELTA, t, 0),
        ("C + 2 * log(1/min(delta, eps))", EPS, t, 2),
        ("C * log2(1/min(delta, eps))", EPS, t, C / sympy.log(2)),
        ("C * log(log(1/eps))", EPS, t, 0),
        ("C * log(1/eps) / log(log(1/eps))", EPS, t, 0),
        ("C * log(1/eps) * log(log(1/eps))", EPS, t, sympy.oo),
        ("C * sqrt(log(1/eps))", EPS, t, 0),
        ("C * sqrt(log(2/eps)) * sqrt(log(3/eps))", EPS, t, C),
        ("C * log(2/eps)**0.99", EPS, t, 0),
        ("C * log(2/eps)**1.01", EPS, t, sympy.oo),
        ("C * log(2/eps)**(1/3)", EPS, t, 0),
        ("C * log(2/eps)**0.123456789", EPS, t, 0),
        ("C / eps**0.123456789", EPS, t, sympy.oo),
        ("C / eps**0.01", EPS, t, sympy.oo),
        ("C * log(2/max(delta, eps))", EPS, t, 0),
        ("C * min(log(1/eps), log(1/eps)**0.5 * 100)", EPS, t, 0),
        ("C * max(log(1/eps), log(1/eps)**0.5 * 100)", EPS, t, C),
        ("max(log(1/eps), 3 * log(1/eps), 2 * log(1/eps))", EPS, t, 3),
        ("min(eps, 2 * eps) / eps * log(1/eps)", EPS, t, 1),
        ("min(1, 1.5) * log(1/eps)", EPS, t, 1),
        ("max(1.5, 1) * log(1/eps)", EPS, t, sympy.Rational(3, 2)),
        ("min(1.5 * eps, eps) / eps * log(1/eps)", EPS, t, 1),
        ("max(2 * eps**2, eps**2, 1.5 * eps**2) / eps**2 * log(1/eps)", EPS, t, 2),
        ("min(eps**2, 2 * eps**2, 1.5 * eps**2) / eps**2 * log(1/eps)", EPS, t, 1),
        ("min(2 * eps**2, 1.5 * eps**2, eps**2) / eps**2 * log(1/eps)", EPS, t, 1),
        ("log(1/eps) - min(1 - eps, log(1/eps))", NEAR, t**-2, sympy.Rational(1, 2)),
        ("log(1/eps) - max(1 - eps, log(1/eps))", NEAR, t**-2, 0),
        ("log(1 + C/eps)", EPS, t, 1),
        ("(sqrt(2 * log(1/delta)) + sqrt(2 * log(1/delta) + 2 * C * log(1/eps)))**2", EPS, t, 2 * C),
        ("(sqrt(2 * log(1/delta)) + sqrt(2 * log(1/delta) + 2 * C * log(1/eps)))**2", DELTA, t, 8),
        ("C * log(1/min(delta, eps))", NEAR, sympy.Integer(1), 0),
        ("C * log(2/min(delta, eps))", NEAR, sympy.Integer(1), C * sympy.log(2)),
        ("C * (1 - eps)", NEAR, 1 / t, C),
        ("C / f", FREE, t, C),
        ("C / (1 - p)", FREE, t, C),
        ("C / log(1/p)", FREE, t, C),
        ("C / f**2", FREE, t, sympy.oo),
        ("C / sqrt(f)", FREE, t, 0),
        (
            "log(20) / log(1/(1 - (1-p) * (1 - exp(-1/C))))",
            {**FREE, "C": THREE},
            t,
            sympy.log(20) / (1 - sympy.exp(-1 / THREE)),
        ),
    ],
)
def test_limits_by_hand(form, values, bound, limit):
    found = limit_of_ratio(Expression(form), values, bound, t)
    assert found is not None
    assert sympy.simplify(found - limit) == 0 or found == limit == sympy.oo


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ("min(C, 2) * log(1/eps)", EPS),  # which one is smaller depends on C
        ("C * 9**(9**(9**q))", {**FREE, "q": sympy.Integer(1)}),
        ("C * (1/delta)**(1000000000 * q)", {**EPS, "q": sympy.Rational(1, 2)}),
        ("C * log(0 * eps)", EPS),
        ("C * log(eps - 1) * log(1/eps)", EPS),
    ],
)
def test_nothing_is_said_where_no_limit_is_found(form, values):
    started = time.monotonic()
    assert limit_of_ratio(Expression(form), values, t, t) is None
    assert time.monotonic() - started < 30


parts = st.sampled_from(["log(1/eps)", "log(2/min(eps, delta))", "log(log(3/eps))", "1", "3", "sqrt(log(2/eps))"])


@pytest.mark.long
@settings(max_examples=8)
@given(st.lists(st.tuples(parts, st.sampled_from("+*")), min_size=1, max_size=3), parts, parts)
def test_limits_agree_with_values_far_away(pieces, last, below):
    text = "".join(f"{part} {sign} " for part, sign in pieces) + last
    form = Expression(f"C * ({text}) / ({below})")
    found = limit_of_ratio(form, {**EPS, "C": THREE}, t, t)
    assert found is not None
    x = np.array([1e80, 1e90])
    size = form.log_value({"eps": -x, "delta": log(0.05), "C": log(3)})[1] - np.log(x)
    if found == 0:
        assert size[1] < size[0] < 0
    elif found == sympy.oo:
        assert size[1] > size[0] > 0
    else:
        assert size[1] == pytest.approx(log(float(found)), abs=0.05)
