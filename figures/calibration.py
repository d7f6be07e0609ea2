"""Estimated against measured success probability.

What to see: every point lies on the diagonal, to within about its interval and well inside the band of 0.03 that the
estimate must keep; below, the differences alone, magnified. Coarse or fine, pruned or locked makes no
difference. Reads the rows that ``slt simulate calibration --out FILE`` writes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures.record import Figure, words
from figures.style import COLOURS, arrange, key, panels, save, tips
from slt.core.intervals import shown as interval
from slt.core.places import committed
from slt.core.store import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULT = committed("simulations", "calibration.jsonl")
BAND = 0.03

# each kind of freezing has its own marker and colour, so that either tells it
KINDS = {
    "nothing frozen": ("o", COLOURS["measured"]),
    "pruned only": ("s", COLOURS["necessary"]),
    "locked only": ("^", COLOURS["sufficient"]),
    "both": ("D", COLOURS["other"]),
}


def load(*paths: str | Path) -> list[Row]:
    """Return the rows of ``slt simulate calibration``, by default of the committed run."""
    return FIGURE.rows(paths)


def kind(row: Row) -> str:
    """Name what is frozen in a row: one of :data:`KINDS`."""
    frozen = row["prune"] > 0, row["lock"] > 0
    return dict(zip([(False, False), (True, False), (False, True), (True, True)], KINDS, strict=True))[frozen]


def text(row: Row) -> str:
    """Say everything of one point."""
    return (
        f"estimated {row['estimated']:.4f}, measured {interval(row['measured'], '.4f')}, n = {row['n']}, "
        f"eps = {row['eps']:g}, p = {row['prune']:g}, q = {row['lock']:g}, {row['reading']}, {row['trials']} trials, "
        f"{row['draws']} draws, seed {row['seed']}; {FIGURE.again()}"
    )


def draw(ax: "Axes", rows: Sequence[Row], *, difference: bool = False) -> None:
    """Draw estimated success, or its difference from the measured one, over measured success with its interval."""
    slope = 0 if difference else 1
    ax.fill_between([0, 1], [-BAND, slope - BAND], [BAND, slope + BAND], color="#eeeeee", zorder=0)
    ax.plot([0, 1], [0, slope], color="#888888", lw=1, zorder=1)
    for name, (marker, colour) in KINDS.items():
        chosen = [row for row in rows if kind(row) == name]
        if not chosen:
            continue
        x = [row["measured"]["value"] for row in chosen]
        y = [row["difference"] if difference else row["estimated"] for row in chosen]
        below = [row["measured"]["value"] - row["measured"]["lower"] for row in chosen]
        above = [row["measured"]["upper"] - row["measured"]["value"] for row in chosen]
        # the interval is that of the measurement: sideways above, upright and turned over in the difference
        ax.errorbar(
            x,
            y,
            xerr=None if difference else [below, above],
            yerr=[above, below] if difference else None,
            fmt=marker,
            color=colour,
            ms=5,
            mfc="none",
            mew=1.4,
            elinewidth=1,
            label=name,
            zorder=3,
        )
        tips(ax, x, y, map(text, chosen))
    ax.set_xlim(0, 1)
    if difference:
        ax.set_yticks([-BAND, 0, BAND])
    ax.set_ylim((-1.5 * BAND, 1.5 * BAND) if difference else (0, 1))


def render(rows: Sequence[Row], folder: str | Path, name: str = "calibration") -> list[Path]:
    """Draw both readings side by side, values above and differences below; write PNG and SVG to ``folder``."""
    readings = list(dict.fromkeys(row["reading"] for row in rows))
    size = (4.6 * len(readings), 6.4)
    with panels(2, len(readings), size=size, height_ratios=(3, 1.3), sharex=True, squeeze=False) as (figure, axes):
        for column, reading in enumerate(readings):
            chosen = [row for row in rows if row["reading"] == reading]
            draw(axes[0, column], chosen)
            draw(axes[1, column], chosen, difference=True)
            largest = max(abs(row["difference"]) for row in chosen)
            axes[0, column].set_title(f"{reading} reading, {len(chosen)} settings\nlargest difference {largest:.3f}")
            axes[1, column].set_xlabel("measured success probability")
        axes[0, 0].set_ylabel("estimated")
        axes[1, 0].set_ylabel("estimated\nminus measured")
        said = f"band: ± {BAND:g}\nbars: {100 * rows[0]['confidence']:g} % intervals"
        axes[0, 0].text(0.97, 0.05, said, transform=axes[0, 0].transAxes, ha="right")
        key(axes[0, 0], loc="upper left")
        arrange(figure)
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="calibration",
    about="estimated against measured success probability",
    results=(RESULT,),
    commands=(words("slt simulate calibration --out", RESULT),),
    minutes=4,
    needs=(
        "n",
        "eps",
        "prune",
        "lock",
        "reading",
        "trials",
        "draws",
        "seed",
        "confidence",
        "estimated",
        "measured",
        "difference",
    ),
    load=load,
    render=render,
)
