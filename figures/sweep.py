"""How far the existence theorem's widths are from those at which its construction starts to succeed.

What to see: each curve is the share of sources in which the construction's certified error is within eps, against the
source's width as a share of the proven width (right edge). All curves cross the wanted 90 % (line) far to the left
of the edge, and near their ring, the estimated width: the proof pays a factor, not another law. One panel a target,
one colour a pair of rates; for deeper targets the largest pair asks for blocks beyond what the builder takes. Reads the
rows that ``slt simulate sweep --out FILE`` writes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures import style
from figures.record import Figure, words
from figures.style import COLOURS, arrange, finding, for_paper, key, panels, save, tips
from simulations.existence.sweep_tables import PLANS, neurons
from slt.core.intervals import shown as interval
from slt.core.places import committed
from slt.core.store import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULT = committed("simulations", "sweep.jsonl")
EVENT = "certified"
LOOKS = (
    (COLOURS["measured"], "o"),
    (COLOURS["necessary"], "s"),
    (COLOURS["statistical"], "^"),
    (COLOURS["other"], "D"),
    (COLOURS["second"], "v"),
)


def load(*paths: str | Path) -> list[Row]:
    """Return the rows of ``slt simulate sweep``, by default of the committed run."""
    return FIGURE.rows(paths)


def curve(row: Row) -> list[tuple[float, Row]]:
    """Return (hidden neurons over those of the proven plan, success rate with interval) along the path."""
    proven = neurons(row["sizes"], row["proven"])
    return [(neurons(row["sizes"], point["blocks"]) / proven, point["rate"][EVENT]) for point in row["points"]]


def text(row: Row, point: Row) -> str:
    """Say everything of one point."""
    return (
        f"success {interval(point['rate'][EVENT], '.3f')} at {neurons(row['sizes'], point['blocks'])} hidden neurons "
        f"({neurons(row['sizes'], row['proven'])} proven), target {'-'.join(map(str, row['sizes']))}, "
        f"eps = {row['eps']:g}, delta = {row['delta']:g}, p = {row['prune']:g}, q = {row['lock']:g}, "
        f"{point['trials']} sources, seed {row['seed']}; {FIGURE.again()}"
    )


def looks(rows: Sequence[Row]) -> dict[tuple[float, float], tuple[str, str]]:
    """Return colour and marker of every pair of rates."""
    rates = dict.fromkeys((row["prune"], row["lock"]) for row in rows)
    return dict(zip(rates, style.looks(LOOKS, len(rates)), strict=True))


def draw(ax: "Axes", rows: Sequence[Row], look: dict[tuple[float, float], tuple[str, str]]) -> None:
    """Draw one target: a curve for every pair of rates, a ring at its estimated plan."""
    ax.axhline(1 - rows[0]["delta"], color="#555555", lw=1)
    ax.axvline(1, color=COLOURS["sufficient"], lw=2)
    for row in rows:
        colour, marker = look[row["prune"], row["lock"]]
        points = curve(row)
        x = [width for width, _ in points]
        y = [rate["value"] for _, rate in points]
        below = [rate["value"] - rate["lower"] for _, rate in points]
        above = [rate["upper"] - rate["value"] for _, rate in points]
        label = f"p = {row['prune']:g}, q = {row['lock']:g}"
        ax.errorbar(x, y, yerr=[below, above], color=colour, marker=marker, ms=4, lw=1.3, elinewidth=0.8, label=label)
        tips(ax, x, y, [text(row, point) for point in row["points"]])
        for at, point in enumerate(row["points"]):
            if point["t"] == PLANS["estimated"]:
                ax.plot(x[at], y[at], "o", ms=12, mfc="none", mec=colour, mew=1.8, zorder=5)
    ax.set_xscale("log")
    ax.set_xlim(0.01, 1.2)
    ax.set_xticks([0.02, 0.05, 0.1, 0.2, 0.5, 1], ["0.02", "0.05", "0.1", "0.2", "0.5", "1"])
    ax.minorticks_off()
    ax.set_ylim(-0.03, 1.05)
    sizes = "-".join(map(str, rows[0]["sizes"]))
    ax.set_title(f"target {sizes}, eps = {rows[0]['eps']:g}")
    missing = [f"p = {p:g}, q = {q:g}" for p, q in look.keys() - {(row["prune"], row["lock"]) for row in rows}]
    if missing:
        note = "not built:\n" + "\n".join(sorted(missing)) + "\n(blocks too large)"
        ax.text(0.93, 0.35, note, transform=ax.transAxes, ha="right", va="top", color="#555555")


def render(rows: Sequence[Row], folder: str | Path, name: str = "sweep") -> list[Path]:
    """Draw every target in its own panel and write PNG and SVG to ``folder``."""
    targets = list(dict.fromkeys((tuple(row["sizes"]), row["eps"]) for row in rows))
    look = looks(rows)
    columns = -(-(len(targets) + 1) // 2)
    with panels(2, columns, size=(12.4, 7.2), squeeze=False, sharey=True) as (figure, axes):
        from matplotlib.lines import Line2D

        flat = axes.flatten()
        for ax, target in zip(flat, targets, strict=False):
            draw(ax, [row for row in rows if (tuple(row["sizes"]), row["eps"]) == target], look)
        for ax in flat[len(targets) :]:
            ax.axis("off")
        first = rows[0]
        keys = [
            Line2D([], [], color=c, marker=m, ms=6, label=f"p = {p:g}, q = {q:g}") for (p, q), (c, m) in look.items()
        ]
        keys += [
            Line2D([], [], ls="", marker="o", ms=12, mfc="none", mec="#333333", mew=1.8, label="estimated width"),
            Line2D([], [], color=COLOURS["sufficient"], lw=2, label="proven width"),
            Line2D([], [], color="#555555", lw=1, label=f"wanted: {1 - first['delta']:g}"),
        ]
        where = figure if for_paper() else flat[-1]
        key(where, keys, loc="center", fontsize=12, title=f"{first['trials']} sources a point")
        for ax in axes[:, 0]:
            ax.set_ylabel("success rate")
        for ax in flat[: len(targets)]:
            ax.set_xlabel("hidden neurons / proven")
        figure.suptitle(
            finding(
                "The theorem's construction succeeds (certified error <= eps) well below its proven widths",
                "How often the theorem's construction succeeds (certified error <= eps), against width",
            )
        )
        arrange(figure)
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="sweep",
    about="success of the existence theorem's construction against width",
    results=(RESULT,),
    commands=(words("slt simulate sweep --out", RESULT),),
    minutes=5,
    needs=(
        "sizes",
        "eps",
        "prune",
        "lock",
        "delta",
        "trials",
        "seed",
        "proven",
        "points",
    ),
    load=load,
    render=render,
)
