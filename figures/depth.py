"""Accuracy of graph networks over their depth: dense, locked and frozen sources.

What to see: deep graph networks are said to smooth their features away, and locking to prevent it. Nothing is
smoothed away here, as the line of the dense source does not fall with depth. The locked source is worse than it with
two layers, better with four, and as good with more. Bars are 95 % intervals of means over seeds. Reads the file
claims-depth.jsonl that ``slt experiments --run depth`` writes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures.record import Figure, words
from figures.style import COLOURS, MARKERS, arrange, key, panels, save, tips
from slt.core.intervals import mean_interval, percent
from slt.core.places import committed
from slt.core.store import Row
from torch_backend.experiments.runs import chosen, setting

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULT = committed("torch_backend", "claims-depth.jsonl")
SERIES = {
    "dense, k = 0.5": ((0.0, 0.0), COLOURS["measured"]),
    "locked, q = 0.5, k = 0.25": ((0.0, 0.5), COLOURS["necessary"]),
    "frozen, p = q = 0.25, k = 0.5": ((0.25, 0.25), COLOURS["sufficient"]),
}
APART = 0.12  # between series, in layers


def load(*paths: str | Path) -> list[Row]:
    """Return the rows of ``slt experiments --run depth``, by default the committed ones."""
    return FIGURE.rows(paths)


def draw(ax: "Axes", rows: Sequence[Row]) -> None:
    """Draw a line for each source."""
    for place, (name, ((p, q), colour)) in enumerate(SERIES.items()):
        of = chosen(rows, prune=p, lock=q)
        depths = sorted({setting(row, "depth") for row in of})
        tests = [[row["test"] for row in chosen(of, depth=depth)] for depth in depths]
        means = [mean_interval(values) for values in tests]
        x, y = [depth + APART * (place - 1) for depth in depths], [100 * each.value for each in means]
        bars = [
            [100 * (each.value - each.lower) for each in means],
            [100 * (each.upper - each.value) for each in means],
        ]
        ax.errorbar(x, y, yerr=bars, marker=MARKERS[place], color=colour, ms=8, lw=1.8, capsize=4, label=name)
        tips(ax, x, y, [
            f"{name}, {depth} layers: test {percent(each)} %, {len(values)} seeds from 0; {FIGURE.again()}"
            for depth, values, each in zip(depths, tests, means, strict=True)
        ])  # fmt: skip
    ax.set_xticks(sorted({setting(row, "depth") for row in rows}))
    ax.set_xlabel("layers of the graph network")
    ax.set_ylabel("test accuracy, %")


def render(rows: Sequence[Row], folder: str | Path, name: str = "depth") -> list[Path]:
    """Draw the figure and write the files to ``folder``; return their paths."""
    with panels(size=(10, 5.4)) as (figure, ax):
        draw(ax, rows)
        ax.set_title("GIN on Cora")
        key(ax, loc="best", fontsize=12)
        arrange(figure)
        return save(figure, name, folder)


FIGURE = Figure(
    name="depth",
    about="accuracy of graph networks over their depth: dense, locked and frozen sources",
    results=(RESULT,),
    commands=(words("slt experiments --run depth --results", RESULT),),
    minutes=25,
    needs=("seed", "test", "settings.prune", "settings.lock", "settings.depth"),
    load=load,
    render=render,
)
