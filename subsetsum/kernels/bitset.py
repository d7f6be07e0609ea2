"""Subset sums on a grid, as bits: scatter the largest items, shift-or the others, find long runs of zeros.

A pitch h (an integer) turns the item y into g = round(y / h) with error r = y - g h. The bit G of a bitset says that
some subset has grid sum G. Every subset sum s has a bit G with G h - minus <= s <= G h + plus, and every bit has such a
sum, where plus and minus add up the positive and the negative errors. So bits certify sums within plus + minus, and a
run of zeros certifies a gap, both without rounding: that is what :mod:`grid` and :mod:`gaps` build on.

Bits are kept in words[at:at + n], bit 0 of the first word standing for the grid sum ``base``; bits below ``first`` are
not to be trusted. All indices are uint64, because numba tests signed ones for negative values in every iteration.
"""

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from subsetsum.kernels import compiled
from subsetsum.kernels.halves import buffers

BLOCK = 16  # words looked at together when runs are searched
GUARD = 8  # words before each bitset; the last one is zero, since shifts read one word below the first
PITCHES = 16
PAIRED = 4000  # words from which two items are shifted in one pass
MOST_SCATTERED = 18
MOST_ITEMS = 40  # of a meet in the middle: 2^20 sums in each of two buffers
MOST_DOUBTS = 64

_ONE = np.uint64(1)
_SIX = np.uint64(6)
_LOW_SIX = np.uint64(63)
_WORD = np.uint64(64)
_HALF = np.uint64(32)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_BYTE_ONES = np.uint64(0x0101010101010101)
_BYTE_TOPS = np.uint64(0x8080808080808080)


class Scratch(NamedTuple):
    """Arrays of one thread. words: two bitsets; left, right: see :mod:`halves`; doubts: points to look at exactly.

    tally: number of bitsets built, words in them, words written by shifts; only ever added to, for benchmarks.
    """

    words: np.ndarray
    table: np.ndarray
    pitches: np.ndarray
    losses: np.ndarray
    doubts: np.ndarray
    left: np.ndarray
    right: np.ndarray
    tally: np.ndarray


class Bits(NamedTuple):
    """A finished bitset: what the module's docstring names, all in grid units but plus, minus and h."""

    h: np.int64
    minus: np.int64
    plus: np.int64
    at: np.uint64
    n: np.uint64
    base: np.int64
    first: np.int64


def scratch(words: int) -> Scratch:
    """Return the arrays of one thread for bitsets of ``words`` 64-bit words each.

    Memory: 16 bytes a word, and 24 MiB for meets in the middle and scatters. Untouched pages cost nothing.
    """
    left, right = buffers(MOST_ITEMS)
    return Scratch(
        np.empty(2 * (words + GUARD + BLOCK), np.uint64),
        np.empty(1 << MOST_SCATTERED, np.int64),
        np.empty(PITCHES),
        np.empty(PITCHES),
        np.empty((MOST_DOUBTS, 2), np.int64),
        left,
        right,
        np.zeros(3, np.int64),
    )


def _emit_trailing_zeros(typingctx, x):
    """Position of the lowest set bit of a uint64 that is not 0."""

    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), codegen


def _emit_leading_zeros(typingctx, x):
    """Number of zeros above the highest set bit of a uint64 that is not 0."""

    def codegen(context, builder, signature, args):
        return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), codegen


trailing_zeros: Any = intrinsic(_emit_trailing_zeros)
leading_zeros: Any = intrinsic(_emit_leading_zeros)


@compiled
def best_pitch(y, first, m, h, pitches, losses):
    """Return the pitch in (0.9 h, h] that rounds y[first:m] with the least sum of |errors|, among PITCHES.

    The loop over pitches is the inner one: it is the one that vectorises without reordering a sum.
    """
    for p in range(PITCHES):
        pitches[p] = 1.0 / (h * (1.0 - 0.1 / PITCHES * p))
        losses[p] = 0.0
    for i in range(first, m):
        x = np.float64(y[i])
        for p in range(PITCHES):
            u = x * pitches[p]
            losses[p] += abs(u - np.rint(u))
    best = 0
    for p in range(1, PITCHES):
        if losses[p] * pitches[best] < losses[best] * pitches[p]:
            best = p
    return np.int64(1.0 / pitches[best])


@compiled
def shift_or(words, old, new, start, stop, g):
    """new[w] = old[w] | (old << g)[w] for words start <= w < stop, of a bitset that is zero below bit 0."""
    skip = g >> _SIX
    shift = g & _LOW_SIX
    begin = max(start, min(skip, stop))
    for w in range(start, begin):
        words[new + w] = words[old + w]
    here = old - skip
    if shift == 0:  # a shift by 64 is undefined
        for w in range(begin, stop):
            words[new + w] = words[old + w] | words[here + w]
    else:
        there = here - _ONE
        back = _WORD - shift
        for w in range(begin, stop):
            words[new + w] = words[old + w] | (words[here + w] << shift) | (words[there + w] >> back)


