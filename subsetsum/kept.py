"""Sums in which the number of kept variables is prescribed (:mod:`slt.core.keep`), for the functions that take it.

A trial that cannot comply fails: it covers nothing, and its worst error is infinite.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import comb, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slt.core.keep import Groups, Keep, Share, Size
from subsetsum.memory import BYTES_A_CHAIN, chain_bytes, memory, refuse_if_too_large
from subsetsum.sampling import gap_units, point_units
from subsetsum.threads import Idle

BYTES_A_PLACE = 16  # two tables of int64


def refuse_other_laws(keep: Keep | None, other: Any) -> None:
    """Raise ValueError where a number of kept variables is prescribed for numbers of another law, or with signs."""
    if keep is not None and other is not None:
        raise ValueError("size, sparsity and keep are decided for the law uniform 1 without signs only")


def prescribed(keep: Keep, n: int) -> Any:
    """Return what the kernels are told of n variables; raises ValueError where groups do not divide them."""
    from subsetsum.kernels import kept as kernels

    match keep:
        case Size(count):
            return kernels.Keep(kernels.SIZE, min(count, n + 1), 1, False)
        case Share():
            return kernels.Keep(kernels.KEPT, keep.kept(n), 1, False)
        case Groups(count, of, lenient):
            keep.groups(n)
            return kernels.Keep(kernels.GROUPS, count, of, lenient)


def columns(keep: Keep | None, n: int) -> int:
    """Return at how many levels at most the walks of n variables can be at a time; None: all sizes at once."""
    match keep:
        case None:
            return n + 1
        case Groups(count, of):
            return of // 2 + 1
        case Size(count):
            return min(count, max(n - count, 0)) + 1
        case Share():
            return min(keep.kept(n), n - keep.kept(n)) + 1


def rooms(keep: Keep | None, n: int) -> tuple[Any, Any]:
    """Return a walk and the arrays of one thread."""
    from subsetsum.kernels.kept import new_walk
    from subsetsum.kernels.kept_bits import new_room

    return new_walk(n), new_room(n, columns(keep, n))


def refuse_tables(n: int, levels: int, jobs: int = 1) -> None:
    """Raise ValueError when memory would not hold tables of so many levels for every variable."""
    need = jobs * BYTES_A_PLACE * (n + 1) * levels
    if need > memory() / 2:
        raise ValueError(
            f"n = {n} is too large where the number of kept variables is prescribed: "
            f"its tables would take {need / 2**30:.3g} GiB of memory"
        )


def refuse(name: str, eps: float, keep: Keep | None, n: int, free: float, radius: float, jobs: int) -> None:
    """Raise ValueError when memory would not hold what this eps, called ``name``, or n needs."""
    wide = columns(keep, n)
    refuse_tables(n, wide, jobs)
    # no more lists of sums than there are choices
    if isinstance(keep, Groups):
        choices = log2(comb(keep.of, keep.of // 2 if keep.lenient else keep.kept)) * (n // keep.of)
    else:
        choices = log2(comb(int(free), min(wide - 1, int(free) // 2))) if keep else free
    subsets = 2.0 ** min(choices, free, 1000.0)
    refuse_if_too_large(name, eps, jobs * min(BYTES_A_CHAIN * subsets, wide * chain_bytes(free, eps, radius)))


def answers(
    eps: float, keep: Keep, n: int, radius: float, points: NDArray[np.float64], law: Any, bits: int
) -> Callable[[int, int], NDArray[np.bool_]]:
    """Return a function of (first, count) that decides so many trials: (count, 1 + points) bool, the window first.

    law: :func:`subsetsum.sampling.trial_law` for n variables; they are multiples of 2**-bits.
    """
    from subsetsum.kernels.kept_trials import answer_drawn

    told = prescribed(keep, n)
    los, his = windows(radius, points, bits, eps)
    idle = Idle(lambda: rooms(keep, n))

    def task(first: int, count: int) -> NDArray[np.bool_]:
        found = np.empty((count, len(los)), np.int8)
        idle.use(lambda room: answer_drawn(law, n, first, told, los, his, gap_units(eps, bits), *room, found))
        return found == 1

    return task


def windows(radius: float, points: NDArray[np.float64], bits: int, eps: float) -> NDArray[np.int64]:
    """Return the ends, (2, 1 + points), of [-radius, radius] and of every point, in grid units."""
    end = point_units(radius, bits, eps)
    units = [point_units(z, bits, eps) for z in points]
    return np.array([[-end, *units], [end, *units]], np.int64)


def worst(
    floor: float, keep: Keep, n: int, radius: float, bits: int, law: Any
) -> Callable[[int, int], NDArray[np.float64]]:
    """Return a function of (first, count) that finds the worst errors of so many trials, infinite where they fail."""
    from subsetsum.kernels.kept_trials import worst_drawn

    told, window, floor2 = prescribed(keep, n), point_units(radius, bits), gap_units(floor, bits)
    idle = Idle(lambda: rooms(keep, n))

    def task(first: int, count: int) -> NDArray[np.float64]:
        found = np.empty(count, np.int64)
        idle.use(lambda room: worst_drawn(law, n, first, told, window, floor2, *room, found))
        return np.where(found < 0, np.inf, np.ldexp(found.astype(np.float64), -bits - 1))

    return task


def given(
    units: NDArray[np.int64], states: NDArray[np.int8], ends: NDArray[np.int64], gaps: NDArray[np.int64], keep: Keep
) -> NDArray[np.bool_]:
    """Return of each row of whole numbers whether its sums cover [-end, end] with gaps of at most ``gaps``."""
    from subsetsum.kernels.kept_trials import answer_given

    n = units.shape[1]
    found = np.empty((len(units), 1), np.int8)
    answer_given(units, states, prescribed(keep, n), ends, gaps, *rooms(keep, n), found)
    return found[:, 0] == 1


@dataclass(frozen=True)
class Solver:
    """How best subsets are found.

    solve takes targets, values, states, errors and masks, and writes the last two. need: bytes of one thread; what: the
    problem that needs them.
    """

    what: str
    need: float
    solve: Callable[..., None]


def best(states: NDArray[np.int8], keep: Keep) -> Solver:
    """Return the solver for problems with these states (B, n) in which what ``keep`` says is kept."""
    from subsetsum.kernels.kept import new_walk
    from subsetsum.kernels.kept_halves import most_sums, nearest_subsets

    n = states.shape[1]
    told, levels = prescribed(keep, n), columns(keep, n)
    refuse_tables(n, levels)

    def scratch() -> tuple[Any, ...]:
        return new_walk(n), new_walk(n), np.empty(levels), np.empty(n + 1), np.empty(n + 1)

    counts = most_sums(np.ascontiguousarray(states), told, *scratch())

    def solve(targets: Any, values: Any, fates: Any, errors: Any, masks: Any) -> None:
        lists = [array for count in counts for array in (_longs(int(count)), _longs((n + 1, levels + 1)))]
        nearest_subsets(targets, values, fates, told, *scratch(), tuple(lists), errors, masks)

    return Solver(f"all sums with {keep}", 8 * sum(counts), solve)


def _longs(shape: int | tuple[int, int]) -> NDArray[np.int64]:
    return np.empty(shape, np.int64)
