"""The ledger: every claim of the literature with its verdict, of lemmas and of searched tickets. ``slt claims``."""

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from slt.cli.claim import record
from slt.core import console
from slt.core.command import REFUTED, Parser
from slt.core.options import add_forms
from theory.claim_text import constant_or_reason, form_told, number

if TYPE_CHECKING:
    from slt.core.tables import Table
    from theory.bracket import Bracket
    from theory.claim import Claim, Verdict

    Found = tuple[Claim, Verdict, list[Bracket]]

COLUMNS = ("<claim", "<paper", "<form", "<reading", "<source", "<verdict", "<constant or reason")
FULL = (
    "<claim", "<paper, number", "<statement", "<n at least", "<reading", "<source", "<verdict", "<constant or reason",
    "<C at single points", "<command",
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Print the ledger; exit code 1 when a claim is refuted that was not known to be."""
    args = parser().parse_args(argv)
    from theory.claims import LEDGER
    from torch_backend.commands import experiments
    from torch_backend.experiments import EXPERIMENTS, tried

    wanted = [claim for claim in LEDGER.values() if not args.judged or not claim.unjudged]
    found = []
    with console.progress(len(wanted), "Claims") as tick:
        for claim in wanted:
            verdict = claim.judged(args.prune, args.lock)
            points = list(_points(claim, args.prune, args.lock)) if args.full and not claim.unjudged else []
            found.append((claim, verdict, points))
            tick(1)
    tickets = [] if args.judged else [(each, tried(each)) for each in EXPERIMENTS.values()]
    page = console.Page(args.form)
    page.print((full_table if args.full else short_table)(found, args.prune, args.lock))
    if tickets:
        page.print((experiments.full_table if args.full else experiments.short_table)(tickets))
    page.result([record(*each) for each in found] + [experiments.record(*each) for each in tickets])
    news = [claim.newly_refuted(verdict) for claim, verdict, _ in found]
    return REFUTED if any(news) or any(each.newly_contradicted(what) for each, what in tickets) else 0


def _points(claim: "Claim", prune: float, lock: float) -> "Iterator[Bracket]":
    from theory.bracket import bracket, places

    for eps, delta, rates in places(claim, prune, lock):
        point = bracket(claim.standing, claim.reading, eps, delta, rates, model=claim.model)
        if point is not None:
            yield point


def _title(prune: float, lock: float) -> str:
    return f"Claims of the literature, judged at p = {prune:g}, q = {lock:g}"


def short_table(found: "Sequence[Found]", prune: float, lock: float) -> "Table":
    """Return one line a claim."""
    rows = [
        (claim.key, claim.paper, claim.standing.text if claim.form else "-", claim.reading, claim.source, verdict.word,
         constant_or_reason(claim, verdict))
        for claim, verdict, _ in found
    ]  # fmt: skip
    return console.table(_title(prune, lock), COLUMNS, rows)


def full_table(found: "Sequence[Found]", prune: float, lock: float) -> "Table":
    """Return all that is known of each claim: its statement, the constants at single points, the command."""
    rows = []
    for claim, verdict, points in found:
        where = ", ".join(part for part in (claim.paper, claim.number, claim.link) if part)
        rates = claim.rates(prune, lock)
        asked = [f"--prune {prune:g}" * (rates.prune > 0), f"--lock {lock:g}" * (rates.lock > 0)]
        command = " ".join(["slt claim", shlex.quote(claim.key), *filter(None, asked)])
        rows.append(
            (claim.key, where, claim.words, form_told(claim), claim.reading, claim.source, verdict.word,
             constant_or_reason(claim, verdict), _between(points), "-" if claim.unjudged else command)
        )  # fmt: skip
    return console.table(_title(prune, lock), FULL, rows)


def _between(points: "Sequence[Bracket]") -> str:
    """Return between which constants the least one lies that serves all points."""
    from theory.bracket import spread

    if not points:
        return "-"
    low, high = spread(points).needed
    return f"{number(low)} to {number(high)}"


def parser() -> Parser:
    """Return the argument parser."""
    p = Parser(prog="slt claims", description="The ledger of claims: what each asks for, and whether that is proven, "
               "refuted, corrected or open.")  # fmt: skip
    p.add_argument("--prune", type=float, default=0.4, help="share of variables never used, p (default 0.4)")
    p.add_argument("--lock", type=float, default=0.3, help="share of variables always used, q (default 0.3)")
    p.add_argument("--judged", action="store_true", help="the lemmas alone that can be judged here")
    p.add_argument(
        "--full",
        action="store_true",
        help="the statements too, and between which constants the least one lies that serves single points (minutes)",
    )
    add_forms(p)
    return p
