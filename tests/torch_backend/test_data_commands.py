"""Data sets in commands: the digest of all data, one record a set, plans, and paths that come from outside."""

import json
import os
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from slt.cli import dispatch as command
from slt.core.command import run
from slt.core.places import data_root
from torch_backend.commands.plan import known
from torch_backend.data import GRAPHS, IMAGES, Graph, Images, Part, adjacency_of, fingerprint, load, record_of
from torch_backend.tickets.sizes import meta_model
from torch_backend.training.settings import PRESETS, Settings
from torch_backend.training.tasks import ImageTask

pytestmark = pytest.mark.usefixtures("one_thread")


# ---- the digest sees all of the data


def images(**changed):
    rng = torch.Generator().manual_seed(0)
    parts = {
        name: Part(torch.randint(0, 256, (20, 1, 4, 4), dtype=torch.uint8, generator=rng), torch.arange(20) % 3)
        for name in ("train", "validation", "test")
    }
    return Images(**{**parts, "mean": torch.tensor([0.5]), "std": torch.tensor([0.25]), "classes": 3, **changed})


def with_pixel(part, place):
    inputs = part.inputs.clone()
    inputs.view(-1)[place] ^= 1
    return Part(inputs, part.labels)


CHANGES = {
    **{f"the last pixel of {name}": lambda data, name=name: {name: with_pixel(getattr(data, name), -1)}
       for name in ("train", "validation", "test")},
    "a pixel in the middle": lambda data: {"train": with_pixel(data.train, 160)},
    "all but eight images black": lambda data: {
        "train": Part(data.train.inputs * (torch.arange(20) < 8)[:, None, None, None], data.train.labels)},
    "a label": lambda data: {"test": Part(data.test.inputs, data.test.labels.roll(1))},
    "the order": lambda data: {"train": Part(data.train.inputs.roll(1, 0), data.train.labels)},
    "the shape": lambda data: {"train": Part(data.train.inputs.reshape(20, 1, 2, 8), data.train.labels)},
    "an image less": lambda data: {"test": Part(data.test.inputs[:19], data.test.labels[:19])},
    "parts that change places": lambda data: {"train": data.test, "test": data.train},
    "the mean": lambda data: {"mean": data.mean + 1e-6},
    "the number of classes": lambda data: {"classes": 4},
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_every_value_of_the_images_is_in_their_fingerprint(change):
    data = images()
    assert fingerprint(images()) == fingerprint(data)
    assert fingerprint(replace(data, **CHANGES[change](data))) != fingerprint(data)


def test_the_layout_in_memory_is_not_in_the_fingerprint():
    data = images()
    last = replace(data, train=Part(data.train.inputs.to(memory_format=torch.channels_last), data.train.labels))
    assert fingerprint(last) == fingerprint(data)


def graph(sparse=False, ends=((0, 2), (1, 3)), **changed):
    adjacency, degrees = adjacency_of(4, np.array(ends))
    x = torch.arange(8.0).reshape(4, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, that the layout is new
        x = x.to_sparse_csr() if sparse else x
    fields = {"x": x, "labels": torch.tensor([0, 1, 0, 1]), "adjacency": adjacency, "degrees": degrees}
    parts = {"train": torch.tensor([0]), "validation": torch.tensor([1]), "test": torch.tensor([2, 3])}
    return Graph(**{**fields, **parts, "classes": 2, **changed})


@pytest.mark.parametrize("sparse", [True, False])
def test_every_value_of_a_graph_is_in_its_fingerprint(sparse):
    plain = fingerprint(graph(sparse))
    assert fingerprint(graph(sparse)) == plain
    zeros = torch.zeros(4, 2)
    swapped = torch.arange(8.0).reshape(4, 2).flip(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        features = [x.to_sparse_csr() if sparse else x for x in (zeros, swapped)]
    others = [graph(sparse, x=x) for x in features]
    others += [graph(sparse, ends=((0, 1), (2, 3)))]  # of the same degrees
    others += [graph(sparse, labels=torch.tensor([0, 1, 1, 1])), graph(sparse, classes=3)]
    others += [
        graph(sparse, test=torch.tensor([2])),
        graph(sparse, train=torch.tensor([1]), validation=torch.tensor([0])),
    ]
    found = [fingerprint(other) for other in others]
    assert len({plain, *found}) == 1 + len(others)


def test_image_files_are_in_the_fingerprint_by_all_of_their_bytes_and_not_by_their_place(tmp_path):
    write_pictures(tmp_path / "a")
    write_pictures(tmp_path / "b")
    plain = fingerprint(load("folder", tmp_path / "a"))
    assert fingerprint(load("folder", tmp_path / "b")) == plain
    assert fingerprint(load("folder", tmp_path / "b", size=32)) != plain
    path = tmp_path / "b" / "train" / "a" / "4.png"
    stamp = path.stat()
    Image.new("RGB", (24, 24)).save(path, compress_level=0)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert fingerprint(load("folder", tmp_path / "b")) != plain


def test_a_result_of_features_that_are_now_zero_is_not_served_again(data, tmp_path, capsys):
    options = ["search", "--model", "mlp", "--width", "0.1", "--data-set", "mnist", "--freeze", "0.5", "--epochs", "1"]
    options += ["--seeds", "1", "--data", str(data), "--out", str(tmp_path / "runs")]
    assert command(options) == 0
    path = data / "MNIST" / "raw" / "train-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[-1000:] = bytes(1000)  # the last image, and a bit of the one before
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match="was begun with data [0-9a-f]{10}|other data|with data"):
        command(options)


# ---- one record a data set


@pytest.mark.parametrize("name", [*IMAGES, *GRAPHS])
def test_every_data_set_is_planned_from_its_one_record(name, tmp_path, capsys):
    options = [
        "plan",
        "--model",
        "gin" if name in GRAPHS else "mlp",
        "--data-set",
        name,
        "--freeze",
        "0.4",
        "--no-time",
    ]
    if name == "folder":
        write_pictures(tmp_path)
    assert command([*options, "--data", str(tmp_path)]) == 0
    assert f"on {name}, sparsity 0." in capsys.readouterr().out


def test_steps_are_timed_for_a_graph_and_for_files_that_are_resized(tmp_path, capsys):
    write_pictures(tmp_path)
    assert command(["plan", "--model", "gin", "--width", "0.01", "--data-set", "cora"]) == 0
    assert "s a step of the graph" in capsys.readouterr().out
    options = ["plan", "--model", "mlp", "--width", "0.01", "--data-set", "folder", "--data", str(tmp_path)]
    assert command([*options, "--size", "12", "--batch", "3"]) == 0
    assert "s a step of 3 images" in capsys.readouterr().out


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("name", ["cora", "citeseer", "pages", "mnist", "cifar10", "tiny-imagenet-20"])
def test_the_records_say_what_the_real_files_hold(name):
    if "SLT_DATA" not in os.environ:
        pytest.skip("set SLT_DATA to the folder of the data sets to read the real ones")
    record, found = record_of(name), load(name)
    assert record.classes == found.classes
    if name in GRAPHS:
        held = len(found.x), found.adjacency.values().numel() // 2, found.x.shape[1]
        assert held == (record.nodes, record.edges, record.inputs)
    else:
        assert len(found.train) + len(found.validation) == record.images
        assert found.test.inputs.shape[1:] == (record.channels, record.size, record.size)


def test_the_record_of_a_folder_is_completed_by_its_files(tmp_path):
    settings = Settings("mlp", "folder", size=20)
    with pytest.raises(ValueError, match="only the files of data set folder say how many classes it has"):
        meta_model(settings)
    with pytest.raises(FileNotFoundError, match="train, val must be in .*; --data says where"):
        known(settings, str(tmp_path))
    write_pictures(tmp_path)
    record = known(settings, str(tmp_path))
    assert (record.classes, record.images) == (2, 20)
    assert [*meta_model(settings, record=record).parameters()][-1].shape[0] == 2


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--model", "gin", "--data-set", "mnist"], "model gin does not take the data of mnist"),
        (["--model", "mlp", "--data-set", "cora"], "model mlp does not take the data of cora"),
        (["--model", "mlp", "--data-set", "mnist", "--images", "60001"], "images must be at most 60000, got 60001"),
        (["--model", "gin", "--data-set", "cora", "--images", "9"], "cora is a graph: images must be 0, got 9"),
        (["--model", "mlp", "--data-set", "cifar10", "--size", "64"], "size must be 0 or 32"),
        (["--model", "mlp", "--data-set", "svhn"], "data set must be one of"),
        (["--model", "gin", "--data-set", "cora", "--depth", "1"], "depth must be at least 2"),
        (["--preset", "mlp-mnist-weights"], "there is no ticket to plan"),
        (["--preset", "mlp-mnist-weights", "gin-cora-weights"], "there is no ticket to plan"),
    ],
)
def test_what_cannot_be_planned_is_refused_in_one_line(words, line):
    with pytest.raises(ValueError, match=line):
        command(["plan", "--no-time", *words])


