"""What the comparison of constructed and found tickets prints."""

from collections.abc import Callable, Sequence
from math import exp, log

from slt.core import console
from slt.core.intervals import Estimate, mean_interval, shown
from slt.core.store import Row
from slt.core.tables import Table, Written

HEAD = ("p", "q", "t", "weights")
Number = Callable[[Row], float]


def best(found: Sequence[Row]) -> Row:
    """Return the ticket with the least training loss."""
    return min(found, key=lambda ticket: float(ticket["loss"]))


def groups(rows: Sequence[Row]) -> dict[tuple[float, float, float], list[Row]]:
    """Return the rows of every (p, q, t), in the rows' order: they differ in their source."""
    found: dict[tuple[float, float, float], list[Row]] = {}
    for row in rows:
        found.setdefault((row["prune"], row["lock"], row["t"]), []).append(row)
    return found


def errors(name: str, rows: Sequence[Row], which: str) -> Table:
    """Return the "sup" or the "mean" error at test inputs: constructed, imitated at that and at the best sparsity."""
    columns: dict[str, Number] = {
        "constructed": lambda row: row["constructed"]["test"][which],
        "found, the\nsame sparsity": lambda row: row["imitated"][0]["test"][which],
        "found, the\nbest sparsity": lambda row: best(row["imitated"])["test"][which],
    }
    if which == "sup":
        columns = {"constructed,\ncertified": lambda row: row["constructed"]["certified"], **columns}
    title = f"Target {name}, eps = {rows[0]['eps']:g}: {which} error; geometric means, {_confidence(rows)} intervals"
    return _table(title, columns, rows, ".2g", geometric=True)


def accuracies(rows: Sequence[Row]) -> Table:
    """Return the share of right test labels: target, constructed, imitated at the best sparsity, found on labels."""
    columns: dict[str, Number] = {
        "target": lambda row: row["target accuracy"],
        "constructed": lambda row: row["constructed"]["accuracy"],
        "imitated": lambda row: best(row["imitated"])["accuracy"],
        "on labels": lambda row: best(row["labelled"])["accuracy"],
    }
    title = f"Accuracy on held-out digits; means over sources, {_confidence(rows)} interval"
    return _table(title, columns, rows, ".3f")


def _table(title: str, columns: dict[str, Number], rows: Sequence[Row], form: str, geometric: bool = False) -> Table:
    cells = []
    for (p, q, t), chosen in groups(rows).items():
        line = [f"{p:g}", f"{q:g}", f"{t:g}", f"{chosen[0]['weights']:,}"]
        for number in columns.values():
            found = interval([number(row) for row in chosen], rows[0]["confidence"], geometric)
            several = found.trials > 1 and found.lower < found.upper
            line.append(shown(found, form) if several else Written(format(found.value, form)))
        cells.append(line)
    return console.table(title, (*HEAD, *columns), cells)


def interval(values: Sequence[float], confidence: float, geometric: bool) -> Estimate:
    """Return the mean over sources with Student's t interval: of shares, within [0, 1]; geometric: of logarithms."""
    if not geometric:
        found = mean_interval(values, confidence)
        return Estimate(max(found.lower, 0.0), found.value, min(found.upper, 1.0), found.trials)
    found = mean_interval([log(value) for value in values], confidence)
    return Estimate(exp(found.lower), exp(found.value), exp(found.upper), found.trials)


def _confidence(rows: Sequence[Row]) -> str:
    return f"{rows[0]['confidence']:.0%}"
