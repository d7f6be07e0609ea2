"""The smallest block sizes with which the construction still works: bisection, layer by layer from the top."""

from collections.abc import Callable

import numpy as np

from simulations.existence.build import GRID, blocks_below
from simulations.existence.source import Source
from simulations.existence.target import Target
from subsetsum.rows import solve_rows

ROWS = 64  # built between two looks for a failure


def smallest_blocks(
    source: Source,
    target: Target,
    precisions: tuple[float, ...],
    jobs: int | None = None,
    told: Callable[[str], None] = lambda line: None,
) -> tuple[int, ...]:
    """Return block sizes that work, b_l - 1 failing in every layer l, searched between 1 and those of ``source``.

    A block size works when every weight of its layer comes within its precision; the layers above have their
    smallest sizes already. Whether it works need not be monotone in the size: this is what bisection finds, in
    sources of one seed. Raises ValueError when a size of ``source`` itself fails.
    """
    blocks = list(source.blocks)
    for number in range(len(blocks) - 1, -1, -1):
        low, high = 0, blocks[number] + 1
        while high - low > 1:
            # the given size first, then the middle
            middle = (low + high) // 2 if high <= blocks[number] else blocks[number]
            tried = (*blocks[:number], middle, *blocks[number + 1 :])
            works = _works(Source(source.seed, source.sizes, tried, source.prune, source.lock), target, number,
                           precisions, jobs)  # fmt: skip
            told(f"target layer {number + 1}, block size {middle}: {'works' if works else 'fails'}")
            if not works and middle == blocks[number]:
                raise ValueError(f"block size {middle} of layer {number + 1} fails already; ask for wider blocks")
            low, high = (low, middle) if works else (middle, high)
        blocks[number] = high
    return tuple(blocks)


def _works(source: Source, target: Target, number: int, precisions: tuple[float, ...], jobs: int | None) -> bool:
    """Tell whether every weight of target layer ``number`` + 1 comes within its precision; stop at a failure."""
    blocks = blocks_below(source, target, number, precisions[0])
    copies = source.blocks[number + 1] if number + 1 < len(source.blocks) else 1
    wanted = np.repeat(target.parted[number], copies, axis=0)
    eps = precisions[number] * GRID
    for first in range(0, len(wanted), ROWS):
        rows = wanted[first : first + ROWS]
        found, _ = solve_rows(
            source.key(number + 2), blocks, rows, eps, source.rates(number + 2), first=first, jobs=jobs
        )
        if np.abs(found - rows).max() > eps:
            return False
    return True