@pytest.mark.long(keep=1)
@pytest.mark.parametrize(
    ("words", "planned", "left"),
    [
        (["conv6-cifar10-*"], 4, ["conv6-cifar10-weights: weights are trained"]),
        (["*"], 44, [f"{name}: weights are trained" for name in PRESETS if name.endswith("weights")]),
        (["mlp-mnist-*", "--sparsity", "0.9", "--freeze", "0.97"], 4, ["mlp-mnist-weights: weights are trained"]),
        (["mlp-mnist-frozen", "gin-cora-frozen", "--images", "500"], 1, ["gin-cora-frozen: cora is a graph"]),
        (
            ["mlp-mnist-frozen", "gin-cora-frozen", "--learn-norms", "--size", "28"],
            1,
            ["gin-cora-frozen: a graph has no"],
        ),
    ],
)
def test_a_row_that_cannot_be_planned_is_left_out_with_a_line(words, planned, left, capsys):
    assert command(["plan", "--no-time", "--preset", *words]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert text.count(": feasible") == planned
    assert text.count("left out: ") == len(left)
    assert all(f"left out: {line}" in text for line in left)


def test_a_plan_whose_step_does_not_fit_into_memory_says_so(capsys, monkeypatch):
    def no_memory(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 999 bytes")

    monkeypatch.setattr("torch_backend.commands.plan.freeze", no_memory)
    assert command(["plan", "--model", "mlp", "--data-set", "mnist"]) == 0
    assert "Out of memory: a step cannot be timed" in capsys.readouterr().out


# ---- batches on their way to the model


@pytest.mark.parametrize("channels_last", [False, True])
def test_a_model_gets_contiguous_batches_unless_channels_last_is_asked_for(channels_last):
    data = images()
    last = Part(torch.randint(0, 256, (20, 3, 4, 4), dtype=torch.uint8).to(memory_format=torch.channels_last),
                data.train.labels)  # fmt: skip
    data = replace(data, train=last, validation=last, test=last, mean=torch.zeros(3), std=torch.ones(3))
    seen = []

    def model(x):
        seen.append(x)
        return torch.zeros(len(x), 3, requires_grad=True)

    class Model(torch.nn.Module):
        forward = staticmethod(model)

    task = ImageTask(data, 0, 8, False, channels_last)
    task.loss(Model(), 0, 0)
    task.accuracy(Model(), "test")
    task.logits(Model(), "test")
    task.ones(torch.float32)
    wanted = torch.channels_last if channels_last else torch.contiguous_format
    assert len(seen) == 3
    assert all(x.is_contiguous(memory_format=wanted) for x in seen)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"train": Part(torch.zeros(3, 1, 4, 4), torch.zeros(3, dtype=torch.int64))}, "train: images must be uint8"),
        ({"train": Part(torch.zeros(3, 4, 4, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64))}, "must be uint8"),
        ({"train": Part(torch.zeros(3, 1, 0, 4, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64))}, "must be"),
        ({"test": Part(torch.zeros(3, 1, 4, 4, dtype=torch.uint8), torch.zeros(3))}, "test labels must be int64"),
        ({"test": Part(torch.zeros(3, 1, 4, 4, dtype=torch.uint8), torch.tensor([0, 1, 3]))}, "must be 0 to 2, got 3"),
        ({"test": Part(torch.zeros(3, 1, 4, 4, dtype=torch.uint8), torch.tensor([0, 1, -1]))}, "0 to 2, got -1"),
        ({"test": Part(torch.zeros(4, 1, 4, 4, dtype=torch.uint8), torch.tensor([0, 1, 1]))}, "need as many labels"),
        ({"test": Part(torch.zeros(0, 1, 4, 4, dtype=torch.uint8), torch.zeros(0, dtype=torch.int64))}, "no image"),
        ({"mean": torch.zeros(3)}, "images of 1 channels need as many means"),
        ({"std": torch.zeros(1)}, "deviations above 0"),
        ({"classes": 0}, "classes must be at least 1"),
    ],
)  # fmt: skip
def test_images_from_other_code_are_right_or_refused(changed, line):
    with pytest.raises(ValueError, match=line):
        ImageTask(images(**changed), 0, 2, False)


