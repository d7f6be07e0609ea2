"""The coverage decision for a user's own numbers, each problem on the finest grid that 64-bit sums allow."""

from math import ldexp
from sys import float_info

import numpy as np
from numpy.typing import ArrayLike, NDArray

from slt.core import arrays
from slt.core.checks import positive
from slt.core.keep import Groups, keep_of
from subsetsum import kept
from subsetsum.memory import BYTES_A_CHAIN, refuse_if_too_large
from subsetsum.sampling import gap_units, point_units

SUM_BITS = 60  # a problem is scaled so that radius + sum |x| stays below 2**60 units


def covers_values(
    *,
    values: ArrayLike,
    states: ArrayLike,
    eps: float,
    radius: float = 1.0,
    size: int | None = None,
    sparsity: float | None = None,
    keep: str | Groups | None = None,
) -> NDArray[np.bool_]:
    """Return for each row of numbers whether every |z| <= radius lies within eps of a subset sum; (trials,) bool.

    Named arguments only: values and states, swapped, would be another question.
    values: (trials, n) finite floats, or (n,) for one problem, read as in :mod:`slt.core.arrays`. states:
    -1 pruned, 0 free, +1 locked, of the same shape or (n,) for every row. eps and radius: any positive numbers. size,
    sparsity, keep: as in :func:`subsetsum.covers`; a row that cannot comply covers nothing.

    Rounding: each problem is put on its own grid of pitch 2**-b, the finest power of two with
    2**b * (radius + sum |x|) < 2**60, and values are rounded to nearest. So a value moves by at most
    2**-60 (radius + sum |x|), nothing moves if all values are multiples of the pitch, and the answer is exact for
    the values on the grid, eps and radius as they are. A gap of exactly 2 eps is covered.

    Raises ValueError for ragged, non-numeric or non-finite input, other states, shapes that do not fit, and an eps so
    small that memory would not hold the sums.

    >>> covers_values(values=[0.5, -0.25, 0.125], states=[0, 0, 1], eps=0.375, radius=0.5)
    array([ True])
    """
    from subsetsum.kernels.grid import scratch
    from subsetsum.kernels.trials import decide_given

    eps, radius = positive("eps", eps), positive("radius", radius)
    wanted = keep_of(size=size, sparsity=sparsity, keep=keep)
    x, s = checked_problems(values, states)
    x = np.where(s == -1, 0.0, x)
    bits = SUM_BITS - _exponent(x, radius)
    units = np.rint(np.ldexp(x, bits[:, None])).astype(np.int64)
    scales, which = np.unique(bits, return_inverse=True)
    ends = [_ends(radius, eps, int(scale)) for scale in scales]
    windows, gaps = np.array(ends, np.int64).reshape(-1, 2)[which].T.copy()
    levels = kept.columns(wanted, x.shape[1]) if wanted else 1
    _refuse(units, s, gaps, eps, levels)
    if wanted:
        kept.refuse_tables(x.shape[1], levels)
        return kept.given(units, s, windows, gaps, wanted)
    covered = np.empty(len(x), np.bool_)
    if covered.size:
        # one scratch for all: its size is that of the problem with the most sums per eps
        ratio = np.argmax(2.0**SUM_BITS / np.maximum(gaps, 1))
        decide_given(units, s, windows, gaps, scratch(int(gaps[ratio]), 2**SUM_BITS, x.shape[1]), covered)
    return covered


def checked_problems(values: ArrayLike, states: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Return values and states as (trials, n) float64 and int8 arrays, or raise ValueError."""
    x, s = arrays.floats("values", values), arrays.states("states", states)
    if x.ndim not in (1, 2):
        raise ValueError(f"values must have shape (trials, n) or (n,), got {x.shape}")
    x = np.atleast_2d(x)
    if s.shape not in {x.shape, x.shape[1:]}:
        raise ValueError(f"states must have the shape of values, {x.shape}, or of one row, got {s.shape}")
    return x, np.ascontiguousarray(np.broadcast_to(s, x.shape))


def _exponent(x: NDArray[np.float64], radius: float) -> NDArray[np.int64]:
    """Per row the least e with radius + sum |x| < 2**e, found without overflow."""
    top = np.frexp(np.max(np.abs(x), axis=1, initial=radius))[1]
    total = np.ldexp(np.abs(x), -top[:, None]).sum(axis=1) + np.ldexp(radius, -top)
    return (top + np.frexp(total)[1]).astype(np.int64)


def _ends(radius: float, eps: float, bits: int) -> tuple[int, int]:
    """The window's end and the longest gap allowed, in units of 2**-bits."""
    # an eps above radius + sum |x| asks no more of a problem than that sum does
    needed = eps if SUM_BITS - bits >= float_info.max_exp else min(eps, ldexp(1.0, SUM_BITS - bits))
    return point_units(radius, bits, needed), gap_units(needed, bits)


def _refuse(
    units: NDArray[np.int64], states: NDArray[np.int8], gaps: NDArray[np.int64], eps: float, levels: int
) -> None:
    """Chains of a level are no more than subsets of the free numbers, nor than the range of the sums by 2 eps."""
    free = np.abs(np.where(states == 0, units, 0))
    subsets = np.exp2(np.minimum((free > 0).sum(axis=1), 1000))
    chains = np.minimum(subsets, free.sum(axis=1) / np.maximum(gaps, 1) + 1)
    refuse_if_too_large("eps", eps, levels * BYTES_A_CHAIN * float(np.max(chains, initial=0.0)))
