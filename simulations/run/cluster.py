"""Units of work on a Dask cluster: sent in groups, counted as they come back, sent again when their workers die.

The store stays with the client: workers compute and keep nothing. Of a run that ends early, for whatever reason, all
units that came back are stored, and the same command started again computes only the others.
"""

import asyncio
import logging
import os
import socket
import struct
import time
import warnings
from asyncio import CancelledError
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar, cast

import cloudpickle
from distributed import Client, Future, KilledWorker, get_worker
from distributed.comm import connect
from distributed.comm.addressing import parse_address, parse_host_port
from distributed.comm.registry import get_backend
from distributed.security import Security
from distributed.versions import VersionMismatchWarning

from simulations.run.pace import Pace, groups
from simulations.run.units import IDLE, Unit
from slt.core.checks import DAMAGE, first_line
from slt.core.command import meant
from slt.core.store import Row, read_json
from slt.core.versions import check_unchanged, difference, software

CONNECT = 10.0  # seconds in which a scheduler must answer
NO_DASK = "what answers there is no Dask scheduler"
MOST_GREETING, MOST_PARTS = 2**20, 64  # bytes, and their parts, with which a scheduler greets; some hundred, and 2
NO_WORKER = 60.0  # seconds without any worker after which to give up
LOOK = 2.0  # seconds between two counts of the workers
TRIES = 3  # how often a unit is handed to the scheduler, which gives up when the unit's workers die four times

T = TypeVar("T")
KEPT = "what is finished stays in the run store, if it is a file, and the same command goes on from there"


@dataclass(frozen=True)
class Task:
    """A group of units that the scheduler was asked for, and how often."""

    units: list[Unit]
    future: Future
    tries: int


Landed = tuple[str, tuple[list[Row], float] | None, BaseException | None]  # key, rows with seconds or what went wrong


class Refused(ValueError):
    """Bad input, as a unit told it on a worker."""


class Lost(OSError):
    """The connection to the scheduler broke."""


