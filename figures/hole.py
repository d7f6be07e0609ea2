"""Best error against width with and without locking in the first layer.

What to see: without locking (black) the error falls exponentially with the width, by the proof's construction and
faster by a search. With locking the same search stalls, and below it lies a floor that is proven for each source by
a linear program over mixtures of masks: no mask does better. Drawn are medians. The dotted
line, 1 / (64 N), lies under the error of all masks of almost every wide source.
Reads the rows that ``slt simulate hole --out FILE`` writes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures.record import Figure, words
from figures.style import COLOURS, arrange, finding, key, looks, panels, save, tips
from slt.core.intervals import shown as interval
from slt.core.places import committed
from slt.core.store import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULT = committed("simulations", "hole.jsonl")
LOWEST = 1e-9
NAMES = {
    "searched": "best mask found",
    "constructed": "construction of the proof",
    "program": "proven floor",
}
RATES = ((COLOURS["measured"], "o"), (COLOURS["statistical"], "s"), (COLOURS["sufficient"], "^"))


def load(*paths: str | Path) -> list[Row]:
    """Return the rows of ``slt simulate hole``, by default of the committed run."""
    return FIGURE.rows(paths)


def series(rows: Sequence[Row], lock_first: float, kind: str) -> list[tuple[int, Row]]:
    """Return (width, median with interval) of one kind at one rate where the median is above 0, by width."""
    chosen = [row for row in rows if row["lock_first"] == lock_first and kind in row["median"]]
    return sorted(
        ((row["width"], row["median"][kind]) for row in chosen if row["median"][kind]["value"] > 0),
        key=lambda pair: pair[0],
    )


def text(row: Row, kind: str) -> str:
    """Say everything of one point."""
    return (
        f"{NAMES[kind]}: median error {interval(row['median'][kind], '.2g')}, N = {row['width']}, "
        f"p = {row['prune']:g}, q1 = {row['lock_first']:g}, q2 = {row['lock_second']:g}, {row['trials']} sources, "
        f"seed {row['seed']}; {FIGURE.again()}"
    )


def draw(ax: "Axes", rows: Sequence[Row]) -> None:
    """Draw errors of found masks as points with intervals, proven floors as solid lines."""
    rates = sorted({row["lock_first"] for row in rows})
    for (colour, marker), rate in zip(looks(RATES, len(rates)), rates, strict=True):
        for kind, what in NAMES.items():
            points = series(rows, rate, kind)
            if not points:
                continue
            widths = [width for width, _ in points]
            values = [median["value"] for _, median in points]
            of_width = {row["width"]: row for row in rows if row["lock_first"] == rate}
            tips(ax, widths, values, [text(of_width[width], kind) for width in widths])
            if kind == "program":
                zero = sorted(set(of_width) - set(widths))
                nothing = f", 0 at N = {zero[0]} to {zero[-1]}" if zero else ""
                label = f"$q_1$ = {rate:g}: {what}, median of the sources{nothing}"
                ax.plot(widths, values, color=colour, label=label)
                continue
            below = [median["value"] - median["lower"] for _, median in points]
            above = [(median["upper"] or median["value"]) - median["value"] for _, median in points]
            built = kind == "constructed"
            ax.errorbar(
                widths,
                values,
                yerr=[below, above],
                fmt=f"{'D' if built else marker}:",
                color=COLOURS["necessary"] if built else colour,
                mfc="none",
                mew=1.4,
                lw=1,
                capsize=2,
                label=f"$q_1$ = {rate:g}: {what}",
            )
    sure = sorted({(row["width"], row["guaranteed"]) for row in rows})
    ax.plot(*zip(*sure, strict=True), color="#555555", ls=(0, (1, 2)), label="1 / (64 N), for almost all wide sources")
    texts = [f"1 / (64 N) = {error:.2g}, N = {width}, proven for almost all wide sources" for width, error in sure]
    tips(ax, [width for width, _ in sure], [error for _, error in sure], texts)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_ylim(bottom=LOWEST)
    ax.set_xticks([width for width, _ in sure], [str(width) for width, _ in sure])
    ax.set_xlabel("width N of the first layer")
    ax.set_ylabel("sup error on the unit disc")


def render(rows: Sequence[Row], folder: str | Path, name: str = "hole") -> list[Path]:
    """Draw the rows, write the files to ``folder`` and return their paths."""
    with panels(size=(8.4, 5.2)) as (figure, ax):
        draw(ax, rows)
        row = rows[0]
        ax.set_title(
            f"{finding('Locked first-layer edges stop the ticket', 'Error against width')}: d = 2, L = 1,\n"
            f"p = {row['prune']:g}, $q_2$ = {row['lock_second']:g}, medians of {row['trials']} sources, "
            f"{100 * row['confidence']:g} % intervals"
        )
        key(ax, loc="lower left", fontsize=10)
        arrange(figure)
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="hole",
    about="best error against width with and without locking in the first layer",
    results=(RESULT,),
    commands=(words("slt simulate hole --out", RESULT),),
    minutes=6,
    needs=(
        "width",
        "prune",
        "lock_first",
        "lock_second",
        "trials",
        "seed",
        "confidence",
        "median",
        "guaranteed",
    ),
    load=load,
    render=render,
)
