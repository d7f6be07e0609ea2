"""What the rows of ``slt freezing`` say: losses against the dense source, the F at which they begin, the best sparsity.

Everything is paired by seed. Nothing is run here.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import inf

import numpy as np
from numpy.typing import NDArray

from slt.core import console
from slt.core.intervals import MEANS, Estimate, compared, mean_interval, paired_interval, points, shown
from slt.core.store import Row
from slt.core.tables import Table, Written
from torch_backend.commands.matching import crossing
from torch_backend.commands.sparsity_found import perhaps_best

DENSE, CENTRED, PRUNED, LOCKED = MODES = ("dense", "centred", "pruned", "locked")
LOSSES = (0.01, 0.02, 0.05)  # of accuracy, whose beginning is looked for

Floats = NDArray[np.float64]
Key = tuple[str, float, float]  # mode, F, sparsity


def tables(rows: Sequence[Row]) -> Iterator[Table | str]:
    """Yield the tables of the parts that the rows hold; raises ValueError when no seed has been run in all sources."""
    found = accuracies(rows)
    swept = sweep(rows, found)
    if swept:
        yield loss_table(swept, found)
        yield beginning_table(swept)
    mapped = sparsity_map(rows, found)
    if mapped:
        yield map_table(mapped)
        yield best_table(mapped)
    seeds = len(next(iter(found.values())))
    if seeds < len({row["seed"] for row in rows}):
        yield f"Seeds that not all sources have are left out; {seeds} remain."


def accuracies(rows: Sequence[Row]) -> dict[Key, Floats]:
    """Return the test accuracies of every source, (seeds,), over the seeds that all sources have.

    Raises ValueError when no seed has them all.
    """
    found: dict[Key, dict[int, float]] = {}
    for row in rows:
        found.setdefault(_key(row), {})[row["seed"]] = row["test"]
    seeds = sorted(set.intersection(*(set(by_seed) for by_seed in found.values()))) if found else []
    if not seeds:
        raise ValueError("no seed has been run in all sources yet: run the plan to its end first")
    return {key: np.array([by_seed[seed] for seed in seeds]) for key, by_seed in found.items()}


def sweep(rows: Sequence[Row], found: Mapping[Key, Floats]) -> dict[str, dict[float, tuple[float, Floats]]]:
    """Return by mode and F, rising, the sparsity and the gain over the dense source, (seeds,), of the swept sources."""
    dense = next((found[_key(row)] for row in rows if (row["kind"], row["mode"]) == ("sweep", DENSE)), None)
    swept: dict[str, dict[float, tuple[float, Floats]]] = {}
    for mode, F, sparsity in sorted({_key(row) for row in rows if row["kind"] == "sweep" and row["mode"] != DENSE}):
        if dense is not None:
            swept.setdefault(mode, {})[F] = sparsity, found[mode, F, sparsity] - dense
    return {mode: swept[mode] for mode in MODES if mode in swept}


def loss_table(swept: Mapping[str, Mapping[float, tuple[float, Floats]]], found: Mapping[Key, Floats]) -> Table:
    """Return a line for each swept source: its accuracy, and by how much it differs from the dense source's."""
    among = sum(len(by_F) for by_F in swept.values())
    lines = []
    for mode, by_F in swept.items():
        for F, (sparsity, gain) in by_F.items():
            mean = float(found[mode, F, sparsity].mean())
            difference = paired_interval(list(gain), [0.0] * len(gain), among)
            lines.append(
                (mode, f"{F:g}", f"{sparsity:g}", f"{100 * mean:.1f}", points(difference), compared(difference))
            )
    title = (
        "Accuracy over the freezing ratio F, and less that of the dense source in points, paired by seed.\n"
        f"Student's t intervals that hold together for all lines with confidence {MEANS:.0%} (Bonferroni)"
    )
    return console.table(title, ("<source", "F", "k", "test %", "difference", "<it is"), lines)


