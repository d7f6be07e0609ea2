"""A ticket file rebuilds its network to the bit, in a new process too, from nothing but the model that was saved.

What cannot be rebuilt is not written; damage, other weights and words that do not fit are refused, each in one line.
"""

import copy
import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import nn

from torch_backend.masks.supermask import freeze, supermasks
from torch_backend.masks.threshold import select
from torch_backend.models import build
from torch_backend.tickets import files as tickets
from torch_backend.tickets.tensors import digest, encoded

SIZES = {"channels": 1, "size": 12, "classes": 3, "width": 0.1}
SOURCE = {"prune": 0.2, "lock": 0.2, "rule": "epl", "weights": "ku", "seed": 5}
MLP = {"channels": 1, "size": 5, "classes": 3, "width": 0.05}


def made(path, coding="packed", name="conv2", sizes=SIZES, **source):
    model = freeze(build(name, **sizes), **{**SOURCE, **source})
    select(model, 0.5)
    if name.startswith("resnet"):
        model.train()
        model(torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0)))  # moves the norms' statistics
    about = {"note": "test"}
    return model.eval(), tickets.save(path, model, architecture=name, sizes=sizes, coding=coding, about=about)


def searched(model, **source):
    """The module frozen, with masks of half of its weights."""
    freeze(model, **{**SOURCE, **source})
    select(model, 0.5)
    return model


def small():
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def same(a, b, x):
    with torch.no_grad():
        return torch.equal(a.eval()(x), b.eval()(x))


X = torch.linspace(-1, 1, 12).reshape(2, 6)


@pytest.mark.parametrize("coding", ["packed", "entropy"])
@pytest.mark.parametrize(("name", "sizes", "shape"), [
    ("conv2", SIZES, (2, 1, 12, 12)),
    ("resnet18", {"width": 0.1, "classes": 4}, (2, 3, 8, 8)),
])  # fmt: skip
@pytest.mark.parametrize("learn_norms", [False, True])
def test_the_rebuilt_network_gives_the_same_logits(tmp_path, coding, name, sizes, shape, learn_norms):
    model, written = made(tmp_path / "t", coding, name, sizes, learn_norms=learn_norms)
    rebuilt, read = tickets.load(tmp_path / "t")
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    assert torch.equal(model(x), rebuilt(x))
    assert read == written
    assert read.searchable == sum(len(mask.mask) for mask in supermasks(model).values())


@pytest.mark.long
def test_a_new_process_gives_bit_identical_logits(tmp_path):
    model, _ = made(tmp_path / "t")
    x = torch.linspace(-1, 1, 2 * 144).reshape(2, 1, 12, 12)
    code = (
        "import sys, torch; from torch_backend.tickets import files as tickets;"
        "m, _ = tickets.load(sys.argv[1]);"
        "print(m(torch.linspace(-1, 1, 288).reshape(2, 1, 12, 12)).detach().numpy().tobytes().hex())"
    )
    root = Path(__file__).parents[2]
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "t")], capture_output=True, text=True, check=True, cwd=root
    )
    assert found.stdout.strip() == model(x).detach().numpy().tobytes().hex()


def test_a_file_holds_one_bit_for_each_searchable_weight_and_little_else(tmp_path):
    _, ticket = made(tmp_path / "t", sizes={**SIZES, "width": 1.0, "size": 28})
    size = (tmp_path / "t").stat().st_size
    assert ticket.searchable / 8 <= size <= ticket.searchable / 8 + 3000


# what is saved: the model alone


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"seed": 2**64 - 1},
        {"rule": "erk"},
        {"weights": "skc"},
        {"scale": "dynamic"},
        {"scale": "static", "sparsity": 0.5},
        {"prune": 0, "lock": 0},
        {"prune": torch.tensor(0.25).item(), "lock": 0.1},
        {"learn_norms": True},
        {"weights": "given"},
        {"weights": "given", "scale": "dynamic"},
    ],
    ids=str,
)
def test_a_model_is_saved_with_the_arguments_that_it_was_frozen_with(tmp_path, source):
    before = nn.Sequential(*small(), nn.LayerNorm(3))
    model = searched(copy.deepcopy(before), **source)
    said = tickets.save(tmp_path / "t", model)
    fresh = before if source.get("weights") == "given" else nn.Sequential(*small(), nn.LayerNorm(3))
    rebuilt, read = tickets.load(tmp_path / "t", fresh)
    assert same(rebuilt, model, X)
    assert said == read
    assert {name: read.source[name] for name in source} == source
    assert read.architecture == tickets.OWN


def test_arguments_of_numpy_are_saved_as_what_they_are(tmp_path):
    import numpy as np

    model = searched(small(), seed=np.int64(7), prune=np.float32(0.2), lock=np.float64(0.2), learn_norms=np.bool_(0))
    tickets.save(tmp_path / "t", model)
    rebuilt, ticket = tickets.load(tmp_path / "t", small())
    assert same(rebuilt, model, X)
    assert [type(ticket.source[name]) for name in ("seed", "prune", "learn_norms")] == [int, float, bool]


def test_other_weights_than_the_given_ones_are_refused(tmp_path):
    trained = small()
    model = searched(copy.deepcopy(trained), weights="given")
    tickets.save(tmp_path / "t", model)
    assert same(tickets.load(tmp_path / "t", copy.deepcopy(trained))[0], model, X)
    other = copy.deepcopy(trained)
    kept = supermasks(model)["0.weight"].weight.flatten().nonzero()[0]
    other[0].weight.data.view(-1)[kept] += 1e-3  # one number of those that are used
    for module in (small(), other):
        with pytest.raises(ValueError, match="does not fit this model: it is a ticket over given weights"):
            tickets.load(tmp_path / "t", module)
    with pytest.raises(ValueError, match="of a module of your own: give a fresh one"):
        tickets.load(tmp_path / "t")


