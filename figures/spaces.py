"""Accuracy of tickets over the size of their search space, for sources of rising width.

What to see: each line is one kind of source, whose width rises along it; bars are 95 % intervals of means over seeds.
The abscissa is the search space, the logarithm of the number of subnetworks; at the centre of its interval a ticket's
mask has nearly as many bits. On images the lines nearly fall together: what is frozen has to be made up by width. On
the graph, the more is frozen, the better is the ticket of a given size. Reads the files requirement-*.jsonl that
``slt factors`` writes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures.best_places import TITLES
from figures.record import Figure, words
from figures.style import COLOURS, MARKERS, arrange, key, panels, save, tips
from slt.core.intervals import mean_interval, percent
from slt.core.places import committed
from slt.core.store import Row
from theory.freezing import log2_candidates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULTS = {plan: committed("torch_backend", f"requirement-{plan}.jsonl") for plan in ("mnist", "cora")}
CENTRE = 0.5
SOURCES = {  # p, q
    (0.0, 0.0): ("dense", COLOURS["measured"]),
    (0.4, 0.0): ("pruned, p = 0.4", COLOURS["necessary"]),
    (0.25, 0.25): ("frozen, p = q = 0.25", COLOURS["sufficient"]),
    (0.4, 0.3): ("frozen, p = 0.4, q = 0.3", COLOURS["other"]),
}


def load(*paths: str | Path) -> dict[str, list[Row]]:
    """Return the rows of these sources at the centre of their intervals, by plan."""
    found: dict[str, list[Row]] = {}
    for row in FIGURE.rows(paths, {"place": CENTRE}):
        if (row["prune"], row["lock"]) in SOURCES:
            found.setdefault(row["plan"], []).append(row)
    if not found:
        raise ValueError(f"{', '.join(map(str, FIGURE.files(paths)))}: none of the sources that the figure draws")
    return found


def space(row: Row) -> float:
    """Return log2 of the number of subnetworks among which a row's ticket was chosen."""
    return log2_candidates(row["bits"], row["bits"] * (1 - row["place"]))


def draw(ax: "Axes", rows: Sequence[Row], plan: str) -> None:
    """Draw a line for each source."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    again = FIGURE.again(RESULTS[plan]) if plan in RESULTS else plan
    for place, ((p, q), (name, colour)) in enumerate(SOURCES.items()):
        of = [row for row in rows if (row["prune"], row["lock"]) == (p, q)]
        factors = sorted({row["factor"] for row in of})
        groups = [[row for row in of if row["factor"] == factor] for factor in factors]
        means = [mean_interval([row["test"] for row in group]) for group in groups]
        x, y = [space(group[0]) for group in groups], [100 * each.value for each in means]
        below, above = ([100 * (b - a) for a, b in ends] for ends in (
            [(each.lower, each.value) for each in means], [(each.value, each.upper) for each in means]))  # fmt: skip
        marker = MARKERS[place]
        ax.errorbar(x, y, yerr=[below, above], marker=marker, color=colour, ms=7, lw=1.8, capsize=3, label=name)
        tips(ax, x, y, [
            f"{name}, {factor:.3g} times as wide, {group[0]['bits']:,.0f} bits: test {percent(each)} %, "
            f"{len(group)} seeds from 0; {again}"
            for factor, group, each in zip(factors, groups, means, strict=True)
        ])  # fmt: skip
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("search space, log2 of the subnetworks")


def render(found: Mapping[str, Sequence[Row]], folder: str | Path, name: str = "spaces") -> list[Path]:
    """Draw a panel for every plan and write the files to ``folder``; return their paths."""
    with panels(1, len(found), size=(max(10, 5 * len(found)), 5.2), squeeze=False) as (figure, axes):
        for (plan, rows), ax in zip(found.items(), axes[0], strict=True):
            draw(ax, rows, plan)
            ax.set_title(TITLES.get(plan, plan))
        axes[0][0].set_ylabel("test accuracy, %")
        key(axes[0][0], loc="lower right", fontsize=12)
        arrange(figure)
        return save(figure, name, folder)


FIGURE = Figure(
    name="spaces",
    about="accuracy over the search space, sources of rising width",
    results=tuple(RESULTS.values()),
    commands=tuple(words(f"slt factors --plan {plan} --results", path) for plan, path in RESULTS.items()),
    minutes=28,
    needs=("plan", "prune", "lock", "place", "factor", "bits", "seed", "test"),
    load=load,
    render=render,
)
