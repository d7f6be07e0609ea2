"""What the figures of the theory share: the rows of the atlas, and the three lines of every requirement."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from figures.record import words
from figures.style import COLOURS
from slt.core.places import committed
from slt.core.store import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NEEDS = ("eps", "delta", "prune", "lock", "seed", "necessary", "estimated", "sufficient")  # of a requirement
ATLAS = committed("simulations", "atlas.jsonl")
COMMANDS = (words("slt simulate atlas --out", ATLAS),)
MINUTES = 6
LINES: dict[str, tuple[str, dict[str, Any]]] = {
    "sufficient": ("sufficient (proven)", {}),
    "estimated": ("estimated", {"ls": "--"}),
    "necessary": ("necessary (proven)", {}),
}


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
        f"uniform, seed {row['seed']}; {shlex.join(COMMANDS[0])}"
    )
