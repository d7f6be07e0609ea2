"""The bits of a ticket, one per searchable weight: packed as they are, or coded down to their entropy."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from slt.core.checks import one_of

CODINGS = ("packed", "entropy")

Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]


def pack(chosen: Sequence[Bools], coding: str = "packed") -> Bytes:
    """Return the bytes of the layers' bits, one after the other.

    "packed": bit j of all bits is bit j % 8 of byte j // 8. "entropy": a range coder to which the bits of layer l are
    independent with the probability kept_l / n_l, which the reader has to know; about sum n_l H(kept_l / n_l) bits.
    """
    bits = np.concatenate([np.zeros(0, np.bool_), *chosen])
    if one_of("coding", coding, CODINGS) == "packed":
        return np.packbits(bits, bitorder="little")
    import constriction

    encoder = constriction.stream.queue.RangeEncoder()
    for layer in chosen:
        if _mixed(len(layer), int(layer.sum())):
            encoder.encode(layer.astype(np.int32), _model(len(layer), int(layer.sum())))
    return encoder.get_compressed().astype("<u4").view(np.uint8)


def unpack(data: Bytes, sizes: Sequence[int], kept: Sequence[int], coding: str = "packed") -> list[Bools]:
    """Return the bits of layers of these sizes, of which this many are set; the inverse of :func:`pack`.

    Raises ValueError when the data are not what :func:`pack` makes of such bits: not that many, not that many set,
    something behind them.
    """
    if one_of("coding", coding, CODINGS) == "packed":
        if len(data) != -(-sum(sizes) // 8):
            raise ValueError(f"{sum(sizes)} bits need {-(-sum(sizes) // 8)} bytes, got {len(data)}")
        bits = np.unpackbits(data, bitorder="little", count=sum(sizes)).astype(np.bool_)
        found = np.split(bits, np.cumsum(sizes)[:-1]) if len(sizes) else []
    else:
        found = _decoded(data, sizes, kept)
    wrong = [(int(layer.sum()), count) for layer, count in zip(found, kept, strict=True) if layer.sum() != count]
    if wrong:
        raise ValueError(f"a layer has {wrong[0][0]} bits set, {wrong[0][1]} were written")
    if not np.array_equal(pack(found, coding), data):
        raise ValueError("there is more than the layers' bits")
    return found


def _decoded(data: Bytes, sizes: Sequence[int], kept: Sequence[int]) -> list[Bools]:
    import constriction

    if len(data) % 4:
        raise ValueError(f"coded bits come in words of 4 bytes, got {len(data)} bytes")
    decoder = constriction.stream.queue.RangeDecoder(np.frombuffer(data.tobytes(), "<u4").astype(np.uint32))
    found = []
    for size, count in zip(sizes, kept, strict=True):
        if _mixed(size, count):
            try:
                found.append(np.asarray(decoder.decode(_model(size, count), size)).astype(np.bool_))
            except (AssertionError, ValueError) as error:
                raise ValueError(f"the coded bits are damaged: {error}") from None
        else:
            found.append(np.full(size, count > 0))
    return found


def _mixed(size: int, kept: int) -> bool:
    return 0 < kept < size


def _model(size: int, kept: int) -> object:
    import constriction

    return constriction.stream.model.Bernoulli(kept / size, perfect=False)
