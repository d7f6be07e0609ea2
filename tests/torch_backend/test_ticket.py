"""The ticket command: what it prints and exports, and each way in which verify says no."""

import json
import os
import stat

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from slt.cli import dispatch as command
from slt.core.command import run
from torch_backend.commands import ticket
from torch_backend.commands.ticket import main
from torch_backend.data import fingerprint, load
from torch_backend.masks.supermask import freeze
from torch_backend.masks.threshold import select
from torch_backend.models import build
from torch_backend.tickets import files as tickets
from torch_backend.tickets.tensors import digest, encoded
from torch_backend.training.tasks import ImageTask

SIZES = {"channels": 1, "size": 12, "classes": 3, "width": 0.1}
MNIST = {"channels": 1, "size": 28, "classes": 10, "width": 0.1}
SOURCE = {"prune": 0.2, "lock": 0.2, "seed": 5}


def made(path, name="conv2", sizes=SIZES, about=None, **source):
    model = freeze(build(name, **sizes), **{**SOURCE, **source})
    select(model, 0.5)
    return model.eval(), tickets.save(path, model, architecture=name, sizes=sizes, about=about)


def said(capsys, *words):
    """Exit code, output and error of the command."""
    code = run(command, ["ticket", *map(str, words)], "ticket")
    found = capsys.readouterr()
    return code, found.out, found.err


