"""Certified laws of sums of uniforms: lower <= true <= upper everywhere, and close together."""

from fractions import Fraction
from itertools import product
from math import comb, factorial

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import binom, irwinhall

from theory.laws import below_table, binomial_weights, most, reach_below, shift_table, spread_below, thinned

rates = st.tuples(st.integers(0, 20), st.integers(0, 20)).map(lambda t: (t[0] / 40, t[1] / 40))  # lock, free; sum <= 1


def both(function, *arguments, **options):
    return function(*arguments, **options, side="lower"), function(*arguments, **options, side="upper")


def sum_of_halves(c, a, b):
    """P(a uniforms on [-1, 1] + b on [0, 1] < c) by rational inclusion-exclusion over each term's two ends."""
    return float(sum_of_halves_exact(c, a, b))


def sum_of_halves_exact(c, a, b):
    volume = Fraction(0)
    for i, k in product(range(a + 1), range(b + 1)):
        volume += (-1) ** (i + k) * comb(a, i) * comb(b, k) * max(Fraction(c) + a - 2 * i - k, 0) ** (a + b)
    for j in range(1, a + b + 1):
        volume /= j
    return volume / 2**a


@pytest.mark.long
@given(c=st.floats(-2, 9), n=st.integers(1, 40))
@example(c=0.0, n=40)
@example(c=1e-3, n=12)
def test_sums_on_the_unit_interval_bracket_irwin_and_hall(c, n):
    lower, upper = (table[0, n] for table in both(below_table, c, 0, n))
    exact = sum_of_halves(c, 0, n)
    assert lower <= exact <= upper
    assert upper - lower <= 1e-6 * exact + 1e-25
    if 0 < c < n < 15:
        assert exact == pytest.approx(irwinhall.cdf(c, n), rel=1e-6, abs=1e-12)


@pytest.mark.long
@given(c=st.floats(-6, 9), a=st.integers(0, 14), b=st.integers(0, 14))
@example(c=1.0, a=9, b=0)
@example(c=-8.5, a=9, b=3)
def test_mixed_sums_bracket_the_exact_volume(c, a, b):
    exact = sum_of_halves(c, a, b) if a + b else float(c > 0)
    lower, upper = (table[a, b] for table in both(below_table, c, a, b))
    assert lower <= exact * (1 + 1e-13)
    assert upper >= exact * (1 - 1e-13)
    # a block shares one tilt, which suits its other entries badly where the support begins
    assert upper - lower <= 1e-6 * exact + 1e-14


@pytest.mark.long
@given(c=st.floats(-3, 5), a=st.integers(1, 16), w=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]))
def test_terms_that_are_either_piece_are_binomial_mixtures(c, a, w):
    exact = sum(binom.pmf(i, a, w) * sum_of_halves(c, i, a - i) for i in range(a + 1))
    lower, upper = (table[a, 0] for table in both(below_table, c, a, 0, symmetric=w))
    assert lower <= exact * (1 + 1e-12) + 1e-300
    assert upper >= exact * (1 - 1e-12)
    assert upper - lower <= 1e-6 * exact + 1e-25


@pytest.mark.parametrize("w", [1e-300, 3e-250, 7e-200, 2e-120, 1e-60])
def test_hardly_any_symmetric_terms_still_bracket_the_mixture(w):
    # below zero only the symmetric ones count: the answer is about a w/4, as exact as the weight is
    for a in range(1, 9):
        c, share = Fraction(-1, 2), Fraction(w)
        exact = a * share * (1 - share) ** (a - 1) * Fraction(sum_of_halves_exact(c, 1, a - 1))
        lower, upper = (Fraction(float(table[a, 0])) for table in both(below_table, c, a, 0, symmetric=w))
        assert lower <= exact <= upper


@pytest.mark.parametrize("c", [0.99, 2.0, 7.5, 30.0])
@pytest.mark.parametrize(("a", "b"), [(90, 90), (0, 120), (300, 0), (1500, 3)])
def test_the_bracket_stays_narrow_where_nothing_exact_is_at_hand(c, a, b):
    lower, upper = both(below_table, c, a, b)
    assert np.all(lower <= upper)
    # two lattices differ by n steps of 2^-30, and the density is at most n/c times the probability;
    # the tilt is at most 64, which is too little for the smallest entries
    assert np.all(upper - lower <= 3e-5 * upper + 1e-120)


def test_far_tails_keep_their_relative_accuracy():
    # below 1 nothing is cut off: the volume of a simplex, 1/n!
    lower, upper = (table[0, 60] for table in both(below_table, 1, 0, 60))
    assert lower <= 1 / factorial(60) <= upper
    assert upper / lower - 1 < 1e-5


