"""Necessary sizes: no bound exceeds the exact failure probability, and each says what its derivation says."""

from decimal import Decimal, localcontext
from math import log, log2

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom, norm

from slt.core.rates import Rates
from tests.theory.exact_small import ACCURACY, pointwise_failure, uniform_failure
from theory import laws, necessary
from theory.counting import counting_pointwise, counting_uniform, fewest_free
from theory.first_moment import expected_solutions, first_moment, mean_over_states, near, near_on_average
from theory.laws import below_table, reach_below
from theory.necessary import failure_at_least, necessary_by, necessary_n
from theory.reach import (
    gaussian_reach_n,
    log_moment,
    reach_coarse,
    reach_of_blocks,
    reach_pointwise,
    reach_rate,
    reach_uniform,
)
from theory.sufficient import sufficient_n

RATES = [(0.0, 0.0), (0.4, 0.0), (0.0, 0.3), (0.4, 0.3), (0.1, 0.8)]
# eps/radius around the powers of two where counting and small n change their minds
SHAPES = [
    (0.1, 0.2),
    (0.1, 0.35),
    (0.05, 0.05),
    (0.24, 0.5),
    (0.25, 1.0),
    (0.3, 1.0),
    (0.6, 1.0),
    (0.7, 0.5),
    (0.5, 3.0),
]
rates = st.tuples(st.integers(0, 10), st.integers(0, 9)).map(lambda t: (t[0] / 20, t[1] / 20))


@given(n=st.integers(0, 3), shape=st.sampled_from(SHAPES), rate=rates)
@example(n=1, shape=(0.05, 0.05), rate=(0.0, 0.45))
@example(n=3, shape=(0.3, 1.0), rate=(0.0, 0.0))
def test_uniform_bound_stays_below_the_exact_failure_probability(n, shape, rate):
    (eps, radius), (prune, lock) = shape, rate
    bound = failure_at_least(n, eps, prune=prune, lock=lock, radius=radius)
    assert 0 <= bound <= uniform_failure(n, eps, prune, lock, radius) + ACCURACY


@pytest.mark.long
@given(n=st.integers(0, 3), shape=st.sampled_from(SHAPES), rate=rates)
def test_each_fixed_target_bound_stays_below_the_exact_failure_there(n, shape, rate):
    (eps, radius), (prune, lock) = shape, rate
    given_rates = Rates(prune, lock)
    for z in (0.0, radius / 2, radius):
        exact = pointwise_failure(n, z, eps, prune, lock)
        assert first_moment(n, near(z, eps, 2 * n), given_rates, n) <= exact + ACCURACY
    assert reach_pointwise([n], eps, given_rates, radius)[0] <= exact + ACCURACY


@settings(max_examples=40)
@given(n=st.integers(0, 3), shape=st.sampled_from(SHAPES), rate=rates)
def test_average_bounds_stay_below_the_mean_failure_over_targets(n, shape, rate):
    (eps, radius), (prune, lock) = shape, rate
    # the failure probability at z is even and, being a volume, Lipschitz in z; 65 points average it to a few percent
    targets = (np.arange(32) + 0.5) / 32 * radius
    mean = np.mean([pointwise_failure(min(n, 2), z, eps, prune, lock) for z in targets])
    n = min(n, 2)
    assert counting_pointwise([n], eps, 1 - prune - lock, radius)[0] <= mean + 0.05
    assert first_moment(n, near_on_average(radius, eps, 2 * n), Rates(prune, lock), n) <= mean + 0.05


@pytest.mark.long
@settings(max_examples=40)
@given(
    n=st.integers(0, 120),
    eps=st.sampled_from([0.2, 0.01, 1e-5]),
    rate=st.sampled_from(RATES),
    radius=st.sampled_from([0.3, 1.0, 4.0]),
)
def test_a_uniform_failure_is_at_least_a_pointwise_one_and_both_are_at_least_each_single_bound(n, eps, rate, radius):
    given_rates = Rates(*rate)
    options = {"prune": rate[0], "lock": rate[1], "radius": radius}
    uniform, pointwise = (failure_at_least(n, eps, **options, reading=name) for name in ("uniform", "pointwise"))
    assert pointwise <= uniform + 1e-7
    assert uniform <= 1
    assert counting_uniform([n], eps, given_rates.free, radius)[0] <= uniform
    assert reach_uniform([n], eps, given_rates, radius)[0] <= uniform
    assert counting_pointwise([n], eps, given_rates.free, radius)[0] <= pointwise
    assert reach_pointwise([n], eps, given_rates, radius)[0] <= pointwise


