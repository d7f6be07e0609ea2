"""Masks of N:M equal a plain loop over groups: ties, frozen members, short last groups, and what is refused."""

from math import comb, log2

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from slt.core.keep import Groups
from torch_backend.masks import groups
from torch_backend.masks.frozen import FREE, LOCKED
from torch_backend.masks.supermask import Supermask, freeze, supermasks
from torch_backend.masks.threshold import checked_scope, keep_largest, mask_bits, select
from torch_backend.training.settings import Settings


def naive(shape, states, scores, chosen):
    """The kept positions, of all weights, by the definition."""
    row = 1
    for size in shape[1:]:
        row *= size
    kept = set()
    for start in range(0, len(states), row):
        for first in range(start, start + row, chosen.of):
            members = range(first, min(first + chosen.of, start + row))
            wanted = int(chosen.kept * len(members) / chosen.of + 0.5)
            locked = [i for i in members if states[i] == LOCKED]
            free = sorted((i for i in members if states[i] == FREE), key=lambda i: -abs(scores[i]))
            kept |= {*locked, *free[: max(wanted - len(locked), 0)]}
    return kept


@st.composite
def problems(draw):
    of = draw(st.integers(1, 5))
    chosen = Groups(draw(st.integers(0, of)), of)
    shape = draw(st.sampled_from([(2, 8), (3, 5), (1, 4), (2, 3, 2), (2, 2, 3, 3), (4, 1)]))
    size = 1
    for length in shape:
        size *= length
    states = draw(st.lists(st.sampled_from([-1, 0, 0, 0, 1]), min_size=size, max_size=size))
    scores = draw(st.lists(st.integers(-3, 3), min_size=size, max_size=size))  # ties abound
    return shape, states, scores, chosen


def built(shape, states, scores):
    weights = torch.randn(shape, generator=torch.Generator().manual_seed(0)) + 10
    return Supermask(weights, torch.tensor(states, dtype=torch.int8).view(shape), torch.tensor(scores).float())


@given(problems())
def test_groups_keep_what_a_loop_over_them_keeps(problem):
    shape, states, scores, chosen = problem
    layer = built(shape, states, scores)
    layer.keep(groups.largest(layer, layer.scores.detach().abs(), chosen))
    kept = set((layer.weight.flatten() != 0).nonzero().flatten().tolist())
    assert kept == naive(shape, states, scores, chosen)
    assert groups.kept_free({"layer": layer}, chosen) == [int(layer.mask.sum())]


@given(problems())
def test_bits_count_the_masks_that_could_be(problem):
    shape, states, scores, chosen = problem
    layer = built(shape, states, scores)
    where = groups.layout(layer, chosen)
    naive_bits = sum(log2(comb(m, k)) for m, k in zip(where.members.tolist(), where.quota.tolist(), strict=True))
    assert groups.choice_bits([layer], chosen) == pytest.approx(naive_bits)


def test_one_layer_serves_several_groups():
    """A layout is kept for the next call, and is not taken for that of other groups."""
    layer = built((3, 8), [0] * 24, range(24))
    for chosen, kept in ((Groups(2, 4), 12), (Groups(1, 4), 6), (Groups(1, 8), 3), (Groups(2, 4), 12)):
        assert groups.largest(layer, layer.scores.detach().abs(), chosen).sum() == kept
        assert groups.kept_free({"layer": layer}, chosen) == [kept]


def network(**rates):
    return freeze(nn.Sequential(nn.Linear(8, 6, bias=False), nn.ReLU(), nn.Linear(6, 4, bias=False)), **rates)


def test_select_keeps_two_of_four_in_a_dense_source_and_says_the_sparsity():
    model = network()
    shares = select(model, 0.5, "2:4")
    first, second = supermasks(model).values()
    assert torch.all((first.weight != 0).view(6, 2, 4).sum(dim=2) == 2)
    assert torch.all((second.weight != 0)[:, :4].sum(dim=1) == 2)
    assert torch.all((second.weight != 0)[:, 4:].sum(dim=1) == 1)  # a last group of two
    assert list(shares.values()) == [0.5, 0.5]
    assert mask_bits(supermasks(model), "2:4", 0.5) == pytest.approx(16 * log2(6) + 4 * 1)
    assert mask_bits(supermasks(model), "global", 0.5) == 48 + 24


@pytest.mark.parametrize("scope", ["5:4", "2:4 lenient", "both", "", "2/4"])
def test_other_scopes_are_refused(scope):
    with pytest.raises(ValueError, match="scope must be one of global, layer or N:M such as 2:4, got"):
        checked_scope(scope, 0.5)
    with pytest.raises(ValueError, match="scope must be one of"):
        Settings("mlp", "mnist", scope=scope)


def test_the_sparsity_is_that_of_the_groups():
    with pytest.raises(ValueError, match=r"sparsity must be 0.75 with scope 1:4, got 0.5"):
        Settings("mlp", "mnist", scope="1:4")
    assert Settings("mlp", "mnist", scope="1:4", sparsity=0.75).scope == "1:4"


def test_a_method_that_wants_another_number_is_told():
    model = network()
    layers = supermasks(model)
    scores = [layer.scores.detach().abs() for layer in layers.values()]
    with pytest.raises(ValueError, match="scope 2:4 keeps 36 of these free weights, not 30"):
        keep_largest(layers, scores, 30, "2:4")


def test_scores_that_are_no_numbers_are_refused():
    model = network()
    with torch.no_grad():
        next(iter(supermasks(model).values())).scores[3] = torch.nan
    with pytest.raises(ValueError, match="scores must be numbers"):
        select(model, 0.5, "2:4")