def test_symmetric_sums_lie_below_zero_half_the_time():
    lower, upper = (table[:, 0] for table in both(below_table, 0, 300, 0))
    assert np.all(lower[1:] <= 0.5)
    assert np.all(upper[1:] >= 0.5)
    assert np.all(upper - lower < 1e-6)


def enumerated(c, n, lock, free, part):
    """P(sum < c), n <= 3, over the states; ``part`` says which uniform each state contributes."""
    total = 0.0
    for states in product(part, repeat=n):
        weight, a, b = 1.0, 0, 0
        for probability, symmetric, positive in states:
            weight, a, b = weight * probability, a + symmetric, b + positive
        total += weight * (sum_of_halves(c, a, b) if a + b else float(c > 0))
    return total


@given(rate=rates, c=st.floats(-1, 3), n=st.integers(0, 3))
@example(rate=(0.0, 0.5), c=0.0, n=2)
def test_reach_and_spread_bracket_the_enumeration_over_states(rate, c, n):
    lock, free = rate
    prune = 1 - lock - free
    reach = [(lock, 1, 0), (free / 2, 0, 1), (prune + free / 2, 0, 0)]
    lower, upper = (law[0] for law in both(reach_below, c, [n], lock, free))
    exact = enumerated(c, n, lock, free, reach)
    assert lower <= exact + 1e-15
    assert upper >= exact - 1e-15
    assert upper - lower < 1e-8
    spread = [(free, 0, 1), (1 - free, 0, 0)]
    lower, upper = (law[0] for law in both(spread_below, c, [n], free))
    exact = enumerated(c, n, lock, free, spread)
    assert lower <= exact + 1e-15
    assert upper >= exact - 1e-15
    assert upper - lower < 1e-8


@pytest.mark.parametrize("n", [20, 117, 900])
def test_reach_agrees_with_sampling(n):
    lock, free, trials = 0.3, 0.3, 40_000
    rng = np.random.default_rng(n)
    locked = rng.binomial(n, lock, trials)
    positive = rng.binomial(n - locked, free / (1 - lock) / 2)
    sums = np.array([rng.uniform(-1, 1, a).sum() + rng.random(b).sum() for a, b in zip(locked, positive, strict=True)])
    lower, upper = (law[0] for law in both(reach_below, 0.99, [n], lock, free))
    # 5 standard deviations: less than one failure in a million for a right law
    slack = 5 * (upper * (1 - upper) / trials) ** 0.5 + 5 / trials
    assert lower - slack <= (sums < 0.99).mean() <= upper + slack


def test_the_shift_table_mixes_both_kinds_of_counts():
    lower, upper = both(shift_table, 0.5, 12, 9, 0.4)
    for j, t in product(range(0, 13, 3), range(0, 10, 3)):
        exact = sum(
            binom.pmf(a, j, 0.4) * binom.pmf(b, t, 0.5) * (sum_of_halves(0.5, a, b) if a + b else 1.0)
            for a, b in product(range(j + 1), range(t + 1))
        )
        assert lower[j, t] <= exact * (1 + 1e-12)
        assert upper[j, t] >= exact * (1 - 1e-12)
    assert np.all(upper - lower < 1e-6)


@given(n=st.integers(0, 400), p=st.integers(0, 1000).map(lambda k: k / 1000))
@example(n=400, p=1.0)
@example(n=400, p=0.0)
@example(n=0, p=0.3)
def test_binomial_weights_are_scipys_and_the_cut_leaves_nothing(n, p):
    k = np.arange(n + 1)
    assert binomial_weights(n, p, k) == pytest.approx(binom.pmf(k, n, p), rel=1e-9, abs=1e-300)
    assert binom.sf(most(n, p), n, p) <= np.exp(-80)


def test_thinning_a_short_table_gives_the_sure_bounds_beyond_it():
    table = np.array([1.0, 0.5])
    lower, upper = both(thinned, table, [3], 0.5)
    assert lower[0] == pytest.approx(1 / 8 + 3 / 8 * 0.5)
    assert upper[0] == pytest.approx(1 / 8 + 3 / 8 * 0.5 + 4 / 8)


def test_thinning_large_counts_loses_only_what_it_allows_for():
    table = np.linspace(1, 0, 6001)  # linear: the mixture is 1 - n p / 6000
    counts = np.array([3000, 5000, 6000])
    lower, upper = both(thinned, table, counts, 0.3)
    exact = 1 - counts * 0.3 / 6000
    assert np.all((lower <= exact) & (exact <= upper))
    assert np.all(upper - lower < 1e-8)
