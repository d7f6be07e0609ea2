"""Frozen against randomly pruned sources of one size: what the frozen one gains, over the freezing ratio.

What to see: points are differences of test accuracies, paired by seed, with intervals that hold together; the grey
line is no difference. Left, both sources have the same sparsity, and no interval lies on one side of the line. Right,
each source is searched at its own centre. Then the graph network gains by freezing where much is frozen, and the
network on images loses. Reads the file claims-sizes.jsonl that ``slt experiments --run sizes`` writes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures.record import Figure, words
from figures.style import COLOURS, MARKERS, arrange, finding, key, panels, save, tips
from slt.core.intervals import shown
from slt.core.places import committed
from slt.core.store import Row
from torch_backend.experiments.record import CONTRADICTED, UPHELD, Found, Part
from torch_backend.experiments.sources import same_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULT = committed("torch_backend", "claims-sizes.jsonl")
ENDINGS = {"same sparsity": "both at the same sparsity", "each at its centre": "each at its own centre"}
LOOKS = (COLOURS["other"], COLOURS["sufficient"], COLOURS["necessary"])
APART = 0.012  # between data sets, in F


def load(*paths: str | Path) -> Found:
    """Return the parts of claim E1 from rows of ``slt experiments --run sizes``, by default the committed ones."""
    files: Mapping[str, Sequence[Row]] = {"rows": FIGURE.rows(paths)}
    found = Found(tuple(part for part in same_size(files) if part.quantities), "")
    if not found.parts:
        raise ValueError(f"{', '.join(map(str, FIGURE.files(paths)))}: no frozen and pruned sources of one size")
    return found


def draw(ax: "Axes", found: Found, parts: Sequence[Part]) -> None:
    """Draw the differences of each data set over F."""
    ax.axhline(0, color="#888888", lw=1.2, zorder=0)
    for place, part in enumerate(parts):
        colour, marker = LOOKS[place % len(LOOKS)], MARKERS[place % len(MARKERS)]
        ratios = [float(each.label.split(",")[0].removeprefix("F = ")) for each in part.quantities]
        x = [F + APART * (place - (len(parts) - 1) / 2) for F in ratios]
        ends = [each.interval(found.among) for each in part.quantities]
        means = [each.value for each in ends]
        bars = [[each.value - each.lower for each in ends], [each.upper - each.value for each in ends]]
        name = part.name.rpartition(",")[0]
        ax.errorbar(x, means, yerr=bars, fmt=marker, ms=9, color=colour, capsize=4, lw=1.8, label=name)
        texts = [
            f"{name}, {quantity.label}: {shown(each, '+.2f')} points, {len(quantity.values)} seeds from 0; "
            f"{FIGURE.again()}"
            for quantity, each in zip(part.quantities, ends, strict=True)
        ]
        tips(ax, x, means, texts)
    ax.set_xlabel("freezing ratio F (same size, (1 - F) N bits)")


def headline(found: Found, parts: Sequence[Part]) -> str:
    """Count in how many comparisons the frozen source is better, worse, or neither is shown."""
    verdicts = [each.verdict(found.among) for part in parts for each in part.quantities]
    better, worse = verdicts.count(UPHELD), verdicts.count(CONTRADICTED)
    return f"frozen better in {better}, worse in {worse} of {len(verdicts)}"


def render(found: Found, folder: str | Path, name: str = "sizes") -> list[Path]:
    """Draw a panel for each comparison and write the files to ``folder``; return their paths."""
    kinds = {ending: [part for part in found.parts if part.name.endswith(ending)] for ending in ENDINGS}
    with panels(1, 2, size=(10, 5.2), sharey=True) as (figure, axes):
        for ax, (ending, parts) in zip(axes, kinds.items(), strict=True):
            draw(ax, found, parts)
            ax.set_title(finding(f"{ENDINGS[ending]}:\n{headline(found, parts)}", ENDINGS[ending]))
        axes[0].set_ylabel("frozen less pruned, points of test accuracy")
        key(axes[0], loc="upper left", fontsize=12)
        arrange(figure)
        return save(figure, name, folder)


FIGURE = Figure(
    name="sizes",
    about="frozen less pruned sources of one size, over the freezing ratio",
    results=(RESULT,),
    commands=(words("slt experiments --run sizes --results", RESULT),),
    minutes=30,
    needs=(
        "seed",
        "test",
        "settings.prune",
        "settings.lock",
        "settings.sparsity",
        "settings.rule",
        "settings.data_set",
    ),
    load=load,
    render=render,
)
