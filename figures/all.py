"""Every figure, in the order in which they are drawn and shown: a new one is a module here and a line below.

A figure without all of its committed results is drawn from a user's own rows alone, and is not in the report.
"""

from importlib import import_module

from figures.record import Figure

MODULES = (
    "requirement",
    "calibration",
    "hole",
    "sweep",
    "limits",
    "kept",
    "kept_places",
    "laws",
    "other_laws",
    "regimes",
    "success",
    "covered",
    "widths",
    "interval",
    "accuracy",
    "factors",
    "found",
    "jackpots",
    "rivals",
    "comparison",
    "best_places",
    "sizes",
    "sparsities",
    "spaces",
    "file_sizes",
    "depth",
    "load",
)
KNOWN: tuple[Figure, ...] = tuple(import_module(f"figures.{name}").FIGURE for name in MODULES)
FIGURES: tuple[Figure, ...] = tuple(figure for figure in KNOWN if all(path.is_file() for path in figure.results))