def test_a_known_architecture_over_given_weights_needs_them(tmp_path):
    trained = build("mlp", **MLP)
    model = searched(copy.deepcopy(trained), weights="given")
    tickets.save(tmp_path / "t", model, architecture="mlp", sizes=MLP)
    with pytest.raises(ValueError, match="a ticket over given weights: give them"):
        tickets.load(tmp_path / "t")
    assert same(tickets.load(tmp_path / "t", trained)[0], model, torch.ones(2, 1, 5, 5))
    with pytest.raises(ValueError, match="over given weights, and needs those"):
        tickets.load(tmp_path / "t", build("mlp", **MLP))


def blended(model):
    mask = supermasks(model)["0.weight"]
    mask.blend(torch.full_like(mask.scores, 0.5))


def redrawn(model):
    mask = supermasks(model)["0.weight"]
    mask.values.mul_(2)
    mask.keep(mask.mask, afresh=True)


def edited(model):
    supermasks(model)["2.weight"].weight[0, 0] += 1


def with_bias(model):
    model[0].bias.add_(1)


def with_a_head(model):
    model.append(nn.Linear(3, 2))


@pytest.mark.parametrize(
    ("change", "weights"),
    [*((change, weights) for change in (blended, edited, with_a_head) for weights in ("ku", "given")), (redrawn, "ku")],
)
def test_a_model_whose_ticket_would_be_another_one_is_not_written(tmp_path, change, weights):
    model = searched(small(), weights=weights)
    change(model)
    with pytest.raises(ValueError, match="is not written, for its ticket could not be loaded again: "):
        tickets.save(tmp_path / "t", model)
    assert list(tmp_path.iterdir()) == []


def test_constants_that_were_changed_are_not_written(tmp_path):
    model = searched(small())
    with_bias(model)
    with pytest.raises(ValueError, match="give other tensors than the model has"):
        tickets.save(tmp_path / "t", model)


def test_given_biases_travel_with_the_ticket(tmp_path):
    trained = small()
    model = searched(copy.deepcopy(trained), weights="given")
    with_bias_ = copy.deepcopy(trained)
    with_bias_[0].bias.data.add_(1)
    tickets.save(tmp_path / "t", model)
    assert same(tickets.load(tmp_path / "t", with_bias_)[0], model, X)


def test_blended_and_dynamic_all_kept_masks_of_given_weights_are_not_written_either(tmp_path):
    """Masks that keep everything and shares of one half: the copy that is read back must not start from the halves."""
    model = freeze(small(), weights="given", seed=1)
    for mask in supermasks(model).values():
        mask.blend(torch.full_like(mask.scores, 0.5))
    with pytest.raises(ValueError, match="weights blended"):
        tickets.save(tmp_path / "t", model)


def test_the_old_file_stays_when_a_ticket_is_not_written(tmp_path):
    model = searched(small())
    tickets.save(tmp_path / "t", model)
    before = (tmp_path / "t").read_bytes()
    blended(model)
    with pytest.raises(ValueError, match="not written"):
        tickets.save(tmp_path / "t", model)
    assert (tmp_path / "t").read_bytes() == before


@pytest.mark.parametrize(
    ("architecture", "sizes", "line"),
    [
        ("conv2", {**SIZES, "width": 0.2}, "does not fit its own sizes: layer 0.weight is"),
        ("conv4", SIZES, "does not fit its own sizes: layer 5.weight is missing|layer .* is"),
        ("conv2", {**SIZES, "colour": 1}, "size of conv2 must be one of"),
        ("conv2", {"width": float("nan")}, "sizes must hold texts, finite numbers"),
        ("conv2", {3: 1}, "sizes must have texts as names, got 3"),
        ("conv9", SIZES, "architecture must be one of own, conv2"),
    ],
)
def test_an_architecture_that_the_model_is_not_of_is_refused(tmp_path, architecture, sizes, line):
    model = searched(build("conv2", **SIZES))
    with pytest.raises(ValueError, match=line):
        tickets.save(tmp_path / "t", model, architecture=architecture, sizes=sizes)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("about", [{"a": float("nan")}, {1: 2}, {"a": {2: 1}}, {"a": torch.zeros(1)}, {"a": 2**64}])
def test_words_that_json_would_change_are_refused(tmp_path, about):
    with pytest.raises(ValueError, match="^about must h"):
        tickets.save(tmp_path / "t", searched(small()), about=about)
    with pytest.raises(ValueError, match="coding must be one of"):
        tickets.save(tmp_path / "t", searched(small()), coding="zip")


def test_what_is_not_frozen_or_frozen_in_parts_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not frozen"):
        tickets.save(tmp_path / "t", small())
    parts = nn.Sequential(searched(small()), searched(small(), seed=6))
    with pytest.raises(ValueError, match="frozen with different arguments|in another module"):
        tickets.save(tmp_path / "t", parts)
    with pytest.raises(ValueError, match="not written.*names of layers changed|frozen as 0.weight, in another module"):
        tickets.save(tmp_path / "t", nn.Sequential(searched(small())))  # frozen under other names


def test_masks_never_selected_keep_everything_and_stay_so(tmp_path):
    model = freeze(small(), **SOURCE)
    ticket = tickets.save(tmp_path / "t", model, coding="entropy")
    rebuilt, _ = tickets.load(tmp_path / "t", small())
    with warnings.catch_warnings(action="ignore"):  # that nothing was chosen
        assert same(model, rebuilt, X)
    assert all(layer.kept == layer.searchable for layer in ticket.layers)


