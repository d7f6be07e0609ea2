"""The options that say which random numbers are asked about: their law and rates, the targets, the reading."""

from argparse import ArgumentParser, Namespace
from typing import Any

from slt.core.rates import READINGS


def add_law(p: ArgumentParser) -> None:
    """Add --prune, --lock, --radius, --reading, and the options of other laws."""
    add_setting(p)
    add_kept(p)
    add_numbers(p)


def add_setting(p: ArgumentParser) -> None:
    """Add --prune, --lock, --radius and --reading."""
    p.add_argument("--prune", type=float, default=0.0, help="share of variables never used, p (default 0)")
    p.add_argument("--lock", type=float, default=0.0, help="share of variables always used, q (default 0)")
    p.add_argument("--radius", type=float, default=1.0, help="targets lie in [-radius, radius] (default 1)")
    p.add_argument(
        "--reading",
        choices=READINGS,
        default=READINGS[0],
        help="uniform: one draw serves all targets at once; pointwise: each single target is hit (default uniform)",
    )


def add_kept(p: ArgumentParser) -> None:
    """Add --sparsity and --keep, which say how many variables choices keep."""
    p.add_argument("--sparsity", type=float, metavar="K", help="choices keep exactly the share 1 - K of all variables")
    p.add_argument(
        "--keep",
        metavar="N:M",
        help="choices keep exactly N of every M neighbours, such as 2:4; '2:4 lenient' lets a group that cannot comply "
        "come as near as it can",
    )


def add_numbers(p: ArgumentParser) -> None:
    """Add the options of other laws: --law, --signed, --fan-in, --levels."""
    p.add_argument(
        "--law",
        metavar="TEXT",
        help="what the numbers are: 'uniform 0.05', 'normal 0.5', 'constant 1', 'integers 256', 'product uniform "
        "uniform', 'mixture 0.3 uniform 0.7 normal' or 'file path.txt' (default uniform on [-1, 1])",
    )
    p.add_argument("--signed", action="store_true", help="a free number may be taken with either sign")
    p.add_argument("--fan-in", type=int, metavar="N", help="Kaiming uniform numbers of a layer with N inputs")
    p.add_argument(
        "--levels",
        type=int,
        metavar="M",
        help="targets are all whole numbers up to M in size, and numbers those from 1 to M, of either sign, unless "
        "--law says another law of whole numbers; --radius and --eps do not count then",
    )


def law_of(args: Namespace) -> dict[str, Any]:
    """Return the arguments of a function of theory that these options are."""
    return {name: getattr(args, name) for name in ("prune", "lock", "radius", "reading", "sparsity", "keep")}


def other_law(args: Namespace) -> dict[str, Any] | None:
    """Return the arguments that :mod:`theory.law_requirement` takes, eps too; None where no other law is asked for.

    Raises ValueError for a text that is no law, and for options that exclude each other.
    """
    if args.law is None and args.fan_in is None and args.levels is None and not args.signed:
        return None
    from slt.core.laws import Integers
    from theory.models import asked_law

    if args.sparsity is not None or args.keep is not None:
        raise ValueError(
            "--sparsity and --keep are for numbers uniform on [-1, 1]: leave out --law, --fan-in, --levels and --signed"
        )
    law = asked_law(args.law, args.fan_in, args.levels)
    found = law_of(args) | {"eps": args.eps}
    del found["sparsity"], found["keep"]
    if args.levels is not None:
        # sums are whole: one within 1/2 of every |z| <= M is every whole number up to M
        found |= {"radius": float(Integers(args.levels).M), "eps": 0.5}
    return found | {"law": law, "signed": args.signed}
