"""Sums of exactly k numbers: the counterexample against the exact kernels, its witnesses, and what stands."""

from fractions import Fraction
from itertools import combinations
from math import ceil, exp, log, log2, pi, sqrt

import numpy as np
import pytest

from slt.core.keep import Share
from subsetsum import best_subsets, covers_values
from theory import natale2024
from theory.claim import NOT_JUDGED
from theory.claims import LEDGER
from theory.exact import binomial_tail
from theory.kept_sufficient import failure_at_most_kept
from theory.natale2024 import closed_half_root_n, success_at_most, sum_bounded, uniform_needed

TRIALS = 4000


def draws(n, trials=TRIALS):
    """Return (trials, n) numbers of the mixture and how many of each row are uniform on [-1, 1]."""
    rng = np.random.default_rng(n)
    small = rng.random((trials, n)) < 0.25
    values = np.where(small, rng.uniform(-1, 1, (trials, n)), rng.uniform(100, 101, (trials, n)))
    return values, small.sum(axis=1)


@pytest.mark.parametrize("n", [4, 6, 8, pytest.param(10, marks=pytest.mark.long)])
def test_draws_come_near_to_some_target_only_with_small_numbers_enough_and_as_seldom_as_is_said(n):
    values, small = draws(n)
    k, eps = n // 2, 0.25
    sums = np.array([values[:, list(kept)].sum(axis=1) for kept in combinations(range(n), k)])
    near = (np.abs(sums) <= sqrt(k) + eps).any(axis=0)
    assert np.all(small[near] >= uniform_needed(k))
    bound = success_at_most(n)
    assert bound < 1 - eps
    assert near.mean() <= bound + 4 * sqrt(bound / TRIALS)
    assert near.mean() >= bound / 10  # so that the bound is put to a test
    # the exact kernels: no sum of k numbers is nearer to sqrt(k) than the small ones allow, and no draw covers all
    error, mask = best_subsets(targets=np.full(TRIALS, sqrt(k)), values=values, size=k)
    assert np.all(mask.sum(axis=1) == k)
    assert np.all(error >= 100 * k - 101 * np.minimum(small, k) - sqrt(k) - 1e-9)
    states = np.zeros(n, dtype=int)
    covered = covers_values(values=values, states=states, eps=eps, radius=sqrt(k), size=k)
    assert np.all(near[covered])


def test_how_many_must_be_small_is_the_least_number_that_leaves_room():
    for k in range(1, 300):
        least = uniform_needed(k)
        room = [v for v in range(k + 1) if 100 * (k - v) - v <= sqrt(k) + 1]
        assert least <= min(room)
        # with the root rounded up, nothing is given away
        assert least == next(v for v in range(k + 1) if 100 * (k - v) - v <= ceil(sqrt(k)) + 1)


