"""Magnitude pruning of the random weights themselves: the largest |w| are kept.

Han et al. (2015), Learning both weights and connections for efficient neural networks, prune trained weights so; here
nothing is trained. Weights whose magnitudes are all equal ("skc") leave it no choice but their order.
"""

from torch import Tensor

from torch_backend.rivals.problem import Problem, one_shot


@one_shot
def search(problem: Problem) -> list[Tensor]:
    """Return |w|."""
    return [layer.values.abs() for layer in problem.masks.values()]
