"""Success at every number of kept variables at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from slt.core.checks import open_unit
from slt.core.rates import Rates
from subsetsum import kept
from subsetsum.curves import checked_targets
from subsetsum.memory import likely_most_free
from subsetsum.sampling import checked_n, checked_radius, checked_trials, gap_units, grid_bits, trial_law
from subsetsum.threads import Idle, over_chunks, workers


@dataclass(frozen=True, slots=True)
class SizeCounts:
    """Successes among ``trials`` trials at every number of kept variables; all share their trials.

    uniform: (n + 1,) int64, trials in which every |z| <= radius is within eps of a sum of K kept variables, locked ones
    among them. pointwise: (n + 1, targets) int64, trials in which that target is. free_uniform, free_pointwise: the
    same by the number j of free variables that are kept. K beyond what a trial can keep count as failures, and so do j.
    """

    uniform: NDArray[np.int64]
    pointwise: NDArray[np.int64]
    free_uniform: NDArray[np.int64]
    free_pointwise: NDArray[np.int64]
    trials: int

    def __add__(self, other: "SizeCounts") -> "SizeCounts":
        """Counts of two disjoint sets of trials together."""
        return SizeCounts(
            self.uniform + other.uniform,
            self.pointwise + other.pointwise,
            self.free_uniform + other.free_uniform,
            self.free_pointwise + other.free_pointwise,
            self.trials + other.trials,
        )


def success_by_size(
    n: int,
    eps: float,
    trials: int,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    seed: int = 0,
    targets: ArrayLike = (),
    first: int = 0,
    exact_counts: bool = False,
    jobs: int | None = None,
) -> SizeCounts:
    """Count, for every K = 0 .. n, in how many of the trials a choice of exactly K of the n variables succeeds.

    Trials ``first``, ``first + 1``, .. are those of :func:`subsetsum.draw`. The count at j free variables is that of
    :func:`subsetsum.covers` with size=j, and all of them take little more than the dearest (at n = 40, eps = 1e-2 some
    ten decisions of any size). targets: (k,) points z for the pointwise counts, |z| <= 511. Exact, as
    :func:`subsetsum.success_counts` is; nothing depends on jobs, the number of threads.

    Raises ValueError for eps outside (0, 1), radius outside (0, 511], bad rates, n or trials, targets that are not a
    vector of finite numbers, or an eps so small or an n so large that memory would not hold the sums.

    >>> success_by_size(2, 0.5, 10, radius=0.5).uniform  # the empty sum always covers
    array([10,  5,  0])
    """
    from subsetsum.kernels.kept import new_walk
    from subsetsum.kernels.kept_trials import count_sizes

    eps, rates, n = open_unit("eps", eps), Rates(prune, lock), checked_n(n)
    first, trials = checked_trials(first, trials)
    points, radius, bits = checked_targets(targets), checked_radius(radius), grid_bits(n)
    reach = float(np.max(np.abs(points), initial=radius))
    kept.refuse("eps", eps, None, n, likely_most_free(n, rates), reach, workers(jobs))
    law = trial_law(n, rates, seed, exact_counts)
    los, his = kept.windows(radius, points, bits, eps)
    idle = Idle(lambda: (new_walk(n), *kept.rooms(None, n)))

    def task(first: int, count: int) -> NDArray[np.int64]:
        counts = np.zeros((2, n + 1, len(los)), np.int64)
        idle.use(lambda room: count_sizes(law, n, first, count, los, his, gap_units(eps, bits), *room, *counts))
        return counts

    by_kept, by_free = np.sum(over_chunks(task, trials, jobs, first), axis=0)
    return SizeCounts(by_kept[:, 0], by_kept[:, 1:], by_free[:, 0], by_free[:, 1:], trials)
