"""Each bound of what is necessary and of what suffices against the exact value of the very quantity that it bounds.

docs/theory.md, sections 5 and 6. Exact values are rational (tests/theory/exact_laws.py); a bound has to be on its side
of them without any tolerance, as it has margins for its own rounding, and close to them where its derivation is sharp.
"""

from fractions import Fraction
from itertools import product
from math import comb, exp, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import binom

from slt.core.rates import Rates
from tests.theory.exact_laws import HALF, binomial, early_stopping, parts_below, reach, spread, states, sum_below
from tests.theory.exact_small import pointwise_failure
from theory import laws, sufficient
from theory.counting import counting_pointwise, counting_uniform, fewest_free
from theory.first_moment import (
    expected_solutions,
    first_moment,
    free_that_matter,
    mean_over_states,
    near,
    near_on_average,
)
from theory.game import cover_failures
from theory.laws import most, reach_below, spread_below
from theory.necessary import failure_at_least
from theory.reach import (
    BERRY_ESSEEN,
    chernoff_reach,
    log_moment,
    near_reach,
    reach_coarse,
    reach_pointwise,
    reach_uniform,
    shift_exponent,
)
from theory.sufficient import failure_at_most, shift_failure, split_sufficient_n, sufficient_n

SMALL = Fraction(1, 10**8)
RATES = [(0.0, 0.0), (0.5, 0.0), (0.0, 0.25), (0.375, 0.25), (0.125, 0.75)]
rates = st.sampled_from(RATES)
eighths = st.integers(-8, 8).map(lambda k: Fraction(k, 8))


def below(bound, exact, within):
    """Whether a lower bound is at most the exact value and within a share of it."""
    bound = Fraction(float(bound))
    return exact * (1 - Fraction(within)) <= bound <= exact


def above(bound, exact, within):
    """Whether an upper bound is at least the exact value and within a share of it."""
    bound = Fraction(float(bound))
    return exact <= bound <= exact * (1 + Fraction(within))


# N1


@given(values=st.lists(eighths, max_size=5), eps=st.sampled_from([Fraction(1, 16), Fraction(1, 5), Fraction(1, 2)]))
def test_balls_around_all_subset_sums_cover_at_most_their_number_times_their_length(values, eps):
    radius = Fraction(1)
    sums = {
        sum(v for v, keep in zip(values, kept, strict=True) if keep) for kept in product((0, 1), repeat=len(values))
    }
    parts = sorted(
        (max(s - eps, -radius), min(s + eps, radius)) for s in sums if -radius < s + eps and s - eps < radius
    )
    covered, end = Fraction(0), -radius
    for low, high in parts:
        covered += max(high - max(low, end), Fraction(0))
        end = max(end, high)
    assert covered <= 2 ** len(values) * 2 * eps
    if 2 ** len(values) * eps < radius:
        assert covered < 2 * radius


@pytest.mark.parametrize(("free", "eps", "radius"), [
    (0.5, 0.03125, 1.0), (0.3, 0.01, 1.0), (0.9, 0.2, 0.75), (0.9, 0.6, 1.0), (0.7, 1e-6, 1.0), (0.3, 0.25, 0.2),
])  # fmt: skip
def test_counting_is_just_below_its_exact_sums(free, eps, radius):
    least = next(m for m in range(99) if 2**m * Fraction(eps) >= Fraction(radius))
    for n in (0, 1, 2, 3, 7, 20, 60, 150):
        law = [binomial(n, m, Fraction(free)) for m in range(n + 1)]
        assert below(counting_uniform([n], eps, free, radius)[0], sum(law[:least]), 1e-8)
        missed = sum(p * max(1 - 2**m * Fraction(eps) / Fraction(radius), 0) for m, p in enumerate(law))
        assert below(counting_pointwise([n], eps, free, radius)[0], missed, 1e-8)


# N2


@given(
    rate=rates, n=st.integers(0, 4), c=st.sampled_from([Fraction(1, 8), Fraction(7, 8), Fraction(2), Fraction(4, 3)])
)
def test_reach_and_spread_are_on_both_sides_of_their_exact_laws(rate, n, c):
    lock, free = rate[1], 1 - sum(rate)
    exact = reach(c, n, lock, free)
    assert below(reach_below(c, [n], lock, free, "lower")[0], exact, 1e-8)
    assert above(reach_below(c, [n], lock, free, "upper")[0], exact, 1e-8)
    exact = spread(c, n, free)
    assert below(spread_below(c, [n], free, "lower")[0], exact, 1e-8)
    assert above(spread_below(c, [n], free, "upper")[0], exact, 1e-8)