def refused(capsys, *words):
    """The one line with which the command refuses."""
    code, out, err = said(capsys, *words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    return err


def test_the_command_tells_and_exports(tmp_path, capsys):
    model, found = made(tmp_path / "t")
    x = torch.linspace(-1, 1, 288).reshape(2, 1, 12, 12)
    expected = model(x)
    assert main(["info", str(tmp_path / "t")]) == 0
    text = capsys.readouterr().out
    assert f"{found.searchable:,} searchable" in text
    assert main(["verify", str(tmp_path / "t")]) == 0
    assert "names no data set" in capsys.readouterr().out
    for suffix, reader in (("safetensors", load_file), ("pt", lambda path: torch.load(path, weights_only=True))):
        to = tmp_path / f"w.{suffix}"
        assert main(["export", str(tmp_path / "t"), "--to", str(to)]) == 0
        plain = build("conv2", **SIZES)
        plain.load_state_dict(reader(to))
        assert torch.equal(plain(x), expected)


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


# export


@pytest.mark.parametrize(("name", "sizes"), [("lstm", {"depth": 2}), ("transformer", {})])
@torch.no_grad()
def test_recurrent_and_attention_weights_are_exported_to_ordinary_modules(tmp_path, name, sizes):
    sizes = {**SIZES, **sizes}
    model, _ = made(tmp_path / "t", name, sizes)
    x = torch.linspace(-1, 1, 288).reshape(2, 1, 12, 12)
    expected = model(x)
    assert main(["export", str(tmp_path / "t"), "--to", str(tmp_path / "w.safetensors")]) == 0
    weights = load_file(tmp_path / "w.safetensors")
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


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
@pytest.mark.parametrize("learn_norms", [False, True])
@pytest.mark.parametrize("scale", ["none", "dynamic"])
@torch.no_grad()
def test_an_export_is_complete_for_networks_whose_norms_have_a_scale_and_a_shift(tmp_path, suffix, learn_norms, scale):
    sizes = {"width": 0.05, "classes": 4, "affine": True}
    model = freeze(build("resnet18", **sizes), **SOURCE, learn_norms=learn_norms, scale=scale)
    select(model, 0.5)
    x = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    model.train()(x)
    tickets.save(tmp_path / "t", model, architecture="resnet18", sizes=sizes)
    assert main(["export", str(tmp_path / "t"), "--to", str(tmp_path / f"w.{suffix}")]) == 0
    path = tmp_path / f"w.{suffix}"
    weights = load_file(path) if suffix == "safetensors" else torch.load(path, weights_only=True)
    fresh = build("resnet18", **sizes)
    fresh.load_state_dict(weights)  # every name, and no other
    assert torch.equal(fresh.eval()(x), model.eval()(x))


def test_exports_keep_the_dtype(tmp_path):
    model = freeze(build("mlp", **SIZES).bfloat16(), **SOURCE)
    select(model, 0.5)
    tickets.save(tmp_path / "t", model, architecture="mlp", sizes=SIZES)
    assert main(["export", str(tmp_path / "t"), "--to", str(tmp_path / "w.safetensors")]) == 0
    weights = load_file(tmp_path / "w.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.bfloat16}
    assert all(torch.equal(weight, model.get_submodule(name[0]).weight) for name, weight in weights.items())


@pytest.mark.parametrize("to", ["w.bin", "w", "w.safetensors.gz", "w.PT"])
def test_an_unknown_ending_is_told_before_the_work(tmp_path, capsys, monkeypatch, to):
    made(tmp_path / "t")
    monkeypatch.setattr(tickets, "load", None)
    assert "--to must end in .safetensors, .pt or .onnx, got" in refused(
        capsys, "export", tmp_path / "t", "--to", tmp_path / to
    )


def test_packages_that_are_missing_for_onnx_are_told_before_the_work(tmp_path, capsys, monkeypatch):
    made(tmp_path / "t")
    monkeypatch.setattr(tickets, "load", None)
    monkeypatch.setattr("torch_backend.commands.ticket.find_spec", lambda name: None)
    said = refused(capsys, "export", tmp_path / "t", "--to", tmp_path / "w.onnx")
    assert "ONNX needs two packages more: pip install onnx onnxscript" in said


def test_places_that_cannot_be_written_are_told_before_the_work(tmp_path, capsys, monkeypatch):
    made(tmp_path / "t.pt")
    monkeypatch.setattr(tickets, "load", None)
    (tmp_path / "loop.pt").symlink_to(tmp_path / "loop.pt")
    (tmp_path / "a.pt").symlink_to(tmp_path / "b.pt")
    (tmp_path / "b.pt").symlink_to(tmp_path / "a.pt")
    (tmp_path / "in").symlink_to(tmp_path / "in")
    (tmp_path / "folder.pt").mkdir()
    (tmp_path / "file").touch()
    os.link(tmp_path / "t.pt", tmp_path / "hard.pt")
    (tmp_path / "soft.pt").symlink_to(tmp_path / "t.pt")
    for to, line in {
        "loop.pt": "loop", "a.pt": "a.pt", "in/w.pt": "in", "folder.pt": "folder", "none/w.pt": "none",
        "file/w.pt": "file", "hard.pt": "another file than the ticket", "soft.pt": "another file than the ticket",
        "t.pt": "another file than the ticket", "x" * 300 + ".pt": "x",
    }.items():  # fmt: skip
        before = (tmp_path / "t.pt").read_bytes()
        assert line in refused(capsys, "export", tmp_path / "t.pt", "--to", tmp_path / to)
        assert (tmp_path / "t.pt").read_bytes() == before


@pytest.mark.parametrize("what", ["info", "verify", "export"])
def test_files_that_are_no_tickets_end_in_one_line(tmp_path, capsys, what):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    more = ["--to", tmp_path / "w.pt"] if what == "export" else []
    for name in ("loop", "empty", "pipe", "none", "."):
        assert str(tmp_path / name) in refused(capsys, what, tmp_path / name, *more)


# files whose checksum is right


def crafted(path, change, tensors=None):
    content = path.read_bytes()
    header = json.loads(json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]["ticket"])
    del header["checksum"]
    change(header)
    held = {**load_file(path), **(tensors or {})}
    words = json.dumps({**header, "checksum": digest(json.dumps(header, sort_keys=True), held)}, sort_keys=True)
    path.write_bytes(encoded(held, {"ticket": words}))


@pytest.mark.parametrize("what", ["info", "verify", "export"])
def test_hostile_headers_end_in_one_line(tmp_path, capsys, what):
    more = ["--to", tmp_path / "w.pt"] if what == "export" else []
    made(tmp_path / "t")
    bits = load_file(tmp_path / "t")["bits"]
    for words in ("[" * 10**4 + "]" * 10**4, '{"a":' * 10**4 + "1" + "}" * 10**4):
        (tmp_path / "u").write_bytes(encoded({"bits": bits}, {"ticket": words}))
        assert "damaged" in refused(capsys, what, tmp_path / "u", *more)
    crafted(tmp_path / "t", lambda header: None, {"bits": bits.double()})
    assert "bits must be a list of bytes, got float64" in refused(capsys, what, tmp_path / "t", *more)
    assert not (tmp_path / "w.pt").exists()


def test_info_shows_names_that_would_write_to_the_terminal_as_what_they_are(tmp_path, capsys):
    made(tmp_path / "t", about={"note": "\x1b[2J \ud800 [red]"})

    def rename(header):
        header["layers"][0][0] = "\x1b[2J\ud800[/b]"

    crafted(tmp_path / "t", rename)
    code, out, _ = said(capsys, "info", tmp_path / "t")
    assert code == 0
    assert r"\x1b[2J\ud800[/b]" in out
    assert r"\x1b[2J \ud800 [red]" in out
    assert "\x1b" not in out


def test_large_networks_are_announced_before_they_are_rebuilt(tmp_path, capsys, monkeypatch):
    _, found = made(tmp_path / "t")
    monkeypatch.setattr(ticket, "LARGE", found.weights)
    assert said(capsys, "verify", tmp_path / "t")[1].startswith(
        f"rebuilding {found.weights:,} weights takes about 0.0 GiB"
    )
    monkeypatch.setattr(ticket, "LARGE", found.weights + 1)
    assert "rebuilding" not in said(capsys, "verify", tmp_path / "t")[1]


# verify


@pytest.fixture
def about(data):
    """What a search would say of the network made by the fixture below."""
    images = load("mnist", data, seed=5)
    model = freeze(build("mlp", **MNIST), **SOURCE)
    select(model, 0.5)
    accuracy = ImageTask(images, 0, 1, False).accuracy(model, "validation")
    return {"data_set": "mnist", "images": 0, "data": fingerprint(images), "validation": accuracy}


@pytest.fixture
def path(tmp_path, about):
    made(tmp_path / "t", "mlp", MNIST, about)
    return tmp_path / "t"


def test_verify_says_yes_to_what_is_as_it_says(path, data, about, capsys):
    code, out, _ = said(capsys, "verify", path, "--data", data)
    assert code == 0
    assert f"the file says validation {about['validation']:.2%}" in out


def say(**words):
    return lambda header: header["about"].update(words)


@pytest.mark.parametrize("off", [0.5, -0.05, 0.05, 3 / 60])
def test_verify_says_no_to_another_accuracy(path, data, about, capsys, off):
    """60 images for validation, of which rounding may turn two and a half."""
    assert 0.05 < about["validation"] < 0.5
    crafted(path, say(validation=about["validation"] + off))
    code, out, _ = said(capsys, "verify", path, "--data", data)
    assert code == 1
    assert "the file says validation" in out
    crafted(path, say(validation=about["validation"] + 2 / 60))
    assert said(capsys, "verify", path, "--data", data)[0] == 0


def test_verify_compares_nothing_where_the_file_says_nothing(path, data, capsys):
    crafted(path, say(validation=None, data=None))
    code, out, _ = said(capsys, "verify", path, "--data", data)
    assert code == 0
    assert "the file says validation nothing" in out


def test_verify_refuses_other_data_before_it_tests(path, data, capsys, monkeypatch):
    monkeypatch.setattr(ticket, "ImageTask", None)
    crafted(path, say(data="0000000000"))
    code, _, err = said(capsys, "verify", path, "--data", data)
    assert code == 2
    assert f"found on other data than mnist in {data}" in err


@pytest.mark.parametrize("place", ["train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte", "train-images-idx3-ubyte"])
def test_verify_refuses_changed_files_of_the_data_set(path, data, capsys, place):
    file = data / "MNIST" / "raw" / place
    content = np.frombuffer(file.read_bytes(), np.uint8).copy()
    content[16:] ^= 1
    file.write_bytes(content.tobytes())
    code, _, err = said(capsys, "verify", path, "--data", data)
    assert code == 2
    assert "other data" in err


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda header: header.update(digest="0" * 32), "another digest"),
        (lambda header: header["source"].update(seed=6), "another digest"),
        (lambda header: header["source"].update(weights="skc"), "another digest"),
        (say(data_set="letters"), "data set must be one of"),
        (say(data_set=["mnist"]), "data set must be one of"),
        (say(data_set=5), "data set must be one of"),
        (say(data_set="cora"), "cora is a graph|Planetoid/Cora"),
        (say(images="all"), "the number of images must be a whole number"),
        (say(images=-1), "the number of images must be at least 0"),
        (say(images=2.5), "the number of images must be a whole number"),
        (say(images=10**9), "images must be at most"),
        (say(validation="high"), "the validation accuracy that the file says must be a number"),
        (say(validation=1.5), "must lie in"),
        (say(validation=-0.1), "must lie in"),
        (say(validation=[0.5]), "must be a number"),
        (say(data=5), "other data"),
        (say(data=["x"]), "other data"),
    ],
)
def test_verify_refuses_words_that_make_no_sense(path, data, capsys, change, line):
    crafted(path, change)
    code, _, err = said(capsys, "verify", path, "--data", data)
    assert code == 2
    assert err.count("\n") == 1
    assert any(part in err for part in line.split("|"))


