"""What the report says of the published lemmas: verdicts and numbers of the committed results, nothing run again."""

from collections import Counter
from pathlib import Path
from typing import Any

from common.store import Row, read_json, read_jsonl
from figures.requirement import RESULT
from simulations.report import interval, regime
from simulations.verdicts import overall
from theory.claims import CLAIMS, Claim

GRID = RESULT.with_name("constants.jsonl")
COLUMNS = (
    "reading", "eps", "necessary", "estimated", "measured", "stat.", "sufficient", "constant C", "limited by",
    "verdict",
)  # fmt: skip


def load(path: str | Path = RESULT) -> dict[str, Any]:
    """Return the main job's result: settings, versions, command, rows."""
    result: dict[str, Any] = read_json(path)
    return result


def judged(rows: list[Row], grid: list[Row]) -> list[dict[str, Any]]:
    """Return for every lemma: the claim, its verdict, its range of C in each reading, its table, the grid's verdicts.

    rows: of the main job. grid: measured constants over a grid of rates, of which a lemma has those it speaks of.
    """
    out = []
    for claim in CLAIMS:
        own = [row for row in rows if row["claim"] == claim.key]
        out.append(
            {
                "claim": claim,
                "rates": claim.rates(max(row["prune"] for row in rows), max(row["lock"] for row in rows)),
                "verdict": overall([row["verdict"] for row in own]),
                "constants": {reading: _range(own, reading) for reading in ("uniform", "pointwise")},
                "trials": _span([row["trials"] for row in own]),
                "table": [_cells(row) for row in sorted(own, key=lambda row: row["reading"] != "uniform")],
                "grid": dict(Counter(row["verdict"] for row in grid if _speaks_of(claim, row))),
            }
        )
    return out


def _speaks_of(claim: Claim, row: Row) -> bool:
    return (row["prune"] > 0, row["lock"] > 0) == (claim.prunes, claim.locks)


def _range(rows: list[Row], reading: str) -> str:
    values = [row["constant"]["value"] for row in rows if row["reading"] == reading and row["constant"]["value"]]
    return f"{min(values):.3g} to {max(values):.3g}" if values else "-"


def _span(counts: list[int]) -> str:
    return " to ".join(str(count) for count in dict.fromkeys([min(counts), max(counts)]))


def _cells(row: Row) -> list[str]:
    return [
        row["reading"],
        f"{row['eps']:g}",
        str(row["necessary"]),
        str(row["estimated"]),
        interval(row["measured"]),
        "-" if row["statistical"] is None else str(row["statistical"]),
        str(row["sufficient"]),
        interval(row["constant"], ".3g"),
        regime(row["reach_share"]),
        row["verdict"],
    ]


def grid(path: str | Path = GRID) -> list[Row]:
    """Return the rows of measured constants."""
    return read_jsonl(path)
