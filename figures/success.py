"""Success probability against n, between its proven bounds.

What to see: the measured success probability follows the estimate and never leaves the region between the two proven
bounds. For a dense source all is decided within some ten variables; with freezing the same rise takes ten times as
long, and its upper end, where delta is small, is where the requirement is read off. Reads the rows that
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
    """Return the rows of kind "success" of ``slt simulate atlas``, by default of the committed run."""
    return FIGURE.rows(paths, {"kind": "success"})


def draw(ax: "Axes", row: Row) -> None:
    """Draw one curve: bounds, estimate, and measured points with intervals."""
    n, measured = row["n"], row["measured"]
    ax.fill_between(n, row["lower_bound"], row["upper_bound"], color="#eeeeee", zorder=0)
    ax.plot(n, row["upper_bound"], color=COLOURS["necessary"], label="at most (proven)")
    ax.plot(n, row["lower_bound"], color=COLOURS["sufficient"], label="at least (proven)")
    ax.plot(n, row["estimated"], "--", color=COLOURS["estimated"], label="estimated")
    ends = list(zip(measured["lower"], measured["value"], measured["upper"], strict=True))
    bars = [[value - low for low, value, _ in ends], [high - value for _, value, high in ends]]
    ax.errorbar(
        n, measured["value"], yerr=bars, fmt="o", color=COLOURS["measured"], ms=4.5, capsize=2.5, lw=1.2, zorder=5,
        label="measured, with interval",
    )  # fmt: skip
    texts = [
        f"success {value:.4f} [{low:.4f}, {high:.4f}], proven {least:.4f} to {most:.4f}, estimated {guess:.4f}, "
        f"n = {k}, eps = {row['eps']:g}, p = {row['prune']:g}, q = {row['lock']:g}, {row['trials']} trials, "
        f"seed {row['seed']}; {FIGURE.again()}"
        for k, (low, value, high), least, most, guess in zip(
            n, ends, row["lower_bound"], row["upper_bound"], row["estimated"], strict=True
        )
    ]
    tips(ax, n, measured["value"], texts)
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlim(0, n[-1])
    ax.set_xlabel("variables n")
    ax.set_title(f"p = {row['prune']:g}, q = {row['lock']:g}, free f = {1 - row['prune'] - row['lock']:g}")


def render(rows: Sequence[Row], folder: str | Path, name: str = "success") -> list[Path]:
    """Draw every pair of rates in its own panel and write PNG and SVG to ``folder``."""
    with panels(1, len(rows), size=(4.5 * len(rows), 4.4), sharey=True, squeeze=False) as (figure, axes):
        for ax, row in zip(axes[0], rows, strict=True):
            draw(ax, row)
        axes[0][0].set_ylabel("success probability")
        figure.suptitle(
            finding("Measured success lies on the estimate, between the proven bounds", "Success against variables")
            + f" (|z| <= 1, eps = {rows[0]['eps']:g})",
            fontsize=14,
        )
        handles, labels = axes[0][0].get_legend_handles_labels()
        key(figure, handles, labels, loc="lower center", ncols=4, bbox_to_anchor=(0.5, -0.08))
        arrange(figure)
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="success",
    about="success probability against the number of variables, between its proven bounds",
    results=(RESULT,),
    commands=COMMANDS,
    minutes=MINUTES,
    needs=("eps", "prune", "lock", "trials", "seed", "n", "lower_bound", "upper_bound", "estimated", "measured"),
    load=load,
    render=render,
)
