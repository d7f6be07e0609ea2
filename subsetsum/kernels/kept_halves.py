"""The nearest sum with a prescribed number of kept variables: walks of :mod:`kept` that meet in the middle.

All sums of the walks from the start to every level of a step in the middle are listed in order, and those from the end
back to it. The lists of both sides that meet at one level hold the two parts of every sum, and two pointers find the
pair nearest to the goal. The lists of all steps are kept, so that a sum can be taken apart into its variables again.
"""

import numpy as np

from subsetsum.kernels import compiled
from subsetsum.kernels.kept import prepare


@compiled
def mirror(walk, m, out):
    """Write to ``out`` the walks from the end back to the start, kept variables counted from the end."""
    top = walk.least[m]
    for k in range(m):
        out.x[k] = walk.x[m - 1 - k]
        out.place[k] = walk.place[m - 1 - k]
    for k in range(m + 1):
        out.least[k] = top - walk.most[m - k]
        out.most[k] = top - walk.least[m - k]


@compiled
def _count(walk, m, row, totals):
    """Set totals[k] to how many walks there are to all places of steps 0 .. k; row (columns,) float64 is scratch."""
    row[0] = 1.0
    totals[0] = 1.0
    for k in range(m):
        step = walk.least[k + 1] - walk.least[k]
        last = walk.most[k] - walk.least[k]
        width = walk.most[k + 1] - walk.least[k + 1] + 1
        totals[k + 1] = totals[k]
        for t in range(width):
            i = t if step else width - 1 - t
            stay = i + step
            row[i] = (row[stay] if stay <= last else 0.0) + (row[stay - 1] if stay > 0 else 0.0)
            totals[k + 1] += row[i]


@compiled
def middle(walk, back, m, row, totals, totals2):
    """Return the step at which the fewest sums are listed, and how many they are before and behind it (float64)."""
    mirror(walk, m, back)
    _count(walk, m, row, totals)
    _count(back, m, row, totals2)
    best = 0
    for k in range(m + 1):
        if totals[k] + totals2[m - k] < totals[best] + totals2[m - best]:
            best = k
    return best, totals[best], totals2[m - best]


@compiled
def most_sums(states, keep, walk, back, row, totals, totals2):
    """Return the most sums that are listed before, and behind, the middle of any of the problems; states (B, n)."""
    nothing = np.zeros(states.shape[1], np.int64)
    most = most2 = 1.0
    for i in range(states.shape[0]):
        m, _ = prepare(nothing, states[i], keep, walk)
        if m >= 0:
            _, count, count2 = middle(walk, back, m, row, totals, totals2)
            most, most2 = max(most, count), max(most2, count2)
    return most, most2


@compiled
def _grow(walk, m, sums, starts):
    """Fill sums with the sorted sums of all places of steps 0 .. m, list i of step k from starts[k, i] on."""
    least, most = walk.least, walk.most
    sums[0] = 0
    starts[0, 0] = 0
    starts[0, 1] = 1
    at = 1
    for k in range(m):
        x = walk.x[k]
        last = most[k] - least[k]
        width = most[k + 1] - least[k + 1] + 1
        for i in range(width):
            starts[k + 1, i] = at
            stay = least[k + 1] + i - least[k]
            one = end = two = end2 = 0
            if stay <= last:
                one, end = starts[k, stay], starts[k, stay + 1]
            if stay > 0:
                two, end2 = starts[k, stay - 1], starts[k, stay]
            while one < end or two < end2:
                if two >= end2 or (one < end and sums[one] <= sums[two] + x):
                    sums[at] = sums[one]
                    one += 1
                else:
                    sums[at] = sums[two] + x
                    two += 1
                at += 1
        starts[k + 1, width] = at


@compiled
def _unpick(walk, k, i, value, sums, starts, mask):
    """Mark in ``mask`` the variables of one walk to column i of step k whose sum is ``value``."""
    level = walk.least[k] + i
    while k > 0:
        k -= 1
        stay = level - walk.least[k]
        if stay <= walk.most[k] - walk.least[k]:
            first, last = starts[k, stay], starts[k, stay + 1]
            place = first + np.searchsorted(sums[first:last], value)
            if place < last and sums[place] == value:
                continue
        value -= walk.x[k]
        level -= 1
        mask[walk.place[k]] = True


@compiled
def _nearest(walk, back, m, k, goal, sums, starts, sums2, starts2, mask):
    """Find the sum nearest to goal and mark its variables; return sum - goal. k: the step in the middle."""
    _grow(walk, k, sums, starts)
    _grow(back, m - k, sums2, starts2)
    width = walk.most[k] - walk.least[k] + 1
    best = np.int64(2**62)
    column = 0
    one = two = np.int64(0)
    for i in range(width):
        low = starts[k, i]
        high = starts2[m - k, width - i] - 1
        while low < starts[k, i + 1] and high >= starts2[m - k, width - 1 - i]:
            distance = sums[low] + sums2[high] - goal
            if abs(distance) < abs(best):
                best, column, one, two = distance, i, sums[low], sums2[high]
            if distance < 0:
                low += 1
            else:
                high -= 1
    _unpick(walk, k, column, one, sums, starts, mask)
    _unpick(back, m - k, width - 1 - column, two, sums2, starts2, mask)
    return best


@compiled
def nearest_subsets(targets, values, states, keep, walk, back, row, totals, totals2, lists, errors, masks):
    """Solve every problem as :func:`batch.nearest_subsets` does; an error is infinite where what is kept cannot be.

    lists: (sums, starts, sums2, starts2), as long as :func:`most_sums` says.
    """
    n = values.shape[1]
    units = np.empty(n, np.int64)
    sums, starts, sums2, starts2 = lists
    for i in range(targets.shape[0]):
        for j in range(n):
            units[j] = np.int64(np.rint(values[i, j]))
            masks[i, j] = False
        m, fixed = prepare(units, states[i], keep, walk)
        if m < 0:
            errors[i] = np.inf
            continue
        for j in range(n):
            masks[i, j] = states[i, j] == 1
        k, _, _ = middle(walk, back, m, row, totals, totals2)
        goal = np.int64(np.rint(targets[i])) - fixed
        distance = _nearest(walk, back, m, k, goal, sums, starts, sums2, starts2, masks[i])
        loss = np.rint(targets[i]) - targets[i]
        for j in range(n):
            if masks[i, j]:
                loss += values[i, j] - np.rint(values[i, j])
        errors[i] = abs(np.float64(distance) + loss)
