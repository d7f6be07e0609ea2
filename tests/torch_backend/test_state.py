"""Loaded, copied, moved or cast, a frozen module computes the same, or one line says why it cannot."""

import copy
import io
import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from torch_backend.masks.supermask import NotSelected, freeze, frozen_with, supermasks
from torch_backend.masks.threshold import select, select_after_steps
from torch_backend.rivals.problem import keep_all
from torch_backend.tickets.files import plain_model

SOURCE = {"prune": 0.2, "lock": 0.2, "seed": 1}


def network():
    return nn.Sequential(nn.Conv1d(4, 8, 3), nn.BatchNorm1d(8), nn.ReLU(), nn.Flatten(), nn.Linear(32, 5))


def inputs(rows=3):
    return torch.randn(rows, 4, 6, generator=torch.Generator().manual_seed(0))


def searched(steps=4, **changes):
    """Return a network after a few steps of a search, in eval mode."""
    model = freeze(network(), **{**SOURCE, **changes})
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    select_after_steps(optimiser, model, 0.5)
    for _ in range(steps):
        model(inputs()).square().sum().backward()
        optimiser.step()
    return model.eval()


def fresh(**changes):
    return freeze(network(), **{**SOURCE, **changes}).eval()


@pytest.fixture(scope="module")
def found():
    return searched()


def test_a_loaded_state_computes_the_same_without_another_selection(found):
    twin = fresh()
    twin.load_state_dict(found.state_dict())
    assert torch.equal(twin(inputs()), found(inputs()))
    assert not torch.equal(fresh()(inputs()), found(inputs()))


@pytest.mark.parametrize("options", [{"strict": False}, {"assign": True}])
def test_a_state_loads_so_in_every_way_of_loading(found, options):
    twin = fresh()
    twin.load_state_dict(copy.deepcopy(found.state_dict()), **options)
    assert torch.equal(twin(inputs()), found(inputs()))


def test_a_state_travels_through_a_file_that_executes_nothing(found):
    buffer = io.BytesIO()
    torch.save(found.state_dict(), buffer)
    buffer.seek(0)
    twin = fresh()
    twin.load_state_dict(torch.load(buffer, weights_only=True))
    assert torch.equal(twin(inputs()), found(inputs()))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_state_cast_entry_by_entry_keeps_the_masks(found, dtype):
    twin = fresh()
    twin.load_state_dict({name: value.to(dtype) for name, value in found.state_dict().items()})
    for name, part in supermasks(found).items():
        assert torch.equal(supermasks(twin)[name].mask, part.mask)
    torch.testing.assert_close(twin(inputs()), found(inputs()), rtol=0.05, atol=0.05)  # norms were rounded too


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 5}, {"prune": 0.3}, {"lock": 0.25}, {"rule": "erk"}, {"weights": "skc"},
        {"scale": "static", "sparsity": 0.5}, {"scale": "dynamic"}, {"weights": "given"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("strict", [True, False])
def test_a_state_of_another_source_is_refused_naming_the_layer_and_both_sources(found, other, strict):
    twin = fresh(**other)
    before = {name: part.mask.clone() for name, part in supermasks(twin).items()}
    with pytest.raises(ValueError, match=r"^0\.weight cannot take a state of other frozen weights") as refusal:
        twin.load_state_dict(found.state_dict(), strict=strict)
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).count('"seed"') == 2
    assert all(torch.equal(part.mask, before[name]) for name, part in supermasks(twin).items())


def test_given_weights_load_over_the_same_weights_and_over_no_others(found):
    start = network()
    model, twin = (freeze(copy.deepcopy(start), **SOURCE, weights="given").eval() for _ in range(2))
    select(model, 0.5)
    twin.load_state_dict(model.state_dict())
    assert torch.equal(twin(inputs()), model(inputs()))
    with pytest.raises(ValueError, match="other frozen weights"):
        freeze(network(), **SOURCE, weights="given").load_state_dict(model.state_dict())


def test_the_sparsity_and_scope_of_the_loading_module_do_not_matter(found):
    twin = fresh()
    select(twin, 0.7, "layer")
    twin.load_state_dict(found.state_dict())
    assert torch.equal(twin(inputs()), found(inputs()))