@given(rate=rates, n=st.integers(0, 6), eps=st.sampled_from([0.25, 0.0625]), radius=st.sampled_from([0.5, 1.0, 2.0]))
def test_the_two_sided_reach_is_just_below_its_exact_formula(rate, n, eps, radius):
    (prune, lock), free, c = rate, 1 - sum(rate), Fraction(radius) - Fraction(eps)
    one, both = reach(c, n, lock, free), spread(2 * c, n, free)
    target = one + reach(-Fraction(radius) - Fraction(eps), n, lock, free)
    received = reach_uniform([n], eps, Rates(prune, lock), radius)[0]
    assert below(received, max(target, 2 * one - both), 1e-7)
    assert below(reach_pointwise([n], eps, Rates(prune, lock), radius)[0], target, 1e-7)


@given(
    values=st.lists(st.tuples(eighths, st.sampled_from([-1, 0, 1])), max_size=6), c=st.sampled_from([HALF, Fraction(1)])
)
def test_ends_out_of_reach_are_counted_once_each_and_both_only_where_the_spread_is_short(values, c):
    largest = sum(max(x, 0) if state == 0 else x * (state == 1) for x, state in values)
    smallest = sum(min(x, 0) if state == 0 else x * (state == 1) for x, state in values)
    width = sum(abs(x) for x, state in values if state == 0)
    assert largest - smallest == width
    either, both = largest < c or -smallest < c, largest < c and -smallest < c
    assert either == (largest < c) + (-smallest < c) - both
    assert not both or width < 2 * c
    # of one target z: above it by eps on one side and below it by eps on the other no two sums can be short
    for z, eps in product((Fraction(1), HALF), (Fraction(1, 8), HALF)):
        missed = all(abs(z - s) > eps for s in (largest, smallest)) and (largest < z or smallest > z)
        assert not (largest < z - eps and -smallest < -z - eps)
        assert missed == (largest < z - eps) + (-smallest < -z - eps)


@given(rate=rates, s=st.sampled_from([1e-6, 0.1, 1.0, 3.0, 20.0]))
def test_the_exponent_of_the_shift_is_just_below_the_exact_one(rate, s):
    import mpmath

    (prune, lock), free = rate, 1 - sum(rate)
    with mpmath.workdps(60):
        z = mpmath.mpf(s)
        moment = prune + lock * mpmath.sinh(z) / z + free * (mpmath.mpf(1) / 2 + (1 - mpmath.exp(-z)) / (2 * z))
        exact = -mpmath.log(moment)
        received = mpmath.mpf(float(shift_exponent(s, lock, free)))
        assert exact - 2e-9 * abs(exact) - 1e-13 * (1 + lock * mpmath.sinh(z) / z) <= received <= exact
        assert abs(-mpmath.mpf(float(log_moment(s, lock, free))) - exact) <= 1e-14 * (abs(exact) + lock * abs(z) + 1)


@pytest.mark.parametrize(("prune", "lock"), [(0.0, 0.25), (0.375, 0.25), (0.125, 0.75), (0.01, 0.98), (0.3, 0.699999)])
def test_the_exponent_of_the_shift_is_not_above_the_exact_one_where_it_changes_its_sign(prune, lock):
    """There both parts cancel, and a relative margin alone is none."""
    import mpmath

    free = 1 - prune - lock

    def exact(s):
        moment = lock * (mpmath.sinh(s) / s - 1) + mpmath.mpf(free) / 2 * ((1 - mpmath.exp(-s)) / s - 1)
        return -mpmath.log1p(moment)

    with mpmath.workdps(60):
        start = 3 * free / (2 * lock)  # of lock s^2/6 = free s/4
        root = float(mpmath.findroot(exact, (start / 4, start * 4), solver="anderson"))
        for steps in range(-20, 21):
            s = root * (1 + steps * 2.0**-50)
            assert mpmath.mpf(float(shift_exponent(s, lock, free))) <= exact(mpmath.mpf(s))


