"""Accuracy of trained weights and of tickets, against size of the search space and size in bits, on every data set.

What to see: tickets of half sparsity come near the accuracy of trained weights (stars) at a thirtieth of the bits and
less. Freezing (dense, pruned, frozen source along each line) shrinks the search space and the ticket by about the same
share and costs a little accuracy. Reads the rows that ``slt search`` writes.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures.record import Figure, told_apart, words
from figures.style import COLOURS, arrange, finding, key, panels, save, tips
from slt.core.intervals import MEANS, mean_interval, percent
from slt.core.places import committed
from slt.core.store import Row
from theory.freezing import log2_candidates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MNIST, GRAPHS, CIFAR = (committed("torch_backend", f"{name}.jsonl") for name in ("mnist", "graphs", "cifar10"))
SETS = {  # of the committed rows; those of others follow in the same way
    "MNIST, MLP": COLOURS["necessary"],
    "Cora, GIN": COLOURS["other"],
    "CiteSeer, GIN": COLOURS["second"],
    "CIFAR-10 (10,000 images), Conv6 x 0.25": COLOURS["sufficient"],
}
OWN = "own"  # the data set of a search on data of a user's own
NAMES = {
    OWN: "own data",
    "mnist": "MNIST",
    "cora": "Cora",
    "citeseer": "CiteSeer",
    "cifar10": "CIFAR-10",
    "conv6": "Conv6",
}
SEARCHED = ("model", "data_set", "method", "sparsity", "prune", "lock", "rule", "width", "images")
KINDS = {"weights": "*", "dense": "o", "pruned": "s", "frozen": "^"}
AXES = {
    "place": "freezing ratio F and sparsity k",
    "candidates": "search space, log2 of the number of subnetworks",
    "bits": "size in bits: ticket, or trained weights",
}


def load(*paths: str | Path) -> list[Row]:
    """Return one point for every setting that ``slt search`` was run with: its rows, and what it is.

    paths: result files, by default the committed ones. Rows of one setting belong together, from whatever files.
    """
    groups: dict[str, tuple[str, list[Row]]] = {}
    for path in FIGURE.files(paths):
        for row in FIGURE.rows([path]):
            key = json.dumps([row["settings"], row.get("name")], sort_keys=True)
            groups.setdefault(key, (FIGURE.again(path), []))[1].append(row)
    return [point(rows, line) for line, rows in groups.values()]


def series(settings: Row) -> str:
    """Return what a data set and a model are called in the legend.

    >>> series({"model": "conv6", "data_set": "cifar10", "width": 0.25, "images": 10000})
    'CIFAR-10 (10,000 images), Conv6 x 0.25'
    >>> series({"model": "MyNet", "data_set": "own", "width": 1, "images": 0})
    'own data, MyNet'
    """
    data, model = (_called(settings[name]) for name in ("data_set", "model"))
    fewer = f" ({settings['images']:,} images)" if settings["images"] else ""
    narrower = "" if settings["width"] == 1 else f" x {settings['width']:g}"
    return f"{data}{fewer}, {model}{narrower}"


def _called(name: str) -> str:
    """Return a data set's or a model's name; our own short names are written in capitals, a user's class as it is."""
    short = name.isalnum() and name.islower()
    return NAMES.get(name) or (name.upper() if short else name)


def point(rows: Sequence[Row], line: str) -> Row:
    """Return accuracy with its interval over seeds, kind, rates, search space and size of one setting."""
    s, bits = rows[0]["settings"], rows[0]["bits"]
    label = rows[0].get("name", series(s))
    test = mean_interval([row["test"] for row in rows])
    trained = s["method"] == "weights"
    frozen = s["prune"] + s["lock"]
    if frozen >= 1 or not bits > 0:
        raise ValueError(f"{label}: nothing is left to search with p + q = {frozen:g} and {bits} bits")
    kept = 1 - s["sparsity"] - s["lock"]  # of all weights, by the search
    kind = "weights" if trained else "dense" if not frozen else "pruned" if not s["lock"] else "frozen"
    return {
        "data_set": s["data_set"],
        "series": series(s),
        "kind": kind,
        "place": list(KINDS).index(kind),
        "frozen": frozen,
        "sparsity": s["sparsity"],
        # a ticket has one bit for every free weight
        "candidates": None if trained else log2_candidates(bits, bits * kept / (1 - frozen)),
        "bits": bits,
        "test": test,
        "text": (
            f"test {percent(test)} %, {label}, k = {s['sparsity']:g}, "
            f"p = {s['prune']:.3g}, q = {s['lock']:.3g}, rule {s['rule']}, {bits} bits, seeds "
            f"{', '.join(str(row['seed']) for row in rows)}; {line}"
        ),
    }


def ticks(points: Sequence[Row], kind: str) -> str:
    """Return the words under a kind: its name, freezing ratio and sparsity, as its points have them."""
    shown = sorted({(p["frozen"], p["sparsity"]) for p in points if p["kind"] == kind})
    return "\n".join(["trained" if kind == "weights" else kind, *(f"F = {F:g}\nk = {k:g}" for F, k in shown)])


