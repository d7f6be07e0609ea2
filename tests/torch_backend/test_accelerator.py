"""The accelerator's command at a tiny size on the CPU: rows, a time that is up, the data set in pieces."""

import json

import pytest
import torch

from benchmarks import accelerator
from slt.core.command import BAD_INPUT, REFUTED, run
from tests.torch_backend.left import files
from tests.torch_backend.test_data import write_cifar
from torch_backend.training import together

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = ["--device", "cpu", "--width", "0.04", "--epochs", "2", "--batch", "8", "--seeds", "2"]


@pytest.fixture(scope="module")
def cifar(tmp_path_factory):
    """A data folder with a few random images in the layout of CIFAR-10."""
    root = tmp_path_factory.mktemp("cifar")
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    write_cifar(root, accelerator.FOLDER, names, "labels", 10)
    return root


def called(*words):
    return run(accelerator.main, [*map(str, words)], "accelerator")


def test_rows_come_with_every_seed_and_a_run_that_is_cut_off_goes_on(cifar, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(together, "faster", lambda *_: "loop")  # the trial is of seconds, and sums differ by the way
    words = [*TINY, "--data", cifar]
    assert called(*words, "--out", tmp_path / "whole") == 0
    assert "conv6-cifar10-frozen" in capsys.readouterr().out
    for said in (
        "of conv6-cifar10-dense, 1 of 2 epochs are done; the same command",
        "the same command goes on with the next",
    ):
        assert called(*words, "--out", tmp_path / "parts", "--minutes", "0") == 0
        assert f"time is up: {said}" in capsys.readouterr().err
    rows = [json.loads(line) for line in (tmp_path / "parts" / "rows.jsonl").read_text().splitlines()]
    assert [(row["name"], row["seed"]) for row in rows] == [(accelerator.ROWS[0], 0), (accelerator.ROWS[0], 1)]
    assert called(*words, "--out", tmp_path / "parts") == 0
    assert files(tmp_path / "parts") == files(tmp_path / "whole")
    rows = [json.loads(line) for line in (tmp_path / "parts" / "rows.jsonl").read_text().splitlines()]
    assert [(row["name"], row["seed"]) for row in rows] == [
        (name, seed) for name in accelerator.ROWS for seed in (0, 1)
    ]
    sizes = {row["name"]: row["bits"] for row in rows}
    assert sizes["conv6-cifar10-equal-centre"] == pytest.approx(
        sizes["conv6-cifar10-frozen"], abs=20
    )  # whole numbers a layer
    assert {row["origin"]["amp"] for row in rows} == {"True"}


def test_pieces_are_small_and_give_the_data_set_again(cifar, tmp_path, capsys, monkeypatch):
    total = sum(path.stat().st_size for path in (cifar / accelerator.FOLDER).iterdir())
    monkeypatch.setattr(accelerator, "PIECE", total // 2)
    assert called("--pack", tmp_path / "pieces", "--data", cifar) == 0
    pieces = [
        sum(path.stat().st_size for path in piece.rglob("*") if path.is_file())
        for piece in (tmp_path / "pieces").iterdir()
    ]
    assert sum(pieces) == total
    assert max(pieces) <= total // 2
    assert capsys.readouterr().out.count("MiB") == len(pieces) >= 2
    root = accelerator.joined(tmp_path / "pieces", tmp_path / "data")
    assert files(root) == files(cifar)


def test_a_member_that_fails_is_said_and_the_others_have_rows(cifar, tmp_path, capsys, monkeypatch):
    row = json.loads('{"seed": 0}')
    shown = []
    monkeypatch.setattr(accelerator, "run_together", lambda *_, **__: {0: row, 1: "the loss is not finite in epoch 1"})
    monkeypatch.setattr(accelerator, "table", lambda chosen, found: shown.append(found) or "a table")
    assert called(*TINY, "--data", cifar, "--out", tmp_path) == REFUTED
    assert "conv6-cifar10-dense, seed 1 failed: the loss is not finite in epoch 1" in capsys.readouterr().out
    assert [list(found) for found in shown] == [list(accelerator.ROWS)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give --out, or --pack"),
        ([*TINY, "--seeds", "0", "--out", "new"], "seeds must be at least 1"),
        ([*TINY, "--minutes", "nan", "--out", "new"], "minutes must be"),
        ([*TINY, "--data", "nowhere", "--out", "new"], "CIFAR-10 is not below nowhere"),
        (["--pack", "pieces", "--data", "nowhere"], "nowhere/cifar-10-batches-py"),
        (["--out", "new"], "there is no accelerator here"),
    ],
)
def test_bad_input_is_one_line(words, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert called(*words) == BAD_INPUT
    assert said in capsys.readouterr().err
