"""Sums with a prescribed number of kept variables as bits: one bitset a level, certified both ways.

A pitch h turns the value x into g = round(x / h) with error x - g h, of either sign. The bit G of level c says that
some walk of :mod:`kept` to that level has grid sum G. Its sum lies between G h + under and G h + over, where under and
over are the least and the greatest sum of errors of a walk to that level. So bits certify sums, and runs of zeros
certify gaps, as in :mod:`bitset`; what they leave open takes a finer pitch, and in the end :mod:`kept_chains`.

The item g is one shift-or a level, in place from the highest level down. A row holds, at every step, the words in which
sums can lie from which the end can still be reached; one word of zeros stands on either side of them. Levels share
rows: level c has row c mod (columns + 1).
"""

from typing import NamedTuple

import numpy as np

from subsetsum.kernels import compiled, kept_chains
from subsetsum.kernels.bitset import BLOCK, PITCHES, best_pitch, next_bit, next_run, previous_bit
from subsetsum.kernels.grid import FINEST, reach_of
from subsetsum.kernels.kept import FEW, NEVER, extremes, needed

MOST_WORDS = 2**22  # of all rows: 32 MiB, of which only what a trial touches takes memory
ATTEMPTS = 3  # pitches, each a third of the one before

_ONE = np.uint64(1)
_SIX = np.uint64(6)
_LOW_SIX = np.uint64(63)


class Room(NamedTuple):
    """Arrays of one thread. low, high: tables (n + 1, columns) of ranges; first, stop: words of a row in use."""

    words: np.ndarray
    low: np.ndarray
    high: np.ndarray
    g: np.ndarray
    errors: np.ndarray
    under: np.ndarray
    over: np.ndarray
    first: np.ndarray
    stop: np.ndarray
    pitches: np.ndarray
    losses: np.ndarray


def new_room(n: int, columns: int) -> Room:
    """Return the arrays for walks of up to n variables with so many columns: 16 bytes a place, and up to 32 MiB."""
    shapes = [(n + 1, columns)] * 2 + [(n,)] * 2 + [(columns + 1,)] * 4
    arrays = [np.empty(shape, np.int64) for shape in shapes]
    return Room(np.empty(MOST_WORDS, np.uint64), *arrays, *(np.empty(PITCHES) for _ in range(2)))


@compiled
def _ranges(g, walk, m, low, high):
    """Narrow the tables of what is needed to what can be there; return the least and the greatest of all.

    Where nothing is left of a place, low > high there; where nothing is left at all, the least is above the greatest.
    """
    least, most = walk.least, walk.most
    bottom = NEVER
    top = -NEVER
    low[0, 0], high[0, 0] = max(low[0, 0], 0), min(high[0, 0], 0)
    if low[0, 0] <= high[0, 0]:
        bottom = top = np.int64(0)
    for k in range(m):
        last = most[k] - least[k]
        for c in range(least[k + 1], most[k + 1] + 1):
            stay = c - least[k]
            below = NEVER
            above = -NEVER
            if stay <= last and low[k, stay] <= high[k, stay]:
                below = low[k, stay]
                above = high[k, stay]
            if stay > 0 and low[k, stay - 1] <= high[k, stay - 1]:
                below = min(below, low[k, stay - 1] + g[k])
                above = max(above, high[k, stay - 1] + g[k])
            i = c - least[k + 1]
            low[k + 1, i] = below = max(below, low[k + 1, i])
            high[k + 1, i] = above = min(above, high[k + 1, i])
            if below <= above:
                bottom = min(bottom, below)
                top = max(top, above)
    return bottom, top


@compiled
def _shift_or(words, old, new, first, stop, first2, stop2, g):
    """new |= old << g, of which the words first2 .. stop2 - 1 are in use, for words first .. stop - 1.

    old and new: where word 0 of either row would be. One word of zeros stands on either side of the words in use.
    """
    skip = g >> 6
    shift = np.uint64(g & 63)
    back = _LOW_SIX - shift
    first = max(first, first2 + skip)
    stop = min(stop, stop2 + skip + 1)
    if first < stop:
        here = np.uint64(old - skip)
        there = np.uint64(old - skip - 1)
        target = np.uint64(new)
        for w in range(np.uint64(first), np.uint64(stop)):
            words[target + w] |= (words[here + w] << shift) | ((words[there + w] >> back) >> _ONE)


@compiled
def build(walk, m, room):
    """Fill the rows of all levels at the end for the grid values room.g; return (origin, words of a row).

    room.low, room.high: what is needed at the end in row m. Word w of row r stands for the grid sums from
    64 (origin + w) on and is words[r * length + w]; room.first, room.stop: the words in use. Where the rows do not fit,
    the answer is (0, 0).
    """
    words, low, high, g = room.words, room.low, room.high, room.g
    least, most = walk.least, walk.most
    needed(g, walk, m, low, high)
    bottom, top = _ranges(g, walk, m, low, high)
    rows = room.first.shape[0]
    length = np.int64(3)
    origin = np.int64(0)
    if bottom <= top:
        origin = (bottom >> 6) - 1
        length = (top >> 6) - origin + 2
    if length > (words.shape[0] - 2 * BLOCK) // rows:
        return np.int64(0), np.int64(0)
    first, stop = room.first, room.stop
    first[0] = stop[0] = 1
    if low[0, 0] <= high[0, 0]:
        zero = -origin
        words[zero - 1] = words[zero + 1] = 0
        words[zero] = 1
        first[0], stop[0] = zero, zero + 1
    for k in range(m):
        slot = most[k + 1] % rows
        for c in range(most[k + 1], least[k + 1] - 1, -1):
            i = c - least[k + 1]
            before = slot - 1 if slot > 0 else rows - 1
            at = slot * length
            some = low[k + 1, i] <= high[k + 1, i]
            begin = (low[k + 1, i] >> 6) - origin if some else np.int64(1)
            end = (high[k + 1, i] >> 6) - origin + 1 if some else begin
            if some:
                old = min(max(first[slot], begin), end) if c <= most[k] else end
                old_end = max(min(stop[slot], end), old) if c <= most[k] else end
                for w in range(begin - 1, old):
                    words[at + w] = 0
                for w in range(old_end, end + 1):
                    words[at + w] = 0
                if c > least[k] and first[before] < stop[before]:
                    _shift_or(words, before * length, at, begin, end, first[before], stop[before], g[k])
            first[slot], stop[slot] = begin, end
            slot = before
    return origin, length


