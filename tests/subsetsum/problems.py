"""Problems of many kinds in whole numbers: continuous, tiny, tied, duplicated, zero, far from the window."""

import numpy as np

KINDS = ("continuous", "scales", "duplicates", "zeros", "coarse lattice", "fine lattice", "far", "one sign", "frozen")


def problem(rng, kind, n, one=2**52):
    """Values (n,) int64 in units of 1 / one, states (n,) int8 and a radius, of one of KINDS."""
    values = rng.integers(-one, one, n)
    states = rng.choice(np.array([-1, 0, 0, 0, 0, 1], np.int8), n)
    radius = int(rng.choice([one, one // 2, one // 7, 1, 2 * one]))
    if kind == "scales":
        values >>= rng.integers(0, 40, n)
    elif kind == "duplicates" and n:
        values = rng.choice(values[: 1 + n // 3], n) * rng.choice([-1, 1], n)
    elif kind == "zeros":
        values[rng.random(n) < 0.4] = 0
    elif kind == "coarse lattice":
        values = rng.integers(-4, 5, n) * (one // 4)
        radius = one
    elif kind == "fine lattice":
        values = rng.integers(-64, 65, n) * (one // 64)
        radius = int(rng.integers(1, 65)) * (one // 64)
    elif kind == "far":
        values[:1] += 3 * one
        states[:1] = 1
    elif kind == "one sign":
        values = np.abs(values)
    elif kind == "frozen":
        states = rng.choice(np.array([-1, 1], np.int8), n)
    return values, states, radius
