"""What is kept or left out to save time changes no bit of any answer."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slt.core.rates import Rates
from theory import estimate, laws, saddlepoint, sufficient, window_coverage
from theory.estimate import estimated_n
from theory.laws import below_table, binomial_weights, weight_error
from theory.saddlepoint import density_in_reach, density_of_sums
from theory.sufficient import sufficient_n
from theory.window_coverage import coverage_probability


def table_from_scratch(c, a_max, b_max, symmetric, side):
    """Every entry from its own block or its own exact law; nothing is kept."""
    c = Fraction(c)
    table = np.empty((a_max + 1, b_max + 1))
    for a0, a1 in laws._blocks(a_max):
        for b0, b1 in laws._blocks(b_max):
            if a1 + b1 > 8:
                table[a0 : a1 + 1, b0 : b1 + 1] = laws._lattice_block(c, (a0, a1), (b0, b1), symmetric, side)
    for a in range(min(a_max, 8) + 1):
        weights = binomial_weights(a, symmetric, np.arange(a + 1))
        for b in range(min(b_max, 8 - a) + 1):
            value = sum(w * float(laws._volume_below.__wrapped__(c, i, a - i + b)) for i, w in enumerate(weights))
            value *= 1 - weight_error(a) if side == "lower" else 1 + weight_error(a)
            table[a, b] = min(max(value, 0.0), 1.0)
    return table


@pytest.mark.long
@given(
    c=st.integers(-16, 64).map(lambda k: k / 16),
    sizes=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=3),
    symmetric=st.sampled_from([1.0, 0.375]),
    side=st.sampled_from(["lower", "upper"]),
)
@settings(max_examples=15)
def test_a_table_that_follows_another_is_what_it_would_be_alone(c, sizes, symmetric, side):
    for a, b in sizes:
        table = below_table(c, a, b, symmetric=symmetric, side=side)
        assert np.array_equal(table, table_from_scratch(c, a, b, symmetric, side))
        table[:] = -1  # a table is its receiver's: later ones must not see this


def test_what_is_kept_cannot_be_written_to():
    below_table(0.5, 12, 3, side="upper")
    with pytest.raises(ValueError, match="read-only"):
        laws._kept_block(Fraction(1, 2), (12, 12), (3, 3), 1.0, "upper")[0, 0] = 0
    with pytest.raises(ValueError, match="read-only"):
        laws._exact_row(Fraction(1, 2), 2, 1.0, "upper")[0] = 0


def test_large_blocks_are_not_kept(monkeypatch):
    kept = []
    make = laws._kept_block
    monkeypatch.setattr(laws, "_kept_block", lambda *block: kept.append(block) or make(*block))
    table = below_table(0.5, 300, 300, side="upper")
    sizes = [(a1 - a0 + 1) * (b1 - b0 + 1) for _, (a0, a1), (b0, b1), _, _ in kept]
    assert 500 < max(sizes) <= laws._LARGEST_KEPT
    assert table.shape == (301, 301)


@pytest.mark.parametrize(("prune", "lock"), [(0.0, 0.0), (0.2, 0.1)])
def test_bounds_asked_again_are_the_same(prune, lock):
    rates = Rates(prune, lock)
    law = {"prune": prune, "lock": lock, "radius": 1.0}
    for reading in ("uniform", "pointwise"):
        alone = sufficient._sufficient.__wrapped__(0.1, 0.05, rates, 1.0, reading == "uniform")
        for _ in range(2):
            assert sufficient_n(0.1, 0.05, reading=reading, **law) == alone
        for seed in (0, 1):
            asked = 0.1, 0.05, rates, 1.0, reading, 300, seed
            found = estimated_n(0.1, 0.05, reading=reading, draws=300, seed=seed, **law)
            assert found == estimate._estimated.__wrapped__(*asked)


def everywhere(y, upto, enough):
    return density_of_sums(y)


@given(
    seed=st.integers(0, 2**32),
    m=st.integers(11, 60),
    scale=st.sampled_from([1.0, 0.3, 1e-3]),
    lam=st.floats(-3, 30),
    far=st.sampled_from([0.2, 1.0, 5.0]),
)
@settings(max_examples=40)
def test_densities_left_out_change_no_probability(seed, m, scale, lam, far):
    rng = np.random.default_rng(seed)
    y = np.sort(scale * rng.random((20, m)), axis=1)
    y[::3, -rng.integers(1, m - 9) :] = np.inf  # shorter rows are padded
    m = np.isfinite(y).sum(axis=1)
    # so small an eps that about e^lam sums lie within 2 eps of the middle
    eps = float(np.exp(lam - np.median(m) * np.log(2)) * scale)
    a = far * scale * rng.random((20, 8))
    b = a + rng.choice([0.0, 1.0, 3.0], (20, 8)) * scale
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window_coverage, "density_in_reach", everywhere)
        full = coverage_probability(y, eps, a, b)
    assert np.array_equal(coverage_probability(y, eps, a, b), full)


@pytest.mark.parametrize("eps", [1e-2, 1e-6, 1e-12])
def test_most_densities_are_left_out_where_sums_are_many(eps, monkeypatch):
    asked = []
    at = saddlepoint._at
    monkeypatch.setattr(saddlepoint, "_at", lambda half, nodes: asked.append(len(nodes)) or at(half, nodes))
    y = np.sort(np.random.default_rng(1).random((50, 60)), axis=1)
    coverage_probability(y, eps, np.zeros((50, 1)), np.full((50, 1), 8.0))
    # so small an eps that nothing is enough leaves out only what lies beyond the window
    assert sum(asked) / (50 * 64) < (0.4 if eps > 1e-9 else 0.9)


def test_densities_are_those_of_every_node_wherever_they_are_asked_for():
    rng = np.random.default_rng(2)
    y = rng.random((200, 25))
    upto, enough = 8 * rng.random(200), rng.uniform(0, 25, 200)
    w, log_rho = density_of_sums(y)
    near_w, near_rho = density_in_reach(y, upto, enough)
    assert (np.diff(near_w, axis=1) >= 0).all()
    for row in range(200):
        used = np.flatnonzero(np.isfinite(near_rho[row]) & (near_w[row] < y[row].sum() / 2))
        first, last = used[0], used[-1]
        assert np.array_equal(near_w[row, first : last + 1], w[row, first : last + 1])
        assert np.array_equal(near_rho[row, first : last + 1], log_rho[row, first : last + 1])
        assert (log_rho[row, :first] >= enough[row]).all()
        assert last == 63 or w[row, last] >= upto[row]
    assert np.isinf(near_rho).any()
    assert (near_w[:, -1] > w[:, -1]).any()
