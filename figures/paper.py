"""The layout of a figure for a paper: the width of one or two columns, text of 9 points, keys below their panels.

A figure module draws its panels into the grid that it asks for. Here those panels are put one below another (one
column) or in pairs (two columns), titles and labels are broken into lines that fit, and the height follows from that.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from matplotlib.text import Text

WIDTHS = {1: 3.35, 2: 6.9}  # inches, as the journals of the field have them
LEAST = 9  # points, of every text
PAGE = 9.0  # inches: panels are made lower, down to LOWEST, so that a figure is no higher
LOWEST = 1.3
GAP = 0.1
LINE = 0.16  # inches that a label of the vertical axis needs
STYLE: dict[str, Any] = {
    **{f"{name}size": LEAST for name in ("font.", "axes.title", "axes.label", "xtick.label", "ytick.label")},
    "legend.fontsize": LEAST,
    "legend.title_fontsize": LEAST,
    "figure.titlesize": LEAST,
    "lines.linewidth": 1.4,
    "savefig.dpi": 300,
}


@dataclass(frozen=True)
class Key:
    """A legend that is still to be placed. panel: the axes below which it goes; None: below all panels."""

    panel: "Axes | None"
    handles: Sequence[Any]
    labels: Sequence[str]
    title: str | None


@dataclass
class Sheet:
    """What the layout knows of a figure. columns: 1 or 2. axes: (rows, columns) as the module asked for them.

    heights: of the rows, relative to the highest. aspect: height over width of a panel of the highest row.
    """

    columns: int
    axes: Any
    heights: Sequence[float]
    aspect: float
    keys: list[Key] = field(default_factory=list)


@dataclass
class Panel:
    """A panel and its place. row, column: on the sheet. share: its height over that of the highest panels.

    The others are in inches: what its labels and its keys take on each side, and its own width and height.
    """

    ax: "Axes"
    row: int
    column: int
    share: float
    left: float = 0.5
    right: float = 0.1
    top: float = 0.3
    bottom: float = 0.4
    wide: float = 1.0
    high: float = 1.0
    legends: list["Legend"] = field(default_factory=list)
    words: list[tuple["Text", str]] = field(default_factory=list)


def fit(figure: "Figure", sheet: Sheet) -> None:
    """Lay ``figure`` out in the width of the sheet; its height becomes what the panels and keys need."""
    width = WIDTHS[sheet.columns]
    panels = _placed(sheet)
    across = 1 + max(panel.column for panel in panels)
    _label(sheet, panels)
    for panel in panels:
        ax = panel.ax
        notes = [text for text in ax.texts if text.get_transform() == ax.transAxes]
        panel.words = [(text, text.get_text()) for text in (ax.title, ax.xaxis.label, ax.yaxis.label, *notes)]
        panel.wide = width / across - 0.8
        panel.high = panel.wide * sheet.aspect * panel.share
        panel.legends = [
            _legend(figure, key, width / across - GAP) for key in sheet.keys if key.panel is ax
        ]  # none is attached to axes that are not drawn
    figure.set_size_inches(width, 1.0 + sum(panel.high + 1.0 for panel in panels if panel.column == 0))
    _place(figure, panels, width, None, [])
    headline = figure.get_suptitle()
    title = figure.suptitle(headline, fontsize=LEAST, va="top") if headline else None
    if title is not None:
        _wrap(title, _flowing(figure, headline, width - 2 * GAP), width - 2 * GAP)
    shared = [_legend(figure, key, width - GAP) for key in sheet.keys if key.panel is None]
    for _ in range(3):  # what labels need depends on the size of the panels, and the other way round
        _measure(figure, panels)
        _size(figure, panels, width, sheet, _heights(figure, [*shared]) + _heights(figure, [title] if title else []))
        _place(figure, panels, width, title, shared)
    _thin(figure, [panel.ax for panel in panels])


def _placed(sheet: Sheet) -> list[Panel]:
    """Return the panels with their places on the sheet, row by row of the module's grid."""
    rows, columns = sheet.axes.shape
    across = min(sheet.columns, columns)
    # rows of unequal height belong together, each to the one above it
    down = across == 1 and len(set(sheet.heights)) > 1
    grid = [[(sheet.axes[i, j], sheet.heights[i]) for j in range(columns)] for i in range(rows)]
    if down:
        grid = [[grid[i][j]] for j in range(columns) for i in range(rows)]
    panels: list[Panel] = []
    start = 0
    for line in grid:
        shown = [(ax, share) for ax, share in line if ax.axison]
        panels += [Panel(ax, start + k // across, k % across, share) for k, (ax, share) in enumerate(shown)]
        start += -(-len(shown) // across)
    return panels


def _label(sheet: Sheet, panels: Sequence[Panel]) -> None:
    """Give every panel the labels that it had from its neighbours in the module's grid."""
    rows, columns = sheet.axes.shape
    for i in reversed(range(rows)):
        for j in range(columns):
            ax = sheet.axes[i, j]
            ax.set_ylabel(ax.get_ylabel() or sheet.axes[i, 0].get_ylabel())
            ax.set_xlabel(ax.get_xlabel() or (sheet.axes[i + 1, j].get_xlabel() if i + 1 < rows else ""))
    for panel in panels:
        ax = panel.ax
        below = [other.ax for other in panels if (other.row, other.column) == (panel.row + 1, panel.column)]
        if len(ax.get_shared_x_axes().get_siblings(ax)) > 1:
            last = not any(ax.get_shared_x_axes().joined(ax, other) for other in below)
            ax.tick_params(labelbottom=last)
            if not last:
                ax.set_xlabel("")
        beside = [other.ax for other in panels if other.row == panel.row and other.column < panel.column]
        if len(ax.get_shared_y_axes().get_siblings(ax)) > 1:
            first = not any(ax.get_shared_y_axes().joined(ax, other) for other in beside)
            ax.tick_params(labelleft=first)
            if not first:
                ax.set_ylabel("")


def _measure(figure: "Figure", panels: Sequence[Panel]) -> None:
    """Break titles and labels into lines that fit, and note what is around each panel, in inches."""
    from matplotlib.text import Text

    for panel in panels:
        middle = panel.wide + 2 * min(panel.left, panel.right)  # a title may stand over the labels at the sides too
        for text, whole in panel.words:
            if text is panel.ax.yaxis.label:
                _wrap(text, whole, panel.high, upright=True)
            elif text in panel.ax.texts:
                _wrap(text, whole, 0.94 * panel.wide)
            elif text.get_text():
                _wrap(text, _flowing(figure, whole, middle), middle)
    figure.draw_without_rendering()  # labels of ticks come into being as they are drawn
    for text in figure.findobj(Text):
        text.set_fontsize(LEAST)
    renderer = _renderer(figure)
    for panel in panels:
        inner, outer = panel.ax.get_window_extent(renderer), panel.ax.get_tightbbox(renderer)
        assert outer is not None
        margins = inner.x0 - outer.x0, outer.x1 - inner.x1, outer.y1 - inner.y1, inner.y0 - outer.y0
        panel.left, panel.right, panel.top, panel.bottom = (max(margin, 0) / figure.dpi for margin in margins)
        for bar in _bars(figure, panel.ax):
            inner, outer = bar.get_window_extent(renderer), bar.get_tightbbox(renderer)
            assert outer is not None
            panel.right = max(panel.right, 2 * GAP + (outer.x1 - inner.x1) / figure.dpi + GAP)


def _size(figure: "Figure", panels: Sequence[Panel], width: float, sheet: Sheet, rest: float) -> None:
    """Set the width and height of every panel; rest: the height that is not for panels."""
    columns = sorted({panel.column for panel in panels})
    left = {c: max(panel.left for panel in panels if panel.column == c) for c in columns}
    right = {c: max(panel.right for panel in panels if panel.column == c) for c in columns}
    wide = (width - sum(left.values()) - sum(right.values()) - GAP * (len(columns) + 1)) / len(columns)
    rows = _rows(panels)
    fixed = rest + sum(_around(figure, row) for row in rows)
    share = sum(max(panel.share for panel in row) for row in rows)
    high = min(wide * sheet.aspect, max((PAGE - fixed) / share, LOWEST))
    for panel in panels:
        panel.left, panel.right, panel.wide = left[panel.column], right[panel.column], wide
        panel.high = max(high, LINE * _named(panel.ax)) * panel.share
        if panel.ax.get_aspect() != "auto":
            (x0, x1), (y0, y1) = panel.ax.get_xlim(), panel.ax.get_ylim()
            panel.high = wide * abs(y1 - y0) / abs(x1 - x0)


def _place(
    figure: "Figure", panels: Sequence[Panel], width: float, title: "Text | None", shared: Sequence["Legend"]
) -> None:
    """Put panels, their keys, the title and the shared keys where they go, and set the height of the figure."""
    height = GAP + _heights(figure, [title] if title else [])
    tops = {}
    for number, row in enumerate(_rows(panels)):
        tops[number] = height
        height += max(panel.high for panel in row) + _around(figure, row)
    total = height + _heights(figure, shared)
    figure.set_size_inches(width, total)
    if title is not None:
        title.set_position((0.5, 1 - GAP / total))
    for panel in panels:
        row = _rows(panels)[panel.row]
        top = tops[panel.row] + max(other.top for other in row)
        start = GAP + sum(
            next(other for other in panels if other.column == c).left
            + next(other for other in panels if other.column == c).wide
            + next(other for other in panels if other.column == c).right
            + GAP
            for c in range(panel.column)
        )
        x = start + panel.left
        box = (x / width, 1 - (top + panel.high) / total, panel.wide / width, panel.high / total)
        panel.ax.set_position(box)
        for bar in _bars(figure, panel.ax):
            bar.set_position(
                ((x + panel.wide + GAP) / width, box[1] + 0.075 * box[3], 1.2 * GAP / width, 0.85 * box[3])
            )
        at = top + panel.high + panel.bottom + GAP
        for legend in panel.legends:
            middle = start + (panel.left + panel.wide + panel.right) / 2
            legend.set_bbox_to_anchor((middle / width, 1 - at / total), transform=figure.transFigure)
            at += _heights(figure, [legend])
    at = height
    for legend in shared:
        legend.set_bbox_to_anchor((0.5, 1 - at / total), transform=figure.transFigure)
        at += _heights(figure, [legend])


def _rows(panels: Sequence[Panel]) -> list[list[Panel]]:
    return [[panel for panel in panels if panel.row == row] for row in range(1 + max(p.row for p in panels))]


def _around(figure: "Figure", row: Sequence[Panel]) -> float:
    """Return the height that a row of panels needs beside the panels themselves, in inches."""
    return (
        max(panel.top for panel in row) + max(panel.bottom + _heights(figure, panel.legends) for panel in row) + 2 * GAP
    )


def _heights(figure: "Figure", texts: Iterable["Text | Legend"]) -> float:
    """Return the height of texts or keys one below another, each with a gap, in inches."""
    renderer = _renderer(figure)
    return sum(text.get_window_extent(renderer).height / figure.dpi + GAP for text in texts)


def _legend(figure: "Figure", key: Key, room: float) -> "Legend":
    """Return the key as a legend of the figure, in as many columns as there is room for, in inches."""
    for columns in range(min(4, len(key.labels)), 0, -1):
        labels = key.labels if columns > 1 else [_lines(figure, label, room - 0.45) for label in key.labels]
        legend = figure.legend(
            key.handles, labels, ncols=columns, title=key.title, loc="upper center", borderpad=0, borderaxespad=0,
            columnspacing=1.2, handlelength=1.8, handletextpad=0.6,
        )  # fmt: skip
        if columns == 1 or legend.get_window_extent(_renderer(figure)).width / figure.dpi <= room:
            break
        legend.remove()
    return legend


def _lines(figure: "Figure", words: str, room: float) -> str:
    """Return ``words`` in lines that are at most ``room`` inches wide where blanks allow it."""
    text = figure.text(0, 0, "", fontsize=LEAST)
    _wrap(text, words, room)
    text.remove()
    return text.get_text()


def _flowing(figure: "Figure", words: str, room: float) -> str:
    """Return ``words`` without their own ends of lines where one of the lines does not fit."""
    return words if _lines(figure, words, room) == words else words.replace("\n", " ")


def _wrap(text: "Text", words: str, room: float, *, upright: bool = False) -> None:
    """Give ``text`` the ``words`` in lines that are at most ``room`` inches long where blanks allow it."""
    figure = text.get_figure()
    assert figure is not None
    renderer = _renderer(figure)

    def long(line: str) -> float:
        text.set_text(line)
        box = text.get_window_extent(renderer)
        return float(box.height if upright else box.width) / figure.dpi

    text.set_fontsize(LEAST)
    lines: list[str] = []
    for given in words.split("\n"):
        line = ""
        for word in re.split(r"(?<!=) (?!=)", given):  # "eps = 0.1" stays together
            if line and long(f"{line} {word}") > room:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    text.set_text("\n".join(lines))


def _thin(figure: "Figure", axes: Sequence["Axes"]) -> None:
    """Leave out labels of an axis that would lie on one another: below it those that the module chose itself."""
    from matplotlib.ticker import FixedLocator, NullFormatter

    figure.draw_without_rendering()
    renderer = _renderer(figure)
    for ax in axes:
        boxes = [label.get_window_extent(renderer) for label in ax.get_yticklabels(which="both") if label.get_visible()]
        boxes = sorted((box for box in boxes if box.height > 0), key=lambda box: box.y0)
        if any(above.y0 < below.y1 for below, above in pairwise(boxes)):
            ax.yaxis.set_minor_formatter(NullFormatter())
        shown = [label for label in ax.get_xticklabels() if label.get_text() and label.get_visible()]
        if not shown or not isinstance(ax.xaxis.get_major_locator(), FixedLocator):
            continue
        end = -np.inf
        names = {label.get_position()[0]: "" for label in ax.get_xticklabels()}
        for label in sorted(shown, key=lambda label: label.get_window_extent(renderer).x0):
            box = label.get_window_extent(renderer)
            if box.x0 > end + 0.03 * figure.dpi:
                names[label.get_position()[0]] = label.get_text()
                end = box.x1
        ax.set_xticks(list(names), list(names.values()), fontsize=LEAST)


def _named(ax: "Axes") -> int:
    """Return how many places of the vertical axis have names that the module chose."""
    from matplotlib.ticker import FixedLocator

    if not isinstance(ax.yaxis.get_major_locator(), FixedLocator):
        return 0
    return sum(bool(label.get_text()) for label in ax.get_yticklabels())


def _bars(figure: "Figure", ax: "Axes") -> list["Axes"]:
    """Return the colour bars beside ``ax``, which are axes of their own."""
    maps = [*ax.collections, *ax.images]
    return [mapped.colorbar.ax for mapped in maps if mapped.colorbar is not None]


def _renderer(figure: Any) -> Any:
    return figure.canvas.get_renderer()
