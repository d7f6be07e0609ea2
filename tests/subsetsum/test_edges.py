"""Where a comparison turns: draws equal to a rate, blocks of the largest size, attempts that fail, products rounded."""

import numpy as np
import pytest

from slt.core.rates import Rates
from subsetsum import best_subsets, draw
from subsetsum.kernels import trials as kernels
from subsetsum.rows import UNIT, Blocks, even_blocks, first_layer, solve_rows
from subsetsum.sampling import trial_law
from tests.subsetsum.test_rows import drawn


def state_draw(seed, trial, j):
    """The uniform number that variable j's state is decided by."""
    raw = np.random.Philox(key=np.array([seed, 0], np.uint64), counter=[0, trial, 0, 0]).random_raw(2 * j + 2)
    return (int(raw[2 * j]) >> 11) / 2**53


@pytest.mark.parametrize("j", [0, 1, 4, 7])
def test_a_draw_equal_to_a_rate_lies_above_it(j):
    u = state_draw(5, 3, j)
    above = float(np.nextafter(u, 1))
    for rates, expected in (
        ({"prune": u}, 0), ({"prune": above}, -1), ({"lock": u}, 0), ({"lock": above}, 1),
        ({"prune": u, "lock": (1 - u) / 2}, 1),
    ):  # fmt: skip
        assert draw(8, 1, seed=5, first=3, **rates)[1][0, j] == expected


def test_the_most_free_trial_is_the_largest_count_of_all():
    for n, first in ((1, 0), (9, 4), (40, 7)):
        _, states = draw(n, 60, prune=0.3, lock=0.4, seed=6, first=first)
        free = (states == 0).sum(axis=1)
        for trials in (1, 17, 60):
            assert kernels.most_free(trial_law(n, Rates(0.3, 0.4), 6, False), n, first, trials) == free[:trials].max()


@pytest.mark.parametrize("size", [29, 30])
def test_a_block_of_the_largest_size_that_is_tried_at_once_fails_only_where_the_optimum_fails(size):
    targets, eps = np.random.default_rng(0).uniform(-1, 1, (24, 1)), 1.5e-9 * 2 ** (30 - size)
    sums, _ = solve_rows(8, even_blocks(1, size), targets, eps, Rates())
    values = np.array([drawn(8, r, size, Rates())[0] for r in range(24)])
    best, _ = best_subsets(targets=targets[:, 0], values=values)
    assert 4 < (best <= eps).sum() < 20
    np.testing.assert_array_equal(np.abs(sums - targets)[:, 0] <= eps, best <= eps)


def claimed_and_kept(key, blocks, targets, eps, rates):
    """The sums that are claimed, and those of the kept edges, rounded to units one by one as is stated."""
    sums, masks = solve_rows(key, blocks, targets, eps, rates)
    n, again = len(blocks.factor), np.zeros(sums.shape)
    for r in range(len(targets)):
        values, states = drawn(key, r, n, rates)
        kept = np.unpackbits(masks[r], bitorder="little", count=n).astype(bool)
        assert kept[states == 1].all()
        assert not kept[states == -1].any()
        units = [round(float(v) * float(f) * 2**48) for v, f in zip(values, blocks.factor, strict=True)]
        for g in range(blocks.count):
            columns = blocks.columns[blocks.starts[g] : blocks.starts[g + 1]]
            again[r, g] = sum(units[j] for j in columns if kept[j]) * UNIT
    return sums, again


def test_a_block_that_fails_keeps_the_nearest_of_eight_attempts_and_claims_what_it_keeps():
    targets = np.random.default_rng(1).uniform(-0.4, 0.4, (60, 1))
    sums, again = claimed_and_kept(9, even_blocks(1, 64), targets, 1e-14, Rates())
    np.testing.assert_array_equal(sums, again)
    errors = np.abs(sums - targets)[:, 0]
    assert errors.min() > 1e-14  # all attempts failed
    one, _ = best_subsets(targets=targets[:, 0], values=np.array([drawn(9, r, 64, Rates())[0][:30] for r in range(60)]))
    # an attempt is two tries of 30 numbers, so the nearest of eight attempts has a 16th of one try's error; a tenth of
    # the mean of 60 exponential numbers is its standard error, and one attempt alone would have a half
    assert errors.mean() < 0.2 * one.mean()


