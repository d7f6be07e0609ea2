"""Necessary by reach, where a choice keeps a given number of variables: its largest sum has to come near the target.

*Fixed size.* Let the *threshold* be the smallest value that the largest choice takes from the free ones. If v is the
threshold, v belongs to one of n variables, and k - 1 of the others are locked or free with a larger value: given that,
the others of the k that are kept are iid, and the threshold lies in (v, w] with probability

    P(Bin(n, q + f (1 - v)/2) >= k) - P(Bin(n, q + f (1 - w)/2) >= k).

Given a threshold in (v, w], each of the other k - 1 is at most (stochastically) a number that is uniform on [-1, w]
with probability q (1 + w)/2 / (q + f (1 - v)/2), and on [w, 1] else. So the sum is at most w plus k - 1 of those, whose
law is a Fourier series. Where the number j of the free ones is given instead (:class:`slt.core.keep.Size`), the same
holds given the number of locked ones, with j of the others, f/(1 - q) for f and no lock.

*Groups* are independent, and so are their largest sums; their laws are rounded up to a lattice.

*Both ends.* That the smallest sum is above -c is the mirror image of the event A that the largest is below c. Given
both, the largest less the smallest is below 2 c. With i = min(j, m - j) and the m free values cut into i blocks, it is
at least the sum over the blocks of the largest less the smallest value: i values go up, i others come down.
"""

from fractions import Fraction
from functools import lru_cache
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from slt.core.keep import Groups, Share, Size
from slt.core.rates import Rates
from theory.kept_lattice import Law, below, largest_of, least_spread, mixture, point, uniform
from theory.kept_states import group_compliance, parts_of
from theory.laws import below_table, binomial_weights, most, weight_error

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

_OUTSIDE = 32.0  # -log of the probability of either side of the window
_MOST_WAVES = 4096
_BLOCKS = 64
_POINTS = 512  # of the lattice on which ranges are added
_SMALL = 1e-12  # probability of a cell of the threshold that is left out


def reach_of_size(n: int, eps: float, keep: Size | Share, rates: Rates, radius: float, coarse: bool = False) -> float:
    """Bound P(a draw complies, and its largest sum is below radius - eps) from below, for n variables.

    Relation: proven; rounded down by some 1e-11 (1 + n). coarse: wide cells of the threshold, a smaller bound sooner.
    """
    kept = keep.count if isinstance(keep, Size) else keep.kept(n)
    if not 0 < kept <= n:
        return 0.0
    cells = 2.0 ** min(5 + kept.bit_length() - 3 * coarse, 11)
    edges = np.arange(-cells, cells + 1) / cells
    if isinstance(keep, Share):
        locked = np.zeros(1, np.int64)
        chance = rates.lock + rates.free * (1 - edges) / 2
        weight = -np.diff(_at_least(n, chance, kept))[:, None]
        low_share = share_below(edges[:-1], edges[1:], rates)
    else:
        locked = np.arange(most(n, rates.lock) + 1)
        chance = rates.free / (1 - rates.lock) * (1 - edges) / 2
        weight = -np.diff(_at_least(n - locked, chance[:, None], kept), axis=0)
        weight = weight * binomial_weights(n, rates.lock, locked) * (1 - weight_error(n))
        low_share = np.zeros(len(edges) - 1)
    used = np.flatnonzero(weight[:-1].sum(axis=1) > _SMALL)  # in the last cell larger values have no room
    c = float(radius) - float(eps) - 1e-12
    value = _below(c, edges[1:][used], low_share[used], kept - 1, locked, weight[used])
    all_locked = float(binomial_weights(n, rates.lock, kept)) if isinstance(keep, Share) else 0.0
    if all_locked > _SMALL:
        value += all_locked * float(below_table(c, kept, 0, side="lower")[kept, 0]) * (1 - weight_error(n))
    return max(value - 1e-11 * (1 + n), 0.0)


