"""The main job prints the same verdicts and writes the same files wherever it runs.

``python tests/test_environments.py`` runs the whole main job in every environment and prints a line for each; that
takes a minute a line. Among the tests the job is small: few trials, and without the sections that measure nothing.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # for the run as a program
from slt.core.screen import plain  # noqa: E402

SMALL = """
import sys
from slt.core.command import run
from simulations.lemmas import report
from slt.cli.verify import main
report.over_precision = report.over_rates = report.check_steps = lambda *_: []
sys.exit(run(main, sys.argv[1:], "python -m subsetsum.verify"))
"""
SMALL_JOB = ["-c", SMALL, "--prune", "0.2", "--lock", "0.1", "--eps", "0.3", "--trials", "400"]
WHOLE_JOB = ["-m", "subsetsum.verify", "--lock", "0.3", "--prune", "0.4"]
FILES = ("requirement.csv", "requirement.svg", "requirement.png")

HOSTILE = """text.usetex: True
font.size: 40
font.family: nonsense
savefig.dpi: 7
savefig.transparent: True
svg.fonttype: none
svg.hashsalt: other
figure.facecolor: red
figure.autolayout: True
axes.formatter.use_locale: True
path.simplify: False
backend: TkAgg
no.such.key: 1
lines.linewidth: nonsense
"""
NO_METADATA = """
from importlib import metadata
def missing(name):
    raise metadata.PackageNotFoundError(name)
