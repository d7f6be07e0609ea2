"""The main job's command line: verify the subset-sum lemmas with frozen variables.

``python -m subsetsum.verify --lock 0.3 --prune 0.4``
"""

import sys
from collections.abc import Sequence

from common.cli import Parser, run
from common.files import check_apart


def parser() -> Parser:
    """Return the argument parser of the main job."""
    from simulations.engine import add_engine_options

    p = Parser(
        prog="python -m subsetsum.verify",
        description="How many random numbers are needed so that subset sums hit every target when some are pruned "
        "(never used) and some locked (always used)? For each lemma of the literature: what is necessary (proven), "
        "estimated, measured (with an interval) and sufficient (proven), and whether the lemma stands.",
        epilog="Exit code: 0 upheld, upheld after correction or undecided; 1 refuted (a measured interval outside the "
        "proven bounds); 2 bad input, or a machine that refuses something; 70 a fault of the program; 130 interrupted.",
    )
    p.add_argument("--prune", type=float, default=0.4, help="share of variables never used, p (default %(default)s)")
    p.add_argument("--lock", type=float, default=0.3, help="share of variables always used, q (default %(default)s)")
    p.add_argument(
        "--eps",
        type=float,
        nargs="+",
        default=[0.1, 0.01, 0.001],
        help="precisions, each in (0, 1) (default 0.1 0.01 0.001)",
    )
    p.add_argument("--delta", type=float, default=0.05, help="allowed failure probability (default %(default)s)")
    p.add_argument("--radius", type=float, default=1.0, help="targets lie in [-radius, radius] (default %(default)s)")
    p.add_argument(
        "--trials", type=int, help="trials per row (default: 50000, fewer where a trial is expensive; printed)"
    )
    p.add_argument(
        "--confidence", type=float, default=0.99, help="that all measured intervals hold together (default 0.99)"
    )
    p.add_argument("--seed", type=int, default=0, help="seed of every trial (default 0)")
    p.add_argument("--jobs", type=int, help="threads (default: all cores); results do not depend on it")
    p.add_argument("--json", metavar="FILE", help="write settings, versions and all rows to FILE")
    p.add_argument(
        "--out",
        metavar="DIR",
        help="write rows as CSV, JSON and a figure to DIR (replacing those there); keep finished trials for a resume",
    )
    p.add_argument("--trial", type=int, metavar="I", help="show draw I instead: its numbers and what they cover")
    p.add_argument("--n", type=int, help="with --trial: number of variables (default: the estimated requirement)")
    add_engine_options(p)
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Parse ``argv`` and hand over to :mod:`simulations.lemmas`; return the exit code."""
    from simulations import lemmas
    from simulations.engine import open_engine

    args = parser().parse_args(argv)
    if args.trial is None and args.n is not None:
        raise ValueError("--n needs --trial")
    if args.trial is not None and (args.json is not None or args.out is not None):
        raise ValueError("--trial shows one draw and writes nothing: leave out --json and --out")
    settings = lemmas.Settings(**{name: getattr(args, name) for name in lemmas.Settings.__dataclass_fields__})
    if args.trial is not None:
        from simulations import replay

        return replay.show_trial(settings, args.trial, args.n)
    named = {"--json": args.json, "--scheduler-file": args.scheduler_file}
    check_apart({name: [path] for name, path in named.items() if path is not None})
    with open_engine(args, args.jobs) as crew:
        return lemmas.verify(settings, crew, json_file=args.json, out_dir=args.out)


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m subsetsum.verify"))