@pytest.mark.parametrize("radius", [1.0, 0.75, 3.0])
def test_fewest_free_is_exact_at_powers_of_two(radius):
    for m in range(1, 40):
        eps = radius / 2**m
        assert fewest_free(eps, radius) == m
        assert fewest_free(np.nextafter(eps, 0), radius) == m + 1
        assert fewest_free(np.nextafter(eps, 4), radius) == m
    assert fewest_free(radius, radius) == 0


@example(n=194, free=0.984375, eps=1e-6)
@given(n=st.integers(0, 300), free=st.floats(0.01, 1), eps=st.sampled_from([0.5, 0.3, 0.01, 1e-6]))
def test_counting_is_the_binomial_tail_below_the_threshold(n, free, eps):
    assert counting_uniform([n], eps, free)[0] == pytest.approx(
        # below 1e-100, the least delta, scipy's two ways to the tail part company at 1e-6
        binom.cdf(fewest_free(eps) - 1, n, free),
        rel=1e-7,
        abs=1e-100,
    )
    mean = sum(binom.pmf(m, n, free) * max(1 - 2.0**m * eps, 0) for m in range(n + 1))
    assert counting_pointwise([n], eps, free)[0] == pytest.approx(mean, rel=1e-7, abs=1e-100)


def test_reach_at_one_end_is_exact_for_one_variable():
    assert reach_pointwise([1], 0.6, Rates())[0] == pytest.approx(0.7)
    assert pointwise_failure(1, 1.0, 0.6) == pytest.approx(0.7)


@pytest.mark.long
def test_two_sided_reach_agrees_with_sampling_and_decides_the_reference_case():
    n, eps, prune, lock, trials = 123, 0.01, 0.4, 0.3, 200_000
    rng = np.random.default_rng(2024)
    locked = rng.binomial(n, lock, trials)
    positive = rng.binomial(n - locked, 0.15 / 0.7)
    negative = rng.binomial(n - locked - positive, 0.15 / 0.55)
    # sums of many uniforms are drawn from their own terms, in blocks of equal counts
    total = np.array([rng.uniform(-1, 1, a).sum() for a in locked])
    high = total + np.array([rng.random(b).sum() for b in positive])
    low = -total + np.array([rng.random(b).sum() for b in negative])
    frequency = ((high < 1 - eps) | (low < 1 - eps)).mean()
    bound = reach_uniform([n], eps, Rates(prune, lock))[0]
    # 5 standard deviations; the bound gives away P(both ends fail), below 1e-6 here
    assert abs(bound - frequency) <= 5 * (frequency / trials) ** 0.5
    assert bound > 0.05 > reach_uniform([n + 1], eps, Rates(prune, lock))[0]


@pytest.mark.long
@given(n=st.integers(0, 5000), rate=st.sampled_from(RATES), eps=st.sampled_from([0.3, 0.01]), two=st.booleans())
def test_the_coarse_reach_bound_never_exceeds_the_fine_one(n, rate, eps, two):
    fine = (reach_uniform if two else reach_pointwise)([n], eps, Rates(*rate))[0]
    assert reach_coarse([n], eps, Rates(*rate), 1.0, two)[0] <= fine + 1e-6


def test_the_coarse_reach_bound_is_worth_having_for_large_n():
    fine, coarse = reach_uniform([20_000], 0.01, Rates(0.69, 0.3)), reach_coarse([20_000], 0.01, Rates(0.69, 0.3))
    assert fine[0] - 0.02 < coarse[0]


@pytest.mark.parametrize(("prune", "lock"), RATES)
def test_the_coarse_reach_bound_is_berry_and_esseens(prune, lock):
    x, weights = np.polynomial.legendre.leggauss(400)
    free, n, eps = 1 - prune - lock, 3, 0.01  # an n at which every case is above 0

    def mean(power, centre):  # E |Y - centre|^power
        at = abs(x - centre) ** power
        at_zero = abs(centre) ** power
        return (weights / 2) @ (lock * at + free * np.where(x > 0, at, at_zero)) + prune * at_zero

    m = mean(1, -1.0) - 1
    deviation, third = mean(2, m) ** 0.5, mean(3, m)
    expected = norm.cdf((1 - eps - n * m) / (deviation * n**0.5)) - 0.4748 * third / (deviation**3 * n**0.5)
    received = reach_coarse([n], eps, Rates(prune, lock), 1.0, False)[0]
    assert expected > 0.2
    assert received == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("eps", [0.3, 0.02, 1e-6])