@pytest.mark.parametrize(("prune", "lock"), RATES)
@pytest.mark.parametrize("more", [0, 2])
def test_chernoffs_bound_is_the_least_of_its_exact_exponents_and_above_the_law(prune, lock, more):
    free = 1 - prune - lock
    for n, c in product((1, 2, 5), (Fraction(-1, 4), Fraction(1, 100), Fraction(1, 2))):
        exact = sum(
            weight * binomial(more, k, Fraction(lock)) * parts_below(c, a + k, m)
            for weight, m, a in states(n, lock, free)
            for k in range(more + 1)
        )
        received = float(chernoff_reach(float(c), n, lock, free, more))
        assert exact <= Fraction(received)

        def exponent(s, n=n, c=c):
            locked = lock * (np.sinh(s) / s - 1)
            return s * float(c) + n * np.log1p(locked - free / 2 * (1 + np.expm1(-s) / s)) + more * np.log1p(locked)

        least = min(float(exponent(np.geomspace(1e-3, 500, 20_000)).min()), 0.0)
        assert exp(least) * (1 - 1e-6) <= received <= exp(least) * (1 + 1e-3)


@pytest.mark.parametrize(("prune", "lock"), RATES)
@pytest.mark.parametrize("s", [1e-3, 0.7, 1.0, 9.0])
def test_chernoffs_bound_at_one_exponent_is_just_above_its_exact_value(prune, lock, s, monkeypatch):
    import mpmath

    monkeypatch.setattr("theory.reach.exponents", lambda lock, free: np.array([s]))
    free = 1 - prune - lock
    with mpmath.workdps(40):
        z = mpmath.mpf(s)
        locked = lock * (mpmath.sinh(z) / z - 1)
        both = locked + mpmath.mpf(free) / 2 * ((1 - mpmath.exp(-z)) / z - 1)
        for n, more, c in product((0, 1, 40), (0, 3), (-3.1, -1.0, -0.123, 0.0, 0.4, 2.0)):
            exact = mpmath.exp(z * c) * (1 + both) ** n * (1 + locked) ** more
            received = mpmath.mpf(float(chernoff_reach(c, n, lock, free, more)))
            assert min(exact, 1) <= received <= exact * (1 + mpmath.mpf(10) ** -7)


@pytest.mark.parametrize(("prune", "lock"), RATES)
@pytest.mark.parametrize("c", [-0.5, 0.0, 0.3])
def test_without_variables_the_coarse_bound_says_whether_zero_is_short(prune, lock, c):
    # c = radius - eps
    counts, rates = [0, 1, 3], Rates(prune, lock)
    for two_sided in (False, True):
        received = reach_coarse(counts, 0.6, rates, 0.6 + c, two_sided)
        assert received[0] == (0.6 + c - 0.6 > 0)
        for n, bound in zip(counts, received, strict=True):
            # with one number both ends are short at once or A + B is its size
            one = reach(Fraction(0.6 + c) - Fraction(0.6), n, lock, 1 - prune - lock)
            other = reach(-Fraction(0.6 + c) - Fraction(0.6), n, lock, 1 - prune - lock)
            assert bound <= (2 * one if two_sided else one + other)


@pytest.mark.parametrize(("prune", "lock"), RATES)
def test_the_normal_law_of_the_reach_has_the_moments_of_the_reach(prune, lock):
    m, variance, _ = moments(prune, lock)
    for n in (500, 20_000):
        for c in (-1.0, 0.0, 1.5):
            at = float(m) * n + c * sqrt(n * float(variance))
            assert near_reach(at, n, lock, np.array([1 - prune - lock]))[0] == pytest.approx(ndtr(c), abs=1e-4)


def moments(prune, lock):
    """Mean, variance and third absolute central moment of Y in rational arithmetic."""
    lock = Fraction(lock)
    free = 1 - Fraction(prune) - lock
    m = free / 4

    def beyond(power, low):  # integral of |x - m|^power over [low, 1], halved
        return ((1 - m) ** (power + 1) + (m - low) ** (power + 1)) / (2 * (power + 1))

    at_zero = (1 - lock - free / 2) * m**2, (1 - lock - free / 2) * m**3
    variance = lock * beyond(2, -1) + free * beyond(2, 0) + at_zero[0]
    third = lock * beyond(3, -1) + free * beyond(3, 0) + at_zero[1]
    return m, variance, third


