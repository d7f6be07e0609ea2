"""What freezing costs in width: the measured factor n(p, q) / n(0, 0) against four predictions of it.

What to see: the estimated factors (filled circles) lie on the diagonal, for subset sums from a factor of 1.3 to one of
14. The proven ones stay below it where much is locked, because the proof pays its excess for dense sources most of all;
the necessary ones lie above it where precision is fine. The published forms at equal constants lie far below: what
freezing costs they leave to a constant that depends on the rates. In built networks the same, with wider intervals; no
width is proven necessary for them. A bar is the interval of the measured factor. Reads the rows that
``slt simulate factors --out FILE`` writes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures.record import Figure, words
from figures.style import COLOURS, arrange, finding, key, panels, save, tips
from slt.core.places import committed
from slt.core.store import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULT = committed("simulations", "requirement-factors.jsonl")
PANELS = {
    "uniform": "subset sums, uniform reading",
    "certified": "built networks, certified error <= eps",
}
LOOKS = {
    "necessary": (COLOURS["necessary"], "^", "none"),
    "proven": (COLOURS["sufficient"], "s", "none"),
    "published": (COLOURS["second"], "x", "none"),
    "estimated": (COLOURS["estimated"], "o", COLOURS["estimated"]),
}
TICKS = (0.5, 1, 2, 5, 10, 20, 40)


def load(*paths: str | Path) -> list[Row]:
    """Return the rows of ``slt simulate factors``, by default of the committed run."""
    return FIGURE.rows(paths)


def chosen(rows: Sequence[Row], part: str) -> list[Row]:
    """Return the rows of one reading, or of one event of the built networks, whose factor was measured."""
    return [row for row in rows if part in (row.get("reading"), row.get("event")) and row["factor"]["value"]]


def draw(ax: "Axes", rows: Sequence[Row]) -> None:
    """Draw predicted over measured factors, with the diagonal; the bars once, at the estimated ones."""
    ends = (min(TICKS) * 0.9, max(TICKS))
    ax.plot(ends, ends, color="#888888", lw=1, zorder=1)
    for name, (colour, marker, fill) in LOOKS.items():
        with_it = [row for row in rows if row["predicted"].get(name) is not None]
        x = [row["factor"]["value"] for row in with_it]
        y = [row["predicted"][name] for row in with_it]
        if name == "estimated":
            below = [row["factor"]["value"] - (row["factor"]["lower"] or ends[0]) for row in with_it]
            above = [(row["factor"]["upper"] or ends[1]) - row["factor"]["value"] for row in with_it]
            ax.errorbar(x, y, xerr=[below, above], fmt="none", ecolor="#999999", elinewidth=1, zorder=2)
        ax.plot(x, y, ls="", marker=marker, color=colour, mfc=fill, mew=1.4, ms=6, label=name, zorder=3)
        tips(ax, x, y, (_text(row, name) for row in with_it))
        if name == "necessary" and not with_it:
            ax.text(
                0.03, 0.97, "no necessary width is proven for networks", transform=ax.transAxes, va="top", color=colour
            )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(1, ends[1])
    ax.set_ylim(*ends)
    ax.set_xticks(TICKS[1:], [f"{tick:g}" for tick in TICKS[1:]])
    ax.set_yticks(TICKS, [f"{tick:g}" for tick in TICKS])
    ax.minorticks_off()
    ax.set_xlabel("measured factor n(p, q) / n(0, 0)")


def _text(row: Row, name: str) -> str:
    found, ends = row["factor"], (row["factor"]["lower"], row["factor"]["upper"])
    low, high = ("?" if end is None else f"{end:.3g}" for end in ends)
    where = f"target {'-'.join(map(str, row['sizes']))}" if "sizes" in row else "subset sums"
    return (
        f"measured factor {found['value']:.3g} [{low}, {high}], {name} {row['predicted'][name]:.3g}; {where}, "
        f"p = {row['prune']:g}, q = {row['lock']:g}, eps = {row['eps']:g}, delta = {row['delta']:g}, "
        f"{row['trials']} trials, seed {row['seed']}; {FIGURE.again()}"
    )


def render(rows: Sequence[Row], folder: str | Path, name: str = "factors") -> list[Path]:
    """Draw subset sums and built networks side by side and write PNG and SVG to ``folder``."""
    parts = {part: title for part, title in PANELS.items() if chosen(rows, part)}
    if not parts:
        raise ValueError(f"the figure factors needs measured factors of {' or '.join(PANELS.values())}; there are none")
    with panels(1, len(parts), size=(5.5 * len(parts), 5.2), sharey=True, squeeze=False) as (figure, ((*axes,),)):
        for ax, (part, title) in zip(axes, parts.items(), strict=True):
            draw(ax, chosen(rows, part))
            ax.set_title(title)
        axes[0].set_ylabel("predicted factor")
        handles, labels = axes[0].get_legend_handles_labels()
        names = {"published": "published form, equal C", "estimated": "estimated (bar: interval of measured)"}
        key(
            figure,
            handles,
            [names.get(label, label) for label in labels],
            loc="lower center",
            ncols=4,
            bbox_to_anchor=(0.5, -0.07),
        )
        figure.suptitle(
            finding(
                "The estimate predicts what freezing costs in width; the published forms leave it to C",
                "What freezing costs in width: predicted against measured",
            )
        )
        arrange(figure)
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="factors",
    about="what freezing costs in width: the measured factor n(p, q) / n(0, 0) against predicted ones",
    results=(RESULT,),
    commands=(words("slt simulate factors --out", RESULT),),
    minutes=2,
    needs=(
        "prune",
        "lock",
        "eps",
        "delta",
        "factor",
        "predicted",
        "trials",
        "seed",
    ),
    load=load,
    render=render,
)
