"""Exact nearest subset sums of a point by meet in the middle: two sorted half lists and four scans at once.

Two items are held out and the rest is dealt to two halves. Both half lists are grown by merges that run from
both ends, so that no step tests a bound, and the four targets ``t, t - y0, t - y1, t - y0 - y1`` are scanned
in one loop: the four chains of dependent loads hide each other's latency.

Levels: the sorted list of the first k items of a half starts at ``(1 << k) + 2 * k`` of its buffer and holds
2^k sums; the free slot before and after it takes a sentinel. Keeping every level lets a sum be taken apart
into its items again.

Units: integers of any grid. Sums stay below 2^61 and targets in [-2^60, 2^61], so that no difference overflows.
"""

import numpy as np
from numba import njit

FAR = 1 << 62  # sentinel beyond every sum, and no difference with it overflows
BLOCK = 64  # steps between two looks at the running best


def buffers(m: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the two level buffers that hold up to ``m`` items: 2^(m/2) sums in all, 8 bytes each."""
    deepest = max(m - 1, 0) // 2
    size = (2 << deepest) + 2 * deepest + 4
    return np.empty(size, np.int64), np.empty(size, np.int64)


@njit(cache=True, nogil=True)
def _grow(left, old, new, x, right, old2, new2, x2, n):
    """Merge L and L + x into the next level, for two lists of n sums at a time.

    The first n outputs are taken from the front and the last n from the back: i + j = k < n, so neither
    pointer can leave its list.
    """
    one = np.uint64(1)
    i = np.uint64(0)
    j = np.uint64(0)
    i2 = np.uint64(0)
    j2 = np.uint64(0)
    last = old + n - one
    last2 = old2 + n - one
    top = new + n + n - one
    top2 = new2 + n + n - one
    for k in range(n):
        u = left[old + i]
        v = left[old + k - i] + x
        left[new + k] = min(u, v)
        i += one - (np.uint64(v - u) >> np.uint64(63))
        u = left[last - j]
        v = left[last + j - k] + x
        left[top - k] = max(u, v)
        j += one - (np.uint64(u - v) >> np.uint64(63))
        u = right[old2 + i2]
        v = right[old2 + k - i2] + x2
        right[new2 + k] = min(u, v)
        i2 += one - (np.uint64(v - u) >> np.uint64(63))
        u = right[last2 - j2]
        v = right[last2 + j2 - k] + x2
        right[top2 - k] = max(u, v)
        j2 += one - (np.uint64(u - v) >> np.uint64(63))


@njit(cache=True, nogil=True)
def _grow_one(left, old, new, x, n):
    """Merge L and L + x into the next level, for one list of n sums."""
    one = np.uint64(1)
    i = np.uint64(0)
    j = np.uint64(0)
    last = old + n - one
    top = new + n + n - one
    for k in range(n):
        u = left[old + i]
        v = left[old + k - i] + x
        left[new + k] = min(u, v)
        i += one - (np.uint64(v - u) >> np.uint64(63))
        u = left[last - j]
        v = left[last + j - k] + x
        left[top - k] = max(u, v)
        j += one - (np.uint64(u - v) >> np.uint64(63))


@njit(cache=True, nogil=True)
def split(y, m, left, right):
    """Fill both level buffers with the sorted subset sums of y[2:m]: even items left, odd items right.

    y: (m,) int64 >= 0 in any order; left, right: ``buffers(m)``. Time 1.3 ns per sum, 2^(m/2) sums.
    """
    one = np.uint64(1)
    left[one] = 0
    right[one] = 0
    old = one
    n = one
    k = 2
    while k + 1 < m:
        new = old + n + np.uint64(2)
        _grow(left, old, new, y[k], right, old, new, y[k + 1], n)
        old = new
        n += n
        k += 2
    old2 = old
    n2 = n
    if k < m:
        new = old + n + np.uint64(2)
        _grow_one(left, old, new, y[k], n)
        old = new
        n += n
    left[old + n] = FAR
    right[old2 - one] = -FAR
    return old, n, old2, n2


@njit(cache=True, nogil=True)
def scan(y, m, left, right, lists, t):
    """Find the subset sums next to t, given ``lists = split(y, m, left, right)``.

    Returns (t - pred, succ - t, step, i0, i1, i2, i3): pred is the largest sum <= t and succ the smallest
    sum >= t, either distance at least 2^61 when there is none. A block of BLOCK steps that starts at ``step`` with
    these left positions meets the nearer of the two. Time 1.2 ns x 4 x (both list lengths).
    """
    old, n, old2, n2 = lists
    one = np.uint64(1)
    sign = np.uint64(63)
    y0 = y[0] if m > 0 else 0
    y1 = y[1] if m > 1 else 0
    t0, t1, t2, t3 = t, t - y0, t - y1, t - y0 - y1
    i0 = old
    i1 = old
    i2 = old
    i3 = old
    # as unsigned numbers the least d >= 0 is the minimum and the greatest d < 0 is the maximum
    above = np.uint64(FAR)
    above2 = above  # two of each: four updates in a row would take longer than the loads
    below = np.uint64(-FAR)
    below2 = below
    best = np.uint64(FAR)
    best_step = np.uint64(0)
    b0 = old
    b1 = old
    b2 = old
    b3 = old
    total = n + n2
    start = np.uint64(0)
    while start < total:
        s0 = i0
        s1 = i1
        s2 = i2
        s3 = i3
        # after s steps i + (n2 - 1 - j) = s, so the right position follows from the left one
        base = old2 + n2 - one - old
        for step in range(start, min(start + np.uint64(BLOCK), total)):
            shift = base - step
            d = np.uint64(left[i0] + right[shift + i0] - t0)
            above = min(above, d)
            below = max(below, d)
            i0 += d >> sign
            d = np.uint64(left[i1] + right[shift + i1] - t1)
            above2 = min(above2, d)
            below2 = max(below2, d)
            i1 += d >> sign
            d = np.uint64(left[i2] + right[shift + i2] - t2)
            above = min(above, d)
            below = max(below, d)
            i2 += d >> sign
            d = np.uint64(left[i3] + right[shift + i3] - t3)
            above2 = min(above2, d)
            below2 = max(below2, d)
            i3 += d >> sign
        nearest = min(above, above2, np.uint64(0) - max(below, below2))
        if nearest < best:
            best = nearest
            best_step, b0, b1, b2, b3 = start, s0, s1, s2, s3
        start += np.uint64(BLOCK)
    above = min(above, above2)
    below = max(below, below2)
    down = np.int64(0) if above == 0 else -np.int64(below)
    return down, np.int64(above), best_step, b0, b1, b2, b3


@njit(cache=True, nogil=True)
def neighbours(y, m, left, right, lists, t):
    """Return (pred, succ): the largest subset sum <= t and the smallest >= t, or numbers 2^61 away."""
    down, up, _, _, _, _, _ = scan(y, m, left, right, lists, t)
    return t - down, t + up


@njit(cache=True, nogil=True)
def _holds(level, start, n, value):
    """Tell whether the sorted level holds ``value``."""
    low, high = start, start + n
    while low < high:
        middle = (low + high) >> np.uint64(1)
        if level[middle] < value:
            low = middle + np.uint64(1)
        else:
            high = middle
    return low < start + n and level[low] == value


@njit(cache=True, nogil=True)
def _unpick(level, n, value, y, first, chosen):
    """Mark in ``chosen`` which of the items y[first], y[first + 2], ... make up ``value`` of the level of n sums."""
    k = 0
    while n > np.uint64(1):
        n >>= np.uint64(1)
        k += 1
    while k > 0:
        k -= 1
        if not _holds(level, np.uint64((1 << k) + 2 * k), np.uint64(1 << k), value):
            value -= y[first + 2 * k]
            chosen[first + 2 * k] = True


@njit(cache=True, nogil=True)
def nearest(y, m, t, left, right, chosen):
    """Find the subset sum nearest to t and mark its items.

    y: (m,) int64 >= 0; chosen: (m,) bool, written; left, right: ``buffers(m)``.
    Returns the signed distance (sum - t), exact. Time and memory 2^(m/2).
    """
    lists = split(y, m, left, right)
    old, n, old2, n2 = lists
    down, up, start, i0, i1, i2, i3 = scan(y, m, left, right, lists, t)
    distance = up if up <= down else -down
    chosen[:m] = False
    y0 = y[0] if m > 0 else 0
    y1 = y[1] if m > 1 else 0
    for chain in range(4):
        i = (i0, i1, i2, i3)[chain]
        goal = t - (y0 if chain & 1 else 0) - (y1 if chain & 2 else 0)
        for step in range(start, min(start + np.uint64(BLOCK), n + n2)):
            j = old2 + n2 - np.uint64(1) - old - step + i
            d = left[i] + right[j] - goal
            if d == distance:
                if m > 0 and chain & 1:
                    chosen[0] = True
                if m > 1 and chain & 2:
                    chosen[1] = True
                _unpick(left, n, left[i], y, 2, chosen)
                _unpick(right, n2, right[j], y, 3, chosen)
                return distance
            if d < 0:
                i += np.uint64(1)
    return distance
