"""The options that say which random numbers are asked about: their rates, the targets, the reading."""

from argparse import ArgumentParser, Namespace
from typing import Any

from slt.core.rates import READINGS


def add_law(p: ArgumentParser) -> None:
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


def law_of(args: Namespace) -> dict[str, Any]:
    """Return the arguments of a function of theory that these options are."""
    return {name: getattr(args, name) for name in ("prune", "lock", "radius", "reading")}