@pytest.mark.parametrize("lost", ["scores", "_extra_state"])
@pytest.mark.parametrize("strict", [True, False])
def test_scores_without_masks_or_masks_without_scores_are_refused(found, lost, strict):
    part = {name: value for name, value in found.state_dict().items() if not name.endswith(lost)}
    with pytest.raises(ValueError, match=r"^0\.weight .*go together"):
        fresh().load_state_dict(part, strict=strict)


def test_a_mask_cut_short_is_refused(found):
    state = found.state_dict()
    name = next(name for name in state if name.endswith("_extra_state"))
    for wrong in (state[name][:-1], torch.cat([state[name], state[name][-1:]]), state[name][:0]):
        with pytest.raises(ValueError, match=r"^0\.weight cannot take a state"):
            fresh().load_state_dict({**state, name: wrong})


def test_a_mask_chosen_in_another_way_than_by_scores_is_in_the_state_too(found):
    model, twin = fresh(), fresh()
    for part in supermasks(model).values():
        part.keep(torch.arange(len(part.mask)) % 3 == 0)
    twin.load_state_dict(model.state_dict())
    assert torch.equal(twin(inputs()), model(inputs()))


def test_a_state_undoes_blended_weights(found):
    twin = fresh()
    for part in supermasks(twin).values():
        part.blend(torch.full_like(part.values, 0.3))
    twin.load_state_dict(found.state_dict())
    assert torch.equal(twin(inputs()), found(inputs()))


def test_a_frozen_module_within_a_bigger_one_loads_there():
    bigger = [nn.Sequential(nn.Identity(), fresh()) for _ in range(2)]
    select(bigger[0], 0.5)
    bigger[1].load_state_dict(bigger[0].state_dict())
    assert torch.equal(bigger[1](inputs()), bigger[0](inputs()))
    alone = fresh()
    alone.load_state_dict({name.removeprefix("1."): value for name, value in bigger[0].state_dict().items()})
    assert torch.equal(alone(inputs()), bigger[0](inputs()))


def test_wrappers_load_from_each_other_by_their_prefix(found):
    wrapped = nn.DataParallel(fresh())
    wrapped.load_state_dict({f"module.{name}": value for name, value in found.state_dict().items()})
    assert torch.equal(wrapped.module(inputs()), found(inputs()))


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # torch's own, in its compiler
def test_a_compiled_network_follows_every_selection():
    model = fresh()
    compiled = torch.compile(model, backend="eager")
    for sparsity in (0.4, 0.7):
        select(model, sparsity)
        assert torch.equal(compiled(inputs()), model(inputs()))
    other = torch.compile(fresh(), backend="eager")
    other.load_state_dict(compiled.state_dict())
    assert torch.equal(other(inputs()), model(inputs()))


def test_shared_weights_load_as_one():
    def tied():
        model = nn.Sequential(nn.Embedding(9, 6), nn.Linear(6, 9))
        model[1].weight = model[0].weight
        return freeze(model, **SOURCE)

    one, two = tied(), tied()
    select(one, 0.5)
    two.load_state_dict(one.state_dict())
    assert torch.equal(two(torch.arange(9)), one(torch.arange(9)))
    assert torch.equal(two[0].weight, two[1].weight)


def test_copies_are_models_of_their_own_even_when_one_is_made_plain(found):
    twin, plain = copy.deepcopy(found), copy.deepcopy(found)
    plain_model(plain)
    for model in (plain, twin, copy.copy(found), copy.deepcopy(twin)):
        assert torch.equal(model(inputs()), found(inputs()))
    select(twin, 0.7)
    assert not torch.equal(twin(inputs()), found(inputs()))
    plain_model(twin)


@pytest.mark.parametrize(
    "build", [lambda: nn.Linear(8, 8), lambda: nn.LSTM(8, 6, bidirectional=True), lambda: nn.GRUCell(8, 6)]
)
def test_removing_the_parametrization_leaves_the_masked_weight(build):
    model = freeze(build(), prune=0.2, lock=0.2)
    select(model, 0.5)
    x = torch.randn(3, 8)
    before = model(x)
    for name in list(model.parametrizations):
        parametrize.remove_parametrizations(model, name)
    after = model(x)
    one, two = (y[0] if isinstance(y, tuple) else y for y in (before, after))
    assert torch.equal(one, two)


