"""How many variables each precision needs: proven, estimated and measured.

What to see: the measured points run along the estimate between the two proven lines, and all of them grow like a
straight line in log(1/eps): that is the logarithm which the lemmas claim, and the slope is their constant. One panel
a lemma, uniform reading. Reads the file that ``python -m subsetsum.verify --json FILE`` writes.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.cli import run
from common.store import read_json
from figures.style import COLOURS, command, save, styled, tips
from simulations.report import interval
from theory import CLAIMS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULT = Path(__file__).parents[1] / "simulations" / "results" / "requirement.json"
COMMAND = (
    "python -m subsetsum.verify --prune 0.4 --lock 0.3 --eps 0.1 0.03 0.01 0.003 0.001 0.0003 0.0001 "
    "--json simulations/results/requirement.json"
)
MINUTES = 4

# what is drawn as a line: label, look
LINES = {
    "sufficient": ("sufficient (proven)", "-"),
    "statistical": ("sufficient (statistical)", ":"),
    "estimated": ("estimated", "--"),
    "necessary": ("necessary (proven)", "-"),
}


def load(path: str | Path = RESULT) -> list[dict[str, Any]]:
    """Return the rows of a result file of the main job."""
    rows: list[dict[str, Any]] = read_json(path)["rows"]
    return rows


def source(path: str | Path = RESULT) -> str:
    """Return the seed and the command that a result file of the main job says it comes from."""
    result = read_json(path)
    return f"seed {result['settings']['seed']}; {result['command']}"


def draw(ax: "Axes", rows: Sequence[dict[str, Any]], made: str = "") -> None:
    """Draw one lemma in one reading: ``rows`` differ in eps only. made: where they come from, for the tips."""
    rows = sorted(rows, key=lambda row: -row["eps"])
    eps = [row["eps"] for row in rows]
    at = [
        f"eps = {row['eps']:g}, delta = {row['delta']:g}, p = {row['prune']:g}, q = {row['lock']:g}, {row['reading']}"
        for row in rows
    ]
    for name, (label, look) in LINES.items():
        ax.plot(eps, [row[name] for row in rows], look, color=COLOURS[name], label=label)
        texts = [f"{label}: n = {row[name]}, {where}; {made}" for row, where in zip(rows, at, strict=True)]
        tips(ax, eps, [row[name] for row in rows], texts)
    shown = [row for row in rows if row["measured"]["value"] is not None]
    values = [row["measured"]["value"] for row in shown]
    low = [row["measured"]["value"] - row["measured"]["lower"] for row in shown]
    high = [(row["measured"]["upper"] or row["measured"]["value"]) - row["measured"]["value"] for row in shown]
    ax.errorbar(
        [row["eps"] for row in shown], values, yerr=[low, high], fmt="o", color=COLOURS["measured"], ms=5, capsize=3,
        lw=1.2, label="measured, with interval", zorder=5,
    )  # fmt: skip
    texts = [
        f"measured: n = {interval(row['measured'])}, {where}, {row['trials']} trials, {made}"
        for row, where in zip(rows, at, strict=True)
        if row in shown
    ]
    tips(ax, [row["eps"] for row in shown], values, texts)
    ax.set_xscale("log")
    ax.invert_xaxis()
    ax.set_ylim(bottom=0)


def render(rows: Sequence[dict[str, Any]], folder: str | Path, name: str = "requirement", made: str = "") -> list[Path]:
    """Draw every lemma in its own panel and write PNG and SVG to ``folder``. made: as in :func:`draw`."""
    from matplotlib import pyplot as plt

    titles = {claim.key: claim.title for claim in CLAIMS}
    claims = list(dict.fromkeys(row["claim"] for row in rows))
    with styled():
        figure, axes = plt.subplots(1, len(claims), figsize=(3.6 * len(claims), 4.2), squeeze=False)
        for ax, claim in zip(axes[0], claims, strict=True):
            chosen = [row for row in rows if row["claim"] == claim and row["reading"] == "uniform"]
            draw(ax, chosen, made)
            ax.set_title(f"Lemma {claim} ({titles[claim]})\np = {chosen[0]['prune']:g}, q = {chosen[0]['lock']:g}")
            ax.set_xlabel("precision eps")
        axes[0][0].set_ylabel(f"variables n, delta = {rows[0]['delta']:g}")
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower center", ncols=5, bbox_to_anchor=(0.5, -0.08))
        figure.tight_layout()
        paths = save(figure, name, folder)
        plt.close(figure)
    return paths


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the committed result, or the one named."""

    def draw_file(results: str | Path, out: str | Path) -> list[Path]:
        return render(load(results), out, made=source(results))

    return command("requirement", __doc__, RESULT, draw_file, argv)


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m figures requirement"))
