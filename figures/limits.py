"""How far one can freeze: the highest freezing ratio against the number of variables.

What to see: the highest freezing ratio F rises with n along a straight line in log (1 - F). Pruning alone it is 1 - F
~ 1/n, and 99 % is affordable with some thousand variables; with locking it is 1 - F ~ 1/sqrt(n), because the sum of the
locked ones, of order sqrt(n F), has to be undone. Below the shaded band success is proven, above it failure; measured
points lie between, on the estimate. Reads the rows that ``slt simulate limits --out FILE`` writes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures.record import Figure, words
from figures.style import COLOURS, arrange, key, panels, save, tips
from slt.core.places import committed
from slt.core.store import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULT = committed("simulations", "limits.jsonl")
TICKS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)


def load(*paths: str | Path) -> list[Row]:
    """Return the rows of ``slt simulate limits``, by default of the committed run."""
    return FIGURE.rows(paths)


def text(row: Row) -> str:
    """Say everything of one point."""
    shown = {end: "?" if value is None else f"{value:.4f}" for end, value in row["measured"].items()}
    possible = "none" if row["possible"] is None else f"{row['possible']:.4f}"
    return (
        f"highest F = {shown['value']} [{shown['lower']}, {shown['upper']}], proven possible {possible}, "
        f"proven impossible {row['impossible']:.4f}, {row['way']}, n = {row['n']}, eps = {row['eps']:g}, "
        f"delta = {row['delta']:g}, {row['trials']} trials a ratio, seed {row['seed']}; {FIGURE.again()}"
    )


def draw(ax: "Axes", rows: Sequence[Row]) -> None:
    """Draw one way of freezing at one precision: 1 - F against n, most frozen at the top."""
    n = [row["n"] for row in rows]
    possible = [1 - (row["possible"] or 0) for row in rows]  # nothing proven: not even F = 0
    impossible = [1 - row["impossible"] for row in rows]
    ax.fill_between(n, impossible, possible, color="#e8e8e8", zorder=0, label="neither proven")
    ax.plot(n, impossible, color=COLOURS["necessary"], label="impossible (proven)")
    estimated = [(row["n"], 1 - row["estimated"]) for row in rows if row["estimated"] is not None]
    ax.plot(*zip(*estimated, strict=True), "--", color=COLOURS["estimated"], label="estimated")
    proven = [(row["n"], 1 - row["possible"]) for row in rows if row["possible"] is not None]
    ax.plot(*zip(*proven, strict=True), color=COLOURS["sufficient"], label="possible (proven)")
    shown = [row for row in rows if row["measured"]["value"] is not None]
    ends: list[Row] = [{end: at and 1 - at for end, at in row["measured"].items()} for row in shown]
    x, y = [row["n"] for row in shown], [end["value"] for end in ends]
    # the lower end of F is the upper end of 1 - F; an end that the measurement does not tell is not drawn
    below = [at - (end["upper"] or at) for at, end in zip(y, ends, strict=True)]
    above = [(end["lower"] or at) - at for at, end in zip(y, ends, strict=True)]
    ax.errorbar(
        x, y, yerr=[below, above], fmt="o", color=COLOURS["measured"], ms=4.5, capsize=2.5, lw=1.2, zorder=5,
        label="measured, with interval",
    )  # fmt: skip
    tips(ax, x, y, map(text, shown))
    ax.axhline(0.1, color="#888888", lw=1, ls=":")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(1, 0.003)
    ax.set_yticks([1 - F for F in TICKS], [f"{100 * F:g} %" for F in TICKS])
    ax.set_xticks(n, [str(k) for k in n], fontsize=10)
    ax.minorticks_off()


def headline(rows: Sequence[Row]) -> str:
    """Say what was measured with the most variables at the finest precision; a way without a value is left out."""
    n, eps = max(row["n"] for row in rows), min(row["eps"] for row in rows)
    best = {row["way"]: row["measured"]["value"] for row in rows if (row["n"], row["eps"]) == (n, eps)}
    found = ", ".join(f"{100 * F:.1f} % ({way})" for way, F in best.items() if F is not None)
    found = found or "no value"
    return f"How far beyond 90 %? Measured with n = {n}, eps = {eps:g}, delta = {rows[0]['delta']:g}:\n{found}"


def render(rows: Sequence[Row], folder: str | Path, name: str = "limits") -> list[Path]:
    """Draw a row of panels for every precision, a column for every way of freezing; write PNG and SVG to ``folder``."""
    ways, precisions = (list(dict.fromkeys(row[key] for row in rows)) for key in ("way", "eps"))
    shape, size = (len(precisions), len(ways)), (4.3 * len(ways), 3.7 * len(precisions))
    with panels(*shape, size=size, sharex=True, sharey=True, squeeze=False) as (figure, axes):
        for i, eps in enumerate(precisions):
            for j, way in enumerate(ways):
                chosen = sorted((row for row in rows if (row["way"], row["eps"]) == (way, eps)), key=lambda r: r["n"])
                draw(axes[i, j], chosen)
                axes[i, j].set_title(f"{way}, eps = {eps:g}")
            axes[i, 0].set_ylabel("highest freezing ratio F")
        for ax in axes[-1]:
            ax.set_xlabel("variables n")
        figure.suptitle(headline(rows), fontsize=14)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        key(figure, handles, labels, loc="lower center", ncols=5, bbox_to_anchor=(0.5, -0.05))
        arrange(figure)
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="limits",
    about="highest freezing ratio against the number of variables: possible, impossible, measured",
    results=(RESULT,),
    commands=(words("slt simulate limits --out", RESULT),),
    minutes=6,
    needs=(
        "way",
        "eps",
        "n",
        "delta",
        "trials",
        "seed",
        "possible",
        "impossible",
        "estimated",
        "measured",
    ),
    load=load,
    render=render,
)
