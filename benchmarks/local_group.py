"""A scheduler and workers on this machine, each a plain process that can be killed; nothing starts it again."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import TracebackType

from simulations.run.engines import VARIABLE

ROOT = Path(__file__).parents[1]
PATIENCE = 120.0


class LocalGroup:
    """Processes and their logs in ``folder``; settings: further environment variables, such as Dask's."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.environment = {**os.environ, "OMP_NUM_THREADS": "1", **settings}
        self.environment.pop(VARIABLE, None)
        self.file = folder / "scheduler.json"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", self.file)

    def _dask(self, what: str, *options: object, root: Path = ROOT) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", what, "--no-dashboard", *map(str, options)]
        environment = {**self.environment, "PYTHONPATH": str(root)}
        with open(self.folder / f"{what}.log", "a") as log:
            return subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)

    def worker(self, root: Path = ROOT) -> None:
        """Start a worker of one thread with the modules of ``root``."""
        options = "--no-nanny", "--nthreads", "1", "--host", "127.0.0.1", "--local-directory", self.folder
        self.workers.append(self._dask("worker", "--scheduler-file", self.file, *options, root=root))

    @property
    def address(self) -> str:
        """The scheduler's address, once it is there."""
        until(lambda: self.file.exists() and self.file.stat().st_size > 0)
        return str(json.loads(self.file.read_text())["address"])

    def client(self, *words: object) -> "subprocess.Popen[str]":
        """Start ``python words...`` with pipes for what it says; it obeys Ctrl-C, also where this process does not."""
        # a shell starts what it puts into the background deaf to SIGINT, and children inherit that
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen(
                [sys.executable, *map(str, words)],
                cwd=ROOT,
                env={**self.environment, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        finally:
            signal.signal(signal.SIGINT, before)

    def __enter__(self) -> "LocalGroup":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in (*self.workers, self.scheduler):
            kill(process)


def kill(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
    """Kill a process without a warning (signal 9)."""
    process.kill()
    process.wait()


def until(true: Callable[[], object]) -> None:
    """Wait until ``true()``; raises TimeoutError after two minutes."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE:.0f} seconds in vain")
        time.sleep(0.02)


def stored(path: Path) -> list[tuple[object, ...]]:
    """Return everything in a run store, in the order in which it was put there; nothing if there is no store yet."""
    if not path.exists():
        return []
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as connection:
        try:
            return connection.execute("SELECT * FROM units ORDER BY rowid").fetchall()
        except sqlite3.OperationalError:  # the table is not made yet
            return []
