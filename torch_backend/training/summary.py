"""Accuracies over seeds: mean, interval, and what the ticket costs, as a table."""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

from slt.core import console
from slt.core.checks import open_unit
from slt.core.intervals import Estimate
from slt.core.store import Row
from slt.core.tables import Table

if TYPE_CHECKING:  # it needs torch, and figures are drawn without
    from torch_backend.training.settings import Settings

CONFIDENCE = 0.95


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """Return the mean with Student's t interval; one value alone has the interval of all numbers.

    >>> estimate = mean_interval([0.7, 0.8, 0.9])
    >>> f"{estimate.value:.2f} [{estimate.lower:.3f}, {estimate.upper:.3f}]"
    '0.80 [0.552, 1.048]'
    """
    n = len(values)
    mean = float(np.mean(values))
    if n < 2:
        return Estimate(-np.inf, mean, np.inf, n)
    quantile = float(stdtrit(n - 1, (1 + open_unit("confidence", confidence)) / 2))
    half = quantile * float(np.std(values, ddof=1)) / sqrt(n)
    return Estimate(mean - half, mean, mean + half, n)


def percent(estimate: Estimate) -> str:
    """Return "81.2 [80.1, 82.3]", without the interval of a single value."""
    text = f"{100 * estimate.value:.2f}"
    lower, upper = max(estimate.lower, 0), min(estimate.upper, 1)
    return text if estimate.trials < 2 else f"{text} [{100 * lower:.2f}, {100 * upper:.2f}]"


def table(settings: "Mapping[str, Settings]", found: Mapping[str, Sequence[Row]]) -> Table:
    """Return a row for every setting: sparsity, rates, test accuracy with its interval over seeds, bits, seconds."""
    rows = []
    for name, runs in found.items():
        s = settings[name]
        masked = s.method == "edge-popup"
        sparsity = f"{s.sparsity:.3f}" if masked else None  # exact to a weight
        rows.append(
            (
                name,
                sparsity,
                *((f"{s.prune:.3g}", f"{s.lock:.3g}") if masked else (None, None)),
                percent(mean_interval([run["test"] for run in runs])),
                percent(mean_interval([run["validation"] for run in runs])),
                f"{runs[0]['bits']:,}",
                f"{np.mean([run['seconds'] for run in runs]):.1f}",
                len(runs),
            )
        )
    columns = ("<", "sparsity", "prune", "lock", "test %", "validation %", "bits", "seconds", "seeds")
    title = f"Accuracy of the epoch that is best in validation, {CONFIDENCE:.0%} intervals of the mean over seeds"
    return console.table(title, columns, rows)