class Cluster:
    """The workers of one scheduler; name: how its user calls it."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name
        self._seen = (float("-inf"), 1)
        self._last_worker = time.monotonic()

    @property
    def jobs(self) -> int:
        """Threads of all workers, as they are now; raises OSError as :meth:`run` does."""
        return self._threads()

    def run(self, units: Iterable[Unit | None]) -> Iterator[tuple[Unit, Row]]:
        """Yield every unit with its row, as they are finished.

        A group whose worker dies goes to another one; after several deaths its units are tried one by one, and one
        that keeps killing workers raises OSError. So does a lost connection, a minute without any worker, and a worker
        with other software.
        """
        pace = Pace()
        waiting = groups(units, lambda kind: pace.size(kind, self._threads()))
        flying: dict[str, Task] = {}
        more = True
        landed: SimpleQueue[Landed] = SimpleQueue()

        async def fetch(future: Future) -> None:
            # whatever happens must arrive: as_completed() would wait forever for a result lost on its way
            try:
                landed.put((future.key, await future, None))
            except (Exception, CancelledError) as error:
                landed.put((future.key, None, error))

        def send(group: list[Unit], tries: int) -> None:
            # pickled here, so that the scheduler passes on plain bytes
            calls = cloudpickle.dumps([unit.call for unit in group])
            future = self._client.submit(perform, calls, software(), pure=False)
            flying[future.key] = Task(group, future, tries)
            self._client.loop.add_callback(fetch, future)

        try:
            while True:
                # a thread's next group is there when it has done one
                room = 2 * self._threads() - len(flying)
                while more and room > 0:
                    group = next(waiting, None)
                    more = group is not None
                    if not group:
                        break
                    send(group, 1)
                    room -= 1
                if not flying:
                    if not more:
                        return
                    time.sleep(IDLE)
                    continue
                arrived = self._next(landed, IDLE if more and room > 0 else None)
                if arrived is None:
                    continue
                key, result, error = arrived
                task = flying.pop(key)
                if result is None:
                    self._check_died(task, error)
                    for unit in task.units:
                        send([unit], task.tries + 1)
                    continue
                rows, seconds = result
                pace.learn(task.units[0].kind, len(rows), seconds)
                yield from zip(task.units, rows, strict=True)
        finally:
            if flying and self._client.status == "running":
                with suppress(OSError):
                    self._client.cancel([task.future for task in flying.values()], force=True)

    def _next(self, landed: "SimpleQueue[Landed]", patience: float | None) -> Landed | None:
        """Wait for a task to come back, in one way or another; None where none does in ``patience`` seconds."""
        while True:
            try:
                return landed.get(timeout=patience or LOOK)
            except Empty:
                if self._client.status not in ("running", "connecting"):
                    raise self._lost() from None
                self._threads()
                if patience is not None:
                    return None

    def _threads(self) -> int:
        """Return how many threads work now, at least 1: for a while all workers may be gone, and others come."""
        when, count = self._seen
        if time.monotonic() - when > LOOK:
            try:
                count = sum(self._client.nthreads(callback_timeout=NO_WORKER).values())
            except OSError as error:
                raise self._lost() from error
            now = time.monotonic()
            self._seen = (now, count)
            if count:
                self._last_worker = now
            elif now - self._last_worker > NO_WORKER:
                raise OSError(no_worker(self._name) + "; " + KEPT)
        return max(1, count)

    def _check_died(self, task: Task, error: BaseException | None) -> None:
        """Return when a task has no result because its workers died and it may be tried again; else raise why."""
        if isinstance(error, KilledWorker):
            if task.tries < TRIES:
                return
            raise OSError(
                f"a unit of work was given up: {TRIES * (error.allowed_failures + 1)} workers died while they had it "
                "(out of memory?); what is finished is stored"
            ) from error
        if error is None or task.future.status != "error":  # not the unit's own: the way to the scheduler is broken
            raise self._lost() from error
        if isinstance(error, ImportError | AttributeError):
            raise OSError(f"a worker of {self._name} lacks software that the client has: {error}") from error
        if isinstance(error, Refused):
            raise ValueError(str(error)) from error  # raised here, so that it is told as bad input is
        raise error

    def _lost(self) -> Lost:
        return Lost(f"the connection to the scheduler {self._name} was lost; {KEPT}")


def no_worker(name: str) -> str:
    """Say that nobody works."""
    return f"the scheduler {name} has had no worker for {NO_WORKER:.0f} seconds"


def perform(pickled: bytes, wanted: dict[str, str]) -> tuple[list[Row], float]:
    """Do a group of units on a worker; return their rows and the seconds they took.

    Raises OSError when this worker's software differs from the client's, since results might, and :class:`Refused`
    for bad input: on its way an error loses where it was raised, by which the client tells it from a fault.
    """
    try:
        check_unchanged()
    except OSError as error:
        raise OSError(f"worker {get_worker().address}: {error}") from None
    if other := difference(software(), wanted):
        raise OSError(f"worker {get_worker().address} has other software than the client: {other}")
    os.environ["LOKY_MAX_CPU_COUNT"] = "1"  # joblib's count of cores: a unit takes one of the worker's threads
    calls = cloudpickle.loads(pickled)
    start = time.perf_counter()
    try:
        rows = [call() for call in calls]
    except ValueError as error:
        if meant(error):
            raise Refused(str(error)) from None
        raise
    return rows, time.perf_counter() - start


def address_in(file: str) -> str:
    """Return the address in a scheduler's file; raises OSError when there is none."""
    try:
        return str(read_json(file)["address"])
    except OSError as error:
        raise OSError(f"scheduler file {file} cannot be read: {error.strerror}") from None
    except DAMAGE:
        raise OSError(f"{file} is not what a scheduler writes") from None


def check_address(address: str) -> None:
    """Raise ValueError, at once, for what cannot be a scheduler's address; a client would fail slowly and noisily."""
    try:
        scheme, rest = parse_address(address)
        get_backend(scheme)
        port = parse_host_port(rest)[1]
        if not 0 <= port < 2**16:
            raise ValueError(f"no port has the number {port}")
    except ValueError as error:
        raise ValueError(f"scheduler must be an address such as tcp://host:8786, got {address!r}: {error}") from None
    if scheme == "tls" and Security().get_connection_args("client")["ssl_context"] is None:
        raise ValueError(
            f"scheduler {address} needs TLS certificates: set distributed.comm.tls in Dask's configuration"
        )


