"""Put small faults into a copy of the code, one at a time, and see whether a test notices.

``python -m tests.mutants`` runs every mutant; words after it choose those whose file or name contains one of them. Each
mutant runs in a copy of its own with an empty kernel cache, so that no loop compiled from other sources is used. The
tests of its file run one after the other until one fails. Tests that only repeat a pinned number are left out. The rows
of results.csv are brought up to date as they come. The exit code is 1 when a mutant survives that the lists do not call
harmless.
"""

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants import existence, kernels, results, torch_modules
from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
COPIED = ("common", "subsetsum", "theory", "simulations", "torch_backend", "figures", "tests", "pyproject.toml")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "rendered", "results", ".hypothesis")
SECONDS = 300  # of processor time; a mutant that needs more hangs
BYTES = 12 * 2**30
LISTS = (kernels, torch_modules, existence)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the chosen mutants and write the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", help="parts of a file's or a mutant's name (default: all mutants)")
    parser.add_argument("--jobs", type=int, default=1, help="mutants that run at once")
    args = parser.parse_args(argv)
    chosen = [mutant for mutant in every() if not args.words or any(word in str(mutant) for word in args.words)]
    pinned = [name for part in LISTS for name in part.PINNED]
    survivors = 0
    with ThreadPoolExecutor(args.jobs) as pool:
        for mutant, noticed in zip(chosen, pool.map(lambda one: noticed_by(one, pinned), chosen), strict=True):
            results.put(mutant, noticed, every())
            survivors += not noticed and not mutant.harmless
            sys.stdout.write(f"{mutant}: {noticed or 'SURVIVES ' + mutant.harmless}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen)} mutants, {survivors} survivors that are not called harmless\n")
    return 1 if survivors else 0


def every() -> list[Mutant]:
    """Return the mutants of all lists."""
    return [mutant for part in LISTS for mutant in part.MUTANTS]


def noticed_by(mutant: Mutant, pinned: Sequence[str]) -> str:
    """Return the test that fails with this mutant in place, or an empty text when all pass."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in COPIED:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / name, **({"ignore": LEFT_OUT} if source.is_dir() else {}))
        path = folder / mutant.file
        path.write_text(mutant.applied(path.read_text()))
        for test in mutant.tests:
            words = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", test]
            words += ["--hypothesis-profile", "mutants", *(f"--deselect={name}" for name in pinned)]
            environment = {
                **os.environ, "PYTHONPATH": place, "NUMBA_CACHE_DIR": str(folder / "cache"), "OMP_NUM_THREADS": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
            }  # fmt: skip
            done = subprocess.run(
                words, cwd=folder, env=environment, preexec_fn=_limits, capture_output=True, text=True
            )
            if done.returncode not in (0, 1, 2):
                return f"{test} (ends with {done.returncode})"
            if done.returncode:
                failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
                return failed[1] if failed else f"{test} ({done.stdout.strip().splitlines()[-1:]})"
    return ""


def _limits() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    sys.exit(main())
