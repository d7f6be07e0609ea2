"""What the report says of the published claims: verdicts and numbers of the committed results, nothing run again."""

from collections import Counter
from pathlib import Path
from typing import Any

from figures.requirement import RESULT
from simulations.existence import sweep_tables
from simulations.lemmas.report import left_open, regime
from simulations.lemmas.verdicts import overall
from slt.core.intervals import shown as interval
from slt.core.store import Row, read_json, read_jsonl
from theory.claim import Claim
from theory.claim_text import constant_or_reason, form_told, in_a_line
from theory.claims import CLAIMS, LEDGER

COLUMNS = (
    "reading", "eps", "necessary", "estimated", "measured", "stat.", "sufficient", "measured C", "limited by",
    "C left open", "verdict",
)  # fmt: skip


def load(path: str | Path = RESULT) -> dict[str, Any]:
    """Return the main job's result: settings, versions, command, rows."""
    result: dict[str, Any] = read_json(path)
    return result


def judged(rows: list[Row], grid: list[Row]) -> list[dict[str, Any]]:
    """Return for every lemma: the claim, its verdict, whether its rows agree with what is proven, its range of C in
    each reading, its table, the grid's verdicts.

    rows: of the main job. grid: measured constants over a grid of rates, of which a lemma has those it speaks of.
    """
    out = []
    for claim in CLAIMS:
        own = [row for row in rows if row["claim"] == claim.key]
        prune, lock = max(row["prune"] for row in rows), max(row["lock"] for row in rows)
        known = claim.judged(prune, lock)
        out.append(
            {
                "claim": claim,
                "rates": claim.rates(prune, lock),
                "verdict": known.word,
                "why": in_a_line(claim, known),
                "rows": overall([row["verdict"] for row in own]),
                "constants": {reading: _range(own, reading) for reading in ("uniform", "pointwise")},
                "trials": _span([row["trials"] for row in own]),
                "table": [_cells(row) for row in sorted(own, key=lambda row: row["reading"] != "uniform")],
                "grid": dict(Counter(row["verdict"] for row in grid if _speaks_of(claim, row))),
            }
        )
    return out


LEDGER_COLUMNS = ("claim", "what it says", "n at least", "source", "verdict", "constant or reason")


def ledger(prune: float, lock: float) -> list[tuple[str, ...]]:
    """Return the cells of every claim of the ledger, judged at these rates, in its order (:data:`LEDGER_COLUMNS`)."""
    rows: list[tuple[str, ...]] = []
    for claim in LEDGER.values():
        found = claim.judged(prune, lock)
        where = ", ".join(part for part in (claim.key, claim.paper, claim.number) if part)
        says = f"{claim.words} ({claim.reading})"
        rows.append((where, says, form_told(claim), claim.source, found.word, constant_or_reason(claim, found)))
    return rows


def theorems(sweep: list[Row], hole: list[Row]) -> list[dict[str, str]]:
    """Return for the existence theorems: what they say, the verdict, and the numbers it rests on.

    sweep: success of the theorem's construction against width. hole: the best masks of sources whose first layer is
    locked in part, and their proven floors. Widths are judged by the construction: where its success at the proven
    widths is significantly below 1 - delta they are refuted. Locking the first layer is refuted by proof; a source with
    a mask below its floor would refute that proof.
    """
    out = []
    for number, what, own in (
        ("A.1", "pruned source", [row for row in sweep if row["lock"] == 0]),
        ("A.4", "frozen source, nothing locked in its first layer", [row for row in sweep if row["lock"] > 0]),
    ):
        short = sum(_at_proven(row)["upper"] < 1 - row["delta"] for row in own)
        excess = [x for row in own if (x := sweep_tables.ratio(row, "proven", "certified")) is not None]
        constants = [max(c) for row in own if (c := row["constant"]["certified"]["value"]) is not None]
        out.append(
            {
                "number": f"Theorem {number}",
                "what": what,
                "says": "a wide enough source holds, with probability 1 - delta, a ticket within eps of the target",
                "verdict": "refuted" if short else "consistent",
                "numbers": f"{len(own)} settings; with our proven widths {short} of them fail more often than delta; "
                f"these are {min(excess):.3g} to {max(excess):.3g} times those measured; the published form would need "
                f"C = {min(constants):.3g} to {max(constants):.3g}",
            }
        )
    locked = [row for row in hole if row["lock_first"] > 0]
    below, floors = (sum(row[name] for row in locked) for name in ("broken", "obstructed"))
    sources = sum(row["trials"] for row in locked)
    out.append(
        {
            "number": "Theorem A.4",
            "what": "as published: some of the first layer locked (by targets of depth 1 with two or more inputs; "
            "for deeper ones it is open)",
            "says": "the same, for any share of locked weights",
            "verdict": "undecided" if below else "refuted",
            "numbers": f"a proven floor above 0 in {floors} of {sources} sources, whatever the mask; "
            f"masks below it: {below}",
        }
    )
    return out


def _at_proven(row: Row) -> Row:
    found: Row = next(
        point["rate"]["certified"] for point in row["points"] if point["t"] == sweep_tables.PLANS["proven"]
    )
    return found


def _speaks_of(claim: Claim, row: Row) -> bool:
    return (row["prune"] > 0, row["lock"] > 0) == (claim.prunes, claim.locks)


def _range(rows: list[Row], reading: str) -> str:
    values = [row["constant"]["value"] for row in rows if row["reading"] == reading and row["constant"]["value"]]
    return f"{min(values):.3g} to {max(values):.3g}" if values else "-"


def _span(counts: list[int]) -> str:
    return " to ".join(str(count) for count in dict.fromkeys([min(counts), max(counts)])) if counts else "-"


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
        left_open(row),
        row["verdict"],
    ]


def rows_of(name: str) -> list[Row]:
    """Return the rows of a result file beside the main job's."""
    return read_jsonl(RESULT.with_name(name))
