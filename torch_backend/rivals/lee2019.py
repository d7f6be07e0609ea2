"""SNIP: Lee, Ajanthan and Torr (2019), SNIP: single-shot network pruning based on connection sensitivity, ICLR.

The sensitivity of a connection is |dL/dc| at c = 1, where c multiplies its weight: |w dL/dw|, on the first batch. The
paper divides by the sum over all connections, which changes no order, and trains the weights that are left; here they
stay random.
"""

import torch
from torch import Tensor

from torch_backend.rivals.problem import Problem, at_free, one_shot, plain_weights


@one_shot
def search(problem: Problem) -> list[Tensor]:
    """Return |w dL/dw| of the network with all free weights kept."""
    problem.model.train()
    with plain_weights(problem.masks) as weights:
        gradients = torch.autograd.grad(problem.task.loss(problem.model, 0, 0), weights)
    return [
        (weight * gradient).abs()
        for weight, gradient in zip(at_free(problem.masks, weights), at_free(problem.masks, gradients), strict=True)
    ]
