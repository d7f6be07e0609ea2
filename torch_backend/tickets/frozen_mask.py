"""What the freezing mask would cost if it were stored: pruned, free and locked weights as three states.

A ticket file holds no such mask, because the seed and the rates make it again. Here it is coded as well as its layers'
numbers of pruned and locked weights allow, so that both can be compared. Only experiments use it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import NDArray

from theory.freezing import layer_rates
from torch_backend.masks import frozen
from torch_backend.tickets.sizes import meta_model
from torch_backend.training.settings import Settings

STATES = (frozen.PRUNED, frozen.FREE, frozen.LOCKED)
A_BYTE = 5  # states that a byte holds: 3^5 = 243

States = NDArray[np.int8]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class MaskCost:
    """Bytes of one freezing mask of ``weights`` weights.

    packed: five states to a byte; coded: written by a range coder that knows how many of each layer are pruned and
    locked; entropy: the least that any coder takes which knows the same and no more, in bits; regenerated: seed, rates
    and rule, as a ticket's header says them. searched: the bits of the ticket itself, one for each free weight.
    """

    weights: int
    packed: int
    coded: int
    entropy: float
    regenerated: int
    searched: int

    @property
    def bits_a_weight(self) -> float:
        """Bits of the coded mask for each weight of the source."""
        return 8 * self.coded / self.weights

    @property
    def with_ticket(self) -> float:
        """Bits of the coded mask and the ticket for each weight; a ticket of the dense source takes 1."""
        return self.bits_a_weight + self.searched / self.weights


def mask_cost(settings: Settings, seed: int = 0) -> MaskCost:
    """Return what the freezing mask of a search's source costs, stored and regenerated.

    Raises ValueError for settings whose model does not take their data.
    """
    states = masks_of(settings, seed)
    total = sum(layer.size for layer in states)
    words = {"seed": seed, "prune": settings.prune, "lock": settings.lock, "rule": settings.rule}
    return MaskCost(
        total,
        -(-total // A_BYTE),
        len(coded(states)),
        sum(_entropy(np.bincount(layer.ravel() + 1, minlength=3)) for layer in states),
        len(json.dumps(words)),
        sum(int((layer == frozen.FREE).sum()) for layer in states),
    )


def masks_of(settings: Settings, seed: int) -> list[States]:
    """Return the states of every layer's weights: -1 pruned, 0 free, 1 locked."""
    named = [(name, tuple(w.shape)) for name, w in meta_model(settings).named_parameters() if w.ndim > 1]
    rates = layer_rates(settings.rule, [shape for _, shape in named], settings.prune, settings.lock)
    return [frozen.pattern(seed, *layer, rate).numpy() for layer, rate in zip(named, rates, strict=True)]


def coded(layers: Sequence[States]) -> Bytes:
    """Return the layers' states, one after the other, as a range coder writes them; a layer of one state takes nothing.

    The reader has to know how many of each state every layer has, which the rates say.
    """
    import constriction

    encoder = constriction.stream.queue.RangeEncoder()
    for layer in layers:
        found = np.bincount(layer.ravel() + 1, minlength=3)
        if np.count_nonzero(found) > 1:
            present = np.flatnonzero(found)
            symbols = np.searchsorted(present, layer.ravel() + 1).astype(np.int32)
            encoder.encode(symbols, _model(found[present]))
    return encoder.get_compressed().astype("<u4").view(np.uint8)


def restored(data: Bytes, sizes: Sequence[tuple[int, int, int]]) -> list[States]:
    """Return the states that :func:`coded` has written, flat; sizes: pruned, free and locked weights of every layer."""
    import constriction

    decoder = constriction.stream.queue.RangeDecoder(np.frombuffer(data.tobytes(), "<u4").astype(np.uint32))
    layers = []
    for size in sizes:
        found = np.array(size)
        present = np.flatnonzero(found)
        if len(present) > 1:
            symbols = np.asarray(decoder.decode(_model(found[present]), int(found.sum())))
        else:
            symbols = np.zeros(int(found.sum()), np.int32)
        layers.append((present[symbols] - 1).astype(np.int8))
    return layers


def _model(found: NDArray[np.integer]) -> object:
    import constriction

    return constriction.stream.model.Categorical((found / found.sum()).astype(np.float32), perfect=False)


def _entropy(found: NDArray[np.integer]) -> float:
    total = found.sum()
    return float(-sum(n * log2(n / total) for n in found if n))
