"""Is search short of existence? Tickets found by Edge-Popup beside tickets constructed in the same source.

What to see: above, the largest error to the target's function at fixed test inputs, against the number of weights of
the source. The construction fails in narrow sources and is far below eps (line) from the estimated width (dotted) on;
search starts no worse but does not get there: what exists in wide sources it does not find. Below, the accuracy on
held-out digits: search on labels is near the target at widths at which the construction is not yet. A column a pair
of rates, an open mark a source, lines through the means (geometric for errors). Where no estimated width is drawn
such a source has more weights than the experiment allows. Reads the rows that
``slt simulate found --out FILE`` writes.
"""

import sys
from collections.abc import Callable, Sequence
from math import exp, log
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from figures.style import COLOURS, command, panels, save, tips
from simulations.experiments.found.command import LARGEST
from simulations.experiments.found.tables import best, groups
from slt.core.command import run
from slt.core.places import committed
from slt.core.store import Row, read_jsonl

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULT = committed("simulations", "found.jsonl")
COMMAND = "slt simulate found --out simulations/results/found.jsonl"
MINUTES = 10
ESTIMATED = 0.0  # position of the estimated width on the path

Number = Callable[[Row], float]
ERRORS: dict[str, tuple[str, str, Number]] = {
    "constructed by the proof": (COLOURS["measured"], "o", lambda row: row["constructed"]["test"]["sup"]),
    "found, imitating the target": (COLOURS["sufficient"], "s", lambda row: best(row["imitated"])["test"]["sup"]),
    "found, at the constructed sparsity": (COLOURS["statistical"], "^", lambda row: row["imitated"][0]["test"]["sup"]),
}
ACCURACIES: dict[str, tuple[str, str, Number]] = {
    "constructed by the proof": (COLOURS["measured"], "o", lambda row: row["constructed"]["accuracy"]),
    "found, imitating the target": (COLOURS["sufficient"], "s", lambda row: best(row["imitated"])["accuracy"]),
    "found on labels": (COLOURS["necessary"], "D", lambda row: best(row["labelled"])["accuracy"]),
}


def load(path: str | Path = RESULT) -> list[Row]:
    """Return the rows of a run."""
    return read_jsonl(path)


def draw(ax: "Axes", rows: Sequence[Row], lines: dict[str, tuple[str, str, Number]], geometric: bool) -> None:
    """Draw the numbers of one target and one pair of rates over the weights of the source."""
    from matplotlib.ticker import NullFormatter

    by_width = [chosen for _, chosen in sorted(groups(rows).items())]
    for name, (colour, marker, number) in lines.items():
        x = [row["weights"] for row in rows]
        y = [number(row) for row in rows]
        ax.plot(x, y, ls="", marker=marker, ms=5, color=colour, mfc="none", mew=1.1, alpha=0.8)
        tips(ax, x, y, (f"{name}: {value:.3g}; {_text(row)}" for row, value in zip(rows, y, strict=True)))
        means = [mean([number(row) for row in chosen], geometric) for chosen in by_width]
        ax.plot([chosen[0]["weights"] for chosen in by_width], means, color=colour, marker=marker, ms=3, label=name)
    for row in rows:
        if row["t"] == ESTIMATED:
            label = "estimated width" if row["source"] == 0 else None
            ax.axvline(row["weights"], color="#555555", ls=":", lw=1.4, zorder=0, label=label)
    if all(row["t"] != ESTIMATED for row in rows):
        note = f"estimated width:\nnot built, over\n{LARGEST:,} weights"
        ax.text(0.04, 0.55, note, transform=ax.transAxes, color="#555555", fontsize=10)
    ax.set_xscale("log")
    ax.xaxis.set_minor_formatter(NullFormatter())


def mean(values: Sequence[float], geometric: bool) -> float:
    """Return the mean, or the geometric mean.

    >>> mean([1, 4], False), mean([1, 4], True)
    (2.5, 2.0)
    """
    return exp(fmean(log(value) for value in values)) if geometric else fmean(values)


def _text(row: Row) -> str:
    return (
        f"target {row['target']}, p = {row['prune']:g}, q = {row['lock']:g}, {row['weights']:,} weights, "
        f"blocks {' '.join(map(str, row['blocks']))}, eps = {row['eps']:g}, seed {row['seed']}, "
        f"source {row['source']}; {COMMAND}"
    )


def render(rows: Sequence[Row], folder: str | Path, name: str = "found") -> list[Path]:
    """Draw errors above, accuracies below, a column for each pair of rates, and write PNG and SVG to ``folder``."""
    rates = list(dict.fromkeys((row["prune"], row["lock"]) for row in rows))
    size = (4.2 * len(rates), 7.6)
    with panels(2, len(rates), size=size, squeeze=False, sharex="row", sharey="row") as (figure, axes):
        for column, (p, q) in enumerate(rates):
            here = [row for row in rows if (row["prune"], row["lock"]) == (p, q)]
            random, digits = ([row for row in here if row["target"] == target] for target in ("random", "digits"))
            above, below = axes[:, column]
            draw(above, random, ERRORS, geometric=True)
            above.set_yscale("log")
            above.axhline(random[0]["eps"], color="#888888", lw=1, label="eps")
            above.set_title(f"p = {p:g}, q = {q:g}")
            draw(below, digits, ACCURACIES, geometric=False)
            below.axhline(digits[0]["target accuracy"], color="#888888", lw=1, label="the target itself")
            below.set_xlabel("weights of the source")
        axes[0, 0].set_ylabel("random target:\nlargest error")
        axes[1, 0].set_ylabel("digits 0 to 4:\naccuracy")
        for ax, first, means in zip(axes[:, -1], axes[:, 0], ("geometric means", "means"), strict=True):
            # the first column has the estimated width in both rows
            first.plot(
                [], [], ls="", marker="o", mfc="none", color="#333333", label=f"open: one source; lines: {means}"
            )
            ax.legend(*first.get_legend_handles_labels(), loc="center left", bbox_to_anchor=(1, 0.5))
        figure.suptitle("Search is accurate in narrow sources, but misses the closeness that exists in wide ones")
        figure.tight_layout()
        paths = save(figure, name, folder)
    return paths


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the committed result, or the one named."""
    return command("found", __doc__, RESULT, lambda results, out: render(load(results), out), argv)


if __name__ == "__main__":
    sys.exit(run(main, None, "slt figures found"))