def beginning(
    by_F: Mapping[float, tuple[float, Floats]], loss: float
) -> tuple[float | None, float | None, float | None]:
    """Return the F at which the loss against the dense source becomes larger than ``loss``: lower end, value, upper.

    It is the crossing of :func:`torch_backend.commands.matching.crossing` on the free share 1 - F, whose interval
    supposes that the loss grows with F. None stands for an end that the F that were run do not tell: the loss is never
    shown to be larger (upper), is larger in the mean from the first F on or at none (value). The lower end is 0, the
    dense source, where the loss is not shown to be smaller at any F.
    """
    ratios = sorted(by_F, reverse=True)
    match = crossing([1 - F for F in ratios], np.array([by_F[F][1] for F in ratios]), loss)
    return (
        0.0 if match.upper == inf else 1 - match.upper,
        None if match.value in (0, inf) else 1 - match.value,
        None if match.lower == 0 else 1 - match.lower,
    )


def beginning_table(swept: Mapping[str, Mapping[float, tuple[float, Floats]]]) -> Table:
    """Return a line for each way to freeze: the F at which 1, 2 and 5 points are lost."""
    lines = [(mode, *(_written(*beginning(by_F, loss)) for loss in LOSSES)) for mode, by_F in swept.items()]
    title = (
        f"The F at which more than so many points are lost, {MEANS:.0%} interval each, if the loss grows with F; "
        "?: the F that\nwere run do not tell"
    )
    return console.table(
        title, ("<source", *(f"{100 * loss:g} point{'s' * (loss > LOSSES[0])}" for loss in LOSSES)), lines
    )


def _written(lower: float | None, value: float | None, upper: float | None) -> Written:
    return shown({"lower": lower, "value": value, "upper": upper}, ".2f")


def sparsity_map(rows: Sequence[Row], found: Mapping[Key, Floats]) -> dict[float, dict[float, Floats]]:
    """Return accuracies (seeds,) by F and sparsity, both rising, of sources that are dense or centred on a sparsity."""
    asked = {(row["freezing"], row["sparsity"]) for row in rows if row["kind"] == "map"}
    ratios = sorted({F for F, _ in asked})
    mapped: dict[float, dict[float, Floats]] = {}
    for mode, F, sparsity in sorted(found, key=lambda key: (key[1], key[2])):
        if mode in (DENSE, CENTRED) and F in ratios:
            mapped.setdefault(F, {})[sparsity] = found[mode, F, sparsity]
    return mapped


def map_table(mapped: Mapping[float, Mapping[float, Floats]]) -> Table:
    """Return a line for each sparsity: the mean accuracy at every F, with half of its interval."""
    sparsities = sorted({k for by_k in mapped.values() for k in by_k})
    lines = [(f"{k:g}", *(_mean(by_k.get(k)) for by_k in mapped.values())) for k in sparsities]
    title = f"Test accuracy in % over sparsity k and freezing ratio F, sources centred on k ({MEANS:.0%} intervals)"
    return console.table(title, ("k", *(f"F = {F:g}" for F in mapped)), lines)


def best_table(mapped: Mapping[float, Mapping[float, Floats]]) -> Table:
    """Return a line for each F: the sparsity of the largest mean, and those that may be the best of its line."""
    lines = []
    for F, by_k in mapped.items():
        table = np.array(list(by_k.values()))
        may = [k for k, perhaps in zip(by_k, perhaps_best(table), strict=True) if perhaps]
        best = list(by_k)[int(table.mean(axis=1).argmax())]
        lines.append((f"{F:g}", Written(f"{best:g}", f"{may[0]:g}", f"{may[-1]:g}"), said(may)))
    title = f"The best sparsity at each F [lowest and highest that may be the best, {MEANS:.0%} for each line]"
    return console.table(title, ("F", "best k", "<it lies"), lines)


def said(may: Sequence[float]) -> str:
    """Say where the best sparsity lies: below, at or above one half, or that the rows do not tell.

    >>> said([0.1, 0.3]), said([0.5]), said([0.3, 0.7])
    ('low', 'at the middle', 'undecided')
    """
    words = {"low" if k < 0.5 else "high" if k > 0.5 else "at the middle" for k in may}
    return words.pop() if len(words) == 1 else "undecided"


def _mean(values: Floats | None) -> str | None:
    if values is None:
        return None
    estimate: Estimate = mean_interval(list(values))
    half = f" ±{100 * (estimate.upper - estimate.value):.1f}" if estimate.trials > 1 else ""
    return f"{100 * estimate.value:.1f}{half}"


def _key(row: Row) -> Key:
    return row["mode"], row["freezing"], row["sparsity"]
