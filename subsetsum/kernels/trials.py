"""Coverage decisions and worst-case errors over many trials, drawn or given."""

import numpy as np

from subsetsum.kernels import chains, compiled, gaps, grid
from subsetsum.kernels.problem import FREE, draw_trial, fold


@compiled
def _decide(y, m, lo, hi, eps2, bits, room):
    """Decide on a bitset (scratch ``bits``), and where that cannot tell by chain union: (covered, next ``room``).

    The union goes first where it is as fast or faster: a window of few eps (there the grid's pitch might overflow,
    too), and one of up to 150 eps when items are many.
    """
    window = np.float64(hi - lo)
    if window < 8.0 * eps2 or (m > grid.ENOUGH and window < 150.0 * eps2):
        return chains.decide(y, m, lo, hi, eps2, room)
    answer = grid.decide(y, m, lo, hi, eps2, bits)
    if answer >= 0:
        return answer == 1, room
    return chains.decide(y, m, lo, hi, eps2, room)


@compiled
def decide_drawn(law, n, first, radius, eps2, bits, covered):
    """Set covered[i] to whether trial first + i, of n variables, eps-covers [-radius, radius] (all in grid units)."""
    values = np.empty(n, np.int64)
    states = np.empty(n, np.int8)
    order = np.empty(n, np.uint64)
    y = np.empty(n, np.int64)
    room = chains.new_scratch(256)
    for i in range(covered.shape[0]):
        draw_trial(law, first + i, values, states, order)
        m, locked, negative = fold(values, states, y)
        offset = locked + negative
        covered[i], room = _decide(y, m, -radius - offset, radius - offset, eps2, bits, room)


@compiled
def decide_given(values, states, radius, eps2, bits, covered):
    """The same for rows of values (trials, n) int64 and states (trials, n) int8; radius and eps2 (trials,) int64."""
    y = np.empty(values.shape[1], np.int64)
    room = chains.new_scratch(256)
    for i in range(covered.shape[0]):
        m, locked, negative = fold(values[i], states[i], y)
        offset = locked + negative
        covered[i], room = _decide(y, m, -radius[i] - offset, radius[i] - offset, eps2[i], bits, room)


@compiled
def worst_drawn(law, n, first, radius, floor2, bits, errors2):
    """Set errors2[i] to twice the worst error of trial first + i over [-radius, radius], or to floor2 if it is less."""
    values = np.empty(n, np.int64)
    states = np.empty(n, np.int8)
    order = np.empty(n, np.uint64)
    y = np.empty(n, np.int64)
    for i in range(errors2.shape[0]):
        draw_trial(law, first + i, values, states, order)
        m, locked, negative = fold(values, states, y)
        offset = locked + negative
        errors2[i] = gaps.worst(y, m, -radius - offset, radius - offset, floor2, bits)


@compiled
def most_free(law, n, first, trials):
    """Largest number of free variables in any of the trials."""
    values = np.empty(n, np.int64)
    states = np.empty(n, np.int8)
    order = np.empty(n, np.uint64)
    most = 0
    for i in range(trials):
        draw_trial(law, first + i, values, states, order)
        free = 0
        for j in range(n):
            free += states[j] == FREE
        most = max(most, free)
    return most
