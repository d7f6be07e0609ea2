"""Frozen sources have exact counts at random positions and Kaiming weights, and are rebuilt from the seed."""

from math import prod, sqrt

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from slt.core.rates import Rates
from theory.freezing import counts
from torch_backend.masks import frozen

shapes = st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple)
rates = st.tuples(st.integers(0, 20), st.integers(0, 20)).filter(lambda r: sum(r) <= 20)
rates = rates.map(lambda r: Rates(r[0] / 20, r[1] / 20))


@given(st.integers(0, 2**64 - 1), shapes, rates)
def test_the_counts_are_exact(seed, shape, both):
    states = frozen.pattern(seed, "a", shape, both)
    pruned, locked = counts(prod(shape), both)
    assert states.dtype == torch.int8
    assert tuple(states.shape) == shape
    assert [int((states == state).sum()) for state in (-1, 0, 1)] == [pruned, prod(shape) - pruned - locked, locked]


@given(st.integers(0, 1000), shapes, rates)
def test_states_are_by_order_of_the_keys(seed, shape, both):
    keys = frozen.streams.keys(seed, "states/a", prod(shape))
    order = sorted(range(prod(shape)), key=lambda i: int(keys[i]))
    pruned, locked = counts(prod(shape), both)
    expected = torch.zeros(prod(shape), dtype=torch.int8)
    expected[order[:pruned]] = -1
    expected[order[pruned : pruned + locked]] = 1
    assert torch.equal(frozen.pattern(seed, "a", shape, both).flatten(), expected)


def test_every_weight_is_frozen_equally_often():
    trials, both = 2000, Rates(0.25, 0.5)
    drawn = torch.stack([frozen.pattern(seed, "a", (8,), both) for seed in range(trials)])
    for state, rate in ((-1, 0.25), (1, 0.5), (0, 0.25)):
        shares = (drawn == state).double().mean(0)
        assert float((shares - rate).abs().max()) < 5 * sqrt(rate * (1 - rate) / trials)


@pytest.mark.parametrize(("weights", "variance"), [("ku", 6 / 27 / 3), ("skc", 2 / 27)])
def test_weights_have_the_kaiming_variance(weights, variance):
    drawn = frozen.source(5, "a", (4000, 3, 3, 3), weights).double()
    assert float(drawn.square().mean()) == pytest.approx(variance, rel=0.02)
    assert abs(float(drawn.mean())) < 5 * sqrt(variance / drawn.numel())


def test_weights_have_the_published_ends():
    uniform, constant = (frozen.source(5, "a", (500, 4, 5, 5), weights).abs() for weights in ("ku", "skc"))
    assert sqrt(6 / 100) * 0.999 < float(uniform.max()) < sqrt(6 / 100)
    assert float(uniform.min()) > 0
    assert constant.unique().tolist() == pytest.approx([sqrt(2 / 100)])


def test_the_static_scale_is_one_factor():
    for weights in frozen.WEIGHTS:
        plain, scaled = (frozen.source(5, "a", (20, 30), weights, sparsity) for sparsity in (None, 0.75))
        torch.testing.assert_close(scaled, 2 * plain)


def test_scores_are_kaiming_normal():
    scores = frozen.first_scores(5, "a", (3000, 50)).double()
    size = scores.numel()
    assert abs(float(scores.square().mean()) / (2 / 50) - 1) < 5 * sqrt(2 / size)
    assert abs(float(scores.mean())) < 5 * sqrt(2 / 50 / size)


def test_layers_and_purposes_draw_from_streams_of_their_own():
    shape = (40, 40)
    drawn = [frozen.source(0, "a", shape, "ku"), frozen.source(0, "b", shape, "ku"), frozen.source(1, "a", shape, "ku")]
    drawn += [frozen.first_scores(0, "a", shape), frozen.first_scores(0, "b", shape)]
    drawn += [frozen.pattern(0, layer, shape, Rates(0.5, 0.5)).float() for layer in ("a", "b")]
    for i, one in enumerate(drawn):
        for other in drawn[:i]:
            correlation = float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])
            assert abs(correlation) < 5 / 40


@given(st.integers(0, 2**64 - 1), st.text(max_size=8), shapes, rates)
def test_the_seed_rebuilds_everything(seed, layer, shape, both):
    for draw in (
        lambda: frozen.pattern(seed, layer, shape, both),
        lambda: frozen.source(seed, layer, shape, "ku"),
        lambda: frozen.source(seed, layer, shape, "skc", 0.3),
        lambda: frozen.first_scores(seed, layer, shape),
    ):
        assert torch.equal(draw(), draw())


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="ku, skc"):
        frozen.source(0, "a", (3, 3), "kn")
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        frozen.source(0, "a", (3, 3), "skc", 1.0)