def test_pickling_a_frozen_module_is_refused_and_points_to_the_state(found):
    for model in (found, found[0]):
        with pytest.raises(RuntimeError, match="only supported through state_dict"):
            torch.save(model, io.BytesIO())
    with pytest.raises(RuntimeError, match="only supported through state_dict"):
        copy.copy(found[0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_rounded_weights_are_another_source_unless_both_are_rounded(found, dtype):
    rounded, twin = copy.deepcopy(found).to(dtype), fresh().to(dtype)
    twin.load_state_dict(rounded.state_dict())
    assert torch.equal(twin(inputs().to(dtype)), rounded(inputs().to(dtype)))
    with pytest.raises(ValueError, match="other frozen weights"):
        fresh().load_state_dict(rounded.float().state_dict())
    # brought back to float32, both hold the same rounded numbers
    twin.float().load_state_dict(rounded.state_dict())
    assert torch.equal(twin(inputs()), rounded(inputs()))


def test_doubled_weights_are_the_same_source(found):
    twin = fresh().double()
    twin.load_state_dict(found.state_dict())
    expected = copy.deepcopy(found).double()(inputs().double())
    assert torch.equal(twin(inputs().double()), expected)
    again = fresh()
    again.load_state_dict(twin.state_dict())
    assert torch.equal(again(inputs()), found(inputs()))


@pytest.mark.parametrize("dtype", [torch.float16, torch.int8])
def test_a_cast_of_everything_leaves_positions_and_masks_alone(dtype):
    """Module.type casts integer buffers too; float16 has no whole numbers between 2048 and 2050."""
    model = freeze(nn.Linear(100, 100), lock=0.2)
    select(model, 0.5)
    (part,) = supermasks(model).values()
    free, mask = part.free.clone(), part.mask.clone()
    if dtype == torch.int8:
        with pytest.raises((ValueError, RuntimeError), match="floating|int8"):
            model.type(dtype)
        return
    model.type(dtype)
    for now, before in ((part.free, free), (part.mask, mask)):
        assert now.dtype == before.dtype  # torch.equal would cast both
        assert torch.equal(now, before)


@pytest.mark.filterwarnings("ignore:Complex modules are a new feature")
def test_a_cast_to_complex_numbers_is_refused(found):
    with pytest.raises(ValueError, match=r"0\.weight cannot be searched in dtype torch.complex64"):
        copy.deepcopy(found).to(torch.complex64)


def emptied(model):
    return model.to_empty(device="cpu")


@pytest.mark.parametrize("lose", [emptied, lambda model: model.to("meta").to_empty(device="cpu")])
def test_lost_weights_are_never_computed_with_saved_or_loaded_into(found, lose):
    model = lose(copy.deepcopy(found))
    with pytest.raises(ValueError, match=r"^0\.weight has lost its frozen weights"):
        model(inputs())
    with pytest.raises(ValueError, match=r"^0\.weight has lost its frozen weights"):
        model.state_dict()
    with pytest.raises(ValueError, match=r"^0\.weight has lost its frozen weights"):
        model.load_state_dict(found.state_dict())


def test_a_module_on_the_meta_device_tells_shapes_and_takes_no_state(found):
    model = copy.deepcopy(found).to("meta")
    assert model(inputs().to("meta")).shape == (3, 5)
    with pytest.raises(ValueError, match="has lost its frozen weights"):
        model.load_state_dict(found.state_dict(), assign=True)


def test_what_is_written_into_a_layers_weight_does_not_reach_the_frozen_numbers(found):
    model = copy.deepcopy(found)
    before = model(inputs())
    nn.init.zeros_(model[0].weight)
    with torch.no_grad():
        model[4].weight.mul_(2)
    model[4].weight.data.fill_(1)
    assert torch.equal(model(inputs()), before)


def test_norm_statistics_travel_with_the_state(found):
    twin = fresh()
    twin.load_state_dict(found.state_dict())
    assert not torch.equal(found[1].running_mean, torch.zeros(8))
    assert torch.equal(twin[1].running_mean, found[1].running_mean)


def warned(model):
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        model(inputs())
    return [str(warning.message) for warning in heard if issubclass(warning.category, NotSelected)]


def test_a_network_whose_masks_were_never_chosen_says_so_until_they_are():
    model = fresh()
    assert "never chosen" in warned(model)[0]
    assert "no mask chosen yet" in repr(model)
    twin = fresh()
    twin.load_state_dict(model.state_dict())
    assert "never chosen" in warned(twin)[0]
    assert "never chosen" in warned(copy.deepcopy(model))[0]
    select(model, 0.5)
    assert not warned(model)
    assert "no mask" not in repr(model)
    twin.load_state_dict(model.state_dict())
    assert not warned(twin)


def test_a_loop_that_selects_once_and_then_forgets_it_says_so():
    model = fresh().train()
    select(model, 0.5)
    optimiser = torch.optim.Adam(model.parameters())
    model(inputs()).sum().backward()
    assert not warned(model)
    optimiser.step()
    assert "have changed since" in warned(model)[0]
    select(model, 0.5)
    assert not warned(model)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.AdamW])
