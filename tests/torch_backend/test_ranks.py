"""Searches under torchrun: two real ranks are one process but for the order of sums, and survive the death of one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from slt.cli import dispatch as command
from tests.torch_backend.left import files
from torch_backend.masks.supermask import supermasks
from torch_backend.tickets import files as tickets
from torch_backend.training.ranks import ALONE
from torch_backend.training.start import task_of

ROOT = Path(__file__).parents[2]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
LIMIT = 120  # seconds, after which a hanging start fails its test
SMALL = ["search", "--preset", "conv2-mnist-frozen", "--width", "0.1", "--epochs", "8", "--batch", "50", "--augment"]


def started(words):
    """Start two ranks, of one thread each, in a session of their own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*TORCHRUN, *words], cwd=ROOT, env=environment, text=True, start_new_session=True, **pipes)


def ended(process):
    """Return the output and errors of a start that must end by itself."""
    try:
        return process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise


def two_ranks(words):
    process = started(words)
    text, errors = ended(process)
    assert process.returncode == 0, errors
    return text


@pytest.fixture(scope="module")
def options(module_data):
    """A search on data that it can learn from, without --out."""
    return [*SMALL, "--seeds", "1", "--device", "cpu", "--data", str(module_data)]


@pytest.fixture(scope="module")
def whole(options, tmp_path_factory):
    """The folder of an uninterrupted search of two ranks, and what it printed."""
    out = tmp_path_factory.mktemp("whole")
    return out, two_ranks(["-m", "slt", *options, "--out", str(out)])


@pytest.mark.long
def test_sums_norms_losses_and_refusals_of_two_ranks_are_those_of_one(tmp_path):
    two_ranks([str(Path(__file__).with_name("shared_batches.py")), str(tmp_path)])
    zero, one = (json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in (0, 1))
    assert zero["sums"] == [[3.0, 5.0], [[10.0]]]
    assert zero["calls"] == "called on rank 0"
    for found in zero["norms"]:  # float64: sums in another order differ by some 1e-16 of their size
        assert found["size"] > 0.1
        assert max(found["gradients"], found["buffers"], found["evaluated"]) < 1e-13
    for alone, shared in (pair for pairs in zero["losses"] for pair in pairs):
        assert shared == pytest.approx(alone, rel=1e-6)  # float32, means over 4 rows
    assert len({alone for pairs in zero["losses"] for alone, _ in pairs}) == 8
    assert zero["accuracies"][0] == zero["accuracies"][1]
    assert len(set(zero["digests"])) == 3
    assert {name: one[name] for name in one if name != "refusals"} == {n: zero[n] for n in zero if n != "refusals"}
    assert zero["refusals"] == {
        "agree": "nothing",
        "differ": "ValueError: a word must be the same on every rank: rank 1 has of 1, 0 of 0",
        "first": "OSError: the disk is full",
        "small": "ValueError: batches of 6 out of 7 images leave one of 1, too few for 2 ranks; start fewer, "
        "or take another --batch",
    }
    assert (one["refusals"]["differ"], one["refusals"]["first"]) == ("SystemExit: 2", "SystemExit: 2")


@pytest.mark.long
def test_two_ranks_find_the_ticket_of_one_process_up_to_rounding(options, whole, tmp_path):
    assert command([*options, "--out", str(tmp_path)]) == 0
    folders = [next(path.glob("*/seed0")) for path in (tmp_path, whole[0])]
    alone, shared = ([json.loads(line) for line in (f / "epochs.jsonl").read_text().splitlines()] for f in folders)
    # float32 sums in another order: relative 1e-7 a step, which 40 steps of rate 0.1 do not blow up to 1e-4
    assert [row["loss"] for row in shared] == pytest.approx([row["loss"] for row in alone], rel=1e-4)
    one, two = (json.loads((folder / "result.json").read_text()) for folder in folders)
    assert abs(one["test"] - two["test"]) <= 1.5 / 60  # at most one image of 60
    assert (one["bits"], one["sparsity"].keys()) == (two["bits"], two["sparsity"].keys())
    masks = [supermasks(tickets.load(folder / "ticket.safetensors")[0]) for folder in folders]
    same = torch.cat([a.mask == b.mask for a, b in zip(masks[0].values(), masks[1].values(), strict=True)])
    kept = [sum(int(mask.mask.sum()) for mask in found.values()) for found in masks]
    assert kept[0] == kept[1]  # the threshold is exact over both ranks: as many weights, to the last one
    assert float(same.double().mean()) >= 0.999
    assert "ranks" not in one["origin"]
    assert two["origin"] == {**one["origin"], "ranks": "2"}


def test_rank_0_alone_writes_and_prints(whole):
    out, text = whole
    assert text.count("conv2-mnist-frozen, ") == 2  # the line of its folder, and the table
    assert not list(out.rglob(".*"))
    assert sorted(path.name for path in next(out.glob("*/seed0")).iterdir()) == [
        "checkpoint.pt", "epochs.jsonl", "result.json", "ticket.safetensors",
    ]  # fmt: skip


@pytest.mark.long
def test_a_rank_that_is_killed_ends_the_others_and_the_next_start_goes_on_to_the_same_ticket(options, whole, tmp_path):
    words = ["-m", "slt", *options, "--out", str(tmp_path)]
    process = started(words)
    epochs = tmp_path / next(whole[0].iterdir()).name / "seed0" / "epochs.jsonl"
    while not epochs.exists() and process.poll() is None:
        time.sleep(0.005)
    os.kill(rank_of(process.pid, 1), signal.SIGKILL)
    _, errors = ended(process)
    assert process.returncode != 0
    assert "SIGKILL" in errors
    assert not (epochs.parent / "result.json").exists()
    with pytest.raises(ValueError, match="was begun with ranks 2, now it is 1"):
        command(words[2:])
    two_ranks(words)
    assert files(tmp_path, hidden=False) == files(whole[0])


def rank_of(agent, rank):
    """Return the process that torchrun, process ``agent``, started as this rank."""
    for task in Path(f"/proc/{agent}/task").iterdir():
        for child in (task / "children").read_text().split():
            if f"RANK={rank}".encode() in Path(f"/proc/{child}/environ").read_bytes().split(b"\0"):
                return int(child)
    raise AssertionError(f"no rank {rank}")


@pytest.fixture
def as_rank(monkeypatch):
    """This process as torchrun would start it; nothing connects."""
    for name, value in {"TORCHELASTIC_RUN_ID": "1", "WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("words", [["compare", "--help"], ["plan"], ["ticket", "sizes"], ["jackpot"]])
def test_other_commands_are_refused_under_torchrun(words, as_rank):
    with pytest.raises(ValueError, match="torchrun starts search and positions"):
        command(words)


def test_graphs_are_refused_under_torchrun():
    from torch_backend.data import Graph, adjacency_of
    from torch_backend.training.ranks import Ranks
    from torch_backend.training.settings import PRESETS

    parts = (torch.tensor([node]) for node in range(3))
    graph = Graph(torch.ones(3, 2), torch.tensor([0, 1, 1]), *adjacency_of(3, np.array([[0], [1]])), *parts, 2)
    with pytest.raises(ValueError, match="cora goes through the network whole, at every step: leave out torchrun"):
        task_of(PRESETS["gin-cora-frozen"], 0, graph, False, Ranks(1, 2))
    assert task_of(PRESETS["gin-cora-frozen"], 0, graph, False, ALONE).graph is graph
