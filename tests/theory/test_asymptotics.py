"""The closed form is above the numeric certificate and below its own constant; its slopes are the stated ones."""

from math import exp, log, sinh

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from slt.core.rates import Rates
from theory.asymptotics import (
    closed_form_n,
    constant,
    necessary_slopes,
    shift_size,
    sufficient_slopes,
)
from theory.laws import below_table, reach_below
from theory.reach import chernoff_reach, reach_rate, shift_exponent
from theory.sufficient import failure_at_most, sufficient_n

tenths = st.tuples(st.integers(0, 8), st.integers(0, 8))
mild = tenths.filter(lambda r: sum(r) <= 7).map(lambda r: {"prune": r[0] / 10, "lock": r[1] / 10})
anything = st.tuples(st.floats(0, 0.9999), st.floats(0, 0.9999)).filter(lambda r: sum(r) < 0.9999)


@settings(max_examples=12)
@given(
    mild, st.sampled_from([0.6, 0.2, 0.05, 0.01]), st.sampled_from([0.5, 0.05, 1e-4]), st.sampled_from([0.3, 1.0, 2.5])
)
def test_closed_form_is_at_least_the_numeric_certificate(rates, eps, delta, radius):
    assert closed_form_n(eps, delta, **rates, radius=radius) >= sufficient_n(eps, delta, **rates, radius=radius)


@given(anything, st.floats(1e-9, 0.99), st.floats(1e-12, 0.99), st.floats(0.01, 5))
def test_the_constant_covers_the_closed_form_and_is_finite(both, eps, delta, radius):
    rates = {"prune": both[0], "lock": both[1]}
    small = min(eps, delta)
    C = constant(**rates, radius=radius, eps_0=small)
    assert np.isfinite(C)
    assert C * -log(small) >= closed_form_n(eps, delta, **rates, radius=radius)
    # a larger eps_0 only asks for more
    assert constant(**rates, radius=radius, eps_0=min(0.999, 2 * small)) >= C


def test_the_constant_by_hand_for_the_dense_source():
    L0, s = log(10), 3.75  # the best of the multiples of 1/4
    shift = (1 + (log(4) + s / 2) / L0) / (0.5 - (1 - exp(-s)) / (2 * s))
    assert constant() == pytest.approx(shift + 12 + 4 * log(4.04) / L0 + 2 / L0, rel=1e-12)


def test_the_constant_by_hand_where_half_is_locked():
    k, f, q, L0 = 0.25 - (exp(1) - 2) / 6, 0.5, 0.5, log(10)
    each = 1 + (sinh(1) - 1) / k * q / (f + 2 * q)
    shift = (f + 2 * q) / (k * f * f) * (1 + log(4) / L0) + 0.5 / (k * f * L0)
    expected = shift + each / f * (12 + 4 * log(4.04) / L0) + (1 + each) / L0
    assert constant(lock=0.5) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("lock", "power"), [(0.0, 1), (0.4, 2)])
def test_the_constant_grows_with_the_stated_power_of_free(lock, power):
    small, smaller = (constant(prune=1 - lock - f, lock=lock) for f in (1e-4, 1e-5))
    assert smaller / small == pytest.approx(10**power, rel=1e-2)
    assert sufficient_slopes(prune=0.1, lock=lock).power == necessary_slopes(prune=0.1, lock=lock).power == power


@given(anything, st.floats(1e-6, 20))
def test_exponent_is_the_log_moment_and_not_above_it(both, s):
    rates = Rates(*both)
    direct = rates.prune + rates.lock * sinh(s) / s + rates.free / 2 * (1 + -np.expm1(-s) / s)
    received = float(shift_exponent(s, rates.lock, rates.free))
    # sinh(s)/s, as written here, is right to some 1e-16 only
    assert received <= -log(direct) + 1e-13
    assert received >= -log(direct) - 1e-13 * (1 + sinh(s)) - 2e-9 * abs(log(direct))


@given(anything)
def test_closed_form_exponent_is_below_the_numeric_one(both):
    rates = Rates(*both)
    s = rates.free / (rates.free + 2 * rates.lock)
    k = 0.25 - (exp(1) - 2) / 6
    assert shift_exponent(s, rates.lock, rates.free) >= k * rates.free * s * (1 - 1e-6)


