"""Does a draw cover every target, and how far does it miss one? Exact answers for random trials."""

from math import ldexp, sqrt

import numpy as np
from numpy.typing import NDArray

from slt.core.checks import closed_unit, open_unit, positive
from slt.core.keep import Groups, keep_of
from slt.core.laws import PRESENT, Law
from slt.core.rates import Rates
from subsetsum import kept
from subsetsum.laws import source
from subsetsum.memory import bitset_bytes, likely_most_free, refuse_if_too_large
from subsetsum.sampling import checked_n, checked_radius, checked_trials, gap_units, grid_bits, point_units, trial_law
from subsetsum.threads import Idle, over_chunks, workers


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
    first: int = 0,
    jobs: int | None = None,
    law: Law | str = PRESENT,
    signed: bool = False,
    size: int | None = None,
    sparsity: float | None = None,
    keep: str | Groups | None = None,
) -> NDArray[np.bool_]:
    """Return for each trial whether every |z| <= radius lies within eps of a subset sum; (trials,) bool.

    Trials ``first``, ``first + 1``, ... are those of :func:`subsetsum.draw` with the same arguments: their locked
    values are in every sum, the pruned ones in none. The decision is made in integers and is exact for these values,
    eps and radius; a gap of exactly 2 eps is covered, and so is every window of radius eps about a sum.
    Nothing depends on jobs, the number of threads (default: all cores). law, signed: as in :func:`subsetsum.draw`; with
    another law radius may be up to 511 times the largest number.

    size: only sums of exactly so many free variables, locked ones beside them. sparsity: only sums of tickets of this
    sparsity, locked variables counted as kept (:class:`slt.core.keep.Share`). keep: groups of neighbours such as "2:4"
    or "2:4 lenient" (:class:`slt.core.keep.Groups`), n a multiple of the group. At most one of the three. A trial that
    cannot comply covers nothing.

    Raises ValueError for eps outside (0, 1), radius outside (0, 511], bad rates, n outside 0..2**19, trials < 0, a bad
    seed, an eps so small that memory would not hold the sums, a bad size, sparsity or keep, or one of these with
    another law.

    >>> covers(0, 0.5, 1, radius=0.5), covers(0, 0.5, 1, radius=0.75)
    (array([ True]), array([False]))
    """
    from subsetsum.kernels.trials import decide_drawn

    eps, rates, n = open_unit("eps", eps), Rates(prune, lock), checked_n(n)
    first, trials = checked_trials(first, trials)
    wanted = keep_of(size=size, sparsity=sparsity, keep=keep)
    other = source(law, signed, n, rates, seed, exact_counts)
    kept.refuse_other_laws(wanted, other)
    if other:
        return other.covered(eps, positive("radius", radius), trials, first, jobs)
    radius = checked_radius(radius)
    bits, description = grid_bits(n), trial_law(n, rates, seed, exact_counts)
    free = likely_most_free(n, rates)
    if wanted:
        kept.refuse("eps", eps, wanted, n, free, radius, workers(jobs))
        decide = kept.answers(eps, wanted, n, radius, np.empty(0), description, bits)
        return np.concatenate(over_chunks(decide, trials, jobs, first))[:, 0]
    refuse_if_too_large("eps", eps, workers(jobs) * bitset_bytes(free, eps, radius))
    window, eps2 = point_units(radius, bits, eps), gap_units(eps, bits)
    scratch = _scratches(eps2, n, rates, bits)

    def task(first: int, count: int) -> NDArray[np.bool_]:
        covered = np.empty(count, np.bool_)
        scratch.use(lambda room: decide_drawn(description, n, first, window, eps2, room, covered))
        return covered

    return np.concatenate(over_chunks(task, trials, jobs, first))


def worst_errors(
    n: int,
    trials: int,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    seed: int = 0,
    floor: float = 0.0,
    exact_counts: bool = False,
    first: int = 0,
    jobs: int | None = None,
    law: Law | str = PRESENT,
    signed: bool = False,
    size: int | None = None,
    sparsity: float | None = None,
    keep: str | Groups | None = None,
) -> NDArray[np.float64]:
    """Return for each trial the largest distance of a |z| <= radius from its nearest subset sum; (trials,) float64.

    Trials as in :func:`covers`, with which it agrees: covered at eps means an error of at most eps, where the radius is
    a multiple of the draws' grid, 2**-52 (2**-42 for n > 512) for the present law; another radius is rounded up to one
    here. The error is found exactly (in half units of the grid) and returned as the nearest float64, which is it below
    1. An error of at most ``floor`` is reported as floor, which saves the work below it: exact errors of m free
    variables cost time and memory of about 2**m. size, sparsity, keep: as in :func:`covers`; the error of a trial that
    cannot comply is infinite.

    Raises ValueError for floor outside [0, 1], for the reasons of :func:`covers`, and when memory would not hold what a
    floor so small needs.

    >>> worst_errors(0, 2, radius=0.75)
    array([0.75, 0.75])
    """
    from subsetsum.kernels.trials import most_free, worst_drawn

    floor, rates, n = closed_unit("floor", floor), Rates(prune, lock), checked_n(n)
    first, trials = checked_trials(first, trials)
    wanted = keep_of(size=size, sparsity=sparsity, keep=keep)
    other = source(law, signed, n, rates, seed, exact_counts)
    kept.refuse_other_laws(wanted, other)
    if other:
        return other.worst(positive("radius", radius), floor, trials, first, jobs)
    radius = checked_radius(radius)
    bits, description = grid_bits(n), trial_law(n, rates, seed, exact_counts)
    most = max(over_chunks(lambda first, count: most_free(description, n, first, count), trials, jobs, first))
    if wanted:
        kept.refuse("floor", floor, wanted, n, most, radius, workers(jobs))
        find = kept.worst(floor, wanted, n, radius, bits, description)
        return np.maximum(np.concatenate(over_chunks(find, trials, jobs, first)), floor)
    refuse_if_too_large("floor", floor, workers(jobs) * bitset_bytes(most, floor, radius))
    window, floor2 = point_units(radius, bits), gap_units(floor, bits)
    scratch = _scratches(max(floor2, gap_units(ldexp(1.0, -most), bits)), n, rates, bits)

    def task(first: int, count: int) -> NDArray[np.float64]:
        errors2 = np.empty(count, np.int64)
        scratch.use(lambda room: worst_drawn(description, n, first, window, floor2, room, errors2))
        return np.ldexp(errors2.astype(np.float64), -bits - 1)

    return np.maximum(np.concatenate(over_chunks(task, trials, jobs, first)), floor)


def _scratches(eps2: int, n: int, rates: Rates, bits: int) -> Idle:
    """Bitsets for the threads of one call."""
    from subsetsum.kernels.grid import scratch

    # the sum of |x| over the free variables: its mean and six standard deviations
    total = min(n, rates.free * n / 2 + 6 * sqrt(rates.free * n / 3))
    return Idle(lambda: scratch(eps2, int(ldexp(total, bits)), n))
