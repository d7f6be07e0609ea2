"""The report: one page with the claims and their verdicts, every figure, and what made them; it needs no network."""

from figures.report.page import main

__all__ = ["main"]
