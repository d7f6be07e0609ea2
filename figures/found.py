"""Is search short of existence? Tickets found by Edge-Popup beside tickets constructed in the same source.

What to see: above, the largest error to the target's function at fixed test inputs, against the number of weights of
the source. The construction fails in narrow sources and is far below eps (line) from the estimated width (dotted) on;
search starts no worse but does not get there: what exists in wide sources it does not find. Below, the accuracy on
held-out digits: search on labels is near the target at widths at which the construction is not yet. A column a pair
of rates, an open mark a source, lines through the means (geometric for errors). Where no estimated width is drawn
such a source has more weights than the experiment allows. Reads the rows that
``slt simulate found --out FILE`` writes.
"""

from collections.abc import Callable, Sequence
from math import exp, log
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from figures.record import Figure, words
from figures.style import COLOURS, arrange, finding, for_paper, key, panels, save, tips
from simulations.experiments.found.command import LARGEST
from simulations.experiments.found.tables import best, groups
from slt.core.places import committed
from slt.core.store import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULT = committed("simulations", "found.jsonl")
TARGETS = {  # label of the axis, kind of the means
    "random": ("random target:\nlargest error", "geometric means"),
    "digits": ("digits 0 to 4:\naccuracy", "means"),
}
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


def load(*paths: str | Path) -> list[Row]:
    """Return the rows of ``slt simulate found``, by default of the committed run."""
    return FIGURE.rows(paths)


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
        ax.text(0.04, 0.46 if for_paper() else 0.55, note, transform=ax.transAxes, color="#555555", fontsize=10)
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
        f"source {row['source']}; {FIGURE.again()}"
    )


def render(rows: Sequence[Row], folder: str | Path, name: str = "found") -> list[Path]:
    """Draw errors above, accuracies below, a column for each pair of rates, and write PNG and SVG to ``folder``."""
    rates = list(dict.fromkeys((row["prune"], row["lock"]) for row in rows))
    targets = [target for target in TARGETS if any(row["target"] == target for row in rows)]
    if not targets:
        raise ValueError(f"the figure found needs rows of the targets {' or '.join(TARGETS)}; there are none")
    shape, size = (len(targets), len(rates)), (4.2 * max(len(rates), 2), 3.8 * len(targets))
    with panels(*shape, size=size, squeeze=False, sharex="row", sharey="row") as (figure, axes):
        for column, (p, q) in enumerate(rates):
            for ax, target in zip(axes[:, column], targets, strict=True):
                here = [row for row in rows if (row["prune"], row["lock"], row["target"]) == (p, q, target)]
                if target == "random":
                    draw(ax, here, ERRORS, geometric=True)
                    ax.set_yscale("log")
                    ax.axhline(first_of(rows, target)["eps"], color="#888888", lw=1, label="eps")
                else:
                    draw(ax, here, ACCURACIES, geometric=False)
                    level = first_of(rows, target)["target accuracy"]
                    ax.axhline(level, color="#888888", lw=1, label="the target itself")
            axes[0, column].set_title(f"p = {p:g}, q = {q:g}")
            axes[-1, column].set_xlabel("weights of the source")
        for line, target in zip(axes, targets, strict=True):
            label, means = TARGETS[target]
            line[0].set_ylabel(label)
            # the first column has the estimated width in every row
            line[0].plot(
                [], [], ls="", marker="o", mfc="none", color="#333333", label=f"open: one source; lines: {means}"
            )
            key(line[-1], *line[0].get_legend_handles_labels(), loc="center left", bbox_to_anchor=(1, 0.5))
        figure.suptitle(
            finding(
                "Search is accurate in narrow sources, but misses the closeness that exists in wide ones",
                "Tickets found by search beside tickets constructed in the same source",
            )
        )
        arrange(figure)
        paths = save(figure, name, folder)
    return paths


def first_of(rows: Sequence[Row], target: str) -> Row:
    """Return the first row of a target."""
    return next(row for row in rows if row["target"] == target)


FIGURE = Figure(
    name="found",
    about="tickets found by search beside tickets constructed in the same source, against width",
    results=(RESULT,),
    commands=(words("slt simulate found --out", RESULT),),
    minutes=10,
    needs=(
        "target",
        "prune",
        "lock",
        "t",
        "source",
        "seed",
        "weights",
        "blocks",
        "eps",
        "constructed",
        "imitated",
    ),
    load=load,
    render=render,
)
