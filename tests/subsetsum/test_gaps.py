"""Exact worst errors against brute force, and against the decision they must agree with."""

import numpy as np
import pytest

from subsetsum.kernels import bitset, chains, gaps, grid
from tests import naive
from tests.subsetsum.problems import KINDS, problem
from tests.subsetsum.test_grid import ONE, SCRATCH, folded, twice_worst


def worst(y, lo, hi, floor2=0, scratch=SCRATCH):
    return gaps.worst(y, len(y), lo, hi, floor2, scratch)


@pytest.mark.parametrize("kind", KINDS)
def test_the_worst_error_equals_brute_force_above_every_floor(kind):
    rng = np.random.default_rng(200 + KINDS.index(kind))
    for _ in range(500):
        y, lo, hi = folded(*problem(rng, kind, int(rng.integers(0, 15))))
        exact = twice_worst(y, lo, hi)
        for floor2 in (0, exact - 1, exact, exact + 1, int(exact * rng.uniform(0.3, 1.5))):
            assert worst(y, lo, hi, max(floor2, 0)) == max(exact, floor2)


def test_a_single_target_has_a_floor_too():
    rng = np.random.default_rng(201)
    for _ in range(200):
        y = np.sort(rng.integers(1, 50, int(rng.integers(1, 8))))[::-1].copy()
        target = int(rng.integers(-5, y.sum() + 5))
        exact = twice_worst(y, target, target)
        for floor2 in (0, exact, exact + 1, exact + 7):
            assert worst(y, target, target, floor2) == max(exact, floor2)


def test_a_trial_gives_the_worst_error_of_its_values_and_states():
    rng = np.random.default_rng(1)
    for kind in KINDS:
        for _ in range(40):
            values, states, radius = problem(rng, kind, int(rng.integers(0, 9)))
            expected = naive.twice_worst_error(naive.subset_sums(values, states), radius)
            assert worst(*folded(values, states, radius)) == expected


def test_decisions_turn_exactly_at_the_worst_error():
    rng = np.random.default_rng(2)
    for m in (12, 16, 20, 23):
        for _ in range(10):
            y = np.sort(rng.integers(1, ONE, m))[::-1].copy()
            lo = int(y.sum() * rng.uniform(0.1, 0.5))
            exact = worst(y, lo, lo + ONE)
            scratch = chains.new_scratch(256)
            assert chains.decide(y, m, lo, lo + ONE, exact, scratch)[0]
            assert not chains.decide(y, m, lo, lo + ONE, exact - 1, scratch)[0]
            assert grid.decide(y, m, lo, lo + ONE, exact, SCRATCH) == 1
            assert grid.decide(y, m, lo, lo + ONE, exact - 1, SCRATCH) == 0


def test_too_small_a_scratch_costs_time_but_not_exactness():
    rng = np.random.default_rng(3)
    for _ in range(10):
        y = np.sort(rng.integers(1, ONE, 14))[::-1].copy()
        lo = int(y.sum() // 3)
        assert worst(y, lo, lo + ONE, scratch=bitset.scratch(4)) == twice_worst(y, lo, lo + ONE)


def test_more_items_than_a_meet_in_the_middle_takes_are_exact_too():
    rng = np.random.default_rng(4)
    m = bitset.MOST_ITEMS + 3
    for k in range(4):
        # few sums near the lower end of the range: only the small items matter there
        y = np.sort(np.r_[rng.integers(3 * ONE, 4 * ONE, m - 8), rng.integers(1, ONE, 8)])[::-1].copy()
        expected = twice_worst(y[-8:], k * ONE // 8, ONE)
        assert worst(y, k * ONE // 8, ONE, 0) == expected


def test_mirroring_scaling_and_an_item_of_nothing_change_nothing():
    rng = np.random.default_rng(5)
    for _ in range(200):
        y, lo, hi = folded(*problem(rng, "continuous", int(rng.integers(4, 14)), one=2**45))
        exact = worst(y, lo, hi)
        assert worst(y, y.sum() - hi, y.sum() - lo) == exact
        assert worst(y << 7, lo << 7, hi << 7) == exact << 7
        assert worst(y, lo, hi - (hi - lo) // 3) <= exact
