"""Bad arguments of a benchmark are one line and exit code 2, before anything is measured."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from slt.core.command import BAD_INPUT, run

ROOT = Path(__file__).parents[1]
NAMES = [path.stem for path in sorted((ROOT / "benchmarks").glob("*.py")) if "__main__" in path.read_text()]


def outcome(name, words, capsys):
    """Return the exit code of a benchmark's command and what it says."""
    pytest.importorskip("torch")
    if name == "mutation":
        pytest.importorskip("cosmic_ray", reason="cosmic-ray is not installed: pip install -e .[mutation]")
    module = importlib.import_module(f"benchmarks.{name}")
    try:
        code = run(module.main, words, f"python -m benchmarks.{name}")
    except SystemExit as end:
        code = end.code
    return code, capsys.readouterr()


def test_all_are_tried():
    assert len(NAMES) >= 7


@pytest.mark.parametrize("name", NAMES)
def test_help_is_given(name, capsys):
    code, said = outcome(name, ["--help"], capsys)
    assert code == 0
    assert said.out.startswith("usage: slt simulate sweep" if name == "small_sweep" else "usage: python -m benchmarks.")
    assert said.err == ""


BAD = [(name, words) for name in NAMES for words in (["--nonsense"], ["--out"], ["x" * 1000, "y"])]
BAD += [
    ("cluster", []),
    ("cluster", ["nonsense"]),
    ("cluster", ["scaling", "--workers", "0"]),
    ("cluster", ["scaling", "--workers", "-1"]),
    ("cluster", ["scaling", "--workers", "many"]),
    ("cluster", ["kills", "--rounds", "0"]),
    ("cluster", ["kills", "--seed", "-1"]),
    ("cluster", ["kills", "--seed", "18446744073709551616"]),
    ("cluster", ["kills", "--out", "/nowhere/r.jsonl"]),
    ("load", []),
    ("load", ["--out", "/nowhere/r.jsonl"]),
    ("load", ["--out", "/dev", "--trials", "1"]),
    ("load", ["--out", "new.jsonl", "--trials", "0"]),
    ("load", ["--out", "new.jsonl", "--trials", "1e3"]),
    ("main_job", ["--rounds", "0"]),
    ("main_job", ["--against", "no-such-revision"]),
    ("main_job", ["--out", "/nowhere/r.jsonl"]),
    ("ranks", ["--images", "0"]),
    ("ranks", ["--epochs", "-1"]),
    ("ranks", ["--seed", "-1"]),
    ("ranks", ["--out", "/nowhere/r.jsonl"]),
    ("accelerator", []),
    ("accelerator", ["--out", "new", "--seeds", "0"]),
    ("side_by_side", ["--rounds", "0"]),
    ("side_by_side", ["--out", "/nowhere/r.jsonl"]),
    ("search", ["--device", "nonsense"]),
    ("search", ["--device", "cuda:99"]),
    ("small_sweep", ["--trials", "0"]),
    ("small_sweep", ["--seed", "-1"]),
    ("small_sweep", ["--jobs", "0"]),
    ("subsetsum", ["--radius", "0"]),
    ("subsetsum", ["--radius", "nan"]),
    ("subsetsum", ["--radius", "-1"]),
    ("subsetsum", ["--radius", "1e9"]),
    ("subsetsum", ["--radius", "wide"]),
]


@pytest.mark.parametrize(("name", "words"), BAD, ids=lambda value: str(value)[:40])
def test_bad_arguments_are_one_line(name, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, said = outcome(name, words, capsys)
    assert code == BAD_INPUT
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert ": error: " in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_run_with_our_manners(name):
    text = (ROOT / "benchmarks" / f"{name}.py").read_text()
    assert f'run(main, None, "python -m benchmarks.{name}")' in text
    assert "ArgumentParser" not in text


def test_a_run_too_short_for_a_sample_is_one_line(tmp_path, capsys, monkeypatch):
    pytest.importorskip("distributed")
    from benchmarks import load

    monkeypatch.setattr(load, "watch", lambda *_: [{"code": 2}])
    code = run(load.main, ["--out", str(tmp_path / "r.jsonl"), "--trials", "1"], "load")
    assert code == BAD_INPUT
    assert "the run ended with 2 before a sample was taken" in capsys.readouterr().err


@pytest.mark.long
def test_a_command_line_ends_with_code_2_and_no_traceback():
    words = [sys.executable, "-m", "benchmarks.cluster", "scaling", "--workers", "0"]
    end = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert (end.returncode, end.stdout) == (2, "")
    assert end.stderr == "python -m benchmarks.cluster: error: workers must be at least 1, got 0\n"
