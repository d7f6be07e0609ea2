"""The obvious implementations that the fast ones must equal; nothing of the project is imported here."""

from fractions import Fraction
from itertools import product

import numpy as np


def philox_draw(n, trial, seed=0, prune=0.0, lock=0.0, counts=None):
    """States and integers k, X = k / 2**52, of one trial, by numpy's own generator; counts: exact (pruned, locked)."""
    generator = np.random.Philox(key=np.array([seed, 0], np.uint64), counter=[0, trial, 0, 0])
    raw = [int(word) for word in generator.random_raw(2 * n)]
    ks = [(word >> 11) - 2**52 for word in raw[1::2]]
    if counts is None:
        us = [Fraction(word >> 11, 2**53) for word in raw[0::2]]
        states = [-1 if u < prune else 1 if u < prune + lock else 0 for u in us]
    else:
        order = sorted(range(n), key=lambda j: (raw[2 * j], j))
        states = [0] * n
        for rank, j in enumerate(order):
            states[j] = -1 if rank < counts[0] else 1 if rank < sum(counts) else 0
    return np.array(states, np.int64), np.array(ks, np.int64)


def subset_sums(values, states):
    """All sums of the locked values and any subset of the free ones, sorted, without duplicates."""
    sums = np.zeros(1, dtype=np.asarray(values).dtype)
    for x, state in zip(values, states, strict=True):
        if state == 1:
            sums = sums + x
        elif state == 0:
            sums = np.concatenate([sums, sums + x])
    return np.unique(sums)


def twice_worst_error(sums, radius):
    """Twice the largest distance of a target |z| <= radius from its nearest sum; exact for integers.

    The distance is largest at an end of the window or half-way between two neighbouring sums.
    """
    ends = np.array([-2 * radius, 2 * radius])
    halfway = (sums[1:] + sums[:-1])[np.abs(sums[1:] + sums[:-1]) <= 2 * radius]
    twice_z = np.concatenate([ends, halfway])
    return np.abs(twice_z[:, None] - 2 * sums[None, :]).min(axis=1).max()


def covers(sums, radius, eps):
    """Do the intervals [s - eps, s + eps] together contain [-radius, radius]? Exact for ints and Fractions."""
    reached = -radius
    for s in map(int, sums):
        if s - eps <= reached:
            reached = max(reached, s + eps)
    return reached >= radius and int(sums[0]) - eps <= -radius


def hits(sums, z, eps):
    """Is the target z within eps of a sum?"""
    return np.abs(sums - z).min() <= eps


def best_subset(target, values, states):
    """Smallest |target - sum| over all subsets, with its mask (locked ones included); exact for ints and Fractions."""
    choices = [{-1: (0,), 0: (0, 1), 1: (1,)}[int(state)] for state in states]
    best = None
    for mask in product(*choices):
        error = abs(target - sum(x for x, chosen in zip(values, mask, strict=True) if chosen))
        if best is None or error < best[0]:
            best = error, mask
    return best


def kept_masks(states, size=None, kept=None, groups=None, lenient=False):
    """All masks that keep exactly ``size`` free variables, ``kept`` in all, or of every groups[1] neighbours groups[0].

    Locked variables are in every mask, pruned ones in none. lenient: a group that cannot comply keeps its locked ones
    alone, or all that are not pruned.
    """
    states = [int(state) for state in states]
    masks = []
    for mask in product(*[{-1: (0,), 0: (0, 1), 1: (1,)}[state] for state in states]):
        if size is not None and sum(mask) - states.count(1) != size:
            continue
        if kept is not None and sum(mask) != kept:
            continue
        good = True
        for begin in range(0, len(states), groups[1]) if groups else ():
            part, taken = states[begin : begin + groups[1]], sum(mask[begin : begin + groups[1]])
            locked, possible = part.count(1), len(part) - part.count(-1)
            wanted = groups[0]
            if lenient and locked > wanted:
                wanted = locked
            if lenient and possible < wanted:
                wanted = possible
            good = good and taken == wanted
        if good:
            masks.append(mask)
    return masks


def kept_sums(values, masks):
    """The sums of masks, sorted, without duplicates; int64."""
    return np.array(sorted({sum(int(x) for x, taken in zip(values, mask, strict=True) if taken) for mask in masks}))
