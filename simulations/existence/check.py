"""The ticket checked by someone else: the source drawn again from its seed, the mask applied, the network run.

Nothing of the builder is used but its mask; the numbers come from :mod:`simulations.existence.source`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from simulations.existence.build import Ticket
from simulations.existence.source import Source
from subsetsum.threads import workers

Floats = NDArray[np.float64]
PART = 2**20  # edges drawn at a time by one thread


@dataclass(frozen=True)
class Verdict:
    """locked_dropped, pruned_kept: violations of the frozen states, both must be 0; outputs: (N, n_L) of the masked
    source as an ordinary network; weight_gap: largest difference between the realised weights claimed and found."""

    locked_dropped: int
    pruned_kept: int
    outputs: Floats
    weight_gap: float


def check(ticket: Ticket, inputs: Floats, jobs: int | None = None) -> Verdict:
    """Run the masked source on ``inputs`` (N, d) and compare every mask bit with the frozen states."""
    source = ticket.source
    u, activations, kept_pruned = _first_layer(ticket, inputs)
    dropped = 0
    gap = 0.0
    for number, layer in enumerate(ticket.layers):
        width = source.widths[number + 1]
        size = max(PART // width, 1)
        # what edges are multiplied with on the way from relu(x) and, in the first layer, from relu(-x)
        factors = [np.ones(width)] if number else [np.maximum(u, 0)] + [np.maximum(-u, 0)] * bool(ticket.signed.any())
        tasks = (
            delayed(_rows)(
                source, number + 2, first, layer.masks[first : first + size], activations, factors, source.sizes[number]
            )
            for first in range(0, len(layer.masks), size)
        )
        parts = Parallel(n_jobs=workers(jobs), backend="threading")(tasks)
        outputs = np.concatenate([part[0] for part in parts], axis=1)
        found, *negative = (np.concatenate(sums) for sums in zip(*(part[1] for part in parts), strict=True))
        claimed = np.hstack([found, *(sums[:, ticket.signed] for sums in negative)])
        dropped += sum(part[2] for part in parts)
        kept_pruned += sum(part[3] for part in parts)
        gap = max(gap, float(np.abs(claimed - layer.weights).max()))
        activations = np.maximum(outputs, 0)
    return Verdict(dropped, kept_pruned, outputs, gap)


def _first_layer(ticket: Ticket, inputs: Floats) -> tuple[Floats, Floats, int]:
    """Own edges u, activations (N, width) and the number of pruned edges kept; each neuron keeps its own edge only."""
    source = ticket.source
    size, width = source.blocks[0], source.widths[1]
    u = np.empty(width)
    activations = np.empty((len(inputs), width))
    wrong = 0
    for i in range(source.sizes[0]):
        # the rows of block i, masked: all but column i is 0
        rows = slice(i * size, (i + 1) * size)
        values, states = source.rows(1, i * size, size)
        mask = np.zeros_like(values)
        mask[:, i] = ticket.own[rows]
        wrong += int(np.sum((mask == 1) & (states == -1)))
        activations[:, rows] = np.maximum(inputs @ (values * mask).T, 0)
        u[rows] = (values * mask)[:, i]
    return u, activations, wrong


def _rows(
    source: Source,
    layer: int,
    first: int,
    masks: NDArray[np.uint8],
    below: Floats,
    factors: Sequence[Floats],
    blocks: int,
) -> tuple[Floats, tuple[Floats, ...], int, int]:
    """Outputs (N, rows), realised weights (rows, blocks) by factor, dropped locked and kept pruned edges of rows."""
    values, states = source.rows(layer, first, len(masks))
    kept = np.unpackbits(masks, axis=1, bitorder="little", count=values.shape[1])
    dropped = int(np.count_nonzero((states == 1) & (kept == 0)))
    wrong = int(np.count_nonzero((states == -1) & (kept == 1)))
    values *= kept
    outputs = below @ values.T
    grouped = values.reshape(len(masks), blocks, -1)
    sums = tuple(np.einsum("rgb,gb->rg", grouped, factor.reshape(blocks, -1)) for factor in factors)
    return outputs, sums, dropped, wrong
