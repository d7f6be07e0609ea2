"""Each inequality of the ladders by itself: what a step proves on random instances, what a bound says against draws."""

from math import comb, e, exp, factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slt.core.intervals import lower_limit, upper_limit
from slt.core.rates import Rates
from subsetsum import success_probability
from tests.theory.exact_small import pointwise_failure, uniform_failure
from theory.game import cover_failures
from theory.ladder import MOST, Window, by_ladder, ladder_break, ladder_failure, small_failure
from theory.laws import reach_below
from theory.reach import _tilts, chernoff_reach, normal_reach, reach_at_most, tilted_below, tilted_reach

sizes = st.lists(st.floats(0.001, 1), min_size=1, max_size=9)


def all_sums(values):
    sums = np.zeros(1)
    for value in values:
        sums = np.append(sums, sums + value)
    return np.sort(sums)


def unbroken(x, step):
    """Whether no sorted size exceeds the step and all smaller ones together; rows of x."""
    x = np.sort(np.atleast_2d(x), axis=1)
    return (x <= step + np.cumsum(x, axis=1) - x + 1e-12).all(axis=1)


@given(sizes, st.integers(0, 511), st.floats(0.001, 0.5))
def test_an_unbroken_ladder_leaves_no_gap_whatever_the_signs(x, signs, step):
    values = [value if signs >> i & 1 else -value for i, value in enumerate(x)]
    gap = np.diff(all_sums(values)).max()
    if unbroken(x, step)[0]:
        assert gap <= step + 1e-9
    else:  # the first rung that is too high is a gap above the sums of those below it
        assert gap > step - 1e-9


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(-1, 1))
def test_a_number_no_longer_than_an_interval_extends_it(low, length, x):
    moved = sorted([low, low + x])
    joined = moved[1] <= moved[0] + length + 1e-12
    assert joined == (abs(x) <= length + 1e-12)


@pytest.mark.parametrize(("m", "step"), [(1, 0.3), (3, 0.2), (6, 0.3), (25, 0.1)])
def test_breaks_are_as_likely_as_the_simplex_says(m, step):
    # of every k by itself: the events of different k are what the sum is over
    rng, trials = np.random.default_rng(m), 200_000
    x = np.sort(rng.random((trials, m)), axis=1)
    broken = x > step + np.cumsum(x, axis=1) - x
    for k in range(m):
        exact = (1 - step) ** m / factorial(k)
        seen = int(broken[:, k].sum())
        assert lower_limit(seen, trials, 1e-7) <= exact <= upper_limit(seen, trials, 1e-7)
    union = (1 - step) ** m * sum(1 / factorial(k) for k in range(m))
    assert lower_limit(int(broken.any(axis=1).sum()), trials, 1e-7) <= union <= e * (1 - step) ** m * (1 + 1e-9)


def test_the_mean_over_the_free_ones_is_that_of_a_binomial():
    # E (1 - s)^m = (1 - s f)^n; a ladder needs no rung from eps = 1/2 on
    assert ladder_break(50, 0.1, 0.4) == pytest.approx(e * (1 - 0.08) ** 50, rel=1e-8)
    assert ladder_break(3, 0.1, 0.4) == 1
    assert ladder_break(3, 0.5, 0.4) == 0
    rng, trials = np.random.default_rng(2), 100_000
    x = np.where(rng.random((trials, 50)) < 0.4, rng.random((trials, 50)), np.nan)
    broken = sum(not unbroken(row[~np.isnan(row)], 0.2)[0] for row in x[:20_000])
    assert lower_limit(broken, 20_000, 1e-6) <= ladder_break(50, 0.1, 0.4) < 3 * broken / 20_000


@pytest.mark.parametrize("uniform", [True, False])
@pytest.mark.parametrize(("n", "eps", "prune", "lock"), [(2, 0.3, 0.1, 0.2), (3, 0.45, 0.0, 0.3), (3, 0.6, 0.2, 0.4)])
@pytest.mark.parametrize("radius", [0.25, 0.75, 1.0])
def test_exact_failures_of_few_variables_are_below(n, eps, prune, lock, radius, uniform):
    rates = Rates(prune, lock)
    if uniform:
        exact = uniform_failure(n, eps, prune, lock, radius)
    else:
        exact = max(pointwise_failure(n, z, eps, prune, lock) for z in np.linspace(0, radius, 5))
    assert exact <= ladder_failure(n, eps, rates, radius, uniform=uniform) + 1e-9
    assert exact <= small_failure(n, eps, rates, radius, 1e-9, uniform=uniform) + 1e-9


