"""How the covered set grows: simulated, beside the bound of the growth game.

What to see: each free variable at first nearly doubles the covered part of [-1/2, 1/2] and in the end about halves what
is left, so that the uncovered share (left) and the probability that anything is left (right) fall exponentially in n.
The growth game knows only the mean growth of a step, x(1 - x)/2, and its range. Its bound falls as well, by about a
quarter with each variable, and asks for 2.1 to 2.7 times as many. Reads the rows that
``slt simulate atlas --out FILE`` writes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures.curves import ATLAS, COMMANDS, MINUTES
from figures.record import Figure
from figures.style import COLOURS, arrange, finding, for_paper, key, looks, panels, save, tips
from slt.core.store import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULT = ATLAS
LOOKS = ((COLOURS["other"], "o"), (COLOURS["necessary"], "s"), (COLOURS["second"], "^"))
LEAST = 1e-3  # below it 20,000 trials say little


def load(*paths: str | Path) -> list[Row]:
    """Return the rows of kind "cover" of ``slt simulate atlas``, coarsest first, by default of the committed run."""
    return sorted(FIGURE.rows(paths, {"kind": "cover"}), key=lambda row: -row["eps"])


def text(row: Row, k: int) -> str:
    """Say everything at k free variables."""
    failure = {end: row["failure"][end][k] for end in ("value", "lower", "upper")}
    return (
        f"n = {k} free variables: mean uncovered share of [-1/2, 1/2] {row['uncovered'][k]:.3g}, at most "
        f"{row['uncovered_bound'][k]:.3g} (proven); P(not all covered) {failure['value']:.4g} "
        f"[{failure['lower']:.4g}, {failure['upper']:.4g}], at most {row['failure_bound'][k]:.3g} (proven); "
        f"eps = {row['eps']:g}, {row['trials']} trials, seed {row['seed']}; {FIGURE.again()}"
    )


def draw_uncovered(ax: "Axes", rows: Sequence[Row]) -> None:
    """Draw the mean uncovered share: points simulated, lines proven."""
    for row, (colour, marker) in zip(rows, looks(LOOKS, len(rows)), strict=True):
        n = list(range(row["last"] + 1))
        ax.plot(n, row["uncovered_bound"], color=colour)
        shown = [k for k in n if row["uncovered"][k] >= LEAST]
        values = [row["uncovered"][k] for k in shown]
        ax.plot(shown, values, marker, color=colour, ms=5, mfc="none", mew=1.4, label=f"eps = {row['eps']:g}")
        tips(ax, shown, values, [text(row, k) for k in shown])
    ax.set_ylabel("mean uncovered share of [-1/2, 1/2]")
    ax.set_title(finding("what is left is halved again and again", "what is left"))


def draw_failure(ax: "Axes", rows: Sequence[Row]) -> None:
    """Draw the probability that anything is left: points simulated with intervals, lines proven."""
    for row, (colour, marker) in zip(rows, looks(LOOKS, len(rows)), strict=True):
        n, failure = list(range(row["last"] + 1)), row["failure"]
        ax.plot(n, row["failure_bound"], color=colour)
        shown = [k for k in n if failure["value"][k] >= LEAST]
        values = [failure["value"][k] for k in shown]
        bars = [[abs(failure[end][k] - failure["value"][k]) for k in shown] for end in ("lower", "upper")]
        ax.errorbar(shown, values, yerr=bars, fmt=marker, color=colour, ms=5, mfc="none", mew=1.4, elinewidth=1)
        tips(ax, shown, values, [text(row, k) for k in shown])
    ax.set_ylabel("P([-1/2, 1/2] is not all covered)")
    ax.set_title("probability that anything is left")


def render(rows: Sequence[Row], folder: str | Path, name: str = "covered") -> list[Path]:
    """Draw the rows, write the files to ``folder`` and return their paths."""
    with panels(1, 2, size=(12.4, 4.8)) as (figure, axes):
        from matplotlib.lines import Line2D

        draw_uncovered(axes[0], rows)
        draw_failure(axes[1], rows)
        for ax in axes:
            ax.set_yscale("log")
            ax.set_ylim(LEAST / 2, 1.4)
            ax.set_xlim(0, max(row["last"] for row in rows))
            ax.set_xlabel("free variables n (nothing frozen)")
        handles, _ = axes[0].get_legend_handles_labels()
        handles += [
            Line2D([], [], color="#333333", marker="o", ls="", mfc="none", mew=1.4, label="simulated"),
            Line2D([], [], color="#333333", label="growth game (proven)"),
        ]
        key(figure if for_paper() else axes[1], handles, loc="upper right", fontsize=10)
        figure.suptitle(
            finding(
                "Free variables cover an interval exponentially fast; proven at two to three times the price",
                "How free variables cover an interval: simulated, and the proven bound",
            ),
            fontsize=14,
        )
        arrange(figure)
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="covered",
    about="growth of the covered set, simulated and bounded by the growth game",
    results=(RESULT,),
    commands=COMMANDS,
    minutes=MINUTES,
    needs=("eps", "trials", "seed", "last", "uncovered", "uncovered_bound", "failure", "failure_bound"),
    load=load,
    render=render,
)
