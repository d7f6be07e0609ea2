"""How many variables are needed? Measured as the whole curve of success against n, never as a hitting time.

With locking a trial that covers its window can lose it again when the next variable is locked, so the first n at
which a trial succeeds says too little. Every trial is decided at every n = 0..n_max, and the smallest n that succeeds
often enough gets the fixed-sequence interval of :func:`common.intervals.smallest_n`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import ceil
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from common.intervals import Crossing, smallest_n
from common.store import Row, Store
from simulations.runner import run_chunks

READINGS = ("uniform", "pointwise")
TRIALS = 50_000
LEAST_TRIALS = 1_000
SECONDS_PER_CURVE = 30.0  # one core; where 50,000 trials would take longer, fewer are drawn


class Law(TypedDict):
    """The keyword arguments that every bound, estimate and measurement takes."""

    prune: float
    lock: float
    radius: float


@dataclass(frozen=True)
class Setting:
    """One success curve: precision, rates, target radius, largest n and number of trials, all fixed beforehand."""

    eps: float
    prune: float
    lock: float
    radius: float
    n_max: int
    trials: int


@dataclass(frozen=True)
class Curve:
    """Counts of successes at n = 0..n_max: uniform (n_max + 1,), pointwise (n_max + 1, targets)."""

    uniform: NDArray[np.int64]
    pointwise: NDArray[np.int64]
    trials: int

    def crossing(self, reading: str, delta: float, confidence: float) -> Crossing:
        """Return the interval of the smallest n with success probability at least ``1 - delta``."""
        counts = self.uniform if reading == "uniform" else self.pointwise
        return smallest_n(counts, self.trials, 1 - delta, confidence)


def largest_n(expected: int) -> int:
    """Return the n_max of a curve whose crossing is expected at ``expected``: a quarter beyond it, and 12 more."""
    return expected + ceil(expected / 4) + 12


def seconds_per_trial(n_max: int, eps: float) -> float:
    """Predict the cost of one curve on one core of about 3 GHz; only sample and chunk sizes depend on it."""
    return 1e-6 * (2 + 0.08 * n_max + 0.07 / eps)


def planned_trials(n_max: int, eps: float) -> int:
    """Return the default number of trials of a curve: 50,000, or what half a minute allows, at least 1,000."""
    return max(LEAST_TRIALS, min(TRIALS, int(SECONDS_PER_CURVE / seconds_per_trial(n_max, eps))))


def measure(
    setting: Setting,
    *,
    seed: int,
    store: Store,
    jobs: int | None = None,
    tick: Callable[[int], object] = lambda _: None,
) -> Curve:
    """Decide every trial of ``setting`` at every n; ``tick`` is told the number of trials of each finished chunk."""
    from subsetsum import success_counts
    from subsetsum.curves import targets

    chunk = max(50, min(5_000, int(0.5 / seconds_per_trial(setting.n_max, setting.eps))))

    def work(first: int, count: int) -> Row:
        counts = success_counts(
            setting.n_max,
            setting.eps,
            count,
            prune=setting.prune,
            lock=setting.lock,
            radius=setting.radius,
            seed=seed,
            targets=targets(setting.radius),
            first=first,
        )
        return {"trials": count, "uniform": counts.uniform.tolist(), "pointwise": counts.pointwise.tolist()}

    uniform, pointwise, done = None, None, 0
    for row in run_chunks(
        work,
        experiment="success curve",
        settings=asdict(setting),
        seed=seed,
        trials=setting.trials,
        chunk=chunk,
        store=store,
        jobs=jobs,
    ):
        parts = np.array(row["uniform"]), np.array(row["pointwise"])
        uniform = parts[0] if uniform is None else uniform + parts[0]
        pointwise = parts[1] if pointwise is None else pointwise + parts[1]
        done += row["trials"]
        tick(row["trials"])
    assert uniform is not None
    assert pointwise is not None
    assert done == setting.trials
    return Curve(uniform, pointwise, setting.trials)