@compiled
def shift_or_two(words, old, new, start, stop, g, g2):
    """Two of :func:`shift_or` in one pass, new = old | old << g | old << g2 | old << (g + g2), with g >= g2.

    Half the memory traffic, which is what counts once a bitset outgrows the cache. Below the words that each term
    reaches there are fewer terms; x >> (63 - s) >> 1 is x >> (64 - s) without the undefined shift by 64.
    """
    three = g + g2
    skip, skip2, skip3 = g >> _SIX, g2 >> _SIX, three >> _SIX
    shift, shift2, shift3 = g & _LOW_SIX, g2 & _LOW_SIX, three & _LOW_SIX
    back, back2, back3 = _LOW_SIX - shift, _LOW_SIX - shift2, _LOW_SIX - shift3
    here, here2, here3 = old - skip, old - skip2, old - skip3
    there, there2, there3 = here - _ONE, here2 - _ONE, here3 - _ONE
    begin = max(start, min(skip, stop))
    begin3 = max(start, min(skip3, stop))
    shift_or(words, old, new, start, begin, g2)
    for w in range(begin, begin3):
        x = words[old + w] | (words[here + w] << shift) | ((words[there + w] >> back) >> _ONE)
        words[new + w] = x | (words[here2 + w] << shift2) | ((words[there2 + w] >> back2) >> _ONE)
    for w in range(begin3, stop):
        x = words[old + w] | (words[here + w] << shift) | ((words[there + w] >> back) >> _ONE)
        x |= (words[here2 + w] << shift2) | ((words[there2 + w] >> back2) >> _ONE)
        words[new + w] = x | (words[here3 + w] << shift3) | ((words[there3 + w] >> back3) >> _ONE)


@compiled
def sweep(words, n, g, times):
    """Shift-or n words by g bits there and back ``times`` times: what the machine can do, for benchmarks."""
    old = np.uint64(GUARD)
    new = old + n + np.uint64(GUARD)
    for _ in range(times):
        shift_or(words, old, new, np.uint64(0), n, g)
        old, new = new, old


@compiled
def scatter(y, a, h, table, words, at, base, span):
    """Set the bits floor(s / h) - base of all sums s of y[:a] that lie in 0 .. span - 1; the others hit bit span."""
    inverse = 1.0 / np.float64(h)
    n = 1
    table[0] = 0
    for i in range(a):
        for k in range(n):
            table[n + k] = table[k] + y[i]
        n += n
    for k in range(n):
        bit = min(np.uint64(np.int64(np.float64(table[k]) * inverse)) - base, span)
        words[at + (bit >> _SIX)] |= _ONE << (bit & _LOW_SIX)


