"""Lottery jackpots: Zhang et al. (2023), Lottery jackpots exist in pre-trained models, TPAMI, arXiv 2104.08700.

A mask is searched over pre-trained weights, which stay as they are: :func:`torch_backend.masks.supermask.freeze` with
``weights="given"``. Every layer keeps a number of weights that is fixed beforehand (:func:`layer_counts`). The mask
starts from the largest |w| of each layer; the latent scores start at 0.99 where it is off and at 1.0 elsewhere, and
are trained straight through: dL/ds = w dL/dW, whatever the sign of s. In a frozen source all this is about the free
weights; pruned ones are never in the mask and locked ones always.

The short restriction keeps the mask from oscillating. After a step, as many entries have risen above a layer's
threshold as have fallen below it; of each kind only the ceil(rate * number) whose scores went furthest change sides.
The others keep their sides and their scores. The rate falls from 1 by the cosine rule over the epochs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from slt.core.checks import closed_unit, one_of
from slt.core.forms import Numbers
from slt.core.store import Row, export_jsonl, read_jsonl
from torch_backend.masks import streams
from torch_backend.masks.supermask import Supermask
from torch_backend.masks.threshold import LayerCollapse, keep_largest, kept_free, top
from torch_backend.rivals.problem import Found, Problem, train
from torch_backend.training.run import Task

LAYER_RATES = ("magnitude", "uniform")
STARTS = ("magnitude", "random")
OFF, ON = 0.99, 1.0  # first scores
TRACE = "trace.jsonl"
TRACED = {  # the form of its rows
    "epoch": Numbers(0, whole=True),
    "restriction": Numbers(),
    **dict.fromkeys(("flipped", "moved"), Numbers(0)),
    "losses": [Numbers(missing=True)],
}
HELD = "held"


def search(
    problem: Problem, *, layer_rates: str = "magnitude", start: str = "magnitude", restriction: bool = True
) -> Found:
    """Leave the mask of the best validation accuracy in the model; write a row per epoch to trace.jsonl.

    layer_rates: see :func:`layer_counts`; start: the mask to start from, the largest |w| of each layer or a random one
    of the same counts. A row has the epoch; restriction, the rate of the swaps; flipped, the share of free weights
    whose bit is not what it was an epoch before; moved, the mean share that a step changes; losses, one for each step.
    Raises ValueError for names that are none of these, and as :func:`layer_counts`.
    """
    one_of("start", start, STARTS)
    masks, epochs = problem.masks, problem.settings.epochs
    counts = layer_counts(masks, problem.settings.sparsity, layer_rates)
    hooks = []
    for name, layer in masks.items():
        mask = first_mask(layer, counts[name], start, problem.seed, name)
        with torch.no_grad():
            layer.scores.copy_(torch.where(mask, ON, OFF))
        layer.keep(mask)
        # with restriction the scores alone do not tell the mask, so it belongs to what checkpoints hold
        layer.register_buffer(HELD, mask)
        # the supermask's gradient has the factor sign(s), as its mask is one of |s|
        hooks.append(
            layer.scores.register_hook(lambda gradient, scores=layer.scores: gradient * scores.detach().sign())
        )
    heard = Heard(problem.task)
    trace = _Trace(problem, heard)
    place: list[int] = []  # (epoch, step) while a step is taken

    def before(epoch: int, step: int) -> None:
        place[:] = epoch, step
        if step == 0:
            trace.open(epoch)

    def prepare() -> dict[str, float]:
        if place:
            epoch, step = place
            rate = restriction_rate(epoch, epochs) if restriction else 1.0
            for name, layer in masks.items():
                chosen = swapped(_held(layer), layer.scores.detach(), counts[name], rate)
                trace.moved.append((chosen ^ _held(layer)).count_nonzero())
                _held(layer).copy_(chosen)
            if step == problem.task.steps - 1:
                trace.close(epoch, rate)
            place.clear()
        for layer in masks.values():
            layer.keep(_held(layer))
        return {name: 1 - (layer.locked + counts[name]) / layer.size for name, layer in masks.items()}

    try:
        seconds = train(replace(problem, task=heard), prepare, before)
    finally:
        for hook, layer in zip(hooks, masks.values(), strict=True):
            hook.remove()
            delattr(layer, HELD)
    return Found(seconds)


def layer_counts(masks: Mapping[str, Supermask], sparsity: float, layer_rates: str) -> dict[str, int]:
    """Return how many free weights each layer keeps, in all exactly as many as the sparsity asks for; sets the masks.

    layer_rates: "magnitude", those above one threshold of |w| for all layers but the last, which keeps all; or
    "uniform", the same share of the free weights of every layer.
    Raises ValueError for a sparsity that leaves no choice, and :class:`LayerCollapse` when a layer would be empty.
    """
    wanted = wanted_count(masks, sparsity, layer_rates)
    numbers = [layer.values.abs() for layer in masks.values()]
    scope = "layer"
    if layer_rates == "magnitude":
        scope = "global"
        numbers[-1] = torch.full_like(numbers[-1], math.inf)
    try:
        keep_largest(masks, numbers, wanted, scope, refuse_collapse=True)
    except LayerCollapse as error:
        raise LayerCollapse(f"at sparsity {sparsity:g} and layer rates {layer_rates} {error}") from None
    return {name: int(layer.mask.count_nonzero()) for name, layer in masks.items()}


def wanted_count(masks: Mapping[str, Supermask], sparsity: float, layer_rates: str) -> int:
    """Return how many free weights are kept in all, which does not depend on their values.

    Raises ValueError for a sparsity that leaves no choice, and :class:`LayerCollapse` when fewer are kept than the last
    layer has, which keeps all with layer rates by magnitude.
    """
    one_of("layer rates", layer_rates, LAYER_RATES)
    wanted, last = kept_free(masks, sparsity), len(list(masks.values())[-1].mask)
    if layer_rates == "magnitude" and wanted < last:
        raise LayerCollapse(f"at sparsity {sparsity:g} {wanted} free weights are kept, and the last layer has {last}")
    return wanted


def first_mask(layer: Supermask, count: int, start: str, seed: int, name: str) -> Tensor:
    """Return a mask (free,) of ``count`` weights: those of the largest |w|, or random ones."""
    if start == "magnitude":
        return top(layer.values.abs(), count)
    numbers = streams.uniform(seed, f"first mask/{name}", (len(layer.mask),))
    return top(numbers, count).to(layer.mask.device)


def swapped(present: Tensor, scores: Tensor, count: int, rate: float) -> Tensor:
    """Return the mask (free,) after a step under the short restriction.

    present: bool (free,), the mask before it, of ``count`` weights. Let a be the number of weights in it that are not
    among the ``count`` of the largest scores, and so the number of those that are, but are not in it. Of the former the
    ceil(rate * a) of the lowest scores leave, of the latter as many of the highest enter. rate 1 gives the mask of the
    largest scores; of equal scores earlier ones are the first to enter, and later ones to leave.
    """
    wanted = top(scores, count)
    leaving, entering = (chosen.nonzero().squeeze(1) for chosen in (present & ~wanted, wanted & ~present))
    number = math.ceil(closed_unit("rate", rate) * len(leaving))
    if number == len(leaving):
        return wanted
    mask = present.clone()
    mask[leaving.flip(0)[top(-scores[leaving].flip(0), number)]] = False
    mask[entering[top(scores[entering], number)]] = True
    return mask


def restriction_rate(epoch: int, epochs: int) -> float:
    """Return 0.5 (1 + cos(pi epoch / epochs)), the share of the crossings that a step may carry out.

    >>> [round(restriction_rate(epoch, 4), 3) for epoch in range(4)]
    [1.0, 0.854, 0.5, 0.146]
    """
    return (1 + math.cos(math.pi * epoch / epochs)) / 2


def _held(layer: Supermask) -> Tensor:
    held: Tensor = layer.held  # type: ignore[assignment]
    return held


@dataclass
class Heard:
    """A task, and the loss of every step that it was asked for."""

    task: Task
    losses: list[Tensor] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """As the task."""
        return self.task.steps

    def loss(self, model: nn.Module, epoch: int, step: int) -> Tensor:
        """Return the task's loss."""
        found = self.task.loss(model, epoch, step)
        self.losses.append(found.detach())
        return found

    def accuracy(self, model: nn.Module, part: str) -> float:
        """As the task."""
        return self.task.accuracy(model, part)

    def ones(self, dtype: torch.dtype) -> tuple[Any, ...]:
        """As the task."""
        return self.task.ones(dtype)


