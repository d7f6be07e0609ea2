"""Does a claim of the literature hold, with which constant? ``slt claim A.3``, or ``slt claim FILE.toml``."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slt.core import console
from slt.core.command import REFUTED, Parser
from slt.core.options import add_forms
from theory.claim_text import described, number, told

if TYPE_CHECKING:
    from theory.bracket import Bracket
    from theory.claim import Claim, Verdict

NEAR = 5  # keys that are listed where one is not known
COLUMNS = ("eps", "delta", "p", "q", "necessary", "sufficient", "C refuted to", "C proven from")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the verdict on one claim; exit code 1 when it is refuted and its file does not say so."""
    args = parser().parse_args(argv)
    from theory.bracket import bracket, places, spread
    from theory.claim import read_claim
    from theory.claims import LEDGER

    if args.claim in LEDGER:
        claim = LEDGER[args.claim]
    elif Path(args.claim).suffix == ".toml" or Path(args.claim).exists():
        claim = read_claim(args.claim)
    else:
        raise ValueError(unknown(args.claim, LEDGER))
    page = console.Page(args.form)
    found = claim.judged(args.prune, args.lock)
    page.print(described(claim))
    page.print(told(claim, found, args.prune, args.lock))
    points: list[Bracket] = []
    if found.published is not None and not args.brief:
        asked = places(claim, args.prune, args.lock)
        with console.progress(len(asked), f"Claim {claim.key}") as tick:
            for eps, delta, rates in asked:
                point = bracket(claim.standing, claim.reading, eps, delta, rates, model=claim.model)
                points += [] if point is None else [point]
                tick(1)
        if points:
            page.print(table(claim, points))
            page.print(spread_told(spread(points), claim.standing.explicit))
        else:
            page.print(f"No constants at single points: {no_points(claim)}.\n")
    page.result(record(claim, found, points))
    return REFUTED if claim.newly_refuted(found) else 0


def unknown(key: str, ledger: "Mapping[str, Claim]") -> str:
    """Say that there is no such claim, and which ones are near: those that hold its words, or are spelt alike.

    >>> from theory.claims import LEDGER
    >>> unknown("Malach width", LEDGER)
    "claim must be a TOML file or a key of the ledger, got Malach width; near: 'Malach 2020, width'"
    """
    names = {known: f"{known} {claim.paper}".lower() for known, claim in ledger.items()}
    words = key.lower().replace(",", " ").split()
    near = [known for known, name in names.items() if words and all(word in name for word in words)]
    if not near:
        alike = get_close_matches(key.lower(), [known.lower() for known in ledger], n=3)
        near = [known for known in ledger if known.lower() in alike]
    found = ", ".join(map(repr, near[:NEAR])) + f" and {len(near) - NEAR} more" * (len(near) > NEAR)
    hint = f"near: {found}" if near else "`slt claims` lists them"
    return f"claim must be a TOML file or a key of the ledger, got {key}; {hint}"


def no_points(claim: "Claim") -> str:
    """Return why there are no points at which constants are looked for."""
    if claim.proof:
        return "the verdict rests on a proof of its own"
    if claim.model == "uniform mixture":
        return "what is necessary depends on the other law of the mixture"
    return "none of those that are looked at lies in the domain of the form"


def table(claim: "Claim", points: Sequence["Bracket"]) -> Any:
    """Return the brackets as a table."""
    rows = [
        (f"{b.eps:g}", f"{b.delta:g}", f"{b.prune:g}", f"{b.lock:g}", b.necessary, b.sufficient,
         number(b.refuted_to), number(b.proven_from))
        for b in points
    ]  # fmt: skip
    return console.table(f"Which C does {claim.standing.statement} need? {claim.reading}, |z| <= 1", COLUMNS, rows)


def spread_told(found: Any, explicit: bool = False) -> str:
    """Return what the brackets say together."""
    low, high = (number(c) for c in found.needed)
    lines = [
        "C is a factor of the whole form; the claim itself is C = 1." if explicit else "",
        "C refuted to: with it the form asks for fewer than necessary. C proven from: it asks for a proven n.",
        f"One C for all these points must exceed {low}; {high} is enough.",
    ]
    if found.factor[0] > 1.05:
        lines.append(
            f"At {place(found.most)} the form needs a C at least {found.factor[0]:.3g} times as large as at "
            f"{place(found.least)}: one C gives that much away."
        )
    else:
        lines.append("Our bounds do not show that it needs a larger C at some of them than at others.")
    return "\n".join(filter(None, lines)) + "\n"


def place(point: "Bracket") -> str:
    """Return a point as text."""
    return f"eps = {point.eps:g}, delta = {point.delta:g}, p = {point.prune:g}, q = {point.lock:g}"


def record(claim: "Claim", found: "Verdict", points: Sequence["Bracket"]) -> dict[str, Any]:
    """Return the claim, its verdict and its brackets as JSON values."""

    def finite(values: dict[str, Any]) -> dict[str, Any]:
        return {k: None if isinstance(v, float) and not isfinite(v) else v for k, v in values.items()}

    described_claim = {k: v for k, v in asdict(claim).items() if k not in ("form", "corrected")}
    return {
        "claim": described_claim | {"form": claim.form.text if claim.form else None},
        "verdict": found.word,
        "published": None if found.published is None else asdict(found.published),
        "corrected": None if claim.corrected is None or found.repaired is None
        else {"name": claim.corrected.name, "form": claim.corrected.form.text, **asdict(found.repaired)},
        "points": [finite(asdict(point)) for point in points],
    }  # fmt: skip


def parser() -> Parser:
    """Return the argument parser."""
    p = Parser(
        prog="slt claim",
        description="Judge one claim of the form n >= F(C; eps, delta, p, q): proven with which constant, refuted by "
        "which points, or open. docs/claims.md says what a claim's file holds.",
    )
    p.add_argument("claim", metavar="FILE|KEY", help="a TOML file, or the key of a claim that `slt claims` lists")
    p.add_argument("--prune", type=float, default=0.4, help="share of variables never used, p (default 0.4)")
    p.add_argument("--lock", type=float, default=0.3, help="share of variables always used, q (default 0.3)")
    p.add_argument("--brief", action="store_true", help="the verdict alone, without the constants at single points")
    add_forms(p)
    return p
