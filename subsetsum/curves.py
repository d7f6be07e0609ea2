"""Success counts at every n at once: a whole curve for little more than its most expensive point."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from slt.core import arrays
from slt.core.checks import flag, open_unit, positive
from slt.core.keep import Groups, keep_of
from slt.core.laws import PRESENT, Law
from slt.core.rates import Rates
from subsetsum import kept
from subsetsum.laws import source
from subsetsum.memory import chain_bytes, likely_most_free, refuse_if_too_large
from subsetsum.sampling import (
    RADIUS_MAX,
    checked_n,
    checked_radius,
    checked_trials,
    gap_units,
    grid_bits,
    point_units,
    trial_law,
)

TARGETS = 9


def targets(radius: float = 1.0) -> NDArray[np.float64]:
    """Return the fixed grid of targets of the pointwise reading: z = 0, radius/8, ..., radius.

    Negative targets are left out: -z is hit with the same probability, since -X has the law of X (up to the one grid
    point -1).
    """
    return np.linspace(0.0, checked_radius(radius), TARGETS)


@dataclass(frozen=True, slots=True)
class Counts:
    """Successes among ``trials`` trials at every n.

    uniform: (n_max + 1,) int64, trials in which every |z| <= radius is within eps of a subset sum. pointwise:
    (n_max + 1, targets) int64, trials in which that target is. Different n share their trials.
    """

    uniform: NDArray[np.int64]
    pointwise: NDArray[np.int64]
    trials: int

    def __add__(self, other: "Counts") -> "Counts":
        """Counts of two disjoint sets of trials together."""
        return Counts(self.uniform + other.uniform, self.pointwise + other.pointwise, self.trials + other.trials)


def success_counts(
    n_max: int,
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
    law: Law | str = PRESENT,
    signed: bool = False,
    size: int | None = None,
    sparsity: float | None = None,
    keep: str | Groups | None = None,
) -> Counts:
    """Count, for every n = 0 .. n_max, in how many of the trials n variables succeed.

    The trials are ``first`` .. ``first + trials - 1`` of :func:`subsetsum.draw` with n_max variables, and n of them
    means the first n. With locked variables a trial may succeed at n and fail at n + 1. targets: (k,) points z for
    the pointwise counts, |z| <= 511. With exact_counts the states depend on n, so every n is a problem of its own.
    law, signed: as in :func:`subsetsum.draw`; other laws than the present one take longer.

    size, sparsity, keep: as in :func:`subsetsum.covers`. Every n is then a problem of its own, with what it has to
    keep. Groups can comply only where they divide n: at every other n all counts are 0.

    Exact integer arithmetic, the radius as it is; a target that is no multiple of the draws' grid is exact for sums on
    the side of 0 and rounded, by less than a pitch, for those beyond it (:func:`subsetsum.sampling.point_units`). One
    thread and no interpreter lock: call it for chunks of trials from several threads and add the results.

    Raises ValueError for eps outside (0, 1), radius outside (0, 511], bad rates, n_max < 0, trials < 0, targets that
    are not a vector of finite numbers, or an eps so small that memory would not hold the sums.
    """
    from subsetsum.kernels.curves import count_at, count_curve

    eps, rates, n_max = open_unit("eps", eps), Rates(prune, lock), checked_n(n_max)
    first, trials = checked_trials(first, trials)
    points = checked_targets(targets)
    wanted = keep_of(size=size, sparsity=sparsity, keep=keep)
    other = source(law, signed, n_max, rates, seed, exact_counts)
    kept.refuse_other_laws(wanted, other)
    if other:
        return Counts(*other.counts(eps, positive("radius", radius), points, trials, first), trials)
    radius, bits = checked_radius(radius), grid_bits(n_max)
    reach = float(np.max(np.abs(points), initial=radius))
    if wanted:
        kept.refuse("eps", eps, wanted, n_max, likely_most_free(n_max, rates), reach, 1)
        counts = np.zeros((n_max + 1, 1 + len(points)), np.int64)
        for n in range(0, n_max + 1, wanted.of if isinstance(wanted, Groups) else 1):
            fixed = trial_law(n, rates, seed, exact_counts)._replace(shift=52 - bits)
            counts[n] = kept.answers(eps, wanted, n, radius, points, fixed, bits)(first, trials).sum(axis=0)
        return Counts(counts[:, 0].copy(), counts[:, 1:].copy(), trials)
    refuse_if_too_large("eps", eps, chain_bytes(likely_most_free(n_max, rates), eps, reach))
    units = np.array([point_units(z, bits, eps) for z in points], np.int64)
    ends = point_units(radius, bits, eps), units, gap_units(eps, bits)
    counts = np.zeros((n_max + 1, 1 + len(units)), np.int64)
    if flag("exact_counts", exact_counts):
        for n in range(n_max + 1):
            fixed = trial_law(n, rates, seed, True)._replace(shift=52 - bits)
            count_at(fixed, n, first, trials, *ends, counts[n])
    else:
        count_curve(trial_law(n_max, rates, seed, False), n_max, first, trials, *ends, counts)
    return Counts(counts[:, 0].copy(), counts[:, 1:].copy(), trials)


def checked_targets(targets: ArrayLike) -> NDArray[np.float64]:
    """Return ``targets`` as a vector of finite numbers of absolute value at most 511, or raise ValueError."""
    points = arrays.floats("targets", targets)
    if points.ndim != 1:
        raise ValueError(f"targets must be a vector, got shape {points.shape}")
    far = points[np.abs(points) > RADIUS_MAX]
    if len(far):
        raise ValueError(f"targets must be at most {RADIUS_MAX} in absolute value, got {far[0]}")
    return points
