"""The measured curve of success against n: its counts, chunks, sample sizes and crossing."""

import numpy as np
import pytest

import subsetsum
from simulations.lemmas.measure import LEAST_TRIALS, TRIALS, Curve, CurveSetting, largest_n, measure, planned_trials
from simulations.run.engines import Threads
from slt.core.store import Store

SETTING = CurveSetting(0.1, 0.2, 0.1, 1.0, 30, 700)


def test_counts_are_the_trials_that_cover_at_every_n():
    curve = measure(SETTING, seed=3, store=Store(), engine=Threads(1))
    for n in (0, 7, 15, 30):
        covered = subsetsum.covers(n, 0.1, trials=700, prune=0.2, lock=0.1, seed=3)
        assert curve.uniform[n] == covered.sum()
    assert curve.trials == 700
    assert (curve.pointwise >= curve.uniform[:, None]).all()


def test_a_curve_does_not_depend_on_threads_and_tells_of_every_trial():
    told = []
    one = measure(SETTING, seed=3, store=Store(), engine=Threads(1), tick=told.append)
    two = measure(SETTING, seed=3, store=Store(), engine=Threads(2))
    assert sum(told) == 700
    assert np.array_equal(one.uniform, two.uniform)
    assert np.array_equal(one.pointwise, two.pointwise)


def test_the_crossing_of_a_reading_uses_its_own_counts():
    uniform = np.array([0, 0, 500, 1000, 1000])
    pointwise = np.array([[0, 0], [1000, 990], [1000, 1000], [1000, 1000], [1000, 1000]])
    curve = Curve(uniform, pointwise, 1000)
    assert curve.crossing("uniform", 0.05, 0.99).value == 3
    assert curve.crossing("pointwise", 0.05, 0.99).value == 1


@pytest.mark.parametrize(("n_max", "eps"), [(10, 0.1), (200, 1e-3), (500, 1e-5)])
def test_planned_trials_stay_between_their_ends_and_fall_with_cost(n_max, eps):
    found = planned_trials(n_max, eps)
    assert LEAST_TRIALS <= found <= TRIALS
    assert planned_trials(2 * n_max, eps) <= found
    assert planned_trials(n_max, eps / 10) <= found


def test_the_largest_n_is_a_quarter_and_12_beyond_the_expected_one():
    assert [largest_n(n) for n in (0, 4, 5, 100)] == [12, 17, 19, 137]
