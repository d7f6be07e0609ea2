"""Trials cut into chunks, run on threads, kept in the run store as they finish."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from joblib import Parallel, delayed

from common.cli import Parser
from common.store import Row, Store
from subsetsum.threads import workers


def add_options(parser: Parser, trials: int, what: str, seeded: str) -> None:
    """Add --trials, --seed, --out and --store. what: how trials are counted; seeded: what the seed is of."""
    parser.add_argument("--trials", type=int, default=trials, help=f"{what} (default {trials})")
    parser.add_argument("--seed", type=int, default=0, help=f"seed of {seeded} (default 0)")
    parser.add_argument("--out", type=Path, help="write the rows to this JSONL file, which must not exist")
    parser.add_argument("--store", default=":memory:", help="run store; an interrupted run resumes from it")


def measure_all(
    work: Iterable[tuple[Row, Callable[[], Row]]],
    *,
    experiment: str,
    seed: int,
    confidence: float,
    store: Store,
    tick: Callable[[int], None],
) -> list[Row]:
    """Return a row for every (key, measurement), each stored when finished and not measured again if stored."""
    rows = []
    for key, measure in work:
        row = store.get(experiment, key, seed, 0)
        if row is None:
            row = measure()
            store.put(experiment, key, seed, 0, row)
        rows.append({**key, "seed": seed, "confidence": confidence, **row})
        tick(1)
    return rows


def run_chunks(
    work: Callable[[int, int], Row],
    *,
    experiment: str,
    settings: Row,
    seed: int,
    trials: int,
    chunk: int,
    store: Store,
    jobs: int | None = None,
) -> Iterator[Row]:
    """Yield ``work(first, count)`` for consecutive chunks that cover trials 0..trials-1, in any order.

    Chunks found in ``store`` are not run again; each finished one is stored before it is yielded. ``work`` must
    depend on its arguments alone, so the rows are the same for any number of ``jobs`` (threads; default: all cores).
    """
    key = {**settings, "trials": trials, "chunk": chunk}
    missing = []
    for index, first in enumerate(range(0, trials, chunk)):
        row = store.get(experiment, key, seed, index)
        if row is not None:
            yield row
        else:
            missing.append((index, first, min(chunk, trials - first)))

    def one(index: int, first: int, count: int) -> tuple[int, Row]:
        return index, work(first, count)

    with Parallel(n_jobs=workers(jobs), backend="threading", return_as="generator_unordered") as parallel:
        for index, row in parallel(delayed(one)(*part) for part in missing):
            store.put(experiment, key, seed, index, row)
            yield row
