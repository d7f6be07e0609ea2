"""What a cluster costs and whether it loses anything: ``python -m benchmarks.cluster NAME``.

overhead: seconds and bytes that one task costs beside its work. scaling: the same curve on 1, 2 and 4 workers of this
machine. costs: seconds of a trial against eps, p and q, beside those by which sample sizes are planned. kills: twenty
times a small sweep on four workers, of which two and then the client are killed (signal 9) at random moments, drawn
from a seed, and started again; each time the result must be, byte for byte, what one process writes.
"""

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.local_group import LocalGroup, kill, stored, until
from simulations.existence import sweep
from simulations.experiments.price import row_bytes
from simulations.lemmas.measure import CurveSetting, largest_n, measure, seconds_per_trial
from simulations.run.engines import Threads
from simulations.run.units import Unit
from slt.core.checks import whole
from slt.core.command import Parser, run
from slt.core.console import Page, table
from slt.core.files import check_writable
from slt.core.keys import checked_seed
from slt.core.store import Store, canonical, export_jsonl
from theory.estimate import estimated_n

CURVE = CurveSetting(0.01, 0.4, 0.3, 1.0, 170, 400_000)
EMPTY = 500
ROUNDS = 20
WORKERS = 4  # of which two are killed
SOURCES = 300
COSTS = tuple(
    (eps, p, q) for eps in (1e-1, 1e-2, 1e-3, 1e-4) for p, q in ((0.0, 0.0), (0.4, 0.0), (0.0, 0.3), (0.4, 0.3))
)
COST_SECONDS = 0.5  # planned for each line of the table
SOME = 5  # sources of the sweep that are timed


def nothing(number: int) -> dict[str, Any]:
    """Return a row without any work."""
    return {"number": number}


class Ready:
    """An engine that has every row already."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row

    def run(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, dict[str, Any]]]:
        """Yield the same row for every unit."""
        for unit in units:
            yield unit, self.row


def cpu_seconds(group: LocalGroup) -> dict[str, float]:
    """Return the processor time of the client (this process), the scheduler and the first worker so far (Linux)."""
    found = {"client": time.process_time()}
    for name, process in (("scheduler", group.scheduler), ("worker", group.workers[0])):
        fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        found[name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def overhead() -> None:
    """Print what a task costs: client, scheduler and one worker share this machine's cores."""
    import cloudpickle

    from simulations.lemmas.measure import count_successes
    from simulations.run.cluster import connected

    with tempfile.TemporaryDirectory() as folder, LocalGroup(Path(folder)) as group:
        group.worker()
        with connected(group.address, None) as cluster:
            for first in (0, EMPTY):  # the first half makes everything warm
                # every unit its own kind, so that each is a task
                units = [Unit(i, str(i), partial(nothing, i)) for i in range(first, first + EMPTY)]
                start, used = time.perf_counter(), cpu_seconds(group)
                for _ in cluster.run(units):
                    pass
                spent = {name: now - used[name] for name, now in cpu_seconds(group).items()}
                spent["wall time"] = time.perf_counter() - start
    print(f"a task of no work ({EMPTY} of them, one worker), ms:", end=" ")
    print(", ".join(f"{name} {1e3 * seconds / EMPTY:.2f}" for name, seconds in spent.items()))
    row = {**count_successes(CURVE, 0, 0, 500), "trials": 5000}
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "s") as store:
        ready = replace(CURVE, trials=5000 * EMPTY)
        start = time.perf_counter()
        measure(ready, seed=0, store=store, engine=Ready(row))
        print(f"a unit that came back is stored and counted in {1e3 * (time.perf_counter() - start) / EMPTY:.2f} ms")
    request = len(cloudpickle.dumps([partial(count_successes, CURVE, 0, 10**9, 5000)]))
    answer = len(cloudpickle.dumps(row))
    text = len(json.dumps(row, separators=(",", ":")))
    print(f"a unit of a curve up to n = {CURVE.n_max}: request {request} bytes, answer {answer}, stored {text}")
    print(f"(at most {row_bytes(CURVE.n_max, 5000)} stored with chunks of 5000)")


def scaling(counts: Sequence[int]) -> None:
    """Print the time of one curve in this process and on growing numbers of workers."""
    rows: list[tuple[object, ...]] = []
    one = None
    for workers in (0, *counts):
        with tempfile.TemporaryDirectory() as folder, LocalGroup(Path(folder)) as group, Store() as store:
            if workers == 0:
                measure(CURVE, seed=1, store=Store(), engine=Threads(1))
                start = time.perf_counter()
                found = measure(CURVE, seed=0, store=store, engine=Threads(1))
            else:
                from simulations.run.cluster import connected

                for _ in range(workers):
                    group.worker()
                with connected(group.address, None) as cluster:
                    cluster._client.wait_for_workers(workers, timeout=60)
                    measure(CURVE, seed=1, store=Store(), engine=cluster)  # all workers load their kernels
                    start = time.perf_counter()
                    found = measure(CURVE, seed=0, store=store, engine=cluster)
            seconds = time.perf_counter() - start
        one = one or seconds
        same = blake2b(found.uniform.tobytes() + found.pointwise.tobytes(), digest_size=8).hexdigest()
        rows.append((workers or "none", f"{seconds:.2f}", f"{one / seconds:.2f}", same))
    Page().print(
        table(f"One curve of {CURVE.trials} trials on this machine", ("workers", "s", "times", "digest"), rows)
    )


