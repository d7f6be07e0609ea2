"""Tickets of one source layer: for every weight of a neuron a subset of its block of random edges, within eps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slt.core.checks import positive, whole
from slt.core.rates import Rates

UNIT = 2.0**-48  # of the sums; edges are multiples of 2**-43, so that 2**13 of them stay below 2**63 with any target
LARGEST_BLOCK = 2**13
STATE_BITS = 20

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Blocks:
    """The inputs of a source layer, cut into blocks that stand for one target weight each.

    factor: (n,) what an edge is multiplied with (1 where the input is a copy of a target neuron). columns and starts:
    block g consists of columns[starts[g]:starts[g + 1]]. window: half width of the interval W that the sums are led
    into before candidates are tried, 1/2 for uniform edges, 1/(2e) or less for products.
    """

    factor: Floats
    columns: NDArray[np.int64]
    starts: NDArray[np.int64]
    window: float

    @property
    def count(self) -> int:
        """Number of blocks."""
        return len(self.starts) - 1


def even_blocks(count: int, size: int) -> Blocks:
    """Return ``count`` consecutive blocks of ``size`` edges each, uniform.

    >>> even_blocks(2, 3).starts
    array([0, 3, 6])
    """
    n = whole("count", count) * whole("size", size)
    return Blocks(np.ones(n), np.arange(n), np.arange(count + 1) * size, 0.5)


def thresholds(rates: Rates) -> tuple[int, int]:
    """Return p and p + q as whole numbers out of 2**20: what a word's state bits are compared with.

    >>> thresholds(Rates(0.5, 0.25))
    (524288, 786432)
    """
    scale = 2**STATE_BITS
    return round(rates.prune * scale), round(rates.freezing * scale)


def first_layer(key: int, inputs: int, size: int, rates: Rates) -> Floats:
    """Return the own edge of every neuron of source layer 1, (inputs * size,), 0 where it is pruned.

    Neuron r belongs to input r // size; its edge is drawn as in :func:`solve_rows`.
    """
    from subsetsum.kernels.first_within import own_edges

    out = np.empty(inputs * size)
    own_edges(np.uint64(key), size, np.uint64(thresholds(rates)[0]), out)
    return out


def solve_rows(
    key: int, blocks: Blocks, targets: Floats, eps: float, rates: Rates, *, first: int = 0
) -> tuple[Floats, Bytes]:
    """Choose, for rows ``first``, ``first + 1``, .. of a source layer, which edges the ticket keeps.

    targets: (R, G), the weight that block g of row ``first + r`` shall sum to. Edge j of row i comes from output j of
    ``numpy.random.Philox(key=[key, 0], counter=[0, i, 0, 0])``: its upper 44 bits as a signed number, times 2**-43,
    are its value; its lower 20 bits c its state: pruned if c < p 2**20, else locked if c < (p + q) 2**20, else free.
    Locked edges are always kept, pruned ones never. Free ones lead the sum into the window, then the first few
    candidates with a subset within eps decide (an exact optimum over 2 to 30 of them, then over the next ones); where
    that misses, the same again from another of the numbers on, eight times at most.

    Returns realised weights (R, G) float64, exact multiples of 2**-48, and the mask (R, ceil(n / 8)) uint8, edge j
    being bit j % 8 of byte j // 8. Where no subset is found the nearest one met is kept: compare the weights with
    the targets. A product of edge and factor is rounded to a multiple of 2**-48. One thread does it, without Python's
    lock; a row depends on its number alone, so rows may be cut into any parts.
    Raises ValueError for blocks above 2**13 edges, or targets of another shape or not finite.
    """
    from subsetsum.kernels.first_within import MOST
    from subsetsum.kernels.first_within import solve_rows as kernel
    from subsetsum.kernels.halves import buffers

    goals = np.asarray(targets, dtype=np.float64)
    if goals.ndim != 2 or goals.shape[1] != blocks.count or not np.all(np.abs(goals) <= 1024):
        raise ValueError(f"targets must be (rows, {blocks.count}) and finite, got shape {goals.shape}")
    largest = int(np.diff(blocks.starts).max(initial=0))
    if largest > LARGEST_BLOCK:
        raise ValueError(f"a block may have at most {LARGEST_BLOCK} edges (sums would leave 64 bits), got {largest}")
    units = np.rint(goals / UNIT).astype(np.int64)
    window = np.full(blocks.count, int(blocks.window / UNIT))
    allowed = int(positive("eps", eps) / UNIT)
    # about one in e^4 first tries fails: 2^m sums spread over an interval of length about 2
    candidates = int(np.ceil(np.log2(1 / eps))) + 2
    prune, freezing = (np.uint64(x) for x in thresholds(rates))
    sums: NDArray[np.int64] = np.empty(goals.shape, np.int64)
    masks: Bytes = np.empty((len(goals), -(-len(blocks.factor) // 8)), np.uint8)

    kernel(
        np.uint64(key), first, prune, freezing, blocks.factor, blocks.starts, blocks.columns,
        units, window, allowed, candidates, *buffers(MOST), sums, masks,
    )  # fmt: skip
    return np.multiply(sums, UNIT), masks