def test_saving_and_loading_change_neither_the_model_nor_the_random_state(tmp_path):
    model = searched(nn.Sequential(*small(), nn.BatchNorm1d(3))).train()
    state, before = torch.get_rng_state(), {name: value.clone() for name, value in model.state_dict().items()}
    tickets.save(tmp_path / "t", model)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    select(model, 0.6)
    made(tmp_path / "u")
    fresh = nn.Sequential(*small(), nn.BatchNorm1d(3))
    torch.set_rng_state(state)
    tickets.save(tmp_path / "t", model)
    tickets.load(tmp_path / "t", fresh)
    tickets.load(tmp_path / "u")
    assert torch.equal(torch.get_rng_state(), state)


def test_a_model_in_training_mode_is_saved_with_its_statistics(tmp_path):
    def fresh():
        return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))

    model = searched(fresh()).train()
    model(torch.randn(9, 6, generator=torch.Generator().manual_seed(0)))
    tickets.save(tmp_path / "t", model)
    rebuilt, _ = tickets.load(tmp_path / "t", fresh())
    assert not rebuilt.training
    assert same(model, rebuilt, X)
    assert int(rebuilt[1].num_batches_tracked) == 1


# dtypes and layouts


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("learn_norms", [False, True])
@torch.no_grad()
def test_every_floating_dtype_makes_a_ticket_that_loads_to_the_same_bits(tmp_path, dtype, learn_norms):
    sizes = {"width": 0.05, "classes": 4, "affine": True}
    model = searched(build("resnet18", **sizes).to(dtype), learn_norms=learn_norms)
    x = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0)).to(dtype)
    model.train()(x)
    tickets.save(tmp_path / "t", model, architecture="resnet18", sizes=sizes)
    rebuilt, ticket = tickets.load(tmp_path / "t")
    assert same(model, rebuilt, x)
    assert {layer.dtype for layer in ticket.layers} == {str(dtype).removeprefix("torch.")}
    for name, value in model.state_dict().items():
        assert value.dtype == rebuilt.state_dict()[name].dtype
    tickets.save(tmp_path / "own", model)
    assert same(model, tickets.load(tmp_path / "own", build("resnet18", **sizes).to(dtype))[0], x)
    with pytest.raises(
        ValueError, match=r"its layer 0.weight is \w+ \(3, 3, 3, 3\) with 81 weights, \d+ searchable in the ticket and "
    ):
        tickets.load(tmp_path / "own", build("resnet18", **sizes))


def test_mixed_dtypes_are_kept_by_a_module_of_ones_own_and_refused_for_a_known_one(tmp_path):
    def fresh():
        model = build("mlp", **MLP)
        model[3].double()
        return model

    model = searched(fresh())
    tickets.save(tmp_path / "t", model)
    rebuilt, ticket = tickets.load(tmp_path / "t", fresh())
    assert [layer.dtype for layer in ticket.layers] == ["float32", "float64", "float32"]
    assert all(torch.equal(a.weight, b.weight) for a, b in zip(rebuilt[1::2], model[1::2], strict=True))
    with pytest.raises(ValueError, match="layers are of dtypes"):
        tickets.save(tmp_path / "t", model, architecture="mlp", sizes=MLP)


class Odd(nn.Module):
    """A searched layer beside tensors of a given dtype that lie in memory in every way, one named as a file's bits."""

    def __init__(self, dtype=torch.float32, start=0.0):
        super().__init__()
        self.layer = nn.Linear(6, 4, bias=False)
        grid = (torch.arange(6.0).reshape(2, 3) + start).to(dtype)
        floating = grid.is_floating_point() or grid.is_complex()
        self.bits = nn.Parameter(grid.flatten()[::2], requires_grad=floating)
        self.twin = self.bits
        self.register_buffer("turned", grid.t())
        self.register_buffer("wide", grid[:, :1].expand(2, 5))
        self.register_buffer("second", grid[:, ::2])
        self.register_buffer("one", grid[1, 1])
        self.register_buffer("none", None)
        self.register_buffer("empty", grid[:0])
        self.register_buffer("passing", torch.zeros(3), persistent=False)

    def forward(self, x):
        return self.layer(x)


@pytest.mark.parametrize(
    "dtype",
    [
        torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2,
        torch.complex64, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.uint16, torch.uint32,
        torch.uint64, torch.bool,
    ],
)  # fmt: skip
def test_tensors_of_every_dtype_and_layout_are_loaded_again(tmp_path, dtype):
    model = searched(Odd(dtype, 1.0))
    tickets.save(tmp_path / "t", model)
    rebuilt, _ = tickets.load(tmp_path / "t", Odd(dtype, 0.0))
    for name in ("bits", "turned", "wide", "second", "one", "empty"):
        held, back = getattr(model, name), getattr(rebuilt, name)
        assert (back.dtype, back.shape, back.tolist()) == (held.dtype, held.shape, held.tolist())
    assert rebuilt.twin is rebuilt.bits
    assert same(model, rebuilt, X)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (torch.zeros(2, dtype=torch.complex128), "odd must be of one of the dtypes .*; got complex128"),
        (torch.eye(2).to_sparse(), "odd must be a dense tensor"),
        (torch.zeros(2, device="meta"), "odd has no values yet"),
    ],
)
def test_tensors_that_no_file_holds_are_named(tmp_path, value, line):
    model = searched(small())
    model.register_buffer("odd", value)
    with pytest.raises(ValueError, match=line):
        tickets.save(tmp_path / "t", model)


class Extra(nn.Linear):
    def get_extra_state(self):
        return {"calls": 1}

    def set_extra_state(self, state):
        """Take nothing."""


class Closed(nn.Linear):
    def __deepcopy__(self, memo):
        raise RuntimeError("not twice")


@pytest.mark.parametrize(
    ("last", "line"), [(Extra, "1 has state that is no tensor"), (Closed, "cannot be copied: not twice")]
)
def test_modules_of_which_a_ticket_would_lose_something_are_named(tmp_path, last, line):
    model = searched(nn.Sequential(nn.Linear(6, 3), nn.Identity()))
    model[1] = last(3, 3)
    with pytest.raises(ValueError, match=line):
        tickets.save(tmp_path / "t", model)


