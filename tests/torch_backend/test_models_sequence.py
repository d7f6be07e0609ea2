"""Recurrent and attention networks: sizes, what they compute, and that they freeze, train and travel as any other."""

import json
import math
import os

import pytest
import torch
from torch import nn
from torch.nn import functional

from slt.cli import dispatch as command
from torch_backend.masks.supermask import freeze, supermasks
from torch_backend.masks.threshold import select
from torch_backend.models import build
from torch_backend.models.sequence import position_code
from torch_backend.tickets import files as tickets
from torch_backend.tickets.sizes import meta_model
from torch_backend.training.settings import PRESETS, Settings
from torch_backend.training.start import prepared

NAMES = ("lstm", "transformer")
SMALL = {"size": 6, "hidden": 16, "classes": 3}
SOURCE = {"prune": 0.25, "lock": 0.25, "rule": "epl", "weights": "ku", "seed": 5}


def images(count=4, channels=1, size=6):
    return torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(1))


def sizes(model):
    return [parameter.numel() for parameter in model.parameters()]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 32)])
def test_an_image_becomes_one_logit_a_class(name, depth, channels, size):
    model = build(name, width=0.25, channels=channels, size=size, classes=7, depth=depth)
    assert model(images(2, channels, size)).shape == (2, 7)


def test_the_numbers_of_weights_are_those_of_four_gates_and_of_four_projections():
    assert sizes(build("lstm")) == [4 * 128 * 28, 4 * 128 * 128, 1_280]
    assert sizes(build("lstm", depth=2, width=0.5)) == [4 * 64 * 28, *[4 * 64 * 64] * 3, 640]
    layer = [3 * 64 * 64, 64 * 64, 2 * 64 * 64, 2 * 64 * 64]
    assert sizes(build("transformer")) == [28 * 64, *layer, *layer, 640]
    assert sum(sizes(build("transformer", affine=True))) == sum(sizes(build("transformer"))) + 2 * 2 * 2 * 64


@pytest.mark.parametrize(("width", "heads", "units"), [(0.3, 4, 16), (0.01, 4, 4), (0.6, 3, 36), (1.5, 1, 96)])
def test_hidden_units_are_rounded_down_to_a_multiple_of_the_heads(width, heads, units):
    model = build("transformer", width=width, heads=heads, hidden=64 if width > 0.1 else 128)
    assert model.embedding.out_features == units
    assert model.encoder.layers[1].self_attn.num_heads == heads
    assert model(images(2, 1, 28)).shape == (2, 10)


def test_an_lstm_reads_the_rows_from_the_top_and_keeps_the_last_state():
    model, x = build("lstm", channels=2, **SMALL), images(3, 2)
    h = c = torch.zeros(3, 16)
    for row in range(6):
        step = torch.cat([x[:, 0, row], x[:, 1, row]], 1)
        gates = step @ model.lstm.weight_ih_l0.T + h @ model.lstm.weight_hh_l0.T
        i, f, g, o = gates.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    torch.testing.assert_close(model(x), h @ model.head.weight.T)


def test_a_transformer_is_norms_after_attention_and_after_the_feed_forward_part():
    model, x = build("transformer", channels=2, depth=1, **SMALL), images(3, 2)
    layer = model.encoder.layers[0]
    h = torch.stack([torch.cat([x[:, 0, row], x[:, 1, row]], 1) for row in range(6)], 1)
    h = h @ model.embedding.weight.T + position_code(6, 16)
    q, k, v = (part.unflatten(2, (4, 4)).transpose(1, 2) for part in (h @ layer.self_attn.in_proj_weight.T).chunk(3, 2))
    mixed = (q @ k.transpose(2, 3) / 2).softmax(3) @ v  # 2 is the root of 4 units a head
    h = functional.layer_norm(h + mixed.transpose(1, 2).flatten(2) @ layer.self_attn.out_proj.weight.T, (16,))
    h = functional.layer_norm(h + (h @ layer.linear1.weight.T).relu() @ layer.linear2.weight.T, (16,))
    expected = h.mean(1) @ model.head.weight.T
    torch.testing.assert_close(model(x), expected)
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(x), expected)


