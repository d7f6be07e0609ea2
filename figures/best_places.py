"""At which sparsity the best tickets are found, and where theory puts it.

What to see: one line for each source of pruned and locked shares (p, q). A black dot is the place x of the sparsity in
[p, 1 - q] at which searched tickets were best, its bar reaches over all places that may be the best (by paired
differences); the dashed bar with diamonds is what theory estimates for its precisions. The line in the middle is the
centre rule. A dense source's searches hardly depend on the place. Reads the files sparsity-*.jsonl that
``slt sparsity`` writes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures.record import Figure, words
from figures.style import COLOURS, arrange, key, panels, save, tips
from slt.core.cache import opened
from slt.core.places import committed
from slt.core.store import Row
from torch_backend.commands.sparsity_found import CENTRE, Places, accuracies, by_place
from torch_backend.commands.sparsity_tables import TOLD, predicted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLES = {"mnist": "MNIST, MLP", "cora": "Cora, GIN", "conv6": "CIFAR-10 (reduced), Conv6"}
RESULTS = {plan: committed("torch_backend", f"sparsity-{plan}.jsonl") for plan in ("mnist", "cora", "conv6")}
Found = Mapping[str, list[Places]]
APART = 0.17  # between what is found and what is predicted, in lines


def load(*paths: str | Path) -> Found:
    """Return the sources of the part "place" by plan, from the rows of ``slt sparsity``, by default the committed ones.

    Raises ValueError where a plan has no seed in all sources, or no source of that part.
    """
    plans: dict[str, list[Row]] = {}
    for row in FIGURE.rows(paths):
        plans.setdefault(row["plan"], []).append(row)
    found = {}
    for plan, rows in plans.items():
        where = f"{', '.join(map(str, FIGURE.files(paths)))}, plan {plan}"
        try:
            found[plan] = by_place(rows, accuracies(rows))
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        if not found[plan]:
            raise ValueError(f"{where}: the figure best_places needs rows of kind place")
    return found


def draw(ax: "Axes", groups: Sequence[Places], plan: str) -> None:
    """Draw a line for each source, the first on top."""
    again = FIGURE.again(RESULTS[plan]) if plan in RESULTS else plan
    ax.axvline(CENTRE, color="#888888", lw=1, zorder=0)
    for line, group in enumerate(groups):
        low, high = group.perhaps
        ax.plot([low, high], [line - APART] * 2, color=COLOURS["measured"], lw=1.4, marker="|", ms=7)
        ax.plot(group.best, line - APART, "o", color=COLOURS["measured"], ms=6)
        told = predicted(group)
        ax.plot(sorted(told), [line + APART] * len(told), "D--", color=COLOURS["estimated"], ms=4.5, lw=1.4)
        rates = f"p = {group.pair[0]:g}, q = {group.pair[1]:g}"
        seeds = group.accuracy.shape[1]
        texts = [
            f"{rates}: best x = {group.best:g} of {', '.join(f'{x:g}' for x in group.places)}; perhaps best "
            f"{low:g} to {high:g}, {seeds} seeds from 0; {again}",
            f"{rates}: theory {', '.join(f'{x:.2f}' for x in told)} ({TOLD}): {group.verdict(told)}; {again}",
        ]
        tips(ax, [group.best, sum(told) / len(told)], [line - APART, line + APART], texts)
    ax.set_xlim(0, 1)
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.set_yticks(range(len(groups)), [group.label for group in groups])
    ax.set_xlabel("place x of the sparsity in [p, 1 - q]")


def headline(groups: Sequence[Places]) -> str:
    """Count the sources in which theory's place agrees with the searches, and those that leave it open."""
    words = [group.verdict(predicted(group)) for group in groups]
    return f"theory agrees in {words.count('agrees')} of {len(words)}, undecided {words.count('undecided')}"


def render(found: Found, folder: str | Path, name: str = "best_places") -> list[Path]:
    """Draw a panel for every plan and write the files to ``folder``; return their paths."""
    lines = max(len(groups) for groups in found.values())
    size = (5.4 * len(found), 0.5 * lines + 2.2)
    with opened(), panels(1, len(found), size=size, squeeze=False) as (figure, axes):
        from matplotlib.lines import Line2D

        for (plan, groups), ax in zip(found.items(), axes[0], strict=True):
            draw(ax, groups, plan)
            ax.set_title(f"{TITLES.get(plan, plan)}\n{headline(groups)}")
            ax.set_ylabel("p, q")
        keys = [
            Line2D([], [], color=COLOURS["measured"], marker="o", ms=6, lw=1.4, label="found; bar: may be the best"),
            Line2D([], [], color=COLOURS["estimated"], marker="D", ms=4.5, ls="--", lw=1.4, label="estimated"),
            Line2D([], [], color="#888888", lw=1, label="centre rule"),
        ]
        arrange(figure)
        key(figure, keys, loc="upper center", ncols=3, bbox_to_anchor=(0.5, 0.02))
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="best_places",
    about="the sparsity of the best tickets that are found, and where theory puts it",
    results=tuple(RESULTS.values()),
    commands=tuple(words(f"slt sparsity --plan {plan} --results", path) for plan, path in RESULTS.items()),
    minutes=120,
    needs=("plan", "kind", "prune", "lock", "place", "factor", "scope", "sparsity", "seed", "test"),
    load=load,
    render=render,
)