def test_a_transposed_parameter_that_is_not_searched_is_loaded_again(tmp_path):
    def fresh():
        model = nn.Sequential(nn.Linear(6, 6), nn.Unflatten(1, (3, 2)), nn.LayerNorm((3, 2)))
        model[2].weight = nn.Parameter(torch.zeros(2, 3).t())
        return model

    model = searched(fresh(), learn_norms=True)
    model[2].weight.data.copy_(torch.arange(6.0).reshape(3, 2))
    tickets.save(tmp_path / "t", model)
    rebuilt, _ = tickets.load(tmp_path / "t", fresh())
    assert torch.equal(rebuilt[2].weight, model[2].weight)
    assert same(model, rebuilt, X)


def test_transposed_and_tied_weights_are_rebuilt(tmp_path):
    def fresh():
        model = nn.Sequential(nn.Embedding(5, 6), nn.Linear(6, 4), nn.Linear(4, 6), nn.Linear(6, 5))
        model[1].weight = nn.Parameter(torch.randn(6, 4).t())
        model[3].weight = model[0].weight
        return model

    model = searched(fresh())
    tickets.save(tmp_path / "t", model)
    rebuilt, ticket = tickets.load(tmp_path / "t", fresh())
    assert same(model, rebuilt, torch.arange(5))
    assert len(ticket.layers) == 3
    untied = fresh()
    untied[3] = nn.Linear(6, 5)
    with pytest.raises(ValueError, match="its layer 0.weight is .*|its layer 3.weight is missing in the ticket"):
        tickets.load(tmp_path / "t", untied)


def test_channels_last_weights_are_rebuilt_in_any_layout(tmp_path):
    def fresh(layout):
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2)).to(memory_format=layout)

    x = torch.linspace(-1, 1, 96).reshape(2, 3, 4, 4)
    model = searched(fresh(torch.channels_last))
    tickets.save(tmp_path / "t", model)
    for layout in (torch.channels_last, torch.contiguous_format):
        rebuilt, _ = tickets.load(tmp_path / "t", fresh(layout))
        assert torch.equal(rebuilt[0].weight, model[0].weight)
    assert same(model, tickets.load(tmp_path / "t", fresh(torch.channels_last))[0], x)


def test_the_plain_model_has_the_state_of_its_class(tmp_path):
    def fresh():
        model = nn.Sequential(
            nn.Embedding(5, 6), nn.Linear(6, 6), nn.BatchNorm1d(6), nn.LayerNorm(6), nn.Linear(6, 5), nn.Module()
        )
        model[4].weight = model[0].weight
        model[5].register_buffer("bias", torch.ones(2), persistent=False)  # looks like a constant and is none
        model[5].forward = lambda x: x
        return model

    model = searched(fresh()).train()
    model(torch.arange(5))
    x, other = torch.arange(5), fresh()
    expected = model.eval()(x)
    plain = tickets.plain_model(model)
    assert plain[4].weight is plain[0].weight
    assert plain.state_dict().keys() == other.state_dict().keys()
    assert dict(plain.named_parameters()).keys() == dict(other.named_parameters()).keys()
    other.load_state_dict(plain.state_dict())
    assert torch.equal(other.eval()(x), expected)
    assert torch.equal(plain(x), expected)
    assert [type(module) for module in plain.modules()] == [type(module) for module in other.modules()]
    freeze(plain, **SOURCE)  # and is as good as new


def test_a_plain_model_has_no_parametrization_left():
    model = searched(build("conv2", **SIZES))
    x = torch.ones(1, 1, 12, 12)
    expected = model(x)
    plain = tickets.plain_model(model)
    assert torch.equal(plain(x), expected)
    assert not any("parametrizations" in name for name in plain.state_dict())


def test_a_module_of_ones_own_goes_through_a_file(tmp_path):
    def fresh():
        return nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)

    model = searched(fresh())
    tickets.save(tmp_path / "t", model)
    with pytest.raises(ValueError, match="give a fresh one"):
        tickets.load(tmp_path / "t")
    rebuilt, _ = tickets.load(tmp_path / "t", fresh())
    x = torch.linspace(-1, 1, 80).reshape(1, 5, 16)
    assert torch.equal(model.eval()(x), rebuilt(x))


# what a model must be to be loaded into


def without_bias():
    return nn.Sequential(nn.Linear(6, 8, bias=False), nn.ReLU(), nn.Linear(8, 3))


def with_norm():
    return nn.Sequential(*small(), nn.BatchNorm1d(3))


def wider():
    return nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 3))


def half():
    return small().half()


@pytest.mark.parametrize(
    ("fresh", "line"),
    [
        (
            wider,
            r"its layer 0.weight is float32 \(8, 6\) with 48 weights, 22 searchable in the ticket and float32 \(9, 6\)",
        ),
        (half, "its layer 0.weight is float32 .* and float16"),
        (with_norm, "its tensor 3.running_mean is missing in the ticket and float32"),
        (without_bias, "another digest"),
        (lambda: searched(small()), "parametrized weights already"),
        (nn.ReLU, "no weights that can be searched"),
    ],
)
def test_a_module_that_does_not_fit_is_refused_with_what_differs(tmp_path, fresh, line):
    tickets.save(tmp_path / "t", searched(small()))
    with pytest.raises(ValueError, match=f"/t does not fit this model: .*{line}") as caught:
        tickets.load(tmp_path / "t", fresh())
    assert "\n" not in str(caught.value)


# paths


class Pathlike:
    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return str(self.path)