def costs() -> None:
    """Print microseconds of a trial, measured on one thread and planned."""
    rows = []
    for eps, prune, lock in COSTS:
        law = {"prune": prune, "lock": lock, "radius": 1.0}
        n_max = largest_n(estimated_n(eps, 0.05, **law))
        planned = seconds_per_trial(n_max, eps)
        trials = max(20, int(COST_SECONDS / planned))
        setting = CurveSetting(eps, **law, n_max=n_max, trials=trials)
        measure(CurveSetting(eps, **law, n_max=n_max, trials=20), seed=1, store=Store(), engine=Threads(1))
        start = time.process_time()
        measure(setting, seed=0, store=Store(), engine=Threads(1))
        seconds = (time.process_time() - start) / trials
        cells = f"{eps:g}", f"{prune:g}", f"{lock:g}", n_max, trials, f"{1e6 * seconds:.1f}", f"{1e6 * planned:.1f}"
        rows.append((*cells, f"{seconds / planned:.2f}"))
    columns = ("eps", "p", "q", "n up to", "trials", "us, measured", "us, planned", "ratio")
    Page().print(table("Seconds of a trial, every n decided, both readings", columns, rows))
    rows = []
    for setting in sweep.SETTINGS:
        if (setting.prune, setting.lock) not in ((0.0, 0.0), (0.2, 0.1)):
            continue
        target = setting.target(0)
        ends = [setting.plan(target, widths) for widths in ("estimated", "proven")]
        taken = []
        for t, used in enumerate(ends):
            sweep.count(setting, used, t, 1, 0, 1)
            start = time.process_time()
            sweep.count(setting, used, t, 0, 0, SOME)
            taken.append(f"{1e3 * (time.process_time() - start) / SOME:.1f}")
        sizes = "-".join(map(str, setting.sizes))
        rows.append((sizes, f"{setting.eps:g}", f"{setting.prune:g}", f"{setting.lock:g}", *taken))
    columns = ("<target", "eps", "p", "q", "ms, t = 0", "ms, t = 1")
    Page().print(table("Milliseconds of a source: drawn, built, certified", columns, rows))


def kills(rounds: int, seed: int, out: Path | None) -> int:
    """Run the experiment; return 0 when every round gave the same bytes and no unit was lost or done over."""
    rng = random.Random(seed)
    rows = []
    small = "-m", "benchmarks.small_sweep", "--trials", SOURCES
    with tempfile.TemporaryDirectory() as name, LocalGroup(Path(name)) as group:
        folder = Path(name)
        alone = folder / "alone.jsonl"
        first = group.client(*small, "--jobs", "1", "--out", alone, "--store", folder / "alone")
        errors = first.communicate()[1]
        if first.returncode:
            raise ChildProcessError(f"the sweep on one process failed: {errors}")
        units = {row[:4]: row for row in stored(folder / "alone")}
        for _ in range(WORKERS):
            group.worker()
        for number in range(rounds):
            file, store = folder / f"{number}.jsonl", folder / f"{number}.sqlite"
            command = *small, "--scheduler", group.address, "--out", file, "--store", store
            moments = sorted(rng.randrange(1, 9 * len(units) // 10) for _ in range(3))
            waits = [rng.uniform(0, 0.1) for _ in moments]
            client = group.client(*command)
            at = []
            for turn, (moment, wait) in enumerate(zip(moments, waits, strict=True)):
                until(lambda: len(stored(store)) >= moment or client.poll() is not None)  # noqa: B023
                time.sleep(wait)
                at.append(len(stored(store)))
                if turn < 2:
                    kill(group.workers.pop(0))
                    group.worker()
                else:
                    kill(client)
            client.communicate()
            kept = stored(store)
            if client.returncode < 0:  # it may have finished before its moment
                group.client(*command).communicate()
            final = stored(store)
            row = {
                "round": number,
                "units": len(units),
                "stored when worker 1, worker 2 and the client were killed": at,
                "stored in the end": len(final),
                "kept": final[: len(kept)] == kept,
                "store as of one process": {row[:4]: row for row in final} == units,
                "same bytes": file.exists() and file.read_bytes() == alone.read_bytes(),
                "digest": blake2b(file.read_bytes(), digest_size=8).hexdigest() if file.exists() else None,
            }
            rows.append(row)
            print(canonical(row), flush=True)
    if out is not None:
        export_jsonl(out, rows)
    good = [row["same bytes"] and row["kept"] and row["store as of one process"] for row in rows]
    print(f"{sum(good)} of {rounds} rounds gave what one process gives, with every stored unit kept")
    return 0 if all(good) else 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run one of the four."""
    p = Parser(prog="python -m benchmarks.cluster", description=__doc__)
    p.add_argument("name", choices=("overhead", "scaling", "costs", "kills"))
    p.add_argument("--workers", type=int, nargs="+", default=(1, 2, 4), help="scaling: numbers of workers")
    p.add_argument("--rounds", type=int, default=ROUNDS, help="kills: how often (default 20)")
    p.add_argument("--seed", type=int, default=0, help="kills: seed of the moments (default 0)")
    p.add_argument("--out", type=Path, help="kills: write one row a round to this JSONL file")
    args = p.parse_args(argv)
    for count in args.workers:
        whole("workers", count, 1)
    whole("rounds", args.rounds, 1)
    args.seed = checked_seed(args.seed)
    if args.out is not None:
        check_writable(args.out)
    if find_spec("distributed") is None and args.name != "costs":
        raise ValueError('a cluster needs Dask: pip install -e ".[cluster]"')
    if args.name == "overhead":
        overhead()
    elif args.name == "scaling":
        scaling(args.workers)
    elif args.name == "costs":
        costs()
    else:
        return kills(args.rounds, args.seed, args.out)
    return 0


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m benchmarks.cluster"))
