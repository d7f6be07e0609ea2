"""Every figure, in the order in which they are drawn and shown: a new one is a module here and a line below."""

from importlib import import_module

from figures.record import Figure

MODULES = (
    "requirement",
    "calibration",
    "hole",
    "sweep",
    "limits",
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
    "load",
)
FIGURES: tuple[Figure, ...] = tuple(import_module(f"figures.{name}").FIGURE for name in MODULES)
