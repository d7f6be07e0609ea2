"""Trials cut into chunks, run on threads, kept in the run store as they finish."""

from collections.abc import Callable, Iterator

from joblib import Parallel, delayed

from common.store import Row, Store
from subsetsum.threads import workers


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
