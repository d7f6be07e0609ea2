"""Memory under an hour of load: client, scheduler and workers.

What to see: after the first minutes, in which every process loads what it needs, client and workers are level: what a
run holds does not grow with the units it has done, and rows go to the store, which is a file. Dask's scheduler rises
slowly: it remembers some 600 bytes of every task. Reads the rows that ``python -m benchmarks.load --out FILE`` writes.
"""

from collections.abc import Sequence
from pathlib import Path

from figures.record import Figure, words
from figures.style import COLOURS, key, looks, panels, save, tips
from slt.core.forms import OBJECT, Numbers, check, count
from slt.core.places import committed
from slt.core.store import Row, read_jsonl

RESULT = committed("benchmarks", "load.jsonl")
SPACED = 20  # every so many samples a point with a text
LOOKS = {
    "client": (COLOURS["necessary"], "o"),
    "scheduler": (COLOURS["sufficient"], "s"),
    "worker 1": (COLOURS["other"], "^"),
    "worker 2": (COLOURS["measured"], "v"),
}


def load(*paths: str | Path) -> list[Row]:
    """Return the samples of ``python -m benchmarks.load``, and how the run ended as the last row.

    Raises ValueError for a run that did not end, and for more than one run.
    """
    files = FIGURE.files(paths)
    if len(files) > 1:
        raise ValueError(f"the figure load draws one run, got {len(files)} files")
    (path,) = files
    rows = read_jsonl(path)
    if len(rows) < 2 or "digest" not in rows[-1]:
        raise ValueError(f"{path} is of a run that did not end; the figure load draws the rows of: {FIGURE.again()}")
    form = {"seconds": Numbers(0), "units": count(10**12), "resident": OBJECT}
    for row in rows[:-1]:
        check({name: row[name] for name in form}, form, row.where)  # type: ignore[attr-defined]
        for process, held in row["resident"].items():
            Numbers(0).check(held, f"{process} in {row.where}")  # type: ignore[attr-defined]
    check(
        {name: rows[-1][name] for name in ("seconds", "units")},
        {"seconds": Numbers(0), "units": count(10**12)},
        str(path),
    )
    return rows


def render(rows: Sequence[Row], folder: str | Path, name: str = "load") -> list[Path]:
    """Draw the memory of every process over time and write PNG and SVG to ``folder``."""
    *samples, end = rows
    minutes = [row["seconds"] / 60 for row in samples]
    with panels() as (figure, ax):
        others = [process for process in samples[0]["resident"] if process not in LOOKS]
        known = {process: look for process, look in LOOKS.items() if process in samples[0]["resident"]}
        styles = looks(list(LOOKS.values()), len(LOOKS) + len(others))[len(LOOKS) :]
        for process, (colour, marker) in (known | dict(zip(others, styles, strict=True))).items():
            held = [row["resident"][process] / 1e6 for row in samples]
            ax.plot(minutes, held, color=colour, marker=marker, markevery=SPACED, ms=6, label=process)
            texts = [
                f"{process}: {mb:.0f} MB after {minute:.0f} minutes, {row['units']:,} units stored, seed 0; "
                f"{FIGURE.again()}"
                for mb, minute, row in zip(held, minutes, samples, strict=True)
            ]
            tips(ax, minutes[::SPACED], held[::SPACED], texts[::SPACED])
        ax.set_ylim(bottom=0)
        ax.set_xlim(left=0)
        ax.set_xlabel("minutes")
        ax.set_ylabel("memory held, MB")
        ax.set_title(f"Memory under load: {end['units']:,} units of work in {end['seconds'] / 60:.0f} minutes")
        key(ax, loc="upper left", bbox_to_anchor=(1, 1))
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="load",
    about="memory of client, scheduler and workers of a cluster under an hour of load",
    results=(RESULT,),
    commands=(words("python -m benchmarks.load --trials 5000 --out", RESULT),),
    minutes=60,
    needs=(),
    load=load,
    render=render,
)