@pytest.mark.parametrize(
    ("n", "eps", "prune", "lock", "radius"),
    [(80, 0.1, 0.4, 0.3, 1.0), (14, 0.15, 0.0, 0.0, 1.0), (40, 0.2, 0.1, 0.4, 1.0), (25, 0.1, 0.0, 0.1, 2.0)],
)
@pytest.mark.parametrize("reading", ["uniform", "pointwise"])
def test_measured_failures_are_below(n, eps, prune, lock, radius, reading):
    told = {"prune": prune, "lock": lock, "radius": radius}
    measured = success_probability(eps, n=n, trials=4000, seed=3, reading=reading, **told)
    least = 1 - measured.upper
    uniform, rates = reading == "uniform", Rates(prune, lock)
    received = ladder_failure(n, eps, rates, radius, uniform=uniform)
    assert least <= received
    assert least <= small_failure(n, eps, rates, radius, 1e-6, uniform=uniform)
    # half of the bound would be refuted somewhere: it is no idle one
    if prune == 0.4:
        assert received < 2 * (1 - measured.lower)


@pytest.mark.parametrize(
    ("width", "prune", "lock"), [(0.65, 0.4, 0.3), (0.8, 0.0, 0.4), (1.0, 0.2, 0.2), (0.5, 0.1, 0.3)]
)
@pytest.mark.parametrize("uniform", [True, False])
def test_the_bound_of_a_window_is_its_sum_over_states(width, prune, lock, uniform):
    """Reach by simulation, state by state; cover and break as the statement says."""
    n, eps, radius, trials = 60, 0.1, 1.0, 400
    rng, rates, free = np.random.default_rng(4), Rates(prune, lock), 1 - prune - lock
    cover = cover_failures(eps / width, 1e-6)
    total, spread = 0.0, 0.0
    for _ in range(trials):
        state, x = rng.random(n), rng.uniform(-1, 1, n)
        small = (state < free) & (np.abs(x) <= width)
        shift = x[(state >= free) & (state < free + lock)].sum()
        large, parts = np.maximum(x[(state < free) & ~small], 0).sum(), np.maximum(x[small], 0)
        s = len(parts)
        found = cover[min(s, len(cover) - 1)]
        rate = (n - s) * free / (1 - free * width)
        shrink = (1 - exp(-rate * width)) / (rate * width)
        for k in range(min(s, len(cover) - 1) + 1):
            drop = (cover[k - 1] if k else 1.0) - cover[k]
            reach = shift + large + parts[k:].sum() + width / 2
            low = reach < (radius if uniform else -radius)
            found += drop * ((width < 1) * shrink ** (s - k) + (reach < radius) + low)
        total, spread = total + found, spread + found**2
    mean = total / trials
    error = 5 * (spread / trials - mean**2) ** 0.5 / trials**0.5
    received = Window(eps, rates, width, 1e-6).failure(n, radius, uniform)
    assert min(mean - error, 1) <= received <= min(mean + error, 1)


@pytest.mark.parametrize(("width", "spare", "larger"), [(0.5, 1, 6), (0.65, 2, 5), (0.8, 3, 2), (0.5, 4, 3)])
def test_larger_numbers_break_no_more_often_than_said(width, spare, larger):
    # each of ``larger`` variables is free and above w with probability 3/4
    rng, trials, share = np.random.default_rng(5), 40_000, 0.75
    length = width + rng.uniform(0, width, (trials, spare)).sum(axis=1)
    x = np.where(rng.random((trials, larger)) < share, rng.uniform(width, 1, (trials, larger)), 0)
    broken = np.zeros(trials, bool)
    for column in np.sort(x, axis=1).T:
        broken |= column > length
        length = length + column
    rate = larger * share / (1 - width)
    bound = ((1 - exp(-rate * width)) / (rate * width)) ** spare
    assert lower_limit(int(broken.sum()), trials, 1e-6) <= bound


