"""A ticket file rebuilds its network to the bit, in a new process too, and notices every damage."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from torch import nn

from torch_backend import tickets
from torch_backend.models import build
from torch_backend.supermask import freeze, supermasks
from torch_backend.threshold import select
from torch_backend.ticket import main

SIZES = {"channels": 1, "size": 12, "classes": 3, "width": 0.1}
SOURCE = {"prune": 0.2, "lock": 0.2, "rule": "epl", "weights": "ku", "seed": 5}


def made(path, coding="packed", name="conv2", sizes=SIZES, **source):
    model = freeze(build(name, **sizes), **{**SOURCE, **source})
    select(model, 0.5)
    if name.startswith("resnet"):
        model.train()
        model(torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0)))  # moves the norms' statistics
    about = {"note": "test"}
    return model.eval(), tickets.save(path, model, architecture=name, sizes=sizes, coding=coding, about=about)


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


def test_a_new_process_gives_bit_identical_logits(tmp_path):
    model, _ = made(tmp_path / "t")
    x = torch.linspace(-1, 1, 2 * 144).reshape(2, 1, 12, 12)
    code = (
        "import sys, torch; from torch_backend import tickets;"
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


@given(st.data())
def test_any_changed_byte_is_noticed_and_nothing_is_executed(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("t") / "t"
    made(path)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged|no ticket") as caught:
        tickets.read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("length", [0, 5, 100, -1])
def test_a_truncated_file_is_one_clear_line(tmp_path, length):
    made(tmp_path / "t")
    content = (tmp_path / "t").read_bytes()
    (tmp_path / "t").write_bytes(content[:length])
    with pytest.raises(ValueError, match="damaged or no ticket file"):
        tickets.read(tmp_path / "t")


def test_another_format_version_and_another_model_are_refused(tmp_path):
    made(tmp_path / "t")
    with pytest.raises(ValueError, match="does not fit this model"):
        tickets.load(tmp_path / "t", build("conv2", **{**SIZES, "width": 0.2}))
    arrays = load_file(tmp_path / "t")
    text = json.dumps({"format": 2, "checksum": tickets.checksum({"format": 2}, arrays)})
    save_file(arrays, tmp_path / "t", metadata={"ticket": text})
    with pytest.raises(ValueError, match="format version"):
        tickets.read(tmp_path / "t")
    save_file({"bits": np.zeros(3, np.uint8)}, tmp_path / "t")
    with pytest.raises(ValueError, match="no ticket header"):
        tickets.read(tmp_path / "t")


def test_a_module_of_ones_own_goes_through_a_file(tmp_path):
    def fresh():
        return nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)

    model = freeze(fresh(), **SOURCE)
    select(model, 0.5)
    tickets.save(tmp_path / "t", model)
    with pytest.raises(ValueError, match="give a fresh one"):
        tickets.load(tmp_path / "t")
    rebuilt, _ = tickets.load(tmp_path / "t", fresh())
    x = torch.linspace(-1, 1, 80).reshape(1, 5, 16)
    assert torch.equal(model.eval()(x), rebuilt(x))


@pytest.mark.parametrize(("name", "sizes"), [("lstm", {"depth": 2}), ("transformer", {})])
@torch.no_grad()
def test_recurrent_and_attention_weights_are_exported_to_ordinary_modules(tmp_path, name, sizes):
    sizes = {**SIZES, **sizes}
    model, _ = made(tmp_path / "t", name=name, sizes=sizes)
    x = torch.linspace(-1, 1, 288).reshape(2, 1, 12, 12)
    expected = model(x)
    assert main(["export", str(tmp_path / "t"), "--to", str(tmp_path / "w.safetensors")]) == 0
    weights = {n: torch.from_numpy(a) for n, a in load_file(tmp_path / "w.safetensors").items()}
    # torch folds a product otherwise, and rounds it otherwise, if a weight requires a gradient, even under no_grad
    fresh = build(name, **sizes).eval().requires_grad_(False)
    fresh.load_state_dict(weights)
    assert torch.equal(fresh(x), expected)
    # and the model itself is ordinary again: its modules have their own classes, and a weight that is set is used
    plain = tickets.plain_model(model)
    assert [type(module) for module in plain.modules()] == [type(module) for module in fresh.modules()]
    for place, weight in weights.items():
        module, _, attribute = place.rpartition(".")
        setattr(plain.get_submodule(module), attribute, nn.Parameter(2 * weight, requires_grad=False))
    fresh.load_state_dict(plain.state_dict())
    assert torch.equal(plain(x), fresh(x))
    assert not torch.equal(plain(x), expected)


def test_the_command_tells_and_exports(tmp_path, capsys):
    model, ticket = made(tmp_path / "t")
    x = torch.linspace(-1, 1, 288).reshape(2, 1, 12, 12)
    expected = model(x)
    assert main(["info", str(tmp_path / "t")]) == 0
    text = capsys.readouterr().out
    assert f"{ticket.searchable:,} searchable" in text
    assert main(["verify", str(tmp_path / "t")]) == 0
    assert "names no data set" in capsys.readouterr().out
    assert main(["export", str(tmp_path / "t"), "--to", str(tmp_path / "w.safetensors")]) == 0
    plain = build("conv2", **SIZES)
    plain.load_state_dict({n: torch.from_numpy(a) for n, a in load_file(tmp_path / "w.safetensors").items()})
    assert torch.equal(plain(x), expected)
    assert main(["export", str(tmp_path / "t"), "--to", str(tmp_path / "w.pt")]) == 0
    plain.load_state_dict(torch.load(tmp_path / "w.pt", weights_only=True))
    assert torch.equal(plain(x), expected)
    with pytest.raises(ValueError, match="must end in"):
        main(["export", str(tmp_path / "t"), "--to", str(tmp_path / "w.bin")])


def test_a_plain_model_has_no_parametrization_left():
    model = freeze(build("conv2", **SIZES), **SOURCE)
    select(model, 0.5)
    x = torch.ones(1, 1, 12, 12)
    expected = model(x)
    plain = tickets.plain_model(model)
    assert torch.equal(plain(x), expected)
    assert not any("parametrizations" in name for name in plain.state_dict())


def test_sizes_of_the_presets_are_those_of_theory(capsys):
    assert main(["sizes"]) == 0
    lines = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if line.startswith(" ")}
    assert lines["resnet50-imagenet-frozen"][1] == "25,502,912"
    assert lines["resnet50-imagenet-frozen"][6] == "3.33x"
    assert lines["gin-arxiv-frozen"][1:4] == ["378,280", "0", "0.4"]
    for name, words in lines.items():
        if "-" in name:
            counted, formula = (int(words[k].replace(",", "")) for k in (4, 5))
            assert abs(counted - formula) <= 60  # whole numbers of frozen weights in each layer
