"""Building the ticket as the proof does: layer by layer, every copy of every target neuron for itself."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import blake2b
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulations.existence.source import Source
from simulations.existence.target import Target
from slt.core.checks import first_line
from slt.core.files import write_atomically
from slt.core.store import canonical
from subsetsum.rows import Blocks, even_blocks, first_layer, solve_rows
from theory import products

Floats = NDArray[np.float64]
PART_EDGES = 2**26  # edges that are built, and written, at a time
GRID = 1 + 1 / 128  # a plan leaves this much of its eps for the source's grid of 2**-43, see docs/existence.md


@dataclass(frozen=True)
class Layer:
    """Source layer l + 1 of the ticket. weights: (rows, blocks) realised weight of each copy from each block below, in
    the first layer from each part of an input (Target.parts); masks: (rows, ceil(width / 8)) uint8, bit j % 8 of byte
    j // 8 tells whether edge j is kept; eps: precision."""

    weights: Floats
    masks: NDArray[np.uint8]
    eps: float


@dataclass(frozen=True)
class Ticket:
    """The mask of a source. own: for every first-layer neuron whether its one edge is kept; layers: the others.

    signed: (d,), which inputs may be negative and so have a second column in the first layer's weights.
    """

    source: Source
    signed: NDArray[np.bool_]
    own: NDArray[np.bool_]
    layers: tuple[Layer, ...]


def build(
    source: Source,
    target: Target,
    precisions: tuple[float, ...],
    folder: Path | None = None,
    jobs: int | None = None,
    advance: Callable[[int], None] = lambda edges: None,
) -> Ticket:
    """Choose the mask. precisions: eps of the weights of target layers 1 .. L.

    folder: where finished parts are kept; a build that was killed goes on from them, to the same bits. Raises
    ValueError when the folder holds another build.
    """
    own = np.zeros(source.widths[1], np.bool_)
    if folder is not None:
        _claim(folder, source, target, precisions)
    layers = []
    for number, weights in enumerate(target.parted):
        blocks = blocks_below(source, target, number, precisions[0])
        if number == 0:
            own[blocks.columns] = True  # the others are pruned, or dead: u < 0 where the input is never negative
        copies = source.blocks[number + 1] if number + 1 < len(source.blocks) else 1
        wanted = np.repeat(weights, copies, axis=0)
        size = max(PART_EDGES // len(blocks.factor), 1)
        eps = precisions[number] * GRID
        found = np.empty(wanted.shape)
        masks = np.empty((len(wanted), -(-len(blocks.factor) // 8)), np.uint8)
        for first in range(0, len(wanted), size):
            rows = slice(first, min(first + size, len(wanted)))
            path = None if folder is None else folder / f"layer{number + 2}-row{first}.npz"
            part = _read(path) if path is not None and path.exists() else None
            if part is None:
                part = solve_rows(
                    source.key(number + 2), blocks, wanted[rows], eps, source.rates(number + 2), first=first, jobs=jobs
                )
                if path is not None:
                    _write(path, *part)
            found[rows], masks[rows] = part
            advance((rows.stop - first) * len(blocks.factor))
        layers.append(Layer(found, masks, eps))
    return Ticket(source, target.low < 0, own, tuple(layers))


def blocks_below(source: Source, target: Target, number: int, eps: float) -> Blocks:
    """Return the candidates of target layer ``number`` + 1; eps: precision of the first layer's weights."""
    if number > 0:
        return even_blocks(source.sizes[number], source.blocks[number])
    u = first_layer(source.key(1), source.sizes[0], source.blocks[0], source.rates(1))
    neurons = np.arange(len(u)).reshape(source.sizes[0], source.blocks[0])
    parts = [row[u[row] > 0] for row in neurons] + [row[u[row] < 0] for row in neurons[target.low < 0]]
    starts = np.cumsum([0, *(len(part) for part in parts)])
    return Blocks(np.abs(u), np.concatenate(parts), starts, products.window(eps))


def _claim(folder: Path, source: Source, target: Target, precisions: tuple[float, ...]) -> None:
    """Write what this build is, or compare it with what is there."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = blake2b(b"".join(np.ascontiguousarray(w).tobytes() for w in target.weights), digest_size=16)
    signed = np.flatnonzero(target.low < 0).tolist()
    text = canonical(
        {**asdict(source), "precisions": precisions, "weights": digest.hexdigest(), "signed inputs": signed}
    )
    path = folder / "build.json"
    if path.exists() and path.read_text() != text:
        raise ValueError(f"{folder} holds the parts of another build (see build.json); give an empty folder")
    write_atomically(path, text)


def _write(path: Path, weights: Floats, masks: NDArray[np.uint8]) -> None:
    buffer = BytesIO()
    np.savez(buffer, weights=weights, masks=masks)
    write_atomically(path, buffer.getvalue())


def _read(path: Path) -> tuple[Floats, NDArray[np.uint8]]:
    try:
        with path.open("rb") as handle, np.load(handle) as file:
            weights, masks = file["weights"], file["masks"]
        if not isinstance(weights, np.ndarray) or not isinstance(masks, np.ndarray):
            raise TypeError("its parts are no arrays")
        return weights, masks
    except Exception as error:  # numpy raises a dozen kinds for damaged files
        raise ValueError(f"{path} is damaged ({first_line(error)}); remove it, and it is built again") from None
