"""Accuracy of trained weights and of tickets, against size of the search space and size in bits, on every data set.

What to see: tickets of half sparsity come near the accuracy of trained weights (stars) at a thirtieth of the bits and
less. Freezing (dense, pruned, frozen source along each line) shrinks the search space and the ticket by about the same
share and costs a little accuracy. Reads the rows that ``slt search`` writes.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures.style import COLOURS, command, panels, save, tips
from slt.core.command import run
from slt.core.intervals import MEANS, mean_interval, percent
from slt.core.places import committed
from slt.core.store import Row, read_jsonl
from theory.freezing import log2_candidates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULT = committed("torch_backend")
WORDS = {
    "mnist": "search --preset 'mlp-mnist-*' --seeds 3",
    "graphs": "search --preset 'gin-cora-*' 'gin-citeseer-*' --seeds 10",
    "cifar10": "search --preset 'conv6-cifar10-*' --width .25 --images 10000 --epochs 8 --seeds 3",
}
COMMANDS = {name: f"slt {words} --results torch_backend/results/{name}.jsonl" for name, words in WORDS.items()}
COMMAND = "\n".join(COMMANDS.values())
MINUTES = 75
SETS = {
    "mnist": ("MNIST, MLP", COLOURS["necessary"]),
    "cora": ("Cora, GIN", COLOURS["other"]),
    "citeseer": ("CiteSeer, GIN", COLOURS["second"]),
    "cifar10": ("CIFAR-10 (10,000 images), Conv6 x 0.25", COLOURS["sufficient"]),
}
KINDS = {"weights": "*", "dense": "o", "pruned": "s", "frozen": "^"}
AXES = {
    "place": "freezing ratio F and sparsity k",
    "candidates": "search space, log2 of the number of subnetworks",
    "bits": "size in bits: ticket, or trained weights",
}


def load(path: str | Path = RESULT) -> list[Row]:
    """Return one point for every setting in the result files below folder ``path``: its rows and what it is."""
    points = []
    for name, line in COMMANDS.items():
        groups: dict[str, list[Row]] = {}
        for row in read_jsonl(Path(path) / f"{name}.jsonl"):
            groups.setdefault(row["name"], []).append(row)
        points += [point(rows, line) for rows in groups.values()]
    return points


def point(rows: Sequence[Row], line: str) -> Row:
    """Return accuracy with its interval over seeds, kind, rates, search space and size of one setting."""
    s, bits = rows[0]["settings"], rows[0]["bits"]
    test = mean_interval([row["test"] for row in rows])
    trained = s["method"] == "weights"
    frozen = s["prune"] + s["lock"]
    kept = 1 - s["sparsity"] - s["lock"]  # of all weights, by the search
    kind = "weights" if trained else "dense" if not frozen else "pruned" if not s["lock"] else "frozen"
    return {
        "data_set": s["data_set"],
        "kind": kind,
        "place": list(KINDS).index(kind),
        "frozen": frozen,
        "sparsity": s["sparsity"],
        # a ticket has one bit for every free weight
        "candidates": None if trained else log2_candidates(bits, bits * kept / (1 - frozen)),
        "bits": bits,
        "test": test,
        "text": (
            f"test {percent(test)} %, {rows[0]['name']}, k = {s['sparsity']:g}, "
            f"p = {s['prune']:.3g}, q = {s['lock']:.3g}, rule {s['rule']}, {bits} bits, seeds "
            f"{', '.join(str(row['seed']) for row in rows)}; {line}"
        ),
    }


def ticks(points: Sequence[Row], kind: str) -> str:
    """Return the words under a kind: its name, freezing ratio and sparsity, as its points have them."""
    shown = sorted({(p["frozen"], p["sparsity"]) for p in points if p["kind"] == kind})
    return "\n".join(["trained" if kind == "weights" else kind, *(f"F = {F:g}\nk = {k:g}" for F, k in shown)])


def draw(ax: "Axes", points: Sequence[Row], key: str) -> None:
    """Draw accuracy over ``key``, one of :data:`AXES`; a line joins the sources of one data set."""
    for data_set, (_, colour) in SETS.items():
        chosen = [p for p in points if p["data_set"] == data_set and p[key] is not None]
        line = [p for kind in ("dense", "pruned", "frozen") for p in chosen if p["kind"] == kind]
        ax.plot([p[key] for p in line], [100 * p["test"].value for p in line], color=colour, lw=1.2)
        for p in chosen:
            test = p["test"]
            bars = [[100 * (test.value - test.lower)], [100 * (test.upper - test.value)]]
            ax.errorbar(
                [p[key]], [100 * test.value], yerr=bars, fmt=KINDS[p["kind"]], color=colour, mfc="white", mew=1.4,
                ms=11 if p["kind"] == "weights" else 6, elinewidth=1, capsize=2,
            )  # fmt: skip
        tips(ax, [p[key] for p in chosen], [100 * p["test"].value for p in chosen], [p["text"] for p in chosen])
    if key == "place":
        ax.set_xticks(range(len(KINDS)), [ticks(points, kind) for kind in KINDS], fontsize=11)
    else:
        ax.set_xscale("log")
    ax.set_xlabel(AXES[key])


def render(points: Sequence[Row], folder: str | Path, name: str = "accuracy") -> list[Path]:
    """Draw the three kinds side by side and write PNG and SVG to ``folder``."""
    with panels(1, 3, size=(15.0, 5.2), sharey=True, width_ratios=(0.8, 1, 1)) as (figure, axes):
        from matplotlib.lines import Line2D

        for ax, key in zip(axes, AXES, strict=True):
            draw(ax, points, key)
        axes[0].set_xlim(-0.5, len(KINDS) - 0.5)
        axes[0].set_ylabel(f"test accuracy, %, {100 * MEANS:g} % intervals")
        handles = [Line2D([], [], color=colour, lw=3, label=label) for label, colour in SETS.values()]
        handles += [
            Line2D([], [], color="#333333", ls="", marker=marker, mfc="white", mew=1.4, ms=8, label=label)
            for label, marker in zip(
                ("trained weights", "dense source", "pruned source", "frozen source"),
                KINDS.values(),
                strict=True,
            )
        ]
        figure.legend(handles=handles, loc="lower center", ncols=4, bbox_to_anchor=(0.5, -0.12))
        figure.suptitle("Half of the source frozen: half of the bits, a few points of accuracy", fontsize=14)
        figure.tight_layout()
        paths = save(figure, name, folder)
    return paths


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the committed results, or those in the folder named."""
    return command("accuracy", __doc__, RESULT, lambda results, out: render(load(results), out), argv)


if __name__ == "__main__":
    sys.exit(run(main, None, "slt figures accuracy"))
