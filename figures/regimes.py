"""What limits success, and how many variables are needed, over all pruning and locking rates.

What to see: the map over (p, q) says which share of the failures, at the estimated n, is a lack of reach: the sums end
before the targets. The others leave gaps: a lack of resolution. Without locking resolution decides; a fifth of
locking already turns most failures into reach, whatever is pruned. The contours are the estimated n: far more is needed
at the same free share when it is locking that takes the rest. Reads the rows that
``slt simulate atlas --out FILE`` writes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from figures.curves import ATLAS, COMMANDS, MINUTES, NEEDS, requirement_text
from figures.record import Figure
from figures.style import arrange, finding, for_paper, panels, save, tips
from slt.core.store import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

RESULT = ATLAS
EPS, DELTA, STEP = 0.01, 0.05, 0.1
PALE = 0.35  # keeps the ends of the colours out, on which lines are hard to see
LEVELS = (20, 30, 50, 100, 200, 500, 1000)


def load(*paths: str | Path) -> list[Row]:
    """Return the rows of kind "needs" of ``slt simulate atlas`` on the map's grid of rates, by default the committed.

    Raises ValueError where fewer than two rates of pruning or of locking are on the grid.
    """
    rows = FIGURE.rows(paths, {"kind": "needs", "eps": EPS, "delta": DELTA})
    rows = [row for row in rows if all(abs(row[rate] / STEP - round(row[rate] / STEP)) < 1e-9 for rate in RATES)]
    if any(len({row[rate] for row in rows}) < 2 for rate in RATES):
        raise ValueError(
            f"{', '.join(map(str, FIGURE.files(paths)))}: the figure regimes needs at least two pruning and two "
            f"locking rates that are multiples of {STEP:g}, at eps = {EPS:g} and delta = {DELTA:g}"
        )
    return rows


RATES = ("prune", "lock")


def grid(rows: Sequence[Row], name: str) -> np.ma.MaskedArray:
    """Return ``name`` over (lock, prune), masked where there is no row."""
    size = 1 + max(round(row[rate] / STEP) for row in rows for rate in RATES)
    values = np.ma.masked_array(np.zeros((size, size)), mask=True)
    for row in rows:
        if row[name] is not None:
            values[round(row["lock"] / STEP), round(row["prune"] / STEP)] = row[name]
    return values


def draw(ax: "Axes", rows: Sequence[Row]) -> "QuadMesh":
    """Draw the map of reach's share and the contours of n; return the map, for a colour bar."""
    share, n = grid(rows, "reach_share"), grid(rows, "estimated")
    places = STEP * np.arange(len(share))
    mesh = ax.pcolormesh(places, places, share, cmap="PuOr_r", vmin=-PALE, vmax=1 + PALE, shading="nearest")
    levels = LEVELS[:: 2 if for_paper() else 1]  # in a narrow map their numbers would lie on one another
    if any(n.min() <= level <= n.max() for level in levels):
        lines = ax.contour(
            places, places, np.ma.log(n), [np.log(level) for level in levels], colors="black", linewidths=1.6
        )
        ax.clabel(lines, fmt={np.log(level): f"{level}" for level in levels}, fontsize=11)
    rows = [row for row in rows if row["reach_share"] is not None]
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
    """Draw the rows, write the files to ``folder`` and return their paths."""
    with panels(size=(7.4, 6.2)) as (figure, ax):
        mesh = draw(ax, rows)
        bar = figure.colorbar(mesh, ax=ax, shrink=0.85)
        bar.ax.set_ylim(0, 1)
        bar.ax.set_yticks([0, 0.5, 1], ["resolution\ndecides", "half of\nthe failures\nby reach", "reach\ndecides"])
        headline = finding("A little locking, and reach decides", "Which share of the failures is a lack of reach")
        ax.set_title(f"{headline}\nlines: estimated n; eps = {EPS:g}, delta = {DELTA:g}, uniform")
        arrange(figure)
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="regimes",
    about="what limits success, and the required number of variables, over all rates",
    results=(RESULT,),
    commands=COMMANDS,
    minutes=MINUTES,
    needs=(*NEEDS, "reach_share"),
    load=load,
    render=render,
)