def share_below(v: Array, w: Array, rates: Rates) -> Array:
    """Return q (1 + w)/2 / (q + f (1 - v)/2), v <= w: the least share of the kept ones that is below w.

    Statement: for every threshold u in [v, w] the law of a kept number (locked, or free and above u) is at most that of
    one uniform on [-1, w] with this probability and on [w, 1] else.
    Proof. Let pi(u) = q + f (1 - u)/2, which falls. P(kept number <= x) is q (1 + x)/2 / pi(u) for x < u, so at least
    q (1 + x)/2 / pi(v); and for u <= x <= w it is larger still. For x >= w it is 1 - (q + f)(1 - x)/2 / pi(u), at least
    1 - (q + f)(1 - x)/2 / pi(w). The law here lies below both: it is linear on [w, 1] from q (1 + w)/2 / pi(v), at
    most q (1 + w)/2 / pi(w) = 1 - (q + f)(1 - w)/2 / pi(w), to 1.
    """
    return rates.lock * (1 + w) / 2 / (rates.lock + rates.free * (1 - v) / 2)


def _at_least(n: NDArray[np.int64] | int, chance: Array, k: int) -> Array:
    """P(Bin(n, chance) >= k), k >= 1, broadcast; 0 where k is above n."""
    n = np.asarray(n)
    return np.where(n >= k, betainc(k, np.maximum(n - k, 0) + 1, np.clip(chance, 0, 1)), 0.0)


