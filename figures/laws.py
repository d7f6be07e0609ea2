"""The laws of the requirement: n against precision, failure probability, pruning and locking.

What to see: n grows like log (1/eps) and log (1/delta), as the lemmas claim (straight lines over a log axis). When more
is pruned it grows like 1/f, f = 1 - p - q the free share, and when more is locked like 1/f^2 (grey guides). The
published forms, with the one constant that fits them at the ring, are dotted: too steep in eps where reach decides,
flat in delta down to eps, too small where little is pruned, as Lemma 2.2's factor falls to 0 there, and blind to
locking, which they leave to the constant. Reads the rows that ``slt simulate atlas --out FILE`` writes.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from figures.curves import ATLAS, COMMAND, MINUTES, requirement_lines, requirement_text, rows_of
from figures.style import COLOURS, command, panels, save, tips
from slt.core.command import run
from slt.core.store import Row
from theory import gadhikar2023, lueker1998

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COMMAND", "MINUTES", "RESULT", "draw", "load", "main", "render"]

RESULT = ATLAS
EPS, DELTA, PRUNE, LOCK = 0.01, 0.05, 0.4, 0.3  # what is kept when something else changes


def load(path: str | Path = RESULT) -> list[Row]:
    """Return the atlas's needs."""
    return rows_of("needs", path)


def along(rows: Sequence[Row], key: str) -> list[Row]:
    """Return the rows that differ in ``key`` only, in its order: the rates' with all other rates 0."""
    fixed = {"eps": EPS, "delta": DELTA, "prune": PRUNE, "lock": LOCK}
    if key in ("prune", "lock"):
        fixed |= {"prune": 0.0, "lock": 0.0}
    del fixed[key]
    chosen = [row for row in rows if all(row[name] == value for name, value in fixed.items())]
    return sorted(chosen, key=lambda row: row[key])


def draw(
    ax: "Axes",
    rows: Sequence[Row],
    key: str,
    published: Callable[[Row], float],
    ring: float,
    guide: int | None = None,
) -> None:
    """Draw one law: the rows over ``key`` (over f for a rate), and the published form through the estimate at ``ring``.

    published: the form with C = 1. guide: the power of 1/f that is drawn as a grey line through the last estimate.
    """
    rates = key in ("prune", "lock")
    x = [1 - row[key] if rates else row[key] for row in rows]
    requirement_lines(ax, rows, x)
    tips(ax, x, [row["necessary"] for row in rows], map(requirement_text, rows))
    tips(ax, x, [row["sufficient"] for row in rows], map(requirement_text, rows))
    at = next(row for row in rows if row[key] == ring)
    C = at["estimated"] / published(at)
    forms = [(place, C * published(row)) for place, row in zip(x, rows, strict=True) if published(row) > 0]
    ax.plot(*zip(*forms, strict=True), ":", color=COLOURS["second"], label="published form, C fitted at the ring")
    ax.plot(1 - ring if rates else ring, at["estimated"], "o", ms=11, mfc="none", mec=COLOURS["second"], mew=1.6)
    if guide is not None:
        known = [(place, row["estimated"]) for place, row in zip(x, rows, strict=True) if row["estimated"] is not None]
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

    with panels(1, 4, size=(16.4, 4.6)) as (figure, axes):
        draw(axes[0], along(rows, "eps"), "eps", logarithm, EPS)
        draw(axes[1], along(rows, "delta"), "delta", logarithm, DELTA)
        draw(axes[2], along(rows, "prune"), "prune", lemma22, 0.4, guide=1)
        draw(axes[3], along(rows, "lock"), "lock", logarithm, 0.3, guide=2)
        for ax in axes[:2]:
            ax.set_ylim(bottom=0)
        ticks = (0.0, 0.5, 0.8, 0.9, 0.95)
        for ax, letter in ((axes[2], "p"), (axes[3], "q")):
            ax.set_xticks([1 - rate for rate in ticks], [f"{rate:g}" for rate in ticks])
            ax.minorticks_off()
            ax.set_xlabel(f"{'pruned' if letter == 'p' else 'locked'} share {letter}")
        axes[0].set_xlabel("precision eps")
        axes[1].set_xlabel("failure probability delta")
        axes[0].set_ylabel("variables n")
        axes[0].set_title(f"like log (1/eps)\np = {PRUNE:g}, q = {LOCK:g}, delta = {DELTA:g}")
        axes[1].set_title(f"like log (1/delta)\np = {PRUNE:g}, q = {LOCK:g}, eps = {EPS:g}")
        axes[2].set_title(f"pruning costs 1/f\nq = 0, eps = {EPS:g}, delta = {DELTA:g}")
        axes[3].set_title(f"locking costs 1/f²\np = 0, eps = {EPS:g}, delta = {DELTA:g}")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower center", ncols=4, bbox_to_anchor=(0.5, -0.08))
        figure.suptitle(
            "Four laws of n (uniform, f = 1 - p - q); the published form, with one C fitted at the ring, misses three"
        )
        figure.tight_layout()
        paths = save(figure, name, folder)
    return paths


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the committed result, or the one named."""
    return command("laws", __doc__, RESULT, lambda results, out: render(load(results), out), argv)


if __name__ == "__main__":
    sys.exit(run(main, None, "slt figures laws"))