@pytest.mark.parametrize("z", [0.0, 0.4, -0.4, 1.0, 2.5])
def test_windows_hold_at_most_what_near_says_and_hardly_less(z, eps):
    bound = near(z, eps, 30)
    assert bound[0] == (abs(z) <= eps)
    upper, lower = below_table(z + eps, 30, 0, side="upper")[:, 0], below_table(z - eps, 30, 0, side="lower")[:, 0]
    exact = upper - lower
    assert np.all(bound[1:] >= exact[1:] - 1e-7)
    assert np.all(bound[4:] <= 1.5 * exact[4:] + 1e-6)


@given(rate=rates, z=st.sampled_from([0.0, 0.6, 1.0]), n=st.integers(0, 25))
def test_expected_solutions_average_to_the_tilted_law(rate, z, n):
    # E[#solutions] = (1 + f)^n P(|Y~ - z| <= eps), Y~ = X w.p. (q + f)/(1 + f), else 0
    (prune, lock), eps = rate, 0.2
    given_rates = Rates(prune, lock)
    free = given_rates.free
    counts = near(z, eps, 2 * n)
    received = mean_over_states(n, given_rates, expected_solutions(counts, n, n))
    weights = binom.pmf(np.arange(n + 1), n, (lock + free) / (1 + free))
    expected = (1 + free) ** n * (weights @ counts[: n + 1])
    if expected < 1:  # the mean of a probability is cut at 1
        assert received == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("reading", ["uniform", "pointwise"])
@pytest.mark.parametrize(("prune", "lock"), RATES)
def test_every_smaller_n_is_excluded_and_the_answer_is_not(prune, lock, reading):
    eps, delta = 0.03, 0.1
    n = necessary_n(eps, delta, prune=prune, lock=lock, reading=reading)
    excluded = [
        failure_at_least(k, eps, prune=prune, lock=lock, reading=reading) > delta
        for k in [*range(0, min(n, 40)), *range(max(n - 4, 0), n)]
    ]
    assert all(excluded)
    assert failure_at_least(n, eps, prune=prune, lock=lock, reading=reading) <= delta


@pytest.mark.parametrize("fine_limit", [2**15, 100])
@pytest.mark.parametrize("only", ["coarse", "fine", "first moment"])
def test_with_locking_no_number_is_passed_over(only, fine_limit, monkeypatch):
    """One bound excludes all numbers but one, or but two; the others exclude none."""
    wanted = 0

    def bound(name):
        def value(n):
            return np.where((n == wanted) | (n == wanted + 5) | (name != only), 0.0, 1.0)

        return value

    monkeypatch.setattr(necessary, "FINE_LIMIT", fine_limit)
    monkeypatch.setattr(necessary, "reach_coarse", lambda n, *_: bound("coarse")(n))

    def blocks(low, high, *_):  # the least of all n in each block
        assert np.all(low <= high)
        assert np.all(low[1:] == high[:-1] + 1)
        return np.array([bound("coarse")(np.arange(a, b + 1)).min() for a, b in zip(low, high, strict=True)])

    monkeypatch.setattr(necessary, "reach_of_blocks", blocks)
    monkeypatch.setattr(necessary, "_reach", lambda _, n: bound("fine")(n))
    monkeypatch.setattr(necessary, "_first_moment", lambda _, n, __: float(bound("first moment")(n)))
    problem = necessary._Problem(0.1, Rates(0.0, 0.5), 1.0, True)
    for first in (0, 1, 3, 63, 64, 65):
        for wanted in (first, first + 1, 62, 63, 64, 65, 127, 128, 129, 300, 511, 512):
            if wanted < first:
                continue
            candidates = necessary._open_with_locking(problem, 0.5, first)
            # beyond the limit the cheap bound alone decides
            most = wanted if only == "coarse" else min(wanted, max(first, fine_limit))
            assert next(candidates) == most
            if most == wanted and (only == "coarse" or wanted + 5 < fine_limit):
                assert next(candidates) == wanted + 5


