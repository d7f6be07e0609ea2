"""Masks over trained weights: starting from the largest leads early, a restriction keeps bits from swinging.

What to see, from left to right: from the largest weights the mask starts at a loss that a random start needs several
epochs for, and stays ahead; under the short restriction, late in the search, a bit swings several times less often for
each bit whose change lasts, though as many changes last; the validation accuracy is the same with and without it. Thin
lines are seeds, thick ones their means. Reads the rows that ``slt jackpot --results FILE`` writes.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from figures.record import Figure, words
from figures.style import COLOURS, arrange, finding, key, panels, save, tips
from slt.core.places import committed
from slt.core.store import Row

RESULT = committed("torch_backend", "jackpots.jsonl")
LOOKS = {
    ("magnitude", "short"): (COLOURS["sufficient"], "-"),
    ("magnitude", "none"): (COLOURS["sufficient"], "--"),
    ("random", "short"): (COLOURS["necessary"], "-"),
    ("random", "none"): (COLOURS["necessary"], "--"),
}
PANELS = {  # curve: (title, axis, factor, scale)
    "loss": ("training loss", "mean over an epoch", 1, "log"),
    "swing": ("how often bits swing", "flips for each lasting change", 1, "linear"),
    "validation": ("accuracy of the mask", "validation, %", 100, "linear"),
}


def load(*paths: str | Path) -> list[Row]:
    """Return the rows of ``slt jackpot``, by default of the committed run.

    Raises ValueError where curves that belong together are not equally long.
    """
    rows = FIGURE.rows(paths)
    if len({len(row["curves"]["loss"]) for row in rows}) > 1:
        raise ValueError(
            f"{', '.join(map(str, FIGURE.files(paths)))}: the figure jackpots needs searches of equally many epochs"
        )
    return rows


def curves(rows: Sequence[Row], start: str, restriction: str, name: str) -> np.ndarray:
    """Return a curve of every seed, (seeds, epochs).

    swing: flips of mask bits in an epoch, step by step, for each bit that is another at its end than at its start.
    """
    here = [row for row in rows if (row["start"], row["restriction"]) == (start, restriction)]
    if name == "swing":
        moved, flipped = (np.array([row["curves"][part] for row in here]) for part in ("moved", "flipped"))
        return moved * np.array([row["steps"] for row in here])[:, None] / flipped
    return np.array([row["curves"][name] for row in here], float)


def render(rows: Sequence[Row], folder: str | Path, name: str = "jackpots") -> list[Path]:
    """Draw a panel for each curve and write PNG and SVG to ``folder``."""
    sparsity, s = rows[0]["sparsity"], rows[0]["settings"]["settings"]
    with panels(1, len(PANELS), size=(13.2, 5.0)) as (figure, axes):
        for ax, (panel, (title, label, factor, scale)) in zip(axes, PANELS.items(), strict=True):
            for (start, restriction), (colour, dashes) in LOOKS.items():
                found = factor * curves(rows, start, restriction, panel)
                if not found.size:
                    continue
                x = np.arange(1, found.shape[1] + 1)
                ax.plot(x, found.T, color=colour, ls=dashes, lw=0.7, alpha=0.5)
                said = f"{start} start, {'short' if restriction == 'short' else 'no'} restriction"
                ax.plot(x, found.mean(0), color=colour, ls=dashes, label=said)
                tips(ax, x, found.mean(0), [
                    f"{said}, epoch {epoch}: {title} {value:.4g}, seeds 0 to {len(found) - 1}; {FIGURE.again()}"
                    for epoch, value in zip(x, found.mean(0), strict=True)
                ])  # fmt: skip
            ax.set_yscale(scale)
            ax.set_title(title)
            ax.set_xlabel("epoch of the search")
            ax.set_ylabel(label)
        dense = 100 * np.mean([row["dense_validation"] for row in rows])
        axes[-1].axhline(dense, color=COLOURS["estimated"], lw=1.2, ls=":", label="the dense trained network")
        axes[-1].plot([], [], color=COLOURS["estimated"], lw=0.7, label="thin: single seeds")
        handles, labels = axes[-1].get_legend_handles_labels()
        key(figure, handles, labels, loc="lower center", ncols=3)
        figure.suptitle(
            f"Jackpots, {s['model'].upper()} on {s['data_set'].upper()}, {100 * sparsity:g} % of the trained weights "
            + finding(
                "off:\na good start leads, above all early; the restriction calms the bits; accuracy ends alike", "off"
            )
        )
        arrange(figure, rect=(0, 0.12, 1, 1))
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="jackpots",
    about="masks searched over trained weights: where they start, and what the short restriction does",
    results=(RESULT,),
    commands=(
        words(
            "slt jackpot --model mlp --data-set mnist --sparsity .9 --train-epochs 10 --epochs 20 "
            "--start magnitude random --restriction short none --seeds 3 --out runs/jackpots --results",
            RESULT,
        ),
    ),
    minutes=15,
    needs=(
        "start",
        "restriction",
        "seed",
        "sparsity",
        "steps",
        "dense_validation",
        *(f"curves.{name}" for name in ("loss", "validation", "moved", "flipped")),
        "settings.settings.model",
        "settings.settings.data_set",
    ),
    load=load,
    render=render,
)