@compiled
def _verdict(words, at, n, base, h, under, over, lo, hi, eps2):
    """Do the sums behind n words of bits eps-cover [lo, hi]? 1 yes, 0 no, -1 the bits do not tell."""
    if n == 0:
        return 0
    end = np.uint64(n) << _SIX
    words[at + np.uint64(n)] = ~np.uint64(0)
    p = next_bit(words, at, np.uint64(0))
    if p >= end:
        return 0
    start = (np.int64(p) + base) * h
    stop = (np.int64(previous_bit(words, at, end - _ONE)) + base) * h
    if 2 * (start + under - lo) > eps2 or 2 * (hi - stop - over) > eps2:
        return 0
    told = 2 * (start + over - lo) <= eps2 and 2 * (hi - stop - under) <= eps2
    zeros = (eps2 - (over - under)) // h
    told = told and zeros >= 1
    zeros = max(zeros, np.int64(1))
    p, q = next_run(words, at, np.uint64(n), p, zeros)
    while q < end:
        low = (np.int64(p) + base) * h
        high = (np.int64(q) + base) * h
        if reach_of(low + over, high + under, lo, hi) > eps2:
            return 0
        told = told and reach_of(low + under, high + over, lo, hi) <= eps2
        p, q = next_run(words, at, np.uint64(n), q, zeros)
    return 1 if told else -1


@compiled
def look(walk, m, los, his, eps2, pitch, room, answers):
    """Set answers[c, t], where it is -1, to 1 or 0 if bits tell whether the sums of level c cover [los[t], his[t]].

    c counts from 0 over the levels at the end. Nothing is done where the bits do not fit.
    """
    x, g, errors = walk.x, room.g, room.errors
    columns = walk.most[m] - walk.least[m] + 1
    h = best_pitch(x, 0, m, np.float64(pitch), room.pitches, room.losses)
    inverse = 1.0 / np.float64(h)
    for k in range(m):
        g[k] = np.int64(np.rint(np.float64(x[k]) * inverse))
        errors[k] = x[k] - g[k] * h
    extremes(errors, walk, m, room.under, room.over)
    margin = (eps2 + 1) >> 1
    low = np.min(los) - margin
    high = np.max(his) + margin
    for i in range(columns):
        room.low[m, i] = (low - room.over[i]) // h
        room.high[m, i] = -((room.under[i] - high) // h)
    origin, length = build(walk, m, room)
    if length == 0:
        return
    rows = room.first.shape[0]
    for i in range(columns):
        slot = (walk.least[m] + i) % rows
        first = room.first[slot]
        at = np.uint64(slot * length + first)
        n = room.stop[slot] - first
        for t in range(los.shape[0]):
            if answers[i, t] < 0:
                if t > 0 and answers[i, 0] == 1 and los[0] <= los[t] and his[t] <= his[0]:
                    answers[i, t] = 1
                    continue
                answers[i, t] = _verdict(
                    room.words, at, n, 64 * (origin + first), h, room.under[i], room.over[i], los[t], his[t], eps2
                )


@compiled
def first_pitch(eps2, m):
    """Return a pitch at which some seven zeros in a row are no doubt yet, see :mod:`grid`."""
    return np.int64(np.float64(eps2) / max(8.0 + 0.2 * m, 2.0 + 0.5 * m))


@compiled
def settle(walk, m, los, his, eps2, pitch, room, lists, answers):
    """Set answers[c, t], where they are -1, exactly; return the lists of chains to go on with.

    Arguments as of :func:`look`; answers has a row for each level at the end. Bits go first, from ``pitch`` on.
    """
    for _ in range(ATTEMPTS):
        if m > FEW or pitch < FINEST or np.all(answers >= 0):
            break
        look(walk, m, los, his, eps2, pitch, room, answers)
        pitch //= 3
    if np.any(answers < 0):
        room.low[m, : answers.shape[0]] = np.min(los) - (eps2 >> 1)
        room.high[m, : answers.shape[0]] = np.max(his) + (eps2 >> 1)
        lists = kept_chains.build(walk, m, room.low, room.high, eps2, lists)
        a, b, starts, _, _, _ = lists
        for i in range(answers.shape[0]):
            for t in range(los.shape[0]):
                if answers[i, t] < 0:
                    answers[i, t] = kept_chains.covered(a, b, starts[i], starts[i + 1], los[t], his[t], eps2)
    return lists