def reached(name: str) -> Client:
    """Return a client of the scheduler at this address; raises OSError within ten seconds, whatever answers there."""
    end = time.monotonic() + CONNECT
    try:
        check_speaks(name, end)
        # a client that fails would first wait for the other side, and then print what happened
        left = max(end - time.monotonic(), 0.1)
        within(left, lambda: asyncio.run(check_scheduler(name, left)))
        left = max(end - time.monotonic(), 0.1)
        return within(left, partial(Client, name, timeout=left, set_as_default=False))
    except Exception as error:  # of a foreign answer nearly any can come
        what = f"no answer within {CONNECT:g} seconds" if isinstance(error, TimeoutError) else first_line(error)
        raise OSError(f"no scheduler can be reached at {name}: {what}") from error


def check_speaks(name: str, end: float) -> None:
    """Raise OSError where what answers at an address is no part of Dask; ``end``: until when to wait.

    Dask would take what comes first for the length of a message, and get memory for it: of "HTTP/1.1", 3 EiB.
    """
    scheme, rest = parse_address(name)
    if scheme not in ("tcp", "tls"):
        return
    with socket.create_connection(parse_host_port(rest), max(end - time.monotonic(), 0.1)) as plain:
        context = Security().get_connection_args("client").get("ssl_context") if scheme == "tls" else None
        # both sides greet each other at once: the length of the greeting, how many parts it has, how long they are
        with context.wrap_socket(plain) if context else plain as stream:
            for most in (MOST_GREETING, MOST_PARTS):
                if not 0 < struct.unpack("<Q", _received(stream, 8, end))[0] <= most:
                    raise OSError(NO_DASK)


async def check_scheduler(name: str, seconds: float) -> None:
    """Raise OSError where no scheduler is at an address."""
    comm = await connect(name, timeout=seconds, **Security().get_connection_args("client"))
    try:
        await comm.write({"op": "identity", "reply": True})
        kind = (await comm.read())["type"]
    finally:
        comm.abort()
    if kind != "Scheduler":
        raise OSError(f"what answers there is a {kind}")


def _received(stream: socket.socket, length: int, end: float) -> bytes:
    found = b""
    while len(found) < length:
        stream.settimeout(max(end - time.monotonic(), 0.1))
        part = stream.recv(length - len(found))
        if not part:
            raise OSError(NO_DASK)
        found += part
        if time.monotonic() > end:
            raise TimeoutError
    return found


def within(seconds: float, work: Callable[[], T]) -> T:
    """Return what ``work`` returns; raise TimeoutError when it takes longer, and leave it to itself."""
    box: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            box.put((work(), None))
        except BaseException as error:
            box.put((None, error))

    Thread(target=run, daemon=True).start()
    try:
        found, error = box.get(timeout=seconds)
    except Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return cast(T, found)


@contextmanager
def connected(address: str | None, file: str | None) -> Iterator[Cluster]:
    """Open the cluster of a scheduler's address, or of the file that the scheduler wrote.

    Raises ValueError when the address cannot be one, OSError when there is no scheduler, or it has no worker for a
    minute.
    """
    name = address_in(file) if file else str(address)
    check_address(name)
    for logger in [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "distributed"]:
        logging.getLogger(logger).setLevel(logging.CRITICAL + 1)  # what breaks is told in one line
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VersionMismatchWarning)  # what matters is compared on the workers
        warnings.filterwarnings("ignore", "Sending large graph")  # a unit has its data with it: parts of a mask
        client = reached(name)
        try:
            try:
                # its own timeout does not hold while the scheduler is silent
                within(NO_WORKER + 1, partial(client.wait_for_workers, 1, timeout=NO_WORKER))
            except TimeoutError:
                raise OSError(f"{no_worker(name)}: start one, dask worker {name}") from None
            yield Cluster(client, name)
        finally:
            with suppress(OSError):
                client.close(timeout=CONNECT if client.status == "running" else 0.5)  # it would wait for a lost one
