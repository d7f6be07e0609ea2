"""The command ``slt figures``: draw every figure, or one of them, from the committed results or from other rows."""

import shlex
from argparse import Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path

from figures import fresh, paper
from figures.all import FIGURES, KNOWN
from figures.record import Figure
from figures.style import FORMATS, KINDS, RENDERED, output
from slt.core.command import Parser
from slt.core.files import check_apart, check_writable, make_folder


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the figure named first, or all of them; print the paths of the files; return 0.

    Raises ValueError for an unknown name, for options that do not go together, and for rows that lack what the figure
    needs; OSError when a file cannot be read or written.
    """
    args = _parser().parse_intermixed_args(argv)
    named = {figure.name: figure for figure in (*KNOWN, *FIGURES)}
    if args.name is not None and args.name not in named:
        raise ValueError(f"unknown figure {args.name!r}; known: {', '.join(named)}")
    chosen = list(FIGURES) if args.name is None else [named[args.name]]
    if args.fresh and args.results:
        raise ValueError(f"--fresh makes the results that are drawn; it goes with no file, got {args.results[0]}")
    if args.fresh and args.out is None:
        raise ValueError("--fresh needs --out DIR for the new results: the committed ones are never written over")
    own = bool(args.results) and args.name is not None
    out = args.out or (Path() if own or args.columns or args.format else RENDERED)
    kinds = args.format or KINDS
    _check(chosen, args, out, kinds)
    results = _run_again(chosen, out) if args.fresh else dict.fromkeys((figure.name for figure in chosen), args.results)
    for figure in chosen:
        with output(kinds, args.columns, own=own):
            paths = figure.render(figure.load(*results[figure.name]), out)
        for path in paths:
            print(path)  # noqa: T201
    return 0


def _check(chosen: Sequence[Figure], args: Namespace, out: Path, kinds: Sequence[str]) -> None:
    """Raise now what would be raised after the work: files that cannot be written, or that are read as well."""
    make_folder(out)
    files = [out / f"{figure.name}.{kind}" for figure in chosen for kind in kinds]
    for path in files:
        check_writable(path)
    read = [path for figure in chosen for path in ([] if args.fresh else figure.files(args.results))]
    check_apart({"a picture": files, "a result that is drawn": read})


def _parser() -> Parser:
    known = "\n".join(f"  {figure.name:12} {figure.about}" for figure in KNOWN)
    parser = Parser(
        prog="slt figures",
        description="Draw figures from the committed results or from your own rows; without a name, all of them.",
        epilog=f"names:\n{known}\n\nslt report puts all of them on one page.",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", help="one of the names below")
    parser.add_argument(
        "results",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="your own result files, as the figure's command writes them, or a folder of them (default: the committed "
        "ones)",
    )
    parser.add_argument(
        "--format",
        nargs="+",
        action="extend",
        choices=FORMATS,
        metavar="FORMAT",
        help=f"kinds of files, of {', '.join(FORMATS)} (default {' '.join(KINDS)}); give FILE before it",
    )
    parser.add_argument(
        "--columns",
        type=int,
        choices=tuple(paper.WIDTHS),
        help="draw for a paper, in the width of one or two columns "
        f"({' or '.join(f'{width:g}' for width in paper.WIDTHS.values())} in), text of {paper.LEAST} points",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"folder for the files (default {RENDERED}, here; with FILE, --format or --columns: the current folder)",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="run the experiments first, in --out, and draw their results"
    )
    return parser


def _run_again(chosen: Sequence[Figure], out: Path) -> dict[str, list[Path]]:
    """Say what will be run and for how long, run it, and return the new result files of every figure."""
    places = {figure.name: fresh.place(figure, out) for figure in chosen}
    for figure in chosen:
        lines = map(shlex.join, figure.commands)
        print(f"{figure.name}: about {figure.minutes:g} minutes on two cores", *lines, sep="\n  ", flush=True)  # noqa: T201
    for words in dict.fromkeys(words for figure in chosen for words in figure.commands):  # each once
        fresh.rerun(words, out)
    for name, paths in places.items():
        for path in paths:
            if not path.exists():
                raise ValueError(f"the commands of {name} did not write {path}")
    return places
