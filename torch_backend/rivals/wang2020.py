"""GraSP: Wang, Zhang and Grosse (2020), Picking winning tickets before training by preserving gradient flow, ICLR.

Removing a weight w changes |dL/dw|^2, the gradient flow, by S(-w) = -w (H g) to first order, g the gradient and H the
Hessian of the loss. The weights of the largest S are removed, so w (H g) is what is kept the largest of. Here g and H
are those of the first batch as it comes, with neither a temperature on the logits nor a sample balanced over classes,
and the weights that are left stay random. In a pruned source g has the derivatives at pruned positions, too, where the
weight is 0: the paper starts from a network that has none.
"""

import torch
from torch import Tensor

from torch_backend.rivals.problem import Problem, at_free, one_shot, plain_weights


@one_shot
def search(problem: Problem) -> list[Tensor]:
    """Return w (H g), minus the paper's score, of the network with all free weights kept."""
    problem.model.train()
    with plain_weights(problem.masks) as weights:
        gradients = torch.autograd.grad(problem.task.loss(problem.model, 0, 0), weights, create_graph=True)
        flow = sum((gradient * gradient.detach()).sum() for gradient in gradients)  # its derivative is H g
        products = torch.autograd.grad(flow, weights)  # type: ignore[arg-type]
    return [
        weight * product
        for weight, product in zip(at_free(problem.masks, weights), at_free(problem.masks, products), strict=True)
    ]