@settings(max_examples=30)
@given(mild, st.sampled_from([-0.2, 0.5, 2.5]), st.integers(1, 200))
def test_chernoff_is_above_the_law_of_the_reach(rates, distance, n):
    r = Rates(**rates)
    exact = reach_below(distance, [n], r.lock, r.free, "lower")[0]
    assert chernoff_reach(distance, n, r.lock, r.free) >= min(1.0, exact) * (1 - 1e-9)


@pytest.mark.parametrize(("n", "more"), [(0, 30), (10, 0), (10, 30), (40, 200)])
def test_chernoff_counts_the_locked_ones_among_other_variables(n, more):
    # all are locked or free, so the first n give Y of the law A or 0, the others X or 0: a table of both counts
    lock, free, c = 0.5, 0.4, -1.5
    table = below_table(c, n + more, n, side="lower")
    a, b, k = np.ogrid[: n + 1, : n + 1, : more + 1]
    weights = binom.pmf(a, n, lock) * binom.pmf(b, n - a, free / 2 / (1 - lock)) * binom.pmf(k, more, lock)
    exact = (weights * table[a + k, b]).sum()
    bound = chernoff_reach(c, n, lock, free, more)
    assert exact <= bound <= 20 * exact


@given(mild, st.sampled_from([-0.2, 0.0, 0.5, 2.5]), st.sampled_from([0.5, 1e-3, 1e-9]), st.sampled_from([0, 7, 900]))
def test_shift_size_is_where_chernoff_reaches_delta(rates, distance, delta, more):
    r = Rates(**rates)
    n = shift_size(r, distance, delta, more)
    if n:
        assert 2 * chernoff_reach(distance, n, r.lock, r.free, more) <= delta * (1 + 1e-8)
        assert 2 * chernoff_reach(distance, n - 1, r.lock, r.free, more) > delta * (1 - 1e-8)
    else:
        assert distance <= 0


@pytest.mark.parametrize("rates", [{}, {"prune": 0.4}, {"lock": 0.3}, {"prune": 0.4, "lock": 0.3}])
def test_slopes_are_approached_by_the_closed_form_and_ordered(rates):
    slopes, needed = sufficient_slopes(**rates), necessary_slopes(**rates)
    by_eps = (closed_form_n(1e-98, 0.1, **rates) - closed_form_n(1e-49, 0.1, **rates)) / (49 * log(10))
    by_delta = (closed_form_n(0.1, 1e-98, **rates) - closed_form_n(0.1, 1e-49, **rates)) / (49 * log(10))
    # growth in log(1/eps) has a term of the order of its root, from the locked ones among the other variables
    assert by_eps == pytest.approx(slopes.precision, rel=0.25 if "lock" in rates else 0.1)
    assert by_delta == pytest.approx(slopes.confidence, rel=0.05)
    assert needed.precision < slopes.precision
    assert needed.confidence < slopes.confidence


@pytest.mark.parametrize("lock", [0.0, 0.4])
def test_coefficients_are_the_limits_of_the_confidence_slopes(lock):
    f = 1e-5
    for slopes in (necessary_slopes, sufficient_slopes):
        at = slopes(prune=1 - f - lock, lock=lock)
        assert at.confidence * f**at.power == pytest.approx(at.coefficient, rel=1e-3)


def test_every_locked_variable_moves_the_residual_of_the_closed_form():
    # growth and rest alone put some hundred locked uniforms into T, of deviation 5: no shift that ignores them suffices
    n = closed_form_n(1e-30, 0.05, lock=0.5)
    free_of_coupling = closed_form_n(1e-30, 0.05) / 0.5 + 1 / reach_rate(0.0, 0.5) * log(120)
    assert n > 1.2 * free_of_coupling
    assert failure_at_most(n, 1e-30, lock=0.5) <= 0.05


def test_nothing_to_do_when_eps_reaches_the_radius():
    assert closed_form_n(0.5, 0.1, radius=0.5) == 0
    assert closed_form_n(0.49, 0.1, radius=0.5) > 0
    assert closed_form_n(0.6, 0.1, radius=0.7) == shift_size(Rates(), 0.2, 0.1 / 3)


@pytest.mark.parametrize("call", [
    lambda: constant(prune=0.5, lock=0.5), lambda: constant(eps_0=1.0), lambda: constant(radius=-1.0),
    lambda: closed_form_n(0.0, 0.1), lambda: closed_form_n(0.1, 0.0), lambda: necessary_slopes(lock=1.0),
    lambda: closed_form_n(0.01, 1e-322), lambda: closed_form_n(0.01, 0.1, radius=1e4),
])  # fmt: skip
def test_bad_input_is_one_line(call):
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        call()