def test_a_number_between_excluded_ones_is_found(monkeypatch):
    # locked variables undo what is covered, before there are enough free ones
    monkeypatch.setattr(necessary, "TOGETHER_LIMIT", -1)  # as beyond it, where the single bounds decide
    problem = necessary._checked(0.3, 0.0, 0.5, 1.0, "uniform")
    left = [n for n in range(24) if max(necessary._single_bounds(problem, n).values()) <= 0.52]
    assert left[0] == 7 < left[1] - 1
    assert necessary._necessary.__wrapped__(problem, 0.52) == 7


@pytest.mark.parametrize("reading", ["uniform", "pointwise"])
@pytest.mark.parametrize(
    ("eps", "prune", "lock"), [(0.01, 0.4, 0.3), (1e-6, 0.0, 0.0), (0.3, 0.9, 0.0), (0.1, 0.0, 0.5)]
)
def test_the_bound_that_is_named_excludes_one_number_less(eps, prune, lock, reading):
    n, name = (ask(eps, 0.05, prune=prune, lock=lock, reading=reading) for ask in (necessary_n, necessary_by))
    single = necessary._single_bounds(necessary._checked(eps, prune, lock, 1.0, reading), n - 1)
    assert single[name] == max(single.values())


def test_a_cached_table_is_never_shorter_than_what_is_asked_of_it():
    for n in range(200):
        assert n <= necessary._rounded(n) <= n + 40


@pytest.mark.long
@settings(max_examples=25)
@given(
    eps=st.sampled_from([(0.1, 0.03), (0.03, 0.001), (0.001, 1e-7)]),
    delta=st.sampled_from([(0.3, 0.05), (0.05, 1e-3), (1e-3, 1e-9)]),
    rate=st.sampled_from(RATES[:4]),
    reading=st.sampled_from(["uniform", "pointwise"]),
)
def test_smaller_eps_or_delta_needs_at_least_as_many(eps, delta, rate, reading):
    options = {"prune": rate[0], "lock": rate[1], "reading": reading}
    base = necessary_n(eps[0], delta[0], **options)
    assert necessary_n(eps[1], delta[0], **options) >= base
    assert necessary_n(eps[0], delta[1], **options) >= base