metadata.distribution = missing
"""


@dataclass(frozen=True)
class Environment:
    """What is other than usual. shell: wraps the command "$@"; files: lie in the current folder of the run."""

    variables: dict[str, str | None] = field(default_factory=dict)
    shell: str = 'exec "$@"'
    files: dict[str, bytes] = field(default_factory=dict)
    encoding: str = "utf-8"
    shown: bool = True
    figure: bool = True
    others: bool = False  # the run belongs to a user who has no name, no home and may write in its own folder alone
    quiet: bool = True  # nothing on standard error


ENVIRONMENTS = {
    "stream of cp1252": Environment({"PYTHONIOENCODING": "cp1252"}, encoding="cp1252"),
    "stream of ascii": Environment({"PYTHONIOENCODING": "ascii"}, encoding="ascii"),
    "locale C without UTF-8 mode": Environment(
        {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": None},
        encoding="ascii",
    ),
    "German locale": Environment({"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"}, quiet=False),  # bash may not know it
    "a notebook's backend": Environment({"MPLBACKEND": "module://matplotlib_inline.backend_inline"}),
    "a backend that is none": Environment({"MPLBACKEND": "nonsense"}),
    "a hostile matplotlibrc here": Environment(files={"matplotlibrc": HOSTILE.encode()}, quiet=False),
    "a hostile matplotlibrc elsewhere": Environment(
        {"MATPLOTLIBRC": "other/rc"}, files={"other/rc": HOSTILE.encode()}, quiet=False
    ),
    "a matplotlibrc that is no text": Environment(
        {"MATPLOTLIBRC": "other/rc"}, files={"other/rc": b"\xff\xfe\0"}, quiet=False
    ),
    "one that is no text, here": Environment(files={"matplotlibrc": b"\xff\xfe\0"}, figure=False, quiet=False),
    "no place for matplotlib's cache": Environment({"MPLCONFIGDIR": "/dev/null/none"}, quiet=False),
    "colour, asked for": Environment(
        {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "1"}
    ),
    "a narrow screen without colour": Environment(
        {"NO_COLOR": "1", "TTY_COMPATIBLE": "0", "COLUMNS": "20", "LINES": "3", "TERM": "dumb"}
    ),
    "PYTHONOPTIMIZE=2": Environment({"PYTHONOPTIMIZE": "2"}),
    "HOME unset": Environment({"HOME": None, "XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None}),
    "HOME that is not there": Environment({"HOME": "/no/such/home"}),
    "warnings are errors": Environment({"PYTHONWARNINGS": "error"}),
    "Python's own switches": Environment(
        {
            "PYTHONHASHSEED": "1",
            "PYTHONSAFEPATH": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONMALLOC": "debug",
            "PYTHONNOUSERSITE": "1",
        }
    ),
    "TMPDIR that is not there": Environment({"TMPDIR": "/no/such/folder"}),
    "TMPDIR that cannot be written": Environment({"TMPDIR": "/proc"}),
    "standard input closed": Environment(shell='exec "$@" <&-'),
    "standard output closed": Environment(shell='exec "$@" >&-', shown=False),
    "standard error closed": Environment(shell='exec "$@" 2>&-'),
    "all three closed": Environment(shell='exec "$@" <&- >&- 2>&-', shown=False),
    "sixteen open files": Environment(shell='ulimit -n 16; exec "$@"'),
    "two gigabytes of addresses": Environment(shell='ulimit -v 2000000; exec "$@"'),
    "no core, small stack": Environment(shell='ulimit -c 0; ulimit -s 1024; exec "$@"'),
    "threads, odd numbers": Environment(
        {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    ),
    "threads, no numbers": Environment({"OMP_NUM_THREADS": "abc", "OPENBLAS_NUM_THREADS": "-3"}, quiet=False),
    "no metadata of packages": Environment(
        {"PYTHONPATH": f"site{os.pathsep}{ROOT}"}, files={"site/sitecustomize.py": NO_METADATA.encode()}
    ),
    "a user without name, home and rights": Environment(
        {"HOME": None, "MPLCONFIGDIR": None, "XDG_CACHE_HOME": None}, others=True, quiet=False
    ),
}


@dataclass(frozen=True)
class Done:
    """What a run ended with."""

    code: int
    shown: bytes
    said: str
    files: dict[str, bytes]
    rows: object


def job(words: list[str], folder: Path, environment: Environment) -> Done:
    """Run the main job in ``folder``, with that environment."""
    for name, content in environment.files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment.variables}
    rights = {"user": 54321, "group": 54321, "extra_groups": []} if environment.others else {}
    if environment.others:
        os.chown(folder, 54321, 54321)
    done = subprocess.run(
        ["bash", "-c", environment.shell, "bash", sys.executable, *words, "--json", "r.json", "--out", "out"],
        cwd=folder,
        env={name: value for name, value in variables.items() if value is not None},
        capture_output=True,
        timeout=1800,
        **rights,
    )
    out = folder / "out"
    files = {name: (out / name).read_bytes() for name in FILES if (out / name).exists()}
    kept = folder / "r.json"
    rows = json.loads(kept.read_text())["rows"] if kept.exists() else None
    return Done(done.returncode, done.stdout, done.stderr.decode(errors="replace"), files, rows)


def difference(found: Done, usual: Done, environment: Environment) -> str:
    """Say what is other than in the usual environment and should not be; empty where nothing is."""
    text = plain(usual.shown.decode(), environment.encoding).encode(environment.encoding)
    wanted = {name: usual.files[name] for name in FILES if environment.figure or name == "requirement.csv"}
    wrong = {
        "code": found.code != usual.code,
        "text": found.shown != (text if environment.shown else b""),
        "files": found.files != wanted,
        "rows": found.rows != usual.rows,
        "messages": bool(found.said) and environment.quiet,
        "traceback": "Traceback" in found.said or "fault" in found.said,
    }
    return ", ".join(name for name, is_wrong in wrong.items() if is_wrong) and f"{wrong}\n{found.said}"


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    found = job(SMALL_JOB, tmp_path_factory.mktemp("usual"), Environment())
    assert found.code == 0, found.said
    assert b"Verdicts" in found.shown
    assert sorted(found.files) == sorted(FILES)
    return found


def others_cannot_run():
    """Return why no process of another user can be run here, else None."""
    if os.geteuid() != 0:
        return "only root can run a process as another user"
    places = [Path(sys.executable), Path(sys.executable).resolve(), ROOT]
    if all(folder.stat().st_mode & 0o001 for place in places for folder in place.parents):
        return None
    return "the interpreter or this folder lies in a folder that other users cannot enter"


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_verdicts_and_files_are_the_same_in(name, usual, tmp_path):
    environment = ENVIRONMENTS[name]
    if environment.others and (reason := others_cannot_run()):
        pytest.skip(reason)
    with tempfile.TemporaryDirectory() as folder:  # not below a folder that root alone may enter
        assert difference(job(SMALL_JOB, Path(folder), environment), usual, environment) == ""


@pytest.mark.long(keep=1)
@pytest.mark.parametrize(
    "environment",
    [
        Environment(shell='ulimit -v 300000; exec "$@"'),
        Environment(shell='ulimit -n 6; exec "$@"'),
        Environment({"NUMBA_NUM_THREADS": "0"}),
        Environment(shell='ulimit -f 8; exec "$@"'),  # files of at most 8 kB: the run store does not fit
    ],
    ids=["300 MB of addresses", "six open files", "no thread", "small files"],
)
def test_what_is_too_little_is_one_line_and_2(environment, tmp_path):
    found = job(SMALL_JOB, tmp_path, environment)
    assert found.code in (0, 2), found.said
    if found.code:
        assert found.said.count("\n") == 1
        assert "fault" not in found.said


def whole() -> int:
    """Run the whole main job in every environment, print a line for each; return 1 where one differs."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    wrong = 0
    try:
        (folder / "usual").mkdir()
        usual = job(WHOLE_JOB, folder / "usual", Environment())
        verdicts = [line for line in usual.shown.decode().splitlines() if line.startswith("  Lemma")]
        print("usual", f"exit code {usual.code}", *verdicts, sep="\n", flush=True)
        for number, (name, environment) in enumerate(ENVIRONMENTS.items()):
            if environment.others and (reason := others_cannot_run()):
                print(f"{name}: left out, {reason}", flush=True)
                continue
            (folder / str(number)).mkdir()
            found = difference(job(WHOLE_JOB, folder / str(number), environment), usual, environment)
            wrong += bool(found)
            print(f"{name}: {found or 'the same verdicts, text and files'}", flush=True)
    finally:
        shutil.rmtree(folder)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(whole())
