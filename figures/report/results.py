"""Whose results the report shows: the committed ones, or those of a user's own run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figures.all import FIGURES
from figures.record import Figure
from figures.requirement import RESULT
from slt.core.places import committed
from slt.core.store import Row, read_json, read_jsonl

MAIN = "requirement.json"  # what ``slt verify --out DIR`` writes there, beside rows and a picture
LEFT_OUT = ("load",)  # a picture of the machinery, none of what the report is about


@dataclass(frozen=True)
class Results:
    """What is shown. main: the main job's result, None where there is none. folder: of a user's run, else None.

    pictures: every figure with the files that it is drawn from.
    """

    main: dict[str, Any] | None
    folder: Path | None
    pictures: tuple[tuple[Figure, tuple[Path, ...]], ...]

    @property
    def own(self) -> bool:
        """Whether they are a user's own."""
        return self.folder is not None

    def rows(self, name: str) -> list[Row]:
        """Return the rows of a result file of ``simulations``; none where a user's run has no such file."""
        path = committed("simulations", name) if self.folder is None else self.folder / name
        return read_jsonl(path) if path.is_file() else []

    @property
    def names_lemmas(self) -> bool:
        """Whether the main job's rows are of the lemmas, and not of other laws or of choices of a given size."""
        return self.main is not None and all("claim" in row for row in self.main["rows"])


def published() -> Results:
    """Return the committed results."""
    shown = tuple((figure, figure.results) for figure in FIGURES if figure.name not in LEFT_OUT)
    return Results(_main(RESULT), None, shown)


def of_run(place: Path) -> Results:
    """Return the results of a user's own run: a folder as ``--out`` writes it, or a file of ``slt verify --json``.

    Raises ValueError when nothing in it can be shown, OSError when it cannot be read.
    """
    file = place / MAIN if place.is_dir() else place
    main = _main(file) if place.is_file() or file.is_file() else None
    found: list[tuple[Figure, tuple[Path, ...]]] = []
    for figure in FIGURES:
        inside = [place / result.name for result in figure.results if (place / result.name).is_file()]
        if figure.name == "requirement":
            inside = [file] if main is not None and all("claim" in row for row in main["rows"]) else []
        if inside and figure.name not in LEFT_OUT:
            found.append((figure, tuple(inside)))
    if main is None and not found:
        raise ValueError(
            f"{place} holds nothing that the report can show: it needs {MAIN}, as slt verify --out writes it, or rows "
            "named as in slt figures"
        )
    return Results(main, place if place.is_dir() else place.parent, tuple(found))


def _main(path: Path) -> dict[str, Any]:
    result: Any = read_json(path)
    wanted = ("settings", "versions", "command", "rows")
    if not isinstance(result, dict) or any(name not in result for name in wanted) or not result["rows"]:
        raise ValueError(f"{path} is no result of slt verify: it must hold {', '.join(wanted)}")
    return result


def sample(figure: Figure, paths: Sequence[Path]) -> str:
    """Say how many rows a figure is drawn from, of how many trials each, and of which seeds."""
    rows: list[Row] = []
    seeds: set[int] = set()
    for path in paths:
        whole: Any = read_json(path) if path.suffix == ".json" else None
        rows += read_jsonl(path) if whole is None else whole["rows"]
        seeds |= {whole["settings"]["seed"]} if isinstance(whole, dict) and "settings" in whole else set()
    seeds |= {row["seed"] for row in rows if isinstance(row.get("seed"), int)}
    trials = sorted({row["trials"] for row in rows if isinstance(row.get("trials"), int)})
    parts = [f"{len(rows):,} rows"]
    if trials:
        parts.append(f"{_span(trials)} trials a measured row")
    if seeds:
        parts.append(f"seed{'s' * (len(seeds) > 1)} {_span(sorted(seeds))}")
    return ", ".join(parts)


def _span(rising: Sequence[int]) -> str:
    return f"{rising[0]:,}" if rising[0] == rising[-1] else f"{rising[0]:,} to {rising[-1]:,}"
