"""A table of searches: accuracy over seeds with its interval, and what the ticket costs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from slt.core import console
from slt.core.intervals import MEANS, mean_interval, percent
from slt.core.store import Row
from slt.core.tables import Table

if TYPE_CHECKING:  # it needs torch, and figures are drawn without
    from torch_backend.training.settings import Settings


def table(settings: "Mapping[str, Settings]", found: Mapping[str, Sequence[Row]]) -> Table:
    """Return a row for every setting: sparsity, rates, test accuracy with its interval, bits, bytes of the file."""
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
                f"{runs[0]['bits']:,.0f}",
                f"{runs[0]['file_bytes']:,}" if "file_bytes" in runs[0] else None,
                f"{np.mean([run['seconds'] for run in runs]):.1f}",
                len(runs),
            )
        )
    columns = ("<", "sparsity", "prune", "lock", "test %", "validation %", "bits", "file, bytes", "seconds", "seeds")
    title = f"Accuracy of the epoch that is best in validation, {MEANS:.0%} intervals of the mean over seeds"
    return console.table(title, columns, rows)
