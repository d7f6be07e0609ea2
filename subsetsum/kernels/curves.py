"""Success at every n along a trial: coverage of the whole window and of single targets, counted over trials."""

import numpy as np

from subsetsum.kernels import compiled
from subsetsum.kernels.chains import add, build, new_scratch, trimmed, window_covered
from subsetsum.kernels.problem import FREE, LOCKED, PRUNED, draw_trial, fold


@compiled
def _note(scratch, count, offset, radius, targets, eps2, flags):
    """Set flags[0] to the uniform success and flags[1 + k] to that of targets[k]; sums are shifted by offset."""
    flags[0] = window_covered(scratch, count, -radius - offset, radius - offset, eps2)
    for k in range(targets.shape[0]):
        z = targets[k]
        flags[1 + k] = (flags[0] and abs(z) <= radius) or window_covered(scratch, count, z - offset, z - offset, eps2)


@compiled
def count_at(law, n, first, trials, radius, targets, eps2, counts):
    """Add to counts (1 + targets,) the successes of n variables in trials first, first + 1, ...

    radius, targets and eps2 in grid units; counts[0] is the uniform success, counts[1 + k] that of targets[k].
    """
    values = np.empty(n, np.int64)
    states = np.empty(n, np.int8)
    order = np.empty(n, np.uint64)
    y = np.empty(n, np.int64)
    flags = np.zeros(counts.shape[0], np.bool_)
    low = -radius
    high = radius
    for k in range(targets.shape[0]):
        low = min(low, targets[k])
        high = max(high, targets[k])
    scratch = new_scratch(256)
    for trial in range(first, first + trials):
        draw_trial(law, trial, values, states, order)
        m, locked, negative = fold(values, states, y)
        offset = locked + negative
        scratch, count = build(y, m, low - offset, high - offset, eps2, scratch, True)
        _note(scratch, count, offset, radius, targets, eps2, flags)
        for k in range(flags.shape[0]):
            counts[k] += flags[k]


@compiled
def count_curve(law, n_max, first, trials, radius, targets, eps2, counts):
    """Add to counts (n_max + 1, 1 + targets) the successes at every n = 0 .. n_max, the first n variables of a trial.

    The chains grow along the trial, in the order of its variables. Those that no later window can need are dropped:
    at step t a sum s matters at step n >= t only if s + [Neg_n - Neg_t, Pos_n - Pos_t] meets [low - T_n, high - T_n],
    where Pos and Neg are the running sums of the positive and the negative free values and T of the locked ones.
    Chains only grow, so a trial is over as soon as one chain covers [low - T_n, high - T_n] for every n still to come:
    then all of them succeed.
    """
    values = np.empty(n_max, np.int64)
    states = np.empty(n_max, np.int8)
    order = np.empty(n_max, np.uint64)
    most = np.empty(n_max + 1, np.int64)  # max of T_n + Pos_n over n >= t
    least = np.empty(n_max + 1, np.int64)  # min of T_n + Neg_n over n >= t
    most_locked = np.empty(n_max + 1, np.int64)  # max of T_n over n >= t
    least_locked = np.empty(n_max + 1, np.int64)  # min of T_n over n >= t
    settled = np.zeros(n_max + 2, np.int64)  # trials that succeed in every way from n on
    flags = np.zeros(counts.shape[1], np.bool_)
    low = -radius
    high = radius
    for k in range(targets.shape[0]):
        low = min(low, targets[k])
        high = max(high, targets[k])
    eps = eps2 >> 1
    scratch = new_scratch(1024)
    for trial in range(first, first + trials):
        draw_trial(law, trial, values, states, order)
        most[0] = 0
        least[0] = 0
        most_locked[0] = 0
        for t in range(n_max):
            x = values[t]
            fixed = x if states[t] == LOCKED else np.int64(0)
            free = x if states[t] == FREE else np.int64(0)
            most[t + 1] = most[t] + fixed + max(free, np.int64(0))
            least[t + 1] = least[t] + fixed + min(free, np.int64(0))
            most_locked[t + 1] = most_locked[t] + fixed
        least_locked[n_max] = most_locked[n_max]
        for t in range(n_max - 1, -1, -1):
            least_locked[t] = min(most_locked[t], least_locked[t + 1])
            most_locked[t] = max(most_locked[t], most_locked[t + 1])
            most[t] = max(most[t], most[t + 1])
            least[t] = min(least[t], least[t + 1])
        offset = np.int64(0)
        positive = np.int64(0)
        negative = np.int64(0)
        scratch[0][0] = 0
        scratch[1][0] = 0
        count = trimmed(scratch[0], scratch[1], 1, low - eps - most[0], high + eps - least[0])
        _note(scratch, count, offset, radius, targets, eps2, flags)
        for k in range(flags.shape[0]):
            counts[0, k] += flags[k]
        for t in range(n_max):
            if states[t] != PRUNED:
                x = values[t]
                if states[t] == LOCKED:
                    offset += x
                elif count > 0:
                    positive += max(x, np.int64(0))
                    negative += min(x, np.int64(0))
                    keep_low = low - eps + positive - most[t + 1]
                    keep_high = high + eps + negative - least[t + 1]
                    scratch, count = add(scratch, count, x, eps2, keep_low, keep_high)
                _note(scratch, count, offset, radius, targets, eps2, flags)
                if flags[0] and window_covered(
                    scratch, count, low - most_locked[t + 1], high - least_locked[t + 1], eps2
                ):
                    settled[t + 1] += 1
                    break
            for k in range(flags.shape[0]):
                counts[t + 1, k] += flags[k]
    done = np.int64(0)
    for n in range(n_max + 1):
        done += settled[n]
        for k in range(flags.shape[0]):
            counts[n, k] += done
