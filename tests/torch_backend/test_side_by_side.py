"""Searches in several processes: the results of one by one, errors that end all, and no process left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from multiprocessing import active_children
from pathlib import Path

import pytest
import torch

from slt.cli import dispatch as command
from slt.core.checks import whole
from slt.core.command import BAD_INPUT, FAULT, INTERRUPTED
from slt.core.command import run as run_command
from tests.torch_backend.left import files
from torch_backend.commands import planned
from torch_backend.commands.requirement import FORM, PLANS
from torch_backend.commands.search import main
from torch_backend.training.side_by_side import side_by_side

pytestmark = pytest.mark.usefixtures("one_thread")

ROOT = Path(__file__).parents[2]
# a shell's job in the background ignores Ctrl-C, and so would what it starts
HEARS = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from slt.cli import main; sys.exit(main(sys.argv[1:]))"
)
LIMIT = 120  # seconds, after which a hanging start fails its test
SMALL = ["--preset", "mlp-mnist-dense", "mlp-mnist-frozen", "--width", "0.1", "--batch", "60", "--rate", "0.5"]


def test_one_at_a_time_is_this_process_and_the_order_of_the_calls():
    calls = [partial(pow, 2, power) for power in (3, 1, 2)]
    assert list(side_by_side(calls)) == [(0, 8), (1, 2), (2, 4)]
    assert list(side_by_side([os.getpid, os.getpid])) == [(0, os.getpid()), (1, os.getpid())]
    assert list(side_by_side([os.getpid], 2)) == [(0, os.getpid())]  # no second process for one call
    assert list(side_by_side([], 2)) == []
    with pytest.raises(ValueError, match="jobs must be at least 1"):
        next(side_by_side([], 0))


def test_calls_share_the_cores_and_every_result_comes_once():
    found = dict(side_by_side([torch.get_num_threads, os.getpid, partial(pow, 5, 2), partial(time.sleep, 0)], 2))
    assert found[0] == max(len(os.sched_getaffinity(0)) // 2, 1)
    assert found[1] != os.getpid()
    assert (found[2], found[3], len(found)) == (25, None, 4)
    assert not active_children()


@pytest.mark.parametrize(
    ("bad", "code", "said"),
    [
        (partial(whole, "batch", 0, 1), BAD_INPUT, "batch must be at least 1, got 0"),  # a refusal of ours
        (partial(int, "x"), FAULT, "invalid literal"),  # what a library says is a fault of the program there, too
        (partial(os._exit, 3), BAD_INPUT, "ended from outside"),
    ],
)
def test_a_call_that_fails_ends_the_others(bad, code, said, capsys):
    begun = time.monotonic()

    def work(argv):
        return len(list(side_by_side([partial(time.sleep, LIMIT), bad], 2)))

    assert run_command(work, [], "work") == code
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert time.monotonic() - begun < LIMIT
    assert not active_children()


def test_searches_side_by_side_write_what_they_write_one_by_one(data, tmp_path):
    options = [*SMALL, "--epochs", "2", "--seeds", "2", "--data", str(data), "--device", "cpu"]
    for jobs in ("1", "2"):
        out = tmp_path / jobs
        assert command(["search", *options, "--jobs", jobs, "--out", str(out), "--results", str(out) + ".jsonl"]) == 0
    assert len(list((tmp_path / "2").rglob("result.json"))) == 4
    assert files(tmp_path / "2") == files(tmp_path / "1")
    rows = [[json.loads(line) for line in (tmp_path / f"{jobs}.jsonl").read_text().splitlines()] for jobs in (1, 2)]
    for row in (*rows[0], *rows[1]):
        row.pop("seconds")
    assert rows[0] == rows[1]


def test_a_plan_side_by_side_gives_the_rows_of_one_by_one_and_goes_on_from_them(data, tmp_path):
    plan = planned_tiny()
    found = [planned.run_plan("tiny", plan, FORM, tmp_path / str(jobs), str(data), "cpu", jobs) for jobs in (1, 2)]
    kept = [[{**row, "seconds": 0} for row in rows] for rows in found]
    assert kept[0] == kept[1]
    path = tmp_path / "2" / "rows.jsonl"
    lines = path.read_text().splitlines()
    assert len(lines) == len(found[1]) == 6
    path.write_text("\n".join(lines[:4]) + "\n")
    again = planned.run_plan("tiny", plan, FORM, tmp_path / "2", str(data), "cpu", 2)
    assert [{**row, "seconds": 0} for row in again] == kept[1]
    assert path.read_text().splitlines()[:4] == lines[:4]


def planned_tiny():
    """Three sources and two seeds."""
    return replace(PLANS["tiny"], pairs=((0.0, 0.0), (0.4, 0.0), (0.2, 0.1)), off_centre=(), factors=(1.0,))


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_searches_that_are_stopped_leave_no_process_and_go_on_to_the_same_result(blow, module_data, tmp_path):
    options = [*SMALL, "--seeds", "2", "--data", str(module_data), "--device", "cpu"]
    long = [*options, "--epochs", "40", "--jobs", "2", "--out", str(tmp_path / "parts")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", HEARS, "search", *long]
    process = subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + LIMIT
    while len(list(tmp_path.rglob("checkpoint.pt"))) < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(blow)  # to the first process alone
    error = process.communicate(timeout=LIMIT)[1]
    assert process.returncode == (INTERRUPTED if blow == signal.SIGINT else -blow)
    assert "Traceback" not in error
    while True:  # its session is empty soon
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert len(list(tmp_path.rglob("result.json"))) < 4
    main(long)
    main([*options, "--epochs", "40", "--out", str(tmp_path / "whole")])
    assert files(tmp_path / "parts", hidden=False) == files(tmp_path / "whole")