@pytest.mark.parametrize("lock", [0.0, 0.3])
def test_fewer_free_variables_need_more(lock):
    sizes = [necessary_n(0.01, 0.05, prune=prune, lock=lock) for prune in (0.0, 0.2, 0.4, 0.6)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


@pytest.mark.parametrize("tiny", [1e-12, 1e-15])
def test_rates_near_zero_give_the_dense_answer(tiny):
    for eps in (0.1, 1e-4):
        dense = necessary_n(eps, 0.05)
        assert necessary_n(eps, 0.05, prune=tiny) == dense
        assert necessary_n(eps, 0.05, lock=tiny) == dense


@pytest.mark.pinned
def test_the_reference_cases():
    assert necessary_n(0.01, 0.05, prune=0.4, lock=0.3) == 124
    assert necessary_by(0.01, 0.05, prune=0.4, lock=0.3) == "reach"
    assert necessary_by(1e-9, 0.05) == "first moment"
    assert necessary_n(1e-9, 0.05) >= log2(1e9)


def test_nothing_is_needed_when_the_empty_sum_covers():
    assert necessary_n(0.5, 0.01, prune=0.4, lock=0.3, radius=0.5) == 0
    assert necessary_by(0.5, 0.01, radius=0.5) == "none"
    assert necessary_n(0.5, 0.01, prune=0.4, lock=0.3, radius=np.nextafter(0.5, 1)) > 0
    # but locked variables may still push the sums away
    assert 0 < failure_at_least(2, 0.5, lock=0.9, radius=0.5) <= uniform_failure(2, 0.5, lock=0.9, radius=0.5)


@pytest.mark.parametrize(("prune", "lock"), [(0.0, 0.0), (0.5, 0.0), (0.4, 0.3), (0.1, 0.88)])
def test_reach_rate_minimises_the_exponential_moment(prune, lock):
    nodes, weights = np.polynomial.legendre.leggauss(200)
    half, free = (nodes + 1) / 2, 1 - prune - lock

    def moment(s):
        on_whole, on_half = np.exp(-s * nodes) @ weights / 2, np.exp(-s * half) @ weights / 2
        return prune + lock * on_whole + free * (1 + on_half) / 2

    found = minimize_scalar(moment, bounds=(0, 30 if lock else 700), method="bounded", options={"xatol": 1e-8}).fun
    assert reach_rate(prune, lock) == pytest.approx(-log(found), rel=1e-6 if lock else 5e-3)


@pytest.mark.parametrize("s", [1e-12, 1e-3, 0.5, 0.999, 1.0, 1.001, 30.0])
def test_the_log_moment_keeps_all_its_digits(s):
    with localcontext(prec=60):
        x = Decimal(s)
        locked = (x.exp() - (-x).exp()) / (2 * x) - 1
        positive = (1 - (-x).exp()) / x - 1
        for lock, free in [(1.0, 0.0), (0.0, 1.0), (0.75, 0.25)]:
            expected = float((1 + Decimal(lock) * locked + Decimal(free) / 2 * positive).ln())
            assert log_moment(s, lock, free) == pytest.approx(expected, rel=4e-15)


@pytest.mark.parametrize("free", [1e-6, 1e-7, 1e-9, 1e-12])
def test_reach_rate_keeps_its_digits_where_little_is_free(free):
    free = 1 - (0.5 + (0.5 - free))  # as floating point has it
    expected = free**2 / (32 * (0.5 / 3 + free / 6))
    assert reach_rate(0.5 - free, 0.5) == pytest.approx(expected, rel=4 * free)


def test_reach_rate_has_the_stated_limits():
    assert reach_rate(0.7, 0.0) == pytest.approx(-log(1 - 0.15))
    assert reach_rate(0.6, 0.0) == pytest.approx(reach_rate(0.6, 1e-300), rel=2e-3)
    for free in (1e-2, 1e-3):
        approximate = free**2 / (32 * (0.5 / 3 + free / 6))
        assert reach_rate(0.5 - free, 0.5) == pytest.approx(approximate, rel=2 * free)


@pytest.mark.parametrize(("prune", "lock"), [(0.4, 0.3), (0.3, 0.6), (0.0, 0.3)])
def test_far_tails_of_the_reach_fall_at_the_stated_rate(prune, lock):
    tails = reach_below(1, [400, 600], lock, 1 - prune - lock, "lower")
    # the prefactor's power of n costs at most 2/n per variable
    assert np.log(tails[0] / tails[1]) / 200 == pytest.approx(reach_rate(prune, lock), abs=3 / 400)


def test_the_gaussian_size_is_close_where_many_variables_are_needed():
    for prune, lock in [(0.4, 0.3), (0.2, 0.7), (0.6, 0.3)]:
        exact = necessary_n(0.01, 0.05, prune=prune, lock=lock)
        assert gaussian_reach_n(0.01, 0.05, prune=prune, lock=lock) == pytest.approx(exact, rel=0.05)
    assert gaussian_reach_n(0.5, 0.05, radius=0.5) == 0
    assert gaussian_reach_n(0.01, 0.05, reading="pointwise") < gaussian_reach_n(0.01, 0.05)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"eps": 0.0}, "eps"),
        ({"eps": 1.0}, "eps"),
        ({"delta": 0.0}, "delta"),
        ({"delta": 1.0}, "delta"),
        ({"radius": 0.0}, "radius"),
        ({"radius": float("inf")}, "radius"),
        ({"eps": 1e-310}, "eps must be at least 1e-100"),
        ({"delta": 1e-322}, "delta must be at least 1e-100"),
        ({"radius": 1e-310}, "radius must be at least 1e-100"),
        ({"radius": 1e5}, "radius must be at most 1000"),
        ({"eps": 1e-300, "radius": 1e10}, "eps must be at least 1e-100"),
        ({"prune": 0.3, "lock": 0.7 - 1e-9}, "free share"),
        ({"prune": 0.7, "lock": 0.3}, "nothing is free"),
        ({"prune": -0.1}, "prune"),
        ({"reading": "both"}, "reading"),
    ],
)
def test_bad_arguments_are_named(arguments, word):
    with pytest.raises(ValueError, match=word):
        necessary_n(**{"eps": 0.01, "delta": 0.05, **arguments})
    if "delta" not in arguments:
        with pytest.raises(ValueError, match=word):
            failure_at_least(5, **{"eps": 0.01, **arguments})


def test_a_negative_n_is_refused():
    with pytest.raises(ValueError, match="n must be at least 0"):
        failure_at_least(-1, 0.01)
    with pytest.raises(ValueError, match=r"n must be at most 1e\+15"):
        failure_at_least(10**20, 0.01, prune=0.3)


