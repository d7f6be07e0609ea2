"""How many variables choices of N of every M need, beside choices of any size.

What to see: in every panel measured numbers lie on the estimate or a group beside it, between the proven lines. All
groups need more variables than choices of any size. 1:2 needs more than 2:4, which has more choices that keep as many,
and more than 1:4, which keeps less. What is proven to suffice rises most with the precision for 1:2, whose groups have
two patterns alone. Nothing is frozen. Reads the rows of kind "requirement" that ``slt simulate kept --out FILE``
writes; the points of any size are those of the main job's committed rows (Lemma 2.1), its lines are computed when the
figure is drawn.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from figures import requirement
from figures.kept_places import COMMANDS, MINUTES, RESULT
from figures.record import Figure
from figures.style import COLOURS, arrange, key, panels, save, tips
from slt.core.store import Row
from theory.requirement import requirement as theory_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ANY = "any size"
DELTA = 0.05  # of the experiment
LINES = {"sufficient": "-", "estimated": "--", "necessary": "-"}


def load(*paths: str | Path) -> list[Row]:
    """Return the rows of N:M where nothing is frozen, and those of any size at the same precisions before them.

    By default those of the committed run of ``slt simulate kept``. Raises ValueError where there is none of N:M.
    """
    rows = FIGURE.rows(paths, {"kind": "requirement", "prune": 0.0, "lock": 0.0})
    chosen = [row for row in rows if ":" in str(row["keep"])]
    if not chosen:
        named = ", ".join(map(str, FIGURE.files(paths)))
        raise ValueError(f"{named} has no N:M; the figure kept draws rows of: {FIGURE.again()}")
    return any_size({row["eps"] for row in chosen}) + chosen


def any_size(precisions: Iterable[float]) -> list[Row]:
    """Return rows of choices of any size, in the form of those of ``slt simulate kept``.

    What is measured is that of Lemma 2.1 in the main job's committed rows, where they have the precision.
    """
    known = {row["eps"]: row for row in requirement.load() if (row["claim"], row["reading"]) == ("2.1", "uniform")}
    rows: list[Row] = []
    for eps in precisions:
        said, found = theory_of(eps, DELTA), known.get(eps)
        ends = dict.fromkeys(("lower", "value", "upper")) if found is None else found["measured"]
        row = {"keep": ANY, "eps": eps, "necessary": said.necessary, "estimated": said.estimated,
               "sufficient": said.sufficient, **ends}  # fmt: skip
        made = "" if found is None else f"{found['trials']} trials, {found['made']}"
        rows.append({**row, "made": made})
    return rows


def made(row: Row) -> str:
    """Say how a row was made."""
    return row["made"] if "made" in row else f"{row['trials']} trials, seed {row['seed']}; {FIGURE.again()}"


def draw(ax: "Axes", rows: Sequence[Row]) -> None:
    """Draw what one kind of choices needs over the precision."""
    from matplotlib.ticker import NullFormatter

    rows = sorted(rows, key=lambda row: -row["eps"])
    for name, look in LINES.items():
        known = [row for row in rows if row[name] is not None]
        label = name if name == "estimated" else f"{name} (proven)"
        xs, ys = [row["eps"] for row in known], [row[name] for row in known]
        ax.plot(xs, ys, look, color=COLOURS[name], marker="o", ms=3.5, label=label)
        texts = [f"{label}: n = {row[name]}, {row['keep']}, eps = {row['eps']:g}; {FIGURE.again()}" for row in known]
        tips(ax, xs, ys, texts)
    measured = [row for row in rows if row["value"] is not None]
    xs, ys = [row["eps"] for row in measured], [row["value"] for row in measured]
    bars = [
        [row["value"] - row["lower"] for row in measured],
        [(row["upper"] or row["value"]) - row["value"] for row in measured],
    ]
    ax.errorbar(
        xs, ys, yerr=bars, fmt="o", color=COLOURS["measured"], ms=5, capsize=3, lw=1.2, zorder=5,
        label="measured, with interval",
    )  # fmt: skip
    texts = [
        f"measured: n = {row['value']} [{row['lower']}, {'?' if row['upper'] is None else row['upper']}], "
        f"{row['keep']}, eps = {row['eps']:g}, {made(row)}"
        for row in measured
    ]
    tips(ax, xs, ys, texts)
    ax.set_xscale("log")
    eps = [row["eps"] for row in rows]
    room = max(1.4, (12 * min(eps) / max(eps)) ** 0.5)  # more than a decade in all, so that powers of ten are labelled
    ax.set_xlim(max(eps) * room, min(eps) / room)
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_yscale("log")
    ax.set_xlabel("precision eps")
    ax.set_title(rows[0]["keep"])


def headline(rows: Sequence[Row]) -> str:
    """Say how many times as many variables N:M was measured to need as choices of any size, over all precisions."""
    free = {row["eps"]: row["value"] for row in rows if row["keep"] == ANY and row["value"]}
    ratios = [
        row["value"] / free[row["eps"]] for row in rows if row["keep"] != ANY and row["value"] and row["eps"] in free
    ]
    if not ratios:
        return "Variables that choices of N:M need"
    return f"Choices of N:M need {min(ratios):.1f} to {max(ratios):.1f} times the variables of any size"


def render(rows: Sequence[Row], folder: str | Path, name: str = "kept") -> list[Path]:
    """Draw every kind of choices in its own panel, write the files to ``folder`` and return their paths."""
    kinds = list(dict.fromkeys(row["keep"] for row in rows))
    with panels(1, len(kinds), size=(2.9 * len(kinds), 4.8), sharey=True, squeeze=False) as (figure, axes):
        from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

        for ax, kind in zip(axes[0], kinds, strict=True):
            draw(ax, [row for row in rows if row["keep"] == kind])
        axes[0][0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes[0][0].yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes[0][0].yaxis.set_minor_formatter(NullFormatter())
        axes[0][0].set_ylabel("variables n")
        figure.suptitle(headline(rows) + f" (dense, uniform, delta = {DELTA:g})")
        handles, labels = axes[0][0].get_legend_handles_labels()
        key(figure, handles, labels, loc="upper center", ncols=4, bbox_to_anchor=(0.5, 0.02))
        arrange(figure)
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="kept",
    about="how many variables choices of N of every M need, beside those of any size",
    results=(RESULT,),
    commands=COMMANDS,
    minutes=MINUTES,
    needs=(
        *("keep", "eps", "prune", "lock", "necessary", "estimated", "sufficient"),
        *("lower", "value", "upper", "trials", "seed"),
    ),
    load=load,
    render=render,
)