def several(points: Sequence[Row]) -> bool:
    """Tell whether one kind of source is there with several freezing ratios, so that a place a kind is not enough."""
    return any(len({p["frozen"] for p in points if p["kind"] == kind}) > 1 for kind in ("pruned", "frozen"))


def lines(points: Sequence[Row]) -> Iterator[list[Row]]:
    """Yield the points that a line joins: sources of one sparsity, and of one kind where there are several ratios."""
    for k in dict.fromkeys(p["sparsity"] for p in points if p["kind"] != "weights"):
        by_kind = {kind: [p for p in points if (p["kind"], p["sparsity"]) == (kind, k)] for kind in KINDS}
        if not several(points):
            yield [p for kind in ("dense", "pruned", "frozen") for p in by_kind[kind]]
            continue
        for kind in ("pruned", "frozen"):
            if by_kind[kind]:
                yield by_kind["dense"] + sorted(by_kind[kind], key=lambda p: float(p["frozen"]))


def colours(points: Sequence[Row]) -> dict[str, str]:
    """Return the colour of every data set and model, those of the committed rows first."""
    names = [name for (name,) in told_apart(points, "series")]
    names = [*(name for name in SETS if name in names), *(name for name in names if name not in SETS)]
    grey = COLOURS["estimated"], COLOURS["measured"]  # last, for they are hard to tell apart in thin lines
    ordered = sorted(COLOURS.values(), key=grey.__contains__)
    spare = [colour for colour in ordered if colour not in {SETS.get(name) for name in names}]
    if len(names) > len(COLOURS):
        raise ValueError(f"the figure accuracy can show {len(COLOURS)} data sets and models, got {len(names)}")
    return {name: SETS[name] if name in SETS else spare.pop(0) for name in names}


def draw(ax: "Axes", points: Sequence[Row], axis: str) -> None:
    """Draw accuracy over ``axis``, one of :data:`AXES`; lines join sources of one data set (:func:`lines`)."""
    wide = several(points)
    if axis == "place" and wide:
        axis = "frozen"
    for name, colour in colours(points).items():
        chosen = [p for p in points if p["series"] == name and p[axis] is not None]
        for line in lines(chosen):
            ax.plot([p[axis] for p in line], [100 * p["test"].value for p in line], color=colour, lw=1.2)
        for p in chosen:
            test = p["test"]
            bars = [[100 * (test.value - test.lower)], [100 * (test.upper - test.value)]]
            ax.errorbar(
                [p[axis]], [100 * test.value], yerr=bars, fmt=KINDS[p["kind"]], color=colour, mfc="white", mew=1.4,
                ms=11 if p["kind"] == "weights" else 6, elinewidth=1, capsize=2,
            )  # fmt: skip
        tips(ax, [p[axis] for p in chosen], [100 * p["test"].value for p in chosen], [p["text"] for p in chosen])
    if axis == "frozen":
        ax.set_xlim(-0.05, 1)
    elif axis == "place":
        ax.set_xlim(-0.5, len(KINDS) - 0.5)
        ax.set_xticks(range(len(KINDS)), [ticks(points, kind) for kind in KINDS], fontsize=11)
    else:
        ax.set_xscale("log")
    ax.set_xlabel(AXES.get(axis, "freezing ratio F of the source"))


def render(points: Sequence[Row], folder: str | Path, name: str = "accuracy") -> list[Path]:
    """Draw the three kinds side by side and write PNG and SVG to ``folder``."""
    with panels(1, 3, size=(15.0, 5.2), sharey=True, width_ratios=(0.8, 1, 1)) as (figure, axes):
        from matplotlib.lines import Line2D

        for ax, axis in zip(axes, AXES, strict=True):
            draw(ax, points, axis)
        axes[0].set_ylabel(f"test accuracy, %, {100 * MEANS:g} % intervals")
        handles = [Line2D([], [], color=colour, lw=3, label=label) for label, colour in colours(points).items()]
        handles += [
            Line2D([], [], color="#333333", ls="", marker=marker, mfc="white", mew=1.4, ms=8, label=label)
            for label, marker in zip(
                ("trained weights", "dense source", "pruned source", "frozen source"),
                KINDS.values(),
                strict=True,
            )
        ]
        key(figure, handles, loc="lower center", ncols=4, bbox_to_anchor=(0.5, -0.12))
        figure.suptitle(
            finding(
                "Half of the source frozen: half of the bits, a few points of accuracy",
                "Accuracy of tickets by source, and against search space and size",
            ),
            fontsize=14,
        )
        arrange(figure)
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="accuracy",
    about="accuracy of searched tickets by source, and against search space and ticket size",
    results=(MNIST, GRAPHS, CIFAR),
    commands=(
        words("slt search --preset mlp-mnist-[!e]* --seeds 3 --results", MNIST),
        words("slt search --preset gin-cora-[!e]* gin-citeseer-[!e]* --seeds 10 --results", GRAPHS),
        words(
            "slt search --preset conv6-cifar10-[!e]* --width .25 --images 10000 --epochs 8 --seeds 3 --results",
            CIFAR,
        ),
    ),
    minutes=75,
    needs=("seed", "bits", "test", *(f"settings.{name}" for name in SEARCHED)),
    load=load,
    render=render,
)