def write_pictures(root, count=10, side=24):
    rng = np.random.default_rng(0)
    for part in ("train", "val"):
        for name in ("a", "b"):
            (root / part / name).mkdir(parents=True)
            for i in range(count):
                array = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
                Image.fromarray(array).save(root / part / name / f"{i}.png")


@pytest.mark.long
def test_a_narrow_residual_network_is_searched_on_three_hundred_small_pictures(tmp_path):
    write_pictures(tmp_path / "data", 75)
    words = [sys.executable, "-m", "slt", "search", "--model", "resnet18-imagenet", "--width", ".1",
             "--data-set", "folder", "--size", "32", "--data", str(tmp_path / "data"), "--epochs", "1", "--seeds", "1",
             "--images", "40", "--batch", "16", "--out", str(tmp_path / "runs")]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True)  # on its own: it ended in a segmentation fault
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1, done.stderr
    assert "seed 0: epoch 1 of 1, loss " in done.stderr
    row = json.loads(next((tmp_path / "runs").rglob("result.json")).read_text())
    assert row["settings"]["size"] == 32
    with pytest.raises(ValueError, match="--channels-last is for a GPU"):
        command([*words[3:], "--channels-last"])  # where torch's own kernels end so still
    ticket = str(next((tmp_path / "runs").rglob("ticket.safetensors")))
    assert command(["ticket", "verify", ticket, "--data", str(tmp_path / "data")]) == 0


