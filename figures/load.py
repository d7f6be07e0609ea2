"""Memory under an hour of load: client, scheduler and workers.

What to see: after the first minutes, in which every process loads what it needs, client and workers are level: what a
run holds does not grow with the units it has done, and rows go to the store, which is a file. Dask's scheduler rises
slowly: it remembers some 600 bytes of every task. Reads the rows that ``python -m benchmarks.load --out FILE`` writes.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from figures.style import COLOURS, command, panels, save, tips
from slt.core.command import run
from slt.core.places import committed
from slt.core.store import Row, read_jsonl

RESULT = committed("benchmarks", "load.jsonl")
COMMAND = "python -m benchmarks.load --trials 5000 --out benchmarks/results/load.jsonl"
MINUTES = 60
SPACED = 20  # every so many samples a point with a text
LOOKS = {
    "client": (COLOURS["necessary"], "o"),
    "scheduler": (COLOURS["sufficient"], "s"),
    "worker 1": (COLOURS["other"], "^"),
    "worker 2": (COLOURS["measured"], "v"),
}


def load(path: str | Path = RESULT) -> list[Row]:
    """Return the samples, and how the run ended as the last row."""
    rows = read_jsonl(path)
    if len(rows) < 2 or "digest" not in rows[-1]:
        raise ValueError(f"{path} is of a run that did not end")
    return rows


def render(rows: Sequence[Row], folder: str | Path, name: str = "load") -> list[Path]:
    """Draw the memory of every process over time and write PNG and SVG to ``folder``."""
    *samples, end = rows
    minutes = [row["seconds"] / 60 for row in samples]
    with panels() as (figure, ax):
        for process, (colour, marker) in LOOKS.items():
            held = [row["resident"][process] / 1e6 for row in samples]
            ax.plot(minutes, held, color=colour, marker=marker, markevery=SPACED, ms=6, label=process)
            texts = [
                f"{process}: {mb:.0f} MB after {minute:.0f} minutes, {row['units']:,} units stored, seed 0; {COMMAND}"
                for mb, minute, row in zip(held, minutes, samples, strict=True)
            ]
            tips(ax, minutes[::SPACED], held[::SPACED], texts[::SPACED])
        ax.set_ylim(bottom=0)
        ax.set_xlim(left=0)
        ax.set_xlabel("minutes")
        ax.set_ylabel("memory held, MB")
        ax.set_title(f"Memory under load: {end['units']:,} units of work in {end['seconds'] / 60:.0f} minutes")
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
        paths = save(figure, name, folder)
    return paths


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the committed result, or the one named."""
    return command("load", __doc__, RESULT, lambda results, out: render(load(results), out), argv)


if __name__ == "__main__":
    sys.exit(run(main, None, "slt figures load"))
