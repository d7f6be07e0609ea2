"""Best subsets for a batch of problems: round to integers, fold the signs away, meet in the middle, unfold."""

import numpy as np

from subsetsum.kernels import compiled
from subsetsum.kernels.halves import nearest
from subsetsum.kernels.problem import FREE, LOCKED


@compiled
def nearest_subsets(targets, values, states, left, right, errors, masks):
    """Solve problem i = (targets[i], values[i], states[i]) for every i; write errors (B,) and masks (B, n).

    targets (B,), values (B, n): float64, already scaled so that the absolute values of a problem add up to at most
    2^60; they are rounded to whole numbers here. The subset is optimal for the rounded numbers; the error is that of
    the unrounded ones: the exact integer distance plus the rounding errors of what is in the sum, which are exact.
    left, right: ``halves.buffers`` for the largest number of free values. No allocation per problem.
    """
    n = values.shape[1]
    y = np.empty(n, np.int64)
    place = np.empty(n, np.int64)
    chosen = np.empty(n, np.bool_)
    for i in range(targets.shape[0]):
        goal = np.int64(np.rint(targets[i]))
        m = 0
        for j in range(n):
            if states[i, j] == LOCKED:
                goal -= np.int64(np.rint(values[i, j]))
            elif states[i, j] == FREE:
                x = np.int64(np.rint(values[i, j]))
                goal -= min(x, np.int64(0))
                y[m] = abs(x)
                place[m] = j
                m += 1
        distance = nearest(y, m, goal, left, right, chosen)
        loss = np.rint(targets[i]) - targets[i]
        for j in range(n):
            masks[i, j] = states[i, j] == LOCKED
        for k in range(m):
            # a negative value belongs to the sum when its absolute value was not added to the sum of all negatives
            masks[i, place[k]] = chosen[k] != (values[i, place[k]] < 0)
        for j in range(n):
            if masks[i, j]:
                loss += values[i, j] - np.rint(values[i, j])
        errors[i] = abs(np.float64(distance) + loss)
