"""Success over the sparsity of a ticket, at one number of variables.

What to see: measured success follows the estimate and stays between the proven limits. It is largest inside of
[p, 1 - q], on the sparse side of its centre (the thin line) where nothing is locked, and falls to 0 towards both ends.
The proven lower limit asks for more variables: it is 0 in all panels but one. Reads the rows of kind "places" that
``slt simulate kept --out FILE`` writes; the proven limits are computed when the figure is drawn.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from figures.record import Figure, words
from figures.style import COLOURS, arrange, finding, key, panels, save, tips
from slt.core.keep import Share
from slt.core.places import committed
from slt.core.store import Row
from theory.kept_necessary import failure_at_least_kept
from theory.kept_sufficient import failure_at_most_kept

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULT = committed("simulations", "kept.jsonl")
COMMANDS = (words("slt simulate kept --out", RESULT),)
MINUTES = 7
LIMITS = 16  # at about so many sparsities the proven limits are computed


def load(*paths: str | Path) -> list[Row]:
    """Return the rows of kind "places" of ``slt simulate kept``, by default of the committed run."""
    rows = FIGURE.rows(paths, {"kind": "places"})
    for row in rows:
        if not isinstance(row["places"], list) or not all(_is_place(place) for place in row["places"]):
            where = getattr(row, "where", "a row")
            raise ValueError(f"places in {where} must be lists of five numbers; the figure kept_places draws those of: "
                             f"{FIGURE.again()}")  # fmt: skip
    return rows


def _is_place(place: object) -> bool:
    return isinstance(place, list) and len(place) == 5 and all(isinstance(number, int | float) for number in place)


@lru_cache
def limits(n: int, eps: float, prune: float, lock: float) -> tuple[list[float], list[float], list[float]]:
    """Return some sparsities of n variables, the proven upper limit of success at each of them, and the lower one."""
    kept = np.unique(np.linspace(0, n, LIMITS + 1).round().astype(int))[::-1]
    shares = [Share(1 - int(count) / n) for count in kept]
    upper = [1 - failure_at_least_kept(n, eps, share, prune=prune, lock=lock) for share in shares]
    lower = [1 - failure_at_most_kept(n, eps, share, prune=prune, lock=lock) for share in shares]
    return [share.sparsity for share in shares], upper, lower


def draw(ax: "Axes", row: Row) -> None:
    """Draw one setting: limits, estimate, and measured points with intervals."""
    x, upper, lower = limits(row["n"], row["eps"], row["prune"], row["lock"])
    ax.plot(x, upper, color=COLOURS["necessary"], label="at most (proven)")
    ax.plot(x, lower, color=COLOURS["sufficient"], label="at least (proven)")
    places = sorted(row["places"])
    at = [place[0] for place in places]
    ax.plot(at, [place[1] for place in places], "--", color=COLOURS["estimated"], label="estimated")
    value = [place[3] for place in places]
    bars = [[place[3] - place[2] for place in places], [place[4] - place[3] for place in places]]
    ax.errorbar(
        at, value, yerr=bars, fmt="o", color=COLOURS["measured"], ms=4, capsize=2, lw=1.1, zorder=5,
        label="measured, with interval",
    )  # fmt: skip
    setting = f"n = {row['n']}, eps = {row['eps']:g}, p = {row['prune']:g}, q = {row['lock']:g}"
    texts = [
        f"success {there:.4f} [{low:.4f}, {high:.4f}], estimated {said:.4f}, sparsity {k:.3g}, {setting}, "
        f"{row['trials']} trials, seed {row['seed']}; {FIGURE.again()}"
        for k, said, low, there, high in places
    ]
    tips(ax, at, value, texts)
    ax.axvline((1 + row["prune"] - row["lock"]) / 2, color="#888888", lw=1, zorder=0)
    ax.set_xlim(0, 1)
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel("sparsity")
    ax.set_title(f"n = {row['n']}, eps = {row['eps']:g}\np = {row['prune']:g}, q = {row['lock']:g}")


def render(rows: Sequence[Row], folder: str | Path, name: str = "kept_places") -> list[Path]:
    """Draw every setting in its own panel, write the files to ``folder`` and return their paths."""
    with panels(1, len(rows), size=(3.6 * len(rows) + 0.6, 4.6), sharey=True, squeeze=False) as (figure, axes):
        for ax, row in zip(axes[0], rows, strict=True):
            draw(ax, row)
        axes[0][0].set_ylabel("success probability")
        figure.suptitle(
            finding("Success is largest inside of [p, 1 - q], as estimated", "Success over the sparsity")
            + " (|z| <= 1, uniform)",
            fontsize=14,
        )
        handles, labels = axes[0][0].get_legend_handles_labels()
        key(figure, handles, labels, loc="lower center", ncols=4, bbox_to_anchor=(0.5, -0.08))
        arrange(figure)
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="kept_places",
    about="success over the sparsity of a ticket, between its proven limits",
    results=(RESULT,),
    commands=COMMANDS,
    minutes=MINUTES,
    needs=("n", "eps", "prune", "lock", "trials", "seed", "places"),
    load=load,
    render=render,
)
