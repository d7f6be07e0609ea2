"""Compiled code is that of the sources in front of it, wherever numba caches it, whatever has happened to the cache.

A small package of two kernels, one calling the other, stands for ours: its ``compiled`` is ours, file by file.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import subsetsum.kernels

INNER = """
from subsetsum.kernels import compiled
@compiled
def inner(x):
    return x + 1
"""
OUTER = """
from subsetsum.kernels import compiled
from subsetsum.kernels.inner import inner
@compiled
def outer(x):
    return inner(x) * 2
"""
# says what outer(1) and outer(1.5) are, and how often compiled code was found and made
RUN = """
import json, sys
{before}
from subsetsum.kernels.outer import outer
{between}
found = [outer(1), outer(1.5)]
hits, misses = (sum(counts.values()) for counts in (outer._cache_hits, outer._cache_misses))
print(json.dumps([*found, hits, misses]))
"""
WAIT = "print('ready', flush=True); sys.stdin.readline()"
OLD, NEW = [4, 5.0], [6, 7.0]


class Package:
    """The package in a folder, a place where numba caches it, and processes that use it."""

    def __init__(self, folder, place):
        self.root, self.kernels = folder, folder / "subsetsum" / "kernels"
        self.kernels.mkdir(parents=True)
        (folder / "subsetsum" / "__init__.py").touch()
        shutil.copy(subsetsum.kernels.__file__, self.kernels)
        (self.kernels / "inner.py").write_text(INNER)
        (self.kernels / "outer.py").write_text(OUTER)
        self.environment = {**os.environ, "HOME": str(folder / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
        self.environment.pop("NUMBA_CACHE_DIR", None)
        self.environment.pop("XDG_CACHE_HOME", None)
        self.path, self.cache = folder, self.kernels / "__pycache__"
        if place == "NUMBA_CACHE_DIR":
            self.cache = folder / "asked"
            self.environment["NUMBA_CACHE_DIR"] = str(self.cache)
        elif place in ("user-wide", "zip file", "nowhere"):
            self.cache.touch()  # no folder can be made there, not even by root
            self.cache = folder / "home" / ".cache" / "numba"
        if place == "zip file":
            self.path = folder / "all.zip"
        if place == "nowhere":
            self.environment["HOME"] = os.devnull

    def start(self, before="", between="", **environment):
        if self.path != self.root:
            shutil.make_archive(str(self.path.with_suffix("")), "zip", self.root, "subsetsum")
        words = [sys.executable, "-c", RUN.format(before=before, between=between)]
        environment = {**self.environment, "PYTHONPATH": str(self.path), **environment}
        pipe = subprocess.PIPE
        return subprocess.Popen(words, env=environment, cwd=self.root, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    def result(self, process):
        output, errors = process.communicate()
        assert process.returncode == 0, errors
        *found, hits, misses = json.loads(output.splitlines()[-1])
        return found, hits, misses

    def run(self, *code, **environment):
        return self.result(self.start(*code, **environment))

    def change(self, old="+ 1", new="+ 2"):
        """Change a constant of the inner kernel; neither the outer file nor any size changes."""
        path = self.kernels / "inner.py"
        path.write_text(path.read_text().replace(old, new))

    def files(self):
        return {path: path.read_bytes() for path in self.cache.rglob("*.nb?")}


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("place", ["own folder", "NUMBA_CACHE_DIR", "user-wide", "zip file"])
def test_compiled_code_follows_all_sources_wherever_numba_caches_it(tmp_path, place):
    package = Package(tmp_path, place)
    assert package.run() == (OLD, 0, 2)
    kept = package.files()
    assert kept
    assert package.run() == (OLD, 2, 0)
    package.change()
    assert package.run() == (NEW, 0, 2)
    assert kept.items() < package.files().items()  # no process has written where one of other sources reads
    assert package.run() == (NEW, 2, 0)
    package.change("+ 2", "+ 1")
    assert package.run() == (OLD, 2, 0)


@pytest.mark.long
def test_a_process_that_was_started_before_a_change_leaves_no_old_code(tmp_path):
    package = Package(tmp_path, "NUMBA_CACHE_DIR")
    early = package.start(between=WAIT)
    early.stdout.readline()
    package.change()
    assert package.run() == (NEW, 0, 2)
    assert package.result(early) == (OLD, 0, 2)
    assert package.run() == (NEW, 2, 0)


@pytest.mark.long
def test_a_process_that_has_imported_files_of_two_versions_keeps_nothing(tmp_path):
    package = Package(tmp_path, "NUMBA_CACHE_DIR")
    mixed = package.start(before=f"import subsetsum.kernels; {WAIT}")
    mixed.stdout.readline()
    package.change()
    assert package.result(mixed) == (NEW, 0, 2)
    package.change("+ 2", "+ 1")
    assert package.run() == (OLD, 0, 2)


@pytest.mark.long(keep=1)
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content[: len(content) // 2],
        lambda content: content[:-400] + bytes([content[-400] ^ 1]) + content[-399:],
        lambda content: b"\x80\x04N." + content,
        lambda content: bytes(len(content)),
    ],
    ids=["empty", "short", "half", "flipped", "None", "zeros"],
)
def test_a_damaged_cache_costs_time_and_nothing_else(tmp_path, damage):
    package = Package(tmp_path, "NUMBA_CACHE_DIR")
    package.run()
    for path, content in package.files().items():
        path.write_bytes(damage(content))
    assert package.run() == (OLD, 0, 2)
    assert package.run() == (OLD, 2, 0)


@pytest.mark.long
def test_code_for_other_arguments_is_not_run(tmp_path):
    # numba numbers the files of one kernel, and two processes that write at a time may take the same number
    package = Package(tmp_path, "NUMBA_CACHE_DIR")
    package.run()
    first, second = sorted(path for path in package.files() if path.name.startswith("outer") and path.suffix == ".nbc")
    shutil.copy(first, second)
    assert package.run() == (OLD, 1, 1)
    assert package.run() == (OLD, 2, 0)


@pytest.mark.long
def test_kernels_run_where_nothing_can_be_cached(tmp_path):
    package = Package(tmp_path, "nowhere")
    assert package.run() == package.run() == (OLD, 0, 2)


def test_kernels_run_where_the_cache_takes_no_more(tmp_path):
    package = Package(tmp_path, "NUMBA_CACHE_DIR")
    gone = "import shutil; shutil.rmtree('asked'); open('asked', 'w').close()"  # as a full disk, it raises OSError
    assert package.run("", gone) == (OLD, 0, 2)


def test_without_a_home_no_folder_of_that_name_is_made(tmp_path):
    package = Package(tmp_path, "nowhere")
    unknown = "import os, pwd; del os.environ['HOME']; pwd.getpwuid = {}.__getitem__"
    assert package.run(unknown) == (OLD, 0, 2)
    assert not (tmp_path / "~").exists()


@pytest.mark.long
def test_other_processors_have_caches_of_their_own(tmp_path):
    package = Package(tmp_path, "NUMBA_CACHE_DIR")
    package.run()
    kept = package.files()
    assert package.run(NUMBA_CPU_NAME="generic") == (OLD, 0, 2)
    assert kept.items() < package.files().items()


@pytest.mark.long
def test_the_key_holds_the_versions_that_compile(tmp_path):
    package = Package(tmp_path, "NUMBA_CACHE_DIR")
    package.run()
    for name, change in (("llvmlite", "llvmlite.__version__ = '0'"), ("Python", "platform.python_version = str")):
        code = f"import numba, llvmlite, platform; {change}"
        assert package.run(code) == (OLD, 0, 2), name
    assert package.run() == (OLD, 2, 0)


def test_every_kernel_is_compiled_in_this_way():
    for path in Path(subsetsum.kernels.__file__).parent.glob("*.py"):
        if path.name != "__init__.py":
            assert "jit" not in path.read_text(), path
