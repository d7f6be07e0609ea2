"""The rows of a ticket's layers in parts of a fixed size: what the builder does, as units of work for an engine."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.existence.source import Source
from simulations.existence.target import Target
from simulations.run.units import Unit
from slt.core.keep import Groups
from slt.core.store import Row
from subsetsum.best import best_subsets
from subsetsum.rows import Blocks, even_blocks, first_layer, solve_rows
from theory import products

Floats = NDArray[np.float64]
PART_EDGES = 2**22  # edges of a part, or one row of more: some tenths of a second, 512 KiB of mask
KEPT_EDGES = 2**17  # edges of a part where groups N:M are kept, which takes some ten times longer
KEPT_TOGETHER = 48  # neighbouring edges of which the best choice is looked for at once
GRID = 1 + 1 / 128  # a plan leaves this much of its eps for the source's grid of 2**-43, see docs/existence.md


@dataclass(frozen=True)
class Candidates:
    """What the weights of target layer ``number`` + 1 are chosen from: blocks of the edges of source layer number + 2.

    precision, signed: of layer 1 alone, whose edges follow on edges: the eps of its weights, and which inputs may be
    negative, (d,). Both None: the edges of this layer are plain ones too.
    It travels without its blocks, which every machine draws for itself.
    """

    source: Source
    number: int
    precision: float | None = None
    signed: tuple[bool, ...] | None = None

    @cached_property
    def blocks(self) -> Blocks:
        """The blocks, one for every weight of a row."""
        source, number = self.source, self.number
        if self.precision is None or self.signed is None:
            return even_blocks(source.sizes[number], source.blocks[number])
        u = first_layer(source.key(1), source.sizes[0], source.blocks[0], source.rates(1))
        neurons = np.arange(len(u)).reshape(source.sizes[0], source.blocks[0])
        parts = [row[u[row] > 0] for row in neurons] + [row[u[row] < 0] for row in neurons[np.array(self.signed)]]
        starts = np.cumsum([0, *(len(part) for part in parts)])
        return Blocks(np.abs(u), np.concatenate(parts), starts, products.window(self.precision))

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self.source, self.number, self.precision, self.signed)


@lru_cache(maxsize=1)
def _arrived(*fields: Any) -> Candidates:
    """Return candidates that came from another process: one object, with its blocks, for all parts of a layer."""
    return Candidates(*fields)


@dataclass(frozen=True, eq=False)
class Rows:
    """All rows of one source layer: ``copies`` of every row of ``weights`` (n_l, G), wanted to within ``eps``.

    groups: N:M where of every M neighbouring edges of a row N are to be kept.
    """

    candidates: Candidates
    weights: Floats
    copies: int
    eps: float
    groups: Groups | None = None

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.weights) * self.copies

    @property
    def width(self) -> int:
        """Edges of a row."""
        return self.candidates.source.widths[self.candidates.number + 1]

    @property
    def starts(self) -> range:
        """The first row of every part; parts depend on the widths alone."""
        return range(0, self.count, max((KEPT_EDGES if self.groups else PART_EDGES) // self.width, 1))

    def wanted(self, first: int) -> Floats:
        """Return the weights wanted in the part that starts at row ``first``, (rows, G)."""
        rows = np.arange(first, min(first + self.starts.step, self.count))
        return self.weights[rows // self.copies]

    def unit(self, first: int) -> Unit:
        """Return the part that starts at row ``first`` as a unit named (number, first); its row: :func:`solve`."""
        number = self.candidates.number
        return Unit((number, first), f"rows of layer {number + 2}", self._call(first, self.wanted(first)))

    def solve(self, first: int, wanted: Floats) -> Row:
        """Choose the edges of rows ``first`` on, as many as ``wanted`` (rows, G) has; see :func:`solve`."""
        return self._call(first, wanted)()

    def _call(self, first: int, wanted: Floats) -> Callable[[], Row]:
        if self.groups:
            return partial(solve_kept, self.candidates, first, wanted, self.groups)
        return partial(solve, self.candidates, first, wanted, self.eps)


def solve(candidates: Candidates, first: int, wanted: Floats, eps: float) -> Row:
    """Choose the edges of rows ``first`` on, as many as ``wanted`` (rows, G) has.

    Returns realised "weights" (rows, G) float64 and "masks" (rows, ceil(width / 8)) uint8, see
    :func:`subsetsum.rows.solve_rows`, which says what it raises.
    """
    source, layer = candidates.source, candidates.number + 2
    weights, masks = solve_rows(source.key(layer), candidates.blocks, wanted, eps, source.rates(layer), first=first)
    return {"weights": weights, "masks": masks}


def solve_kept(candidates: Candidates, first: int, wanted: Floats, groups: Groups) -> Row:
    """Choose the edges of rows ``first`` on so that of every M neighbours N are kept; returns as :func:`solve` does.

    The edges of a block are taken :data:`KEPT_TOGETHER` at a time, each time the choice that comes nearest to what is
    still missing; so the last ones decide. An edge to a neuron that is 0 is worth 0, and counts when it is kept.
    """
    source, number = candidates.source, candidates.number
    size, of = source.blocks[number], groups.of
    values, states = source.rows(number + 2, first, len(wanted))
    shape = (len(wanted), wanted.shape[1], size // of, of)
    order = np.tile(np.arange(size // of), (wanted.shape[1], 1))
    if candidates.precision is not None:
        factor = np.maximum(first_layer(source.key(1), source.sizes[0], size, source.rates(1)), 0)
        values *= factor
        alive = (factor.reshape(shape[1:]) > 0).sum(axis=2)
        order = np.argsort(-alive, axis=1, kind="stable")  # the groups that come first decide: the richest ones
    taken = order[None, :, :, None]
    numbers = np.take_along_axis(values.reshape(shape), taken, axis=2).reshape(-1, size)
    fates = np.take_along_axis(states.reshape(shape), taken, axis=2).reshape(-1, size)
    missing = wanted.reshape(-1).copy()
    kept = np.empty(numbers.shape, np.bool_)
    step = KEPT_TOGETHER // of * of
    for start in range((size - 1) // step * step, -1, -step):  # a short part comes first, where it decides nothing
        part = slice(start, start + step)
        some = np.ascontiguousarray(numbers[:, part])
        _, kept[:, part] = best_subsets(
            targets=missing, values=some, states=np.ascontiguousarray(fates[:, part]), keep=groups, jobs=1
        )
        missing -= (some * kept[:, part]).sum(axis=1)
    mask = np.empty(shape, np.bool_)
    np.put_along_axis(mask, taken, kept.reshape(shape), axis=2)
    bits = np.packbits(mask.reshape(len(wanted), -1), axis=1, bitorder="little")
    return {"weights": wanted - missing.reshape(wanted.shape), "masks": bits}


def layer_rows(
    source: Source, target: Target, number: int, precisions: tuple[float, ...], groups: Groups | None = None
) -> Rows:
    """Return the rows of target layer ``number`` + 1; precisions: eps of the weights of target layers 1 .. L."""
    copies = source.blocks[number + 1] if number + 1 < len(source.blocks) else 1
    if number == 0:
        candidates = Candidates(source, 0, precisions[0], tuple((target.low < 0).tolist()))
    else:
        candidates = Candidates(source, number)
    return Rows(candidates, target.parted[number], copies, precisions[number] * GRID, groups)