@pytest.mark.parametrize(("prune", "lock"), [*RATES, (0.9, 0.0), (0.5, 0.49)])
def test_the_coarse_bound_is_berry_and_esseens_with_chernoffs_spread(prune, lock):
    m, variance, third = moments(prune, lock)
    free, eps, radius = 1 - prune - lock, 0.01, 1.0
    short = radius - eps
    for n in (1, 4, 30, 900):
        root = sqrt(n * float(variance))
        error = 0.4748 * float(third) / (float(variance) ** 1.5 * sqrt(n))
        one = max(float(ndtr((short - n * float(m)) / root)) - error, 0.0)
        target = one + max(float(ndtr((-radius - eps - n * float(m)) / root)) - error, 0.0)
        received = reach_coarse([n], eps, Rates(prune, lock), radius, False)[0]
        assert target - 1e-9 <= received <= target
        exponents = np.array([0.5, 2, 8])
        chernoff = exp(
            min(
                float((2 * short * exponents + n * np.log(1 - free + free * -np.expm1(-exponents) / exponents)).min()),
                0,
            )
        )
        two = max(target, 2 * one - chernoff)
        received = reach_coarse([n], eps, Rates(prune, lock), radius, True)[0]
        assert two - 1e-8 <= received <= two + 1e-15
        # Chernoff's bound of the spread, against the exact law
        if n == 4:
            assert spread(2 * Fraction(short), n, free) <= Fraction(chernoff)
            exact = reach(Fraction(short), n, lock, free)
            assert abs(float(exact) - float(ndtr((short - n * float(m)) / root))) <= error


def test_the_constant_of_berry_and_esseen_is_a_published_one():
    # for a two-point law the error is at least 0.4097 of the moments' ratio (Esseen 1956); 0.4690 is the least constant
    # that is proven (Shevtsova 2013)
    p = (4 - sqrt(10)) / 2
    q = 1 - p
    ratio = p * q * (p * p + q * q) / (p * q) ** 1.5
    n = 2000
    k = np.arange(n + 1)
    law, normal = binom.cdf(k, n, p), ndtr((k - n * p) / sqrt(n * p * q))
    worst = max(abs(law - normal).max(), abs(law - binom.pmf(k, n, p) - normal).max())
    assert worst > 0.4 * ratio / sqrt(n)
    assert max(worst * sqrt(n) / ratio, 0.4690) <= BERRY_ESSEEN


# N3


@pytest.mark.parametrize("eps", [0.9375, 0.5, 0.125, 2.0**-20])
@pytest.mark.parametrize("z", [0.0, 0.5, -1.0, 2.25])
def test_what_lies_near_a_target_is_bounded_by_density_and_by_window(z, eps):
    centre, half = abs(Fraction(z)), Fraction(eps)
    x = max(centre - half, Fraction(0))
    for j, bound in enumerate(near(z, eps, 7)):
        exact = sum_below(centre + half, j, 0) - sum_below(centre - half, j, 0) if j else Fraction(int(centre <= half))
        assert exact <= Fraction(float(bound))
        if j:
            density = sum_below(x + 1, j - 1, 0) - sum_below(x - 1, j - 1, 0) if j > 1 else Fraction(int(x <= 1))
            # laws are bounded to some 1e-10; their differences, and so small densities, no better
            assert bound <= min(half * (density + SMALL), exact + SMALL) * (1 + SMALL)


@pytest.mark.parametrize(("eps", "radius"), [
    (0.25, 1.0), (0.125, 0.5), (0.5, 2.0), (0.75, 0.75), (0.5, 0.25), (0.01, 0.6), (0.1, 3.0), (0.05, 3.0), (0.3, 0.7),
])  # fmt: skip
def test_what_lies_near_a_random_target_is_the_mean_over_targets(eps, radius):
    half, wide = Fraction(eps), Fraction(radius)
    for j, bound in enumerate(near_on_average(radius, eps, 6)):
        inside = sum_below(wide + half, j, 0) - sum_below(-wide - half, j, 0)
        assert above(bound, min(half / wide * inside, 1), 1e-8)
        # the mean over z of P(|sum - z| <= eps), exact for j = 1 by lengths
        if j == 1 and half < wide:
            grid = [wide * Fraction(2 * k + 1, 64) for k in range(32)]
            mean = sum(sum_below(z + half, 1, 0) - sum_below(z - half, 1, 0) for z in grid) / 32
            assert mean <= Fraction(float(bound)) * (1 + Fraction(1, 50))


