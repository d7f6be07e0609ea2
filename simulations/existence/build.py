"""Building the ticket as the proof does: layer by layer, every copy of every target neuron for itself."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import blake2b
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulations.existence.rows import layer_rows
from simulations.existence.source import Source
from simulations.existence.target import Target
from simulations.run.engines import Threads
from simulations.run.units import Engine
from slt.core.checks import first_line
from slt.core.files import write_atomically
from slt.core.keep import Groups
from slt.core.store import canonical

Floats = NDArray[np.float64]


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
    engine: Engine | None = None,
    advance: Callable[[int], None] = lambda edges: None,
    groups: Groups | None = None,
) -> Ticket:
    """Choose the mask. precisions: eps of the weights of target layers 1 .. L.

    groups: of every M neighbouring edges of a neuron above layer 1 N are kept, as near to the target's weights as this
    allows; for inputs that are never negative, and blocks that groups divide.

    folder: where finished parts are kept; a build that was killed goes on from them, to the same bits. engine: by
    default a thread a core; the ticket is the same on any. advance: is told of edges that are done. Raises ValueError
    when the folder holds another build or a damaged part, and what the engine raises.
    """
    if groups:
        _check_groups(source, target, groups)
    parts = [layer_rows(source, target, number, precisions, groups) for number in range(len(target.weights))]
    own = np.zeros(source.widths[1], np.bool_)
    own[parts[0].candidates.blocks.columns] = True  # others are pruned, or dead: u < 0, the input never negative
    if folder is not None:
        _claim(folder, source, target, precisions, [rows.starts.step for rows in parts], groups)
    layers = tuple(
        Layer(
            np.empty((rows.count, rows.weights.shape[1])),
            np.empty((rows.count, -(-rows.width // 8)), np.uint8),
            rows.eps,
        )
        for rows in parts
    )

    def put(number: int, first: int, weights: Floats, masks: NDArray[np.uint8]) -> None:
        rows = slice(first, first + len(weights))
        layers[number].weights[rows], layers[number].masks[rows] = weights, masks
        advance(len(weights) * parts[number].width)

    missing = []
    for number, rows in enumerate(parts):
        for first in rows.starts:
            if folder is not None and (path := _path(folder, number, first)).exists():
                place = slice(first, first + rows.starts.step)
                put(number, first, *_read(path, (layers[number].weights[place], layers[number].masks[place])))
            else:
                missing.append((number, first))
    units = (parts[number].unit(first) for number, first in missing)
    for unit, found in (engine or Threads()).run(units):
        number, first = unit.name
        if folder is not None:
            _write(_path(folder, number, first), found["weights"], found["masks"])
        put(number, first, found["weights"], found["masks"])
    return Ticket(source, target.low < 0, own, layers)


def _path(folder: Path, number: int, first: int) -> Path:
    return folder / f"layer{number + 2}-row{first}.npz"


def _check_groups(source: Source, target: Target, groups: Groups) -> None:
    if np.any(target.low < 0):
        raise ValueError(f"keep {groups} needs inputs that are never negative")
    for number, size in enumerate(source.blocks, 1):
        if size % groups.of:
            raise ValueError(f"blocks must be multiples of {groups.of} for keep {groups}, block {number} has {size}")


def _claim(
    folder: Path, source: Source, target: Target, precisions: tuple[float, ...], steps: list[int], groups: Groups | None
) -> None:
    """Write what this build is, or compare it with what is there. steps: rows of a part, by layer."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = blake2b(b"".join(np.ascontiguousarray(w).tobytes() for w in target.weights), digest_size=16)
    signed = np.flatnonzero(target.low < 0).tolist()
    text = canonical(
        {
            **asdict(source),
            "precisions": precisions,
            "weights": digest.hexdigest(),
            "signed inputs": signed,
            "rows of a part": steps,
            **({"keep": str(groups)} if groups else {}),
        }
    )
    path = folder / "build.json"
    if path.exists() and path.read_text() != text:
        raise ValueError(f"{folder} holds the parts of another build (see build.json); give an empty folder")
    write_atomically(path, text)


def _write(path: Path, weights: Floats, masks: NDArray[np.uint8]) -> None:
    buffer = BytesIO()
    np.savez(buffer, weights=weights, masks=masks)
    write_atomically(path, buffer.getvalue())


def _read(path: Path, room: tuple[Floats, NDArray[np.uint8]]) -> tuple[Floats, NDArray[np.uint8]]:
    """Return the weights and masks of a part; raises ValueError unless they are of the kind and shape of ``room``."""
    try:
        with path.open("rb") as handle, np.load(handle) as file:
            weights, masks = file["weights"], file["masks"]
        if [(a.dtype, a.shape) for a in (weights, masks)] != [(a.dtype, a.shape) for a in room]:
            raise TypeError("its arrays are those of another part")
        return weights, masks
    except Exception as error:  # numpy raises a dozen kinds for damaged files
        raise ValueError(f"{path} is damaged ({first_line(error)}); remove it, and it is built again") from None
