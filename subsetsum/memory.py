"""Refusing a precision whose subset sums would not fit into memory, with a line saying how much they would take."""

import os
from math import sqrt

from common.rates import Rates

BYTES_A_CHAIN = 96  # two lists of two int64 ends, with room for the next item's doubling
MOST_BYTES_OF_BITS = 2**30  # two bitsets of subsetsum.kernels.grid; beyond that the chains take over


def likely_most_free(n: int, rates: Rates) -> float:
    """Return a number of free variables that no trial is likely to exceed: the mean and six standard deviations."""
    f = rates.free
    return min(n, n * f + 6 * sqrt(n * f * (1 - f)))


def chain_bytes(free: float, eps: float, radius: float) -> float:
    """Return roughly the memory of the chains of one trial with ``free`` free variables, at their longest.

    There are no more than subsets. Measured over p, q and n at eps = 1e-2 .. 1e-4, radius 1, the longest list of a
    trial has 0.2 / eps to 1.4 / eps chains; a wider window adds its length divided by 2 eps.
    """
    return BYTES_A_CHAIN * min(2.0 ** min(free, 1000.0), _quotient(1.5 + radius, eps))


def bitset_bytes(free: float, eps: float, radius: float) -> float:
    """Return roughly the memory of one thread for decisions at ``eps``, or for worst errors exact above ``eps``.

    Two bitsets of some 16 bits per eps over the window and its surroundings. No more is needed than what resolves the
    worst error itself, which is typically 60 * 2**-free and taken to be at least 32 * 2**-free. Where bitsets do not
    fit their limit, chains are used.
    """
    needed = 8 * (1 + radius) * min(2.0 ** min(free, 1000.0) / 32, _quotient(1.0, eps))
    return needed if needed <= MOST_BYTES_OF_BITS else chain_bytes(free, eps, radius)


def refuse_if_too_large(name: str, value: float, needed: float) -> None:
    """Raise ValueError when ``needed`` bytes, wanted by the argument ``name``, exceed half of this machine's memory."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > total / 2:
        raise ValueError(
            f"{name} = {value:g} is too small: the subset sums would take about {needed / 2**30:.3g} GiB of memory, "
            f"more than half of this machine's {total / 2**30:.3g} GiB"
        )


def _quotient(length: float, eps: float) -> float:
    return length / eps if eps > 0 else float("inf")
