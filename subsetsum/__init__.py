"""Exact random subset sums with pruned, locked and free variables.

``draw`` shows trials, ``covers`` and ``worst_errors`` decide them, ``covers_values`` decides a user's own numbers,
``best_subsets`` solves single targets, ``success_counts`` and ``success_probability`` estimate. How many variables are
kept is said by ``size``, ``sparsity`` or ``keep``; ``success_by_size`` answers for every number at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import slt_verify  # noqa: F401 - first of all

if TYPE_CHECKING:
    from subsetsum.best import best_subsets
    from subsetsum.coverage import covers, worst_errors
    from subsetsum.curves import Counts, success_counts, targets
    from subsetsum.given import covers_values
    from subsetsum.sampling import draw
    from subsetsum.sizes import SizeCounts, success_by_size
    from subsetsum.success import success_probability

__all__ = [
    "Counts",
    "SizeCounts",
    "best_subsets",
    "covers",
    "covers_values",
    "draw",
    "success_by_size",
    "success_counts",
    "success_probability",
    "targets",
    "worst_errors",
]

_HOME = {
    "Counts": "curves",
    "SizeCounts": "sizes",
    "best_subsets": "best",
    "covers": "coverage",
    "covers_values": "given",
    "draw": "sampling",
    "success_by_size": "sizes",
    "success_counts": "curves",
    "success_probability": "success",
    "targets": "curves",
    "worst_errors": "coverage",
}


def __getattr__(name: str) -> Any:
    # looked up when first used: ``import subsetsum`` loads neither numpy nor the kernels
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
