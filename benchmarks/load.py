"""Is memory flat under load? The construction sweep on a cluster of this machine, every process watched.

``python -m benchmarks.load --trials 5000 --out benchmarks/results/load.jsonl``. 300 sources a width take five minutes
of one core, so 5,000 are about an hour of two workers. Every ten seconds a row says how many units are stored and how
much memory client, scheduler and workers hold; the last row tells how the sweep ended.

Flat means, as was said before the first run: of every process the median of the last quarter of the units is at most
10 % above that of the second quarter (in the first, kernels are loaded and pools filled).
"""

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from sqlite3 import OperationalError, connect
from statistics import median
from typing import Any

from benchmarks.local_group import LocalGroup
from simulations.existence import sweep
from slt.core.checks import whole
from slt.core.command import REFUTED, Parser, run
from slt.core.console import Page, progress, table
from slt.core.files import check_new
from slt.core.store import export_jsonl

Row = dict[str, Any]

SECONDS = 10.0  # between two rows
WORKERS = 2
GROWTH = 1.1
QUIET = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}  # else Dask keeps samples of an hour in every worker


def resident(pid: int) -> int | None:
    """Return the bytes of memory that a process holds (Linux), None when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), None)


def units(store: Path) -> int:
    """Return how many units are stored."""
    if not store.exists():
        return 0
    with closing(connect(store, timeout=60)) as connection:
        try:
            return int(connection.execute("SELECT max(rowid) FROM units").fetchone()[0] or 0)
        except OperationalError:  # the table is not made yet
            return 0


def watch(words: Sequence[object], folder: Path, total: int, out: Path) -> list[Row]:
    """Run ``python words..`` against a cluster in ``folder``, writing a row every ten seconds; return them."""
    rows: list[Row] = []
    store, result = folder / "runs.sqlite", folder / "rows.jsonl"
    with LocalGroup(folder, **QUIET) as group, progress(total, "units") as tick:
        for _ in range(WORKERS):
            group.worker()
        start = time.monotonic()
        client = group.client(*words, "--scheduler", group.address, "--store", store, "--out", result)
        watched = {"client": client.pid, "scheduler": group.scheduler.pid}
        watched |= {f"worker {number}": process.pid for number, process in enumerate(group.workers, 1)}
        while client.poll() is None:
            time.sleep(SECONDS)
            held = {name: resident(pid) for name, pid in watched.items()}
            if None in held.values():
                break
            rows.append({"seconds": round(time.monotonic() - start), "units": units(store), "resident": held})
            tick(rows[-1]["units"] - (rows[-2]["units"] if len(rows) > 1 else 0))
            export_jsonl(out, rows)
        said, errors = client.communicate()
        digest = blake2b(result.read_bytes(), digest_size=8).hexdigest() if result.exists() else None
        end = {"units": units(store), "store": store.stat().st_size, "code": client.returncode, "digest": digest}
        rows.append({"seconds": round(time.monotonic() - start), **end})
        export_jsonl(out, rows)
    print(said.strip().rpartition("\n")[2], errors, sep="\n", end="")
    return rows


def quarters(rows: Sequence[Row], name: str) -> list[float]:
    """Return the median memory of a process in every quarter of the units; nan where there is no row.

    >>> quarters([{"units": n, "resident": {"client": 10 * n}} for n in range(1, 9)], "client")
    [15.0, 35.0, 55.0, 75.0]
    """
    most = rows[-1]["units"]
    parts = [
        [row["resident"][name] for row in rows if part * most < 4 * row["units"] <= (part + 1) * most]
        for part in range(4)
    ]
    return [float(median(part)) if part else float("nan") for part in parts]


def flat(found: Mapping[str, Sequence[float]]) -> bool:
    """Tell whether no process grew from its second to its last quarter by more than a tenth; a missing one did."""
    return all(last <= GROWTH * second for _, second, _, last in found.values())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sweep, print memory by quarters; exit code 1 when it grew."""
    p = Parser(prog="python -m benchmarks.load", description=__doc__)
    p.add_argument("--trials", type=int, default=5000, help="sources at each width (default 5000, about an hour)")
    p.add_argument("--module", default="simulations.existence.sweep", help="whose command is run (default the sweep's)")
    p.add_argument("--out", type=Path, required=True, help="write the rows to this JSONL file, which must not exist")
    args = p.parse_args(argv)
    whole("trials", args.trials, 1)
    check_new(args.out)
    if find_spec("distributed") is None:
        raise ValueError('a cluster needs Dask: pip install -e ".[cluster]"')
    total = len(sweep.SETTINGS) * len(sweep.POSITIONS) * -(-args.trials // sweep.CHUNK)
    with tempfile.TemporaryDirectory() as folder:
        rows = watch(["-m", args.module, "--trials", args.trials], Path(folder), total, args.out)
    *samples, end = rows
    if not samples:
        raise ValueError(f"the run ended with {end['code']} before a sample was taken: give more --trials")
    found = {name: quarters(samples, name) for name in samples[-1]["resident"]}
    cells = [
        (name, *(f"{part / 1e6:.0f}" for part in parts), f"{max(row['resident'][name] for row in samples) / 1e6:.0f}")
        for name, parts in found.items()
    ]
    title = f"MB held, medians of every quarter of {end['units']:,} units in {end['seconds']:,} s"
    Page().print(table(title, ("<process", "1st", "2nd", "3rd", "4th", "largest"), cells))
    steady = flat(found)
    print(f"memory is {'flat' if steady else 'NOT flat'}; the sweep ended with {end['code']}")
    return 0 if steady and end["code"] == 0 else REFUTED


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m benchmarks.load"))
