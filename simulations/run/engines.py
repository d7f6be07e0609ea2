"""Where units of work are done: on threads of this process, or on the workers of a Dask cluster.

A row is the same on any of them (:mod:`simulations.run.units`).
"""

import os
import time
from argparse import Namespace
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from importlib.util import find_spec

from simulations.run.units import IDLE, Engine, Unit, ready
from slt.core.command import Parser
from slt.core.store import Row
from subsetsum.threads import workers

VARIABLE = "DASK_SCHEDULER_ADDRESS"


class Threads:
    """Threads of this process; jobs: how many, by default one a core. One job is done by the calling thread itself."""

    def __init__(self, jobs: int | None = None) -> None:
        self.jobs = workers(jobs)

    def run(self, units: Iterable[Unit | None]) -> Iterator[tuple[Unit, Row]]:
        """Yield every unit with its row, as they are finished."""
        if self.jobs == 1:
            for unit in units:
                if unit is None:
                    time.sleep(IDLE)
                else:
                    yield unit, unit.call()
            return
        waiting = iter(units)
        running: dict[Future[Row], Unit] = {}
        with ThreadPoolExecutor(self.jobs) as pool:
            try:
                while True:
                    # no more than a thread's next one is handed out, so that an interruption is obeyed soon
                    found, more = ready(waiting, 2 * self.jobs - len(running))
                    running |= {pool.submit(unit.call): unit for unit in found}
                    if not running:
                        if not more:
                            return
                        time.sleep(IDLE)
                        continue
                    patience = IDLE if more and len(running) < 2 * self.jobs else None
                    for future in wait(running, patience, return_when=FIRST_COMPLETED).done:
                        unit = running.pop(future)
                        yield unit, future.result()
            finally:
                pool.shutdown(cancel_futures=True)


def add_engine_options(parser: Parser) -> None:
    """Add --scheduler and --scheduler-file."""
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help=f"do the work on the Dask cluster of this scheduler, such as tcp://host:8786 (default: ${VARIABLE}, "
        "else this machine); results are the same",
    )
    parser.add_argument("--scheduler-file", metavar="FILE", help="the same, by the file that the scheduler wrote")


@contextmanager
def open_engine(args: Namespace, jobs: int | None) -> Iterator[Engine]:
    """Open the engine that the options ask for: ``jobs`` threads here, or a cluster.

    Raises ValueError when both options are given or Dask is missing, OSError when the cluster cannot be reached or is
    lost.
    """
    if args.scheduler is not None and args.scheduler_file is not None:
        raise ValueError("--scheduler and --scheduler-file name the same thing: give one of them")
    address = args.scheduler
    if address is None and args.scheduler_file is None:
        address = os.environ.get(VARIABLE) or None
    if address is None and args.scheduler_file is None:
        yield Threads(jobs)
        return
    if find_spec("distributed") is None:
        asked = address if args.scheduler_file is None else args.scheduler_file
        raise ValueError(f'the scheduler {asked} needs Dask: pip install -e ".[cluster]"')
    from simulations.run.cluster import connected

    with connected(address, args.scheduler_file) as cluster:
        yield cluster