@pytest.mark.parametrize("kind", [str, Path, Pathlike])
def test_paths_are_texts_or_anything_like_a_path(tmp_path, kind):
    model = searched(small())
    tickets.save(kind(tmp_path / "t"), model)
    assert same(tickets.load(kind(tmp_path / "t"), small())[0], model, X)
    assert tickets.read(kind(tmp_path / "t"))[0].searchable


def test_a_folder_or_a_missing_folder_is_told_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(tickets, "pack", None)  # the work
    model = searched(small())
    with pytest.raises(OSError, match="is a folder"):
        tickets.save(tmp_path, model)
    with pytest.raises(OSError, match="none"):
        tickets.save(tmp_path / "none" / "t", model)
    with pytest.raises(ValueError, match="not a regular file"):
        tickets.load(tmp_path, small())
    assert list(tmp_path.iterdir()) == []


# damage


@given(st.data())
def test_any_changed_byte_is_noticed_and_nothing_is_executed(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("t") / "t"
    made(path)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged|no ticket|format version|not describe a ticket") as caught:
        tickets.read(path)
    assert str(path) in str(caught.value)


@pytest.mark.long
def test_every_single_byte_counts(tmp_path):
    """All places; changes of case, of a blank into a tab, of one bit and of all."""
    path = tmp_path / "t"
    tickets.save(path, searched(small()), about={"rate": 1e-05, "name": "é"})
    content = path.read_bytes()
    for place in range(len(content)):
        for change in (0x01, 0x20, 0x29, 0xFF):
            path.write_bytes(content[:place] + bytes([content[place] ^ change]) + content[place + 1 :])
            with pytest.raises(ValueError, match="damaged|no ticket|format version|not describe a ticket"):
                tickets.read(path)


@pytest.mark.parametrize("length", [0, 5, 100, -1])
def test_a_truncated_file_is_one_clear_line(tmp_path, length):
    made(tmp_path / "t")
    content = (tmp_path / "t").read_bytes()
    (tmp_path / "t").write_bytes(content[:length])
    with pytest.raises(ValueError, match="damaged or no ticket file"):
        tickets.read(tmp_path / "t")


def crafted(path, change, tensors=None, text=None):
    """Change what a ticket file says, and its tensors, and give it the right checksum."""
    content = path.read_bytes()
    header = json.loads(json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]["ticket"])
    del header["checksum"]
    change(header)
    held = {**load_file(path), **(tensors or {})}
    held = {name: value for name, value in held.items() if value is not None}
    said = digest(json.dumps(header, sort_keys=True), held)
    words = json.dumps({**header, "checksum": said}, sort_keys=True)
    path.write_bytes(encoded(held, {"ticket": words if text is None else text(words)}))


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "t"
    tickets.save(path, searched(build("mlp", **MLP)), architecture="mlp", sizes=MLP)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path, good):
    (tmp_path / "t").write_bytes(good)
    return tmp_path / "t"


def put(*place_and_value):
    """A change of one place in a header, or with no value its removal."""
    *place, last, value = place_and_value

    def change(header):
        for key in place:
            header = header[key]
        if value is GONE:
            del header[last]
        else:
            header[last] = value

    return change


GONE = object()
NESTED = json.loads("[" * 17 + "]" * 17)
SAYS_NOTHING = [
    put("format", GONE), put("format", "2"), put("format", 2.0), put("format", True), put("format", None),
    put("digest", GONE), put("digest", 3), put("digest", None),
    put("more", 1), put("self", 1),
    put("architecture", GONE), put("architecture", "conv9"), put("architecture", 3), put("architecture", ["mlp"]),
    put("sizes", GONE), put("sizes", []), put("sizes", "width"),
    put("about", GONE), put("about", None), put("about", 1e308),
    put("coding", GONE), put("coding", "zip"), put("coding", None), put("coding", ["packed"]),
    put("layers", GONE), put("layers", []), put("layers", {}), put("layers", 3), put("layers", "abcde"),
    put("layers", 0, []), put("layers", 0, "abcde"), put("layers", 0, None), put("layers", 0, {"a": 1}),
    put("layers", 0, 0, 1), put("layers", 0, 0, []), put("layers", 0, 0, "3.weight"),
    put("layers", 0, 1, "float99"), put("layers", 0, 1, "int64"), put("layers", 0, 1, []), put("layers", 0, 1, None),
    put("layers", 0, 2, "ab"), put("layers", 0, 2, [15, -25]), put("layers", 0, 2, [15.0, 25]),
    put("layers", 0, 2, [[15], 25]), put("layers", 0, 2, [True, 375]), put("layers", 0, 2, 375),
    put("layers", 0, 2, [10**12, 10**12]), put("layers", 0, 2, [2**63] * 9),
    put("layers", 0, 4, -1), put("layers", 0, 4, 10**12), put("layers", 0, 4, 1.5), put("layers", 0, 4, None),
    put("layers", 0, 4, True), put("layers", 0, 4, 0), put("layers", 0, 5, 10**6), put("layers", 0, 5, -1),
    put("layers", 0, 5, "1"), put("layers", 0, 5, [1]), put("layers", 0, 5, False),
    put("layers", 0, 3, 0), put("layers", 0, 3, 376), put("layers", 0, 3, 375.0), put("layers", 0, 3, 10**12),
    put("source", GONE), put("source", []), put("source", {}), put("source", "prune", GONE), put("source", "more", 1),
    put("source", "model", 1),
    put("source", "prune", "0.2"), put("source", "prune", None), put("source", "prune", True),
    put("source", "prune", 0),
    put("source", "prune", -0.1), put("source", "prune", 1.5), put("source", "prune", [0.2]),
    put("source", "lock", 0.9),
    put("source", "rule", "abc"), put("source", "rule", 1), put("source", "weights", None),
    put("source", "weights", []),
    put("source", "scale", "static"), put("source", "scale", {}), put("source", "scale", "x"),
    put("source", "sparsity", 0.1), put("source", "sparsity", "0.5"), put("source", "sparsity", False),
    put("source", "seed", -1), put("source", "seed", 1.0), put("source", "seed", True), put("source", "seed", "5"),
    put("source", "seed", None), put("source", "seed", [5]),
    put("source", "learn_norms", 0), put("source", "learn_norms", None), put("source", "learn_norms", "no"),
]  # fmt: skip