@pytest.mark.parametrize("steps", [512, 2**30])
@pytest.mark.parametrize(("z", "eps"), [(0.0, 0.5), (0.0, 1e-3), (1.0, 0.125), (5.0, 0.25), (8.0, 0.5), (2.0, 1e-3)])
def test_windows_are_above_exact_ones_however_coarse_the_lattice(z, eps, steps, monkeypatch):
    """Beyond 8 terms laws are those of a lattice: each end of a window has to be rounded outwards."""
    monkeypatch.setattr(laws, "STEPS", steps)
    monkeypatch.setattr(laws, "_kept_block", laws._lattice_block)  # blocks of another lattice are no use
    centre, half = Fraction(z), Fraction(eps)
    for j, bound in list(enumerate(near(z, eps, 13)))[9:]:
        assert sum_below(centre + half, j, 0) - sum_below(centre - half, j, 0) <= Fraction(float(bound))
    wide = Fraction(z or 1)
    for j, bound in list(enumerate(near_on_average(float(wide), eps, 13)))[9:]:
        inside = sum_below(wide + half, j, 0) - sum_below(-wide - half, j, 0)
        assert half / wide * inside <= Fraction(float(bound))


@pytest.mark.parametrize("steps", [512, 2**30])
@pytest.mark.parametrize(("prune", "lock"), [(0.0, 0.25), (0.0, 0.0), (0.125, 0.75)])
def test_reach_is_below_its_exact_law_however_coarse_the_lattice(prune, lock, steps, monkeypatch):
    monkeypatch.setattr(laws, "STEPS", steps)
    monkeypatch.setattr(laws, "_kept_block", laws._lattice_block)  # blocks of another lattice are no use
    n, free = 11, 1 - prune - lock
    for radius, eps in ((1.0, 0.25), (3.0, 0.5)):
        c = Fraction(radius) - Fraction(eps)
        one, both = reach(c, n, lock, free), spread(2 * c, n, free)
        target = one + reach(-Fraction(radius) - Fraction(eps), n, lock, free)
        assert Fraction(float(reach_pointwise([n], eps, Rates(prune, lock), radius)[0])) <= target
        assert Fraction(float(reach_uniform([n], eps, Rates(prune, lock), radius)[0])) <= max(target, 2 * one - both)


def test_expected_solutions_are_counted_subset_by_subset():
    near_by_count = np.array([1.0, 0.5, 0.25, 0.2, 0.1, 0.05, 0.01])
    received = expected_solutions(near_by_count, 3, 3)
    for m, a in product(range(4), repeat=2):
        exact = sum(near_by_count[a + sum(kept)] for kept in product((0, 1), repeat=m))
        assert exact <= received[m, a] <= exact * (1 + 1e-8)
    # a longer table changes nothing
    assert np.array_equal(expected_solutions(np.append(near_by_count, [0.5, 0.5]), 3, 3), received)


@given(rate=rates, n=st.integers(0, 5))
def test_means_over_states_are_just_below_the_exact_ones(rate, n):
    (prune, lock), free = rate, 1 - sum(rate)
    value = np.random.default_rng(n).random((n + 1, n + 1))
    exact = sum(weight * Fraction(float(value[m, a])) for weight, m, a in states(n, lock, free))
    assert below(mean_over_states(n, Rates(prune, lock), value), exact, 1e-8)
    counts = near(0.5, 0.125, 2 * n)
    missed = sum(
        weight * max(1 - sum(comb(m, k) * Fraction(float(counts[k + a])) for k in range(m + 1)), 0)
        for weight, m, a in states(n, lock, free)
    )
    assert below(first_moment(n, counts, Rates(prune, lock), n), missed, 1e-6)


