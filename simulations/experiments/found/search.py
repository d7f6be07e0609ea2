"""Edge-Popup in a source of the existence theorem: the same weights and the same frozen states as the builder's.

A search sees training inputs alone and returns masks; :mod:`simulations.experiments.found.judge` says how good they
are.
"""

from collections.abc import Iterator
from math import cos, pi

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from simulations.existence.source import Source
from torch_backend.masks import frozen, streams
from torch_backend.masks.supermask import Supermask
from torch_backend.masks.threshold import one_thread, select

Floats = NDArray[np.float64]
Masks = tuple[NDArray[np.bool_], ...]

# Chosen with another target and other sources, among 300 to 3000 steps, rates of 0.003 to 0.1 and both scopes. One
# threshold for all layers kills wide sources: their weights, unlike those that searches draw, do not shrink with width.
SCOPE = "layer"
RATE = 0.01
BATCH = 64
LOOKS = 10


class Network(nn.Module):
    """A source as a ReLU network with a supermask for each layer; layers: the supermasks by name."""

    def __init__(self, source: Source, seed: int) -> None:
        """Draw weights (rounded to float32) and states as the builder does, and first scores from ``seed``."""
        super().__init__()
        self.layers: dict[str, Supermask] = {}
        for number, rows in enumerate(source.widths[1:], 1):
            values, states = source.rows(number, 0, rows)
            layer = Supermask(
                torch.from_numpy(values.astype(np.float32)),
                torch.from_numpy(states),
                frozen.first_scores(seed, f"found, layer {number}", values.shape),
            )
            self.layers[f"layer{number}"] = layer
            self.add_module(f"layer{number}", layer)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs (N, n_L) at inputs (N, d)."""
        *hidden, last = (layer(x) for layer in self.layers.values())  # what a supermask is called with does not matter
        for weight in hidden:
            x = torch.relu(x @ weight.T)
        return x @ last.T

    @torch.no_grad()
    def masks(self) -> Masks:
        """Return which weights are kept, bool (rows, columns) a layer; no weight that is kept is exactly 0."""
        return tuple((layer.weight != 0).numpy() for layer in self.layers.values())


def sparsity_at(source: Source, share: float) -> float:
    """Return the sparsity at which ``share`` of the free weights is kept, beside all locked ones."""
    kept = 0.0
    for number, rows in enumerate(source.widths[1:], 1):
        _, states = source.rows(number, 0, rows)
        kept += np.count_nonzero(states == frozen.LOCKED) + share * np.count_nonzero(states == frozen.FREE)
    return 1 - kept / source.parameters


def search(
    source: Source, steps: int, sparsity: float, inputs: Floats, wanted: NDArray[np.generic], seed: int
) -> tuple[Masks, float]:
    """Return the masks of exactly this sparsity with the smallest training loss met, and that loss.

    Edge-Popup with Adam, its rate falling to 0 by the cosine rule; ten times on the way the masks are judged by their
    loss on all training inputs. inputs: (N, d). wanted: (N, n_L) outputs, to be imitated by mean squared error, or (N,)
    labels, to be told by cross entropy; then outputs are divided by their first mean size, which changes no class.
    Raises ValueError for a sparsity that leaves no choice.
    """
    with one_thread():
        network = Network(source, seed)
        x = torch.from_numpy(inputs.astype(np.float32))
        labelled = wanted.ndim == 1
        y = torch.from_numpy(wanted if labelled else wanted.astype(np.float32))
        select(network.layers, sparsity, SCOPE)
        with torch.no_grad():
            scale = float(network(x).abs().mean()) if labelled else 1.0

        def loss(rows: Tensor | slice) -> Tensor:
            outputs = network(x[rows])
            if labelled:
                return nn.functional.cross_entropy(outputs / scale, y[rows])
            return nn.functional.mse_loss(outputs, y[rows])

        optimiser = torch.optim.Adam(network.parameters(), RATE)
        best, least = network.masks(), float("inf")
        for step, rows in enumerate(_batches(len(x), steps, seed)):
            for group in optimiser.param_groups:
                group["lr"] = RATE * (1 + cos(pi * step / steps)) / 2
            optimiser.zero_grad(set_to_none=True)
            loss(rows).backward()
            optimiser.step()
            select(network.layers, sparsity, SCOPE)
            if (step + 1) % max(steps // LOOKS, 1) == 0:
                with torch.no_grad():
                    now = float(loss(slice(None)))
                if now < least:
                    best, least = network.masks(), now
    return best, least


def _batches(count: int, steps: int, seed: int) -> Iterator[Tensor]:
    """Yield ``steps`` batches, each epoch in an order of its own; what does not fill a batch is left out."""
    each = max(count // BATCH, 1)
    for step in range(steps):
        epoch, place = divmod(step, each)
        if place == 0:
            order = streams.permutation(seed, "found, batches", count, epoch)
        yield order[place * BATCH : (place + 1) * BATCH]
