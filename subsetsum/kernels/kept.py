"""Sums in which the number of kept variables is prescribed, as walks in a corridor.

A walk passes the m free variables one by one and is at level c when it has kept c of them. The variable x leads from
(k, c) to (k + 1, c), or to (k + 1, c + 1) with x added to the sum. What is prescribed says at which levels a walk may
be after k variables: ``least[k] <= c <= most[k]``. Exactly j of m free variables: the levels from which (m, j) can
still be reached. Groups: each of them starts and ends at one level. All sizes at once: every level. So one engine
serves all of these. Both ends of a corridor rise by 0 or 1 a step, and from every place in it an end can be reached.
The column of level c in a table of step k is c - least[k].
"""

from typing import NamedTuple

import numpy as np

from subsetsum.kernels import compiled
from subsetsum.kernels.problem import FREE, LOCKED

SIZE, KEPT, GROUPS = 0, 1, 2
NEVER = np.int64(2**62)
FEW = 64  # variables: beyond, other ways are faster


class Keep(NamedTuple):
    """What is prescribed: ``number`` free variables (SIZE), variables in all (KEPT), or of every ``of`` (GROUPS)."""

    kind: int
    number: int
    of: int
    lenient: bool


class Walk(NamedTuple):
    """One problem: x (n,) int64, the free values in the order of the walk; place (n,): which variables they are.

    least, most: (n + 1,) int64, the corridor. Only what lies before the m-th (in the corridor: up to it) is of use.
    """

    x: np.ndarray
    place: np.ndarray
    least: np.ndarray
    most: np.ndarray


def new_walk(n: int) -> Walk:
    """Return room for the walks of n variables."""
    return Walk(*(np.empty(n + more, np.int64) for more in (0, 0, 1, 1)))


@compiled
def _ascend(walk, start, stop):
    """Sort the variables start .. stop - 1 of a walk by value.

    Then the level tells most about the sum: ranges are 3 to 8 times as narrow as in an order of their sizes.
    """
    x, place = walk.x, walk.place
    if stop - start > FEW:
        order = start + np.argsort(x[start:stop], kind="mergesort")
        x[start:stop] = x[order]
        place[start:stop] = place[order]
        return
    for k in range(start + 1, stop):
        value, which = x[k], place[k]
        i = k
        while i > start and x[i - 1] > value:
            x[i], place[i] = x[i - 1], place[i - 1]
            i -= 1
        x[i], place[i] = value, which


@compiled
def _block(walk, start, size, quota):
    """Let the corridor of the variables start .. start + size - 1 rise by exactly quota."""
    level = walk.least[start]
    for t in range(1, size + 1):
        walk.least[start + t] = level + max(np.int64(0), quota - (size - t))
        walk.most[start + t] = level + min(np.int64(t), quota)


@compiled
def prepare(values, states, keep, walk):
    """Write the walks that keep what is prescribed; return m and the sum of the locked values.

    values, states: (n,), n a multiple of the group. m = -1 where the trial cannot comply. Blocks that keep no free
    variable are left out of the walk.
    """
    n = values.shape[0]
    x, place = walk.x, walk.place
    length = keep.of if keep.kind == GROUPS else n
    blocks = n // keep.of if keep.kind == GROUPS else 1
    m = 0
    fixed = np.int64(0)
    walk.least[0] = 0
    walk.most[0] = 0
    for block in range(blocks):
        free = 0
        locked = 0
        for j in range(block * length, (block + 1) * length):
            if states[j] == FREE:
                x[m + free] = values[j]
                place[m + free] = j
                free += 1
            elif states[j] == LOCKED:
                locked += 1
                fixed += values[j]
        quota = keep.number - (0 if keep.kind == SIZE else locked)
        if keep.lenient:
            quota = min(max(quota, 0), free)
        if quota < 0 or quota > free:
            return -1, fixed
        if quota > 0:
            _ascend(walk, m, m + free)
            _block(walk, m, free, np.int64(quota))
            m += free
    return m, fixed


@compiled
def exactly(walk, m, size, out):
    """Write to ``out`` the walk along the same m variables that keeps ``size`` of them."""
    out.x[:m] = walk.x[:m]
    out.least[0] = 0
    out.most[0] = 0
    _block(out, 0, m, size)


@compiled
def prepare_all(values, states, walk):
    """Write the walks that keep any number of variables; return m, the locked sum and how many are locked."""
    m = 0
    locked = 0
    fixed = np.int64(0)
    for j in range(values.shape[0]):
        if states[j] == FREE:
            walk.x[m] = values[j]
            walk.place[m] = j
            m += 1
        elif states[j] == LOCKED:
            locked += 1
            fixed += values[j]
    _ascend(walk, 0, m)
    for k in range(m + 1):
        walk.least[k] = 0
        walk.most[k] = k
    return m, fixed, locked


@compiled
def needed(x, walk, m, low, high):
    """Fill the tables low and high (m + 1, columns) with the sums from which the end can still be reached.

    Their last row is given: what matters at the end. x: the values in any unit.
    """
    least, most = walk.least, walk.most
    for k in range(m - 1, -1, -1):
        step = least[k + 1] - least[k]
        last = most[k + 1] - least[k + 1]
        for i in range(most[k] - least[k] + 1):
            stay = i - step
            below = NEVER
            above = -NEVER
            if 0 <= stay <= last:
                below = low[k + 1, stay]
                above = high[k + 1, stay]
            if stay + 1 <= last:
                below = min(below, low[k + 1, stay + 1] - x[k])
                above = max(above, high[k + 1, stay + 1] - x[k])
            low[k, i] = below
            high[k, i] = above


@compiled
def extremes(x, walk, m, low, high):
    """Write the least and the greatest sum of every level at the end to low[i], high[i], i = c - least[m]."""
    least, most = walk.least, walk.most
    low[0] = 0
    high[0] = 0
    for k in range(m):
        step = least[k + 1] - least[k]
        last = most[k] - least[k]
        width = most[k + 1] - least[k + 1] + 1
        for t in range(width):  # in place: the way round on which nothing is overwritten that is still to be read
            i = t if step else width - 1 - t
            stay = i + step
            below = NEVER
            above = -NEVER
            if stay <= last:
                below = low[stay]
                above = high[stay]
            if stay > 0:
                below = min(below, low[stay - 1] + x[k])
                above = max(above, high[stay - 1] + x[k])
            low[i] = below
            high[i] = above
