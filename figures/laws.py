"""The laws of the requirement: n against precision, failure probability, pruning and locking.

What to see: n grows like log (1/eps) and log (1/delta), as the lemmas claim (straight lines over a log axis). When more
is pruned it grows like 1/f, f = 1 - p - q the free share, and when more is locked like 1/f^2 (grey guides). The
published forms, with the one constant that fits them at the ring, are dotted: too steep in eps where reach decides,
flat in delta down to eps, too small where little is pruned, as Lemma 2.2's factor falls to 0 there, and blind to
locking, which they leave to the constant. Reads the rows that ``slt simulate atlas --out FILE`` writes.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from figures.curves import ATLAS, COMMANDS, MINUTES, NEEDS, requirement_lines, requirement_text
from figures.record import Figure
from figures.style import COLOURS, arrange, finding, key, panels, save, tips
from slt.core.store import Row
from theory import gadhikar2023, lueker1998

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULT = ATLAS
LABELS = {
    "eps": "precision eps",
    "delta": "failure probability delta",
    "prune": "pruned share p",
    "lock": "locked share q",
}
EPS, DELTA, PRUNE, LOCK = 0.01, 0.05, 0.4, 0.3  # what is kept when something else changes


def load(*paths: str | Path) -> list[Row]:
    """Return the rows of kind "needs" of ``slt simulate atlas``, by default of the committed run."""
    return FIGURE.rows(paths, {"kind": "needs"})


def along(rows: Sequence[Row], name: str) -> list[Row]:
    """Return the rows that differ in ``name`` only, in its order: the rates' with all other rates 0."""
    fixed = {"eps": EPS, "delta": DELTA, "prune": PRUNE, "lock": LOCK}
    if name in ("prune", "lock"):
        fixed |= {"prune": 0.0, "lock": 0.0}
    del fixed[name]
    chosen = [row for row in rows if all(row[other] == value for other, value in fixed.items())]
    return sorted(chosen, key=lambda row: row[name])


def draw(
    ax: "Axes",
    rows: Sequence[Row],
    name: str,
    published: Callable[[Row], float],
    ring: float,
    guide: int | None = None,
) -> None:
    """Draw one law: the rows over ``name`` (over f for a rate), and the published form through the ring.

    published: the form with C = 1. ring: the value of ``name`` at which C is fitted. guide: the
    power of 1/f that is drawn as a grey line through the last estimate.
    """
    rates = name in ("prune", "lock")
    x = [1 - row[name] if rates else row[name] for row in rows]
    requirement_lines(ax, rows, x)
    tips(ax, x, [row["necessary"] for row in rows], map(requirement_text, rows))
    tips(ax, x, [row["sufficient"] for row in rows], map(requirement_text, rows))
    known = [(place, row["estimated"]) for place, row in zip(x, rows, strict=True) if row["estimated"] is not None]
    fitted = [row for row in rows if row[name] == ring and row["estimated"] is not None and published(row) > 0]
    for at in fitted[:1]:
        C = at["estimated"] / published(at)
        forms = [(place, C * published(row)) for place, row in zip(x, rows, strict=True) if published(row) > 0]
        ax.plot(*zip(*forms, strict=True), ":", color=COLOURS["second"], label="published form, C fitted at the ring")
        ax.plot(1 - ring if rates else ring, at["estimated"], "o", ms=11, mfc="none", mec=COLOURS["second"], mew=1.6)
    if guide is not None and known:
        f, n = known[-1]
        span = np.array([0.6, f])
        ax.plot(span, n * 0.6 * (f / span) ** guide, color="#bbbbbb", lw=1.2, zorder=0)
        ax.text(
            span[0], n * 0.6 * (f / span[0]) ** guide * 0.62, f"slope {guide}: 1/f{'²' * (guide == 2)}", color="#777777"
        )
        ax.set_yscale("log")
    ax.set_xscale("log")
    ax.invert_xaxis()


def render(rows: Sequence[Row], folder: str | Path, name: str = "laws") -> list[Path]:
    """Draw the four laws side by side and write PNG and SVG to ``folder``."""

    def logarithm(row: Row) -> float:
        return lueker1998.log_factor(row["eps"], row["delta"])

    def lemma22(row: Row) -> float:
        return gadhikar2023.published_factor(row["eps"], row["delta"], row["prune"])

    laws = {
        "eps": (f"like log (1/eps)\np = {PRUNE:g}, q = {LOCK:g}, delta = {DELTA:g}", logarithm, EPS, None),
        "delta": (f"like log (1/delta)\np = {PRUNE:g}, q = {LOCK:g}, eps = {EPS:g}", logarithm, DELTA, None),
        "prune": (f"pruning costs 1/f\nq = 0, eps = {EPS:g}, delta = {DELTA:g}", lemma22, 0.4, 1),
        "lock": (f"locking costs 1/f²\np = 0, eps = {EPS:g}, delta = {DELTA:g}", logarithm, 0.3, 2),
    }
    chosen = {law: own for law in laws if (own := along(rows, law))}
    if not chosen:
        raise ValueError(
            f"the figure laws needs rows that differ in one of {', '.join(laws)}, with eps = {EPS:g}, "
            f"delta = {DELTA:g}, prune = {PRUNE:g}, lock = {LOCK:g}, or no freezing but the one rate; there are none"
        )
    count = len(chosen)
    with panels(1, count, size=(4.1 * count, 4.6), squeeze=False) as (figure, ((*axes,),)):
        for ax, (law, own) in zip(axes, chosen.items(), strict=True):
            title, published, ring, guide = laws[law]
            draw(ax, own, law, published, ring, guide)
            ax.set_title(title)
            ax.set_xlabel(LABELS[law])
            if law in ("eps", "delta"):
                ax.set_ylim(bottom=0)
            else:
                ticks = (0.0, 0.5, 0.8, 0.9, 0.95)
                ax.set_xticks([1 - rate for rate in ticks], [f"{rate:g}" for rate in ticks])
                ax.minorticks_off()
        axes[0].set_ylabel("variables n")
        handles, labels = axes[0].get_legend_handles_labels()
        key(figure, handles, labels, loc="lower center", ncols=4, bbox_to_anchor=(0.5, -0.08))
        figure.suptitle(
            finding(
                "Four laws of n (uniform, f = 1 - p - q); the published form, with one C fitted at the ring, misses "
                "three",
                "How n grows (uniform, f = 1 - p - q), and the published form with one C fitted at the ring",
            )
        )
        arrange(figure)
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="laws",
    about="required number of variables against precision, failure probability, pruning and locking",
    results=(RESULT,),
    commands=COMMANDS,
    minutes=MINUTES,
    needs=NEEDS,
    load=load,
    render=render,
)
