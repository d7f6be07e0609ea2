"""Exact nearest subset sums of a point by meet in the middle: two sorted half lists and four scans at once.

One item or two are held out, so that the rest can be dealt evenly to two halves. Four scans run in one loop,
where their chains of dependent loads hide each other's latency. With two items y0, y1 held out they look for the
targets ``t, t - y0, t - y1, t - y0 - y1`` among the sums of a left and a right one. With one item held out they
look for ``t`` and ``t - y0``, from both ends and so in half as many steps (:func:`_scans`).

The subset sums of a list of items mirror themselves: s -> total - s takes the items that s leaves. So only the
lower half of a list is merged, the upper half is its image, and a scan from the far end for a goal is one from the
near end for total - goal.

Levels: the sorted list of the first k items of a half starts at ``(1 << k) + 2 * k`` of its buffer and holds
2^k sums; the free slot before and after it takes a sentinel. Keeping every level lets a sum be taken apart
into its items again.

Units: integers of any grid. Sums stay below 2^61 and targets in [-2^60, 2^61], so that no difference overflows.
"""

import numpy as np

from subsetsum.kernels import compiled

FAR = 1 << 62  # sentinel beyond every sum, and no difference with it overflows
BLOCK = 32  # steps between two looks at the running best


def buffers(m: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the two level buffers that hold up to ``m`` items: 2^(m/2) sums in all, 8 bytes each."""
    deepest = max(m - 1, 0) // 2
    size = (2 << deepest) + 2 * deepest + 4
    return np.empty(size, np.int64), np.empty(size, np.int64)


@compiled
def _grow(left, right, old, n, x, x2):
    """Merge L and L + x into the next level, for both lists of n sums at a time; return where that level starts.

    Only the n lower outputs are merged, and those from both of their ends, so that four merges run at once and
    hide each other's latency. Each output is written a second time, mirrored, among the n upper ones.
    """
    one = np.uint64(1)
    sign = np.uint64(63)
    new = old + n + np.uint64(2)
    last = new + n + n - one
    total = left[old + n - one] + x
    total2 = right[old + n - one] + x2
    # the n lower outputs are the first i of L and the first n - i of L + x: find i, without branches to mispredict
    i = one
    i2 = one
    step = n >> one
    while step > 0:
        ahead = i + step
        i += step * np.uint64(left[old + ahead - one] <= left[old + n - ahead] + x)
        ahead = i2 + step
        i2 += step * np.uint64(right[old + ahead - one] <= right[old + n - ahead] + x2)
        step >>= one
    # the merges downwards may run out of either list; those upwards stop halfway and cannot
    left[old - one] = -FAR
    right[old - one] = -FAR
    low = old
    low2 = old
    high = old + i - one
    high2 = old + i2 - one
    ends = old + old
    for k in range((n + one) >> one):
        u = left[low]
        v = left[ends + k - low] + x
        w = min(u, v)
        left[new + k] = w
        left[last - k] = total - w
        low += one - (np.uint64(v - u) >> sign)
        u = right[low2]
        v = right[ends + k - low2] + x2
        w = min(u, v)
        right[new + k] = w
        right[last - k] = total2 - w
        low2 += one - (np.uint64(v - u) >> sign)
        back = n - one - k
        u = left[high]
        v = left[ends + back - one - high] + x
        w = max(u, v)
        left[new + back] = w
        left[last - back] = total - w
        high -= one - (np.uint64(u - v) >> sign)
        u = right[high2]
        v = right[ends + back - one - high2] + x2
        w = max(u, v)
        right[new + back] = w
        right[last - back] = total2 - w
        high2 -= one - (np.uint64(u - v) >> sign)
    return new


@compiled
def _held(m):
    """Number of items held out, so that the rest is even: 2 or 1 (a problem without items has two zeros instead)."""
    return 2 - (m & 1)


@compiled
def split(y, m, left, right):
    """Fill both level buffers with the sorted sums of the items of y[:m] that are not held out, dealt in turn.

    y: (m,) int64 >= 0 in any order; left, right: ``buffers(m)``. Returns where the last level of both starts and
    how many sums it has. Time 0.7 ns per sum of all levels, some 2^(m/2) sums.
    """
    one = np.uint64(1)
    left[one] = 0
    right[one] = 0
    old = one
    n = one
    for k in range(_held(m), m, 2):
        old = _grow(left, right, old, n, y[k], y[k + 1])
        n += n
    left[old + n] = FAR
    right[old - one] = -FAR
    return old, n


@compiled
def _scans(y, m, left, right, lists, t):
    """Return the goals of the four scans and the number of steps that each takes.

    A scan starts with the least left and the greatest right sum. Each step compares the sum of the pair with the
    goal and drops the left one if it is less, else the right one, whose other pairs are further off on that side.
    After 2 n steps all are dropped. From both ends, n steps each are enough for one goal: a pair that is missed has
    a left and a right sum that neither scan dropped, so with 2 n drops another sum was dropped from both ends. But
    each scan drops the sums of a list in order, so together they dropped that whole list.
    """
    old, n = lists
    if m & 1:
        total = left[old + n - np.uint64(1)] + right[old + n - np.uint64(1)]
        return (t, t - y[0], total - t, total - (t - y[0])), n
    y0 = y[0] if m > 0 else 0
    y1 = y[1] if m > 0 else 0
    return (t, t - y0, t - y1, t - y0 - y1), n + n


@compiled
def scan(y, m, left, right, lists, t):
    """Find the subset sums next to t, given ``lists = split(y, m, left, right)``.

    Returns (t - pred, succ - t, step, i0, i1, i2, i3): pred is the largest sum <= t and succ the smallest
    sum >= t, either distance at least 2^61 when there is none. A block of BLOCK steps that starts at ``step`` with
    these left positions meets the nearer of the two. Time 0.9 ns x 4 x its steps.
    """
    old, n = lists
    (t0, t1, t2, t3), total = _scans(y, m, left, right, lists, t)
    sign = np.uint64(63)
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
    start = np.uint64(0)
    while start < total:
        s0 = i0
        s1 = i1
        s2 = i2
        s3 = i3
        for step in range(start, min(start + np.uint64(BLOCK), total)):
            # after s steps (i - old) + (old + n - 1 - j) = s, so the right position follows from the left one
            shift = n - np.uint64(1) - step
            d = np.uint64(left[i0] + right[shift + i0] - t0)
            above = min(above, d)
            below = max(below, d)
            i0 += d >> sign
            d = np.uint64(left[i1] + right[shift + i1] - t1)
            above = min(above, d)
            below = max(below, d)
            i1 += d >> sign
            d = np.uint64(left[i2] + right[shift + i2] - t2)
            above2 = min(above2, d)
            below2 = max(below2, d)
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
    up, down = np.int64(above), -np.int64(below)
    up2, down2 = np.int64(above2), -np.int64(below2)
    if m & 1:  # the last two scans saw everything mirrored
        up2, down2 = down2, up2
    up, down = min(up, up2), min(down, down2)
    if up == 0 or down == 0:
        up = down = np.int64(0)
    return down, up, best_step, b0, b1, b2, b3


@compiled
def neighbours(y, m, left, right, lists, t):
    """Return (pred, succ): the largest subset sum <= t and the smallest >= t, or numbers 2^61 away."""
    down, up, _, _, _, _, _ = scan(y, m, left, right, lists, t)
    return t - down, t + up


@compiled
def _unpick(level, n, value, y, first, chosen):
    """Mark in ``chosen`` which of the items y[first], y[first + 2], ... make up ``value`` of the level of n sums."""
    one = np.uint64(1)
    k = np.uint64(0)
    while n >> k > one:
        k += one
    while k > 0:
        k -= one
        i = (one << k) + k + k
        step = one << k >> one
        while step > 0:  # the first number >= value, or the last of all
            i += step * np.uint64(level[i + step - one] < value)
            step >>= one
        if level[i] != value:
            item = np.int64(first + k + k)
            value -= y[item]
            chosen[item] = True


@compiled
def nearest(y, m, t, left, right, chosen):
    """Find the subset sum nearest to t and mark its items.

    y: (m,) int64 >= 0; chosen: (m,) bool, written; left, right: ``buffers(m)``.
    Returns the signed distance (sum - t), exact. Time and memory 2^(m/2).
    """
    lists = split(y, m, left, right)
    old, n = lists
    down, up, start, i0, i1, i2, i3 = scan(y, m, left, right, lists, t)
    least = min(up, down)
    chosen[:m] = False
    goals, total = _scans(y, m, left, right, lists, t)
    one = np.uint64(1)
    held = _held(m)
    for chain in range(4):
        mirrored = m & 1 and chain & 2
        i = (i0, i1, i2, i3)[chain]
        for step in range(start, min(start + np.uint64(BLOCK), total)):
            a, b = left[i], right[n - one - step + i]
            d = a + b - goals[chain]
            if abs(d) == least:  # of two sums equally near the block may have either
                for k in range(min(held, m)):
                    chosen[k] = (chain >> k) & 1
                if mirrored:
                    a, b = left[old + n - one] - a, right[old + n - one] - b
                _unpick(left, n, a, y, held, chosen)
                _unpick(right, n, b, y, held + 1, chosen)
                return -d if mirrored else d
            i += np.uint64(d < 0)
    raise AssertionError("the block that the scan recorded holds no nearest sum")
