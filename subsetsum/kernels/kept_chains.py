"""Chain unions by level: which targets the sums with a prescribed number of kept variables cover, exactly.

Every level of a walk (:mod:`kept`) has a list of maximal chains as in :mod:`chains`: intervals [a, b] between sums that
follow each other with gaps of at most eps2. The variable x turns the list of level c into the union of the lists of
level c and of level c - 1 shifted by x. Lists hold what the rest of the walk can still bring near the window, level by
level. Gaps between the chains of a level are gaps between its sums: so the worst error is read off the first union that
is fine enough to have a gap. Everything is in whole numbers.

All lists of a step lie behind each other in a[:], b[:]; list i is starts[i] .. starts[i + 1] - 1.
"""

import numpy as np

from subsetsum.kernels import compiled
from subsetsum.kernels.grid import reach_of
from subsetsum.kernels.kept import extremes, needed


@compiled
def _union(a, b, first, last, first2, last2, x, eps2, out_a, out_b, at):
    """Write the chains of the lists [first, last) and [first2, last2) + x to out from ``at`` on; return their end."""
    k = at - 1
    end = np.int64(0)
    while first < last or first2 < last2:
        mine = first2 >= last2 or (first < last and a[first] <= a[first2] + x)
        if mine:
            low = a[first]
            high = b[first]
            first += 1
        else:
            low = a[first2] + x
            high = b[first2] + x
            first2 += 1
        if k < at or low - end > eps2:
            k += 1
            out_a[k] = low
            end = high
        else:
            end = max(end, high)
        out_b[k] = end
    return k + 1


@compiled
def _trimmed(a, b, at, end, low, high):
    """Keep the chains of [at, end) that meet [low, high], from ``at`` on; return their end."""
    first = at
    while first < end and b[first] < low:
        first += 1
    while end > first and a[end - 1] > high:
        end -= 1
    if first > at:
        for k in range(first, end):
            a[at + k - first] = a[k]
            b[at + k - first] = b[k]
    return at + end - first


@compiled
def build(walk, m, low, high, eps2, lists):
    """Return the lists (a, b, starts) of the end of the walk, followed by three arrays of scratch, like them.

    lists: six arrays, as returned before or by :func:`new_lists`. low, high: tables (m + 1, columns) whose row m says
    what matters at each level of the end; the other rows are written. Some 3 ns a chain.
    """
    needed(walk.x, walk, m, low, high)
    least, most = walk.least, walk.most
    a, b, starts, out_a, out_b, out_starts = lists
    a[0] = 0
    b[0] = 0
    starts[0] = 0
    starts[1] = int(low[0, 0] <= 0 <= high[0, 0])
    for k in range(m):
        width = most[k] - least[k] + 1
        total = starts[width]
        if 2 * total > out_a.shape[0]:
            # chains are many for a moment only: room to spare costs no memory until it is written to
            out_a = np.empty(4 * total, np.int64)
            out_b = np.empty(4 * total, np.int64)
        at = np.int64(0)
        for c in range(least[k + 1], most[k + 1] + 1):
            i = c - least[k + 1]
            out_starts[i] = at
            stay = c - least[k]
            first = last = first2 = last2 = np.int64(0)
            if stay < width:
                first, last = starts[stay], starts[stay + 1]
            if stay > 0:
                first2, last2 = starts[stay - 1], starts[stay]
            end = _union(a, b, first, last, first2, last2, walk.x[k], eps2, out_a, out_b, at)
            at = _trimmed(out_a, out_b, at, end, low[k + 1, i], high[k + 1, i])
        out_starts[most[k + 1] - least[k + 1] + 1] = at
        a, b, starts, out_a, out_b, out_starts = out_a, out_b, out_starts, a, b, starts
    return a, b, starts, out_a, out_b, out_starts


@compiled
def new_lists(columns):
    """Return the six arrays of :func:`build`."""
    return (
        np.empty(256, np.int64),
        np.empty(256, np.int64),
        np.empty(columns + 1, np.int64),
        np.empty(256, np.int64),
        np.empty(256, np.int64),
        np.empty(columns + 1, np.int64),
    )


@compiled
def covered(a, b, first, last, lo, hi, eps2):
    """Is every z in [lo, hi] within eps of a sum of the list [first, last)? One chain reaches from end to end."""
    eps = eps2 >> 1
    start = first
    while last > first:  # the last chain that starts at most eps after lo is the only one that can
        half = (first + last) >> 1
        if a[half] <= lo + eps:
            first = half + 1
        else:
            last = half
    return first > start and hi - b[first - 1] <= eps


@compiled
def _widest(a, b, count, lo, hi):
    """Twice the largest distance of a point of [lo, hi] from the chains [0, count), at least one."""
    widest = max(2 * (a[0] - lo), 2 * (hi - b[count - 1]))
    for k in range(1, count):
        widest = max(widest, reach_of(b[k - 1], a[k], lo, hi))
    return widest


@compiled
def worst(walk, m, lo, hi, floor2, low, high, lists):
    """Return twice the worst error over [lo, hi] of a walk with one end, or floor2 if that is more; and the lists.

    With eps2 known to cover, nothing further than half of it from the window matters. At half of that eps2 either all
    is covered again, or the widest gap is the answer.
    """
    extremes(walk.x, walk, m, low[0], high[0])
    bottom, top = low[0, 0], high[0, 0]
    least = max(floor2, 2 * (bottom - lo), 2 * (hi - top))
    most = max(least, top - bottom)  # no gap between neighbouring sums is longer
    while least < most:
        eps2 = max(least, most >> 1)
        low[m, 0] = lo - ((most + 1) >> 1)
        high[m, 0] = hi + ((most + 1) >> 1)
        lists = build(walk, m, low, high, eps2, lists)
        widest = _widest(lists[0], lists[1], lists[2][1], lo, hi)
        if widest > eps2:
            return widest, lists
        most = eps2
    return least, lists
