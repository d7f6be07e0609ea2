"""Accuracy of tickets over their sparsity, for several freezing ratios.

What to see: each line is one source, dense or with half of the frozen weights pruned and half locked, whose tickets
have every sparsity that it allows; bars are 95 % intervals of means over seeds. The more is frozen, the shorter the
line: that is the search interval (p, 1 - q). On images the top of the line falls as well; on the graph it hardly
does. Within a line accuracy is flat around the centre and falls at the ends. Reads the files sparsity-*.jsonl that
``slt sparsity`` writes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures.best_places import RESULTS, TITLES
from figures.record import Figure, words
from figures.style import COLOURS, MARKERS, arrange, key, panels, save, tips
from slt.core.intervals import mean_interval, percent
from slt.core.store import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOOKS = (COLOURS["measured"], COLOURS["necessary"], COLOURS["other"], COLOURS["sufficient"])


def load(*paths: str | Path) -> dict[str, list[Row]]:
    """Return the rows of the part "place" in which as much is pruned as locked, by plan."""
    found: dict[str, list[Row]] = {}
    for row in FIGURE.rows(paths, {"kind": "place"}):
        if row["prune"] == row["lock"]:
            found.setdefault(row["plan"], []).append(row)
    if not found:
        raise ValueError(f"{', '.join(map(str, FIGURE.files(paths)))}: no source with as much pruned as locked")
    return found


def draw(ax: "Axes", rows: Sequence[Row], plan: str) -> None:
    """Draw a line for each freezing ratio."""
    again = FIGURE.again(RESULTS[plan]) if plan in RESULTS else plan
    for place, F in enumerate(sorted({row["prune"] + row["lock"] for row in rows})):
        of = [row for row in rows if row["prune"] + row["lock"] == F]
        x = sorted({row["sparsity"] for row in of})
        tests = [[row["test"] for row in of if row["sparsity"] == k] for k in x]
        means = [mean_interval(values) for values in tests]
        bars = [
            [100 * (each.value - each.lower) for each in means],
            [100 * (each.upper - each.value) for each in means],
        ]
        y = [100 * each.value for each in means]
        colour, marker = LOOKS[place % len(LOOKS)], MARKERS[place % len(MARKERS)]
        ax.errorbar(x, y, yerr=bars, marker=marker, color=colour, ms=7, lw=1.8, capsize=3, label=f"F = {F:g}")
        tips(ax, x, y, [
            f"F = {F:g}, k = {k:g}: test {percent(each)} %, {len(values)} seeds from 0; {again}"
            for k, each, values in zip(x, means, tests, strict=True)
        ])  # fmt: skip
    ax.set_xlim(0, 1)
    ax.set_xlabel("sparsity k of the ticket")


def render(found: Mapping[str, Sequence[Row]], folder: str | Path, name: str = "sparsities") -> list[Path]:
    """Draw a panel for every plan and write the files to ``folder``; return their paths."""
    with panels(1, len(found), size=(max(10, 5 * len(found)), 5.0), squeeze=False) as (figure, axes):
        for (plan, rows), ax in zip(found.items(), axes[0], strict=True):
            draw(ax, rows, plan)
            ax.set_title(TITLES.get(plan, plan))
        axes[0][0].set_ylabel("test accuracy, %")
        key(axes[0][-1], title="half pruned, half locked", loc="lower right", fontsize=12, title_fontsize=12)
        arrange(figure)
        return save(figure, name, folder)


FIGURE = Figure(
    name="sparsities",
    about="accuracy over the sparsity of tickets, for several freezing ratios",
    results=(RESULTS["mnist"], RESULTS["cora"]),
    commands=tuple(words(f"slt sparsity --plan {plan} --results", RESULTS[plan]) for plan in ("mnist", "cora")),
    minutes=90,
    needs=("plan", "kind", "prune", "lock", "sparsity", "seed", "test"),
    load=load,
    render=render,
)
