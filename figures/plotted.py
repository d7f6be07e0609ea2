"""What a figure shows, as numbers: the same on every version of matplotlib, unlike its files."""

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plotted(figure: "Figure") -> list[dict[str, Any]]:
    """Return what every panel of ``figure`` shows: title, lines, areas and error bars, bars, images, words.

    Numbers have six significant digits, in data coordinates. Points of a line are in order, corners of an area are
    not: where an outline starts is matplotlib's choice.
    """
    return [
        {
            "title": ax.get_title(),
            "lines": [[line.get_label(), _points(line.get_xydata())] for line in ax.lines],
            "areas": [
                [
                    _points(area.get_offsets()),
                    _corners(path.vertices for path in area.get_paths()),
                    _numbers(area.get_array()),
                ]
                for area in ax.collections
            ],
            "bars": [_corners([bar.get_patch_transform().transform(bar.get_path().vertices)]) for bar in ax.patches],
            "images": [_numbers(image.get_array()) for image in ax.images],
            "words": [text.get_text() for text in ax.texts],
        }
        for ax in figure.axes
    ]


def digest(figure: "Figure") -> str:
    """Return the SHA-256 of :func:`plotted`, in hexadecimal."""
    return hashlib.sha256(json.dumps(plotted(figure)).encode()).hexdigest()


def _numbers(values: Any) -> list[str]:
    return [] if values is None else [f"{value:.6g}" for value in np.ma.filled(values, np.nan).ravel()]


def _points(values: Any) -> list[list[str]]:
    return [_numbers(point) for point in np.ma.filled(np.ma.asarray(values, dtype=float), np.nan)]


def _corners(outlines: Iterable[Any]) -> list[list[str]]:
    return sorted({tuple(point) for outline in outlines for point in _points(outline)})  # type: ignore[misc]
