"""The ticket checked by someone else: the source drawn again from its seed, the mask applied, the network run.

Nothing of the builder is used but its mask; the numbers come from :mod:`simulations.existence.source`. The work is cut
into units of rows, which an engine does; their size does not depend on it.
"""

from dataclasses import dataclass
from functools import partial
from math import comb, log2
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.existence.build import Ticket
from simulations.existence.source import Source
from simulations.run.engines import Threads
from simulations.run.units import Engine, Unit
from slt.core.keep import Groups
from slt.core.store import Row

Floats = NDArray[np.float64]
PART = 2**20  # edges drawn at a time by one thread
UNIT_EDGES = 2**24  # edges of a unit, or one row of more: a second or two, and 2 MiB of mask


@dataclass(frozen=True)
class Verdict:
    """locked_dropped, pruned_kept: violations of the frozen states, both must be 0; outputs: (N, n_L) of the masked
    source as an ordinary network; weight_gap: largest difference between the realised weights claimed and found."""

    locked_dropped: int
    pruned_kept: int
    outputs: Floats
    weight_gap: float


class Below:
    """What a layer is given. x: (N, width) activations, or (N, d) inputs when u, (width,) the own edges of first-layer
    neurons, stands between. The units of one process share the activations behind u; to another they travel as x and u.
    """

    def __init__(self, x: Floats, u: Floats | None = None) -> None:
        self.x, self.u = x, u
        self._lock = Lock()
        self._behind: Floats | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Below, (self.x, self.u)

    @property
    def activations(self) -> Floats:
        """Activations of the neurons below, (N, width)."""
        if self.u is None:
            return self.x
        with self._lock:
            if self._behind is None:
                found = np.repeat(self.x, len(self.u) // self.x.shape[1], axis=1)
                found *= self.u
                self._behind = np.maximum(found, 0, out=found)
            return self._behind

    def factors(self, signed: bool) -> list[Floats]:
        """Return what edges are multiplied with on the way from relu(x) and, if inputs are signed, from relu(-x)."""
        if self.u is None:
            return [np.ones(self.x.shape[1])]
        return [np.maximum(self.u, 0)] + [np.maximum(-self.u, 0)] * signed


def check(ticket: Ticket, inputs: Floats, engine: Engine | None = None) -> Verdict:
    """Run the masked source on ``inputs`` (N, d) and compare every mask bit with the frozen states.

    engine: by default a thread a core.
    """
    engine = engine or Threads()
    source = ticket.source
    u, kept_pruned = _first_layer(ticket, engine)
    below = Below(inputs, u)
    dropped = 0
    gap = 0.0
    for number, layer in enumerate(ticket.layers):
        size = max(UNIT_EDGES // source.widths[number + 1], 1)
        call = partial(_rows, source, number + 2, below, ticket.signed)
        units = [
            Unit(first, "rows", partial(call, first, layer.masks[first : first + size]))
            for first in range(0, len(layer.masks), size)
        ]
        outputs = np.empty((len(inputs), len(layer.masks)))
        for unit, found in engine.run(units):
            rows = slice(unit.name, unit.name + len(found["weights"]))
            outputs[:, rows] = found["outputs"]
            dropped += found["dropped"]
            kept_pruned += found["kept"]
            gap = max(gap, float(np.abs(found["weights"] - layer.weights[rows]).max()))
        below = Below(np.maximum(outputs, 0))
    return Verdict(dropped, kept_pruned, outputs, gap)


def _first_layer(ticket: Ticket, engine: Engine) -> tuple[Floats, int]:
    """Return own edges (width,), 0 where not kept, and the number of pruned edges kept."""
    source = ticket.source
    u = np.empty(source.widths[1])
    size = max(UNIT_EDGES // source.sizes[0], 1)
    units = [
        Unit(first, "own edges", partial(_own_edges, source, first, np.packbits(own), len(own)))
        for first in range(0, len(u), size)
        for own in [ticket.own[first : first + size]]
    ]
    wrong = 0
    for unit, found in engine.run(units):
        u[unit.name : unit.name + len(found["own"])] = found["own"]
        wrong += found["kept"]
    return u, wrong


def _own_edges(source: Source, first: int, bits: NDArray[np.uint8], count: int) -> Row:
    """Mask rows first .. first + count - 1 of layer 1: row r keeps its edge from input r // block, if its bit is set.

    Returns "own": (count,) these edges, 0 where not kept, and "kept": the number of pruned ones that are kept.
    """
    own = np.unpackbits(bits, count=count)
    edges = np.empty(count)
    wrong = 0
    size = max(PART // 8 // source.sizes[0], 1)  # each row keeps one edge: the least memory is best
    for start in range(0, count, size):
        part = slice(start, min(start + size, count))
        values, states = source.rows(1, first + start, part.stop - start)
        rows = np.arange(part.stop - start)
        column = (first + start + rows) // source.blocks[0]
        mask = np.zeros(values.shape, np.uint8)
        mask[rows, column] = own[part]
        wrong += int(np.sum((mask == 1) & (states == -1)))
        values *= mask
        edges[part] = values[rows, column]
    return {"own": edges, "kept": wrong}


def _rows(
    source: Source, layer: int, below: Below, signed: NDArray[np.bool_], first: int, masks: NDArray[np.uint8]
) -> Row:
    """Mask and run rows ``first`` on of a layer, as many as there are masks.

    Returns "outputs" (N, rows), realised "weights" (rows, G), numbers of "dropped" locked and "kept" pruned edges.
    """
    activations, factors = below.activations, below.factors(bool(signed.any()))
    size = max(PART // source.widths[layer - 1], 1)
    parts = [
        _some_rows(source, layer, first + start, masks[start : start + size], activations, factors)
        for start in range(0, len(masks), size)
    ]
    outputs, sums, dropped, wrong = zip(*parts, strict=True)
    plus, *minus = (np.concatenate(column) for column in zip(*sums, strict=True))
    weights = np.hstack([plus, *(column[:, signed] for column in minus)])
    return {"outputs": np.hstack(outputs), "weights": weights, "dropped": sum(dropped), "kept": sum(wrong)}


def _some_rows(
    source: Source,
    layer: int,
    first: int,
    masks: NDArray[np.uint8],
    activations: Floats,
    factors: list[Floats],
) -> tuple[Floats, tuple[Floats, ...], int, int]:
    """Outputs (N, rows), realised weights (rows, blocks) by factor, dropped locked and kept pruned edges of rows."""
    values, states = source.rows(layer, first, len(masks))
    kept = np.unpackbits(masks, axis=1, bitorder="little", count=values.shape[1])
    dropped = int(np.count_nonzero((states == 1) & (kept == 0)))
    wrong = int(np.count_nonzero((states == -1) & (kept == 1)))
    values *= kept
    outputs = activations @ values.T
    grouped = values.reshape(len(masks), source.sizes[layer - 2], -1)
    sums = tuple(np.einsum("rgb,gb->rg", grouped, factor.reshape(grouped.shape[1:])) for factor in factors)
    return outputs, sums, dropped, wrong


@dataclass(frozen=True)
class GroupCheck:
    """groups: how many were looked at, in all layers above the first; wrong: those that keep another number than they
    must; bits: log2 of the number of masks that keep as many in each group."""

    groups: int
    wrong: int
    bits: float


def check_groups(ticket: Ticket, groups: Groups) -> GroupCheck:
    """Count the groups of every M neighbouring edges that do not keep N of them, states drawn again.

    If lenient a group with more than N locked edges must keep these alone, and one with fewer than N edges left all.
    """
    source, count, wrong, bits = ticket.source, 0, 0, 0.0
    for number, layer in enumerate(ticket.layers):
        width = source.widths[number + 1]
        size = max(PART // width, 1)
        for first in range(0, len(layer.masks), size):
            masks = layer.masks[first : first + size]
            kept = np.unpackbits(masks, axis=1, bitorder="little", count=width).reshape(-1, groups.of).sum(axis=1)
            states = source.rows(number + 2, first, len(masks))[1].reshape(-1, groups.of)
            locked, left = (states == 1).sum(axis=1), (states != -1).sum(axis=1)
            wanted = np.full(len(states), groups.kept)
            if groups.lenient:
                wanted = np.minimum(np.maximum(wanted, locked), left)
            count += len(wanted)
            wrong += int(np.count_nonzero(kept != wanted))
            pairs, times = np.unique(np.stack([left - locked, wanted - locked]), axis=1, return_counts=True)
            bits += sum(n * log2(max(comb(m, max(k, 0)), 1)) for (m, k), n in zip(pairs.T.tolist(), times, strict=True))
    return GroupCheck(count, wrong, float(bits))
