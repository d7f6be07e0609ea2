"""What the figures of the theory share: the rows of the atlas, and the three lines of every requirement."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figures.style import COLOURS
from slt.core.places import committed
from slt.core.store import Row, read_jsonl

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ATLAS = committed("simulations", "atlas.jsonl")
COMMAND = "slt simulate atlas --out simulations/results/atlas.jsonl"
MINUTES = 6
LINES: dict[str, tuple[str, dict[str, Any]]] = {
    "sufficient": ("sufficient (proven)", {}),
    "estimated": ("estimated", {"ls": "--"}),
    "necessary": ("necessary (proven)", {}),
}


def rows_of(kind: str, path: str | Path) -> list[Row]:
    """Return the atlas's rows of one kind."""
    return [row for row in read_jsonl(path) if row["kind"] == kind]


def requirement_lines(ax: "Axes", rows: Sequence[Row], x: Sequence[float]) -> None:
    """Draw the necessary, estimated and sufficient n of ``rows`` over ``x``; missing estimates are left out."""
    for name, (label, look) in LINES.items():
        known = [(at, row[name]) for at, row in zip(x, rows, strict=True) if row[name] is not None]
        ax.plot(*zip(*known, strict=True), color=COLOURS[name], label=label, marker="o", ms=3.5, **look)


def requirement_text(row: Row) -> str:
    """Say everything of one setting of the atlas's needs."""
    estimated = "-" if row["estimated"] is None else row["estimated"]
    return (
        f"necessary n = {row['necessary']}, estimated {estimated}, sufficient {row['sufficient']}, "
        f"eps = {row['eps']:g}, delta = {row['delta']:g}, p = {row['prune']:g}, q = {row['lock']:g}, "
        f"uniform, seed {row['seed']}; {COMMAND}"
    )
