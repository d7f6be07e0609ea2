"""Chunks of trials over threads; the kernels release the interpreter lock."""

from collections.abc import Callable
from typing import Any, TypeVar

from slt.core.checks import whole

Result = TypeVar("Result")

CHUNKS_A_WORKER = 16  # the cost of a trial has heavy tails, so many small chunks balance better than few
FEWEST_TRIALS = 16


def workers(jobs: int | None) -> int:
    """Return the number of threads: ``jobs``, or every core this process may use."""
    from joblib import cpu_count

    return cpu_count() if jobs is None else whole("jobs", jobs, 1)


def over_chunks(task: Callable[[int, int], Result], trials: int, jobs: int | None, first: int = 0) -> list[Result]:
    """Return [task(first, count), ...] for consecutive chunks of trials from ``first`` on, at least one chunk.

    What a trial gives must depend on its number only; then the joined results do not depend on jobs.
    """
    threads = workers(jobs)
    size = max(FEWEST_TRIALS, -(-trials // (CHUNKS_A_WORKER * threads)))
    chunks = [(first + start, min(size, trials - start)) for start in range(0, trials, size)] or [(first, 0)]
    if threads == 1 or len(chunks) == 1:
        return [task(*chunk) for chunk in chunks]
    from joblib import Parallel, delayed

    return Parallel(n_jobs=threads, prefer="threads")(delayed(task)(*chunk) for chunk in chunks)


class Idle:
    """What the threads of one call work in, made once for each: fresh memory for every chunk would cost page faults."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._idle: list[Any] = []

    def use(self, work: Callable[[Any], None]) -> None:
        """Call ``work`` with one that no other thread holds."""
        try:
            room = self._idle.pop()
        except IndexError:
            room = self._make()
        work(room)
        self._idle.append(room)
