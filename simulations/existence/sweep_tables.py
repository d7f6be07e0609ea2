"""What the width sweep prints: its tables, and the ranges over all settings."""

from collections.abc import Sequence

from slt.core import console
from slt.core.store import Row
from slt.core.tables import Table

EVENTS = ("within", "certified")
PLANS = {"proven": 1.0, "estimated": 0.0}  # where they stand on the path
HEAD = ("<target", "eps", "p", "q")


def neurons(sizes: Sequence[int], blocks: Sequence[int]) -> int:
    """Hidden neurons of the source."""
    return sum(n * b for n, b in zip(sizes, blocks, strict=False))


def ratio(row: Row, name: str, event: str) -> float | None:
    """Return how many times the measured number of hidden neurons a plan has; None if the path did not reach it."""
    found = row["measured"][event]["value"]
    if found is None:
        return None
    return neurons(row["sizes"], row[name]) / neurons(row["sizes"], found["blocks"])


def _head(row: Row) -> tuple[str, ...]:
    return "-".join(map(str, row["sizes"])), f"{row['eps']:g}", f"{row['prune']:g}", f"{row['lock']:g}"


def _times(row: Row, event: str) -> list[str | None]:
    found = (ratio(row, name, event) for name in PLANS)
    return [None if x is None else f"{x:.2f}" for x in found]


def widths(rows: Sequence[Row]) -> Table:
    """Return the block sizes: proven, estimated, and measured by the certified error between its two ends."""
    cells = []
    for row in rows:
        found = [row["measured"]["certified"][end] for end in ("fails", "value", "suffices")]
        sizes = [*(row[name] for name in PLANS), *(end and end["blocks"] for end in found)]
        cells.append((*_head(row), *(b and " ".join(map(str, b)) for b in sizes), *_times(row, "certified")))
    columns = (*HEAD, *PLANS, "fails at", "measured", "suffices at", "proven\n/ meas.", "estimated\n/ meas.")
    title = f"Block sizes b_1 .. b_L; measured: for a certified error <= eps with probability {1 - rows[0]['delta']:g}"
    return console.table(title, columns, cells)


def rates(rows: Sequence[Row]) -> Table:
    """Return success rates of both plans for both events, and their neurons over those measured for "within"."""
    cells = []
    for row in rows:
        at = {point["t"]: point["rate"] for point in row["points"]}
        found = [at[t][event]["value"] for t in PLANS.values() for event in EVENTS]
        cells.append((*_head(row), *(f"{rate:.3f}" for rate in found), *_times(row, "within")))
    columns = [f"{name}\n{event}" for name in PLANS for event in EVENTS]
    title = "Success rates of the plans; their hidden neurons over those measured for all weights within eps_l"
    return console.table(title, (*HEAD, *columns, "proven\n/ meas.", "estimated\n/ meas."), cells)


def constants(rows: Sequence[Row]) -> Table:
    """Return the published form at C = 1 and the constants that would make it the measured widths."""

    def largest(found: Sequence[float] | None) -> str:
        return "?" if found is None else f"{max(found):.3g}"

    cells = []
    for row in rows:
        found = row["constant"]["certified"]
        layers = None if found["value"] is None else " ".join(f"{c:.3g}" for c in found["value"])
        proven = " ".join(str(n * b) for n, b in zip(row["sizes"], row["proven"], strict=False))
        published = " ".join(f"{w:.0f}" for w in row["published"])
        interval = f"[{largest(found['fails'])}, {largest(found['suffices'])}]"
        cells.append((*_head(row), proven, published, layers, largest(found["value"]), interval))
    columns = (*HEAD, "proven", "published, C = 1", "C by layer", "C", "interval")
    return console.table(
        "Widths of source layers; C: what the published form needs for the measured ones", columns, cells
    )


def ranges(rows: Sequence[Row]) -> list[str]:
    """Return the ranges over settings of the plans' excess and of C, in lines."""
    lines = []
    for event in EVENTS:
        for name in PLANS:
            found = [x for row in rows if (x := ratio(row, name, event)) is not None]
            if found:
                lines.append(f"{name} / measured ({event}), hidden neurons: {min(found):.2f} to {max(found):.2f}")
    groups: dict[str, list[float]] = {}
    for row in rows:
        layers = row["constant"]["certified"]["value"]
        if layers is not None:
            for name in (f"p = {row['prune']:g}, q = {row['lock']:g}", "all settings"):
                groups.setdefault(name, []).append(max(layers))
    for name, found in sorted(groups.items(), reverse=True):
        lines.append(f"C of the published form, {name}: {min(found):.3g} to {max(found):.3g}")
    return lines
