"""Planted tickets: sources in which a ticket that is known to be good is hidden, to see which searches find it.

The ticket is a mask drawn at random among those that the source allows, all locked weights in it and no pruned one,
with exactly the wanted sparsity; then its weights are trained. All other free weights get values that are drawn from
the trained free ones of their layer, so that no weight gives itself away by its size. Such a source is a network with
given weights, and keeping the planted weights gives the trained network back.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from torch_backend.masks import streams
from torch_backend.masks.supermask import GIVEN, freeze, supermasks
from torch_backend.masks.threshold import keep_largest, kept_free
from torch_backend.models import build
from torch_backend.training.run import Run, Task
from torch_backend.training.settings import Settings

Source = dict[str, Any]


@dataclass(frozen=True)
class Planted:
    """A frozen source with a ticket in it; masks: the planted free weights, bool (free,) a layer."""

    model: nn.Module
    masks: dict[str, Tensor]

    def recovered(self) -> float:
        """Return the share of planted free weights that the model's present masks keep."""
        found = supermasks(self.model)
        both = sum(int((found[name].mask.cpu() & mask).sum()) for name, mask in self.masks.items())
        return both / sum(int(mask.sum()) for mask in self.masks.values())

    def chance(self) -> float:
        """Return the share that a random mask of the same sparsity recovers in the mean."""
        kept = sum(int(mask.sum()) for mask in self.masks.values())
        return kept / sum(len(mask) for mask in self.masks.values())

    def dig_out(self) -> None:
        """Keep the planted weights and no others."""
        for name, layer in supermasks(self.model).items():
            layer.keep(self.masks[name].to(layer.mask.device))


def plant(
    settings: Settings, source: Source, sizes: dict[str, Any], task: Task, folder: Path, device: torch.device
) -> Planted:
    """Return a source with a planted ticket, on the CPU; it is trained on ``device``, with checkpoints in ``folder``.

    source: arguments of :func:`torch_backend.masks.supermask.freeze`, of which weights and scale are those that
    training starts from; sizes: of the model's builder. Weights are trained as the settings say, norms do not learn.
    Raises ValueError when the sparsity leaves no choice.
    """
    seed = source["seed"]
    base = freeze(build(settings.model, **sizes), **source)
    layers = supermasks(base)
    draws = [streams.uniform(seed, f"planted mask/{name}", (len(layer.mask),)) for name, layer in layers.items()]
    keep_largest(layers, draws, kept_free(layers, settings.sparsity))
    masks = {name: layer.mask.clone() for name, layer in layers.items()}
    trained = _trained(settings, {name: layer.weight for name, layer in layers.items()}, sizes, task, folder, device)
    model = build(settings.model, **sizes)
    with torch.no_grad():
        for name, layer in layers.items():
            weight, free = trained[name].flatten().clone(), layer.free.long()
            planted, others = free[masks[name]], free[~masks[name]]
            if len(planted):
                words = streams.half_words(seed, f"decoys/{name}", len(others)).astype(np.int64)
                weight[others] = weight[planted[torch.from_numpy(words * len(planted) >> 32)]]
            model.get_parameter(name).copy_(weight.view_as(trained[name]))
    # what was trained is used as it is, without any scale
    return Planted(freeze(model, **{**source, "weights": GIVEN, "scale": "none"}), masks)


def _trained(
    settings: Settings,
    start: dict[str, Tensor],
    sizes: dict[str, Any],
    task: Task,
    folder: Path,
    device: torch.device,
) -> dict[str, Tensor]:
    """Return trained weights by name; those that are 0 at the start stay 0."""
    model = build(settings.model, **sizes)
    weights = dict(model.named_parameters())
    with torch.no_grad():
        for name, weight in start.items():
            weights[name].copy_(weight)
    zero = {name: (weight == 0).to(device) for name, weight in start.items()}
    model.to(device)

    @torch.no_grad()
    def prepare() -> dict[str, float]:
        for name, where in zero.items():
            weights[name].masked_fill_(where, 0.0)
        return {}

    folder.mkdir(parents=True, exist_ok=True)
    Run(model, task, settings, folder, prepare).fit()
    return {name: weights[name].detach().cpu() for name in start}
