"""The simpler setting of Pensia et al. (2020): every weight is a subset of its own n random numbers, nothing frozen."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.existence.rows import Candidates, Rows
from simulations.existence.source import Source
from simulations.existence.target import Target
from simulations.run.engines import Threads
from simulations.run.units import Engine
from slt.core.checks import positive, whole

MOST_NUMBERS = 1000
ALL_SUBSETS = 24  # numbers, of which numpy can try all subsets
MOST_TRIED = 100  # failures that are looked at again


@dataclass(frozen=True)
class Found:
    """failures: weights without a subset within eps; impossible: those of them for which all 2^n subsets were tried.

    verified: all bits were applied to the numbers, drawn again by numpy, and gave the claimed weights exactly.
    """

    problems: int
    failures: int
    impossible: int
    largest: float
    seconds: float
    verified: bool


def build_weights(target: Target, seed: int, n: int, eps: float, engine: Engine | None = None) -> Found:
    """Approximate every weight of the target within eps by a subset of n numbers of its own, and verify the bits.

    Up to n = 30 the subset of a failure is the best of all 2^n; up to n = 24 numpy tries them all again. engine: by
    default a thread a core; the bits are the same on any. Raises ValueError for n outside 1 .. 1000 or eps outside
    (0, 1].
    """
    n, eps = whole("numbers", n, 1), positive("eps-weight", eps)
    if n > MOST_NUMBERS:
        raise ValueError(f"numbers must be at most {MOST_NUMBERS}, got {n}")
    if eps > 1:
        raise ValueError(f"eps-weight must be at most 1, got {eps:g}")
    # as a source: target layer k's numbers are layer k, whose inputs are repeated n times
    source = Source(seed, target.sizes, (n,) * len(target.weights), *((0.0,) * (len(target.weights) + 1),) * 2)
    failures, impossible, largest, seconds, verified = 0, 0, 0.0, 0.0, True
    for number, w in enumerate(target.weights):
        start = time.perf_counter()
        rows = Rows(Candidates(source, number), w, 1, eps)
        found, masks = np.empty(w.shape), np.empty((len(w), -(-rows.width // 8)), np.uint8)
        for unit, part in (engine or Threads()).run(map(rows.unit, rows.starts)):
            where = slice(unit.name[1], unit.name[1] + len(part["weights"]))
            found[where], masks[where] = part["weights"], part["masks"]
        seconds += time.perf_counter() - start
        error = np.abs(found - w)
        missed = np.argwhere(error > eps)
        failures += len(missed)
        largest = max(largest, float(error.max()))
        values, _ = source.rows(number + 2, 0, len(w))
        kept = np.unpackbits(masks, axis=1, bitorder="little", count=values.shape[1])
        again = (values * kept).reshape(*w.shape, n).sum(axis=2)
        verified &= bool(np.array_equal(again, found))
        if n <= ALL_SUBSETS:
            numbers = values.reshape(*w.shape, n)
            impossible += sum(_nearest_of_all(numbers[tuple(at)], w[tuple(at)]) > eps for at in missed[:MOST_TRIED])
    return Found(sum(w.size for w in target.weights), failures, impossible, largest, seconds, verified)


def _nearest_of_all(numbers: NDArray[np.float64], goal: float) -> float:
    """Return the distance of the nearest of all subset sums."""
    sums = np.zeros(1)
    for x in numbers:
        sums = np.concatenate([sums, sums + x])
    return float(np.abs(sums - goal).min())
