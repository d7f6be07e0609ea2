"""What the rows of the sparsity experiment say, as tables: places, what they cost in width, positions, N:M."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from slt.core import console
from slt.core.intervals import MEANS, mean_interval, percent
from slt.core.store import Row
from slt.core.tables import Table

Floats = NDArray[np.float64]
Key = tuple[float, float, float, float, str]  # prune, lock, sparsity, factor, scope


def accuracies(rows: Sequence[Row]) -> dict[Key, Floats]:
    """Return the test accuracies of every source, (seeds,), over the seeds that all sources have.

    Raises ValueError when no seed has them all.
    """
    found: dict[Key, dict[int, float]] = {}
    for row in rows:
        key = (row["prune"], row["lock"], row["sparsity"], row["factor"], row["scope"])
        found.setdefault(key, {})[row["seed"]] = row["test"]
    seeds = sorted(set.intersection(*(set(by_seed) for by_seed in found.values()))) if found else []
    if not seeds:
        raise ValueError("no seed has been run in all sources yet: run the plan to its end first")
    return {key: np.array([by_seed[seed] for seed in seeds]) for key, by_seed in found.items()}


def perhaps_best(table: Floats, confidence: float = MEANS) -> NDArray[np.bool_]:
    """Tell which rows of (options, seeds) may be the best: none of the others is shown to be better.

    Paired by seed. The truly best option is left out with probability at most 1 - confidence: it would have to be
    shown worse than one of the others, each of which is tested at a share of the error (Bonferroni), one-sided.

    >>> perhaps_best(np.array([[0.9, 0.91, 0.9], [0.5, 0.52, 0.51]]))
    array([ True, False])
    """
    others = max(len(table) - 1, 1)
    one_sided = 1 - 2 * (1 - confidence) / others
    return np.array(
        [
            not any(mean_interval(list(b - a), one_sided).lower > 0 for j, b in enumerate(table) if j != i)
            for i, a in enumerate(table)
        ]
    )


def tables(rows: Sequence[Row]) -> Iterator[Table | str]:
    """Yield the tables of the parts that the rows hold."""
    found = accuracies(rows)
    yield from place_tables(rows, found)


def place_tables(rows: Sequence[Row], found: dict[Key, Floats]) -> Iterator[Table]:
    """Yield accuracy over the place, for each pair and each (sparsity, F)."""
    for kind, title in (("place", "p, q fixed, sparsity moved"), ("moved", "sparsity and F fixed, p moved")):
        lines = []
        for row in {(_key(row)): row for row in rows if row["kind"] == kind}.values():
            values = found[_key(row)]
            lines.append(
                (f"{row['prune']:.3g}, {row['lock']:.3g}", f"{row['place']:g}", percent(mean_interval(list(values))))
            )
        if lines:
            yield console.table(f"Test accuracy over the place; {title}", ("<p, q", "x", "test %"), lines)


def _key(row: Row) -> Key:
    return (row["prune"], row["lock"], row["sparsity"], row["factor"], row["scope"])
