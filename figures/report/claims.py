"""What the report says of the published claims: verdicts and numbers of the committed results, nothing run again."""

from collections import Counter
from pathlib import Path
from typing import Any

from figures.report.cards import address
from figures.report.formula import asked
from figures.requirement import RESULT
from simulations.existence import sweep_tables
from simulations.lemmas.report import left_open, regime
from simulations.lemmas.verdicts import overall
from slt.core.intervals import shown as interval
from slt.core.store import Row, read_json, read_jsonl
from theory.claim import Claim
from theory.claim_text import constant_or_reason, in_a_line
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
    """Return for every lemma: the claim, its judgement and its word, whether its rows agree with what is proven, its
    range of C in each reading, its table, the grid's verdicts.

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
                "found": known,
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


LEDGER_COLUMNS = ("claim", "what it says", "n at least", "form", "verdict", "constant or reason")


def ledger(prune: float, lock: float) -> list[dict[str, Any]]:
    """Return what is known of every claim of the ledger, judged at these rates, in its order."""
    rows: list[dict[str, Any]] = []
    for claim in LEDGER.values():
        found = claim.judged(prune, lock)
        rows.append(
            {
                "claim": claim,
                "where": ", ".join(part for part in (claim.key, claim.paper, claim.number) if part),
                "address": address(claim.link),
                "asks": asked(claim),
                "verdict": found.word,
                "reason": constant_or_reason(claim, found),
            }
        )
    return rows


OTSUKA = {"paper": "Otsuka et al. 2024", "link": "arXiv:2402.14029"}


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
        if not own:
            continue
        short = sum(_at_proven(row)["upper"] < 1 - row["delta"] for row in own)
        excess = [x for row in own if (x := sweep_tables.ratio(row, "proven", "certified")) is not None]
        constants = [max(c) for row in own if (c := row["constant"]["certified"]["value"]) is not None]
        out.append(
            {
                "number": f"Theorem {number}",
                **OTSUKA,
                "what": what,
                "says": "a wide enough source holds, with probability 1 - delta, a ticket within eps of the target",
                "verdict": "refuted" if short else "consistent",
                "why": "The construction was built at the proven widths, and its success was counted.",
                "numbers": f"{len(own)} settings; with our proven widths {short} of them fail more often than delta; "
                f"these are {min(excess):.3g} to {max(excess):.3g} times those measured; the published form would need "
                f"C = {min(constants):.3g} to {max(constants):.3g}",
            }
        )
    if not hole:
        return out
    locked = [row for row in hole if row["lock_first"] > 0]
    below, floors = (sum(row[name] for row in locked) for name in ("broken", "obstructed"))
    sources = sum(row["trials"] for row in locked)
    out.append(
        {
            "number": "Theorem A.4",
            **OTSUKA,
            "what": "as published: some of the first layer locked (by targets of depth 1 with two or more inputs; "
            "for deeper ones it is open)",
            "says": "a wide enough source holds such a ticket for any share of locked weights",
            "verdict": "undecided" if below else "refuted",
            "why": "A locked edge of the first layer puts a kink into the source that no mask removes.",
            "short": f"in {floors} of {sources} random sources every ticket has an error above 0, proven",
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


OTHER_COLUMNS = ("p", "q", "reading", "eps", "necessary", "estimated", "measured", "sufficient", "verdict")


def other_laws(rows: list[Row]) -> list[tuple[str, ...]]:
    """Return the cells of rows that ask about another law, or about choices of a given size, in their order."""
    return [
        (
            f"{row['prune']:g}", f"{row['lock']:g}", row["reading"], f"{row['eps']:g}", _known(row["necessary"]),
            _known(row["estimated"]), interval(row["measured"]), _known(row["sufficient"]), row["verdict"],
        )
        for row in rows
    ]  # fmt: skip


def _known(n: int | None) -> str:
    return "-" if n is None else str(n)