def test_products_are_rounded_to_the_nearest_unit_one_by_one():
    rates, n = Rates(0.2, 0.2), 400
    u = first_layer(11, 2, n // 2, Rates(0.5))
    columns = np.flatnonzero(u > 0)
    blocks = Blocks(np.maximum(u, 0), columns, np.searchsorted(columns, [0, n // 2, n]), 0.18)
    targets = np.random.default_rng(2).uniform(-0.5, 0.5, (6, 2))
    sums, again = claimed_and_kept(12, blocks, targets, 1e-5, rates)
    np.testing.assert_array_equal(sums, again)
    assert np.abs(sums - targets).max() <= 1e-5


@pytest.mark.parametrize("j", range(12))
def test_an_edge_whose_code_is_a_threshold_lies_above_it(j):
    n, key = 12, 4
    code = int(np.random.Philox(key=np.array([key, 0], np.uint64), counter=[0, 0, 0, 0]).random_raw(n)[j]) % 2**20
    rate, targets = code / 2**20, np.linspace(-3, 3, 1)[:, None]
    for rates in (Rates(rate, (1 - rate) / 2), Rates(0, rate), Rates(rate / 2, rate / 2), Rates(rate, 0)):
        for target in (-2.0, 0.0, 0.7, 3.0):
            sums, again = claimed_and_kept(key, even_blocks(1, n), targets + target, 0.01, rates)
            np.testing.assert_array_equal(sums, again)
    _, states = drawn(key, 0, n, Rates(0, rate))
    assert states[j] == 0
    # a row of the first layer: its own edge is alive at that rate and pruned at the next
    words = np.random.Philox(key=np.array([key, 0], np.uint64), counter=[0, j, 0, 0]).random_raw(n)
    code = int(words[j]) % 2**20
    expected = (np.int64(words.view(np.int64)[j]) >> 20) * 2.0**-43
    assert first_layer(key, n, 1, Rates(code / 2**20))[j] == expected
    assert first_layer(key, n, 1, Rates((code + 1) / 2**20))[j] == 0


def test_free_edges_are_taken_in_turn_as_long_as_they_overshoot_nothing():
    # a sum inside the window is near enough here, so the kept edges are those that led it there
    n, window, rates = 200, 1 / 16, Rates(0.2, 0.1)
    targets = np.linspace(-4, 4, 33)[:, None]
    _, masks = solve_rows(6, Blocks(np.ones(n), np.arange(n), np.array([0, n]), window), targets, window, rates)
    passed_over = 0
    for r, target in enumerate(targets[:, 0]):
        values, states = drawn(6, r, n, rates)
        expected = states == 1
        for j in np.flatnonzero(states == 0):
            residual = target - values[expected].sum()
            if abs(residual) <= window:
                break
            nearer = abs(residual - values[j]) < abs(residual)
            beyond = abs(values[j]) > abs(residual) + window  # it would lead out of the window on the other side
            expected[j] = np.sign(values[j]) == np.sign(residual) and not beyond
            passed_over += nearer and beyond
        assert abs(target - values[expected].sum()) <= window
        np.testing.assert_array_equal(np.unpackbits(masks[r], bitorder="little", count=n).astype(bool), expected)
    assert passed_over > 0


@pytest.mark.parametrize("far", [62.0, 64.0, 66.0, 900.0])
@pytest.mark.parametrize("size", [5, 30, 64])
def test_a_target_beyond_every_sum_gets_the_largest_one_with_each_edge_once(size, far):
    # a large block is tried eight times, and every attempt ends with the same sum, whichever numbers it begins with
    rates = Rates(0.1, 0.1)
    sums, again = claimed_and_kept(3, even_blocks(1, size), np.repeat([[-far], [far]], 20, axis=0), 0.01, rates)
    np.testing.assert_array_equal(sums, again)
    for r in range(40):
        values, states = drawn(3, r, size, rates)
        wanted = values < 0 if r < 20 else values > 0
        assert sums[r, 0] == values[(states == 1) | ((states == 0) & wanted)].sum()
