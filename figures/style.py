"""One look for every figure: readable from the back row, safe for colour-blind readers, same bytes on every run.

A figure module says the text of every drawn data point with :func:`tips`. Files are drawn without those texts; inside
:func:`collected` they are part of the SVG.
"""

import importlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock
from weakref import WeakKeyDictionary

import numpy as np

from figures import paper
from figures.plotted import digest
from slt.core.checks import first_line, one_of
from slt.core.files import make_folder, write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
KINDS = FORMATS[:2]  # where nothing else is asked for
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

MARKERS = "os^Dv<>P"

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
    "pdf.fonttype": 42,  # text stays text; journals refuse fonts of type 3
}


@dataclass(frozen=True)
class Output:
    """How figures are written. kinds: of files. columns: of a paper, whose width they take (None: their own width).

    own: whether the rows are the user's, of which no sentence about the committed results is said.
    """

    kinds: tuple[str, ...] = KINDS
    columns: int | None = None
    own: bool = False


@contextmanager
def output(kinds: Sequence[str] = KINDS, columns: int | None = None, *, own: bool = False) -> Iterator[None]:
    """Write what is drawn in this block as :class:`Output` says.

    Raises ValueError for a kind that is not png, svg or pdf, and for columns other than 1, 2 and None.
    """
    global _output  # noqa: PLW0603
    for kind in kinds:
        one_of("format", kind, FORMATS)
    if columns is not None and columns not in paper.WIDTHS:
        raise ValueError(f"columns must be 1 or 2, got {columns}")
    before, _output = _output, Output(tuple(dict.fromkeys(kinds)), columns, own)
    try:
        yield
    finally:
        _output = before


def finding(words: str, plain: str) -> str:
    """Return the title of a figure: ``words``, which say what the committed rows show, or ``plain`` for other rows."""
    return plain if _output.own else words


def for_paper() -> bool:
    """Tell whether panels are put below one another, so that each needs its own labels."""
    return _output.columns is not None


def looks(known: Sequence[tuple[str, str]], count: int) -> list[tuple[str, str]]:
    """Return ``count`` pairs of a colour and a marker: the known ones first, then others that differ from them.

    Raises ValueError when there are more series than can be told apart.
    """
    others = [(colour, marker) for marker in MARKERS for colour in COLOURS.values()]
    found = list(dict.fromkeys([*known, *others]))
    if count > len(found):
        raise ValueError(f"a panel can show {len(found)} series, got {count}: draw fewer rows at a time")
    return found[:count]


def key(
    place: "Figure | Axes",
    handles: Sequence[Any] | None = None,
    labels: Sequence[str] | None = None,
    *,
    title: str | None = None,
    **options: Any,
) -> None:
    """Add a legend to ``place``, a figure or a panel of it.

    handles: what it explains; by default all of the panel that has a label. labels: by default their own. options:
    where it stands in the figure's own width; in the width of a paper it goes below the panel or the figure.
    """
    from matplotlib.axes import Axes

    if handles is None:
        assert isinstance(place, Axes)
        handles, labels = place.get_legend_handles_labels()
    if labels is None:
        labels = [str(handle.get_label()) for handle in handles]
    sheet = _sheets.get(place.get_figure())
    if sheet is None:
        place.legend(handles, labels, title=title, **options)
    elif handles:
        sheet.keys.append(paper.Key(place if isinstance(place, Axes) else None, list(handles), list(labels), title))


def arrange(figure: "Figure", **options: Any) -> None:
    """Keep panels apart, as ``Figure.tight_layout(**options)``; the width of a paper has its own layout, in save."""
    if figure not in _sheets:
        figure.tight_layout(**options)


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
        matplotlib.rcParams.update(STYLE if _output.columns is None else {**STYLE, **paper.STYLE})
        figure = Figure(figsize=size)
        FigureCanvasAgg(figure)  # draws without a screen; pyplot knows nothing of this figure
        axes = figure.subplots(rows, columns, **options)
        if _output.columns is not None:
            heights = np.array(options.get("height_ratios", [1.0] * rows)) / max(options.get("height_ratios", [1.0]))
            wide, high = figure.get_size_inches()
            aspect = min(max(high / sum(heights) / (wide / columns), 0.55), 0.8)
            grid = np.reshape(np.asarray(axes, dtype=object), (rows, columns))
            _sheets[figure] = paper.Sheet(_output.columns, grid, list(heights), aspect)
        yield figure, axes


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
    """Write ``name.png`` and ``name.svg`` to ``folder``, made where it is not there; return the paths.

    Inside :func:`output` the files are of the kinds, and of the width, that it names. Each file says which matplotlib
    drew it and the digest of what it shows (:mod:`figures.plotted`), and no date. Inside :func:`collected` nothing is
    written: the SVG with its tips is kept there. Raises OSError when a file cannot be written.
    """
    if figure in _sheets:
        paper.fit(figure, _sheets[figure])
    if _collected is not None:
        _hide_tips_out_of_view(figure)
        _collected[name] = TIP.sub(r'<g class="tip" role="img" aria-label=\1\2\1>', _image(figure, "svg").decode())
        return []
    make_folder(folder)
    paths = []
    for kind in _output.kinds:
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
_output = Output()
_sheets: WeakKeyDictionary[Any, paper.Sheet] = WeakKeyDictionary()  # of the figures that are drawn for a paper


def _image(figure: "Figure", kind: str) -> bytes:
    import matplotlib

    buffer = BytesIO()
    drawn, shown, date = {
        "svg": ("Creator", "Description", "Date"),
        "png": ("Software", "Description", None),
        "pdf": ("Creator", "Subject", "CreationDate"),
    }[kind]
    metadata: dict[str, Any] = {drawn: f"matplotlib {matplotlib.__version__}", shown: f"data {digest(figure)}"}
    figure.savefig(
        buffer,
        format=kind,
        metadata=metadata | ({date: None} if date else {}),
        bbox_inches=None if figure in _sheets else "tight",  # the width of a column is exact
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