def test_a_single_target_is_missed_most_often_at_the_end():
    # A = T + P: P(A < z - c) + P(A < -z - c) rises with z >= 0, by lattice laws of both
    rng = np.random.default_rng(6)
    for _ in range(20):
        n, lock = int(rng.integers(1, 30)), float(rng.uniform(0, 0.9))
        rates, c = Rates(0.0, lock), float(rng.uniform(0, 1))
        z = np.linspace(0, 3, 13)
        missed = [sum(reach_below(x, [n], lock, rates.free, "lower")[0] for x in (at - c, -at - c)) for at in z]
        assert np.all(np.diff(missed) >= -1e-9)


@given(st.sampled_from([30_000, 10**6, 10**9]), st.floats(0, 0.9), st.floats(-3, 3))
def test_upper_and_lower_normal_laws_enclose_and_chernoff_is_above(n, lock, c):
    # far below the mean no law is made: all that is known is that the three bounds are compatible
    rates = Rates(0.0, lock)
    upper = float(normal_reach(c, n, lock, rates.free))
    received = reach_at_most(c, n, rates)
    assert received == min(upper, float(chernoff_reach(c, n, lock, rates.free)), tilted_reach(c, n, rates))
    each = np.array([float(n)])
    assert tilted_below(c, each, each, rates)[0] <= received


@pytest.mark.parametrize(
    ("n", "lock", "free"), [(400, 0.9, 0.05), (4000, 0.85, 0.1), (20_000, 0.5, 0.02), (3000, 0.3, 0.1)]
)
@pytest.mark.parametrize("c", [-3.0, 0.0, 0.9])
def test_tilted_normal_laws_enclose_the_law(n, lock, free, c):
    rates, each = Rates(1 - lock - free, lock), np.array([float(n)])
    low, high = (reach_below(c, [n], lock, rates.free, side)[0] for side in ("lower", "upper"))
    assert tilted_below(c, each, each, rates)[0] <= high
    assert low <= tilted_reach(c, n, rates)
    if low < 1e-6:  # far out Chernoff's bound is no better, and the two are close in the exponent
        assert tilted_reach(c, n, rates) < chernoff_reach(c, n, lock, rates.free)
        assert tilted_below(c, each, each, rates)[0] > 1e-3 * low


@given(st.integers(2**15, 10**7), st.floats(1, 1.5), st.sampled_from([(0.3, 0.69), (0.0, 0.95)]), st.floats(-9, 9))
def test_a_tilted_block_says_no_more_than_each_of_its_numbers(low, ratio, rate, c):
    high, rates = float(int(low * ratio)), Rates(*rate)
    block = tilted_below(c, np.array([float(low)]), np.array([high]), rates)[0]
    inside = np.floor(np.linspace(low, high, 30))
    assert np.all(block <= tilted_below(c, inside, inside, rates) * (1 + 1e-9))


@pytest.mark.parametrize(("lock", "free"), [(0.5, 0.3), (0.9, 0.01), (0.4, 1e-6)])
def test_the_moments_of_a_tilt_are_those_of_its_density(lock, free):
    x = np.linspace(-1, 1, 400_001)
    middle = (x[1:] + x[:-1]) / 2
    rates = Rates(1 - lock - free, lock)
    for t, log_mean, m, s in _tilts(rates)[::6]:
        mass = (lock / 2 + rates.free / 2 * (middle > 0)) * np.exp(-t * middle) * (x[1] - x[0])
        whole = mass.sum() + 1 - lock - rates.free / 2
        assert np.expm1(log_mean) == pytest.approx(whole - 1, abs=1e-10)
        assert m == pytest.approx((mass * middle).sum() / whole, abs=1e-10)
        assert s == pytest.approx(((mass * middle**2).sum() / whole - m * m) ** 0.5, rel=1e-9)
        third = ((mass * np.abs(middle - m) ** 3).sum() + (whole - mass.sum()) * abs(m) ** 3) / whole
        assert third <= (1 + abs(m)) * s * s


