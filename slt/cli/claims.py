"""The ledger: every claim of the literature with its verdict. ``slt claims``."""

from collections.abc import Sequence

from slt.cli.claim import record
from slt.core import console
from slt.core.command import REFUTED, Parser
from slt.core.options import add_forms
from theory.claim_text import number

COLUMNS = ("<claim", "<paper", "<form", "<reading", "<source", "<verdict", "<constant or reason")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the ledger; exit code 1 when a claim is refuted that was not known to be."""
    args = parser().parse_args(argv)
    from theory.claims import LEDGER

    wanted = [claim for claim in LEDGER.values() if not args.judged or not claim.unjudged]
    found = []
    with console.progress(len(wanted), "Claims") as tick:
        for claim in wanted:
            found.append((claim, claim.judged(args.prune, args.lock)))
            tick(1)
    rows = []
    for claim, verdict in found:
        stands = verdict.standing
        if stands is None:
            why = claim.unjudged
        elif stands.constant is not None:
            why = f"C = {number(stands.constant)}"
        else:
            why = stands.reason
        form = claim.standing.text if claim.form is not None else "-"
        rows.append((claim.key, claim.paper, form, claim.reading, claim.source, verdict.word, why))
    page = console.Page(args.form)
    title = f"Claims of the literature, judged at p = {args.prune:g}, q = {args.lock:g}"
    page.print(console.table(title, COLUMNS, rows))
    page.result([record(claim, verdict, ()) for claim, verdict in found])
    new = [claim.key for claim, verdict in found if verdict.word == "refuted"]
    return REFUTED if new else 0


def parser() -> Parser:
    """Return the argument parser."""
    p = Parser(prog="slt claims", description="The ledger of claims: what each asks for, and whether that is proven, "
               "refuted, corrected or open.")  # fmt: skip
    p.add_argument("--prune", type=float, default=0.4, help="share of variables never used, p (default 0.4)")
    p.add_argument("--lock", type=float, default=0.3, help="share of variables always used, q (default 0.3)")
    p.add_argument("--judged", action="store_true", help="leave out the claims that cannot be judged here")
    add_forms(p)
    return p
