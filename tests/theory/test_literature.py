"""The papers' formulas: golden values, inversions, limits, and the refutation and correction of Lemma 2.2."""

from math import ceil, comb, exp, inf, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory import gadhikar2023, lueker1998, otsuka2024

small = st.floats(1e-9, 0.5)
rates = st.floats(0.001, 0.999)
constants = st.floats(0.1, 100)


@pytest.mark.pinned
def test_golden_values_worked_out_by_hand():
    assert lueker1998.sample_size(0.01, 0.05, C=3) == pytest.approx(3 * 4.605170)
    assert lueker1998.sample_size(0.2, 0.05, C=3) == pytest.approx(3 * 2.995732)
    # prune 0.5: log(1/(1 - p')) = log 2 = 0.693147
    assert gadhikar2023.sample_size(0.01, 0.05, 3, prune=0.5) == pytest.approx(3 * 4.605170 / 0.693147)
    # 1 - exp(-1/3) = 0.283469, log(1/(1 - 0.141734)) = 0.152841
    assert gadhikar2023.corrected_sample_size(0.01, 0.05, 3, prune=0.5) == pytest.approx(4.605170 / 0.152841, rel=1e-5)
    assert gadhikar2023.corrected_constant(3) == pytest.approx(2 / 0.2834687)
    assert otsuka2024.sample_size_locked(0.01, 0.05, 7) == pytest.approx(7 * 4.605170)
    assert otsuka2024.sample_size_frozen(0.5, 0.25, 7) == pytest.approx(7 * 1.386294)


@given(eps=small, delta=small, C=constants, prune=rates)
def test_the_implied_constant_inverts_every_form(eps, delta, C, prune):
    assert lueker1998.implied_constant(lueker1998.sample_size(eps, delta, C), eps, delta) == pytest.approx(C)
    assert otsuka2024.implied_constant(otsuka2024.sample_size_locked(eps, delta, C), eps, delta) == pytest.approx(C)
    published = gadhikar2023.sample_size(eps, delta, C, prune)
    assert gadhikar2023.implied_constant(published, eps, delta, prune) == pytest.approx(C)


@given(eps=small, delta=small, C=st.floats(0.5, 50), prune=st.floats(0, 0.9))
def test_the_implied_constant_inverts_the_corrected_form(eps, delta, C, prune):
    n = gadhikar2023.corrected_sample_size(eps, delta, C, prune)
    assert gadhikar2023.corrected_implied_constant(n, eps, delta, prune) == pytest.approx(C, rel=1e-6)


def test_below_what_survival_alone_asks_for_the_corrected_form_implies_no_constant():
    least = log(100) / log(1 / 0.7)
    assert gadhikar2023.corrected_implied_constant(0.99 * least, 0.01, 0.5, prune=0.7) == 0
    assert gadhikar2023.corrected_implied_constant(1.01 * least, 0.01, 0.5, prune=0.7) > 0
    assert gadhikar2023.corrected_sample_size(0.01, 0.5, 1e-3, prune=0.7) == pytest.approx(least)
    assert gadhikar2023.corrected_implied_constant(0, 0.01, 0.5, prune=0.7) == 0