class _Trace:
    """The rows of trace.jsonl, each written before the checkpoint of its epoch."""

    def __init__(self, problem: Problem, heard: Heard) -> None:
        self.path, self.masks, self.heard = problem.folder / TRACE, problem.masks, heard
        self.moved: list[Tensor] = []

    def open(self, epoch: int) -> None:
        """Start an epoch: forget what an earlier start wrote of this one and later ones."""
        self.rows: list[Row] = [row for row in read_jsonl(self.path, TRACED) if row["epoch"] < epoch] if epoch else []
        self.moved, self.heard.losses = [], []
        self.before = [_held(layer).clone() for layer in self.masks.values()]

    def close(self, epoch: int, rate: float) -> None:
        """Write the row of an epoch."""
        free = sum(len(mask) for mask in self.before)
        flipped = sum(
            int((_held(layer) ^ mask).count_nonzero())
            for layer, mask in zip(self.masks.values(), self.before, strict=True)
        )
        losses = torch.stack(self.heard.losses).tolist()
        moved = int(torch.stack(self.moved).sum()) / (free * len(losses))
        finite = [loss if math.isfinite(loss) else None for loss in losses]  # None: the run stops after this epoch
        row = {"epoch": epoch, "restriction": rate, "flipped": flipped / free, "moved": moved, "losses": finite}
        export_jsonl(self.path, [*self.rows, row])