@pytest.mark.parametrize(("n", "lock", "free"), [(50, 0.3, 0.2), (400, 0.9, 0.05), (1000, 0.0, 0.01)])
def test_the_normal_law_with_its_error_is_above_the_law(n, lock, free):
    rates = Rates(1 - lock - free, lock)
    for c in (-1.0, 0.0, 0.5, 2.0):
        assert reach_below(c, [n], lock, rates.free, "lower")[0] <= normal_reach(c, n, lock, rates.free)
    assert normal_reach(0.5, n, 0.0, np.array([0.0]))[0] == 1


@pytest.mark.parametrize("delta", [0.3, 1e-3, 1e-40])
def test_the_ladder_is_found_where_its_bound_crosses_delta(delta):
    rates = Rates(0.4, 0.3)
    n = by_ladder(0.1, delta, rates, 1.0, uniform=True)
    assert ladder_failure(n, 0.1, rates, 1.0, uniform=True) <= delta
    assert ladder_failure(n - 1, 0.1, rates, 1.0, uniform=True) > delta


def test_nothing_is_found_where_neither_bound_speaks():
    assert by_ladder(1e-9, 1e-3, Rates(0.999998, 0.0), 1.0, uniform=True) is None
    assert small_failure(MOST + 1, 0.1, Rates(), 1.0, 1e-6, uniform=True) == 1


@pytest.mark.parametrize(
    ("n", "width", "prune", "lock"), [(12, 0.7, 0.4, 0.3), (8, 0.5, 0.0, 0.2), (20, 1.0, 0.5, 0.0)]
)
def test_what_is_lost_to_the_cover_and_to_breaks_is_summed_state_by_state(n, width, prune, lock):
    rates, eps = Rates(prune, lock), 0.3
    small, cover = rates.free * width, cover_failures(eps / width, 1e-12) if eps < width / 2 else np.zeros(1)
    exact = 0.0
    for s in range(n + 1):
        found = cover[min(s, len(cover) - 1)]
        rate = (n - s) * rates.free / (1 - small) * width
        shrink = (1 - exp(-rate)) / rate if rate else 1.0
        for k in range(min(s, len(cover) - 1) + 1):
            found += ((cover[k - 1] if k else 1.0) - cover[k]) * (width < 1) * shrink ** (s - k)
        exact += comb(n, s) * small**s * (1 - small) ** (n - s) * found
    lost = Window(eps, rates, width, 1e-12)._states(n)[3]
    assert exact * (1 - 1e-9) <= lost <= exact * (1 + 1e-6)


@given(st.data(), st.integers(0, 8))
def test_bounds_of_the_cover_may_stand_for_its_law_although_a_term_exceeds_one(data, s):
    # E min(1, phi(kappa)) + P(kappa > s) <= G_s + sum of (G_{k-1} - G_k) phi(k), for P(kappa > k) <= G_k, phi rising
    unit = st.floats(0, 1)
    bound = np.array(sorted(data.draw(st.lists(unit, min_size=s + 1, max_size=s + 1)), reverse=True))
    below = bound * data.draw(unit)  # P(kappa > k): falls with k as well
    phi = np.cumsum(data.draw(st.lists(unit, min_size=s + 1, max_size=s + 1)))
    exact = below[-1] - np.diff(below, prepend=1.0) @ np.minimum(phi, 1)
    assert exact <= bound[-1] - np.diff(bound, prepend=1.0) @ phi + 1e-12


@pytest.mark.parametrize(("width", "eps"), [(0.7, 0.1), (1.0, 0.2), (0.5, 0.1)])
def test_small_numbers_cover_their_window_at_least_as_often_as_said(width, eps):
    rng, trials, most = np.random.default_rng(8), 400, 12
    bound, missed = cover_failures(eps / width, 1e-6), np.zeros(most + 1)
    for x in rng.uniform(-width, width, (trials, most)):
        found = np.zeros(1)
        for k in range(most + 1):
            near = np.sort(found[np.abs(found) <= width / 2 + eps])
            edges = np.concatenate([[-width / 2 - eps], near, [width / 2 + eps]])
            if np.diff(edges).max() <= 2 * eps:
                break
            missed[k] += 1
            found = np.append(found, found + x[k]) if k < most else found
    assert np.all(lower_limit(missed, trials, 1e-7) <= bound[: most + 1])
    assert missed[1] > 0.5 * trials > missed[most]
