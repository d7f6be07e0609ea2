"""The frozen source network: described by a seed, its sizes and rates; any rows of it can be drawn again alone.

Drawn here with numpy. The builder draws the same numbers in its own compiled way; neither sees the other's code.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slt.core.keys import key_words
from slt.core.rates import Rates

Floats = NDArray[np.float64]
STATE_STEPS = 2**20


@dataclass(frozen=True)
class Source:
    """sizes: n_0 .. n_L of the target; blocks: b_1 .. b_L; prune, lock: rates of source layers 1 .. L + 1."""

    seed: int
    sizes: tuple[int, ...]
    blocks: tuple[int, ...]
    prune: tuple[float, ...]
    lock: tuple[float, ...]

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of the source from its inputs to its outputs."""
        hidden = tuple(n * b for n, b in zip(self.sizes[:-1], self.blocks, strict=True))
        return (self.sizes[0], *hidden, self.sizes[-1])

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(a * b for a, b in zip(self.widths[:-1], self.widths[1:], strict=True))

    def key(self, layer: int) -> int:
        """Return the 64-bit Philox key of a source layer, 1 .. L + 1."""
        return key_words(0, f"existence, seed {self.seed}, layer {layer}")[1]

    def rates(self, layer: int) -> Rates:
        """Return the rates of a source layer, 1 .. L + 1."""
        return Rates(self.prune[layer - 1], self.lock[layer - 1])

    def rows(self, layer: int, first: int, count: int) -> tuple[Floats, NDArray[np.int8]]:
        """Return values and states (-1 pruned, 0 free, +1 locked) of neurons first .. first + count - 1 of a layer.

        The weight of edge j of neuron i is the upper 44 bits of output j of the Philox stream keyed by (layer key, 0)
        with counter (0, i, 0, 0), as a signed number, times 2**-43; the lower 20 bits decide its state.
        """
        n = self.widths[layer - 1]
        key = np.array([self.key(layer), 0], np.uint64)
        words = np.empty((count, n), np.uint64)
        for row in range(count):
            words[row] = np.random.Philox(key=key, counter=[0, first + row, 0, 0]).random_raw(n)
        rates = self.rates(layer)
        code = words & np.uint64(STATE_STEPS - 1)
        pruned = code < np.uint64(round(rates.prune * STATE_STEPS))
        frozen = code < np.uint64(round(rates.freezing * STATE_STEPS))
        values: Floats = (words.view(np.int64) >> 20) * np.float64(2.0**-43)
        # pruned ones are among the frozen ones: 1 - 2 = -1
        states: NDArray[np.int8] = frozen.view(np.int8) - 2 * pruned.view(np.int8)
        return values, states
