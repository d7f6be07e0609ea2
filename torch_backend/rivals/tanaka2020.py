"""SynFlow: Tanaka, Kunin, Yamins and Ganguli (2020), Pruning neural networks without any data, NeurIPS.

R is the sum of the outputs for an input of ones when every weight is replaced by its magnitude, and the saliency of a
weight is |w| dR/d|w|: what all paths through it carry. In 100 rounds the share of kept weights falls exponentially to
the wanted one, the saliencies being computed anew each time; that is what keeps layers from collapsing. Norms do
nothing meanwhile. Double precision, because R is a product of as many factors as there are layers. The paper trains the
weights that are left; here they stay random.
"""

import torch
from torch import Tensor

from torch_backend.masks.threshold import keep_largest
from torch_backend.rivals.problem import Problem, at_free, one_shot, plain_weights

ROUNDS = 100


@one_shot
def search(problem: Problem) -> list[Tensor]:
    """Return the saliencies of the last round, -1 for weights that earlier rounds removed."""
    masks, model = problem.masks, problem.model
    locked = sum(layer.locked for layer in masks.values())
    most = locked + sum(len(layer.mask) for layer in masks.values())
    dtype = next(iter(masks.values())).weight.dtype
    model.double().eval()
    try:
        found = saliencies(problem)
        for done in range(1, ROUNDS):
            kept = round(most * ((locked + problem.wanted) / most) ** (done / ROUNDS))
            keep_largest(masks, found, kept - locked, problem.settings.scope)
            found = saliencies(problem)
    finally:
        model.to(dtype)
    return found


def saliencies(problem: Problem) -> list[Tensor]:
    """Return |w| dR/d|w| of the present network, -1 where the mask is off."""
    masks = problem.masks
    with plain_weights(masks) as weights:
        with torch.no_grad():
            for weight in weights:
                weight.abs_()
        output = problem.model(*problem.task.ones(torch.float64)).sum()
        gradients = torch.autograd.grad(output, weights)
    products = [weight * gradient for weight, gradient in zip(weights, gradients, strict=True)]
    return [
        part.masked_fill(~layer.mask, -1.0)
        for layer, part in zip(masks.values(), at_free(masks, products), strict=True)
    ]
