"""Certified bounds of P(sum of iid terms < c) by lattices, for terms whose law is a mixture of uniform pieces.

Every piece is rounded to a lattice of step h: *up* for a lower bound of P(sum < c), *down* for an upper one, so that
the rounded sum is on one side of the true one in every outcome. The law of the rounded sum is a power of a discrete
Fourier transform. Errors, added or taken away: e^-32 of mass on either side of the window (Bernstein), which wraps
around, and 1e-11 (1 + n) for floating point, a first-order allowance and not interval arithmetic. So no lower bound
below 1e-11 is told from 0.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from theory.laws import Side

Array = NDArray[np.float64]

_OUTSIDE = 32.0  # -log of the probability of either side of the window


@dataclass(frozen=True)
class Law:
    """Mass on the lattice points (first + i) h, i = 0, 1, ..; the total may be below 1. Steps are powers of two."""

    mass: Array
    first: int
    step: float

    def __add__(self, other: "Law") -> "Law":
        """Return the law of the sum of independent terms."""
        size = len(self.mass) + len(other.mass) - 1
        length = 1 << (size - 1).bit_length()
        mass = np.fft.irfft(np.fft.rfft(self.mass, length) * np.fft.rfft(other.mass, length), length)[:size]
        return Law(np.maximum(mass, 0.0), self.first + other.first, self.step)


def mixture(parts: list[tuple[float, Law]]) -> Law:
    """Return the mixture of laws on one lattice with these weights."""
    first = min(law.first for _, law in parts)
    last = max(law.first + len(law.mass) for _, law in parts)
    mass = np.zeros(last - first)
    for weight, law in parts:
        mass[law.first - first : law.first - first + len(law.mass)] += weight * law.mass
    return Law(mass, first, parts[0][1].step)


def point(at: int, step: float) -> Law:
    """Return the law of the number ``at`` h."""
    return Law(np.ones(1), at, step)


def uniform(low: int, high: int, step: float, side: Side) -> Law:
    """Return the law of a uniform number on [low h, high h], low < high, rounded up ("lower") or down ("upper")."""
    return Law(np.full(high - low, 1 / (high - low)), low + (side == "lower"), step)


def below(law: Law, n: int, c: Fraction, side: Side) -> float:
    """Bound P(Y_1 + .. + Y_n < c) for the terms whose rounded law is ``law``, on the side that they are rounded for.

    With mass missing, bounded is the probability that no term is missing and the sum is below c.
    """
    last = ceil(c / Fraction(law.step)) - 1  # k h < c  <=>  k <= last
    total = float(law.mass.sum())
    if n == 0 or total == 0:
        return float(n == 0 and last >= 0)
    mass = law.mass / total
    index = np.arange(len(mass))
    mean = float(index @ mass)
    variance = float((index - mean) ** 2 @ mass)
    width = len(mass) - 1
    spread = _OUTSIDE * width / 3
    spread += sqrt(spread**2 + 2 * n * variance * _OUTSIDE)
    start = max(floor(n * mean - spread), 0)
    end = min(ceil(n * mean + spread), n * width)  # index of the sum, from n first
    length = 1 << (end - start).bit_length()
    wanted = min(last - n * law.first, end) - start + 1
    found = 0.0
    if wanted > 0:
        folded = np.zeros(length)
        np.add.at(folded, index % length, mass)
        sums = np.fft.irfft(np.fft.rfft(folded) ** n, length)
        found = float(np.roll(sums, -(start % length))[:wanted].sum())
    error = 2 * np.exp(-_OUTSIDE) + 1e-11 * (1 + n)
    found = (found - error if side == "lower" else found + error) * total**n
    return min(max(found, 0.0), 1.0)


@lru_cache(maxsize=512)
def largest_of(kept: int, count: int, step: float) -> Law:
    """Return the law of the sum of the ``kept`` largest of ``count`` uniform numbers on [-1, 1], rounded up.

    Source: given the kept-th largest, v, the larger ones are iid uniform on [v, 1], and (v + 1)/2 is
    Beta(count - kept + 1, kept). v is rounded up first, which makes the others larger, and then they are.
    """
    if kept == 0:
        return point(0, step)
    side = round(1 / step)
    edges = np.linspace(0, 1, 2 * side + 1)
    cells = np.diff(betainc(count - kept + 1, kept, edges))  # v in (t - 1, t] h, t = 1 - side .. side
    t = np.arange(1 - side, side + 1)
    cells = np.maximum(cells, 0.0)
    if kept == 1:
        return Law(cells, 1 - side, step)
    if kept == 2:
        # v + 1 + v .. side + v, each with weight / (side - v): as differences
        mass = np.zeros(4 * side + 2)
        share = cells[:-1] / (side - t[:-1])
        np.add.at(mass, 2 * t[:-1] + 1 + 2 * side, share)
        np.add.at(mass, t[:-1] + side + 1 + 2 * side, -share)
        mass = np.cumsum(mass)[:-1]
        mass[-1] = cells[-1]
        return Law(np.maximum(mass, 0.0), -2 * side, step)
    size = kept * 2 * side + 1  # the sum runs from -kept side to kept side
    length = 1 << (size + 2 * side).bit_length()
    frequency = -2j * np.pi * np.arange(length // 2 + 1) / length
    transform = np.zeros(len(frequency), complex)
    for v, weight in zip(t[:-1], cells[:-1], strict=True):
        # mean of exp(frequency k), k = v + 1 .. side: a geometric sum
        points = side - v
        with np.errstate(invalid="ignore", divide="ignore"):
            box = np.expm1(frequency * points) / np.expm1(frequency) / points
        box[0] = 1
        box *= np.exp(frequency * (v + 1))
        transform += weight * np.exp(frequency * (v + kept * side)) * box ** (kept - 1)
    transform += cells[-1] * np.exp(frequency * (2 * kept * side))
    mass = np.fft.irfft(transform, length)[:size]
    return Law(np.maximum(mass, 0.0), -kept * side, step)


@lru_cache(maxsize=64)
def least_spread(blocks: int, of: int, step: float) -> Law:
    """Return the law of the sum over blocks of the largest less the smallest of ``of`` uniform numbers on [-1, 1].

    Rounded down, each. Half of such a range is Beta(of - 1, 2).
    """
    law = point(0, step)
    for _ in range(blocks):
        law = law + Law(np.maximum(np.diff(betainc(of - 1, 2, np.linspace(0, 1, round(2 / step) + 1))), 0), 0, step)
    return law
