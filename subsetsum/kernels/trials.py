"""The coverage decision over many trials, drawn or given."""

import numpy as np
from numba import njit

from subsetsum.kernels import chains
from subsetsum.kernels.problem import draw_trial, fold


@njit(cache=True, nogil=True)
def drawn(law, n, first, radius, eps2, covered):
    """Set covered[i] to whether trial first + i, of n variables, eps-covers [-radius, radius] (all in grid units)."""
    values = np.empty(n, np.int64)
    states = np.empty(n, np.int8)
    order = np.empty(n, np.uint64)
    y = np.empty(n, np.int64)
    scratch = chains.new_scratch(256)
    for i in range(covered.shape[0]):
        draw_trial(law, first + i, values, states, order)
        m, locked, negative = fold(values, states, y)
        offset = locked + negative
        covered[i], scratch = chains.decide(y, m, -radius - offset, radius - offset, eps2, scratch)


@njit(cache=True, nogil=True)
def given(values, states, radius, eps2, covered):
    """The same for rows of values (trials, n) int64 and states (trials, n) int8; radius and eps2 (trials,) int64."""
    y = np.empty(values.shape[1], np.int64)
    scratch = chains.new_scratch(256)
    for i in range(covered.shape[0]):
        m, locked, negative = fold(values[i], states[i], y)
        offset = locked + negative
        covered[i], scratch = chains.decide(y, m, -radius[i] - offset, radius[i] - offset, eps2[i], scratch)
