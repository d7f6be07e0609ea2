"""The project keeps its own rules: lint, format, types, import directions, and what the README promises."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    ["ruff check", "ruff format --check", "mypy", "lint-imports --no-logo"],
)
def test_the_tree_passes(command):
    name, *arguments = command.split()
    done = subprocess.run([BIN / name, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def imported_roots(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("oracle", ["tests/naive.py", "tests/theory/exact_small.py"])
def test_oracles_import_nothing_of_the_project(oracle):
    ours = {path.name for path in ROOT.iterdir() if path.is_dir()}
    assert not imported_roots(ROOT / oracle) & ours


def test_continuous_integration_runs_the_readme_command():
    commands = re.findall(r"^python3 -m venv .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(commands) == 2, "the README shows two set-up commands"
    script = (ROOT / ".ci" / "run").read_text()
    assert commands[1].replace("pip install", "pip install -q") in script


def test_every_module_of_the_packages_is_shipped():
    config = (ROOT / "pyproject.toml").read_text()
    for folder in ("common", "subsetsum", "theory", "simulations", "torch_backend", "figures"):
        assert (ROOT / folder / "__init__.py").exists()
        assert f'"{folder}"' in config
