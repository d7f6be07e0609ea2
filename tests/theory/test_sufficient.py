"""The certified failure bound is above exact failures, its search ends where it says, and its arguments are checked."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from slt.core.rates import Rates
from tests.theory.exact_small import uniform_failure
from theory import sufficient
from theory.game import cover_failures
from theory.laws import reach_below
from theory.necessary import necessary_n
from theory.reach import chernoff_reach
from theory.sufficient import failure_at_most, shift_failure, split_sufficient_n, sufficient_n

tenths = st.tuples(st.integers(0, 8), st.integers(0, 8))
rates = tenths.filter(lambda r: sum(r) <= 9).map(lambda r: (r[0] / 10, r[1] / 10))
mild = tenths.filter(lambda r: sum(r) <= 7).map(lambda r: (r[0] / 10, r[1] / 10))


def naive_failure(n, eps, radius, prune, lock):
    """The early-stopping sum with shift laws by plain simulation (one-sided, t by t), m by m; cover by the game."""
    rng, trials = np.random.default_rng(5), 200_000
    cover = np.append(cover_failures(eps, 1e-9), [])
    free, share = 1 - prune - lock, lock / (prune + lock) if prune + lock else 0.0
    total = 0.0
    for m in range(n + 1):
        frozen = (rng.random((trials // n, n - m)) < share) * rng.uniform(-1, 1, (trials // n, n - m))
        parts = np.maximum(rng.uniform(-1, 1, (trials // n, m)), 0)
        sums = frozen.sum(axis=1)[:, None] + np.cumsum(np.pad(parts, ((0, 0), (1, 0))), axis=1)
        late = np.minimum(1, 2 * (sums < radius - 0.5).mean(axis=0))  # P(tau > t), t = 0..m
        cover_left = np.append(1.0, cover)[np.minimum(np.arange(m + 2), len(cover))]  # G_{-1}, G_0, ..
        stop_at = -np.diff(np.append(1.0, late))  # P(tau = t)
        given_m = stop_at @ cover_left[1:][::-1] + late[-1]
        total += binom.pmf(m, n, free) * given_m
    return total


@pytest.mark.parametrize(
    ("n", "eps", "prune", "lock", "radius"),
    [(40, 0.1, 0.0, 0.2, 1.0), (60, 0.2, 0.3, 0.2, 1.5), (30, 0.1, 0.0, 0.0, 1.0), (6, 0.6, 0.2, 0.3, 1.2)],
)
def test_equals_the_sum_over_stopping_times_with_simulated_shifts(n, eps, prune, lock, radius):
    expected = naive_failure(n, eps, radius, prune, lock)
    received = shift_failure(n, eps, prune=prune, lock=lock, radius=radius)
    # 200000/n draws per m: errors of some 2 * .5 / sqrt(200000 / n), averaged over several m
    assert received == pytest.approx(expected, abs=4 * (n / 200_000) ** 0.5)


@settings(max_examples=40)
@given(st.integers(0, 3), st.sampled_from([0.15, 0.3, 0.45, 0.55, 0.8]), rates, st.sampled_from([0.25, 0.5, 0.75, 1.0]))
@example(n=3, eps=0.8, both=(0.0, 0.3), radius=0.75)
@example(n=2, eps=0.55, both=(0.0, 0.0), radius=1.0)
def test_exact_failure_of_few_variables_is_below_the_bound(n, eps, both, radius):
    prune, lock = both
    exact = uniform_failure(n, eps, prune, lock, radius)
    assert exact <= failure_at_most(n, eps, prune=prune, lock=lock, radius=radius) + 1e-9


def test_bound_is_not_trivial_for_few_variables():
    # eps >= 1/2: no cover is needed and the stop at t = m counts
    bound = shift_failure(12, 0.55, radius=0.6)
    assert 0.001 < bound < 0.1
    # dense: fail only if the positive or the negative parts of all 12 stay below 0.1
    rng = np.random.default_rng(1)
    draws = np.maximum(rng.uniform(-1, 1, (200_000, 12)), 0).sum(axis=1) < 0.1
    low, high = binom.interval(1 - 1e-6, 200_000, bound / 2)
    assert low <= draws.sum() <= high


@pytest.mark.long
@settings(max_examples=6)
@given(mild, st.sampled_from([0.3, 0.1, 0.03]), st.sampled_from([0.3, 0.05, 1e-3]), st.sampled_from([0.4, 1.0, 2.0]))
def test_returned_n_is_certified_and_its_predecessor_is_not(both, eps, delta, radius):
    prune, lock = both
    n = sufficient_n(eps, delta, prune=prune, lock=lock, radius=radius)
    assert failure_at_most(n, eps, prune=prune, lock=lock, radius=radius) <= delta
    # the search gives away up to 0.003 delta in tails
    assert n == 0 or failure_at_most(n - 1, eps, prune=prune, lock=lock, radius=radius) > delta * 0.99
    assert n <= sum(split_sufficient_n(eps, delta, prune=prune, lock=lock, radius=radius))


@pytest.mark.long
@settings(max_examples=10)
@given(mild, st.sampled_from([0.3, 0.1, 0.01]), st.sampled_from([0.3, 0.05]), st.sampled_from([0.4, 1.0, 2.0]))
def test_what_is_necessary_is_at_most_what_suffices(both, eps, delta, radius):
    rates = {"prune": both[0], "lock": both[1], "radius": radius}
    assert necessary_n(eps, delta, **rates) <= sufficient_n(eps, delta, **rates)


@pytest.mark.long
@settings(max_examples=4)
@given(mild, st.sampled_from([0.2, 0.05]), st.sampled_from([0.2, 0.01]))
def test_asks_for_more_when_eps_or_delta_shrink_or_radius_grows(both, eps, delta):
    prune, lock = both

    def needed(eps, delta, radius=1.0):
        return sufficient_n(eps, delta, prune=prune, lock=lock, radius=radius)

    base = needed(eps, delta)
    assert base < needed(eps / 2, delta)
    assert base < needed(eps, delta / 2)
    assert base < needed(eps, delta, 2.0)


@pytest.mark.pinned
@pytest.mark.parametrize(
    ("prune", "lock", "eps", "most"),
    [(0.4, 0.3, 0.01, 247), (0.4, 0.3, 0.001, 295), (0.0, 0.0, 0.1, 28), (0.0, 0.0, 0.01, 40), (0.0, 0.0, 0.001, 51)],
)
def test_needs_no_more_than_at_the_first_evaluation(prune, lock, eps, most):
    assert sufficient_n(eps, 0.05, prune=prune, lock=lock) <= most


@pytest.mark.parametrize(("prune", "lock", "eps"), [(0.0, 0.2, 0.1), (0.4, 0.3, 0.02)])
def test_a_single_target_asks_for_less(prune, lock, eps):
    single = sufficient_n(eps, 0.05, prune=prune, lock=lock, reading="pointwise")
    assert necessary_n(eps, 0.05, prune=prune, lock=lock, reading="pointwise") <= single
    assert single < sufficient_n(eps, 0.05, prune=prune, lock=lock)
    assert failure_at_most(single, eps, prune=prune, lock=lock, reading="pointwise") <= 0.05
    assert failure_at_most(single, eps, prune=prune, lock=lock) > 0.05


def test_nothing_is_needed_when_eps_reaches_the_radius():
    assert sufficient_n(0.5, 0.01, lock=0.9, radius=0.5) == 0
    assert failure_at_most(0, 0.5, lock=0.9, radius=0.5) == 0
    assert failure_at_most(50, 0.5, prune=0.9, radius=0.5) == 0
    # with locking a larger n can fail: exact for n = 1 is P(locked) P(X != 0 moves an end out of reach)
    assert failure_at_most(1, 0.5, lock=0.9, radius=0.5) >= uniform_failure(1, 0.5, 0.0, 0.9, 0.5) > 0.8
    assert failure_at_most(0, 0.4, radius=0.5) == 1


def test_limits_of_the_rates_are_reached():
    dense = sufficient_n(0.05, 0.05)
    assert sufficient_n(0.05, 0.05, prune=1e-12, lock=1e-12) == dense
    assert sufficient_n(0.05, 0.05, lock=1e-4) in (dense, dense + 1)


@pytest.mark.long(keep=1)
@pytest.mark.parametrize(
    ("prune", "lock", "delta", "radius"),
    [
        (0.999, 0.0, 0.05, 1.0),
        (0.5, 0.499999, 0.05, 1.0),
        (0.4, 0.3, 1e-12, 1.0),
        (0.0, 0.0, 0.9, 50.0),
        (0.1, 0.2, 0.05, 1e-3),
    ],
)
def test_extreme_arguments_return_a_certified_number(prune, lock, delta, radius):
    n = sufficient_n(0.01 * min(radius, 1), delta, prune=prune, lock=lock, radius=radius)
    assert n > 0
    received = failure_at_most(n, 0.01 * min(radius, 1), prune=prune, lock=lock, radius=radius)
    assert received <= delta


@pytest.mark.long(keep=1)
@pytest.mark.parametrize(
    ("eps", "delta", "lock", "radius"),
    [(0.01, 1e-12, 0.9, 1.0), (0.3, 2.47e-10, 0.95, 0.7), (0.3, 1.3592e-4, 0.8, 10.0)],
)
def test_the_user_who_checks_finds_what_was_promised(eps, delta, lock, radius):
    n = sufficient_n(eps, delta, lock=lock, radius=radius)
    assert failure_at_most(n, eps, lock=lock, radius=radius) <= delta


@pytest.mark.long(keep=1)
@pytest.mark.parametrize(("eps", "lock"), [(1e-30, 0.5), (1e-12, 0.3)])
def test_the_split_counts_locked_variables_wherever_they_are(eps, lock):
    # early stopping puts every locked one into T; the split is the weaker bound and may not ask for fewer
    n = sum(split_sufficient_n(eps, 0.05, lock=lock))
    assert n >= sufficient_n(eps, 0.05, lock=lock)
    assert failure_at_most(n, eps, lock=lock) <= 0.05


def test_a_tiny_eps_is_refused_by_its_own_name():
    with pytest.raises(ValueError, match="^eps must be at least 1e-100, got 1e-300$"):
        sufficient_n(1e-300, 0.05)


@pytest.mark.long
def test_very_many_variables_leave_no_failure():
    assert failure_at_most(10**15, 0.3, lock=0.9) < 1e-99


@pytest.mark.long
def test_the_split_is_above_the_simulated_shift_of_its_marks():
    eps, lock, trials = 1e-12, 0.3, 40_000
    n1, n2 = split_sufficient_n(eps, 0.05, lock=lock)
    n, marked = n1 + n2, n1 / (n1 + n2)
    rng = np.random.default_rng(8)
    state, x = rng.random((trials, n)), rng.uniform(-1, 1, (trials, n))
    locked, shifting = state < lock, state > 1 - (1 - lock) * marked
    high = np.where(locked, x, np.where(shifting, np.maximum(x, 0), 0)).sum(axis=1)
    low = np.where(locked, -x, np.where(shifting, np.maximum(-x, 0), 0)).sum(axis=1)
    late = (np.minimum(high, low) < 0.5).sum()
    cover = binom.pmf(np.arange(n + 1), n, (1 - lock) * (1 - marked))
    table = cover_failures(eps, 1e-9)
    uncovered = cover @ table[np.minimum(np.arange(n + 1), len(table) - 1)]
    # what the simulation says of the shift fits into what is left of delta, and is no small part of it
    assert binom.cdf(late, trials, 0.05 - uncovered) < 1 - 1e-6
    assert late > 0.5 * trials * (0.05 - uncovered)


@pytest.mark.parametrize(("prune", "lock"), [(0.0, 0.9), (0.3, 0.65), (0.1, 0.0)])
def test_the_split_by_a_normal_law_is_above_the_one_by_the_law_itself(prune, lock, monkeypatch):
    n, distance, cover = 3000, Fraction(1, 2), cover_failures(0.1, 1e-6)
    problem = sufficient._Problem(Rates(prune, lock), distance, cover, 1e-6)
    by_law = problem.split(n)[0]
    monkeypatch.setattr(sufficient, "LARGEST_LAW", 100)
    normal, covering = problem.split(n)
    marked = problem.rates.free * (1 - covering / n)
    least = reach_below(distance, [n], lock, marked, "lower")[0]
    assert problem.thin_cover(n, np.array([covering]))[0] + 2 * least <= normal
    if lock == 0.9:  # and below Chernoff's bound, which is all there was without it
        chernoff = 2 * chernoff_reach(0.5, n, lock, marked)
        assert 0.5 * by_law < normal < problem.thin_cover(n, np.array([covering]))[0] + chernoff


@pytest.mark.parametrize("call", [
    lambda: sufficient_n(0.0, 0.1), lambda: sufficient_n(0.1, 1.0), lambda: sufficient_n(0.1, 0.1, prune=0.5, lock=0.5),
    lambda: sufficient_n(0.1, 0.1, radius=0.0), lambda: sufficient_n(0.1, 0.1, reading="both"),
    lambda: failure_at_most(-1, 0.1),
    lambda: split_sufficient_n(0.1, 0.1, prune=1.0),
    lambda: failure_at_most(10**20, 0.01, lock=0.3), lambda: sufficient_n(0.3, 0.05, lock=1 - 1e-15),
    lambda: sufficient_n(0.01, 1e-322), lambda: sufficient_n(0.1, 0.1, radius=1e4),
])  # fmt: skip
def test_bad_input_is_one_line(call):
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        call()
