"""The worst-case error of one problem: the largest distance of a point of a window from its nearest subset sum, exact.

Bitsets of finer and finer pitch bracket it: the longest run of zeros certifies a lower bound, and the same run plus
all rounding is an upper bound. Once the lower bound is a few roundings long, the runs that could still exceed it
are few; the gaps behind them are found exactly, longest first. The cost is that of the last bitset and a third.
"""

import numpy as np

from subsetsum.kernels import chains, compiled
from subsetsum.kernels.bitset import MOST_DOUBTS, MOST_ITEMS, build, next_bit, next_run, previous_bit, trim
from subsetsum.kernels.grid import FINEST, at_point, exact_reach, reach_of
from subsetsum.kernels.halves import split


@compiled
def _note(doubts, count, c, upper):
    """Append a point c whose gap may reach ``upper``, if there is room; return the number of points there would be."""
    if count < MOST_DOUBTS:
        doubts[count, 0] = c
        doubts[count, 1] = upper
    return count + 1


@compiled
def _survey(y, m, lo, hi, least, most, pitch, scratch):
    """Narrow least <= worst <= most (least may also be a floor) with one bitset: (least, most, count of doubts).

    With count >= 0, a worst case above the new least is that of one of the scratch's doubts; when they are more
    than fit, only the first ones are kept. count = -1: the pitch is too coarse to tell; -2: the bitset does not fit.
    """
    words = scratch.words
    margin = (most >> 1) + 2  # no gap reaches further beyond the window
    bits = build(y, m, lo - margin, hi + margin, pitch, scratch)
    h, minus, plus, at, n, base, _ = bits
    if n == 0:
        return least, most, -2
    spread = minus + plus
    first = next_bit(words, at, trim(words, bits))
    end = n << np.uint64(6)
    if first >= end:  # too coarse to see that a sum lies within most / 2 of the window
        return least, most, -1
    start = (np.int64(first) + base) * h
    stop = (np.int64(previous_bit(words, at, end - np.uint64(1))) + base) * h
    least = max(least, 2 * (start - minus - lo), 2 * (hi - stop - plus))
    upper = max(least, 2 * (start + plus - lo), 2 * (hi - stop + minus))
    zeros = max((least - spread) // h, 1)
    p, q = next_run(words, at, n, first, zeros)
    while q < end:
        low = (np.int64(p) + base) * h
        high = (np.int64(q) + base) * h
        least = max(least, reach_of(low + plus, high - minus, lo, hi))
        upper = max(upper, reach_of(low - minus, high + plus, lo, hi))
        zeros = max(zeros, np.int64(q - p))
        p, q = next_run(words, at, n, q, zeros)
    # runs that were passed over are shorter than the longest seen
    most = min(most, max(upper, zeros * h + spread))
    if least < 2 * spread + 8:
        return least, most, -1
    doubts = scratch.doubts
    count = 0
    if 2 * (start + plus - lo) > least:
        count = _note(doubts, count, lo, 2 * (start + plus - lo))
    if 2 * (hi - stop + minus) > least:
        count = _note(doubts, count, hi, 2 * (hi - stop + minus))
    zeros = (least - spread) // h
    p, q = next_run(words, at, n, first, zeros)
    while q < end and count <= MOST_DOUBTS:
        low = (np.int64(p) + base) * h
        high = (np.int64(q) + base) * h
        upper = reach_of(low - minus, high + plus, lo, hi)
        if upper > least:
            count = _note(doubts, count, (low + plus + high - minus) >> 1, upper)
        p, q = next_run(words, at, n, q, zeros)
    return least, most, count


@compiled
def _resolve(y, m, lo, hi, least, most, count, scratch):
    """Largest exact reach among the first ``count`` doubts, or least; those that may reach most are looked at first."""
    lists = split(y, m, scratch.left, scratch.right)
    doubts = scratch.doubts
    for _ in range(count):
        k = np.argmax(doubts[:count, 1])
        if doubts[k, 1] <= least:
            break
        doubts[k, 1] = -1
        reach = exact_reach(y, m, lo, hi, most + 1, doubts[k, 0], lists, scratch.left, scratch.right)
        least = max(least, reach)
    return least


@compiled
def _bisect(y, m, lo, hi, least, most):
    """Smallest eps2 in [least, most] that covers, by exact decisions; most is known to cover."""
    room = chains.new_scratch(256)
    trial = least  # with tied gaps the first guess is right as a rule
    while least < most:
        covered, room = chains.decide(y, m, lo, hi, trial, room)
        if covered:
            most = trial
        else:
            least = trial + 1
        trial = least + ((most - least) >> 1)
    return most


@compiled
def worst(y, m, lo, hi, floor2, scratch):
    """Twice the largest distance of a point of [lo, hi] from its nearest subset sum of y[:m], or floor2 if it is less.

    y: (m,) int64 > 0 sorted descending, sum below 2^61; lo <= hi in the same units. Exact, an integer: the smallest
    eps2 with which :func:`grid.decide` says 1. scratch: :func:`grid.scratch` for eps2 = floor2 or the smallest answer
    expected. Where it is too small, where gaps are tied by the dozen or m > MOST_ITEMS, the answer comes from a
    bisection over decisions by chain unions, exact too, but some 50 times slower.
    """
    total = np.int64(0)
    for i in range(m):
        total += y[i]
    least = max(floor2, -2 * lo, 2 * (hi - total))
    # neighbouring sums differ by at most the largest item; the targets beyond 0 and total are those of `least`
    most = max(least, y[0]) if m > 0 else max(least, 2 * max(abs(lo), abs(hi)))
    if lo + hi > total:
        lo, hi = total - hi, total - lo
    if lo == hi and m <= MOST_ITEMS:
        return max(floor2, at_point(y, m, lo, scratch))
    pitch = max((hi - lo) >> 10, FINEST)
    while least < most:
        least, most, count = _survey(y, m, lo, hi, least, most, pitch, scratch)
        if least >= most:
            break
        settled = 0 <= count <= MOST_DOUBTS
        if count >= 0 and m <= MOST_ITEMS:
            least = _resolve(y, m, lo, hi, least, most, min(count, MOST_DOUBTS), scratch)
            if settled:
                return least
        finer = min(pitch // 4, np.int64(np.float64(least) / (10.0 + 0.4 * m)))
        finer = max(finer, pitch // 16)
        tied = count > MOST_DOUBTS and pitch < least // 64
        if tied or m > MOST_ITEMS or count == -2 or finer < FINEST:
            return _bisect(y, m, lo, hi, least, most)
        pitch = finer
    return least
