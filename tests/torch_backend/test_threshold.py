"""Thresholds by selection equal those of a full sort, ties included; sparsity is exact, impossible ones refused."""

from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from theory.freezing import kept_count
from torch_backend.masks import threshold
from torch_backend.masks.frozen import FREE, LOCKED
from torch_backend.masks.supermask import Supermask, freeze, supermasks
from torch_backend.masks.threshold import LayerCollapse, keep_largest, kth_largest, select, top

# few values, so that ties abound
numbers = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=80)


def naive_top(magnitudes, count):
    """Keep the first ``count`` of a stable full sort, largest first."""
    order = sorted(range(len(magnitudes)), key=lambda i: -magnitudes[i])
    return [i in order[:count] for i in range(len(magnitudes))]


def layer(states, scores, seed=0):
    states = torch.tensor(states, dtype=torch.int8)
    weights = torch.randn(len(states), generator=torch.Generator().manual_seed(seed)) + 10
    return Supermask(weights, states, torch.tensor(scores, dtype=torch.float32))


def mlp(**options):
    model = nn.Sequential(nn.Linear(20, 30, bias=False), nn.ReLU(), nn.Linear(30, 10, bias=False))
    return freeze(model, **options)


def zeros(model):
    return {name: int((part(torch.empty(0)) == 0).sum()) for name, part in supermasks(model).items()}


@given(numbers, st.data())
@example([1.0] * 5, None)
def test_the_mask_is_that_of_a_full_sort(values, data):
    for count in range(len(values) + 1) if data is None else [data.draw(st.integers(0, len(values)))]:
        assert top(torch.tensor(values), count).tolist() == naive_top(values, count)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@given(values=numbers, data=st.data())
def test_selection_equals_sorting_in_every_dtype(dtype, values, data):
    count = data.draw(st.integers(1, len(values)))
    tensor = torch.tensor(values, dtype=dtype)
    received = kth_largest(tensor, count)
    assert received.dtype == dtype
    assert received == tensor.sort(descending=True).values[count - 1]
    # the accelerator's way, which is right on every device
    assert threshold._from_the_nearer_end(tensor, count) == received


@given(st.integers(0, 10**6), st.sampled_from([1, 3, 10**6]), st.booleans(), st.data())
def test_the_bracket_changes_nothing(seed, distinct, ordered, data):
    array = np.random.default_rng(seed).integers(0, distinct, 3000).astype(np.float32)
    if ordered:
        array.sort()
    place = data.draw(st.one_of(st.integers(0, 2999), st.sampled_from([0, 1, 2998, 2999])))
    with patch.object(threshold, "LARGE", 1000):
        assert threshold._select(array, place) == np.sort(array)[place]


def test_a_bracket_that_misses_is_made_good():
    # the sampled positions hold the largest numbers
    array = np.arange(3200, dtype=np.float32)
    array[:: threshold.STRIDE] += 10_000
    with patch.object(threshold, "LARGE", 1000):
        for place in (0, 1, 1600, 3140, 3160, 3199):
            assert threshold._select(array, place) == np.sort(array)[place]


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from([-1, 0, 0, 1]), st.integers(-4, 4)), min_size=1), min_size=1, max_size=4
    ),
    st.integers(1, 99),
    st.sampled_from(threshold.SCOPES),
)
def test_the_whole_network_has_exactly_the_asked_sparsity(drawn, percent, scope):
    layers = {str(i): layer([s for s, _ in part], [v for _, v in part]) for i, part in enumerate(drawn)}
    size = sum(len(part) for part in drawn)
    locked = sum(state == LOCKED for part in drawn for state, _ in part)
    free = sum(state == FREE for part in drawn for state, _ in part)
    wanted = kept_count(size, percent / 100) - locked
    if not 0 < wanted < free:
        with pytest.raises(ValueError, match="strictly between"):
            select(layers, percent / 100, scope)
        return
    received = select(layers, percent / 100, scope)
    for name, part in layers.items():
        weight = part(torch.empty(0))
        assert received[name] == pytest.approx(float((weight == 0).double().mean()))
    assert sum(int((part(torch.empty(0)) != 0).sum()) for part in layers.values()) == locked + wanted
    scores = [v for part in layers.values() for v in part.scores.abs().tolist()]
    masks = [v for part in layers.values() for v in part.mask.tolist()]
    if scope == "global":
        assert masks == naive_top(scores, wanted)
    else:
        for part in layers.values():
            exact = wanted * len(part.scores) / free
            assert abs(int(part.mask.sum()) - exact) < 1
            assert part.mask.tolist() == naive_top(part.scores.abs().tolist(), int(part.mask.sum()))