def one_line(call, match):
    start = time.perf_counter()
    with pytest.raises(ValueError, match=match) as caught:
        call()
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 600
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize("change", SAYS_NOTHING)
def test_a_header_with_the_right_checksum_that_describes_no_ticket_is_refused(path, change):
    crafted(path, change)
    one_line(lambda: tickets.read(path), "/t has a header that does not describe a ticket")
    one_line(lambda: tickets.load(path), "/t has a header that does not describe a ticket")


@pytest.mark.parametrize(
    "change",
    [put("about", "x", 2**64), put("about", "x", float("nan")), put("sizes", "width", float("inf")),
     put("about", "x", NESTED), put("source", "seed", 10**400)],
)  # fmt: skip
def test_a_header_that_is_not_the_json_that_is_written_is_refused(path, change):
    crafted(path, change)
    one_line(lambda: tickets.read(path), "/t is damaged: its header")


@pytest.mark.parametrize(
    "text",
    [
        lambda words: "[" * 10**4 + "]" * 10**4,
        lambda words: '{"a":' * 10**4 + "1" + "}" * 10**4,
        lambda words: "",
        lambda words: "9" * 5000,
        lambda words: words[:-1],
        lambda words: words.replace('"about"', '"about": {}, "about"'),
        lambda words: words.replace('"format": 2', '"format": 1, "format": 2'),
        lambda words: words.replace('"seed": 5', '"seed": ' + "5" * 5000),
        lambda words: words.replace('"lock": 0.2', '"lock": NaN'),
        lambda words: words.replace('"lock": 0.2', '"lock": 1e999'),
    ],
)
def test_a_ticket_header_that_is_no_json_is_refused(path, text):
    crafted(path, lambda header: None, text=text)
    one_line(lambda: tickets.read(path), "/t is damaged: ")


@pytest.mark.parametrize("text", ["[]", "null", "3", '"x"', "{}", '{"format": []}'])
def test_json_that_is_no_header_is_refused(path, text):
    crafted(path, lambda header: None, text=lambda words: text)
    one_line(lambda: tickets.read(path), "/t has a header that does not describe a ticket")


@pytest.mark.parametrize(
    "text",
    [
        lambda words: words.replace(", ", ","),
        lambda words: words.replace('"lock": 0.2', '"lock": 0.20'),
        lambda words: words.replace('"lock": 0.2', '"lock": 2E-1'),
        lambda words: json.dumps(dict(reversed(json.loads(words).items()))),
    ],
)
def test_the_same_words_in_another_form_are_not_the_file_that_was_written(path, text):
    crafted(path, lambda header: None, text=text)
    one_line(lambda: tickets.read(path), "its checksum is not that of its content")


@pytest.mark.parametrize("other", [1, 3, -1, 0, 2**63])
def test_another_format_version_is_refused_with_both_numbers(path, other):
    crafted(path, put("format", other))
    one_line(
        lambda: tickets.read(path), f"of format version {other}; this program reads format version {tickets.FORMAT}"
    )


def test_a_file_of_the_first_format_is_refused_with_both_numbers(tmp_path):
    """As it was written then: other words, a checksum of another kind."""
    layers = [["1.weight", 375, 100, 50]]
    header = {"about": {}, "architecture": "mlp", "coding": "packed", "format": 1, "layers": layers,
              "sizes": MLP, "source": SOURCE, "checksum": "0" * 32}  # fmt: skip
    save_file({"bits": torch.zeros(13, dtype=torch.uint8)}, tmp_path / "t", {"ticket": json.dumps(header)})
    one_line(lambda: tickets.read(tmp_path / "t"), "format version 1; this program reads format version 2$")


def bits(path):
    return load_file(path)["bits"]


@pytest.mark.parametrize(
    "tensors",
    [
        lambda b: {"bits": b.double()},
        lambda b: {"bits": b.to(torch.int8)},
        lambda b: {"bits": b.to(torch.bool)},
        lambda b: {"bits": b.to(torch.complex64)},
        lambda b: {"bits": b.to(torch.float8_e4m3fn)},
        lambda b: {"bits": b[None]},
        lambda b: {"bits": b[:, None]},
        lambda b: {"bits": b[0]},
        lambda b: {"bits": b[:-1]},
        lambda b: {"bits": b[:0]},
        lambda b: {"bits": torch.cat([b, b])},
        lambda b: {"other": b},
        lambda b: {"": b},
    ],
)
def test_bits_of_another_dtype_or_shape_are_refused(path, tensors):
    crafted(path, lambda header: None, tensors(bits(path)))
    one_line(lambda: tickets.read(path), "/t has a header that does not describe a ticket")


def test_a_file_without_bits_or_without_words_is_no_ticket(path):
    b = bits(path)
    crafted(path, lambda header: None, {"bits": None, "state.x": torch.zeros(1)})
    one_line(lambda: tickets.read(path), "it has no ticket header")
    save_file({"bits": b}, path)
    one_line(lambda: tickets.read(path), "it has no ticket header")
    save_file({"bits": b}, path, {"other": "x"})
    one_line(lambda: tickets.read(path), "it has no ticket header")


def flipped(b):
    b = b.clone()
    b[0] ^= 1
    return b


def padded(b):
    b = b.clone()
    b[-1] ^= 128
    return b


def moved(b):
    """Two bits swapped, so that every layer keeps as many as before: only the digest tells."""
    b = b.clone()
    b[:2] = b[:2].flip(0)
    return b


