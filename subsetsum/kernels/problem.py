"""One trial in fixed point: its variables, their states, and the same trial folded to positive numbers."""

from typing import NamedTuple

import numpy as np

from subsetsum.kernels import compiled
from subsetsum.kernels.philox import block

PRUNED, FREE, LOCKED = -1, 0, 1


class Law(NamedTuple):
    """What a trial is drawn from.

    seed: uint64. prune, freezing: probabilities p and p + q (float64). pruned, locked: exact counts, or pruned = -1
    for independent coins. shift: values are multiples of 2**(shift - 52).
    """

    seed: np.uint64
    prune: float
    freezing: float
    pruned: int
    locked: int
    shift: int


@compiled
def draw_trial(law, trial, values, states, order):
    """Fill values (n,) int64 in grid units and states (n,) int8 of one trial; order (n,) uint64 is scratch.

    Variable j uses the 64-bit outputs 2j (its state) and 2j + 1 (its value), whatever n is, so that a trial with
    fewer variables is a prefix of a longer one (coins; with exact counts the states depend on n).
    """
    n = values.shape[0]
    number = np.uint64(trial)
    for half in range((n + 1) // 2):
        s0, v0, s1, v1 = block(law.seed, number, np.uint64(half))
        j = 2 * half
        order[j] = s0
        values[j] = (np.int64(v0 >> np.uint64(11)) - (1 << 52)) >> law.shift
        if j + 1 < n:
            order[j + 1] = s1
            values[j + 1] = (np.int64(v1 >> np.uint64(11)) - (1 << 52)) >> law.shift
    if law.pruned < 0:
        for j in range(n):
            u = np.float64(order[j] >> np.uint64(11)) * 2.0**-53
            states[j] = PRUNED if u < law.prune else (LOCKED if u < law.freezing else FREE)
    else:
        rank = np.argsort(order, kind="mergesort")  # stable: equal draws keep the order of their indices
        for k in range(n):
            states[rank[k]] = PRUNED if k < law.pruned else (LOCKED if k < law.pruned + law.locked else FREE)


@compiled
def fold(values, states, y):
    """Write |x| of the free, non-zero values to y[:m], sorted descending; return m, T and N.

    T is the sum of the locked values, N the sum of the negative free ones. A subset sum of the free values is N plus
    a subset sum of y, so a target z of the trial is the point z - T - N among the subset sums of y.
    """
    m = 0
    locked = np.int64(0)
    negative = np.int64(0)
    for j in range(values.shape[0]):  # no branches: states and signs are random, so half of them would be mispredicted
        x = values[j]
        free = int(states[j] == FREE)
        locked += x * int(states[j] == LOCKED)
        negative += min(x, np.int64(0)) * free
        y[m] = abs(x)  # to be overwritten unless m moves on
        m += free & int(x != 0)
    if m <= 64:
        for k in range(1, m):  # insertion sort with a fixed number of swaps: where to stop is another coin flip
            x = y[k]
            for i in range(k):
                greater = max(y[i], x)
                x = min(y[i], x)
                y[i] = greater
            y[k] = x
    else:
        y[:m] = np.sort(y[:m])[::-1]
    return m, locked, negative


@compiled
def draw_trials(law, first, values, states):
    """Fill values and states, both (trials, n), for trials first, first + 1, ..."""
    order = np.empty(values.shape[1], np.uint64)
    for i in range(values.shape[0]):
        draw_trial(law, first + i, values[i], states[i], order)
