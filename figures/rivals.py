"""Which searches find good tickets, and what freezing half of the source costs each of them.

What to see: a row a search, a panel a sparsity, a colour a source; points are mean test accuracies with 95 % intervals
over seeds. Searches that train scores lie together at the right, and freezing moves them little; one-shot choices, made
for networks whose weights are trained afterwards, stay near the line of guessing, whatever the source. Reads the rows
that ``slt compare --results FILE`` writes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures.record import Figure, told_apart, words
from figures.style import COLOURS, arrange, finding, for_paper, key, panels, save, tips
from slt.core.intervals import Estimate, mean_interval
from slt.core.places import committed
from slt.core.store import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CORA, MNIST = (committed("torch_backend", f"rivals-{name}.jsonl") for name in ("cora", "mnist"))
LOOKS = {  # a source as its rows call it: what it is, colour, marker
    "dense": ("dense source", COLOURS["measured"], "o"),
    "sparse": ("pruned source (q = 0)", COLOURS["necessary"], "s"),
    "equal": ("pruned source, p = F", COLOURS["other"], "^"),
    "equal-centre": ("pruned source, p = F, own centre", COLOURS["second"], "v"),
    "frozen": ("frozen source", COLOURS["sufficient"], "D"),
}
GUESSING = {"cora": 0.302, "mnist": 0.1135}  # shares of the commonest class: Cora's graph, MNIST's test images
NAMES = {("gin", "cora"): "GIN, Cora", ("mlp", "mnist"): "MLP, MNIST"}


def load(*paths: str | Path) -> list[list[Row]]:
    """Return the rows of each comparison that ``slt compare`` made, by default of the committed ones.

    A comparison is what has one model and one data set. Planted sources are another question and left out.
    """
    rows = FIGURE.rows(paths, {"planted": False})
    pairs = told_apart([row["settings"] for row in rows], "model", "data_set")
    return [[row for row in rows if (row["settings"]["model"], row["settings"]["data_set"]) == pair] for pair in pairs]


def means(rows: Sequence[Row]) -> dict[tuple[str, float, str], Estimate]:
    """Return the mean test accuracy over seeds, with its interval, by (method, sparsity, source)."""
    groups: dict[tuple[str, float, str], list[float]] = {}
    for row in rows:
        groups.setdefault((row["method"], row["sparsity"], row["source"]), []).append(row["test"])
    return {key: mean_interval(tests) for key, tests in groups.items()}


def draw(
    ax: "Axes", found: dict[tuple[str, float, str], Estimate], methods: Sequence[str], sparsity: float, again: str
) -> None:
    """Draw one panel: sources side by side in the row of each method; again: the command that made the rows."""
    drawn = [source for source in LOOKS if any(place[2] == source for place in found)]
    for number, source in enumerate(drawn):
        what, colour, marker = LOOKS[source]
        places = ((row, (name, sparsity, source)) for row, name in enumerate(methods))
        here = [(row, found[place]) for row, place in places if place in found]
        apart = 0.75 / len(drawn) * (number - (len(drawn) - 1) / 2)
        x, y = [100 * mean.value for _, mean in here], [row + apart for row, _ in here]
        ends = [
            [100 * (mean.value - mean.lower) for _, mean in here],
            [100 * (mean.upper - mean.value) for _, mean in here],
        ]
        ends = [[min(end, 100) for end in side] for side in ends]  # one seed has the interval of all numbers
        ax.errorbar(x, y, xerr=ends, fmt=marker, color=colour, ms=5, lw=1.3, label=what)
        tips(ax, x, y, [
            f"{methods[row]}, {what}, sparsity {sparsity:g}: {100 * mean.value:.1f} % "
            f"[{100 * mean.lower:.1f}, {100 * mean.upper:.1f}], seeds 0 to {mean.trials - 1}; {again}"
            for row, mean in here
        ])  # fmt: skip


def render(comparisons: Sequence[Sequence[Row]], folder: str | Path, name: str = "rivals") -> list[Path]:
    """Draw a row of panels for each comparison and write PNG and SVG to ``folder``."""
    sparsities = sorted({row["sparsity"] for rows in comparisons for row in rows})
    shape = len(comparisons), len(sparsities)
    with panels(*shape, size=(12.4, 4.6 * len(comparisons)), sharex=True, squeeze=False) as (figure, axes):
        from matplotlib.lines import Line2D

        for line, rows in zip(axes, comparisons, strict=True):
            data_set = rows[0]["settings"]["data_set"]
            model = rows[0]["settings"]["model"]
            again = FIGURE.again({"cora": CORA, "mnist": MNIST}.get(data_set, data_set))
            methods = list(dict.fromkeys(row["method"] for row in rows))
            found = means(rows)
            for ax, sparsity in zip(line, sparsities, strict=True):
                draw(ax, found, methods, sparsity, again)
                if data_set in GUESSING:
                    ax.axvline(100 * GUESSING[data_set], color="#999999", lw=1, ls="--")
                named = NAMES.get((model, data_set), f"{model.upper()}, {data_set}")
                ax.set_title(f"{named}, sparsity {sparsity:g}")
                alone = ax is line[0] or for_paper()
                ax.set_yticks(range(len(methods)), methods if alone else [""] * len(methods))
                ax.set_ylim(len(methods) - 0.4, -0.6)
                ax.set_xlim(0, 100)
                ax.tick_params(axis="y", length=0)
        for ax in axes[-1]:
            ax.set_xlabel("test accuracy, %")
        handles, labels = axes[0][0].get_legend_handles_labels()
        if any(rows[0]["settings"]["data_set"] in GUESSING for rows in comparisons):
            handles.append(Line2D([], [], color="#999999", lw=1, ls="--"))
            labels.append("always the commonest class")
        key(figure, handles, labels, loc="upper center", ncols=4, bbox_to_anchor=(0.5, 0.97))
        figure.suptitle(
            finding(
                "Trained scores find tickets in frozen sources too; choices at one shot do not",
                "Test accuracy of searches in their sources",
            ),
            y=0.995,
        )
        arrange(figure, rect=(0, 0, 1, 0.955))
        paths = save(figure, name, folder)
    return paths


COMPARE = "--sparsity .3 .5 .7 --freeze .5 --sources dense pruned frozen --seeds 3 --out"
FIGURE = Figure(
    name="rivals",
    about="ten searches in dense, pruned and frozen sources at three sparsities, Cora and MNIST",
    results=(CORA, MNIST),
    commands=(
        words(f"slt compare --model gin --data-set cora --epochs 50 {COMPARE} runs/rivals-cora --results", CORA),
        words(f"slt compare --model mlp --data-set mnist --epochs 5 {COMPARE} runs/rivals-mnist --results", MNIST),
    ),
    minutes=60,
    needs=("method", "sparsity", "source", "planted", "test", "settings.model", "settings.data_set"),
    load=load,
    render=render,
)
