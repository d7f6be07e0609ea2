"""The proof steps: each holds as stated, and each check can fail."""

from fractions import Fraction
from math import exp, sinh

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from slt.core.rates import Rates
from tests.theory.exact_laws import mean_gain
from theory import exact, lueker1998
from theory.identities import Identity, growth, hoeffding_lemma, identities, moments, transform
from theory.steps import (
    check_steps,
    constant_depends_on_rates,
    count_of_free,
    count_of_locked,
    hoeffding_count,
    hoeffding_free,
    hoeffding_sum,
    locked_sum,
    reach,
    split,
    stray,
    symbolic,
    union,
)

RATES = [(0.0, 0.0), (0.4, 0.0), (0.0, 0.3), (0.4, 0.3), (0.01, 0.98), (0.9, 0.05)]
grid = st.integers(0, 60).map(lambda k: Fraction(k, 60))


@pytest.mark.parametrize(("prune", "lock"), RATES)
def test_every_step_holds(prune, lock):
    assert [step.equation for step in check_steps(prune, lock) if not step.holds] == []


def test_every_equation_that_can_be_checked_is_there():
    found = " ".join(step.equation for step in check_steps(0.4, 0.3))
    for number in (8, 9, 10, 12, 13, 14, 15, 16):
        assert f"({number})" in found


def test_wrong_constants_fail_the_steps_that_need_them():
    assert {step.equation for step in check_steps(0.4, 0.3, a=0.25) if not step.holds} == {
        "(13)-(14)",
        "(15)",
    }
    assert {step.equation for step in check_steps(0.5, 0.25, c=0.25) if not step.holds} == {
        "(9)",
        "(15)",
    }


def test_nothing_free_is_refused():
    with pytest.raises(ValueError, match="nothing is free"):
        check_steps(0.5, 0.5)