def test_layerwise_shares_go_to_the_largest_remainders():
    assert threshold.shares([10, 20, 30], 31) == [5, 10, 16]
    assert threshold.shares([3, 3, 3], 4) == [2, 1, 1]
    assert threshold.shares([5, 0, 5], 10) == [5, 0, 5]


def test_a_dense_network_has_the_same_sparsity_in_every_layer_by_layer():
    model = mlp(seed=1)
    assert select(model, 0.7, "layer") == {"0.weight": pytest.approx(0.7), "2.weight": pytest.approx(0.7)}
    assert zeros(model) == {"0.weight": 420, "2.weight": 210}


def test_a_global_threshold_is_one_for_all_layers():
    model = mlp(prune=0.2, lock=0.1, seed=1)
    select(model, 0.5)
    parts = supermasks(model).values()
    kept, dropped = (
        [score for part in parts for score in part.scores.detach()[part.mask == state].abs().tolist()]
        for state in (True, False)
    )
    assert min(kept) >= max(dropped)
    assert sum(zeros(model).values()) == 450


def test_pruned_and_locked_layers_bound_the_sparsity():
    model = mlp(prune=0.25, lock=0.25, seed=1)
    for impossible in (0.25, 0.75, 0.1, 0.9):
        with pytest.raises(ValueError, match=r"it must lie strictly between 0\.2"):
            select(model, impossible)
    for no_share in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="sparsity must"):
            select(model, no_share)
    select(model, 0.26)
    select(model, 0.74)


def test_a_collapsed_layer_is_reported_when_asked_and_changes_nothing():
    model = mlp(seed=1)
    parts = supermasks(model)
    with torch.no_grad():
        parts["2.weight"].scores.mul_(1e-9)
    before = zeros(model)
    with pytest.raises(LayerCollapse, match=r"nothing is left of 2\.weight"):
        select(model, 0.5, refuse_collapse=True)
    assert zeros(model) == before
    assert select(model, 0.5)["2.weight"] == 1.0
    # by layer there is no such thing
    select(model, 0.5, "layer", refuse_collapse=True)


def test_locked_weights_keep_a_layer_from_collapsing():
    layers = {"a": layer([0] * 8, range(1, 9)), "b": layer([1, 0, 0, 0], [0, 0, 0, 0])}
    assert select(layers, 0.5, refuse_collapse=True) == {"a": 3 / 8, "b": 3 / 4}


def test_scores_that_are_not_numbers_are_refused():
    for scope in threshold.SCOPES:
        for bad in (1, 30):
            model = mlp(seed=1)
            with torch.no_grad():
                supermasks(model)["0.weight"].scores[:bad] = float("nan")
            with pytest.raises(ValueError, match="scores must be numbers"):
                select(model, 0.999 if bad == 30 else 0.5, scope)


def test_torch_keeps_its_number_of_threads():
    model, threads = mlp(), torch.get_num_threads()
    torch.set_num_threads(3)  # not one, whatever the machine
    try:
        select(model, 0.5)
        assert torch.get_num_threads() == 3
        with pytest.raises(ValueError, match="sparsity"):
            select(model, 1.5)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)


def test_masks_kept_afresh_undo_shares():
    model = mlp()
    select(model, 0.5)
    layers = supermasks(model)
    for part in layers.values():
        part.blend(torch.full((len(part.mask),), 0.5))
    keep_largest(layers, [part.scores.detach().abs() for part in layers.values()], 400, afresh=True)
    for part in layers.values():
        assert torch.equal(part(torch.empty(0)).flatten(), torch.where(part.mask, part.values, 0.0))


def test_names_and_models_are_checked():
    with pytest.raises(ValueError, match="global, layer"):
        select(mlp(), 0.5, "net")
    with pytest.raises(ValueError, match="freeze it first"):
        select(nn.Linear(3, 3), 0.5)
