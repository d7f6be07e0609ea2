"""Is every point of a window within eps of a subset sum? Decided on a bitset, certified, exact where bits do not tell.

A gap between neighbouring sums s < s' leaves uncovered, of the targets in [lo, hi], at most what :func:`reach_of`
says: twice the largest distance. A long enough run of zeros is a gap for certain (answer 0); when every run is short
enough to be covered despite all rounding, so is the window (answer 1). The few runs in between are looked at exactly: a
point in the middle of one lies in one gap, whose two ends are found among all 2^m sums by meet in the middle.
"""

import numpy as np

from subsetsum.kernels import bitset, compiled
from subsetsum.kernels.bitset import (
    MOST_DOUBTS,
    MOST_ITEMS,
    Scratch,
    build,
    next_bit,
    next_run,
    previous_bit,
    trim,
)
from subsetsum.kernels.halves import neighbours, split

ENOUGH = 36  # largest items that are tried alone first: more items only add sums
FINEST = 64  # least pitch: below it rounding to whole units would spoil the search for a good one
MOST_WORDS = 2**26  # of one bitset: 1 GiB for the two


def scratch(eps2: int, total: int, m: int) -> Scratch:
    """Return the arrays of one thread for decisions at ``eps2`` and coarser ones.

    total: bound on the sum of y (with the gap length eps2 added at both ends by this function), m: bound on the
    number of items. Memory: two bitsets of ``total / h`` bits, where the pitch h is eps2 / 12 for up to 20 items
    and eps2 / m for many, so about 4 total / eps2 bytes (eps = 1e-6 and total = 30: 60 MB), at most 1 GiB; the
    second, three times finer attempt has room too. Plus 24 MiB. Only pages that a trial touches take memory: its sums
    near the window, typically a fifth. Problems that do not fit are answered by -1.
    """
    bits = 3 * (total + 2 * eps2) / (0.9 * _pitch(eps2, min(m, 4096)) + 1)
    return bitset.scratch(int(min(bits / 64 + 2, MOST_WORDS)))


@compiled
def _pitch(eps2, m):
    """Pitch at which about seven zeros in a row are no doubt yet, the rounding of m items being about m h / 5.

    Resolving doubts needs that rounding to stay below eps2 / 2.
    """
    return np.int64(np.float64(eps2) / max(8.0 + 0.2 * m, 2.0 + 0.5 * m))


@compiled
def reach_of(s, s2, lo, hi):
    """Twice the largest distance from s and s2 among the targets of [lo, hi] between them, or less than 0."""
    return min(s2 - s, 2 * (s2 - lo), 2 * (hi - s))


@compiled
def exact_reach(y, m, lo, hi, bound, c, lists, left, right):
    """:func:`reach_of` for the gap that holds c, exact up to ``bound``."""
    below, above = neighbours(y, m, left, right, lists, c)
    # where there is no sum on a side, any sum further than bound does as well
    return reach_of(max(below, lo - bound), min(above, hi + bound), lo, hi)


@compiled
def at_point(y, m, z, scratch):
    """Twice the distance of z from its nearest subset sum; m <= MOST_ITEMS."""
    lists = split(y, m, scratch.left, scratch.right)
    below, above = neighbours(y, m, scratch.left, scratch.right, lists, z)
    return 2 * min(z - below, above - z)


@compiled
def _look(y, m, lo, hi, eps2, pitch, scratch):
    """Decide on one bitset: 1 covered, 0 not covered, -1 unknown. lo < hi."""
    words = scratch.words
    margin = (eps2 + 1) >> 1
    bits = build(y, m, lo - margin, hi + margin, pitch, scratch)
    h, minus, plus, at, n, base, _ = bits
    spread = minus + plus
    # a doubtful gap is longer than eps2, its run of zeros certifies all but 2 spread of it: something must be left
    if n == 0 or 2 * spread + 8 > eps2:
        return -1
    doubts = scratch.doubts
    count = 0
    p = next_bit(words, at, trim(words, bits))
    end = n << np.uint64(6)
    if p >= end:
        return 0
    value = (np.int64(p) + base) * h
    if 2 * (value - minus - lo) > eps2:
        return 0
    if 2 * (value + plus - lo) > eps2:
        doubts[count, 0] = lo
        count += 1
    value = (np.int64(previous_bit(words, at, end - np.uint64(1))) + base) * h
    if 2 * (hi - value - plus) > eps2:
        return 0
    if 2 * (hi - value + minus) > eps2:
        doubts[count, 0] = hi
        count += 1
    zeros = (eps2 - spread) // h
    p, q = next_run(words, at, n, p, zeros)
    while q < end:
        low = (np.int64(p) + base) * h + plus
        high = (np.int64(q) + base) * h - minus
        if reach_of(low, high, lo, hi) > eps2:
            return 0
        if count == MOST_DOUBTS:
            return -1
        doubts[count, 0] = (low + high) >> 1
        count += 1
        p, q = next_run(words, at, n, q, zeros)
    if count == 0:
        return 1
    if m > MOST_ITEMS:
        return -1
    lists = split(y, m, scratch.left, scratch.right)
    for k in range(count):
        if exact_reach(y, m, lo, hi, eps2 + 1, doubts[k, 0], lists, scratch.left, scratch.right) > eps2:
            return 0
    return 1


@compiled
def decide(y, m, lo, hi, eps2, scratch):
    """Is every real point of [lo, hi] within eps2 / 2 of a subset sum of y[:m]? 1 yes, 0 no, -1 undecided.

    y: (m,) int64 > 0 sorted descending, sum below 2^61; lo <= hi and eps2 in the same units, |lo|, |hi| < 2^62.
    Answers 1 and 0 are exact. -1 only when more than MOST_DOUBTS gaps are tied with eps2 (lattice inputs), when there
    are doubts and m > MOST_ITEMS, when eps2 is below about a thousand units, or when the scratch is too small.
    Time per trial at the 50 % point of p = .4, q = .3: 0.6, 1.5, 9, 900 us at eps = 1e-2, 1e-3, 1e-4, 1e-6.
    """
    total = np.int64(0)
    for i in range(m):
        total += y[i]
    if -2 * lo > eps2 or 2 * (hi - total) > eps2:
        return 0
    # 2^m sums cover at most 2^m intervals of length eps2
    if m < 60 and np.float64(hi - lo) > np.float64(eps2) * np.float64(np.int64(1) << m) * (1 + 2.0**-40):
        return 0
    if lo == hi:
        if m > MOST_ITEMS:
            return -1
        return 1 if at_point(y, m, lo, scratch) <= eps2 else 0
    if lo + hi > total:  # s -> total - s maps the sums to themselves; the lower half has the shorter bitset
        lo, hi = total - hi, total - lo
    if m > ENOUGH:
        pitch = _pitch(eps2, ENOUGH)
        if pitch >= FINEST and _look(y, ENOUGH, lo, hi, eps2, pitch, scratch) == 1:
            return 1
    pitch = _pitch(eps2, m)
    for _ in range(2):
        if pitch < FINEST:
            return -1
        answer = _look(y, m, lo, hi, eps2, pitch, scratch)
        if answer >= 0:
            return answer
        pitch //= 3
    return -1
