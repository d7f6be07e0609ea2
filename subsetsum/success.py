"""Measured success probabilities with exact confidence limits, in the uniform and the pointwise reading."""

import numpy as np
from numpy.typing import NDArray

from slt.core.checks import one_of, open_unit, positive, whole
from slt.core.intervals import Estimate, clopper_pearson, lower_limit, upper_limit
from slt.core.keep import Groups, keep_of
from slt.core.laws import PRESENT, Law
from slt.core.rates import READINGS, Rates
from subsetsum import kept
from subsetsum.coverage import covers
from subsetsum.curves import targets
from subsetsum.laws import source
from subsetsum.memory import chain_bytes, likely_most_free, refuse_if_too_large
from subsetsum.sampling import checked_n, checked_radius, gap_units, grid_bits, point_units, trial_law
from subsetsum.threads import over_chunks, workers


def success_probability(
    eps: float,
    *,
    n: int,
    trials: int,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    seed: int = 0,
    reading: str = "uniform",
    confidence: float = 0.99,
    exact_counts: bool = False,
    jobs: int | None = None,
    law: Law | str = PRESENT,
    signed: bool = False,
    size: int | None = None,
    sparsity: float | None = None,
    keep: str | Groups | None = None,
) -> Estimate:
    """Estimate the probability that the subset sums of n random numbers hit their targets within eps.

    uniform: all |z| <= radius are hit by one draw. pointwise: the least, over the targets z = 0, radius/8, ..., radius,
    of the probability that a draw hits z; by symmetry -z is as likely as z (own numbers need not
    be symmetric: there all of -radius, .., radius). Limits are exact (Clopper-Pearson)
    and hold with probability ``confidence``, half the error on each side. For the least of several probabilities the
    lower limit is the least of the lower limits and needs no correction: to be wrong it must be wrong at the target
    where the probability is least. The upper limit is the least of the upper limits, each at an error divided by
    the number of targets (Bonferroni), since any of them might be wrong. All targets share the trials. size, sparsity,
    keep: as in :func:`subsetsum.covers`, whose sums the targets are hit by; a trial that cannot comply hits none.

    Raises ValueError as :func:`subsetsum.covers` does, and for fewer than 1 trial, another reading, or a
    confidence outside (0, 1).
    """
    reading, confidence, trials = (
        one_of("reading", reading, READINGS),
        open_unit("confidence", confidence),
        whole("trials", trials, 1),
    )
    if reading == "uniform":
        covered = covers(
            n,
            eps,
            trials,
            prune=prune,
            lock=lock,
            radius=radius,
            seed=seed,
            exact_counts=exact_counts,
            jobs=jobs,
            law=law,
            signed=signed,
            size=size,
            sparsity=sparsity,
            keep=keep,
        )
        return clopper_pearson(int(covered.sum()), trials, confidence)
    from subsetsum.kernels.curves import count_at

    eps, rates, n = open_unit("eps", eps), Rates(prune, lock), checked_n(n)
    wanted = keep_of(size=size, sparsity=sparsity, keep=keep)
    other = source(law, signed, n, rates, seed, exact_counts)
    kept.refuse_other_laws(wanted, other)
    if other:
        hits, goals = other.point_hits(eps, positive("radius", radius), trials, jobs)
        return _least(hits, trials, confidence, goals)
    radius = checked_radius(radius)
    bits, points = grid_bits(n), targets(radius)
    description = trial_law(n, rates, seed, exact_counts)
    if wanted:
        kept.refuse("eps", eps, wanted, n, likely_most_free(n, rates), radius, workers(jobs))
        decide = kept.answers(eps, wanted, n, radius, points, description, bits)
        hits = np.sum([found[:, 1:].sum(axis=0) for found in over_chunks(decide, trials, jobs)], axis=0)
        return _least(hits, trials, confidence, len(points))
    refuse_if_too_large("eps", eps, workers(jobs) * chain_bytes(likely_most_free(n, rates), eps, radius))
    units = np.array([point_units(z, bits, eps) for z in points], np.int64)

    def task(first: int, count: int) -> NDArray[np.int64]:
        hits = np.zeros(1 + len(units), np.int64)
        count_at(description, n, first, count, point_units(radius, bits, eps), units, gap_units(eps, bits), hits)
        return hits[1:]

    hits = np.sum(over_chunks(task, trials, jobs), axis=0)
    return _least(hits, trials, confidence, len(points))


def _least(hits: NDArray[np.int64], trials: int, confidence: float, points: int) -> Estimate:
    """Return the least of several probabilities with its limits."""
    alpha = (1 - confidence) / 2
    return Estimate(
        float(lower_limit(hits, trials, alpha).min()),
        int(hits.min()) / trials,
        float(upper_limit(hits, trials, alpha / points).min()),
        trials,
    )
