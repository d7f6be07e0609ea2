"""Full disks, rival runs, a clock that jumps, other versions: what docs/faults.md says of searches, repeated."""

import re
import resource
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from slt.core.command import run as run_command
from tests.torch_backend.left import files
from torch_backend.commands.search import main
from torch_backend.training import run as training

SMALL = ["--model", "mlp", "--data-set", "mnist", "--width", "0.2", "--epochs", "4", "--batch", "60", "--rate", "0.5"]


@pytest.fixture
def options(data):
    return [*SMALL, "--freeze", "0.5", "--seeds", "1", "--device", "cpu", "--data", str(data)]


@pytest.fixture
def whole(options, tmp_path):
    """The files of a run that nothing happened to."""
    main([*options, "--out", str(tmp_path / "whole")])
    return files(tmp_path / "whole")


def cut_off(monkeypatch, options, epochs):
    """Run until the checkpoint of this many epochs is written."""
    written, seen = training.write_checkpoint, []

    def dying(path, state):
        written(path, state)
        seen.append(path)
        if len(seen) == epochs:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "write_checkpoint", dying)
        with pytest.raises(KeyboardInterrupt):
            main(options)
    return seen[0]


@contextmanager
def no_file_beyond(size):
    """A disk on which no file can grow beyond ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_one_line_and_the_last_checkpoint_stays(options, whole, tmp_path, monkeypatch, capsys):
    options = [*options, "--out", str(tmp_path / "out")]
    checkpoint = cut_off(monkeypatch, options, 2)
    content = checkpoint.read_bytes()
    with no_file_beyond(len(content) // 2):
        assert run_command(main, options, "search") == 2
    error = capsys.readouterr().err
    assert [line for line in error.splitlines() if "epoch" not in line] == ["search: error: File too large"]
    assert checkpoint.read_bytes() == content
    assert len((checkpoint.parent / "epochs.jsonl").read_text().splitlines()) == 3  # the row came before the checkpoint
    assert not list(tmp_path.rglob(".*"))
    main(options)
    assert files(tmp_path / "out") == whole


def test_results_that_find_no_space_cost_the_results_alone(options, whole, tmp_path, capsys):
    options = [*options, "--out", str(tmp_path / "out")]
    assert run_command(main, [*options, "--results", "/dev/full"], "search") == 2
    assert "No space left on device" in capsys.readouterr().err
    assert files(tmp_path / "out") == whole
    main([*options, "--results", str(tmp_path / "rows.jsonl")])
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == 1


def test_a_rival_on_the_same_out_changes_nothing(options, whole, tmp_path, monkeypatch):
    """A rival starts after the first epoch, goes on from there, and finishes while this run is still at work."""
    options = [*options, "--out", str(tmp_path / "out")]
    written = training.write_checkpoint

    def overtaken(path, state):
        written(path, state)
        monkeypatch.setattr(training, "write_checkpoint", written)
        main(options)
        assert (path.parent / "result.json").exists()

    monkeypatch.setattr(training, "write_checkpoint", overtaken)
    main(options)
    assert files(tmp_path / "out") == whole


def test_a_clock_that_jumps_changes_nothing(options, whole, tmp_path, monkeypatch):
    now = [time.time()]

    def jumping():
        now[0] -= 1e6
        return now[0]

    monkeypatch.setattr(time, "time", jumping)
    cut_off(monkeypatch, [*options, "--out", str(tmp_path / "out")], 2)
    main([*options, "--out", str(tmp_path / "out")])
    assert files(tmp_path / "out") == whole


def test_another_torch_does_not_go_on_with_a_run(options, tmp_path, monkeypatch):
    options = [*options, "--out", str(tmp_path / "out")]
    cut_off(monkeypatch, options, 1)
    with monkeypatch.context() as patch:
        patch.setattr(torch, "__version__", "1.0")
        with pytest.raises(ValueError, match="was begun with torch .*, now it is 1.0: go on in the same way"):
            main(options)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b'{"epoch": 0'], ids=["empty", "zeros", "cut"])
def test_damaged_rows_of_epochs_are_written_again(options, whole, tmp_path, monkeypatch, content):
    options = [*options, "--out", str(tmp_path / "out")]
    checkpoint = cut_off(monkeypatch, options, 2)
    (checkpoint.parent / "epochs.jsonl").write_bytes(content)
    main(options)
    assert files(tmp_path / "out") == whole


@pytest.mark.parametrize("text", ['{"a": 1}\n', '{"measured": 3}\n', ""])
def test_a_figure_of_another_file_is_one_line_that_names_it(tmp_path, capsys, text):
    from figures.command import main as figures

    path = tmp_path / "other.jsonl"
    path.write_text(text)
    assert run_command(figures, ["limits", str(path), "--out", str(tmp_path)], "figures") == 2
    error = capsys.readouterr().err
    assert str(path) in error
    assert error.count("\n") == 1
    assert Path(tmp_path, "other.jsonl").read_text() == text


def test_the_table_of_faults_names_tests_that_are_there():
    tests = Path(__file__).parents[1]
    text = (tests.parent / "docs" / "faults.md").read_text()
    sources = list(tests.rglob("test_*.py"))
    names = re.findall(r"`(?:tests/)?(test_\w+\.py)`", text)
    assert len(names) > 15
    assert set(names) <= {path.name for path in sources}
    tested = re.findall(r"`(test_\w+?)(?:_?\.\.\.)?`", text)
    assert len(tested) > 10
    defined = "".join(path.read_text() for path in sources)
    assert [name for name in tested if f"def {name}" not in defined] == []