@pytest.mark.parametrize(
    ("change", "tensors", "line"),
    [
        (lambda h: None, lambda b: {"bits": flipped(b)}, "is damaged: a layer has"),
        (lambda h: None, lambda b: {"bits": padded(b)}, "is damaged: there is more than the layers' bits"),
        (lambda h: None, lambda b: {"bits": moved(b)}, "another digest"),
        (
            lambda h: None,
            lambda b: {"state.x": torch.zeros(1)},
            "its tensor x is float32 .1,. in the ticket and missing",
        ),
        (put("digest", "0" * 32), lambda b: {}, "another digest"),
        (put("digest", "short"), lambda b: {}, "another digest"),
        (put("source", "seed", 6), lambda b: {}, "another digest|searchable"),
        (put("source", "weights", "skc"), lambda b: {}, "another digest"),
        (put("source", "weights", "given"), lambda b: {}, "over given weights: give them"),
        (put("source", "scale", "dynamic"), lambda b: {}, "another digest"),
        (put("source", "prune", 0.3), lambda b: {}, "in the ticket and .* in the model"),
        (put("architecture", "own"), lambda b: {}, "module of your own"),
        (put("architecture", "conv2"), lambda b: {}, "sizes"),
        (put("architecture", "gin"), lambda b: {}, "sizes"),
        (put("sizes", "width", "0.1"), lambda b: {}, "sizes that mlp does not take"),
        (put("sizes", "width", 1e300), lambda b: {}, "sizes that mlp does not take"),
        (put("sizes", "width", 1e-300), lambda b: {}, "sizes that mlp does not take"),
        (put("sizes", "width", []), lambda b: {}, "sizes that mlp does not take"),
        (put("sizes", "classes", 2**62), lambda b: {}, "sizes that mlp does not take|its own sizes"),
        (put("sizes", "classes", -3), lambda b: {}, "sizes that mlp does not take"),
        (put("sizes", "classes", {}), lambda b: {}, "sizes that mlp does not take"),
        (put("sizes", "hidden", 7), lambda b: {}, "sizes that mlp does not take"),
        (put("sizes", "hidden", "abc"), lambda b: {}, "sizes that mlp does not take"),
        (put("sizes", "hidden", [1] * 10**5), lambda b: {}, "they make more layers than the 3 that are listed"),
        (put("sizes", "name", "conv2"), lambda b: {}, "sizes that mlp does not take"),
        (put("sizes", "size", 10**7), lambda b: {}, "its own sizes: layer 1.weight is"),
        (put("sizes", "x" * 10**5, 1), lambda b: {}, "sizes that mlp does not take"),
        (put("sizes", "affine", True), lambda b: {}, "sizes that mlp does not take"),
        (put("layers", 0, 0, "0.weight"), lambda b: {}, "its own sizes: layer 0.weight is .* and missing"),
        (put("layers", 0, 1, "float16"), lambda b: {}, "layers are of dtypes"),
        (put("layers", 0, 2, [25, 15]), lambda b: {}, "its own sizes: layer 1.weight is .25, 15. in the ticket"),
    ],
)
def test_a_right_checksum_over_words_that_do_not_fit_is_refused_on_loading(path, change, tensors, line):
    crafted(path, change, tensors(bits(path)))
    tickets.read(path)
    one_line(lambda: tickets.load(path), f"/t .*({line})")


@pytest.mark.parametrize("name", ["gin", "lstm", "transformer"])
@pytest.mark.parametrize("depth", [10**12, 2**63])
def test_sizes_that_ask_for_layers_without_end_are_refused_at_once(path, name, depth):
    def change(header):
        header |= {"architecture": name, "sizes": {"depth": depth}}

    crafted(path, change)
    one_line(lambda: tickets.load(path), "they make more layers than the 3 that are listed")


@pytest.mark.parametrize("width", [10**6, 10**8])
def test_layers_that_no_machine_holds_are_refused_before_they_are_made(path, width):
    """10**12 weights and more, none of them searchable in a file of a kilobyte."""

    def change(header):
        header["sizes"] = {**MLP, "width": 1.0, "hidden": [width, width]}
        shapes = [[width, 25], [width, width], [3, width]]
        for layer, shape in zip(header["layers"], shapes, strict=True):
            layer[2:] = [shape, shape[0] * shape[1], 0, 0]
        header["coding"] = "entropy"

    crafted(path, change, {"bits": bits(path)[:0]})
    ticket, _ = tickets.read(path)
    assert ticket.weights > 10**12 - 1
    one_line(lambda: tickets.load(path), r"weights, which take about [\d,.]+ GiB to rebuild: this process")


def test_coded_bits_that_are_damaged_or_followed_by_others_are_refused(tmp_path):
    path = tmp_path / "t"
    tickets.save(path, searched(build("mlp", **MLP)), architecture="mlp", sizes=MLP, coding="entropy")
    good = path.read_bytes()
    b = bits(path)
    for changed in (flipped(b), torch.cat([b, b]), torch.cat([b, b[:4] * 0]), b[:-4], b[:-1], b[:0], b * 0):
        path.write_bytes(good)
        crafted(path, lambda header: None, {"bits": changed})
        one_line(lambda: tickets.load(path), "is damaged: |another digest")


@pytest.mark.long
@given(words=st.lists(st.integers(0, 2**32 - 1), max_size=40))
def test_random_coded_bits_are_refused_in_one_line(tmp_path_factory, words):
    path = tmp_path_factory.mktemp("t") / "t"
    tickets.save(path, searched(small()), coding="entropy")
    changed = torch.tensor(words, dtype=torch.int64).to(torch.int32).view(torch.uint8)
    crafted(path, lambda header: None, {"bits": changed})
    one_line(lambda: tickets.load(path, small()), "is damaged: |another digest")


