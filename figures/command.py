"""Draw figures from committed results: ``slt figures`` draws all, ``slt figures NAME`` one."""

import importlib
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from figures import fresh
from figures.style import RENDERED
from slt.core.command import Parser

NAMES = {
    "requirement": "how many variables each precision needs: proven, estimated, measured",
    "calibration": "estimated against measured success probability",
    "hole": "best error against width with and without locking in the first layer",
    "sweep": "success of the existence theorem's construction against width",
    "limits": "highest freezing ratio against the number of variables: possible, impossible, measured",
    "laws": "required number of variables against precision, failure probability, pruning and locking",
    "regimes": "what limits success, and the required number of variables, over all rates",
    "success": "success probability against the number of variables, between its proven bounds",
    "covered": "growth of the covered set, simulated and bounded by the growth game",
    "widths": "the existence theorem's widths against pruning and locking",
    "interval": "search interval, number of subnetworks, and accuracy by the place of the sparsity",
    "accuracy": "accuracy of searched tickets by source, and against search space and ticket size",
    "factors": "what freezing costs in width: the measured factor n(p, q) / n(0, 0) against predicted ones",
    "found": "tickets found by search beside tickets constructed in the same source, against width",
    "jackpots": "masks searched over trained weights: where they start, and what the short restriction does",
    "rivals": "ten searches in dense, pruned and frozen sources at three sparsities, Cora and MNIST",
    "comparison": "accuracy of searched tickets over three abscissae, and their width factors against theory",
    "load": "memory of client, scheduler and workers of a cluster under an hour of load",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the figure named first, or all of them, or the report; list the known ones when there is none of that name.

    With --fresh the experiments behind them are run first; how long that takes is said before it is done.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["report"]:
        from figures import report

        return report.main(words[1:], NAMES)
    args = _parser().parse_args(words)
    if args.name is not None and args.name not in NAMES:
        raise ValueError(f"unknown figure {args.name!r}; known: {', '.join(NAMES)}, report")
    if args.fresh and args.results is not None:
        raise ValueError(f"--fresh makes the result that is drawn; it goes with no result file, got {args.results}")
    names = NAMES if args.name is None else [args.name]
    modules = {name: importlib.import_module(f"figures.{name}") for name in names}
    results = _run_again(modules, args.out) if args.fresh else dict.fromkeys(modules, args.results)
    for name, module in modules.items():
        result = [] if results[name] is None else [str(results[name])]
        module.main([*result, "--out", str(args.out or RENDERED)])
    return 0


def _parser() -> Parser:
    known = "\n".join(f"  {name:12} {what}" for name, what in NAMES.items())
    parser = Parser(
        prog="slt figures",
        description="Draw figures from committed results; without a name, all of them.",
        epilog=f"names:\n{known}\n  report       one page with everything: slt report --help",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", help="one of the names below")
    parser.add_argument("results", nargs="?", help="result file (default: the committed one)")
    parser.add_argument("--out", type=Path, help="folder for PNG and SVG (default figures/rendered, here)")
    parser.add_argument(
        "--fresh", action="store_true", help="run the experiments first, in --out, and draw their results"
    )
    return parser


def _run_again(modules: dict[str, ModuleType], out: Path | None) -> dict[str, Path]:
    """Say what will be run and for how long, run it, and return the new result file of every figure."""
    if out is None:
        raise ValueError("--fresh needs --out DIR for the new results: the committed ones are never written over")
    places = {name: fresh.place(module, out) for name, module in modules.items()}
    for name, module in modules.items():
        print(f"{name}: about {module.MINUTES:g} minutes on two cores", *fresh.lines(module), sep="\n  ", flush=True)  # noqa: T201
    for line in dict.fromkeys(line for module in modules.values() for line in fresh.lines(module)):  # each once
        fresh.rerun(line, out)
    for name, path in places.items():
        if not path.exists():
            raise ValueError(f"the commands of {name} did not write {path}")
    return places
