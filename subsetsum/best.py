"""The exact best subset sum for a target: which free numbers to take so that the sum comes nearest to it."""

from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray

from slt.core import arrays
from slt.core.keep import Groups, keep_of
from subsetsum import kept
from subsetsum.kept import Solver
from subsetsum.memory import memory
from subsetsum.threads import workers

CHUNK = 512  # problems that one thread takes at a time
BITS = 60  # the absolute values of one problem add up to at most 2**60 grid units


def best_subsets(
    *,
    targets: ArrayLike,
    values: ArrayLike,
    states: ArrayLike | None = None,
    jobs: int | None = None,
    size: int | None = None,
    sparsity: float | None = None,
    keep: str | Groups | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return, for every target, the least |target - sum| over all subsets of the free numbers, and that sum's mask.

    Named arguments only: targets and values of one shape, swapped, would be another question.
    targets: (B,); values: (B, n), or (n,) shared by all targets; any finite floats, read as in :mod:`slt.core.arrays`:
    each is taken as exactly what it is, or refused. states: None (all free) or int
    of the shape of values: -1 pruned (never in the sum), 0 free, +1 locked (always in it). jobs: threads, by default
    one a core; the result does not depend on them. size, sparsity, keep: as in :func:`subsetsum.covers`; only subsets
    that comply are looked at. Where none does, the error is infinite and the mask all False.
    Returns error (B,) float64 and mask (B, n) bool, True on every number in the sum, locked ones included.

    Rounding: each problem is put on its own grid of pitch 2**-b, the finest on which n + 1 numbers as large as its
    largest, target included, add up to at most 2**60 pitches; its numbers are rounded to that grid (those of at least
    2**(52 - b) are on it already) and the subset is the exact optimum for the rounded numbers. So it misses
    the optimum of the unrounded ones by at most (n + 1) pitches, which is 2**-58 (n + 1)**2 times the largest
    number. The error returned is that of this subset on the *unrounded* floats, correct to two units in its last
    place or n * 2**-53 pitches. Ties go to the same subset always, but to no particular one.

    Time and memory grow as 2**(m / 2) with the number m of free numbers: on one core about 8 us a problem for
    m = 21, 0.17 ms for 30; memory 32 * 2**((m - 1) // 2) bytes a thread (16 MiB for m = 40). With a size, a
    sparsity or groups the time is up to four times, and the memory up to twice, that; less where few subsets comply.

    Raises ValueError for arrays that are ragged, not finite, of other shapes or with other states, for numbers that no
    float64 equals, and when one thread would need more than half of the memory that this process
    may use.

    >>> error, mask = best_subsets(targets=[1.0], values=[0.75, 0.5, -0.25, 0.125])
    >>> error, mask
    (array([0.]), array([[ True,  True,  True, False]]))
    """
    wanted = keep_of(size=size, sparsity=sparsity, keep=keep)
    goals = arrays.floats("targets", targets)
    numbers = arrays.floats("values", values)
    if goals.ndim != 1:
        raise ValueError(f"targets must have shape (B,), got {goals.shape}")
    if numbers.ndim not in (1, 2) or (numbers.ndim == 2 and len(numbers) != len(goals)):
        raise ValueError(f"values must have shape (n,) or ({len(goals)}, n) as targets has, got {numbers.shape}")
    fates = np.zeros(numbers.shape, np.int8) if states is None else arrays.states("states", states)
    if fates.shape != numbers.shape:
        raise ValueError(f"states must have the shape of values, {numbers.shape}, got {fates.shape}")
    shape = len(goals), numbers.shape[-1]
    numbers, fates = np.broadcast_to(numbers, shape), np.broadcast_to(fates, shape)
    solver = kept.best(fates, wanted) if wanted else _any_number(fates)
    limit = memory() // 2
    if solver.need > limit:
        raise ValueError(
            f"{solver.what} would take {solver.need / 2**30:.3g} GiB of memory, "
            f"half of what this process may use is {limit / 2**30:.3g} GiB"
        )
    threads = min(workers(jobs), int(limit // solver.need))
    errors, masks = np.empty(len(goals)), np.empty(shape, np.bool_)

    def solve(first: int) -> None:
        part = slice(first, first + CHUNK)
        largest = np.maximum(np.abs(numbers[part]).max(axis=1, initial=0), np.abs(goals[part]))
        bits = BITS - np.frexp(largest)[1] - int(shape[1]).bit_length()
        scaled = np.ldexp(goals[part], bits), np.ldexp(numbers[part], bits[:, None])
        solver.solve(*scaled, np.ascontiguousarray(fates[part]), errors[part], masks[part])
        with np.errstate(over="ignore"):  # an error beyond the largest float is infinite
            errors[part] = np.ldexp(errors[part], -bits)

    chunks = range(0, len(goals), CHUNK)
    Parallel(n_jobs=min(threads, max(len(chunks), 1)), backend="threading")(delayed(solve)(first) for first in chunks)
    return errors, masks


def _any_number(fates: NDArray[np.int8]) -> Solver:
    """Return the solver for problems in which any number of free variables may be kept."""
    from subsetsum.kernels.batch import nearest_subsets
    from subsetsum.kernels.halves import buffers

    free = int((fates == 0).sum(axis=-1).max(initial=0))

    def solve(*problems: Any) -> None:
        nearest_subsets(*problems[:3], *buffers(free), *problems[3:])

    return Solver(f"{free} free numbers", 32 * 2 ** (max(free - 1, 0) // 2), solve)
