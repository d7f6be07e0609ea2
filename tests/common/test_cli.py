"""Errors of every command: one line and exit code 2, or a traceback where the program itself is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from common.cli import BAD_INPUT, run
from common.files import write_atomically


def refused(capsys, command):
    """Return the one line that a command ends with."""
    assert run(lambda argv: command() or 0, [], "some") == BAD_INPUT
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said.removeprefix("some: error: ").removesuffix("\n")


def test_what_the_system_refuses_is_said_with_the_file_and_without_numbers(tmp_path, capsys):
    path = tmp_path / "missing"
    assert refused(capsys, path.read_bytes) == f"{path}: No such file or directory"
    assert (
        refused(capsys, lambda: write_atomically(path / "new", "text")) == f"{path / 'new'}: No such file or directory"
    )
    path.mkdir()
    (tmp_path / "file").write_text("text")
    assert refused(capsys, lambda: (tmp_path / "file").rename(path)) == f"{path}: Is a directory"

    def words():
        raise OSError("the cluster is gone")

    assert refused(capsys, words) == "the cluster is gone"


@pytest.mark.parametrize(
    ("module", "package"),
    [("torch", "PyTorch"), ("safetensors", "safetensors"), ("constriction", "constriction"), ("PIL", "pillow")],
)
def test_a_package_of_the_extra_that_is_missing_is_named(monkeypatch, capsys, module, package):
    monkeypatch.setitem(sys.modules, module, None)
    assert run(lambda argv: __import__(module), [], "some") == BAD_INPUT
    assert capsys.readouterr().err == f'some: error: searches need {package}: pip install -e ".[torch]"\n'


WITHOUT_TORCH = "import runpy, sys; sys.modules['torch'] = None; name = sys.argv.pop(1); \
runpy.run_module(name, run_name='__main__', alter_sys=True)"


@pytest.mark.parametrize(
    "command",
    [
        "torch_backend plan --preset gin-cora-frozen",
        "torch_backend search --preset gin-cora-frozen",
        "torch_backend compare --help",
        "benchmarks.search",
        "benchmarks.ranks",
    ],
)
def test_commands_say_that_they_need_torch(command):
    words = [sys.executable, "-c", WITHOUT_TORCH, *command.split()]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    name = f"python -m {command.split()[0]}"
    assert done.stderr == f'{name}: error: searches need PyTorch: pip install -e ".[torch]"\n'


def test_the_commands_are_listed_without_torch():
    words = [sys.executable, "-c", WITHOUT_TORCH, "torch_backend", "--help"]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "jackpot" in done.stdout
