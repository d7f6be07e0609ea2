"""Refusing a precision whose subset sums would not fit into memory, with a line saying how much they would take."""

import os
from math import sqrt

from common.rates import Rates

BYTES_A_CHAIN = 96  # two lists of two int64 ends, each with room for the doubling of the next item


def refuse_if_too_large(n: int, eps: float, rates: Rates, reach: float, jobs: int = 1) -> None:
    """Raise ValueError when the lists of chains of ``jobs`` threads would take more than half of the memory.

    reach: half the length of the range in which sums are kept, before the free variables' own reach is added to it.
    A list never has more chains than there are subsets, 2**m, nor than its range divided by 2 eps; for m the mean
    plus six standard deviations is taken. Nothing is allocated before it is needed: this is a bound, not the use.
    """
    f = rates.free
    free = min(n, n * f + 6 * sqrt(n * f * (1 - f)))
    chains = min(2.0 ** min(free, 1000), (2 * reach + free / 2) / (2 * eps) + 2)
    needed = jobs * chains * BYTES_A_CHAIN
    limit = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2
    if needed > limit:
        raise ValueError(
            f"eps = {eps:g} would take up to {needed / 2**30:.3g} GiB of memory for n = {n} with {jobs} threads, "
            f"half of this machine's is {limit / 2**30:.3g} GiB"
        )
