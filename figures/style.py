"""One look for every figure: readable from the back row, safe for colour-blind readers, same bytes on every run.

A figure module has ``RESULT`` (the committed file), ``COMMAND`` (what makes it, with its path in it; one command a
line), ``MINUTES`` (how long that took), ``load``, ``render`` and ``main``, and says the text of every drawn data point
with :func:`tips`. Files are drawn without those texts; inside :func:`collected` they are part of the SVG.
"""

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np

from figures.plotted import digest
from slt.core.checks import first_line
from slt.core.command import Parser
from slt.core.files import check_writable, make_folder, write_atomically
from slt.core.forms import like
from slt.core.store import read_json, read_jsonl

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = ("png", "svg")
RENDERED = Path("figures", "rendered")  # in the current folder: nothing is written where we are installed

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
    parser = Parser(prog=f"slt figures {name}", description=doc)
    parser.add_argument("results", nargs="?", default=result, help="result file (default: the committed one)")
    parser.add_argument("--out", default=RENDERED, help="folder for PNG and SVG (default figures/rendered)")
    args = parser.parse_args(argv)
    if _collected is None:
        make_folder(args.out)
        for kind in KINDS:
            check_writable(Path(args.out, f"{name}.{kind}"))
    if args.results != result:
        check_like(Path(args.results), result)
    for path in render(args.results, args.out):
        print(path)  # noqa: T201
    return 0


def check_like(results: Path, committed: Path) -> None:
    """Raise ValueError, naming file and line, where ``results`` (or a file in it) has other values than the committed.

    What is missing is told when it is looked for.
    """
    for known in sorted(committed.glob("*.jsonl")) if committed.is_dir() else [committed]:
        given = results / known.name if committed.is_dir() else results
        if not given.is_file():
            continue
        if known.suffix == ".json":
            read_json(given, like([read_json(known)]))
        elif not read_jsonl(given, like(read_jsonl(known))):
            raise ValueError(f"{given} holds no rows")


@contextmanager
def panels(
    rows: int = 1, columns: int = 1, *, size: tuple[float, float] | None = None, **options: Any
) -> Iterator[tuple["Figure", Any]]:
    """Yield a figure and its axes to draw in this block, the axes as ``Figure.subplots(rows, columns, **options)``.

    size: in inches. The style holds in the block, on matplotlib's own defaults. The user's settings and backend, from
    whatever file or variable they come, neither change the figure nor are changed by it. Nothing of matplotlib may be
    imported before: where those settings are bad, only this block can do it.
    """
    matplotlib = _matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        figure = Figure(figsize=size)
        FigureCanvasAgg(figure)  # draws without a screen; pyplot knows nothing of this figure
        yield figure, figure.subplots(rows, columns, **options)


def _matplotlib() -> Any:
    """Return matplotlib, also where what the user has set for it keeps it from being imported."""
    try:
        return importlib.import_module("matplotlib")
    except (ValueError, OSError, Warning):  # MPLBACKEND names no backend, or a matplotlibrc cannot be read
        for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            del sys.modules[name]  # what was imported of it knows a matplotlib that did not come to be
        with mock.patch.dict(os.environ, MATPLOTLIBRC=os.devnull):
            os.environ.pop("MPLBACKEND", None)
            try:
                return importlib.import_module("matplotlib")
            except (ValueError, OSError, Warning) as error:
                raise OSError(f"matplotlib cannot be used with its settings here: {first_line(error)}") from None


def save(figure: "Figure", name: str, folder: str | Path = RENDERED) -> list[Path]:
    """Write ``name.png`` and ``name.svg`` to ``folder``, made where it is not there; return both paths.

    Both files say which matplotlib drew them and the digest of what they show (:mod:`figures.plotted`), and no date.
    Inside :func:`collected` nothing is written: the SVG with its tips is kept there.
    """
    if _collected is not None:
        _hide_tips_out_of_view(figure)
        _collected[name] = TIP.sub(r'<g class="tip" role="img" aria-label=\1\2\1>', _image(figure, "svg").decode())
        return []
    make_folder(folder)
    paths = []
    for kind in KINDS:
        paths.append(Path(folder) / f"{name}.{kind}")
        write_atomically(paths[-1], _image(figure, kind))
    return paths


def tips(ax: "Axes", xs: Iterable[float], ys: Iterable[float], texts: Iterable[str]) -> None:
    """Give the data points (xs[i], ys[i]) of ``ax`` their texts: value, interval, seed, sample size, command.

    Changes no file that is drawn. Raises ValueError when the three differ in length.
    """
    from matplotlib.lines import Line2D

    for x, y, text in zip(xs, ys, texts, strict=True):
        if _collected is None:
            continue
        # an invisible disc over the point, of the figure and not of its axes, so that limits and legends stay put
        disc = Line2D(
            [x],
            [y],
            transform=ax.transData,
            ls="",
            marker="o",
            ms=12,
            mew=0,
            alpha=0,
            clip_box=ax.bbox,
            gid=f"tip:{text}",
        )
        disc.set_in_layout(False)
        disc.set_zorder(1000)
        ax.figure.add_artist(disc)


@contextmanager
def collected() -> Iterator[dict[str, str]]:
    """Keep what :func:`save` is given in this block as SVG texts by name, tips in them, and write no files.

    Each tip is a group of class ``tip`` whose ``aria-label`` is its text.
    """
    global _collected  # noqa: PLW0603
    before, _collected = _collected, {}
    try:
        yield _collected
    finally:
        _collected = before


TIP = re.compile(r"""<g id=(["'])tip:(.*?)\1>""")
_collected: dict[str, str] | None = None


def _image(figure: "Figure", kind: str) -> bytes:
    import matplotlib

    buffer = BytesIO()
    drawn = {"svg": "Creator", "png": "Software"}[kind]
    metadata = {drawn: f"matplotlib {matplotlib.__version__}", "Description": f"data {digest(figure)}"}
    figure.savefig(
        buffer, format=kind, metadata=metadata | ({"Date": None} if kind == "svg" else {}), bbox_inches="tight"
    )
    return buffer.getvalue()


def _hide_tips_out_of_view(figure: "Figure") -> None:
    from matplotlib.lines import Line2D

    figure.draw_without_rendering()  # settles the limits
    for disc in figure.findobj(lambda artist: str(artist.get_gid()).startswith("tip:")):
        assert isinstance(disc, Line2D)
        assert disc.clipbox is not None
        disc.set_visible(
            disc.clipbox.padded(1).contains(*disc.get_transform().transform(np.asarray(disc.get_xydata())[0]))
        )
