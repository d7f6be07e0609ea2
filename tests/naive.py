"""The obvious implementations that the fast ones must equal; nothing of the project is imported here."""

from fractions import Fraction
from itertools import pairwise, product

import numpy as np


def philox_draw(n, prune, lock, seed, trial, counts=None):
    """States (n,) and integers k (n,), X = k / 2**52, of one trial, by numpy's own generator."""
    generator = np.random.Philox(key=np.array([seed, 0], np.uint64), counter=[0, trial, 0, 0])
    raw = [int(word) for word in generator.random_raw(2 * n)]
    ks = [(word >> 11) - 2**52 for word in raw[1::2]]
    if counts is None:
        us = [Fraction(word >> 11, 2**53) for word in raw[0::2]]
        states = [-1 if u < Fraction(prune) else 1 if u < Fraction(prune + lock) else 0 for u in us]
    else:
        order = sorted(range(n), key=lambda j: (raw[2 * j], j))
        states = [0] * n
        for rank, j in enumerate(order):
            states[j] = -1 if rank < counts[0] else 1 if rank < sum(counts) else 0
    return states, ks


def subset_sums(values, states):
    """All sums of the locked values and any subset of the free ones, sorted, without duplicates."""
    sums = {0}
    for x, state in zip(values, states, strict=True):
        if state == 1:
            sums = {s + x for s in sums}
        elif state == 0:
            sums |= {s + x for s in sums}
    return sorted(sums)


def worst_error(sums, radius):
    """Largest distance of a target |z| <= radius from its nearest sum; exact for ints and Fractions."""
    middles = [Fraction(low + high) / 2 for low, high in pairwise(sums)]
    candidates = [-radius, radius, *(z for z in middles if abs(z) <= radius)]
    return max(min(abs(z - s) for s in sums) for z in candidates)


def covers(sums, radius, eps):
    """Is every |z| <= radius within eps of a sum? Read off the union of the intervals, not the worst error."""
    reached = -radius
    for s in sums:
        if s - eps <= reached:
            reached = max(reached, s + eps)
    return bool(sums[0] - eps <= -radius and reached >= radius)


def hits(sums, z, eps):
    """Is the target z within eps of a sum?"""
    return min(abs(z - s) for s in sums) <= eps


def best_subset(target, values, states):
    """Smallest |target - sum| over all subsets, with its mask (locked ones included); exact for ints and Fractions."""
    choices = [{-1: (0,), 0: (0, 1), 1: (1,)}[state] for state in states]
    best = None
    for mask in product(*choices):
        error = abs(target - sum(x for x, chosen in zip(values, mask, strict=True) if chosen))
        if best is None or error < best[0]:
            best = error, mask
    return best
