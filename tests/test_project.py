"""The project keeps its own rules: lint, format, types, import directions, and what the README promises."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from slt.cli import COMMANDS, EXPERIMENTS

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


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The project as a wheel, built from a copy without a network and unpacked in a folder of its own."""
    pytest.importorskip("hatchling", reason="the wheel is built with hatchling, which is not installed here")
    folder = tmp_path_factory.mktemp("wheel")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode != 0:
        pytest.skip("the wheel is built from what git tracks, and this is no checkout")
    for name in filter(None, tracked.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / "tree" / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--no-index", "-q"]
    subprocess.run([*pip, "wheel", *options, "-w", folder, folder / "tree"], check=True)
    (wheel,) = folder.glob("*.whl")
    shutil.rmtree(folder / "tree")
    subprocess.run([*pip, "install", *options, "--target", folder / "site", wheel], check=True)
    return folder / "site"


def start(site, folder, *words):
    environment = os.environ | {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900)


@pytest.mark.long
def test_the_wheel_has_every_module_and_result_and_no_name_that_others_use(installed):
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    packages = (
        "slt/",
        "subsetsum/",
        "theory/",
        "simulations/",
        "torch_backend/",
        "figures/",
        "benchmarks/results/",
    )
    wanted = {name for name in tracked if name.startswith(packages) and not name.startswith("figures/rendered/")}
    shipped = {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}
    shipped = {name for name in shipped if "__pycache__" not in name and ".dist-info/" not in name}
    assert shipped == wanted | {"slt_verify.py", "bin/slt"}


@pytest.mark.parametrize("command", ["subsetsum.verify --help", "slt", "slt simulate", "slt figures --help"])
def test_a_command_starts_from_the_wheel_in_any_folder(installed, tmp_path, command):
    done = start(installed, tmp_path, *command.split())
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout
    assert done.stderr == ""


HELP = """
import contextlib, io, json, sys
from slt.cli import COMMANDS, EXPERIMENTS, main
found = {}
for words in [[name] for name in COMMANDS] + [["simulate", name] for name in EXPERIMENTS]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*words, "--help"])
    found[" ".join(words)] = code, out.getvalue(), err.getvalue()
json.dump(found, sys.stdout)
"""


def test_every_command_of_the_wheel_explains_itself(installed, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", HELP], cwd=tmp_path, env=environment, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found.keys() == {*COMMANDS, *(f"simulate {name}" for name in EXPERIMENTS)}
    for words, (code, out, err) in found.items():
        assert (code, err) == (0, ""), words
        assert out.startswith(f"usage: slt {words} "), words


@pytest.mark.long
def test_installed_the_main_job_runs_and_everything_is_drawn_and_nothing_is_written_there(installed, tmp_path):
    def content():
        return {path: path.stat().st_mtime_ns for path in installed.rglob("*") if "__pycache__" not in path.parts}

    before = content()
    job = "subsetsum.verify --prune 0.2 --lock 0.1 --eps 0.3 --trials 50 --json r.json"
    for command in (job, "slt figures", "slt report"):
        done = start(installed, tmp_path, *command.split())
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
    assert content() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figures", "r.json", "report.html"]
    drawn = {path.name: path.read_bytes() for path in (tmp_path / "figures" / "rendered").iterdir()}
    committed = {path.name: path.read_bytes() for path in (ROOT / "figures" / "rendered").iterdir()}
    assert sorted(drawn) == sorted(committed)
    if f"matplotlib {metadata.version('matplotlib')}".encode() in committed["hole.svg"]:
        assert [name for name in drawn if drawn[name] != committed[name]] == []


def test_a_result_that_is_missing_is_named(installed, tmp_path):
    shutil.copytree(installed, tmp_path / "site")
    shutil.rmtree(tmp_path / "site" / "benchmarks")
    done = start(tmp_path / "site", tmp_path, "slt", "figures", "load")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "benchmarks/results/load.jsonl: No such file or directory" in done.stderr
