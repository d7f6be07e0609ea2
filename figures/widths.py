"""How the existence theorem's widths grow with freezing, for a target of the digits' sizes.

What to see: hidden widths of the source of a 64-32-10 target with random weights, proven with all constants, estimated,
and in the published form with the one constant that the dense source asks for in its estimate. Pruning costs 1/f in the
second layer and 1/f^2 in the first, where both edges of a product have to survive; in the second layer locking costs
more than pruning the same share. The published form of Theorem A.4 leaves all of it to a constant that depends on the
rates. Reads the rows that
``slt simulate atlas --out FILE`` writes.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures.curves import ATLAS, COMMAND, MINUTES, rows_of
from figures.style import COLOURS, command, panels, save, tips
from slt.core.command import run
from slt.core.store import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COMMAND", "MINUTES", "RESULT", "draw", "load", "main", "render"]

RESULT = ATLAS


def load(path: str | Path = RESULT) -> list[Row]:
    """Return the atlas's widths."""
    return rows_of("widths", path)


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
            f"(first layer: 0), seed {row['seed']}; {COMMAND}"
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
    dense = next(row for row in rows if row["prune"] == row["lock"] == 0)
    sizes = "-".join(map(str, dense["sizes"]))
    with panels(1, 4, size=(16.0, 4.4)) as (figure, axes):
        for layer in (0, 1):
            for ax, rate in zip(axes[2 * layer : 2 * layer + 2], ("prune", "lock"), strict=True):
                draw(ax, rows, rate, layer)
                ax.set_xlabel("pruned share p" if rate == "prune" else "locked share q (first layer: 0)")
                ax.set_title(f"layer {layer + 1}, {'pruning' if rate == 'prune' else 'locking'} only")
        for pair in (axes[:2], axes[2:]):
            ends = [ax.get_ylim() for ax in pair]
            for ax in pair:
                ax.set_ylim(min(low for low, _ in ends), max(high for _, high in ends))
        axes[0].set_ylabel("width")
        figure.suptitle(
            f"Freezing multiplies the theorem's widths, which one published constant does not see "
            f"(target {sizes}, eps = {dense['eps']:g}, delta = {dense['delta']:g})",
            fontsize=14,
        )
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower center", ncols=3, bbox_to_anchor=(0.5, -0.08))
        figure.tight_layout()
        paths = save(figure, name, folder)
    return paths


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the committed result, or the one named."""
    return command("widths", __doc__, RESULT, lambda results, out: render(load(results), out), argv)


if __name__ == "__main__":
    sys.exit(run(main, None, "slt figures widths"))
