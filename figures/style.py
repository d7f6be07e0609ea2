"""One look for every figure: readable from the back row, safe for colour-blind readers, same bytes on every run."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.cli import Parser
from common.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RENDERED = Path(__file__).parent / "rendered"

# Okabe & Ito's palette; proven lines are solid, estimates dashed, measurements are points with intervals
COLOURS = {
    "necessary": "#0072B2",
    "estimated": "#555555",
    "measured": "#000000",
    "sufficient": "#D55E00",
    "statistical": "#E69F00",
    "other": "#009E73",
    "second": "#CC79A7",
}

STYLE: dict[Any, Any] = {
    "figure.figsize": (7.2, 4.5),
    "figure.dpi": 100,
    "savefig.dpi": 160,
    "font.size": 12,
    "axes.titlesize": 13,
    "axes.labelsize": 13,
    "legend.fontsize": 11,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "lines.linewidth": 2.0,
    "svg.hashsalt": "slt-verify",
    "svg.fonttype": "path",
}


def command(
    name: str,
    doc: str | None,
    result: Path,
    render: Callable[[str | Path, str | Path], Iterable[Path]],
    argv: Sequence[str] | None,
) -> int:
    """Be the command of figure ``name``: draw the committed result, or the one named; print the files written."""
    parser = Parser(prog=f"python -m figures {name}", description=(doc or "").splitlines()[0])
    parser.add_argument("results", nargs="?", default=result, help="result file (default: the committed one)")
    parser.add_argument("--out", default=RENDERED, help="folder for PNG and SVG (default figures/rendered)")
    args = parser.parse_args(argv)
    for path in render(args.results, args.out):
        print(path)  # noqa: T201
    return 0


@contextmanager
def styled() -> Iterator[None]:
    """Draw inside this block: the style holds, on a backend that needs no screen, and is gone afterwards."""
    import matplotlib

    matplotlib.use("Agg")
    with matplotlib.rc_context(STYLE):
        yield


def save(figure: "Figure", name: str, folder: str | Path = RENDERED) -> list[Path]:
    """Write ``name.png`` and ``name.svg`` to ``folder``, without dates or versions; return both paths."""
    paths = []
    for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        buffer = BytesIO()
        figure.savefig(buffer, format=kind, metadata=metadata, bbox_inches="tight")
        paths.append(Path(folder) / f"{name}.{kind}")
        write_atomically(paths[-1], buffer.getvalue())
    return paths
