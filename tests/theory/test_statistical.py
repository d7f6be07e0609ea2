"""Statistical certificates: a measured table of covers in place of the game's, and nothing else."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slt.core.intervals import upper_limit
from slt.core.rates import READINGS, Rates
from subsetsum.curves import success_counts
from tests.theory.exact_small import uniform_failure
from theory.game import cover_failures
from theory.ladder import Window, small_failure
from theory.statistical import WIDTH, measured_eps, statistical_n
from theory.sufficient import sufficient_n


@given(st.floats(1e-12, 0.999))
def test_coverage_is_measured_at_a_precision_that_is_never_coarser(eps):
    fine = measured_eps(eps)
    assert Fraction(fine) * Fraction(WIDTH) <= Fraction(eps) < Fraction(np.nextafter(fine, 2)) * Fraction(WIDTH)


def test_no_number_is_longer_than_the_window():
    assert 2 * WIDTH >= 1


@pytest.mark.parametrize("uniform", [True, False])
@pytest.mark.parametrize("rates", [Rates(), Rates(0.3, 0.0), Rates(0.2, 0.3)])
def test_the_games_table_for_a_window_of_its_own_gives_the_games_bound(rates, uniform):
    """At w = 1 the game covers [-1/2, 1/2]: given as a table, with radius moved by 1/2, the sum is the same."""
    eps, n, least = 0.05, 90, 1e-7
    table = tuple(cover_failures(eps, least).tolist())
    given_table = Window(eps, rates, 1.0, least, table).failure(n, 1.5, uniform)
    own = Window(eps, rates, 1.0, least)
    if uniform:  # the reach that is asked for is r - 1 in the one and r - 1/2 in the other
        assert given_table == pytest.approx(own.failure(n, 1.0, uniform), rel=1e-6)
    assert small_failure(n, eps, rates, 1.0, least, uniform=uniform) <= own.failure(n, 1.0, uniform) * (1 + 1e-9)


@pytest.mark.parametrize(("p", "q"), [(0.0, 0.0), (0.0, 0.3), (0.3, 0.0), (0.2, 0.3)])
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("eps", [0.2, 0.3, 0.45])
def test_the_bound_is_above_the_exact_failure(p, q, n, eps):
    """With the cover's own law, exact for up to three numbers, in place of limits."""
    law = tuple(float(uniform_failure(k, measured_eps(eps), 0.0, 0.0, 1.0)) for k in range(4))
    bound = Window(eps, Rates(p, q), WIDTH, 1e-9, law).failure(n, 1.0, uniform=True)
    assert bound >= float(uniform_failure(n, eps, p, q, 1.0)) * (1 - 1e-9)


@pytest.fixture(scope="module")
def limits():
    """Measured limits at eps = 0.05, at an error of 1e-6 in all."""
    trials, most = 4000, 40
    counts = success_counts(most, measured_eps(0.05), trials, seed=3)
    return upper_limit(trials - np.asarray(counts.uniform), trials, 1e-6 / (most + 1)).tolist()


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize(("p", "q"), [(0.4, 0.3), (0.0, 0.3)])
def test_it_lies_between_measured_and_proven(limits, p, q, reading):
    found = statistical_n(0.05, 0.05, limits, prune=p, lock=q, reading=reading)
    assert found < sufficient_n(0.05, 0.05, prune=p, lock=q, reading=reading)
    trials = 4000
    curve = success_counts(found, 0.05, trials, prune=p, lock=q, seed=4)
    failed = trials - int(np.asarray(curve.uniform)[found])
    if reading == "uniform":  # five standard deviations above what is promised
        assert failed <= trials * 0.05 + 5 * (trials * 0.05) ** 0.5


def test_limits_that_are_too_low_say_too_little_and_limits_of_one_say_nothing(limits):
    proven = sufficient_n(0.05, 0.05, prune=0.4, lock=0.3)
    assert statistical_n(0.05, 0.05, [1.0], prune=0.4, lock=0.3) == proven
    assert statistical_n(0.05, 0.05, [0.06], prune=0.4, lock=0.3) == proven  # never below delta
    bumpy = [limits[0], *limits[1:20], 1.0, *limits[21:]]
    assert statistical_n(0.05, 0.05, bumpy, prune=0.4, lock=0.3) >= statistical_n(
        0.05, 0.05, limits, prune=0.4, lock=0.3
    )
    # a false table gives a false number: below what is necessary for resolution
    assert statistical_n(0.001, 0.05, [0.0]) < 13


def test_raising_any_limit_never_lowers_the_number(limits):
    base = statistical_n(0.05, 0.05, limits, prune=0.4, lock=0.3)
    for k in (0, 3, 6, 9, len(limits) - 1):
        higher = [min(1.0, 3 * x) if j >= k else x for j, x in enumerate(limits)]
        assert statistical_n(0.05, 0.05, higher, prune=0.4, lock=0.3) >= base


def test_bad_limits_are_told_in_one_line():
    for bad in ([], [[0.1]], [1.2], [-0.1], [float("nan")]):
        with pytest.raises(ValueError, match="limits"):
            statistical_n(0.1, 0.05, bad)
