"""Curves that are measured while the caller does something else: all of them are one stream of work for one engine."""

from collections.abc import Iterator
from queue import Empty, SimpleQueue
from threading import Condition, Thread
from types import TracebackType

import numpy as np

from simulations.lemmas.measure import EXPERIMENT, Curve, CurveSetting, chunks, goals
from simulations.run.runner import chunks_of, stamped
from simulations.run.units import Engine, Unit
from slt.core.store import Row, Store


class Curves:
    """The curves asked for, measured in that order by a thread of their own; every finished chunk is stored.

    On leaving, what has begun is still finished and stored, and the rest is dropped.
    """

    def __init__(self, *, seed: int, store: Store, engine: Engine) -> None:
        self._seed, self._store, self._engine = seed, store, engine
        self._waiting: SimpleQueue[Unit] = SimpleQueue()
        self._changed = Condition()  # held by whoever uses the store or what follows
        self._found: dict[CurveSetting, Curve] = {}
        self._done: dict[CurveSetting, int] = {}
        self._error: BaseException | None = None
        self._left = False
        self._thread = Thread(target=self._measure, daemon=True)

    def __enter__(self) -> "Curves":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left = True
        self._thread.join()

    def start(self, setting: CurveSetting) -> None:
        """Ask for a curve; nothing happens where it was asked for before."""
        if setting in self._found:
            return
        part = chunks(setting, self._seed)
        with self._changed:
            rows, units = chunks_of(setting, part, experiment=EXPERIMENT, seed=self._seed, store=self._store)
            points = setting.n_max + 1
            pointwise = np.zeros((points, len(goals(setting))), np.int64)
            self._found[setting] = Curve(np.zeros(points, np.int64), pointwise, 0)
            self._done[setting] = 0
            for row in rows:
                self._add(setting, row)
        for unit in units:
            self._waiting.put(unit)

    def share(self, setting: CurveSetting) -> float:
        """Return which share of a curve's trials is done, 1 when it is finished; raise what the engine has raised."""
        with self._changed:
            if self._error is not None:
                raise self._error
            return self._done.get(setting, 0) / setting.trials

    def wait(self, seconds: float) -> None:
        """Wait until a chunk is finished, at most some seconds."""
        with self._changed:
            if self._error is None:
                self._changed.wait(seconds)

    def curve(self, setting: CurveSetting) -> Curve:
        """Return a curve that is finished."""
        if self.share(setting) != 1:
            raise RuntimeError(f"{self._done.get(setting, 0)} of {setting.trials} trials are done")
        return self._found[setting]

    def _add(self, setting: CurveSetting, row: Row) -> None:
        before = self._found[setting]
        done = before.trials + row["trials"]
        self._found[setting] = Curve(before.uniform + row["uniform"], before.pointwise + row["pointwise"], done)
        self._done[setting] = done

    def _units(self) -> Iterator[Unit | None]:
        while not self._left:
            try:
                yield self._waiting.get_nowait()
            except Empty:
                yield None

    def _measure(self) -> None:
        try:
            for unit, row in self._engine.run(self._units()):
                setting, index = unit.name
                with self._changed:
                    self._store.put(EXPERIMENT, stamped(chunks(setting, self._seed).key), self._seed, index, row)
                    self._add(setting, row)
                    self._changed.notify_all()
        except BaseException as error:  # told to whoever asks next
            with self._changed:
                self._error = error
                self._changed.notify_all()
