"""What rows of ``slt compare`` say, as tables: means, and differences of what shares its seeds."""

from collections.abc import Iterable, Iterator, Sequence
from math import inf

import numpy as np

from slt.core import console
from slt.core.intervals import MEANS, Estimate, compared, mean_interval, paired_interval, percent, points
from slt.core.store import Row
from slt.core.tables import Table

SOURCES = {  # and what rows, folders and presets call them
    "dense": "dense",
    "pruned": "sparse",
    "equal": "equal",
    "equal-centre": "equal-centre",
    "frozen": "frozen",
}
CALLED = {kept: source for source, kept in SOURCES.items()}
REFERENCE = "edge-popup"

Key = tuple[float, float, float, bool, str]  # prune, lock, sparsity, planted, method


def tables(rows: Sequence[Row]) -> Iterator[Table]:
    """Yield the table of means, then the paired differences of sources and of methods, where there are any."""
    yield table(rows)
    if lines := list(between_sources(rows)):
        head = ("<source", "k", "its k", "<method")
        yield _differences(lines, "The frozen source's accuracy less another source's", (*head, "<frozen is"))
    if lines := list(between_methods(rows)):
        title = f"A method's accuracy less that of {reference(rows)}, on the same source"
        yield _differences(lines, title, ("<source", "k", "<method", "<it is"))


def table(rows: Iterable[Row]) -> Table:
    """Return a line for each source, sparsity and method: means over seeds with intervals."""
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((_source(row), f"{row['sparsity']:g}", row["method"]), []).append(row)
    with_planted = any(group[0]["planted"] for group in groups.values())
    lines = []
    for (source, sparsity, method), group in groups.items():
        rates = f"{group[0]['prune']:.3g}, {group[0]['lock']:.3g}"
        line: list[object] = [source, sparsity, rates, method, percent(mean_interval([row["test"] for row in group]))]
        if with_planted:
            line += [_mean_percent(group, name) for name in ("planted_test", "recovered", "chance")]
        bits, seconds = (float(np.mean([row[name] for row in group])) for name in ("bits", "seconds"))
        collapsed = max(row["collapsed"] for row in group)
        lines.append([*line, f"{bits:,.0f}", f"{seconds:.1f}", collapsed, len(group)])
    shown = ["planted %", "recovered %", "chance %"] if with_planted else []
    columns = ["<source", "k", "p, q", "<method", "test %", *shown, "bits", "seconds", "empty", "seeds"]
    title = f"Test accuracy, {MEANS:.0%} intervals of the mean over seeds; empty: layers of which nothing is left"
    return console.table(title, columns, lines)


Line = tuple[tuple[str, ...], list[float], list[float]]  # what is compared, both accuracies over shared seeds


def between_sources(rows: Iterable[Row]) -> Iterator[Line]:
    """Yield for each frozen source and method every other source that stands beside it, each once.

    Beside a frozen source of rates (p, q) and sparsity k stand the dense one at k, the pruned one of the same p at k,
    the pruned one of the same size (p + q pruned) at k, and that one at its own centre, (1 + p + q)/2.
    """
    found = _accuracies(rows)
    for (p, q, k, planted, method), ours in found.items():
        F = round(p + q, 9)
        beside = {
            "dense": (0.0, 0.0, k),
            "pruned": (p, 0.0, k),
            "equal": (F, 0.0, k),
            "equal-centre": (F, 0.0, round((1 + F) / 2, 9)),
        }
        once = {rates: name for name, rates in reversed(beside.items())}  # of equal ones the first
        for name, rates in beside.items():
            theirs = found.get((*rates, planted, method))
            if q > 0 and theirs is not None and once[rates] == name:
                what = f"{name}, planted" if planted else name
                yield (what, f"{k:g}", f"{rates[2]:g}", method), *_shared(ours, theirs)


def between_methods(rows: Sequence[Row]) -> Iterator[Line]:
    """Yield for each source and method but the first or Edge-Popup that method beside it."""
    found, first = _accuracies(rows), reference(rows)
    called = {_key(row): _source(row) for row in rows}
    for key, ours in found.items():
        theirs = found.get((*key[:-1], first))
        if key[-1] != first and theirs is not None:
            yield (called[key], f"{key[2]:g}", key[-1]), *_shared(ours, theirs)


def reference(rows: Sequence[Row]) -> str:
    """Return the method that others are compared with: Edge-Popup, or the first where it has not been run."""
    methods = [row["method"] for row in rows]
    return REFERENCE if REFERENCE in methods else str(methods[0])


def _differences(lines: Sequence[Line], what: str, columns: tuple[str, ...]) -> Table:
    cells: list[tuple[object, ...]] = []
    for words, ours, theirs in lines:
        if not ours:
            cells.append((*words, None, "no seed in common", 0))
            continue
        found = paired_interval(ours, theirs, len(lines))
        unknown = found.trials < 2
        said = "one seed" if unknown else compared(found)
        cells.append((*words, points(_bounded(found), 2), said, found.trials))
    title = (
        f"{what}, in points, paired by seed.\nStudent's t intervals of the mean difference that hold together for all "
        f"lines with confidence {MEANS:.0%} (Bonferroni)"
    )
    return console.table(title, (*columns[:-1], "difference", columns[-1], "seeds"), cells)


def _bounded(found: Estimate) -> Estimate:
    """Return the interval within the differences that shares can have, -1 to 1."""
    if found.lower == -inf:
        return found
    return Estimate(max(found.lower, -1.0), found.value, min(found.upper, 1.0), found.trials)


def _accuracies(rows: Iterable[Row]) -> dict[Key, dict[int, float]]:
    """Return the test accuracies by seed of every case."""
    found: dict[Key, dict[int, float]] = {}
    for row in rows:
        found.setdefault(_key(row), {})[row["seed"]] = row["test"]
    return found


def _key(row: Row) -> Key:
    prune, lock, sparsity = (round(row[name], 9) for name in ("prune", "lock", "sparsity"))
    return prune, lock, sparsity, row["planted"], row["method"]


def _shared(ours: dict[int, float], theirs: dict[int, float]) -> tuple[list[float], list[float]]:
    """Return the accuracies over the seeds that both have."""
    seeds = sorted(ours.keys() & theirs.keys())
    return [ours[seed] for seed in seeds], [theirs[seed] for seed in seeds]


def _source(row: Row) -> str:
    called = CALLED[row["source"]]
    return f"{called}, planted" if row["planted"] else called


def _mean_percent(group: list[Row], name: str) -> str | None:
    return f"{100 * np.mean([row[name] for row in group]):.1f}" if name in group[0] else None
