"""Does a draw cover every target? Exact decisions for random trials."""

import numpy as np
from numpy.typing import NDArray

from common.checks import open_unit, whole
from common.rates import Rates
from subsetsum.memory import refuse_if_too_large
from subsetsum.sampling import checked_radius, gap_units, grid_bits, law, point_units
from subsetsum.threads import over_chunks, workers


def covers(
    n: int,
    eps: float,
    trials: int,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    seed: int = 0,
    exact_counts: bool = False,
    jobs: int | None = None,
) -> NDArray[np.bool_]:
    """Return for each trial whether every |z| <= radius lies within eps of a subset sum; (trials,) bool.

    Trial i is trial i of :func:`subsetsum.draw` with the same arguments: its locked values are in every sum, its
    pruned ones in none. The decision is made in integers and is exact for these values, eps and radius (a radius that
    is no multiple of 2**-52 is rounded up to one); a gap of exactly 2 eps is covered. Nothing depends on jobs, the
    number of threads (default: all cores).

    Raises ValueError for eps outside (0, 1), radius outside (0, 511], bad rates, n outside 0..2**19, trials < 0, a bad
    seed, or an eps so small that memory would not hold the sums.
    """
    from subsetsum.kernels.trials import drawn

    eps, radius, rates = open_unit("eps", eps), checked_radius(radius), Rates(prune, lock)
    bits = grid_bits(n)
    description = law(n, rates, seed, exact_counts)
    whole("trials", trials)
    refuse_if_too_large(n, eps, rates, radius, workers(jobs))

    def task(first: int, count: int) -> NDArray[np.bool_]:
        covered = np.empty(count, np.bool_)
        drawn(description, n, first, point_units(radius, bits), gap_units(eps, bits), covered)
        return covered

    return np.concatenate(over_chunks(task, trials, jobs))