@pytest.mark.parametrize(
    "change",
    [
        lambda t: {"state.2.running_mean": t["state.2.running_mean"].double()},
        lambda t: {"state.2.running_mean": t["state.2.running_mean"][:-1]},
        lambda t: {"state.2.running_mean": t["state.2.running_mean"][None]},
        lambda t: {"state.2.running_mean": None},
        lambda t: {"state.2.running_mean": None, "state.3.running_mean": t["state.2.running_mean"]},
        lambda t: {"state.2.num_batches_tracked": torch.tensor([0])},
        lambda t: {"state.": torch.zeros(1)},
    ],
)
def test_other_tensors_beside_the_bits_are_refused_by_name(tmp_path, change):
    def fresh():
        return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.BatchNorm1d(8))

    path = tmp_path / "t"
    tickets.save(path, searched(fresh()))
    crafted(path, lambda header: None, change(load_file(path)))
    one_line(lambda: tickets.load(path, fresh()), "does not fit this model: its tensor .* in the ticket and ")


def test_statistics_that_were_changed_with_the_checksum_do_not_have_the_digest(tmp_path):
    def fresh():
        return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8))

    path = tmp_path / "t"
    tickets.save(path, searched(fresh()))
    crafted(path, lambda header: None, {"state.1.running_mean": torch.ones(8)})
    one_line(lambda: tickets.load(path, fresh()), "another digest")


def test_the_checksum_covers_names_dtypes_and_shapes_of_tensors(path):
    """A tensor renamed, of another dtype or of another shape, with the same bytes."""
    held = load_file(path)
    words = path.read_bytes()[8 : 8 + int.from_bytes(path.read_bytes()[:8], "little")]
    words = json.loads(words)["__metadata__"]
    held["state.x"] = torch.zeros(4)
    header = json.loads(words["ticket"])
    del header["checksum"]
    words = {"ticket": json.dumps({**header, "checksum": tickets.checksum(header, held)}, sort_keys=True)}
    path.write_bytes(encoded(held, words))
    tickets.read(path)
    for name, value in (("x", torch.zeros(2, 2)), ("x", torch.zeros(4, dtype=torch.int32)), ("y", torch.zeros(4))):
        other = {"bits": held["bits"], f"state.{name}": value}
        path.write_bytes(encoded(other, words))
        one_line(lambda: tickets.read(path), "its checksum is not that of its content")


def test_a_header_of_megabytes_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="not written.*header"):
        tickets.save(tmp_path / "t", searched(small()), about={"text": "x" * 2**23})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_reading_takes_memory_in_proportion_to_the_file(tmp_path):
    """A header of lists without end, just within what is read."""
    code = (
        "import resource, sys; from torch_backend.tickets import files as tickets;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: tickets.read(sys.argv[1])\n"
        "except ValueError as error: print(error, file=sys.stderr)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    save_file({"bits": torch.zeros(1, dtype=torch.uint8)}, tmp_path / "t", {"ticket": "[" + "[]," * 1_390_000 + "[]]"})
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "t")], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert "does not describe a ticket" in found.stderr
    assert int(found.stdout) < 2**20 / 2  # kilobytes: half a gigabyte at most


def test_modes_of_new_files_follow_the_umask(tmp_path):
    tickets.save(tmp_path / "t", searched(small()))
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "t").stat().st_mode & 0o777 == 0o666 & ~umask


MODULES = {
    "gru": (lambda: nn.GRU(4, 5, 2, bidirectional=True), (torch.ones(3, 2, 4),)),
    "attention": (lambda: nn.MultiheadAttention(8, 2, kdim=4, vdim=6), [torch.ones(3, 1, n) for n in (8, 4, 6)]),
    "attention with biases": (lambda: nn.MultiheadAttention(8, 2, add_bias_kv=True), [torch.ones(3, 1, 8)] * 3),
    "encoder layer": (lambda: nn.TransformerEncoderLayer(8, 2, 16), (torch.ones(3, 1, 8),)),
    "padding": (lambda: nn.Embedding(7, 4, padding_idx=2), (torch.arange(7),)),
    "norms": (
        lambda: nn.Sequential(nn.Conv1d(3, 4, 3), nn.GroupNorm(2, 4), nn.InstanceNorm1d(4, affine=True)),
        (torch.linspace(-1, 1, 36).reshape(2, 3, 6),),
    ),
    "used twice": (lambda: nn.Sequential(*[nn.Linear(6, 6)] * 2), (X,)),
}


@pytest.mark.parametrize("name", MODULES)
@torch.no_grad()
def test_every_kind_of_module_comes_back_and_becomes_its_class_again(tmp_path, name):
    """Also from a copy, which leaves the frozen model as it is."""

    def out(module):
        found = module.eval()(*inputs)
        return found[0] if isinstance(found, tuple) else found

    fresh, inputs = MODULES[name]
    model = searched(fresh())
    tickets.save(tmp_path / "t", model)
    expected = out(model)
    assert torch.equal(out(tickets.load(tmp_path / "t", fresh())[0]), expected)
    plain = tickets.plain_model(copy.deepcopy(model))
    ordinary = fresh().requires_grad_(False)
    ordinary.load_state_dict(plain.state_dict())
    assert torch.equal(out(ordinary), expected)
    assert torch.equal(out(plain), expected)
    assert torch.equal(out(model), expected)


def test_a_module_that_draws_other_constants_is_refused(tmp_path):
    def drawn(seed):
        model = small()
        noise = torch.randn(3, generator=torch.Generator().manual_seed(seed))
        model.register_buffer("noise", noise, persistent=False)
        return model

    tickets.save(tmp_path / "t", searched(drawn(0)))
    tickets.load(tmp_path / "t", drawn(0))
    with pytest.raises(ValueError, match="another digest than what was saved"):
        tickets.load(tmp_path / "t", drawn(1))
