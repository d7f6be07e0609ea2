"""The builder of one source layer against the law it states, drawn again by numpy, and against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slt.core.rates import Rates
from subsetsum import best_subsets
from subsetsum.rows import Blocks, even_blocks, first_layer, solve_rows, thresholds


def drawn(key, row, n, rates):
    """Values and states of a row as the docstring of solve_rows says."""
    words = np.random.Philox(key=np.array([key, 0], np.uint64), counter=[0, row, 0, 0]).random_raw(n)
    code = words & np.uint64(2**20 - 1)
    prune, freezing = thresholds(rates)
    states = np.where(code < prune, -1, np.where(code < freezing, 1, 0))
    return (words.view(np.int64) >> 20) * 2.0**-43, states


@settings(max_examples=60)
@given(
    st.integers(0, 2**64 - 1), st.integers(0, 40), st.integers(1, 4), st.integers(0, 40),
    st.sampled_from([(0, 0), (0.25, 0.25), (0.5, 0), (0, 0.5), (0.9, 0.1), (0, 1)]), st.sampled_from([1e-1, 1e-3]),
)  # fmt: skip
def test_the_mask_keeps_locked_edges_and_no_pruned_one_and_sums_to_the_claimed_weights(
    key, first, blocks, size, rates, eps
):
    rates = Rates(*rates)
    targets = np.linspace(-1, 1, 3 * blocks).reshape(3, blocks)
    sums, masks = solve_rows(key, even_blocks(blocks, size), targets, eps, rates, first=first)
    for r in range(3):
        values, states = drawn(key, first + r, blocks * size, rates)
        kept = np.unpackbits(masks[r], bitorder="little", count=blocks * size).astype(bool)
        assert kept[states == 1].all()
        assert not kept[states == -1].any()
        np.testing.assert_array_equal((values * kept).reshape(blocks, size).sum(axis=1), sums[r])


@pytest.mark.parametrize("size", [0, 1, 5, 12, 21])
def test_a_small_block_fails_only_where_the_exact_optimum_fails(size):
    targets = np.random.default_rng(1).uniform(-1, 1, (60, 3))
    rates, eps = Rates(0.2, 0.2), 0.01
    sums, _ = solve_rows(5, even_blocks(3, size), targets, eps, rates)
    for r in range(60):
        values, states = drawn(5, r, 3 * size, rates)
        best, _ = best_subsets(targets=targets[r], values=values.reshape(3, size), states=states.reshape(3, size))
        np.testing.assert_array_equal(np.abs(sums[r] - targets[r]) <= eps, best <= eps)


def test_large_blocks_meet_every_target():
    targets = np.random.default_rng(2).uniform(-1, 1, (20, 5))
    sums, _ = solve_rows(3, even_blocks(5, 600), targets, 1e-6, Rates(0.4, 0.3))
    assert np.abs(sums - targets).max() <= 1e-6


def test_products_use_the_factors_and_leave_dead_columns_to_the_locked():
    rates, n = Rates(0.2, 0.2), 400
    u = first_layer(11, 2, n // 2, Rates(0.5))
    assert 0.4 < np.mean(u == 0) < 0.6
    columns = np.flatnonzero(u > 0)
    starts = np.searchsorted(columns, [0, n // 2, n])
    targets = np.array([[0.3, -0.2], [0.0, 0.1]])
    sums, masks = solve_rows(12, Blocks(np.maximum(u, 0), columns, starts, 0.18), targets, 1e-4, rates)
    assert np.abs(sums - targets).max() <= 1e-4
    for r in range(2):
        values, states = drawn(12, r, n, rates)
        kept = np.unpackbits(masks[r], bitorder="little", count=n).astype(bool)
        assert kept[states == 1].all()
        assert not kept[states == -1].any()
        assert not kept[(u <= 0) & (states == 0)].any()
        received = (values * kept * np.maximum(u, 0)).reshape(2, -1).sum(axis=1)
        np.testing.assert_allclose(received, sums[r], rtol=0, atol=n * 2.0**-49)


def test_first_layer_is_the_own_edge_of_each_neuron():
    rates = Rates(0.3)
    received = first_layer(4, 5, 7, rates)
    for r in range(35):
        values, states = drawn(4, r, 5, rates)
        assert received[r] == (values[r // 7] if states[r // 7] >= 0 else 0)


def test_rows_may_be_cut_into_any_parts():
    targets = np.random.default_rng(3).uniform(-1, 1, (30, 2))
    whole = solve_rows(3, even_blocks(2, 50), targets, 1e-3, Rates(0.1, 0.1))
    parts = [solve_rows(3, even_blocks(2, 50), targets[i : i + 7], 1e-3, Rates(0.1, 0.1), first=i)
             for i in range(0, 30, 7)]  # fmt: skip
    for k in range(2):
        np.testing.assert_array_equal(whole[k], np.concatenate([part[k] for part in parts]))


@pytest.mark.parametrize("targets", [np.zeros(3), np.zeros((2, 4)), np.full((2, 3), np.nan), np.full((2, 3), 2000.0)])
def test_bad_targets_are_refused(targets):
    with pytest.raises(ValueError, match="targets must be"):
        solve_rows(0, even_blocks(3, 4), targets, 0.1, Rates())


def test_blocks_beyond_64_bits_are_refused():
    with pytest.raises(ValueError, match="at most 8192"):
        solve_rows(0, even_blocks(1, 8193), np.zeros((1, 1)), 0.1, Rates())
