"""The recipes of CONTRIBUTING.md, followed word for word in a copy of the project: one file, one line, one command."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("slt", "theory", "subsetsum", "simulations", "torch_backend", "figures", "benchmarks")
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
PRINTED = {  # by recipe: what its command shows
    "A claim": "  Lemma T.1 (toy, Toy 2026): open",
    "A model": "toy on mnist, sparsity 0.5 within",
    "A data set": "mlp-toy-",
    "An experiment": "20  1.000 [",
    "A figure": "drawn/toy.png",
}


def recipes():
    part = TEXT[TEXT.index("## Recipes") : TEXT.index("## Rules")]
    return dict(re.findall(r"^### (.*?)\n(.*?)(?=^###|\Z)", part, re.MULTILINE | re.DOTALL))


def steps(body):
    """Return the new file with its text, the registry with its name and new line, and the command."""
    file, text = re.search(r"^`([\w/.]+)`:\n\n```python\n(.*?)```", body, re.MULTILINE | re.DOTALL).groups()
    name, place, line = re.search(
        r"^One line in `(\w+)` of `([\w/.]+)`:\n\n```\n(.*?)```", body, re.MULTILINE | re.DOTALL
    ).groups()
    (command,) = re.findall(r"^```\n(slt .*)\n```", body, re.MULTILINE)
    assert line.count("\n") == 1
    return file, text, name, place, line, command.split()


def test_there_is_a_recipe_for_everything_that_is_added_often():
    assert recipes().keys() == PRINTED.keys()


@pytest.mark.long
@pytest.mark.parametrize("title", PRINTED)
def test_a_recipe_needs_one_file_and_one_line(title, tmp_path):
    file, text, name, place, line, command = steps(recipes()[title])
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "rendered")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    shutil.copy(ROOT / "slt_verify.py", tmp_path)
    assert not (tmp_path / file).exists()
    (tmp_path / file).write_text(text)
    registry = (tmp_path / place).read_text()
    opened = re.search(rf"^{name}\b[^\n]*[({{]\n(?:    {{\n)?", registry, re.MULTILINE)
    assert opened, f"{place} has no {name}"
    (tmp_path / place).write_text(registry[: opened.end()] + line + registry[opened.end() :])
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert PRINTED[title] in done.stdout
    for style in ("check", "format --check"):
        ruff = [str(Path(sys.executable).parent / "ruff"), *style.split(), "--config", str(ROOT / "pyproject.toml")]
        done = subprocess.run([*ruff, file, place], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
