"""What a build will take, before it starts: a few rows of every layer are built and drawn, and timed."""

import time
from dataclasses import dataclass

import numpy as np

from simulations.existence.rows import layer_rows
from simulations.existence.source import Source
from simulations.existence.target import Target
from simulations.run.engines import Threads
from simulations.run.units import Engine
from slt.core.keep import Groups

ROWS = 8  # that are tried
CHECK_FACTOR = 1.5  # the check draws every edge, then applies the mask and multiplies


@dataclass(frozen=True)
class Cost:
    """Seconds and GiB of memory."""

    seconds: float
    gib: float

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s, {self.gib:.2g} GiB"


def estimate(
    source: Source,
    target: Target,
    precisions: tuple[float, ...],
    engine: Engine | None = None,
    groups: Groups | None = None,
) -> Cost:
    """Estimate a build and its check from a handful of rows of each layer, done by one thread of this machine.

    engine: by default a thread a core; it is taken to be as many times as fast as it has threads. The memory is this
    machine's. Raises ValueError for blocks that cannot be built at all.
    """
    engine = engine or Threads()
    seconds = 0.0
    for number in range(len(target.weights)):
        rows = layer_rows(source, target, number, precisions, groups)
        some = np.resize(rows.weights, (min(rows.count, ROWS), rows.weights.shape[1]))
        rows.solve(0, some[:1])  # compiles once
        start = time.perf_counter()
        rows.solve(0, some)
        built = time.perf_counter() - start
        start = time.perf_counter()
        source.rows(number + 2, 0, 1)
        drawn = time.perf_counter() - start
        seconds += rows.count * (built / len(some) + CHECK_FACTOR * drawn) / engine.jobs
    return Cost(seconds, _memory(source, target, engine.jobs if isinstance(engine, Threads) else 1))


def _memory(source: Source, target: Target, threads: int) -> float:
    """GiB at the peak: the mask, realised weights with their errors, the masked upper layers, scratch."""
    rows = [n * b for n, b in zip(target.sizes[1:], (*source.blocks[1:], 1), strict=True)]
    masks = sum(r * width / 8 for r, width in zip(rows, source.widths[1:], strict=False))
    weights = sum(r * w.shape[1] * 8 for r, w in zip(rows, target.parted, strict=True))
    upper = sum(r * width * 8 for r, width in zip(rows[1:], source.widths[2:], strict=False))
    return (masks + 5 * weights + 4 * upper + threads * 2**28) / 2**30


def refuse(cost: Cost, limit: Cost) -> None:
    """Raise ValueError when the estimate is beyond the limit."""
    if cost.seconds > limit.seconds:
        raise ValueError(
            f"this build would take about {cost.seconds:.0f} s, the limit is {limit.seconds:.0f} s "
            "(--limit-seconds); less freezing, a larger --eps or --width estimated ask for less"
        )
    if cost.gib > limit.gib:
        raise ValueError(
            f"this build would take about {cost.gib:.2g} GiB, the limit is {limit.gib:g} GiB (--limit-gib); "
            "less freezing, a larger --eps or --width estimated ask for less"
        )
