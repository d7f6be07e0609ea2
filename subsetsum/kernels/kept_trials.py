"""Decisions and worst errors of many trials, drawn or given, in which the number of kept variables is prescribed."""

import numpy as np

from subsetsum.kernels import compiled
from subsetsum.kernels.kept import FEW, exactly, prepare, prepare_all
from subsetsum.kernels.kept_bits import first_pitch, look, settle
from subsetsum.kernels.kept_chains import new_lists, worst
from subsetsum.kernels.problem import draw_trial

UNKNOWN = np.int8(-1)


@compiled
def _answer(values, states, keep, los, his, eps2, walk, room, lists, answers):
    """Set answers (1, windows) to whether what is prescribed can be kept so that each window is covered."""
    m, fixed = prepare(values, states, keep, walk)
    answers[0] = UNKNOWN if m >= 0 else 0
    if m >= 0:
        lists = settle(walk, m, los - fixed, his - fixed, eps2, first_pitch(eps2, m), room, lists, answers)
    return lists


@compiled
def answer_drawn(law, n, first, keep, los, his, eps2, walk, room, answers):
    """Set answers[i, t] (trials, windows) to whether the sums of trial first + i, of n variables, cover window t.

    los, his: (windows,) int64, the windows' ends; eps2 likewise in grid units.
    """
    values = np.empty(n, np.int64)
    states = np.empty(n, np.int8)
    order = np.empty(n, np.uint64)
    lists = new_lists(room.low.shape[1])
    for i in range(answers.shape[0]):
        draw_trial(law, first + i, values, states, order)
        lists = _answer(values, states, keep, los, his, eps2, walk, room, lists, answers[i : i + 1])


@compiled
def answer_given(values, states, keep, radius, eps2, walk, room, answers):
    """The same for rows of values (trials, n) int64 and states (trials, n) int8; radius and eps2 (trials,) int64."""
    lists = new_lists(room.low.shape[1])
    for i in range(answers.shape[0]):
        end = radius[i : i + 1]
        lists = _answer(values[i], states[i], keep, -end, end, eps2[i], walk, room, lists, answers[i : i + 1])


@compiled
def worst_drawn(law, n, first, keep, radius, floor2, walk, room, errors2):
    """Set errors2[i] to twice the worst error of trial first + i, or to floor2 if it is less; -1: it cannot comply."""
    values = np.empty(n, np.int64)
    states = np.empty(n, np.int8)
    order = np.empty(n, np.uint64)
    lists = new_lists(room.low.shape[1])
    for i in range(errors2.shape[0]):
        draw_trial(law, first + i, values, states, order)
        m, fixed = prepare(values, states, keep, walk)
        errors2[i] = -1
        if m >= 0:
            errors2[i], lists = worst(walk, m, -radius - fixed, radius - fixed, floor2, room.low, room.high, lists)


@compiled
def count_sizes(law, n, first, trials, los, his, eps2, walk, single, room, by_kept, by_free):
    """Add to by_kept (n + 1, windows) the successes of trials first, first + 1, .. when K of n variables are kept.

    by_free: the same when j of the free ones are. single: a second walk, for the sizes that are looked at again.
    """
    values = np.empty(n, np.int64)
    states = np.empty(n, np.int8)
    order = np.empty(n, np.uint64)
    lists = new_lists(room.low.shape[1])
    answers = np.empty((n + 1, los.shape[0]), np.int8)
    for trial in range(first, first + trials):
        draw_trial(law, trial, values, states, order)
        m, fixed, locked = prepare_all(values, states, walk)
        answers[: m + 1] = UNKNOWN
        pitch = first_pitch(eps2, m)
        if m > FEW:
            lists = settle(walk, m, los - fixed, his - fixed, eps2, pitch, room, lists, answers[: m + 1])
        else:
            look(walk, m, los - fixed, his - fixed, eps2, pitch, room, answers[: m + 1])
        for size in range(m + 1):
            if np.any(answers[size] < 0):  # few sizes: one by one with finer pitches
                exactly(walk, m, size, single)
                lists = settle(
                    single, m, los - fixed, his - fixed, eps2, pitch // 3, room, lists, answers[size : size + 1]
                )
            by_kept[size + locked] += answers[size]
            by_free[size] += answers[size]
