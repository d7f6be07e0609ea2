"""Iterative re-randomisation: Chijiwa et al. (2021), Pruning randomly initialized neural networks with iterative
randomization, NeurIPS (IteRand).

Edge-Popup in which weights that are off are now and then drawn anew, so that the search sees more candidates than the
network has weights. Here that happens before every epoch but the first (the paper: every 300 steps, and an epoch of
CIFAR-10 or MNIST in batches of 128 has 313 or 375), to each weight that is off with the paper's probability 0.1.

The ticket. Which weights may be drawn anew in epoch e is a stream of (seed, layer, e), and so are their values; but
whether a weight was off then depends on the data. So a ticket has to say, for every searchable weight that it keeps, in
which epoch its value was drawn: none, or one of the n epochs in which it may have been. Of the M kept weights with
n > 0, m were drawn anew: M H(m / M) bits say which, H the binary entropy, and log2 n bits each say when. These are the
extra bits; :func:`rebuild` makes the weights out of what they say.
"""

import numpy as np
import torch
from torch import Tensor

from slt.core.rates import Rates
from theory.freezing import entropy_bits
from torch_backend.masks import frozen, streams
from torch_backend.masks.supermask import Supermask
from torch_backend.masks.threshold import select
from torch_backend.rivals.problem import Found, Problem, train

SHARE = 0.1


def search(problem: Problem) -> Found:
    """Train scores and draw weights anew; each supermask gets a buffer ``drawn``, the epoch of each value, 0 for none.

    The source must be the one that the settings and the seed draw.
    """
    masks = problem.masks
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
        source = frozen.source(
            problem.seed, stream, tuple(layer.weight.shape), settings.weights, sparsity, layer.fan_in
        )
        here = where & (drawn(layer) == epoch)
        layer.values[here] = source.to(layer.values).flatten()[layer.free[here].long()]
    layer.keep(layer.mask, afresh=True)


def extra_bits(problem: Problem) -> float:
    """Return M H(m / M) + the sum of log2 n over the m kept weights drawn anew; n counts to the last epoch in use."""
    last = max(int(drawn(layer).max()) for layer in problem.masks.values() if len(layer.mask))
    may, anew, bits = 0, 0, 0.0
    for name, layer in problem.masks.items():
        mask = layer.mask.cpu().numpy()
        chances = np.zeros(len(mask), np.int64)
        for epoch in range(1, last + 1):
            chances += candidates(problem.seed, name, len(chances), epoch).numpy()
        new = mask & (drawn(layer).cpu().numpy() > 0)
        may, anew = may + int((mask & (chances > 0)).sum()), anew + int(new.sum())
        bits += float(np.log2(chances[new]).sum())
    return bits + may * entropy_bits(anew / may, Rates()) if may else 0.0