# ---- paths that come from outside


@pytest.mark.parametrize("path", ["~nosuchuser/x", "~nosuchuser", "a\0b", ""])
def test_a_folder_that_cannot_be_is_refused_in_one_line(path, monkeypatch):
    with pytest.raises(ValueError, match="home folder is not known|must have a name"):
        data_root(path)
    if path and "\0" not in path:
        monkeypatch.setenv("SLT_DATA", path)
        with pytest.raises(ValueError, match="home folder is not known; give --data or SLT_DATA another folder"):
            data_root()


def test_without_a_home_the_default_is_refused_and_another_folder_is_not(monkeypatch):
    monkeypatch.delenv("SLT_DATA", raising=False)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", lambda _: (_ for _ in ()).throw(KeyError("uid")))
    with pytest.raises(ValueError, match="this home folder is not known; give --data or SLT_DATA another folder"):
        data_root()
    assert str(data_root("/x")) == "/x"


def test_an_empty_variable_is_as_none(monkeypatch):
    monkeypatch.setenv("HOME", "/h")
    monkeypatch.setenv("SLT_DATA", "")
    assert str(data_root()) == "/h/.cache/slt-verify"
    assert str(data_root("~/x")) == "/h/x"


COMMANDS = [
    ["search", "--model", "mlp", "--data-set", "mnist", "--seeds", "1"],
    ["positions", "--model", "mlp", "--data-set", "mnist", "--seeds", "1"],
    ["compare", "--model", "mlp", "--data-set", "mnist", "--seeds", "1"],
    ["jackpot", "--model", "mlp", "--data-set", "mnist", "--seeds", "1"],
    ["factors", "--plan", "tiny"],
    ["plan", "--model", "mlp", "--data-set", "folder"],
]


@pytest.mark.parametrize("data", ["~nosuchuser/x", "a\nb", "/dev/null", "x" * 300])
def test_a_wrong_folder_ends_every_command_in_one_line_with_code_2(tmp_path, data, capsys):
    for words in COMMANDS:
        out = [] if words[0] == "plan" else ["--out", str(tmp_path / "out")]
        code = run(command, [*words, "--data", data, *out], "slt")
        said = capsys.readouterr().err.strip()
        assert code == 2, words
        assert said.count("\n") == 0, words
        assert said.startswith(f"slt {words[0]}: error: "), words