@pytest.mark.parametrize("units", [1, 7, 8])
def test_the_position_code_is_sines_and_cosines_of_slower_and_slower_angles(units):
    received = position_code(5, units)
    for t in range(5):
        for place in range(units):
            angle = t / 10_000 ** ((place - place % 2) / units)
            expected = math.cos(angle) if place % 2 else math.sin(angle)
            assert float(received[t, place]) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_rows_matters(name):
    model, x = build(name, **SMALL), images()
    assert not torch.allclose(model(x), model(x.flip(2)), atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_frozen_weights_stay_and_searchable_ones_are_chosen_anew(name):
    model = freeze(build(name, depth=2, **SMALL), **SOURCE)
    masks = supermasks(model)
    assert sum(mask.size for mask in masks.values()) == sum(sizes(build(name, depth=2, **SMALL)))
    assert sorted(sizes(model)) == sorted(
        len(mask.scores) for mask in masks.values()
    )  # nothing but scores is a parameter
    searchable = sum(len(mask.scores) for mask in masks.values())
    assert searchable == pytest.approx(0.5 * sum(mask.size for mask in masks.values()), abs=2 * len(masks))
    select(model, 0.5)
    before = {layer: mask.weight.clone() for layer, mask in masks.items()}
    chosen = {layer: mask.mask.clone() for layer, mask in masks.items()}
    optimiser = torch.optim.AdamW(model.parameters(), 0.05, weight_decay=0.0)
    for _ in range(5):
        optimiser.zero_grad()
        functional.cross_entropy(model(images(12)), torch.arange(12) % 3).backward()
        optimiser.step()
        select(model, 0.5)
    for layer, mask in masks.items():
        frozen = torch.ones(mask.size, dtype=torch.bool)
        frozen[mask.free.long()] = False
        assert torch.equal(mask.weight.flatten()[frozen], before[layer].flatten()[frozen])
        assert not torch.equal(mask.mask, chosen[layer])  # every layer's scores have a gradient
        assert torch.equal(mask.weight.flatten()[mask.free.long()], torch.where(mask.mask, mask.values, 0.0))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("learn_norms", [False, True])
def test_a_ticket_file_rebuilds_the_network_to_the_bit(tmp_path, name, learn_norms):
    arguments = {**SMALL, **({"affine": learn_norms} if name == "transformer" else {})}
    source = {**SOURCE, "learn_norms": learn_norms}
    model = freeze(build(name, **arguments), **source)
    select(model, 0.5)
    for parameter in model.parameters():
        if parameter.ndim == 1 and parameter.requires_grad and (parameter == 1).all():
            parameter.data.mul_(1.5)  # a norm's scale, as if learnt
    written = tickets.save(tmp_path / "t", model.eval(), architecture=name, sizes=arguments)
    torch.manual_seed(99)
    rebuilt, read = tickets.load(tmp_path / "t")
    assert read == written
    assert torch.equal(rebuilt(images()), model(images()))
    with torch.no_grad():
        assert torch.equal(rebuilt(images()), model(images()))


@pytest.mark.parametrize("name", NAMES)
def test_the_search_command_writes_a_ticket_that_verifies(data, tmp_path, name):
    options = ["--preset", f"{name}-mnist-frozen", "--width", "0.25", "--epochs", "2", "--seeds", "1"]
    assert command(["search", *options, "--data", str(data), "--out", str(tmp_path / "runs")]) == 0
    ticket = next((tmp_path / "runs").rglob("ticket.safetensors"))
    assert command(["ticket", "verify", str(ticket), "--data", str(data)]) == 0


@pytest.mark.long
@pytest.mark.skipif("SLT_DATA" not in os.environ, reason="real data are not here: set SLT_DATA to their folder")
@pytest.mark.parametrize("name", NAMES)
def test_half_frozen_networks_learn_digits(tmp_path, name):
    options = ["--preset", f"{name}-mnist-frozen", "--images", "2500", "--epochs", "3", "--seeds", "1"]
    assert command(["search", *options, "--out", str(tmp_path)]) == 0
    # the largest class is 11 % of 10,000 test images: 0.5 is far above anything that ignores the image
    assert json.loads(next(tmp_path.rglob("result.json")).read_text())["test"] > 0.5


@pytest.mark.parametrize("name", NAMES)
def test_weight_training_starts_from_the_seed_alone(name):
    settings = Settings(name, "mnist", method="weights", sparsity=0.0)
    arguments = {**SMALL, **({"affine": True} if name == "transformer" else {})}
    logits = []
    for noise, seed in ((1, 0), (2, 0), (1, 1)):
        torch.manual_seed(noise)
        model = prepared(settings, seed, arguments)
        optimiser = torch.optim.SGD(model.parameters(), 0.1)
        for _ in range(2):
            optimiser.zero_grad()
            functional.cross_entropy(model(images()), torch.tensor([0, 1, 2, 0])).backward()
            optimiser.step()
        logits.append(model(images()))
    assert torch.equal(logits[0], logits[1])
    assert not torch.allclose(logits[0], logits[2])


def test_norms_learn_only_when_they_are_asked_to():
    assert all(parameter.ndim == 2 for parameter in build("transformer").parameters())
    norms = [m for m in build("transformer", affine=True).modules() if isinstance(m, nn.LayerNorm)]
    assert len(norms) == 4
    assert all((norm.weight == 1).all() and (norm.bias == 0).all() for norm in norms)
    with pytest.raises(ValueError, match="lstm has no norms"):
        build("lstm", affine=True)


@pytest.mark.parametrize("name", NAMES)
def test_the_presets_freeze_half_of_a_network_that_needs_no_memory(name):
    settings = PRESETS[f"{name}-mnist-frozen"]
    assert (settings.prune, settings.lock, settings.sparsity) == (0.25, 0.25, 0.5)
    assert sizes(meta_model(settings)) == sizes(build(name))


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        ("lstm", {"width": 0.001}, "width 0.001 leaves a layer of 128 units empty"),
        ("lstm", {"depth": 0}, "depth must be at least 1"),
        ("lstm", {"heads": 2}, "size of lstm must be one of channels, size, hidden, classes, depth; got 'heads'"),
        ("transformer", {"heads": 0}, "heads must be at least 1"),
        ("transformer", {"classes": 0}, "classes must be at least 1"),
        ("transformer", {"size": 0}, "size must be at least 1"),
    ],
)
def test_a_wrong_size_is_refused_with_one_line(name, options, line):
    with pytest.raises(ValueError, match=line):
        build(name, **options)
