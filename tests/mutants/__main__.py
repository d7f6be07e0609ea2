"""Put small faults into a copy of the code, one at a time, and see whether a test notices.

``python -m tests.mutants`` runs every mutant; words after it choose those whose file or name contains one of them. Each
mutant runs in a copy and a process of its own. A fault of a compiled loop has an empty kernel cache, so that no loop
compiled from other sources is used; the others find what an earlier one has compiled. The tests of its file run one
after the other until one fails, first those that noticed most other faults of that file. Tests that only repeat a
pinned number are left out. In the end the tests that failed run without any fault, and must pass. The rows of
results.csv are brought up to date as they come. The exit code is 1 when a mutant survives that the lists do not call
harmless.
"""

import argparse
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from tests.mutants import existence, kernels, results, theory_modules, torch_modules
from tests.mutants.mutant import Mutant, none

ROOT = Path(__file__).parents[2]
COPIED = (
    "slt",
    "subsetsum",
    "theory",
    "simulations",
    "torch_backend",
    "figures",
    "tests",
    "pyproject.toml",
    "slt_verify.py",
)
LEFT_OUT = shutil.ignore_patterns("__pycache__", "rendered", "results", ".hypothesis")
SHARED = ("pytest", "hypothesis", "numba", "scipy.special", "torch", "torch.nn.utils.parametrize")  # slow to import
SECONDS = 300  # of processor time; a mutant that needs more hangs
BYTES = 16 * 2**30
FIRST = 4  # tests that are run before the others
LISTS = (kernels, theory_modules, torch_modules, existence)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the chosen mutants and write the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", help="parts of a file's or a mutant's name (default: all mutants)")
    parser.add_argument("--jobs", type=int, default=1, help="mutants that run at once")
    parser.add_argument("--missing", action="store_true", help="leave out those that results.csv tells of already")
    parser.add_argument("--most", type=int, help="how many are run at most")
    parser.add_argument("--table", action="store_true", help="print the Markdown tables of docs/testing.md")
    args = parser.parse_args(argv)
    if args.table:
        sys.stdout.write(f"{results.table(every())}\n{results.formulas()}")
        return 0
    os.environ |= {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    sys.dont_write_bytecode = True
    for name in SHARED:
        import_module(name)
    waiting = [mutant for mutant in every() if not args.words or any(word in str(mutant) for word in args.words)]
    if args.missing:
        known = {row["digest"] for row in results.rows()}
        waiting = [mutant for mutant in waiting if mutant.digest not in known]
    waiting = waiting[: args.most]
    with tempfile.TemporaryDirectory() as place:
        return tried(waiting, [Path(place) / str(k) for k in range(args.jobs)])


def tried(waiting: list[Mutant], places: list[Path]) -> int:
    """Run the mutants, as many at once as there are places, and write the table; return the exit code."""
    chosen, survivors, noticing = len(waiting), 0, set()
    running: dict[int, tuple[Mutant, Path]] = {}
    while waiting or running:
        while waiting and places:
            mutant, place = waiting.pop(0), places.pop()
            running[start(mutant, place / "copy")] = mutant, place
        number, status = os.wait()
        mutant, place = running.pop(number)
        noticed = noticed_by(os.waitstatus_to_exitcode(status), place / "copy")
        shutil.rmtree(place / "copy")
        places.append(place)
        if not mutant.old and noticed:
            raise RuntimeError(f"{noticed} fails without any fault")
        if not mutant.old:
            continue
        results.put(mutant, noticed, every())
        survivors += not noticed and not mutant.harmless
        sys.stdout.write(f"{mutant}: {noticed or 'SURVIVES ' + mutant.harmless}\n")
        sys.stdout.flush()
        noticing |= {re.split(r"[\[ ]", noticed)[0]} - {""}
        if not waiting and not running and noticing:
            # a test that fails anyway has noticed nothing: the same ones without any fault
            waiting.append(none((" ".join(sorted(noticing)),)))
    sys.stdout.write(f"{chosen} mutants, {survivors} survivors that are not called harmless\n")
    return 1 if survivors else 0


def every() -> list[Mutant]:
    """Return the mutants of all lists."""
    return [mutant for part in LISTS for mutant in part.MUTANTS]


def start(mutant: Mutant, folder: Path) -> int:
    """Start a process that tests a mutant in a copy below ``folder``; return its number."""
    folder.mkdir(parents=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=LEFT_OUT)
        else:
            shutil.copy(source, folder / name)
    if mutant.old:
        path = folder / mutant.file
        path.write_text(mutant.applied(path.read_text()))
    number = os.fork()
    if number:
        return number
    try:  # in the new process
        code = _tested(mutant, folder)
    except BaseException:
        traceback.print_exc()
        code = 3
    os._exit(code)


def _tested(mutant: Mutant, folder: Path) -> int:
    """Run the tests until one fails; what they print goes to the file ``printed``."""
    import numba
    import pytest

    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    printed = os.open(folder / "printed", os.O_WRONLY | os.O_CREAT)
    os.dup2(printed, 1), os.dup2(printed, 2)
    os.chdir(folder)
    # numba finds what it compiled by the path of its source, which is that of the copy before
    cache = folder if "/kernels/" in mutant.file else folder.parent
    os.environ |= {"NUMBA_CACHE_DIR": str(cache / "cache"), "PYTHONPATH": str(folder)}
    numba.config.reload_config()
    for name in list(sys.modules):
        if name.partition(".")[0] in {Path(copied).stem for copied in COPIED}:
            del sys.modules[name]  # they are those of the project's folder
    sys.path[:] = [str(folder), *(place for place in sys.path if Path(place or ".").resolve() != ROOT)]
    pinned = [f"--deselect={name}" for part in LISTS for name in part.PINNED]
    options = [
        "-x",
        "-q",
        "--tb=no",
        "--assert=plain",
        "-p",
        "no:cacheprovider",
        "--hypothesis-profile",
        "mutants",
        *pinned,
    ]
    # what is long comes last
    for test in [*ordered(mutant), *(f"{test} --whole" for test in mutant.tests)]:
        sys.stdout.write(f"TESTING {test}\n")
        sys.stdout.flush()
        code = pytest.main([*options, *test.split()])
        sys.stdout.flush()
        if code and code != pytest.ExitCode.NO_TESTS_COLLECTED:  # all of a file may be long ones
            return int(code)
    return 0


def ordered(mutant: Mutant) -> list[str]:
    """Return the tests of a mutant; those that noticed most other faults of its file come first, on their own."""
    noticing = (row["noticed by"] for row in results.rows() if row["file"] == mutant.file)
    often = Counter(test[0] for text in noticing if (test := re.match(r"[^ \[]+::\w+", text)))
    return [test for test, _ in often.most_common(FIRST) if test.split("::")[0] in mutant.tests] + [*mutant.tests]


def noticed_by(code: int, folder: Path) -> str:
    """Return the test that failed, the signal that ended it, or an empty text when all tests passed.

    Raises RuntimeError when the tests did not run, which is no fault of the mutant.
    """
    printed = (folder / "printed").read_text(errors="replace") if (folder / "printed").exists() else ""
    if code == 0:
        return ""
    failed = re.search(r"^(?:FAILED|ERROR) (\S+::\S+)", printed, re.MULTILINE)  # a file alone was not even read
    if code == 1 and failed:
        return failed[1]
    # the program refuses itself when it is imported; an ImportError would be one of the copy, whatever the fault
    refused = re.search(r"^ERROR (\S+) - (?!ImportError|ModuleNotFoundError)\w+Error:", printed, re.MULTILINE)
    if code == 1 and refused:
        return f"{refused[1]} (error on import)"
    if code >= 0:
        raise RuntimeError(f"the tests ended with {code}:\n{printed}")
    last = re.findall(r"^TESTING (\S+)", printed, re.MULTILINE)[-1]
    return f"{last} ({signal.Signals(-code).name})"


if __name__ == "__main__":
    sys.exit(main())