@pytest.mark.parametrize(("prune", "lock"), RATES)
def test_draws_outside_the_table_count_as_nothing_and_a_mean_as_at_most_one(prune, lock):
    n, free = 5, 1 - prune - lock
    # two states are too many for the table, or the table has states that n variables do not have
    for rows, columns in ((3, 3), (6, 4), (4, 6), (9, 7)):
        value = np.random.default_rng(rows).random((rows, columns))
        inside = [(w, m, a) for w, m, a in states(n, lock, free) if m < rows and a < columns]
        exact = sum(w * Fraction(float(value[m, a])) for w, m, a in inside)
        assert below(mean_over_states(n, Rates(prune, lock), value), exact, 1e-8)
    assert mean_over_states(n, Rates(prune, lock), np.full((6, 6), 2.0)) == 1
    counts = near(0.5, 0.125, 2 * n)
    for most_free in (2, n, n + 3):
        missed = sum(
            weight * max(1 - sum(comb(m, k) * Fraction(float(counts[k + a])) for k in range(m + 1)), 0)
            for weight, m, a in states(n, lock, free)
            if m <= most_free
        )
        assert below(first_moment(n, counts, Rates(prune, lock), most_free), missed, 1e-6)


@pytest.mark.parametrize(("eps", "radius"), [(0.9, 0.1), (0.3, 1.0), (0.25, 1.0), (1e-6, 30.0), (1e-6, 1e-3)])
def test_free_ones_matter_until_sums_are_everywhere(eps, radius):
    m = free_that_matter(eps, radius)
    solutions = 2**m * eps / max(radius, 1)
    # sums of a few variables lie in [-1, 1] or so even where the targets are nearer
    assert 2**14 <= solutions <= 2**18


@pytest.mark.parametrize(("prune", "lock"), RATES)
@pytest.mark.parametrize("reading", ["uniform", "pointwise"])
def test_what_is_known_given_the_states_is_put_together_as_the_docs_say(prune, lock, reading):
    """The best bound for each number of free and locked ones, then the mean: from exact laws."""
    n, eps, radius, free = 4, 0.125, 1.0, 1 - prune - lock
    c = Fraction(radius) - Fraction(eps)
    fixed, average = near(radius, eps, 2 * n), near_on_average(radius, eps, 2 * n)
    total = Fraction(0)
    for weight, m, a in states(n, lock, free):
        fails = max(Fraction(0), 1 - sum(comb(m, k) * Fraction(float(fixed[k + a])) for k in range(m + 1)))
        one = parts_below(c, a, m)
        fails = max(fails, one)
        if reading == "uniform":
            fails = max(fails, 1 - sum(comb(m, k) * Fraction(float(average[k + a])) for k in range(m + 1)))
            fails = max(fails, 2 * one - sum_below(2 * c, 0, m))
            if 2**m * Fraction(eps) < radius:
                fails = Fraction(1)
        total += weight * fails
    single = [
        counting_uniform([n], eps, free)[0] if reading == "uniform" else counting_pointwise([n], eps, free)[0],
        (reach_uniform if reading == "uniform" else reach_pointwise)([n], eps, Rates(prune, lock))[0],
        first_moment(n, fixed, Rates(prune, lock), n),
        first_moment(n, average, Rates(prune, lock), n),
    ]
    expected = max(total, *(Fraction(float(x)) for x in single))
    assert below(failure_at_least(n, eps, prune=prune, lock=lock, reading=reading), expected, 1e-6)


# What suffices


COVER = [1.0, 0.75, 0.5, 0.5, 0.125, 0.03125]


@pytest.mark.parametrize(("prune", "lock"), RATES)
@pytest.mark.parametrize(("radius", "eps"), [(1.0, 0.01), (0.625, 0.01), (0.25, 0.01), (1.0, 0.625)])
def test_early_stopping_is_just_above_its_exact_sum(monkeypatch, prune, lock, radius, eps):
    # the game says 1 for the few numbers here: another table in its place; at eps >= 1/2 it is 0
    cover = [Fraction(x) for x in COVER] if eps < 0.5 else [Fraction(0)]
    monkeypatch.setattr(sufficient, "cover_failures", lambda *_: np.array([float(x) for x in cover]))
    for n in (1, 2, 6):
        exact = early_stopping(n, Fraction(radius) - HALF, lock, prune, cover)
        received = shift_failure(n, eps, prune=prune, lock=lock, radius=radius)
        assert above(received, min(exact, Fraction(1)), 2e-3)


