"""Draws of the values, states and locked sums of n variables, of which a choice has to keep a given number."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from slt.core.keep import Groups, Keep, Share, Size
from slt.core.keys import generator
from slt.core.rates import Rates
from theory.estimate import binomial_quantile

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

ROWS = 250  # draws handled at a time
_TOTALS = 8  # locked sums for each draw of the free values
_LOCKED = 16  # locked values drawn one by one; the others enter as one normal sum


@dataclass(frozen=True)
class Batch:
    """Draws in blocks, of each of which exactly ``size`` free values are to be kept.

    x: (rows, blocks, values), the free ones first, ascending, padded with inf. size: (rows, blocks), between 0 and the
    number of free values where the row ``complies``. total: (rows, totals), sums of the locked ones.
    """

    x: Array
    size: Whole
    complies: NDArray[np.bool_]
    total: Array

    @property
    def count(self) -> Whole:
        """Number of free values of each block, (rows, blocks)."""
        return np.isfinite(self.x).sum(axis=2)


def draws_of(n: int, keep: Keep, rates: Rates, draws: int, seed: int) -> Iterator[Batch]:
    """Yield batches of draws of n variables at these rates, all of equal weight.

    Equal seeds use common random numbers for every n, keep and rate: the values of n are the first of those of n + 1.
    Without groups the number of free ones is stratified over all draws.
    """
    batches = -(-draws // ROWS)
    for batch in range(batches):
        index = np.arange(batch, draws, batches)
        if isinstance(keep, Groups):
            yield _in_groups(n, keep, rates, len(index), generator(seed, "kept groups", batch))
        else:
            yield _together(n, keep, rates, (index, draws), generator(seed, "kept", batch))


def _together(n: int, keep: Size | Share, rates: Rates, which: tuple[Whole, int], rng: np.random.Generator) -> Batch:
    index, draws = which
    rows = len(index)
    level = rng.random(rows), (rng.permutation(rows) + rng.random(rows)) / rows
    total = _Totals(rows, rates, rng)
    free = binomial_quantile((index + level[0]) / draws, np.full(rows, n), rates.free)
    locked = binomial_quantile(level[1], n - free, rates.lock / rates.freezing if rates.freezing else 0.0)
    size = np.full(rows, keep.count) if isinstance(keep, Size) else keep.kept(n) - locked
    x = 2 * rng.random((max(int(free.max()), 1), rows)).T - 1
    x = np.sort(np.where(np.arange(x.shape[1]) < free[:, None], x, np.inf), axis=1)
    return Batch(x[:, None, :], size[:, None], (size >= 0) & (size <= free), total.of(locked))


def _in_groups(n: int, keep: Groups, rates: Rates, rows: int, rng: np.random.Generator) -> Batch:
    groups = keep.groups(n)
    total = _Totals(rows, rates, rng)
    x, state = np.moveaxis(rng.random((groups, keep.of, 2, rows)), 3, 0).transpose(3, 0, 1, 2)
    locked = ((state >= rates.prune) & (state < rates.freezing)).sum(axis=2)
    there = state >= rates.freezing
    count, size = there.sum(axis=2), keep.kept - locked
    complies = ((size >= 0) & (size <= count)).all(axis=1)
    if keep.lenient:
        size, complies = np.clip(size, 0, count), np.ones(rows, bool)
    x = np.sort(np.where(there, 2 * x - 1, np.inf), axis=2)
    return Batch(x, size, complies, total.of(locked.sum(axis=1)))


class _Totals:
    """Sums of locked values, of which all that is random is drawn before their number is known."""

    def __init__(self, rows: int, rates: Rates, rng: np.random.Generator) -> None:
        several = _TOTALS if rates.lock else 1
        self.values = 2 * rng.random((rows, _TOTALS, _LOCKED))[:, :several] - 1
        self.normal = ndtri((np.arange(_TOTALS) + rng.random((rows, _TOTALS))) / _TOTALS)[:, :several]

    def of(self, locked: Whole) -> Array:
        """Return (rows, totals): sums of as many values, uniform on [-1, 1]."""
        few = np.where(np.arange(_LOCKED) < locked[:, None, None], self.values, 0).sum(axis=2)
        return few + np.sqrt(np.maximum(locked - _LOCKED, 0) / 3)[:, None] * self.normal