def _below(c: float, top: Array, low_share: Array, others: int, locked: NDArray[np.int64], weight: Array) -> float:
    """Bound sum over cells and locked ones of weight P(top + V_1 + .. + V_others + U_1 + .. + U_locked < c) from below.

    top, low_share: (cells,); V is uniform on [-1, top] with probability low_share and on [top, 1] else, U on [-1, 1].
    weight: (cells, locked). The law is put on a circle, and its Fourier series cut off. Errors: what wraps around
    (Bernstein); what is cut off: |E exp(i w V)| <= min(1, A/w), and two coefficients of a half-line of at most 1/(pi k)
    each. With N terms that have A <= w at the last wave and size s there, that adds up to at most 2 s/(pi N).
    """
    if not len(top):
        return 0.0
    if others == 0 and locked[0] == 0:  # the threshold alone
        alone = float(weight[top < c, 0].sum())
        return alone + (_below(c, top, low_share, 0, locked[1:], weight[:, 1:]) if len(locked) > 1 else 0.0)
    low_mean, high_mean = (top - 1) / 2, (top + 1) / 2
    mean = low_share * low_mean + (1 - low_share) * high_mean
    second = low_share * (low_mean**2 + (1 + top) ** 2 / 12) + (1 - low_share) * (high_mean**2 + (1 - top) ** 2 / 12)
    spread = others * np.maximum(second - mean**2, 0).max() + int(locked.max()) / 3
    half = 2 * _OUTSIDE / 3
    half += sqrt(half**2 + 2 * spread * _OUTSIDE)
    half = min(half, float(2 * others + locked.max()) + 1)
    start = top + others * mean - half
    period = 2 * half
    end = np.clip(c, start, start + period)
    found = (end - start) / period * weight.sum(axis=1)
    # |E exp(i w V)| <= decay / w
    decay = 2 * low_share / (1 + top) + 2 * (1 - low_share) / (1 - top)
    base = 2 * pi / period
    waves, cut = 32, np.ones(len(top))
    while waves < _MOST_WAVES and cut.sum() > _SMALL:
        waves *= 2
        last = base * waves
        # only terms that have begun to fall by the last wave fall beyond it; with none, all of the weight is given up
        terms = others * (decay <= last)[:, None] + locked * (last >= 1)
        size = np.minimum(decay / last, 1)[:, None] ** others * min(1 / last, 1) ** locked
        cut = (weight * np.where(terms > 0, np.minimum(2 / pi * size / np.maximum(terms, 1), 2), 2)).sum(axis=1)
    chunk = max(1, 400_000 // waves)
    k = np.arange(1, waves + 1)
    omega = base * k
    power = np.sinc(omega / pi) ** locked[:, None]
    for first in range(0, len(top), chunk):
        part = slice(first, first + chunk)
        t, share = top[part, None], low_share[part, None]
        wave = share * np.exp(1j * omega * (t - 1) / 2) * np.sinc(omega * (1 + t) / 2 / pi)
        wave = wave + (1 - share) * np.exp(1j * omega * (t + 1) / 2) * np.sinc(omega * (1 - t) / 2 / pi)
        wave = wave**others * (weight[part] @ power)
        half_line = np.exp(1j * omega * (t - start[part, None])) - np.exp(1j * omega * (t - end[part, None]))
        found[part] += 2 * (half_line * wave / (1j * omega * period)).real.sum(axis=1)
    error = cut + (2 * np.exp(-_OUTSIDE) + 1e-12 * (1 + others)) * weight.sum(axis=1)
    return float(np.maximum(found - error, 0.0).sum())


def either_end(one: float, both: float, rates: Rates) -> float:
    """Bound P(A or B) from below, B the mirror image of A; one: a lower bound of P(A), both: an upper one of P(A and
    B).

    Where nothing is frozen P(A and B) is at most P(A) P(B), too (Harris 1960): the largest and the smallest sum rise
    with every value, so A is a falling event of independent values and B a rising one. And 2 x - x^2 rises with x.
    """
    return max(one, 2 * one - both, one * (2 - one) if rates.freezing == 0 else 0.0)


def both_ends(short: float, chosen: Whole, free: Whole, weight: Array) -> float:
    """Bound P(the largest sum is below c and the smallest above -c) from above, c = short.

    chosen of the free ones, free and probability: of the states in which a draw complies.
    """
    pairs = np.minimum(chosen, free - chosen)
    value = np.ones(len(pairs))
    for blocks in np.unique(pairs[pairs > 0]):
        rows = pairs == blocks
        size = free[rows] // blocks
        several = np.unique(size)
        bound = np.array([_ranges_below(2 * short, int(of))[min(blocks, _BLOCKS)] for of in several])
        value[rows] = bound[np.searchsorted(several, size)]
    return float(weight @ value) * (1 + 1e-9)


@lru_cache(maxsize=512)
def _ranges_below(short: float, of: int) -> Array:
    """Bound P(R_1 + .. + R_i < short) from above, i = 0 .. 64; R: largest less smallest of ``of`` uniforms on [-1, 1].

    R/2 is Beta(of - 1, 2). Each is rounded down to a multiple of short / 512.
    """
    edges = np.linspace(0, max(short, 0.0) / 2, _POINTS + 1).clip(max=1)
    mass = np.diff(betainc(of - 1, 2, edges)) * (1 + 1e-9)
    found = [float(short > 0)]
    law = np.zeros(_POINTS)
    law[0] = 1
    for _ in range(_BLOCKS):
        law = np.maximum(np.convolve(law, mass)[:_POINTS], 0.0)
        found.append(min(float(law.sum()), 1.0))
    return np.array(found)


def reach_of_groups(
    groups: int, eps: float, keep: Groups, rates: Rates, radius: float, *, two_sided: bool, coarse: bool = False
) -> float:
    """Bound P(a group cannot comply, or no choice comes near radius (or -radius)) from below, for so many groups."""
    step = 2.0 ** (-6 if coarse else -10 if keep.kept < 3 else -9 if keep.of < 5 else -8)
    short = Fraction(radius) - Fraction(eps)
    unable = 1 - group_compliance(keep, rates) ** groups * (1 + 1e-12 * groups)
    one = below(_group_law(keep, rates, step), groups, short, "lower")
    both = one
    if two_sided and one > 0:
        both = either_end(one, below(_group_spread(keep, rates, step), groups, 2 * short, "upper"), rates)
    return min(max(unable, 0.0) + both, 1.0)


def _group_law(keep: Groups, rates: Rates, step: float) -> Law:
    unit = round(1 / step)
    parts = []
    for weight, locked, free, kept in parts_of(keep, rates):
        law = largest_of(kept, free, step)
        for _ in range(locked):
            law = law + uniform(-unit, unit, step, "lower")
        parts.append((weight, law))
    return mixture(parts) if parts else Law(point(0, step).mass * 0, 0, step)


def _group_spread(keep: Groups, rates: Rates, step: float) -> Law:
    parts = []
    for weight, _, free, kept in parts_of(keep, rates):
        blocks = min(kept, free - kept)
        parts.append((weight, least_spread(blocks, free // max(blocks, 1), step)))
    return mixture(parts) if parts else Law(point(0, step).mass * 0, 0, step)
