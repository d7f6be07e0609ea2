"""Refusing a precision whose subset sums would not fit into memory, with a line saying how much they would take."""

import os
from math import sqrt

from common.rates import Rates

BYTES_A_CHAIN = 96  # two lists of two int64 ends, with room for the next item's doubling


def chains_needed(free: float, eps: float, radius: float) -> float:
    """Return how many chains the lists of ``free`` random variables hold at their longest, roughly.

    There are never more than subsets. Measured over p, q and n at eps = 1e-2 .. 1e-4, radius 1, the longest list of a
    trial has 0.2 / eps to 1.4 / eps chains; a wider window adds its length divided by 2 eps.
    """
    return min(2.0 ** min(free, 1000.0), (1.5 + radius) / eps)


def refuse_if_too_large(n: int, eps: float, rates: Rates, radius: float, jobs: int = 1) -> None:
    """Raise ValueError when the chains of ``jobs`` threads would take more than half of this machine's memory.

    For the number of free variables the mean plus six standard deviations is taken.
    """
    f = rates.free
    free = min(n, n * f + 6 * sqrt(n * f * (1 - f)))
    refuse_bytes(jobs * chains_needed(free, eps, radius) * BYTES_A_CHAIN, eps)


def refuse_bytes(needed: float, eps: float) -> None:
    """Raise ValueError when ``needed`` bytes are more than half of this machine's memory."""
    limit = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2
    if needed > limit:
        raise ValueError(
            f"eps = {eps:g} is too small: its subset sums would take about {needed / 2**30:.3g} GiB of memory, "
            f"more than half of this machine's {2 * limit / 2**30:.3g} GiB"
        )