def test_a_dense_source_makes_the_published_factor_vanish():
    assert gadhikar2023.sample_size(0.01, 0.05, 1000, prune=0.0) == 0
    assert gadhikar2023.implied_constant(5, 0.01, 0.05, prune=0.0) == inf
    assert gadhikar2023.implied_constant(0, 0.01, 0.05, prune=0.0) == 0
    sizes = [gadhikar2023.sample_size(0.01, 0.05, 1000, prune) for prune in (0.5, 1e-3, 1e-30, 1e-300)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 7


@given(eps=small, delta=small, C=constants)
def test_the_corrected_form_tends_to_luekers_as_everything_survives(eps, delta, C):
    dense = lueker1998.sample_size(eps, delta, C)
    assert gadhikar2023.corrected_sample_size(eps, delta, C, prune=0.0) == pytest.approx(dense, rel=1e-12)
    assert gadhikar2023.corrected_sample_size(eps, delta, C, prune=1e-9) == pytest.approx(dense, rel=1e-3)


@given(eps=small, delta=small, C=constants, prune=rates)
def test_the_corrected_form_is_the_dense_form_over_the_survival_rate_up_to_one_in_C(eps, delta, C, prune):
    simple = lueker1998.sample_size(eps, delta, C) / (1 - prune)
    corrected = gadhikar2023.corrected_sample_size(eps, delta, C, prune)
    assert simple * (1 - 1e-9) <= corrected <= simple * (1 + 1 / C) * (1 + 1e-9)


@given(eps=small, delta=small, C=constants, prune=st.floats(0, 0.999))
def test_the_corrected_size_makes_the_thinning_bound_small_enough(eps, delta, C, prune):
    n = ceil(gadhikar2023.corrected_sample_size(eps, delta, gadhikar2023.corrected_constant(C), prune))
    assert gadhikar2023.failure_bound(n, eps, prune, C) <= delta * (1 + 1e-9)


def test_with_the_dense_constant_itself_the_corrected_form_does_not_follow():
    # the worst failure probability that Lemma 2.1 with C = 3 admits: 1 below C log(1/eps) survivors
    C, eps, delta, prune = 3.0, 1e-4, 1e-4, 0.9
    n = ceil(gadhikar2023.corrected_sample_size(eps, delta, C, prune))
    admitted = sum(
        comb(n, m) * 0.1**m * 0.9 ** (n - m) * (1.0 if m < C * log(1 / eps) else exp(-m / C)) for m in range(n + 1)
    )
    assert admitted > 0.15 > delta


@pytest.mark.parametrize("prune", [0.0, 0.2, 0.7])
def test_the_thinning_bound_is_the_average_over_the_number_of_survivors(prune):
    n, eps, C = 60, 0.3, 2.5
    average = sum(comb(n, m) * (1 - prune) ** m * prune ** (n - m) * exp(-m / C) for m in range(n + 1)) / eps
    assert gadhikar2023.failure_bound(n, eps, prune, C) == pytest.approx(average, rel=1e-9)
    assert gadhikar2023.failure_bound(0, eps, prune, C) == 1


@given(eps=small, delta=small, C=st.floats(0.1, 20), reading=st.sampled_from(["pointwise", "uniform"]))
def test_beyond_the_stated_survival_rate_the_published_form_allows_too_few_to_count(eps, delta, C, reading):
    survive = gadhikar2023.published_form_fails(C, eps, delta, reading=reading)
    if survive is None:
        assert 1 / eps * (1 if reading == "uniform" else 1 - delta) <= 1
        return
    prune = 1 - survive
    if prune < 1e-12:
        return
    # independent of the formula: the smallest n allowed, and how many targets 2^n sums can serve
    n = ceil(gadhikar2023.sample_size(eps, delta, C, prune) * (1 - 1e-3))
    missed = 1 - 2.0**n * eps
    assert missed > (0 if reading == "uniform" else delta) * (1 + 1e-12)
    # slightly below the rate one number more is asked for, and counting no longer refutes
    n = ceil(gadhikar2023.sample_size(eps, delta, C, min(prune * 1.01, 0.999)))
    if prune * 1.01 < 0.999:
        assert 1 - 2.0**n * eps <= (0 if reading == "uniform" else delta) + 1e-12


def test_the_refuted_size_really_fails_on_random_draws():
    C, eps, delta = 2.0, 0.01, 0.05
    survive = gadhikar2023.published_form_fails(C, eps, delta)
    prune = (1 - survive) * 0.9
    n = ceil(gadhikar2023.sample_size(eps, delta, C, prune))
    random = np.random.default_rng(5)
    masks = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    missed = 0
    for _ in range(500):
        kept = random.uniform(-1, 1, n) * (random.random(n) >= prune)
        missed += abs(masks @ kept - 1).min() > eps
    # at 500 trials a true rate of 0.05 gives more than 60 with probability below 1e-9
    assert n == 6
    assert missed > 60


def test_powers_of_two_are_counted_exactly():
    # 2^n (1/8) < 1 means n <= 2, uniformly; one number more would cover
    demand = 1.0 * log(8)
    assert gadhikar2023.published_form_fails(1.0, 0.125, 0.5, reading="uniform") == pytest.approx(1 - exp(-demand / 2))
    # pointwise: 2^n / 8 < 1/2 means n <= 1
    assert gadhikar2023.published_form_fails(1.0, 0.125, 0.5) == pytest.approx(1 - exp(-demand))
    # nothing to refute when one sum serves enough targets
    assert gadhikar2023.published_form_fails(1.0, 0.5, 0.5) is None
    assert gadhikar2023.published_form_fails(1.0, 0.4, 0.5) == 1.0


@pytest.mark.parametrize("power", [*range(1, 20), 40, 60])
def test_neighbours_of_powers_of_two_are_counted_exactly(power):
    """The largest n with 2^n eps < radius, where the logarithm of radius / eps rounds to a whole number."""
    eps, delta, C = 2.0**-power, 0.5, 1.5
    for radius, n in ((1.0, power - 1), (np.nextafter(1, 2), power), (np.nextafter(1, 0), power - 1)):
        received = gadhikar2023.published_form_fails(C, eps, delta, radius=radius, reading="uniform")
        assert received == (pytest.approx(1 - exp(-C * log(1 / min(eps, delta)) / n), rel=1e-12) if n else 1.0)


def test_where_survival_alone_is_met_exactly_no_constant_is_implied():
    for n in range(1, 9):
        assert gadhikar2023.corrected_implied_constant(n, 2.0**-n, 0.9, prune=0.5) == 0
    assert gadhikar2023.implied_constant(0.5, 0.01, 0.05, prune=0.0) == inf


@pytest.mark.parametrize(("prune", "lock"), [(0.1, 0.2), (0.0, 0.6), (0.4, 0.0)])
@pytest.mark.parametrize(("share", "a"), [(0.5, 0.2), (0.2, 0.05), (0.8, 0.24)])
def test_the_proof_parts_are_their_formulas_for_all_shares(prune, lock, share, a):
    free, C, eps = 1 - prune - lock, 0.7, 0.6
    c = share * free
    for n in (0, 1, 2, 7, 30, 200, 3000):
        k = max(((free - c) * n - 1) / 2, 0)
        k1, k2 = k / 2 + 2 * a * k, max(k / 2 - 2 * a * k - 1, 0)
        expected = {
            "(8)": exp(-2 * n * c**2),
            "(10)": exp(-k / C) if exp(-k / C) <= eps / 2 else 1,
            "(12)": 2 * exp(-((a * k) ** 2) / 2 / n) if n else 2,
            # a k is the share 2 a / (1 + 4 a) of k1, whose mean is a quarter of it
            "(13)": 2 * exp(-2 * (k1 / 4 - a * k) ** 2 / k1) if k else 2,
            "(14)": exp(-k2 / C) if exp(-k2 / C) <= eps / 2 else 1,
        }
        expected |= {} if lock else dict.fromkeys(("(12)", "(13)", "(14)"), 0)
        received = otsuka2024.proof_failure_bound(n, eps, prune, lock, C, c=c, a=a)
        assert received == pytest.approx(expected, rel=1e-9)
    slowest = max(1 / (2 * c * c), C / ((free - c) / 2))
    if lock:
        k = (free - c) / 2
        k1, k2 = k / 2 + 2 * a * k, k / 2 - 2 * a * k
        slowest = max(1 / (2 * c * c), 2 / (a * k) ** 2, 1 / (2 * (k1 / 4 - a * k) ** 2 / k1), C / k2)
    assert otsuka2024.proof_constant(prune, lock, C, c=c, a=a) == pytest.approx(slowest, rel=1e-9)


@pytest.mark.parametrize("lock", [0.0, 0.3])
def test_the_proofs_size_is_the_first_that_suffices_whatever_it_is(lock):
    for C in np.geomspace(0.02, 30, 40):
        n = otsuka2024.proof_sample_size(0.3, 0.4, 0.1, lock, C)
        assert sum(otsuka2024.proof_failure_bound(n, 0.3, 0.1, lock, C).values()) <= 0.4
        assert sum(otsuka2024.proof_failure_bound(n - 1, 0.3, 0.1, lock, C).values()) > 0.4


@pytest.mark.parametrize(("c", "a"), [(0.0, 0.1), (0.25, 0.1), (-0.1, 0.1), (0.1, 0.0), (0.1, 0.25), (0.1, -0.1)])
def test_shares_at_the_ends_of_what_the_proof_allows_are_refused(c, a):
    with pytest.raises(ValueError, match="must lie strictly between"):
        otsuka2024.proof_failure_bound(1, 0.1, 0.5, 0.25, 1, c=c, a=a)
    with pytest.raises(ValueError, match="must lie strictly between"):
        otsuka2024.proof_constant(0.5, 0.25, 1, c=c, a=a)


@given(C=st.floats(0.5, 50))
def test_the_literal_form_allows_one_number_in_the_corner_and_two_before_it(C):
    edge = lueker1998.literal_form_fails_from(C)
    assert lueker1998.sample_size(edge * (1 + 1e-9), 0.9999, C) <= 1
    assert lueker1998.sample_size(edge * (1 - 1e-9), 0.9999, C) > 1


def test_one_number_never_covers_both_ends():
    values = np.random.default_rng(0).uniform(-1, 1, 10_000)
    errors = np.maximum(np.minimum(1, abs(1 - values)), np.minimum(1, abs(-1 - values)))
    assert errors.min() >= 1


@given(C=constants, eps=small, delta=st.floats(1e-6, 0.4), prune=st.floats(0, 0.9))
def test_above_the_refuting_lock_rate_nothing_is_free_too_often(C, eps, delta, prune):
    lock = otsuka2024.lock_rate_refuting(C, eps, delta, prune)
    assert 0 <= lock <= 1 - prune
    n = ceil(otsuka2024.sample_size_frozen(eps, delta, C))
    above = min(prune + lock + 1e-9, 1.0)
    assert above**n / 2 >= delta * (1 - 1e-6)
    if lock > 0:
        assert (prune + lock * 0.999) ** n / 2 < delta


@given(v=st.floats(0, 1), free=st.floats(0, 1))
def test_growth_keeps_to_what_a_step_can_reach(v, free):
    assert v <= lueker1998.mean_growth(v, free) <= min(2 * v, 1) + 1e-15
    # half of the pairs of a covered and an uncovered point, where the number is free; nothing where it is not
    assert lueker1998.mean_growth(v, free) == pytest.approx((1 - free) * v + free * (v + v * (1 - v) / 2), abs=1e-15)


def test_the_proof_bound_falls_with_n_and_its_size_is_the_first_that_suffices():
    for prune, lock in ((0.0, 0.0), (0.4, 0.0), (0.0, 0.3), (0.4, 0.3)):
        n = otsuka2024.proof_sample_size(0.01, 0.05, prune, lock, 3.0)
        assert sum(otsuka2024.proof_failure_bound(n, 0.01, prune, lock, 3.0).values()) <= 0.05
        assert sum(otsuka2024.proof_failure_bound(n - 1, 0.01, prune, lock, 3.0).values()) > 0.05
        parts = [otsuka2024.proof_failure_bound(m, 0.01, prune, lock, 3.0) for m in range(0, 3 * n, max(n // 50, 1))]
        for key in parts[0]:
            falling = [part[key] for part in parts]
            assert falling == sorted(falling, reverse=True)


def test_the_proof_parts_by_hand():
    # f = 0.3, c = 0.15, k = (0.15 * 10001 - 1)/2 = 749.575, a = 1/8
    parts = otsuka2024.proof_failure_bound(10_001, 0.01, 0.4, 0.3, C=100.0)
    k = 749.575
    assert parts["(8)"] == pytest.approx(exp(-2 * 0.0225 * 10_001))
    assert parts["(10)"] == pytest.approx(exp(-k / 100))
    assert parts["(12)"] == pytest.approx(2 * exp(-((k / 8) ** 2) / 20_002))
    assert parts["(13)"] == pytest.approx(2 * exp(-2 * 0.75 * k / 144))
    assert parts["(14)"] == 1.0  # exp(-(k/4 - 1)/100) is above eps/2


def test_the_proof_constant_is_of_order_one_over_f_squared():
    values = [f * f * otsuka2024.proof_constant(1 - f - 0.1, 0.1, 3.0) for f in (0.1, 0.01, 0.001)]
    # 2 / (a f / 4)^2 = 2048 / f^2 at a = 1/8
    assert values == pytest.approx([2048] * 3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: lueker1998.sample_size(0.0, 0.1, 1), "eps"),
        (lambda: lueker1998.sample_size(0.1, 1.0, 1), "delta"),
        (lambda: lueker1998.sample_size(0.1, 0.1, 0), "C"),
        (lambda: lueker1998.implied_constant(-1, 0.1, 0.1), "n must"),
        (lambda: lueker1998.implied_constant(inf, 0.1, 0.1), "n must"),
        (lambda: lueker1998.mean_growth(1.5), "v"),
        (lambda: gadhikar2023.sample_size(0.1, 0.1, 1, 1.0), "prune"),
        (lambda: gadhikar2023.implied_constant(-1, 0.1, 0.1, 0.5), "n must"),
        (lambda: gadhikar2023.corrected_implied_constant(-1, 0.1, 0.1, 0.5), "n must"),
        (lambda: gadhikar2023.published_form_fails(1, 0.1, 0.1, reading="both"), "reading"),
        (lambda: gadhikar2023.published_form_fails(2, 1e-310, 0.05), "eps must be at least 1e-100"),
        (lambda: otsuka2024.lock_rate_refuting(1, 0.1, 0.5), "delta"),
        (lambda: otsuka2024.proof_failure_bound(1, 0.1, 0.4, 0.6, 1), "prune"),
        (lambda: otsuka2024.proof_failure_bound(1, 0.1, 0.4, 0.3, 1, c=0.4), "c must"),
        (lambda: otsuka2024.proof_failure_bound(1, 0.1, 0.4, 0.3, 1, a=0.25), "a must"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("C", [1e62, 1e200])
def test_more_numbers_than_are_looked_at_are_refused_not_returned(C):
    with pytest.raises(ValueError, match=r"more than 2\*\*200"):
        otsuka2024.proof_sample_size(0.3, 0.4, 0.1, 0.3, C)
    assert otsuka2024.proof_sample_size(0.3, 0.4, 0.1, 0.3, 1e57) > 1e57