@pytest.mark.parametrize("n", [300, 302, 400])
def test_the_bound_is_above_the_exact_tail(n):
    exact = binomial_tail(n, Fraction(1, 4), Fraction(uniform_needed(n // 2)))
    assert exact <= success_at_most(n) <= exact * 20
    assert exact > 0
    assert success_at_most(10**6) == 1e-300  # not 0, which would be too little


def test_a_number_that_is_not_even_is_refused():
    with pytest.raises(ValueError, match="n must be even"):
        success_at_most(7)


@pytest.mark.parametrize("key", ["Natale 2024, Cor. 1", "Natale 2024, Cor. 2"])
def test_witnesses_fulfil_the_hypotheses_and_succeed_too_seldom(key):
    found = LEDGER[key].judged(0.4, 0.3)
    assert found.word == LEDGER[key].known
    assert found.published.verdict == "refuted"
    assert [w.C for w in found.published.witnesses] == [1, 10, 100, 1000]
    for w in found.published.witnesses:
        n = int(w.where.rpartition(" ")[2])
        k, eps = n // 2, 0.25
        entropy = -2 * 0.5 * log2(0.5)
        if key.endswith("1"):
            assert n >= w.C * log2(k / eps) ** 2 / entropy * (1 - 1e-12)
        else:  # C = 2 c
            assert n >= w.C * log2(1 / eps) ** 2 / entropy
            assert k >= w.C * (log2(k) ** 2 + 2 * log2(k) * log2(1 / eps)) * (1 - 1e-12)
        assert w.asked <= n == 2 * k
        assert w.needed is None
        assert w.success < 1 - eps
        if n < 2000:
            assert binomial_tail(n, Fraction(1, 4), Fraction(uniform_needed(k))) <= Fraction(w.success)


def test_the_success_falls_to_nothing_however_large_the_constant_is():
    found = [success_at_most(n) for n in (10, 100, 1000, 4000)]
    assert found == sorted(found, reverse=True)
    assert found[-1] < exp(-0.13 * 4000)  # the divergence of 50/101 from 1/4 is .138


@pytest.mark.parametrize("eps", [0.5, 0.1, 1e-3, 1e-9, 1e-80])
@pytest.mark.parametrize("delta", [0.9, 0.5, 0.05, 1e-9, 1e-80])
def test_the_closed_form_with_a_radius_that_grows(eps, delta):
    n = closed_half_root_n(eps, delta)
    u, g = 0.6 * eps, 0.5 - (0.6 * eps) ** 2 / 8
    ratio = ((2 + u) / (1.4 * eps) - 1) * ((2 + u) / u - 1)
    cover = ceil(log(2 * ratio / delta) / -log(1 - g / 2) - 1e-9)
    assert cover >= 9

    def falls_short(half):
        """Log of Chernoff's bound of both ends, less log(delta/2)."""
        base = 2 * cover * log(2 * np.sinh(0.5)) + (half - cover) * log((np.e - 3 / np.e) / 2)
        return log(2) + sqrt(half) - 1 + base - log(delta / 2)

    half = n // 2
    assert falls_short(half) <= 1e-9 < falls_short(half - 1)
    ahead = [falls_short(half + more) for more in range(200)]
    assert ahead == sorted(ahead, reverse=True)
    assert n <= 26 * log(1 / eps) + 26 * log(1 / delta) + 109


def test_the_linear_form_is_one_logarithm_with_the_constant_of_the_verdict():
    judged = LEDGER["Natale 2024, Cor. 2"].judged(0, 0)
    assert judged.standing.constant == natale2024.CONSTANT
    form = LEDGER["Natale 2024, Cor. 2"].standing
    for least in (0.5, 0.49, 0.1, 1e-5, 1e-90):
        asked = form.sample_size(natale2024.CONSTANT, least, least, LEDGER["2.1"].rates(0, 0))
        assert asked >= 52 * log(1 / least) + 110 >= closed_half_root_n(least, least) + 1
        # what the paper asks for, with the square, is no less
        assert LEDGER["Natale 2024, Cor. 2"].form.sample_size(147, least, least, LEDGER["2.1"].rates(0, 0)) >= asked


@pytest.mark.parametrize(("eps", "delta"), [(0.5, 0.9), (0.1, 0.1), (0.01, 0.05)])
@pytest.mark.parametrize("more", [0, 1, 37])
def test_the_closed_form_is_no_less_than_what_the_sharper_bound_proves(eps, delta, more):
    n = closed_half_root_n(eps, delta) + more
    assert failure_at_most_kept(n, eps, Share(0.5), radius=sqrt(n // 2)) <= delta


def test_the_constants_of_sum_bounded_laws():
    assert sum_bounded(2) == pytest.approx(((2 - sqrt(2)) / 4 * sqrt(2), sqrt(0.5)))  # the density is (2 - |x|)/4
    assert sum_bounded(3) == pytest.approx(((3 - sqrt(3)) ** 2 / 16 * sqrt(3), 3 / 8 * sqrt(3)))
    least, largest = sqrt(3 / (2 * pi)) * exp(-1.5), sqrt(0.5)
    assert (round(least, 5), round(largest, 5)) == (0.15418, 0.70711)
    found = [sum_bounded(k) for k in range(2, 61)]
    assert all(high < largest for _, high in found[1:])
    lows = [low for low, _ in found]
    assert lows == sorted(lows, reverse=True)
    assert all(least < low < least * (1 + 1 / k) for k, low in enumerate(lows, start=2))
    with pytest.raises(ValueError, match="k must be at least 2"):
        sum_bounded(1)


def test_what_is_not_judged_of_the_paper_says_why():
    assert LEDGER["Natale 2024, Thm. 2"].judged(0, 0).word == NOT_JUDGED
