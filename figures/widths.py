"""How the existence theorem's widths grow with freezing, for a target of the digits' sizes.

What to see: hidden widths of the source of a 64-32-10 target with random weights, proven with all constants, estimated,
and in the published form with the one constant that the dense source asks for in its estimate. Pruning costs 1/f in the
second layer and 1/f^2 in the first, where both edges of a product have to survive; in the second layer locking costs
more than pruning the same share. The published form of Theorem A.4 leaves all of it to a constant that depends on the
rates. Reads the rows that
``slt simulate atlas --out FILE`` writes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures.curves import ATLAS, COMMANDS, MINUTES
from figures.record import Figure
from figures.style import COLOURS, arrange, finding, key, panels, save, tips
from slt.core.store import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULT = ATLAS


def load(*paths: str | Path) -> list[Row]:
    """Return the rows of kind "widths" of ``slt simulate atlas``, by default of the committed run."""
    return FIGURE.rows(paths, {"kind": "widths"})


def draw(ax: "Axes", rows: Sequence[Row], rate: str, layer: int) -> None:
    """Draw one hidden layer (0 or 1) over ``rate``, the other rate 0."""
    other = {"prune": "lock", "lock": "prune"}[rate]
    chosen = sorted((row for row in rows if row[other] == 0), key=lambda row: row[rate])
    x = [1 - row[rate] for row in chosen]
    for name, line in (("proven", "-"), ("estimated", "--")):
        y = [row[name][layer] for row in chosen]
        colour = COLOURS["sufficient" if name == "proven" else name]
        ax.plot(x, y, line, color=colour, marker="o", ms=4, label=name)
        texts = [
            f"{name} width {row[name][layer]} of source layer {layer + 1}, target {'-'.join(map(str, row['sizes']))}, "
            f"eps = {row['eps']:g}, delta = {row['delta']:g}, p = {row['prune']:g}, q = {row['lock']:g} "
            f"(first layer: 0), seed {row['seed']}; {FIGURE.again()}"
            for row in chosen
        ]
        tips(ax, x, y, texts)
    ax.plot(
        x,
        [row["published"][layer] for row in chosen],
        ":",
        color=COLOURS["second"],
        label=f"published, C = {chosen[0]['constant']:.3g}",
    )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.invert_xaxis()
    ax.set_xticks(x, [f"{row[rate]:g}" for row in chosen])
    ax.minorticks_off()


def render(rows: Sequence[Row], folder: str | Path, name: str = "widths") -> list[Path]:
    """Draw a row of panels for each hidden layer, a column for each rate; write PNG and SVG to ``folder``."""
    first = rows[0]
    sizes = "-".join(map(str, first["sizes"]))
    shown = [rate for rate, other in (("prune", "lock"), ("lock", "prune")) if any(row[other] == 0 for row in rows)]
    if not shown:
        raise ValueError("the figure widths needs rows with prune = 0 or lock = 0; there are none")
    count = len(shown)
    with panels(1, 2 * count, size=(8.0 * count, 4.4)) as (figure, axes):
        for layer in (0, 1):
            for ax, rate in zip(axes[count * layer : count * layer + count], shown, strict=True):
                draw(ax, rows, rate, layer)
                ax.set_xlabel("pruned share p" if rate == "prune" else "locked share q (first layer: 0)")
                ax.set_title(f"layer {layer + 1}, {'pruning' if rate == 'prune' else 'locking'} only")
        for pair in (axes[:count], axes[count:]):
            ends = [ax.get_ylim() for ax in pair]
            for ax in pair:
                ax.set_ylim(min(low for low, _ in ends), max(high for _, high in ends))
        axes[0].set_ylabel("width")
        figure.suptitle(
            finding(
                "Freezing multiplies the theorem's widths, which one published constant does not see",
                "The theorem's widths against pruning and locking",
            )
            + f" (target {sizes}, eps = {first['eps']:g}, delta = {first['delta']:g})",
            fontsize=14,
        )
        handles, labels = axes[0].get_legend_handles_labels()
        key(figure, handles, labels, loc="lower center", ncols=3, bbox_to_anchor=(0.5, -0.08))
        arrange(figure)
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="widths",
    about="the existence theorem's widths against pruning and locking",
    results=(RESULT,),
    commands=COMMANDS,
    minutes=MINUTES,
    needs=("sizes", "eps", "delta", "prune", "lock", "seed", "proven", "estimated", "published", "constant"),
    load=load,
    render=render,
)
