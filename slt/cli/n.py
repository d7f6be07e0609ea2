"""How many random numbers n are necessary, estimated and sufficient? ``slt n --eps .01 --delta .05``."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from slt.cli.law import add_law, law_of, other_law
from slt.core import console
from slt.core.command import Parser
from slt.core.options import add_forms

if TYPE_CHECKING:
    from theory.law_requirement import LawRequirement
    from theory.requirement import Requirement


def main(argv: Sequence[str] | None = None) -> int:
    """Print the three numbers, and what each of them means."""
    args = parser().parse_args(argv)
    other = other_law(args)
    found: LawRequirement | Requirement
    if other:
        from theory.law_requirement import law_requirement

        found = law_requirement(delta=args.delta, **other)
    else:
        from theory.requirement import requirement

        found = requirement(args.eps, args.delta, **law_of(args))
    page = console.Page(args.form)
    page.print(console.table(found.question, ("<", "n", "<what it means"), found.lines))
    page.result(asdict(found))
    return 0


def parser() -> Parser:
    """Return the argument parser."""
    p = Parser(
        prog="slt n",
        description="How many random numbers n are needed so that their subset sums come within eps of every target, "
        "with probability 1 - delta, when some are pruned and some locked?",
    )
    p.add_argument("--eps", type=float, default=0.01, help="precision, in (0, 1) (default 0.01)")
    p.add_argument("--delta", type=float, default=0.05, help="allowed failure probability (default 0.05)")
    add_law(p)
    add_forms(p)
    return p