@pytest.mark.parametrize("scope", ["global", "layer"])
def test_masks_follow_every_step_of_a_hooked_optimiser(kind, scope):
    by_hook, by_hand = fresh().train(), fresh().train()
    optimisers = [kind([p for p in model.parameters() if p.requires_grad], lr=0.5) for model in (by_hook, by_hand)]
    handle = select_after_steps(optimisers[0], by_hook, 0.5, scope)
    select(by_hand, 0.5, scope)
    start = {name: part.mask.clone() for name, part in supermasks(by_hand).items()}
    for _ in range(3):
        for model, optimiser in zip((by_hook, by_hand), optimisers, strict=True):
            optimiser.zero_grad()
            model(inputs()).square().sum().backward()
            optimiser.step()
        select(by_hand, 0.5, scope)
    one, two = (supermasks(model) for model in (by_hook, by_hand))
    assert any(not torch.equal(two[name].mask, start[name]) for name in two)
    assert all(torch.equal(one[name].mask, two[name].mask) for name in two)
    handle.remove()
    by_hook(inputs()).sum().backward()
    optimisers[0].step()
    assert "have changed since" in warned(by_hook)[0]


def test_an_optimiser_of_other_parameters_is_not_hooked():
    plain = network()
    early = torch.optim.SGD(plain.parameters(), lr=0.1)
    model = freeze(plain, **SOURCE)
    with pytest.raises(ValueError, match="make it after freezing"):
        select_after_steps(early, model, 0.5)
    with pytest.raises(ValueError, match="make it after freezing"):
        select_after_steps(torch.optim.SGD(model.parameters(), lr=0.1), copy.deepcopy(model), 0.5)


def test_a_frozen_part_of_another_module_has_no_arguments_that_would_rebuild_it():
    part = fresh()
    assert frozen_with(part)["seed"] == 1
    with pytest.raises(ValueError, match=r"^1\.0\.weight was frozen as 0\.weight"):
        frozen_with(nn.Sequential(nn.Identity(), part))


def test_the_arguments_of_freeze_are_plain_values_that_freeze_takes_again():
    import json

    import numpy as np

    model = freeze(network(), prune=np.float32(0.25), lock=np.float64(0.25), seed=np.uint8(3), learn_norms=np.True_)
    arguments = json.loads(json.dumps(frozen_with(model)))
    again = freeze(network(), **arguments)
    again.load_state_dict(model.state_dict())
    assert arguments == frozen_with(again)


def test_a_mask_of_another_shape_or_dtype_is_refused():
    (part, *_) = supermasks(fresh()).values()
    for wrong in (torch.tensor([True]), part.mask.float(), part.mask[:-1], part.mask[:, None]):
        with pytest.raises(ValueError, match=r"0\.weight takes a mask of shape"):
            part.keep(wrong)


def test_keeping_everything_is_a_choice():
    class Problem:
        masks = supermasks(model := fresh())

    keep_all(Problem)
    assert not warned(Problem.model)
