"""Measurements and chunks of trials, kept in the run store as they finish, done wherever an engine does them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b

from simulations.run.engines import Threads
from simulations.run.units import Engine, Unit
from slt.core.forms import Form, check
from slt.core.store import Row, Store, canonical
from slt.core.versions import software

# measurements, each with the key that it is stored under and the form of its row
Work = list[tuple[Row, Callable[[], Row], Form]]


def kept(store: Store, experiment: str, key: Row, seed: int, chunk: int, form: Form) -> Row | None:
    """Return the row that this software has stored, or None; rows of other versions are not used.

    Raises ValueError when the row is not of its ``form``, OSError when the store is damaged.
    """
    row = store.get(experiment, stamped(key), seed, chunk)
    if row is not None:
        check(row, form, f"a row of {experiment} in {store.path}")
    return row


def stamped(key: Row) -> Row:
    """Return ``key`` with a digest of the software that a row is made by."""
    return {**key, "software": blake2b(canonical(software()).encode(), digest_size=6).hexdigest()}


def measure_all(
    work: Work,
    *,
    experiment: str,
    seed: int,
    confidence: float,
    store: Store,
    tick: Callable[[int], None],
    engine: Engine | None = None,
) -> list[Row]:
    """Return a row for every (key, measurement), each stored when finished and not measured again if stored.

    engine: by default this thread, one measurement after the other; a measurement may use threads of its own.
    """
    keys: list[Row] = []
    found: dict[int, Row] = {}
    missing = []
    for place, (key, measure, form) in enumerate(work):
        keys.append(key)
        row = kept(store, experiment, key, seed, 0, form)
        if row is None:
            missing.append(Unit(place, " ".join(key), measure))  # rows with the same names are alike
        else:
            found[place] = row
            tick(1)
    for unit, row in (engine or Threads(1)).run(missing):
        store.put(experiment, stamped(keys[unit.name]), seed, 0, row)
        found[unit.name] = row
        tick(1)
    return [{**key, "seed": seed, "confidence": confidence, **found[place]} for place, key in enumerate(keys)]


@dataclass(frozen=True)
class Chunks:
    """Trials 0..trials-1 of one setting in consecutive chunks; ``work(first, count)`` does one and returns its row.

    work must depend on its arguments alone, and be a module's function (with arguments bound by functools.partial).
    form: that of the row of ``count`` trials.
    """

    settings: Row
    trials: int
    chunk: int
    work: Callable[[int, int], Row]
    form: Callable[[int], Form]

    @property
    def key(self) -> Row:
        """What the chunks are stored under, beside their number."""
        return {**self.settings, "trials": self.trials, "chunk": self.chunk}


def run_chunks(
    parts: Sequence[Chunks], *, experiment: str, seed: int, store: Store, engine: Engine | None = None
) -> Iterator[tuple[int, Row]]:
    """Yield the rows of all chunks of all parts in any order, each with its part's place in ``parts``.

    Chunks found in ``store`` are not run again; each finished one is stored before it is yielded. The rows do not
    depend on the engine (by default a thread a core) nor on how it groups the chunks.
    """
    missing: list[Unit] = []
    for place, part in enumerate(parts):
        rows, units = chunks_of(place, part, experiment=experiment, seed=seed, store=store)
        yield from ((place, row) for row in rows)
        missing += units
    for unit, row in (engine or Threads()).run(missing):
        place, index = unit.name
        store.put(experiment, stamped(parts[place].key), seed, index, row)
        yield place, row


def chunks_of(place: object, part: Chunks, *, experiment: str, seed: int, store: Store) -> tuple[list[Row], list[Unit]]:
    """Return the rows of the chunks of a part that are stored, and the units of the others: (place, number) each."""
    rows, missing = [], []
    key = part.key
    for index, first in enumerate(range(0, part.trials, part.chunk)):
        count = min(part.chunk, part.trials - first)
        row = kept(store, experiment, key, seed, index, part.form(count))
        if row is not None:
            rows.append(row)
        else:
            missing.append(Unit((place, index), str(place), partial(part.work, first, count)))
    return rows, missing
