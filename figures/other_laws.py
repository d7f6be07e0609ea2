"""What numbers of other laws need: n against eps for each law and alphabet, and n - log2 M for whole numbers.

What to see: with targets |z| <= 1 most laws differ by a constant. Numbers that are small as a rule, such as products,
ask for more, for the sake of reach, and then eps hardly matters. Signed choices halve the need. Whole numbers up to M
need log2 M and about ten numbers; with a fifth pruned and a fifth locked the excess is three to four times that and
still grows. Points are measured, with their intervals, and stand a little beside each other; dashed lines are
estimates, where the model of the estimate holds. On the left a colour is a law, a marker tells choices and rates. Reads
the rows that ``slt simulate laws --out FILE`` writes.
"""

from collections.abc import Sequence
from math import log2
from pathlib import Path
from typing import TYPE_CHECKING

from figures.record import Figure, told_apart, words
from figures.style import COLOURS, MARKERS, arrange, key, looks, panels, save, tips
from slt.core.intervals import up_to
from slt.core.places import committed
from slt.core.store import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULT = committed("simulations", "laws.jsonl")
LOOKS = list(zip(COLOURS.values(), MARKERS, strict=False))  # series that overlap are told apart by both
APART = 0.985  # between the places of neighbouring series at one eps


def load(*paths: str | Path) -> list[Row]:
    """Return the rows of ``slt simulate laws``, by default of the committed run."""
    return FIGURE.rows(paths)


def named(row: Row) -> str:
    """Say which numbers a row is of."""
    frozen = f", p = {row['prune']:g}, q = {row['lock']:g}" if row["prune"] or row["lock"] else ""
    return f"{row['law']}{', signed' if row['signed'] else ''}{frozen}"


def text(row: Row) -> str:
    """Say everything of one point."""
    return (
        f"n = {up_to(row)}, proven necessary {row['necessary']}, {named(row)}, "
        f"eps = {row['eps']:g}, |z| <= {row['radius']:g}, {row['trials']} trials, seed {row['seed']}; {FIGURE.again()}"
    )


def by_law(series: Sequence[tuple[str, bool, float, float]]) -> list[tuple[str, str]]:
    """Return a colour and a marker for each series (law, signed, prune, lock): a law has a colour of its own.

    Raises ValueError for more laws, or more choices and rates, than can be told apart.
    """
    laws, others = (list(dict.fromkeys(each)) for each in ([s[0] for s in series], [s[1:] for s in series]))
    colours = [COLOURS[name] for name in ("necessary", "sufficient", "other", "second", "statistical", "measured")]
    if len(laws) > len(colours) or len(others) > len(MARKERS):
        raise ValueError(
            f"a panel can show {len(colours)} laws and {len(MARKERS)} choices and rates, got {len(laws)} and "
            f"{len(others)}: draw fewer rows at a time"
        )
    return [(colours[laws.index(law)], MARKERS[others.index(tuple(rest))]) for law, *rest in series]


def _points(ax: "Axes", rows: Sequence[Row], x: Sequence[float], less: Sequence[float], look: tuple[str, str]) -> None:
    """Draw the measured numbers of one series, ``less`` taken off each, and what is estimated."""
    colour, marker = look
    y = [row["value"] - off for row, off in zip(rows, less, strict=True)]
    below = [row["value"] - row["lower"] for row in rows]
    above = [(row["upper"] or row["value"]) - row["value"] for row in rows]
    ax.errorbar(
        x, y, yerr=[below, above], color=colour, marker=marker, ls="none", ms=5.5, capsize=2.5, lw=1.2, zorder=3,
        label=named(rows[0]),
    )  # fmt: skip
    guesses = [(at, row["estimated"] - off) for at, row, off in zip(x, rows, less, strict=True) if row["estimated"]]
    if guesses:
        ax.plot(*zip(*guesses, strict=True), "--", color=colour, lw=1.4)
    tips(ax, x, y, map(text, rows))


def render(rows: Sequence[Row], folder: str | Path, name: str = "other_laws") -> list[Path]:
    """Draw both panels; write the files to ``folder`` and return their paths."""
    with panels(1, 2, size=(13, 5.4)) as (figure, (needs, whole)):
        shown = [row for row in rows if row["kind"] == "requirement" and row["value"] is not None]
        series = told_apart(shown, "law", "signed", "prune", "lock")
        for place, (what, look) in enumerate(zip(series, by_law(series), strict=True)):
            chosen = [row for row in shown if (row["law"], row["signed"], row["prune"], row["lock"]) == what]
            _points(needs, chosen, [row["eps"] * APART**place for row in chosen], [0.0] * len(chosen), look)
        needs.set_xscale("log")
        needs.invert_xaxis()
        needs.set_yscale("log", base=2)
        needs.yaxis.set_major_formatter("{x:g}")
        needs.set_xlabel("precision eps")
        needs.set_ylabel("variables n")
        key(needs, fontsize=9, loc="upper left", bbox_to_anchor=(0.0, -0.14), ncols=2)
        counted = [row for row in rows if row["kind"] == "integers" and row["value"] is not None]
        rates = told_apart(counted, "prune", "lock")
        for (prune, lock), look in zip(rates, looks(LOOKS, len(rates)), strict=True):
            chosen = [row for row in counted if (row["prune"], row["lock"]) == (prune, lock)]
            sizes = [log2(row["radius"]) for row in chosen]
            _points(whole, chosen, sizes, sizes, look)
        handles, _ = whole.get_legend_handles_labels()
        told = ["dense" if p == q == 0 else f"p = {p:g}, q = {q:g}" for p, q in rates]
        whole.set_xlabel("log2 M")
        whole.set_ylabel("n - log2 M")
        key(whole, handles, told, loc="upper left")
        whole.set_title("every whole number up to M")
        needs.set_title("every |z| <= 1 within eps")
        arrange(figure)
        return save(figure, name, folder)


FIGURE = Figure(
    name="other_laws",
    about="what numbers of other laws need, and whole numbers: measured and estimated",
    results=(RESULT,),
    commands=(words("slt simulate laws --out", RESULT),),
    minutes=6,
    needs=(
        "kind",
        "law",
        "signed",
        "prune",
        "lock",
        "eps",
        "radius",
        "necessary",
        "estimated",
        "lower",
        "value",
        "upper",
        "n_max",
        "trials",
        "seed",
    ),
    load=load,
    render=render,
)