@pytest.mark.parametrize(
    ("name", "sizes", "line"),
    [
        ("mlp", {**MNIST, "classes": 3}, "has classes 3, but mnist needs 10"),
        ("mlp", {**MNIST, "size": 12}, "has size 12, but mnist needs 28"),
        ("mlp", {**MNIST, "channels": 3}, "has channels 3, but mnist needs 1"),
        ("resnet18", {"width": 0.03}, "has channels 3, but mnist needs 1"),
        ("gin", {"width": 0.03}, "model gin does not take images, which mnist is"),
    ],
)
def test_verify_refuses_a_network_that_the_data_do_not_fit(tmp_path, data, capsys, name, sizes, line):
    made(tmp_path / "t", name, sizes, {"data_set": "mnist"})
    code, _, err = said(capsys, "verify", tmp_path / "t", "--data", data)
    assert code == 2
    assert line in err


def test_verify_refuses_other_dtypes_than_data_have(tmp_path, data, capsys):
    model = freeze(build("mlp", **MNIST).half(), **SOURCE)
    select(model, 0.5)
    tickets.save(tmp_path / "t", model, architecture="mlp", sizes=MNIST, about={"data_set": "mnist"})
    assert "the ticket's weights are float16" in said(capsys, "verify", tmp_path / "t", "--data", data)[2]