@pytest.mark.parametrize("n", [300_000, 10**6, 10**9, 10**15])
@pytest.mark.parametrize("rate", [(0.0, 0.0), (0.3, 0.0), (0.3, 0.3)])
def test_no_table_is_made_where_hardly_anything_fails(n, rate, monkeypatch):
    largest = []
    table = below_table

    def counted(c, a_max, b_max, **options):
        largest.append(a_max + b_max)
        return table(c, a_max, b_max, **options)

    monkeypatch.setattr(laws, "below_table", counted)
    assert 0 <= failure_at_least(n, 0.01, prune=rate[0], lock=rate[1]) < 1e-30
    assert max(largest, default=0) < 1000


def test_the_bound_goes_on_where_the_laws_still_have_something_to_say():
    # lock-free: P(A < c) ~ P(few positive ones), between counting's e^-80 and the cheap bound that replaces the law
    values = [failure_at_least(n, 0.01, prune=0.5) for n in (100, 200, 270)]
    assert values[0] > values[1] > values[2] > 1e-34


def test_the_largest_radius_is_answered():
    n = necessary_n(0.01, 0.05, lock=0.5, radius=1000.0)
    assert 1 < n / (4 * 1000 / 0.5) < 1.2  # the mean reach is n f / 4


@given(
    st.sampled_from([(0.3, 0.699), (0.0, 0.9), (0.5, 0.4)]),
    st.integers(1, 10**7),
    st.floats(1.0, 2.0),
    st.sampled_from([0.01, 0.9, 1.5]),
    st.booleans(),
)
def test_a_block_says_no_more_than_each_of_its_numbers(rate, low, ratio, eps, two_sided):
    high = int(low * ratio)
    block = reach_of_blocks([low], [high], eps, Rates(*rate), 1.0, two_sided)[0]
    each = reach_coarse(np.linspace(low, high, 40).astype(int), eps, Rates(*rate), 1.0, two_sided)
    assert block <= each.min() + 1e-12
    assert reach_of_blocks([high], [high], eps, Rates(*rate), 1.0, two_sided)[0] == each[-1]


@pytest.mark.parametrize("eps", [0.5, 1.0, 1.5])
def test_a_block_that_begins_with_no_variable_knows_that_nothing_falls_short_of_a_sum_of_nothing(eps):
    rates = Rates(0.0, 0.95)
    for high in (0, 1, 40, 4000):
        block = reach_of_blocks([0], [high], eps, rates, 1.0, False)[0]
        assert block <= reach_coarse(np.arange(high + 1), eps, rates, 1.0, False).min()
        assert block <= float(eps < 1)


@pytest.mark.parametrize(
    ("prune", "lock", "eps", "at_least"),
    [(0.3, 0.699, 0.1, 14_287_475), (0.0, 0.99, 0.1, 199_000), (0.5, 0.499999, 0.1, 1.02e13)],
)
def test_heavy_locking_is_excluded_far_beyond_tables(prune, lock, eps, at_least):
    n = necessary_n(eps, 0.05, prune=prune, lock=lock)
    assert at_least <= n <= sufficient_n(eps, 0.05, prune=prune, lock=lock) <= 1.1 * n


def test_heavy_locking_asks_for_more_when_delta_or_eps_or_the_free_share_shrink():
    def needed(delta, eps=0.1, free=1e-3):
        return necessary_n(eps, delta, prune=0.3, lock=0.7 - free)

    for settings_ in ([needed(d) for d in (0.3, 0.05, 0.01, 1e-3, 1e-6, 1e-30)],
                      [needed(0.05, e) for e in (0.9, 0.5, 0.1, 0.01, 1e-6)],
                      [needed(0.05, 0.1, f) for f in (0.02, 0.01, 5e-3, 1e-3, 1e-4, 1e-5)]):  # fmt: skip
        assert settings_ == sorted(settings_)
        assert settings_[0] < settings_[-1]


@pytest.mark.parametrize("reading", ["uniform", "pointwise"])
def test_there_is_no_cliff_where_tails_were_once_cut(reading):
    # e^-80 lies between 1e-34 and 1e-35
    exponents = (32, 33, 34, 35, 36, 40)
    for ask in (necessary_n, sufficient_n):
        found = [ask(0.1, 10.0**-k, reading=reading) for k in exponents]
        steps = np.diff(found) / np.diff(exponents)
        assert np.all((steps > 2) & (steps < 10))
