"""What limits success, and how many variables are needed, over all pruning and locking rates.

What to see: the map over (p, q) says which share of the failures, at the estimated n, is a lack of reach: the sums end
before the targets. The others leave gaps: a lack of resolution. Without locking resolution decides; a fifth of
locking already turns most failures into reach, whatever is pruned. The contours are the estimated n: far more is needed
at the same free share when it is locking that takes the rest. Reads the rows that
``slt simulate atlas --out FILE`` writes.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from figures.curves import ATLAS, COMMAND, MINUTES, requirement_text, rows_of
from figures.style import command, panels, save, tips
from slt.core.command import run
from slt.core.store import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

__all__ = ["COMMAND", "MINUTES", "RESULT", "draw", "load", "main", "render"]

RESULT = ATLAS
EPS, DELTA, STEP = 0.01, 0.05, 0.1
PALE = 0.35  # keeps the ends of the colours out, on which lines are hard to see
LEVELS = (20, 30, 50, 100, 200, 500, 1000)


def load(path: str | Path = RESULT) -> list[Row]:
    """Return the atlas's needs on the map's grid of rates."""
    rows = [row for row in rows_of("needs", path) if (row["eps"], row["delta"]) == (EPS, DELTA)]
    return [row for row in rows if all(abs(row[rate] / STEP - round(row[rate] / STEP)) < 1e-9 for rate in RATES)]


RATES = ("prune", "lock")


def grid(rows: Sequence[Row], name: str) -> np.ma.MaskedArray:
    """Return ``name`` over (lock, prune), masked where there is no row."""
    size = 1 + max(round(row[rate] / STEP) for row in rows for rate in RATES)
    values = np.ma.masked_all((size, size))
    for row in rows:
        values[round(row["lock"] / STEP), round(row["prune"] / STEP)] = row[name]
    return values


def draw(ax: "Axes", rows: Sequence[Row]) -> "QuadMesh":
    """Draw the map of reach's share and the contours of n; return the map, for a colour bar."""
    share, n = grid(rows, "reach_share"), grid(rows, "estimated")
    places = STEP * np.arange(len(share))
    mesh = ax.pcolormesh(places, places, share, cmap="PuOr_r", vmin=-PALE, vmax=1 + PALE, shading="nearest")
    lines = ax.contour(
        places, places, np.ma.log(n), [np.log(level) for level in LEVELS], colors="black", linewidths=1.6
    )
    ax.clabel(lines, fmt={np.log(level): f"{level}" for level in LEVELS}, fontsize=11)
    texts = [f"reach has {row['reach_share']:.0%} of the failures; {requirement_text(row)}" for row in rows]
    tips(ax, [row["prune"] for row in rows], [row["lock"] for row in rows], texts)
    ax.plot([0, 1], [1, 0], color="#555555", lw=1)
    ax.text(0.56, 0.56, "nothing free: p + q = 1", rotation=-45, ha="center", va="center", color="#555555")
    ax.set_xlim(-STEP / 2, 1)
    ax.set_ylim(-STEP / 2, 1)
    ax.set_aspect("equal")
    ax.grid(visible=False)
    ax.set_xlabel("pruned share p")
    ax.set_ylabel("locked share q")
    return mesh


def render(rows: Sequence[Row], folder: str | Path, name: str = "regimes") -> list[Path]:
    """Write PNG and SVG to ``folder``."""
    with panels(size=(7.4, 6.2)) as (figure, ax):
        mesh = draw(ax, rows)
        bar = figure.colorbar(mesh, ax=ax, shrink=0.85)
        bar.ax.set_ylim(0, 1)
        bar.ax.set_yticks([0, 0.5, 1], ["resolution\ndecides", "half of\nthe failures\nby reach", "reach\ndecides"])
        ax.set_title(
            f"A little locking, and reach decides\nlines: estimated n; eps = {EPS:g}, delta = {DELTA:g}, uniform"
        )
        figure.tight_layout()
        paths = save(figure, name, folder)
    return paths


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the committed result, or the one named."""
    return command("regimes", __doc__, RESULT, lambda results, out: render(load(results), out), argv)


if __name__ == "__main__":
    sys.exit(run(main, None, "slt figures regimes"))