@compiled
def build(y, m, low, high, h, scratch):
    """Bitset of the subset sums of y[:m] between low and high at a pitch near h; n = 0 when it does not fit.

    y int64 > 0 sorted descending. Before item k only sums in [low - rest_k, high] can matter, rest_k being what the
    items from k on add up to; descending order makes that range shrink fastest.
    Time: 0.2 ns per word and item in cache, a bit more than (m - a) (high - low) / (64 h) of them, and 2^a scatters.
    """
    words = scratch.words
    room = np.int64(words.shape[0] // 2 - GUARD - BLOCK)
    a = 0
    target = (high - low) // (64 * h)
    while a < m and a < MOST_SCATTERED and (4 << a) < target:
        a += 1
    if a < m:
        h = best_pitch(y, a, m, np.float64(h), scratch.pitches, scratch.losses)
    inverse = 1.0 / np.float64(h)
    plus = np.int64(0)
    minus = np.int64(0)
    rest = np.int64(0)
    top = np.int64(0)
    for i in range(a):
        top += y[i]
    for i in range(a, m):
        g = np.int64(np.rint(np.float64(y[i]) * inverse))
        error = y[i] - g * h
        plus += max(error, np.int64(0))
        minus += max(-error, np.int64(0))
        rest += g
    if a > 0:
        # floor(s / h) in floating point: off by less than one unit in 2^50 of s
        slack = (top >> 50) + 2
        plus += h + slack
        minus += slack
    first = max((low - plus) // h - 1, np.int64(0))
    last = (high + minus) // h + 1
    base = max(first - rest, np.int64(0)) & ~np.int64(63)
    n = ((last - base) >> 6) + 1
    if n > room or n < 1:
        return Bits(h, minus, plus, np.uint64(0), np.uint64(0), base, first)
    old = np.uint64(GUARD)
    new = np.uint64(GUARD + room + BLOCK + GUARD)
    stop = np.uint64(n)
    words[new - _ONE] = 0
    for w in range(old - _ONE, old + stop + _ONE):
        words[w] = 0
    scratch.tally[0] += 1
    scratch.tally[1] += n
    scatter(y, a, h, scratch.table, words, old, np.uint64(base), np.uint64(64 * n))
    i = a
    while i < m:
        g = np.int64(np.rint(np.float64(y[i]) * inverse))
        rest -= g
        i += 1
        if n > PAIRED and i < m:
            g2 = np.int64(np.rint(np.float64(y[i]) * inverse))
            rest -= g2
            i += 1
            start = np.uint64(max(first - rest - base, np.int64(0)) >> 6)
            shift_or_two(words, old, new, start, stop, np.uint64(g), np.uint64(g2))
        else:
            start = np.uint64(max(first - rest - base, np.int64(0)) >> 6)
            shift_or(words, old, new, start, stop, np.uint64(g))
        scratch.tally[2] += np.int64(stop - start)
        old, new = new, old
    return Bits(h, minus, plus, old, stop, base, first)


@compiled
def trim(words, bits):
    """Clear the bits below first and put ones behind the last word, so that searches end; return the first position."""
    position = np.uint64(bits.first - bits.base)
    w = bits.at + (position >> _SIX)
    words[w] = (words[w] >> (position & _LOW_SIX)) << (position & _LOW_SIX)
    words[bits.at + bits.n] = ~np.uint64(0)
    return position


@compiled
def next_bit(words, at, position):
    """Position of the first set bit >= position; there must be one."""
    w = position >> _SIX
    x = words[at + w] >> (position & _LOW_SIX)
    if x != 0:
        return position + trailing_zeros(x)
    w += _ONE
    while words[at + w] == 0:
        w += _ONE
    return (w << _SIX) + trailing_zeros(words[at + w])


@compiled
def previous_bit(words, at, position):
    """Position of the last set bit <= position; there must be one."""
    w = position >> _SIX
    x = words[at + w] << (_LOW_SIX - (position & _LOW_SIX))
    if x != 0:
        return position - leading_zeros(x)
    w -= _ONE
    while words[at + w] == 0:
        w -= _ONE
    return (w << _SIX) + _LOW_SIX - leading_zeros(words[at + w])


@compiled
def _zero_runs(x, s1, s2, s3, s4, s5):
    """Bits of x at which 1 + s1 + ... + s5 zeros begin; those whose zeros would pass the top bit are cleared."""
    z = ~x
    z &= z >> s1
    z &= z >> s2
    z &= z >> s3
    z &= z >> s4
    z &= z >> s5
    return z


@compiled
def next_run(words, at, n, position, zeros):
    """First pair of neighbouring set bits p < q with p >= position and at least ``zeros`` >= 1 zeros between them.

    position: that of a set bit. Returns q = 64 n when there is none; the word after the last must be all ones.
    Blocks of words are screened by vectorised tests that every long run trips: from 15 zeros on it holds a zero byte,
    from 11 on one of the bytes or of the bytes shifted by 4; shorter runs are found by doubling in 64-bit windows at
    32-bit steps, and so are those that go on in the next block.
    """
    length = np.uint64(min(zeros, np.int64(32)))
    have = _ONE
    s1 = min(have, length - have)
    have += s1
    s2 = min(have, length - have)
    have += s2
    s3 = min(have, length - have)
    have += s3
    s4 = min(have, length - have)
    have += s4
    s5 = min(have, length - have)
    end = n << _SIX
    block = position >> _SIX
    while block < n:
        here = at + block
        beyond = here + np.uint64(BLOCK)
        # a run that ends in the next block may leave too few zeros in this one for the tests below
        seam = (words[beyond - _ONE] >> _HALF) | (words[beyond] << _HALF)
        hit = _zero_runs(seam, s1, s2, s3, s4, s5) & _LOW_HALF
        if zeros >= 15:
            for k in range(here, beyond):
                x = words[k]
                hit |= (x - _BYTE_ONES) & ~x & _BYTE_TOPS
        elif zeros >= 11:
            for k in range(here, beyond):
                x = words[k]
                u = (x >> np.uint64(4)) | (words[k + _ONE] << np.uint64(60))
                hit |= ((x - _BYTE_ONES) & ~x & _BYTE_TOPS) | ((u - _BYTE_ONES) & ~u & _BYTE_TOPS)
        else:
            for k in range(here, beyond):
                x = words[k]
                u = (x >> _HALF) | (words[k + _ONE] << _HALF)
                hit |= (_zero_runs(x, s1, s2, s3, s4, s5) | _zero_runs(u, s1, s2, s3, s4, s5)) & _LOW_HALF
        if hit != 0:
            for w in range(block, min(block + np.uint64(BLOCK), n)):
                x = words[at + w]
                u = (x >> _HALF) | (words[at + w + _ONE] << _HALF)
                begins = (_zero_runs(x, s1, s2, s3, s4, s5) & _LOW_HALF) | (_zero_runs(u, s1, s2, s3, s4, s5) << _HALF)
                origin = w << _SIX
                while begins != 0:
                    zero = origin + trailing_zeros(begins)
                    if zero < position:  # a run that ends at position, or was seen
                        begins &= begins - _ONE
                        continue
                    q = next_bit(words, at, zero)
                    p = previous_bit(words, at, zero)
                    if q >= end:
                        return p, end
                    if np.int64(q - p) > zeros:
                        return p, q
                    position = q
                    if q - origin >= _WORD:
                        break
                    begins = (begins >> (q - origin)) << (q - origin)
        block += np.uint64(BLOCK)
    return position, end
