"""The game of :mod:`theory.game` with functions that are linear between points: tables that whole numbers can check.

``GrowthGame`` holds step functions on 2400 points; here some two hundred points give smaller bounds. docs/theory.md,
(C6) and (C7).
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import ceil, floor, log

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

START_SHARE = Fraction(7, 10)  # of eps, half the length that is covered at first
_HALVINGS = 40  # of the interval in which the best slope lies


@dataclass(frozen=True)
class CoverTables:
    """Whole numbers over 2^bits.

    grid: covered shares x_0 < .. < x_N; values[k][i]: bound of the probability that k + 1 numbers do not cover from
    x_i on; slopes[k][i]: of the line that proves it.
    """

    bits: int
    grid: tuple[int, ...]
    values: tuple[tuple[int, ...], ...]
    slopes: tuple[tuple[int, ...], ...]

    @property
    def failures(self) -> Floats:
        """G_0, G_1, ..: bounds of P(k numbers do not cover), non-increasing."""
        return np.minimum.accumulate([1.0, *(row[0] / 2**self.bits for row in self.values)])


@lru_cache(maxsize=64)
def cover_tables(eps: Fraction, least: float, points: int = 16) -> CoverTables:
    """Return tables for P(k uniforms on [-1, 1] fail to eps-cover [-1/2, 1/2]), until a bound is at most ``least``.

    points: to a doubling of the covered share, and as densely in log-odds above 1/2.

    Step: with v the old values, linear between the points and 0 beyond x_N, t = min(2x, 1) and m a lower bound of the
    mean covered share after x, any slopes s_i >= 0 give v'_i = max over x_i <= y <= t_i of v(y) + s_i (y - m_i), plus
    |s_{i+1} - s_i| (x_{i+1} - x_i)/2 for both cells at x_i. The slopes are found by bisection, in floating point; the
    values in whole numbers, rounded up. Empty for eps >= 1/2, where nothing needs to be covered.
    """
    bits = 26 + max(0, ceil(-log(least) / log(2)))
    if eps >= Fraction(1, 2):
        return CoverTables(bits, (), (), ())
    unit = 1 << bits
    grid = _grid(eps, unit, points)
    start = Fraction(grid[0], unit)
    u = (2 * eps - start) / (1 + start)
    mean = [floor(y + (1 + u) / 2 * y * (unit - y) / unit - unit * u * u / (4 + 4 * u)) for y in grid]
    rows = _Rows(grid, mean, unit)
    old = [unit] * len(grid)
    values: list[tuple[int, ...]] = []
    slopes: list[tuple[int, ...]] = []
    while old[0] > least * unit:
        slope = rows.slopes(old)
        new = rows.step(old, slope)
        if values and new[0] >= old[0] and old[0] < unit:
            break  # rounding leaves nothing to gain
        values.append(tuple(new))
        slopes.append(tuple(slope))
        old = new
    return CoverTables(bits, tuple(grid), tuple(values), tuple(slopes))


def _grid(eps: Fraction, unit: int, points: int) -> list[int]:
    """Points whose doubles are points, up to 1/2, and evenly spaced in log-odds from there to the end."""
    e0 = START_SHARE * eps
    length = 1 + 2 * (eps - e0)
    start = floor(2 * e0 / length * unit)
    u = (2 * eps - Fraction(start, unit)) / (1 + Fraction(start, unit))
    end = ceil(unit / (1 + u))
    half = unit // 2
    octave = [start * round(2 ** (k / points) * 2**40) >> 40 for k in range(points)]
    low = sorted(y << j for y in octave for j in range(unit.bit_length()) if y << j < half)
    doubled = [2 * y for y in low if half < 2 * y < end]
    top = log(end / (unit - end))
    count = max(2, ceil(top / log(2) * points))
    step = top / count
    above = [round(unit / (1 + 2.0 ** (-k * step / log(2)))) for k in range(count)] if start < half else []
    near = np.array(sorted(doubled), dtype=float)
    kept = [half] if start < half else []
    for y in above[1:]:
        if not len(near) or np.min(np.abs(near - y)) > 0.3 * step * y * (unit - y) / unit:
            kept.append(y)
    return sorted({*low, *doubled, *(y for y in kept if y < end), end} | ({start} if start >= half else set()))


class _Rows:
    """The points that the adversary may lead to from each point, as a matrix."""

    def __init__(self, grid: list[int], mean: list[int], unit: int) -> None:
        self.grid, self.mean, self.unit = grid, mean, unit
        self.top = [min(2 * y, unit) for y in grid]
        self.stop = [sum(y < z for y in grid) for z in [*self.top[1:], unit + 1]]
        x = np.array([y / unit for y in grid])
        self._x, self._mean = x, np.array([m / unit for m in mean])
        self._end = np.array([t / unit if t >= grid[-1] else -np.inf for t in self.top])
        index = np.arange(len(x))
        self._seen = (index >= index[:, None]) & (index < np.array(self.stop)[:, None])

    def slopes(self, old: list[int]) -> list[int]:
        """Return about the slopes that bound the adversary best."""
        v = np.array([y / self.unit for y in old])
        shown = np.where(self._seen, v, -np.inf)
        low = np.zeros(len(v))
        high = 50 * v / np.maximum(np.minimum(2 * self._x, 1.0) - self._mean, 1e-12)
        line = np.arange(len(v))
        with np.errstate(invalid="ignore"):
            for _ in range(_HALVINGS):
                s = (low + high) / 2
                lines = shown + s[:, None] * self._x
                best = lines.argmax(axis=1)
                at = np.where(s * self._end > lines[line, best], self._end, self._x[best])
                rising = at < self._mean
                low, high = np.where(rising, s, low), np.where(rising, high, s)
        return [round(float(s) * self.unit) for s in high]

    def step(self, old: list[int], slope: list[int]) -> list[int]:
        """Return the values that these slopes prove, in whole numbers."""
        unit, grid = self.unit, self.grid
        differences = ([b - a for a, b in pairwise(z)] for z in (slope, self.mean, grid, self.top))
        bend = [0]
        for d, m, y, t in zip(*differences, strict=True):
            bend.append(max(0, d * (m - y), d * m, max(d * m, 0) + d * (m - t) if t else 0))
        bend.append(0)
        lines = [(unit * v, y) for v, y in zip(old, grid, strict=True)]
        new = []
        for i, s in enumerate(slope):
            most = max(v + s * y for v, y in lines[i : self.stop[i]])
            if self.top[i] >= grid[-1]:
                most = max(most, s * self.top[i])
            new.append(-((4 * (s * self.mean[i] - most) - max(bend[i], bend[i + 1])) // (4 * unit)))
        return new
