"""Floors by weights: below the best of all masks for any weights, and the program's at least as high as Lemma 1's."""

from itertools import product
from math import pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.experiments.planar import Planar, exhaustive
from tests.theory.floors import NAMES, sup_error_floor
from tests.theory.test_obstruction import least_error, random_source, sources
from theory import obstruction_lp
from theory.obstruction_lp import linear_program_floor, weighted_floor


def named(source, target):
    return dict(zip(NAMES, (*source, target), strict=True))


def best_of_all(source, target):
    """The least sup error of all masks, exactly: every function is linear between the rays."""
    values, states, outputs, fates = source
    return exhaustive(Planar(values, states.astype(np.int8), outputs, fates.astype(np.int8)), np.asarray(target))[0]


@given(source=sources(), seed=st.integers(0, 10**6))
def test_any_weights_of_any_points_give_a_floor(source, seed):
    rng = np.random.default_rng(seed)
    target = rng.uniform(-1, 1, 2)
    points = rng.uniform(-0.7, 0.7, (5, 2))
    weights = rng.normal(size=5) * rng.integers(0, 2, 5)
    floor = weighted_floor(**named(source, target), points=points, weights=weights)
    assert floor <= least_error(source, target)[1]


@pytest.mark.parametrize("seed", range(60))
def test_the_programs_floor_is_below_the_best_of_all_masks_and_not_below_lemma_1(seed):
    rng = np.random.default_rng(seed)
    source, target = random_source(rng, int(rng.integers(1, 7))), rng.uniform(-1, 1, 2)
    floor = linear_program_floor(**named(source, target)).floor
    assert floor <= best_of_all(source, target) + 1e-12
    assert floor >= 0.999 * sup_error_floor(*source, target) - 1e-9  # a lone kink's best point is between two


def test_the_floor_is_the_best_error_where_nothing_is_free_and_a_tenth_more_is_too_much():
    rng = np.random.default_rng(5)
    exceeded = 0
    for _ in range(40):
        values, states, outputs, fates = random_source(rng, 4)
        states, fates = np.where(states == 0, 1, states), np.where(fates == 0, 1, fates)
        target = rng.uniform(-1, 1, 2)
        floor = linear_program_floor(**named((values, states, outputs, fates), target)).floor
        least = best_of_all((values, states, outputs, fates), target)
        assert floor <= least + 1e-12
        # the program looks at the kinks and axes alone; in a wide sector the error can be larger inside
        exceeded += 1.1 * floor > least
    assert exceeded >= 20


def test_lemma_1_is_one_choice_of_weights():
    """The chord from x1 to x2 over a forced kink: weights m, 1 - m, -r, divided by 1 + r."""
    angles = np.array([0.4, 0.9, 1.7])
    a = np.stack([-np.sin(angles), np.cos(angles)], axis=1) * 0.7
    source = a, np.array([[0, 0], [1, 1], [0, 0]]), np.array([0.5, 0.8, -0.6]), np.array([0, 1, 0])
    b1, b2 = 0.5, pi / 2 - 0.9  # to the next line on either side: one of another neuron, and the second axis
    m = np.sin(b2) / (np.sin(b1) + np.sin(b2))
    r = np.sin(b1 + b2) / (np.sin(b1) + np.sin(b2))
    ends = angles[1] + np.array([-b1, b2, 0.0])
    points = np.stack([np.cos(ends), np.sin(ends)], axis=1) * obstruction_lp.INSIDE
    sign = np.sign(source[2][1])
    floor = weighted_floor(**named(source, [0.3, 0.1]), points=points, weights=sign * np.array([m, 1 - m, -r]))
    assert floor == pytest.approx(sup_error_floor(*source, [0.3, 0.1]), rel=1e-9)
    assert floor > 0.05


def test_a_solver_that_fails_or_errs_gives_no_false_floor(monkeypatch):
    rng = np.random.default_rng(3)
    source, target = random_source(rng, 6), rng.uniform(-1, 1, 2)
    least = best_of_all(source, target)
    found = linear_program_floor(**named(source, target))
    for turn in range(200):
        weights = found.weights + rng.normal(size=len(found.weights)) * 10.0 ** -(turn % 8)
        assert weighted_floor(**named(source, target), points=found.points, weights=weights) <= least + 1e-12

    class Failed:
        status = 4

    monkeypatch.setattr("scipy.optimize.linprog", lambda *_, **__: Failed)
    assert linear_program_floor(**named(source, target)).floor == 0.0


def test_the_ways_of_a_neuron_are_those_of_its_masks():
    x = np.random.default_rng(1).uniform(-0.7, 0.7, (7, 2))
    for states in product((-1, 0, 1), repeat=3):
        a, c = np.array([0.3, -0.7]), 0.9
        source = np.array([a]), np.array([states[:2]]), np.array([c]), np.array(states[2:]), np.zeros(2)
        bits = product(*[{-1: (0,), 0: (0, 1), 1: (1,)}[s] for s in states])
        made = {tuple(np.round(c * o * np.maximum(x @ (a * [k, j]), 0), 12)) for k, j, o in bits}
        assert {tuple(np.round(way, 12)) for way in obstruction_lp._ways(source, x)[0]} == made


def test_bad_points_and_weights_are_told_in_one_line():
    neuron = named((np.array([[0.6, 0.8]]), np.array([[1, 1]]), np.array([1.0]), np.array([1])), [0.0, 0.0])
    for points, weights, line in (
        ([[2.0, 0.0]], [1.0], "unit disc"),
        ([[np.nan, 0.0]], [1.0], "unit disc"),
        ([[0.5, 0.0]], [np.inf], "weights must be finite"),
        ([[0.5, 0.0]], [1.0, 2.0], "shape"),
        ([0.5, 0.0], [1.0], "shape"),
    ):
        with pytest.raises(ValueError, match=line):
            weighted_floor(**neuron, points=points, weights=weights)
    assert weighted_floor(**neuron, points=[[0.5, 0.0]], weights=[0.0]) == 0.0
