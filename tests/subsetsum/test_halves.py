"""Meet in the middle against all subset sums."""

import numpy as np
import pytest

from subsetsum.kernels import halves
from tests import naive

SCALES = (4, 50, 10**6, 2**52)


def cases(seed, count, most=12):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        m = int(rng.integers(0, most + 1))
        scale = int(rng.choice(SCALES))
        y = rng.integers(0, scale, m)
        margin = 3 + scale // 5
        yield y, int(rng.integers(-margin, y.sum() + margin))


def test_the_nearest_sum_equals_brute_force_and_its_items_add_up_to_it():
    for y, t in cases(0, 4000):
        m = len(y)
        chosen = np.ones(m, np.bool_)
        distance = halves.nearest(y, m, t, *halves.buffers(m), chosen)
        sums = naive.subset_sums(y, np.zeros(m))
        assert abs(distance) == np.abs(sums - t).min()
        assert y[chosen].sum() - t == distance


@pytest.mark.long
def test_neighbours_equal_brute_force_on_both_sides():
    for y, t in cases(1, 4000):
        m = len(y)
        left, right = halves.buffers(m)
        below, above = halves.neighbours(y, m, left, right, halves.split(y, m, left, right), t)
        sums = naive.subset_sums(y, np.zeros(m))
        if t < 0:
            assert below < t - 2**60
        else:
            assert below == sums[sums <= t].max()
        if t > sums[-1]:
            assert above > t + 2**60
        else:
            assert above == sums[sums >= t].min()


def test_every_subset_sum_is_its_own_neighbour():
    y = np.array([1, 2, 4, 8, 16, 32, 64, 128])
    left, right = halves.buffers(8)
    lists = halves.split(y, 8, left, right)
    for t in range(256):
        assert halves.neighbours(y, 8, left, right, lists, t) == (t, t)


@pytest.mark.parametrize("m", [1, 2, 3, 4, 7, 16])
def test_sums_at_the_stated_limit_do_not_overflow(m):
    y = np.full(m, (2**61 - 1) // m)
    chosen = np.empty(m, np.bool_)
    for t, expected in ((-(2**60), 2**60), (0, 0), (int(y.sum()), 0), (2**61, int(y.sum()) - 2**61)):
        assert halves.nearest(y, m, t, *halves.buffers(m), chosen) == expected


def test_one_pair_of_buffers_serves_smaller_problems_too():
    buffers = halves.buffers(12)
    for y, t in cases(2, 300):
        m = len(y)
        chosen = np.empty(m, np.bool_)
        fresh = halves.nearest(y, m, t, *halves.buffers(m), chosen)
        assert halves.nearest(y, m, t, *buffers, chosen) == fresh
