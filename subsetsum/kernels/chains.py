"""Chain union: which targets the subset sums cover, exactly, adding one variable at a time.

The state is the list of maximal chains [a, b] of subset sums: a and b are sums, the sums in between follow each other
with gaps of at most eps2 = floor(2 eps), and different chains are more than eps2 apart. So the targets within eps of a
sum are the disjoint intervals [a - eps, b + eps]. The sums inside a chain need not be kept: a variable x turns the list
C into the union of C and C + x, and the chains of a union depend only on the ends of the chains that went in. The list
is never longer than its range divided by eps2 (plus 1), and all numbers are int64, so every answer is exact.

Ends: an integer target z is within the real eps of an integer sum b when |z - b| <= floor(eps) = eps2 >> 1.

A scratch is four int64 arrays of one length (a, b of the list, and of the next one); kernels that may need longer ones
return the scratch to go on with. |sums| may reach 2**61, single items 2**60.
"""

import numpy as np

from subsetsum.kernels import compiled

_BEYOND = np.int64(2**62)  # above every sum, also after a shift by one item


@compiled
def new_scratch(room):
    """Four int64 arrays of length ``room``."""
    return np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)


@compiled
def union(a, b, count, x, eps2, out_a, out_b):
    """Write the chains of C and C + x to out, where C = a[:count], b[:count] and count >= 1; return their number.

    out needs room for 2 * count + 1, a for count + 1 (a sentinel is put there). A few ns a chain.
    """
    a[count] = _BEYOND
    i = 0
    j = 0
    k = 0
    start = min(a[0], a[0] + x)
    end = start
    for _ in range(2 * count):
        one = a[i]
        two = a[j] + x
        mine = one <= two
        low = one if mine else two
        high = b[i] if mine else b[j] + x
        i += mine
        j += not mine
        out_a[k] = start
        out_b[k] = end
        apart = low - end > eps2
        k += apart
        start = low if apart else start
        end = high if apart else max(end, high)
    out_a[k] = start
    out_b[k] = end
    return k + 1


@compiled
def trimmed(a, b, count, low, high):
    """Keep the chains that meet [low, high], in place; return their number."""
    first = 0
    while first < count and b[first] < low:
        first += 1
    while count > first and a[count - 1] > high:
        count -= 1
    if first > 0:
        for k in range(first, count):
            a[k - first] = a[k]
            b[k - first] = b[k]
    return count - first


@compiled
def add(scratch, count, x, eps2, low, high):
    """Add item x to the list in scratch and keep what meets [low, high]; return the next scratch and the count."""
    a, b, next_a, next_b = scratch
    if 2 * count + 1 > next_a.shape[0]:
        # chains are many for a moment only: room to spare costs no memory until it is written to
        next_a = np.empty(4 * count + 4, np.int64)
        next_b = np.empty(4 * count + 4, np.int64)
        longer_a = np.empty(4 * count + 4, np.int64)
        longer_b = np.empty(4 * count + 4, np.int64)
        longer_a[:count] = a[:count]
        longer_b[:count] = b[:count]
        a, b = longer_a, longer_b
    count = union(a, b, count, x, eps2, next_a, next_b)
    return (next_a, next_b, a, b), trimmed(next_a, next_b, count, low, high)


@compiled
def window_covered(scratch, count, lo, hi, eps2):
    """Is every z in [lo, hi] within eps of a sum? One chain has to reach from one end to the other."""
    a, b, _, _ = scratch
    eps = eps2 >> 1
    last = -1  # the last chain that starts at most eps after lo is the only one that can
    size = count
    while size > 0:  # its index lies in last .. last + size
        half = (size + 1) >> 1
        last = last + half if a[last + half] <= lo + eps else last
        size -= half
    return last >= 0 and hi - b[last] <= eps


@compiled
def build(y, m, lo, hi, eps2, scratch, stop):
    """Chains of the subset sums of y[:m] > 0 that can matter to targets in [lo, hi]: (scratch, count).

    y sorted descending: then the sums from which the rest of the items can still reach the window are fewest. Sums
    further than eps from the window never matter: the neighbour on the window's side of such a sum, if it lies within
    2 eps, is itself within eps of that end of the window. With stop, the first list with a chain that covers all
    of [lo, hi] is returned, since more items only add sums. Time: a few ns times the chains met on the way.
    """
    eps = eps2 >> 1
    rest = np.int64(0)
    for j in range(m):
        rest += y[j]
    a, b, _, _ = scratch
    a[0] = 0
    b[0] = 0
    count = trimmed(a, b, 1, lo - eps - rest, hi + eps)
    for j in range(m):
        if count == 0 or (stop and window_covered(scratch, count, lo, hi, eps2)):
            break
        rest -= y[j]
        scratch, count = add(scratch, count, y[j], eps2, lo - eps - rest, hi + eps)
    return scratch, count


@compiled
def decide(y, m, lo, hi, eps2, scratch):
    """Is every z in [lo, hi] within eps of a subset sum of y[:m]? Returns (bool, scratch); never undecided.

    y int64 > 0 sorted descending, lo <= hi and eps2 = floor(2 eps) >= 0, all in grid units.
    """
    scratch, count = build(y, m, lo, hi, eps2, scratch, True)
    return window_covered(scratch, count, lo, hi, eps2), scratch
