"""The published widths of the existence theorems: A.1 (pruned source) and A.4 (pruned and locked source).

Otsuka et al. (2024), (2)-(6), (17), (18); A.1 is Theorem 2.5 of Gadhikar et al. (2023). The formulas are
reconstructed: their structure is the paper's, the constant C and the exponent g are arguments, layer indices may be off
by one. What the theorems leave out (every source neuron errs in its own way) is in :mod:`theory.existence`.
"""

from collections.abc import Sequence
from math import inf, log

import numpy as np
from numpy.typing import NDArray

from common.checks import open_unit, positive, whole
from common.rates import Rates

Weights = Sequence[NDArray[np.float64]]


def activation_sums(weights: Weights, high: float = 1.0) -> list[float]:
    """Bound B_l = sup ||x^(l)||_1 over the inputs [0, high]^d, l = 0 .. L - 1, by interval arithmetic: (4).

    Relation: upper bound of (4); equal to it for l = 0, and for l = 1 when a layer has a single neuron.

    >>> activation_sums([np.array([[1.0, -1.0], [0.5, 0.5]]), np.array([[1.0, 1.0]])])
    [2.0, 2.0]
    """
    upper = np.full(weights[0].shape[1], positive("high", high))
    sums = [float(upper.sum())]
    for w in weights[:-1]:
        # activations are at least 0, so only positive weights raise the next ones
        upper = np.maximum(w, 0) @ upper
        sums.append(float(upper.sum()))
    return sums


def layer_precisions(weights: Weights, eps: float, high: float = 1.0) -> list[float]:
    """Return eps_l for l = 1 .. L: (3).

    eps_l = eps / (n_L L) / [(1 + B_{l-1}) (1 + eps/L) prod_{k=l+1}^{L-1} (||W^(k)||_inf + eps/L)], where the norm is
    taken as the operator norm, the largest sum of |w| in a row.
    """
    depth = len(weights)
    sums = activation_sums(weights, high)
    norms = [float(np.abs(w).sum(axis=1).max()) for w in weights]
    share = positive("eps", eps) / depth
    found = []
    for layer in range(1, depth + 1):
        gain = np.prod([norms[k - 1] + share for k in range(layer + 1, depth)])
        found.append(float(share / len(weights[-1]) / ((1 + sums[layer - 1]) * (1 + share) * gain)))
    return found


def rho(weights: Weights, precisions: Sequence[float], delta: float, prune: float, C: float, g: float = 0.0) -> float:
    """Return rho, what delta is divided by: (5), C N^(1+g) / log(1/prune)^(1+g) log(1/min(min eps_l, delta)).

    N: number of non-zero target weights. prune: the largest pruning rate of the layers. At prune = 0 the published
    form is 0 (its factor 1/log(1/(1-p')) vanishes, see gadhikar2023.published_form_fails); so is what is returned.
    """
    if not 0 <= g < inf:
        raise ValueError(f"g must be at least 0 and finite, got {g}")
    size = sum(int(np.count_nonzero(w)) for w in weights)
    factor = 1 / -log(Rates(prune).prune) if prune > 0 else 0.0
    demand = log(1 / min(*precisions, open_unit("delta", delta), 1.0))
    return positive("C", C) * (size * factor) ** (1 + g) * demand


def published_widths(
    weights: Weights,
    eps: float,
    delta: float,
    C: float,
    *,
    prune: Sequence[float],
    form: str = "frozen",
    g: float = 0.0,
    high: float = 1.0,
) -> list[float]:
    """Return the widths of source layers 1 .. L that the theorem asks for, as real numbers; layer L + 1 is the output.

    Statement: n_{S,1} >= C a_1 d log(1/min(eps_1, delta/rho)) and n_{S,l+1} >= C a_{l+1} n_{T,l}
    log(1/min(eps_{l+1}, delta/rho)), where form = "pruned" (A.1: (2), (6)) has a_l = 1/log(1/prune_l) and
    form = "frozen" (A.4: (17), (18)) has a_l = 1, C then depending on the rates.
    Indices: source layer 1 and 2 together approximate target layer 1 to eps_1, source layer l + 1 the target layer l;
    the block under target layer l + 1 is paid for by its own precision eps_{l+1}.
    prune: rates of source layers 1 .. L + 1.
    Relation: claimed upper bound. It needs a constant to be compared with anything.
    Source: Otsuka et al. 2024, Theorems 2.3 = A.1 and 3.3 = A.4, reconstructed.
    """
    if form not in ("pruned", "frozen"):
        raise ValueError(f"form must be pruned or frozen, got {form!r}")
    if len(prune) != whole("depth", len(weights), 1) + 1:
        raise ValueError(f"prune needs a rate for each of {len(weights) + 1} source layers, got {len(prune)}")
    precisions = layer_precisions(weights, eps, high)
    divisor = rho(weights, precisions, delta, max(prune), C, g)
    widths = []
    for layer, w in enumerate(weights):
        level = min(precisions[layer], delta / divisor if divisor else inf)
        # a dense layer asks for 0 in form A.1: the published factor tends to 0
        factor = 1.0 if form == "frozen" else (1 / -log(prune[layer]) if prune[layer] > 0 else 0.0)
        widths.append(positive("C", C) * factor * w.shape[1] * max(log(1 / level), 0.0))
    return widths


def fitted_constant(widths: Sequence[float], unit: Sequence[float]) -> float:
    """Return the least factor by which the widths ``unit`` of C = 1 must be multiplied to be at least ``widths``.

    rho moves with C too, so at this C the published form asks for no less than ``widths``.
    """
    ratios = [w / u for w, u in zip(widths, unit, strict=True)]
    return max(ratios)
