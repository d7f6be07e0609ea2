"""How long does the main job take, now and at another revision? ``python -m benchmarks.main_job --against REVISION``.

Both checkouts run the same command in turn, each with an empty cache (cold) and, where there is a cache, once more with
what that run left (warm). Seconds to the first table and to the end, and seconds of CPU, are medians over all rounds.
The other revision is checked out into a temporary worktree. What the two print is compared, blank lines aside. Rows are
written after every round.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.local_group import ROOT
from slt.core.checks import whole
from slt.core.command import Parser, run
from slt.core.console import Page, table
from slt.core.files import check_writable
from slt.core.store import export_jsonl

COMMAND = ("-m", "subsetsum.verify", "--lock", "0.3", "--prune", "0.4")
OUT = ROOT / "benchmarks" / "results" / "main-job.jsonl"


def timed(checkout: Path, cache: Path) -> tuple[dict[str, float], list[str]]:
    """Run the main job of a checkout; return its seconds, and what it prints without blank lines."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(checkout), "PYTHONUNBUFFERED": "1"}
    environment.pop("SLT_VERIFY_CACHE", None)
    first, lines = None, []
    before, start = os.times(), time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *COMMAND], cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if first is None and line.startswith("Lemma"):
                first = time.perf_counter() - start
            if line.strip():
                lines.append(line)
    end, after = time.perf_counter() - start, os.times()
    if child.returncode != 0 or first is None:
        raise OSError(f"the main job of {checkout} ended with exit code {child.returncode}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"first_table": first, "end": end, "cpu": cpu}, lines


def git(*words: str) -> str:
    """Return what a git command says; raises OSError where it fails."""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"git {words[0]}: {(done.stderr.strip() or 'it failed').splitlines()[-1]}")
    return done.stdout.strip()


def main(argv: Sequence[str] | None = None) -> int:
    """Time the main job of this checkout, and of another revision, in turn."""
    parser = Parser(prog="python -m benchmarks.main_job", description=__doc__)
    parser.add_argument("--against", metavar="REVISION", help="git revision to compare with")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each, interleaved (default 5)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no round after so long")
    parser.add_argument("--out", type=Path, default=OUT, help=f"default {OUT.relative_to(ROOT)}")
    args = parser.parse_args(argv)
    rounds = whole("rounds", args.rounds, 1)
    check_writable(args.out)
    other = None if args.against is None else git("rev-parse", "--verify", f"{args.against}^{{commit}}")
    rows: list[dict[str, Any]] = []
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        checkouts = {git("rev-parse", "HEAD"): ROOT}
        if other is not None:
            checkouts[other] = Path(folder) / "other"
            git("worktree", "add", "--detach", str(checkouts[other]), other)
        try:
            for number in range(rounds):
                if number and time.monotonic() - begin > args.seconds:
                    break
                said = {}
                for revision, checkout in checkouts.items():
                    cache = Path(folder) / f"{revision}-{number}"
                    cache.mkdir()
                    for state in ("cold", "warm"):
                        if state == "warm" and not any(cache.iterdir()):
                            continue  # this revision keeps nothing
                        seconds, said[revision, state] = timed(checkout, cache)
                        load = os.getloadavg()[0]
                        place = {"cores": os.cpu_count(), "load": load}
                        rows.append({"revision": revision[:7], "state": state, "round": number, **seconds, **place})
                rows[-1]["same_output"] = len({tuple(lines) for lines in said.values()}) == 1
                export_jsonl(args.out, rows)
        finally:
            if other is not None:
                git("worktree", "remove", "--force", str(checkouts[other]))
    show(rows)
    return 0


def show(rows: Sequence[dict[str, Any]]) -> None:
    """Print the medians."""
    cells = []
    for revision, state in dict.fromkeys((row["revision"], row["state"]) for row in rows):
        runs = [row for row in rows if (row["revision"], row["state"]) == (revision, state)]
        medians = [statistics.median(row[name] for row in runs) for name in ("first_table", "end", "cpu", "load")]
        cells.append((revision, state, len(runs), *(f"{value:.1f}" for value in medians)))
    columns = ("<revision", "<cache", "runs", "first table, s", "end, s", "CPU, s", "load")
    out = Page()
    out.print(table(f"The main job, medians; {rows[0]['cores']} cores", columns, cells))
    same = all(row.get("same_output", True) for row in rows)
    out.print("All runs print the same." if same else "What is printed DIFFERS between runs.")


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m benchmarks.main_job"))
