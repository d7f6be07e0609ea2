"""Iterative re-randomisation: Chijiwa et al. (2021), Pruning randomly initialized neural networks with iterative
randomization, NeurIPS (IteRand).

Edge-Popup in which weights that are off are now and then drawn anew, so that the search sees more candidates than the
network has weights. Here that happens before every epoch but the first (the paper: every 300 steps, and an epoch of
CIFAR-10 or MNIST in batches of 128 has 313 or 375), to each weight that is off with the paper's probability 0.1.

The ticket. Which weights may be drawn anew in epoch e is a stream of (seed, layer, e), and so are their values; but
whether a weight was off then depends on the data. So a ticket has to say, for every searchable weight that it keeps, in
which epoch its value was drawn: one of the n epochs in which it may have been, or none, log2(1 + n) bits. These are the
extra bits; :func:`rebuild` makes the weights out of them.
"""

from math import log2

import numpy as np
import torch
from torch import Tensor

from torch_backend import frozen, streams
from torch_backend.rivals.problem import Found, Problem, train
from torch_backend.supermask import GIVEN, Supermask
from torch_backend.threshold import select

SHARE = 0.1


def search(problem: Problem) -> Found:
    """Train scores and draw weights anew; each supermask gets a buffer ``drawn``, the epoch of each value, 0 for none.

    Raises ValueError for given weights, which have no distribution to be drawn from.
    """
    masks = problem.masks
    if problem.settings.weights == GIVEN:
        raise ValueError("weights that are given cannot be drawn anew; choose ku or skc")
    for layer in masks.values():
        # in the state_dict, so that checkpoints and the best epoch hold it
        layer.register_buffer("drawn", torch.zeros(len(layer.mask), dtype=torch.int32, device=layer.mask.device))
    held = {name: drawn(layer).clone() for name, layer in masks.items()}

    def renew() -> None:
        for name, layer in masks.items():
            if not torch.equal(drawn(layer), held[name]):
                rebuild(problem, name, layer, drawn(layer) != held[name])
                held[name] = drawn(layer).clone()

    def prepare() -> dict[str, float]:
        renew()
        return select(masks, problem.settings.sparsity, problem.settings.scope)

    def before(epoch: int, step: int) -> None:
        if epoch and not step:
            for name, layer in masks.items():
                may = candidates(problem.seed, name, len(layer.mask), epoch).to(layer.mask.device)
                drawn(layer)[may & ~layer.mask] = epoch
            renew()

    seconds = train(problem, prepare, before)
    return Found(seconds, extra_bits(problem))


def drawn(layer: Supermask) -> Tensor:
    """Return the epochs in which the layer's searchable weights were drawn, int32 (free,)."""
    found = layer.get_buffer("drawn")
    return found


def candidates(seed: int, name: str, free: int, epoch: int) -> Tensor:
    """Return which of a layer's searchable weights are drawn anew in an epoch if they are off, bool (free,)."""
    words = streams.half_words(seed, f"drawn anew/{name}", free, epoch)
    return torch.from_numpy(words < np.uint32(SHARE * 2**32))


@torch.no_grad()
def rebuild(problem: Problem, name: str, layer: Supermask, where: Tensor) -> None:
    """Set the layer's searchable weights, ``where`` (free,) says which, to what was drawn in the epochs it holds."""
    settings = problem.settings
    sparsity = settings.sparsity if settings.scale == "static" else None
    for epoch in drawn(layer)[where].unique().tolist():
        stream = f"{name}/drawn anew/{epoch}" if epoch else name
        source = frozen.source(problem.seed, stream, tuple(layer.weight.shape), settings.weights, sparsity)
        here = where & (drawn(layer) == epoch)
        layer.values[here] = source.to(layer.values).flatten()[layer.free[here].long()]
    layer.keep(layer.mask, afresh=True)


def extra_bits(problem: Problem) -> float:
    """Return the sum of log2(1 + n) over kept searchable weights, n counted up to the last epoch that any came from."""
    last = max(int(drawn(layer).max()) for layer in problem.masks.values() if len(layer.mask))
    total = 0.0
    for name, layer in problem.masks.items():
        chances = np.zeros(len(layer.mask), np.int64)
        for epoch in range(1, last + 1):
            chances += candidates(problem.seed, name, len(chances), epoch).numpy()
        numbers = np.bincount(chances[layer.mask.cpu().numpy()])
        total += sum(float(count) * log2(1 + n) for n, count in enumerate(numbers))
    return total
