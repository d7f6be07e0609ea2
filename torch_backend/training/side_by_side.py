"""Searches side by side: several processes, each with its share of the processor's cores.

The steps of a small network are short, and a second core shortens them little: its threads wait for each other. Two
searches in two processes of one thread each keep both cores busy (``python -m benchmarks.side_by_side`` measures it).
Every search is the run that it is alone: it draws its own numbers, writes its own files, and goes on from its own
checkpoint. Only the number of its threads may differ, see :func:`side_by_side`.

    calls = [partial(run, settings, seed, folder / f"seed{seed}", root, device, print) for seed in range(10)]
    for number, row in side_by_side(calls, jobs=2):
        ...  # the row of calls[number], as soon as it is there
"""

import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import torch

from slt.core.checks import first_line, whole
from slt.core.command import meant
from subsetsum.threads import workers

R = TypeVar("R")


def side_by_side(calls: Sequence[Callable[[], R]], jobs: int = 1) -> Iterator[tuple[int, R]]:
    """Yield (number of the call, what it returns) for every one of ``calls``, as they finish.

    jobs: how many run at a time. 1: in this process, in their order, with the threads that torch has here. More: each
    in a process of its own, with an equal share of the cores as its threads, at least one. The calls, what they return
    and what they raise must then be picklable: functions of modules, and :func:`functools.partial` of them.

    A call that raises ends the others, and its error is raised here. So does Ctrl-C. What a call has written by then
    stays, so that it can go on from there. Processes end with this one, also when it is killed.
    Raises ValueError when ``jobs`` is below 1, OSError when a process was ended from outside.
    """
    if whole("jobs", jobs, 1) == 1 or len(calls) < 2:
        for number, call in enumerate(calls):
            yield number, call()
        return
    waiting = iter(enumerate(calls))
    at_work: dict[Connection, int] = {}
    with _processes(min(jobs, len(calls)), max(workers(None) // jobs, 1)) as idle:
        while True:
            while idle and (next_one := next(waiting, None)) is not None:
                pipe = idle.pop()
                at_work[pipe] = next_one[0]
                with suppress(BrokenPipeError):  # its process is gone, which its answer says
                    pipe.send(next_one[1])
            if not at_work:
                return
            ready = connection.wait(list(at_work))
            for pipe in [pipe for pipe in at_work if pipe in ready]:
                idle.append(pipe)
                yield at_work.pop(pipe), _answer(pipe)


@contextmanager
def _processes(count: int, threads: int) -> Iterator[list[Connection]]:
    """Yield pipes to ``count`` fresh processes that do what they are sent; the processes end with the block.

    They end at once, whatever they do: files are written whole or not at all.
    """
    context = get_context("spawn")  # not forked: torch's threads do not survive that
    pipes, processes = [], []
    try:
        for _ in range(count):
            ours, theirs = context.Pipe()
            processes.append(context.Process(target=_work, args=(theirs, threads), daemon=True))
            processes[-1].start()
            theirs.close()  # so that its end is seen here
            pipes.append(ours)
        yield list(pipes)
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.join()
        for pipe in pipes:
            pipe.close()


def _answer(pipe: Connection) -> Any:
    """Return what a call returned, or raise what it raised."""
    try:
        found, error, trace, refused = pipe.recv()
    except (EOFError, ConnectionError):
        raise OSError(
            "a process of a search was ended from outside (out of memory, perhaps); the same command goes on after the "
            "last epochs, with smaller --jobs in less memory"
        ) from None
    if error is None:
        return found
    if isinstance(error, ValueError) and not refused:  # raised here it would pass for a refusal of ours
        error = RuntimeError(f"{type(error).__name__}: {first_line(error)}")
    raise error from RuntimeError(f"in another process:\n{trace}")


def _work(pipe: Connection, threads: int) -> None:
    """Answer every call that is sent. Ctrl-C is for the first process, with which this one ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        call = pipe.recv()
        answer: tuple[Any, ...]
        try:
            answer = call(), None, "", False
        except Exception as error:  # of any kind: it is raised in the first process
            refused = isinstance(error, ValueError) and meant(error)
            answer = None, error, traceback.format_exc(), refused
        pipe.send(answer)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
