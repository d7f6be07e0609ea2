"""What every search is given and gives back, and the few steps that several of them share."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, wraps
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.backends import cudnn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.batchnorm import _NormBase

from slt.core.store import Row
from torch_backend.masks.supermask import Supermask, supermasks
from torch_backend.masks.threshold import keep_largest, kept_free
from torch_backend.training.run import Run, Task
from torch_backend.training.settings import Settings

STATES = tuple[Tensor, ...]


@dataclass(frozen=True)
class Problem:
    """A frozen source, and all that a search may use. settings.sparsity is the one that is wanted.

    seed: of every random number that is drawn; folder: for checkpoints, it exists; tell: called after every epoch;
    origin: what a checkpoint must have been made with for a search to go on from it.
    """

    model: nn.Module
    task: Task
    settings: Settings
    seed: int
    folder: Path
    tell: Callable[[Row], None] = lambda row: None
    origin: dict[str, str] = field(default_factory=dict)

    @cached_property
    def masks(self) -> dict[str, Supermask]:
        """The model's supermasks."""
        return supermasks(self.model)

    @property
    def wanted(self) -> int:
        """How many free weights are kept in the end; raises ValueError when the sparsity leaves no choice."""
        return kept_free(self.masks, self.settings.sparsity)


class Found(NamedTuple):
    """What a search tells beside the masks that it leaves in the model.

    extra_bits: what a ticket needs beyond its seed, ratios and one bit for each searchable weight.
    """

    seconds: float
    extra_bits: float = 0.0


Method = Callable[[Problem], Found]


def train(
    problem: Problem,
    prepare: Callable[[], dict[str, float]],
    before: Callable[[int, int], None] = lambda epoch, step: None,
    *,
    first: int = 0,
    settings: Settings | None = None,
) -> float:
    """Train the scores with the one training loop (:class:`torch_backend.training.run.Run`); return seconds."""
    chosen = settings or problem.settings
    run = Run(
        problem.model, problem.task, chosen, problem.folder, prepare, origin=problem.origin, before=before, first=first
    )
    return float(sum(row["seconds"] for row in run.fit(problem.tell)))


def one_shot(saliency: Callable[[Problem], list[Tensor]]) -> Method:
    """Turn a function that gives every free weight a number, (free,) a layer, into a search that keeps the largest.

    Nothing is trained: the ticket is a part of the random network as it is.
    """

    @wraps(saliency)
    def search(problem: Problem) -> Found:
        start = time.perf_counter()
        keep_all(problem)
        with any_order(problem.model):
            found = saliency(problem)
        keep_largest(problem.masks, found, problem.wanted, problem.settings.scope)
        settle_norms(problem)
        return Found(time.perf_counter() - start)

    return search


def keep_all(problem: Problem) -> None:
    """Keep every free weight, from which one-shot methods start."""
    for layer in problem.masks.values():
        layer.keep(torch.ones_like(layer.mask))


@contextmanager
def any_order(model: nn.Module) -> Iterator[None]:
    """Let only kernels be used that have derivatives of any order: no fused attention, no recurrent layers of cuDNN."""
    recurrent = any(isinstance(module, nn.RNNBase) for module in model.modules())
    with sdpa_kernel(SDPBackend.MATH), cudnn.flags(enabled=cudnn.enabled and not recurrent):
        yield


@contextmanager
def plain_weights(masks: Mapping[str, Supermask]) -> Iterator[list[Tensor]]:
    """Let every layer compute with an ordinary tensor, its present masked weight, for as long as the context lasts.

    Yields these tensors, in whose values and derivatives of any order one-shot methods are interested.
    """
    leaves = []
    for layer in masks.values():
        weight = layer.weight if layer.scale is None else layer.weight * layer.scale
        leaves.append(weight.detach().clone().requires_grad_())
        layer.forward = lambda original, leaf=leaves[-1]: leaf  # type: ignore[method-assign, misc]
    try:
        yield leaves
    finally:
        for layer in masks.values():
            del layer.forward


def at_free(masks: Mapping[str, Supermask], numbers: STATES | list[Tensor]) -> list[Tensor]:
    """Return the numbers of the free weights, (free,) a layer, out of tensors shaped like the layers' weights."""
    return [
        part.detach().reshape(-1).index_select(0, layer.free.long())
        for layer, part in zip(masks.values(), numbers, strict=True)
    ]


@torch.no_grad()
def settle_norms(problem: Problem) -> None:
    """Set the running statistics of norm layers to the average over one epoch's batches with the present masks.

    Searches that train scores do this as they go; a mask chosen at once would meet statistics of another network.
    """
    norms = [
        module for module in problem.model.modules() if isinstance(module, _NormBase) and module.track_running_stats
    ]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain average
    problem.model.train()
    for step in range(problem.task.steps if norms else 0):
        problem.task.loss(problem.model, 0, step)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
