"""The chain union against all subset sums, at and around the threshold."""

import numpy as np
import pytest

from subsetsum.kernels import chains
from subsetsum.kernels.problem import fold
from tests import naive
from tests.subsetsum.problems import KINDS, problem


def decided(values, states, radius, eps2):
    y = np.empty(len(values), np.int64)
    m, locked, negative = fold(values, states, y)
    offset = locked + negative
    covered, _ = chains.decide(y, m, -radius - offset, radius - offset, eps2, chains.new_scratch(4))
    return covered


@pytest.mark.parametrize("kind", KINDS)
def test_decisions_equal_brute_force_at_and_around_the_threshold(kind):
    rng = np.random.default_rng(KINDS.index(kind))
    cases = 0
    for _ in range(500):
        values, states, radius = problem(rng, kind, int(rng.integers(0, 9)))
        exact = int(naive.twice_worst_error(naive.subset_sums(values, states), radius))
        for eps2 in (exact - 2, exact - 1, exact, exact + 1, exact // 2, int(exact * 0.97), 2 * exact, 0):
            if eps2 >= 0:
                # doubling the end pieces: an odd eps2 allows the ends no more than the even one below
                assert decided(values, states, radius, eps2) == (exact <= eps2)
                cases += 1
    assert cases > 3000


def test_the_list_is_the_maximal_chains_of_the_sums():
    rng = np.random.default_rng(1)
    for _ in range(500):
        n = int(rng.integers(0, 10))
        x = rng.integers(-200, 200, n)
        eps2 = int(rng.integers(0, 40))
        scratch, count = chains.new_scratch(2), 1
        scratch[0][0] = scratch[1][0] = 0
        for item in x:
            scratch, count = chains.add(scratch, count, item, eps2, -(2**61), 2**61)
        sums = naive.subset_sums(x, np.zeros(n))
        breaks = np.flatnonzero(np.diff(sums) > eps2)
        np.testing.assert_array_equal(scratch[0][:count], sums[np.r_[0, breaks + 1].astype(int)])
        np.testing.assert_array_equal(scratch[1][:count], sums[np.r_[breaks, -1].astype(int)])


def test_sums_up_to_the_stated_limit_do_not_overflow():
    y = np.full(2, 2**60, np.int64)
    for eps2, expected in ((2**60, True), (2**60 - 1, False)):
        covered, _ = chains.decide(y, 2, np.int64(0), np.int64(2**61), eps2, chains.new_scratch(8))
        assert covered == expected


def test_trimming_keeps_what_meets_the_range():
    a = np.array([0, 10, 20, 30])
    b = np.array([5, 15, 25, 35])
    for low, high, expected in (
        (15, 20, [10, 20]),
        (16, 19, []),
        (-9, 99, [0, 10, 20, 30]),
        (6, 10, [10]),
        (36, 40, []),
    ):
        starts, ends = a.copy(), b.copy()
        count = chains.trimmed(starts, ends, 4, low, high)
        assert starts[:count].tolist() == expected
        assert (ends[:count] - starts[:count] == 5).all()


def test_folding_sorts_sizes_and_keeps_the_sums():
    rng = np.random.default_rng(2)
    for n in (0, 1, 5, 63, 64, 65, 66, 200):
        values = rng.integers(-1000, 1000, n)
        values[rng.random(n) < 0.1] = 0
        states = rng.choice(np.array([-1, 0, 0, 0, 1], np.int8), n)
        y = np.empty(n, np.int64)
        m, locked, negative = fold(values, states, y)
        free = values[(states == 0) & (values != 0)]
        np.testing.assert_array_equal(y[:m], np.sort(np.abs(free))[::-1])
        assert locked == values[states == 1].sum()
        assert negative == free[free < 0].sum()


def test_a_single_target_is_a_window_of_length_zero():
    rng = np.random.default_rng(3)
    for kind in KINDS:
        for _ in range(100):
            values, states, _ = problem(rng, kind, int(rng.integers(0, 9)), one=2**20)
            sums = naive.subset_sums(values, states)
            z = int(rng.integers(-(2**20), 2**20))
            eps2 = int(rng.integers(0, 2**18))
            y = np.empty(len(values), np.int64)
            m, locked, negative = fold(values, states, y)
            point = z - locked - negative
            received, _ = chains.decide(y, m, point, point, eps2, chains.new_scratch(4))
            assert received == naive.hits(sums, z, eps2 // 2)
            nearest = int(np.abs(sums - z).min())
            for distance, expected in ((nearest, True), (nearest - 1, False)):
                if distance >= 0:
                    assert chains.decide(y, m, point, point, 2 * distance, chains.new_scratch(4))[0] == expected
