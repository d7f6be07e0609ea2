"""How often choices of a fixed size cover every target, counted in draws: a naive measurement.

It imports nothing of the project. Sums are sets of whole multiples of eps/64, held as the bits of one integer, so every
sum of all choices is looked at, however many there are. keep: ("size", j), ("share", k) or ("groups", N, M, lenient).
"""

from itertools import combinations
from math import floor

import numpy as np

FINE = 64


def measured(n, eps, keep, trials, *, prune=0.0, lock=0.0, radius=1.0, seed=1):
    """Return (uniform, pointwise): the share of draws that cover [-radius, radius], and the least over 9 targets."""
    rng = np.random.default_rng(seed)
    targets = np.linspace(0, radius, 9)
    uniform, pointwise = 0, np.zeros(9, int)
    for _ in range(trials):
        x, state = rng.uniform(-1, 1, n), rng.random(n)
        locked, free = (state >= prune) & (state < prune + lock), state >= prune + lock
        found = sums(np.rint(x * FINE / eps).astype(int), locked, free, keep)
        if found is None:
            continue
        bits, offset = found
        near = smeared(bits, 2 * FINE)  # bit b: a sum lies in b - 128 .. b, within eps of b - 64
        at = [round(z * FINE / eps - x[locked].sum() * FINE / eps) + FINE + offset for z in (-radius, radius, *targets)]
        window = (1 << (at[1] - at[0] + 1)) - 1
        uniform += at[0] >= 0 and (near >> max(at[0], 0)) & window == window
        pointwise += [b >= 0 and near >> max(b, 0) & 1 for b in at[2:]]
    return uniform / trials, pointwise.min() / trials


def sums(x, locked, free, keep):
    """Return (bits, offset): bit b stands for the sum b - offset of free values; None: no choice complies."""
    if keep[0] == "groups":
        _, kept, of, lenient = keep
        bits, offset = 1, 0
        for start in range(0, len(x), of):
            group = slice(start, start + of)
            values = x[group][free[group]].tolist()
            wanted = kept - int(locked[group].sum())
            if not 0 <= wanted <= len(values):
                if not lenient:
                    return None
                wanted = min(max(wanted, 0), len(values))
            patterns = {sum(pattern) for pattern in combinations(values, wanted)}
            low, before, bits = min(patterns), bits, 0
            for pattern in patterns:
                bits |= before << (pattern - low)
            offset -= low
        return bits, offset
    values = x[free].tolist()
    size = keep[1] if keep[0] == "size" else len(x) - floor(len(x) * keep[1] + 0.5 + 1e-9) - int(locked.sum())
    if not 0 <= size <= len(values):
        return None
    shift = -min([0, *values])
    by_size = [1] + [0] * size
    for value in values:
        for j in range(size, 0, -1):
            by_size[j] |= by_size[j - 1] << (value + shift)
    return by_size[size], shift * size


def smeared(bits, count):
    """Return bits with every bit that is set also set up to ``count`` places higher."""
    done = 0
    while done < count:
        step = min(done + 1, count - done)
        bits |= bits << step
        done += step
    return bits
