"""Edge-Popup, with one threshold for all layers or one for each.

Ramanujan et al. (2020), What's hidden in a randomly weighted neural network?, arXiv 1911.13299, keep the same share of
the largest scores in every layer; one threshold for the whole network is the variant of Otsuka et al. (2024), arXiv
2402.14029. Scores are trained straight through (:mod:`torch_backend.masks.supermask`). In a frozen source "the same
share" is the same share of each layer's free weights.
"""

from torch_backend.masks.threshold import select
from torch_backend.rivals.problem import Found, Problem, train


def search(problem: Problem) -> Found:
    """Train scores under the threshold that the settings' scope says."""
    return _search(problem, problem.settings.scope)


def search_by_layer(problem: Problem) -> Found:
    """Train scores under a threshold for each layer."""
    return _search(problem, "layer")


def _search(problem: Problem, scope: str) -> Found:
    return Found(train(problem, lambda: select(problem.masks, problem.settings.sparsity, scope)))
