"""How likely is success with n random numbers? ``slt success --n 120 --prune .4 --lock .3``."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from slt.cli.law import add_law, law_of, other_law
from slt.core import console
from slt.core.command import Parser
from slt.core.options import add_forms

if TYPE_CHECKING:
    from theory.law_requirement import LawSuccess
    from theory.requirement import Success


def main(argv: Sequence[str] | None = None) -> int:
    """Print the proven bounds of the success probability and its estimate, and what each of them means."""
    args = parser().parse_args(argv)
    other = other_law(args)
    found: LawSuccess | Success
    if other:
        from theory.law_requirement import law_success

        found = law_success(n=args.n, **other)
    else:
        from theory.requirement import success

        found = success(args.eps, n=args.n, **law_of(args))
    page = console.Page(args.form)
    page.print(console.table(found.question, ("<", "probability", "<what it means"), found.lines))
    page.result(asdict(found))
    return 0


def parser() -> Parser:
    """Return the argument parser."""
    p = Parser(
        prog="slt success",
        description="How likely is it that the subset sums of n random numbers come within eps of every target, "
        "when some are pruned and some locked?",
    )
    p.add_argument("--n", type=int, required=True, help="number of variables, pruned and locked ones counted")
    p.add_argument("--eps", type=float, default=0.01, help="precision, in (0, 1) (default 0.01)")
    add_law(p)
    add_forms(p)
    return p
