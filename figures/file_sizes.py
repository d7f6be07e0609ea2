"""Accuracy of tickets over the size of their files: dense, pruned and frozen sources, three kinds of random weights.

What to see: the three lines are frozen sources of rising width, with Kaiming uniform weights (KU), signed constants
(SKC), and signed constants times 1/sqrt(1 - k); the two single points are the dense source and a pruned one of as
many bits as the frozen one of that width. Bars are 95 % intervals of means over seeds. A file holds the mask, the
statistics of norms and a header. Reads the files claims-kinds.jsonl and claims-sizes.jsonl that ``slt experiments
--run`` writes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figures.best_places import TITLES
from figures.record import Figure, words
from figures.style import COLOURS, MARKERS, arrange, key, panels, save, tips
from slt.core.intervals import mean_interval, percent
from slt.core.places import committed
from slt.core.store import Row
from torch_backend.experiments.runs import chosen, setting

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULTS = {plan: committed("torch_backend", f"claims-{plan}.jsonl") for plan in ("kinds", "sizes")}
FROZEN: dict[str, Any] = {"prune": 0.25, "lock": 0.25, "sparsity": 0.5, "rule": "epl"}
SERIES: dict[str, tuple[dict[str, Any], str]] = {
    "dense, KU": ({"prune": 0.0, "lock": 0.0, "weights": "ku"}, COLOURS["measured"]),
    "pruned, KU": ({"prune": 0.5, "lock": 0.0, "sparsity": 0.75, "weights": "ku"}, COLOURS["necessary"]),
    "frozen, KU": ({**FROZEN, "weights": "ku"}, COLOURS["sufficient"]),
    "frozen, SKC": ({**FROZEN, "weights": "skc", "scale": "none"}, COLOURS["other"]),
    "frozen, scaled SKC": ({**FROZEN, "weights": "skc", "scale": "static"}, COLOURS["second"]),
}


def load(*paths: str | Path) -> dict[str, list[Row]]:
    """Return the rows of all series by data set."""
    found: dict[str, list[Row]] = {}
    for row in FIGURE.rows(paths):
        if any(chosen([row], **wanted) for wanted, _ in SERIES.values()):
            found.setdefault(row["settings"]["data_set"], []).append(row)
    if not found:
        raise ValueError(f"{', '.join(map(str, FIGURE.files(paths)))}: none of the sources that the figure draws")
    return dict(sorted(found.items(), reverse=True))


def draw(ax: "Axes", rows: Sequence[Row]) -> None:
    """Draw a line for each kind of source, a point for each width."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for place, (name, (wanted, colour)) in enumerate(SERIES.items()):
        groups: dict[float, list[Row]] = {}
        for row in chosen(rows, **wanted):
            groups.setdefault(setting(row, "width"), []).append(row)
        if not groups:
            continue
        widths = sorted(groups)
        means = [mean_interval([row["test"] for row in groups[width]]) for width in widths]
        x, y = [groups[width][0]["file_bytes"] / 1024 for width in widths], [100 * each.value for each in means]
        bars = [
            [100 * (each.value - each.lower) for each in means],
            [100 * (each.upper - each.value) for each in means],
        ]
        line = "" if len(widths) == 1 else "-"
        ax.errorbar(x, y, yerr=bars, marker=MARKERS[place], ls=line, color=colour, ms=7, lw=1.8, capsize=3, label=name)
        tips(ax, x, y, [
            f"{name}, width {width:.3g}: test {percent(each)} %, file of {groups[width][0]['file_bytes']:,} bytes, "
            f"{len(groups[width])} seeds from 0; {FIGURE.again(RESULTS[groups[width][0]['plan']])}"
            for width, each in zip(widths, means, strict=True)
        ])  # fmt: skip
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("ticket file, KiB")


def render(found: Mapping[str, Sequence[Row]], folder: str | Path, name: str = "file_sizes") -> list[Path]:
    """Draw a panel for every data set and write the files to ``folder``; return their paths."""
    with panels(1, len(found), size=(max(10, 5 * len(found)), 5.2), squeeze=False) as (figure, axes):
        for (data, rows), ax in zip(found.items(), axes[0], strict=True):
            draw(ax, rows)
            ax.set_title(TITLES.get(data, data))
        axes[0][0].set_ylabel("test accuracy, %")
        key(axes[0][0], loc="lower right", fontsize=12)
        arrange(figure)
        return save(figure, name, folder)


FIGURE = Figure(
    name="file_sizes",
    about="accuracy over file size: dense, pruned and frozen sources, three kinds of random weights",
    results=tuple(RESULTS.values()),
    commands=tuple(words(f"slt experiments --run {plan} --results", path) for plan, path in RESULTS.items()),
    minutes=60,
    needs=("plan", "seed", "test", "file_bytes", *(f"settings.{name}" for name in (
        "prune", "lock", "sparsity", "rule", "weights", "scale", "width", "data_set"))),
    load=load,
    render=render,
)  # fmt: skip
