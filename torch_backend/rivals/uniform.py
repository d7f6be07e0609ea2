"""The random mask: what a search has to beat."""

import torch
from torch import Tensor

from torch_backend.masks import streams
from torch_backend.rivals.problem import Problem, one_shot


@one_shot
def search(problem: Problem) -> list[Tensor]:
    """Give every free weight a random number, the same for the same seed; the largest are a uniform random mask."""
    return [
        streams.uniform(problem.seed, f"random mask/{name}", (len(layer.mask),)).to(layer.mask.device, torch.float32)
        for name, layer in problem.masks.items()
    ]
