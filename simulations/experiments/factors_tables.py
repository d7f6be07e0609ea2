"""What the command for width factors prints: measured factors beside their predictions, and how far off those are."""

from collections.abc import Sequence

from slt.core import console
from slt.core.intervals import shown
from slt.core.store import Row
from slt.core.tables import Table

PREDICTIONS = ("necessary", "estimated", "proven", "published")
SHORT = {"necessary": "nec.", "estimated": "est.", "proven": "prov.", "published": "publ."}
TITLES = {
    "uniform": "Subset sums, uniform reading",
    "pointwise": "Subset sums, pointwise reading",
    "within": "Built networks, every weight within its eps_l",
    "certified": "Built networks, certified error <= eps",
}


def ratio(row: Row, name: str) -> float | None:
    """Return how many times the measured factor a prediction is; None where either is missing."""
    predicted, measured = row["predicted"].get(name), row["factor"]["value"]
    return None if predicted is None or measured is None else predicted / measured


def table(rows: Sequence[Row], part: str) -> Table:
    """Return the measured smallest n (or hidden neurons), its factor, the predicted ones, and predicted / measured."""
    names = [name for name in PREDICTIONS if name in rows[0]["predicted"]]
    networks = "sizes" in rows[0]
    cells = []
    for row in rows:
        target = ["-".join(map(str, row["sizes"]))] if networks else []
        head = [f"{row['prune']:g}", f"{row['lock']:g}", *target, f"{row['eps']:g}"]
        measured = [shown(row["measured"]), shown(row["factor"], ".2f")]
        numbers = [*(row["predicted"][name] for name in names), *(ratio(row, name) for name in names)]
        cells.append([*head, *measured, *(None if x is None else f"{x:.2f}" for x in numbers)])
    columns = ["p", "q", *(["<target"] if networks else []), "eps", "neurons" if networks else "n", "factor"]
    title = f"{TITLES[part]}, delta = {rows[0]['delta']:g}: n(p, q) / n(0, 0), measured and predicted"
    return console.table(
        title, [*columns, *(SHORT[name] for name in names), *(f"{SHORT[name]}\n/ meas." for name in names)], cells
    )


def summary(rows: Sequence[Row]) -> str:
    """Return the range of predicted / measured, and how many intervals hold the prediction, a line each."""
    lines = []
    for name in PREDICTIONS:
        found = [(row, value) for row in rows if (value := ratio(row, name)) is not None]
        if found:
            least, most = min(value for _, value in found), max(value for _, value in found)
            held = sum(_holds(row["factor"], row["predicted"][name]) for row, _ in found)
            lines.append(f"{name} / measured: {least:.2f} to {most:.2f}; in the interval {held} of {len(found)} times")
    return "\n".join(lines) + "\n"


def _holds(interval: Row, value: float) -> bool:
    lower, upper = interval["lower"], interval["upper"]
    return (lower is None or lower <= value) and (upper is None or value <= upper)
