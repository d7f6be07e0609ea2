"""Laws of the reach on a lattice, as certificates use them: equations (C9) and (C10) of docs/theory.md.

The pieces of the sum S are uniform between multiples of a cell 1/D. A uniform piece becomes a *trapezoid*: the inner
multiples of the cell with equal weights, the two ends with half of that.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from slt.core.rates import Rates

Floats = NDArray[np.float64]
_MARGIN = 1 + 1e-9  # sums of positive terms: relative errors are far smaller


@dataclass(frozen=True)
class Cover:
    """How many numbers are small and used up.

    counts: the numbers s of small ones that are looked at; weight: P(s) for each; drop: P(k are used up), k = 0, 1, ..
    """

    counts: range
    weight: Floats
    drop: Floats


@dataclass(frozen=True)
class LatticeLaw:
    """S = sum of the parts of s - k small numbers and of n - s other numbers, averaged over s and k."""

    n: int
    rates: Rates
    width: float
    cells: int
    cover: Cover

    def short(self, c: float) -> float:
        """Bound E P(S < c): P(S' < c) + P(S' = c)/2 for the trapezoids, right but for too few positive pieces."""
        side, cells = self._side, self.cells
        return self._middle(self._law((-cells, cells), (0, side), (side, cells)), ceil(c * cells - 1e-9))

    def few(self, c: float) -> float:
        """Bound the probability that the mean of S, given which pieces are in it, is below c and half a cell."""
        side, cells = self._side, self.cells
        law = self._law((0, 0), (side // 2, side // 2), ((side + cells) // 2, (side + cells) // 2))
        return self._middle(law, ceil(c * cells - 1e-9) + 1)

    @property
    def _side(self) -> int:
        return round(self.cells * self.width)

    @property
    def _shift(self) -> int:
        """Place of the sum 0: every number but the small ones that are always there may take off up to 1."""
        return self.cells * (self.n - self.cover.counts[0])

    def _middle(self, law: Floats, place: int) -> float:
        low, high = (float(law[: max(place + more + self._shift, 0)].sum()) for more in (0, 1))
        return (low + high) / 2 * _MARGIN

    def _law(self, locked: tuple[int, int], middle: tuple[int, int], large: tuple[int, int]) -> Floats:
        f, w = self.rates.free, self.width
        others = 1 - f * w
        big = f * (1 - w) / 2
        part, rest = np.zeros(self.cells + 1), np.zeros(2 * self.cells + 1)
        part[0] = 0.5
        rest[self.cells] = (self.rates.prune + big) / others
        _add(part, 0.5, *middle)
        _add(rest[self.cells :], big / others, *large)
        _add(rest, self.rates.lock / others, self.cells + locked[0], self.cells + locked[1])
        counts, drop = self.cover.counts, self.cover.drop
        covered, total = np.zeros(1), np.zeros(1)
        for s in range(counts[-1] + 1):
            covered = np.convolve(covered, part)
            covered[0] += drop[s] if s < len(drop) else 0.0
            if s in counts:
                shift = self.cells * (s - counts[0])
                total = np.convolve(total, rest)
                longer = np.zeros(max(len(total), shift + len(covered)))
                longer[: len(total)] = total
                longer[shift : shift + len(covered)] += covered * self.cover.weight[s - counts[0]]
                total = longer
        factor, left, most = rest, self.n - counts[-1], self._shift + 2 * self.cells * 2**10
        while left:
            if left % 2:
                total = np.convolve(total, factor)[:most]
            factor, left = np.convolve(factor, factor)[:most] if left > 1 else factor, left // 2
        return total


def _add(law: Floats, mass: float, low: int, high: int) -> None:
    """Add a trapezoid, or a point where both ends are one."""
    if low == high:
        law[low] += mass
    else:
        law[low : high + 1] += mass / (high - low)
        law[[low, high]] -= mass / (high - low) / 2