def test_verify_refuses_tickets_that_need_a_module(tmp_path, capsys):
    model = freeze(build("mlp", **SIZES), **SOURCE)
    select(model, 0.5)
    tickets.save(tmp_path / "t", model)
    assert "module of your own" in refused(capsys, "verify", tmp_path / "t")
    assert "module of your own" in refused(capsys, "export", tmp_path / "t", "--to", tmp_path / "w.pt")
    assert said(capsys, "info", tmp_path / "t")[0] == 0


def test_exports_have_the_modes_of_other_files(tmp_path):
    made(tmp_path / "t")
    umask = os.umask(0)
    os.umask(umask)
    main(["export", str(tmp_path / "t"), "--to", str(tmp_path / "w.pt")])
    assert stat.S_IMODE((tmp_path / "w.pt").stat().st_mode) == 0o666 & ~umask


def test_epochs_are_counted_from_1_where_a_person_reads_them(tmp_path, capsys):
    model = freeze(build("mlp", **SIZES), **SOURCE)
    select(model, 0.5)
    tickets.save(tmp_path / "t", model, architecture="mlp", sizes=SIZES, about={"best_epoch": 0, "seed": 3})
    assert main(["info", str(tmp_path / "t")]) == 0
    assert "'best_epoch': 1, 'seed': 3" in capsys.readouterr().out
    assert main(["info", str(tmp_path / "t"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["about"]["best_epoch"] == 0