@settings(max_examples=25)
@given(st.integers(0, 5), st.lists(st.integers(0, 16), min_size=1, max_size=7), st.booleans())
def test_summing_by_parts_changes_nothing(m, drops, locked):
    """E G_{m - tau}, G_{-1} = 1 where tau > m, equals the sum over t for every law of tau and every falling table."""
    cover = sorted((Fraction(d, 16) for d in drops), reverse=True)
    law = [Fraction(k + 1, sum(range(m + 3))) for k in range(m + 2)]  # P(tau = 0), .., P(tau = m), P(tau > m)

    def cover_of(k):
        return Fraction(1) if k < 0 else cover[min(k, len(cover) - 1)]

    direct = sum(p * cover_of(m - t) for t, p in enumerate(law))
    late = [1 - sum(law[: t + 1]) for t in range(m + 1)]
    assert direct == cover_of(m) + sum(late[t] * (cover_of(m - t - 1) - cover_of(m - t)) for t in range(m + 1))


@pytest.mark.long(keep=1)
@pytest.mark.parametrize(("prune", "lock", "radius", "eps"), [
    (0.4, 0.3, 1.0, 0.2), (0.6, 0.0, 2.0, 0.1), (0.0, 0.0, 0.3, 0.1), (0.2, 0.3, 0.4, 0.2),
])  # fmt: skip
def test_the_split_spends_delta_on_twice_the_shift_and_on_the_cover(prune, lock, radius, eps):
    delta, free = 0.05, 1 - prune - lock
    n_shift, n_cover = split_sufficient_n(eps, delta, prune=prune, lock=lock, radius=radius)
    n = n_shift + n_cover
    table = cover_failures(eps, 1e-12)

    def failure(n):
        best = 2.0
        for covering in {n_cover, *np.linspace(0, n, 25).astype(int).tolist()}:
            marked = free * (1 - covering / n)
            m = np.arange(n + 1)
            cover = binom.pmf(m, n, free * covering / n) @ table[np.minimum(m, len(table) - 1)]
            late = reach_below(Fraction(radius) - HALF, [n], lock, marked, "lower")[0]
            best = min(best, 2 * late + cover)
            if covering == n_cover:
                at_that_division = 2 * late + cover
        return at_that_division, best

    assert failure(n)[0] <= delta
    assert failure(int(0.93 * n))[1] > delta


@pytest.mark.long(keep=1)
@pytest.mark.parametrize(("prune", "lock"), [(0.0, 0.0), (0.5, 0.25)])
def test_the_returned_number_is_the_first_at_which_the_bound_is_small_enough(prune, lock):
    for delta in (0.3, 0.02):
        n = sufficient_n(0.1, delta, prune=prune, lock=lock)
        bounds = [failure_at_most(k, 0.1, prune=prune, lock=lock) for k in (n, n - 1, n - 3)]
        assert bounds[0] <= delta < 1.003 * bounds[1]
        assert bounds[2] > delta


# What is known beforehand about tails


@pytest.mark.parametrize(("n", "p"), [(100, 0.5), (1000, 0.02), (10**5, 0.3), (60, 0.999)])
def test_what_tables_leave_out_is_as_rare_as_they_say(n, p):
    assert binom.logsf(most(n, p), n, p) <= -240
    assert most(n, p) <= n
    # Bernstein's inequality, not more: the range is that of 240 nats within a factor
    if most(n, p) < n:
        assert binom.logsf(most(n, p), n, p) > -1.8 * 240


@pytest.mark.parametrize("lock", [0.0, 0.3])
def test_targets_at_the_ends_are_missed_at_least_half_as_often_as_nothing_is_free(lock):
    # the second remark of section 2: with none free one sum is left, which misses 1 or -1
    for n in (1, 2, 3):
        missed = pointwise_failure(n, 1.0, 0.3, 0.2, lock), pointwise_failure(n, -1.0, 0.3, 0.2, lock)
        assert sum(missed) / 2 >= (0.2 + lock) ** n / 2
        assert max(missed) >= (0.2 + lock) ** n / 2


def test_fewest_free_is_where_balls_are_long_enough():
    for eps, radius in ((0.3, 1.0), (0.1, 0.35), (1e-3, 2.0), (0.125, 1.0), (0.125, 1.0000001)):
        m = fewest_free(eps, radius)
        assert 2**m * Fraction(eps) >= Fraction(radius) > (2 ** (m - 1) * Fraction(eps) if m else -1)
    # a number of variables, even where half a sum would do
    assert fewest_free(0.9, 0.1) == fewest_free(0.5, 0.5) == 0
