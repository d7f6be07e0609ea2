"""Sums in which the number of kept variables is prescribed (:mod:`slt.core.keep`), for the functions that take it.

A trial that cannot comply fails: it covers nothing, and its worst error is infinite.
"""

from collections.abc import Callable
from math import comb, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slt.core.keep import Groups, Keep, Share, Size
from slt.core.rates import Rates
from subsetsum.memory import BYTES_A_CHAIN, chain_bytes, memory, refuse_if_too_large
from subsetsum.sampling import gap_units, point_units

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


def refuse(name: str, eps: float, keep: Keep | None, n: int, free: float, radius: float, jobs: int) -> None:
    """Raise ValueError when memory would not hold what this eps, called ``name``, or n needs."""
    wide = columns(keep, n)
    tables = jobs * BYTES_A_PLACE * (n + 1) * wide
    if tables > memory() / 2:
        raise ValueError(f"n = {n} is too large with a number of kept variables prescribed: its tables would take "
                         f"{tables / 2**30:.3g} GiB of memory")
    # no more lists of sums than there are choices
    if isinstance(keep, Groups):
        choices = log2(comb(keep.of, keep.of // 2 if keep.lenient else keep.kept)) * (n // keep.of)
    else:
        choices = log2(comb(int(free), min(wide - 1, int(free) // 2))) if keep else free
    subsets = 2.0 ** min(choices, free, 1000.0)
    refuse_if_too_large(name, eps, jobs * min(BYTES_A_CHAIN * subsets, wide * chain_bytes(free, eps, radius)))


def answers(
    eps: float, keep: Keep, n: int, radius: float, points: NDArray[np.float64], law: Any
) -> Callable[[int, int], NDArray[np.bool_]]:
    """Return a function of (first, count) that decides so many trials: (count, 1 + points) bool, the window first.

    law: :func:`subsetsum.sampling.trial_law` for n variables.
    """
    from subsetsum.kernels.kept_trials import answer_drawn

    told, bits = prescribed(keep, n), 52 - law.shift
    los, his = windows(radius, points, bits, eps)

    def task(first: int, count: int) -> NDArray[np.bool_]:
        found = np.empty((count, len(los)), np.int8)
        answer_drawn(law, n, first, told, los, his, gap_units(eps, bits), *rooms(keep, n), found)
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

    told = prescribed(keep, n)

    def task(first: int, count: int) -> NDArray[np.float64]:
        found = np.empty(count, np.int64)
        worst_drawn(
            law, n, first, told, point_units(radius, bits), gap_units(floor, bits), *rooms(keep, n), found
        )
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
