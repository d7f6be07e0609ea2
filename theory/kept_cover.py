"""How likely the sums of choices of a given size leave no gap in a window: the choices all looked at, or estimated."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from theory.kept_density import Density
from theory.window_coverage import _LOG_LAM, _LOG_V

Array = NDArray[np.float64]

ENUMERATED = 2000  # choices that are all looked at
_POINTS = np.linspace(0, 1, 33)  # of a window, between which the rate of gaps is interpolated
_DENSE = 50.0  # log density beyond which no gap is possible at any eps that float64 resolves


def sums_of_blocks(blocks: Sequence[tuple[Array, int]]) -> Array:
    """Return, ascending, the sums of all choices that keep exactly c of each block's values.

    >>> sums_of_blocks([(np.array([1.0, 2.0, 4.0]), 2), (np.array([10.0, 20.0]), 1)])
    array([13., 15., 16., 23., 25., 26.])
    """
    sums = np.zeros(1)
    for values, kept in blocks:
        own = values[_choices(len(values), kept)].sum(axis=1)
        sums = (sums[:, None] + own).ravel()
    return np.sort(sums)


def log_choices(count: NDArray[np.int64], kept: NDArray[np.int64]) -> Array:
    """Return the log of the product over blocks of C(count, kept), (rows,); both (rows, blocks).

    Where more are to be kept than there are, or fewer than 0, the value means nothing.
    """
    kept, rest = np.maximum(kept, 0), np.maximum(count - kept, 0)
    return (gammaln(count + 1) - gammaln(kept + 1) - gammaln(rest + 1)).sum(axis=1)


def enumerated_windows(sums: Array, eps: float, low: Array, high: Array) -> Array:
    """Return 1 where all of [low, high] lies within eps of one of the ascending sums, else 0; (windows,)."""
    breaks = np.append(np.diff(sums) > 2 * eps, True)
    ends = np.where(breaks, sums + eps, np.inf)
    reach = np.minimum.accumulate(ends[::-1])[::-1]  # how far the stretch goes on which each sum lies
    last = np.searchsorted(sums, low + eps, side="right") - 1  # the last sum that could cover the window's begin
    return ((last >= 0) & (reach[np.maximum(last, 0)] >= high)).astype(np.float64)


def covered_windows(density: Density, eps: float, low: Array, high: Array, mirrored: NDArray[np.bool_]) -> Array:
    """Estimate coverage of the windows [low, high] as if the stretches of the sums were a Poisson process.

    low, high: (rows, windows). mirrored: (rows,), whether the sums are symmetric about the middle of their range; then
    the gaps of one side are those of the other and count once. A window is uncovered when its begin is, or when
    some stretch that begins before its end is followed by a gap within it.
    """
    wide = eps
    middle = (density.first + density.last)[:, None] / 2
    inside = (low >= density.first[:, None] - eps) & (high <= density.last[:, None] + eps)
    # folded about the middle
    left, right = low - middle, high - middle
    near, far = np.where((left <= 0) & (right >= 0), 0.0, np.minimum(abs(left), abs(right))), np.maximum(-left, right)
    folded = mirrored[:, None]
    begin = np.where(folded, near, left)
    end = np.where(folded, far, right)
    edge = np.where(folded, 0.0, -np.inf)  # below it sums are mirror images
    a = np.maximum(begin - wide, edge)
    b = np.maximum(end - wide, a)
    points = a[:, :, None] + (b - a)[:, :, None] * _POINTS
    log_rho, length = _interpolated(density, points + middle[:, :, None])
    lam = np.minimum(log_rho, _DENSE) + np.log(length)
    rate = np.exp(np.interp(lam, _LOG_LAM, _LOG_V)) / length
    hazard = ((rate[:, :, 1:] + rate[:, :, :-1]) / 2).mean(axis=2) * (b - a)
    log_rho, length = _interpolated(density, (begin + middle)[:, :, None])
    share = np.minimum(begin + wide - edge, 2 * wide) / (2 * wide)
    starts = -np.expm1(-np.exp(np.minimum(log_rho[:, :, 0], _DENSE)) * length[:, :, 0] * share)
    return np.where(inside, starts * np.exp(-hazard), 0.0)


def _interpolated(density: Density, x: Array) -> tuple[Array, Array]:
    """Interpolate log density and mean length row by row at x, (rows, ..); beyond the nodes they keep their value."""
    w = density.w
    rows = len(w)
    lowest, span = w[:, :1], np.ptp(w) + 1 + w.max() - w.min()
    shift = span * np.arange(rows)[:, None] - lowest
    flat = np.clip(x.reshape(rows, -1), lowest, w[:, -1:]) + shift
    nodes = (w + shift).ravel()
    return tuple(np.interp(flat.ravel(), nodes, v.ravel()).reshape(x.shape) for v in (density.log_rho, density.length))


@lru_cache(maxsize=256)
def _choices(count: int, kept: int) -> NDArray[np.int64]:
    """Return all choices of ``kept`` of ``count`` indices, one a row; read-only."""
    found = np.array(list(combinations(range(count), kept)), dtype=np.int64).reshape(comb(count, kept), kept)
    found.flags.writeable = False
    return found