@pytest.mark.parametrize("lock", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("c", [0.01, 0.1, 0.5])
def test_hoeffding_for_the_count_of_locked_and_of_free_ones_holds(lock, c):
    assert count_of_locked(Rates(0, lock), c, sizes=range(1, 30)).holds
    assert count_of_free(Rates(0.05, lock), c, sizes=range(1, 30)).holds


def test_a_doubled_exponent_or_a_dropped_side_is_noticed():
    # fair coins, all on one side: probability 2^-n each, above exp(-n) but below exp(-n/2)
    fair, c, sizes = Rates(0.25, 0.5), 0.5, range(1, 30)
    assert count_of_locked(fair, c, sizes=sizes).holds
    assert not count_of_locked(fair, c, bound=lambda n, c: 2 * exp(-4 * c * c * n), sizes=sizes).holds
    assert not count_of_locked(fair, c, bound=lambda n, c: hoeffding_count(n, c) / 2, sizes=[1]).holds
    half = Rates(0.25, 0.25)
    assert count_of_free(half, c, sizes=sizes).holds
    assert not count_of_free(half, c, bound=lambda n, c: hoeffding_free(n, c) ** 2, sizes=sizes).holds


def test_hoeffding_for_the_locked_sum_holds_and_stays_so_with_the_true_variance():
    assert locked_sum().holds
    # the sharper form, and one beyond it (variance 1/3 is the least that the Gaussian regime allows)
    assert locked_sum(bound=lambda n, s: 2 * exp(-3 * s * s / (2 * n))).holds
    assert not locked_sum(bound=lambda n, s: hoeffding_sum(n, s) ** 5).holds


@pytest.mark.parametrize("a", [0.01, 0.125, 0.24])
def test_reach_grows_with_any_share_below_a_quarter(a):
    assert reach(a).holds


@pytest.mark.parametrize("a", [0.25, 0.3, 0.5])
def test_reach_fails_from_a_quarter_on(a):
    assert not reach(a).holds


def test_the_split_adds_errors_and_less_than_their_sum_is_not_enough():
    assert split().holds
    assert not split(share=0.9).holds


def test_a_stray_of_the_whole_free_share_leaves_nothing():
    assert stray(Rates(0.5, 0.25), 0.249, 0.05).holds
    assert not stray(Rates(0.5, 0.25), 0.25, 0.05).holds


def test_the_union_closes_only_under_its_conditions():
    assert union(Rates(0.4, 0.3), 4.0, 0.15, 0.125).holds
    assert "a must" in union(Rates(0.4, 0.3), 4.0, 0.15, 0.25).evidence
    assert "c must" in union(Rates(0.5, 0.25), 4.0, 0.25, 0.125).evidence
    assert not union(Rates(0.5, 0.25), 4.0, 0.25, 0.125).holds


def test_steps_about_constants_say_what_they_found():
    assert constant_depends_on_rates(2.0, 0.1).holds


# exact laws


def test_a_sum_of_no_uniforms_is_zero():
    assert [exact.irwin_hall(0, Fraction(x)) for x in (-1, 0, 1)] == [0, 1, 1]


@given(n=st.integers(0, 12), k=st.integers(0, 48))
def test_irwin_hall_obeys_its_recursion(n, k):
    # F_{n+1}(x) = integral of F_n over [x - 1, x]; its derivative is F_n(x) - F_n(x - 1), polynomial between integers
    x = Fraction(k, 4)
    assert exact.irwin_hall(n, x) + exact.irwin_hall(n, n - x) == 1 or n == 0
    step = Fraction(1, 10**6)
    slope = (exact.irwin_hall(n + 1, x + step) - exact.irwin_hall(n + 1, x)) / step
    expected = exact.irwin_hall(n, x) - exact.irwin_hall(n, x - 1)
    assert n == 0 or abs(slope - expected) < Fraction(1, 10**5)


def test_small_exact_tails_by_hand():
    half = Fraction(1, 2)
    assert exact.binomial_tail(3, half, Fraction(2)) == half
    assert exact.binomial_tail(3, Fraction(1, 3), Fraction(5, 2)) == Fraction(1, 27)
    assert exact.uniform_sum_tail(1, Fraction(1, 4)) == Fraction(3, 4)
    assert exact.uniform_sum_tail(2, Fraction(1)) == Fraction(1, 4)
    assert exact.reach_below(1, half) == Fraction(3, 4)
    # two numbers: none positive 1/4, one 1/2 * 1/2, both 1/4 * 1/8
    assert exact.reach_below(2, half) == Fraction(1, 4) + Fraction(1, 4) + Fraction(1, 32)


# identities


def test_identities_hold_and_a_wrong_formula_is_noticed():
    assert all(identity.holds() for identity in identities())
    true = growth()
    v = sympy.symbols("v", real=True)
    wrong = Identity(true.name, true.statement, true.derived, v + v * (1 - v))
    assert not wrong.holds()
    assert not symbolic(wrong).holds


def test_moments_and_transform_agree_with_numbers():
    p, q, s = 0.4, 0.3, 1.7
    f = 1 - p - q
    x, weights = np.polynomial.legendre.leggauss(80)
    left, right = (x - 1) / 2, (x + 1) / 2  # nodes on [-1, 0] and [0, 1], each of mass 1/2

    def mean(function):
        locked = (weights @ function(left) + weights @ function(right)) / 4
        free = (2 * function(np.zeros(1))[0] + weights @ function(right)) / 4
        return p * function(np.zeros(1))[0] + q * locked + f * free

    first, variance, _ = moments()
    letters = {"q": q, "f": f, "p": p, "s": s}

    def value(expression):
        return float(expression.subs({letter: letters[letter.name] for letter in expression.free_symbols}))

    assert value(first.claimed) == pytest.approx(mean(lambda y: y))
    assert value(variance.claimed) == pytest.approx(mean(lambda y: y**2) - mean(lambda y: y) ** 2)
    assert value(transform().claimed) == pytest.approx(mean(lambda y: np.exp(-s * y)))


@given(s=st.floats(1e-3, 30))
def test_hoeffdings_lemma_for_the_uniform_law(s):
    assert sinh(s) / s <= exp(s * s / 6) * (1 + 1e-12)


def test_the_induction_step_of_hoeffdings_lemma_is_nonnegative():
    k = next(iter(hoeffding_lemma().claimed.free_symbols))
    assert hoeffding_lemma().claimed.is_nonnegative
    assert [hoeffding_lemma().derived.subs(k, i) for i in range(3)] == [0, 8, 24]


@pytest.mark.long
@given(cuts=st.lists(grid, min_size=2, max_size=8, unique=True).filter(lambda cuts: len(cuts) % 2 == 0))
def test_growth_is_exact_for_every_union_of_intervals(cuts):
    ends = [cut - Fraction(1, 2) for cut in sorted(cuts)]
    pieces = list(zip(ends[::2], ends[1::2], strict=True))
    v = sum(high - low for low, high in pieces)
    assert v + mean_gain(pieces, Fraction(1, 2)) == v + v * (1 - v) / 2
    assert lueker1998.mean_growth(float(v)) == pytest.approx(float(v + v * (1 - v) / 2))


def test_growth_fails_on_a_longer_window():
    # on W = [-3/5, 3/5] a number of size 1 no longer leads from one end to the other
    pieces = [(Fraction(-3, 5), Fraction(-1, 2))]
    v = Fraction(1, 10)
    assert mean_gain(pieces, Fraction(3, 5)) < v * (Fraction(6, 5) - v) / 2


@pytest.mark.parametrize("arguments", [
    {"C": 1e17}, {"C": 1e-300}, {"a": 1e-300}, {"a": 1e300}, {"c": 1e-300}, {"c": 1e300}, {"c": 1.5}, {"delta": 1e-320},
])  # fmt: skip
def test_arguments_beyond_floating_point_are_refused_by_name(arguments):
    (name,) = arguments
    with pytest.raises(ValueError, match=rf"^{name} must"):
        check_steps(0.4, 0.3, **arguments)


@pytest.mark.parametrize("arguments", [{"C": 1e15}, {"C": 1e-18}, {"a": 1e-18}, {"a": 1e15}, {"c": 1e-18}, {"c": 1.0}])
def test_every_step_is_checked_at_the_ends_of_what_is_accepted(arguments):
    assert len(check_steps(0.4, 0.3, **arguments)) == len(check_steps(0.4, 0.3))
