"""The published widths of the existence theorems: A.1 (pruned source) and A.4 (pruned and locked source).

Otsuka et al. (2024), (2)-(6), (17), (18); A.1 is Theorem 2.5 of Gadhikar et al. (2023). The formulas are
reconstructed: their structure is the paper's, the constant C and the exponent g are arguments, layer indices may be off
by one. What the theorems leave out (every source neuron errs in its own way) is in :mod:`theory.existence`.
"""

from collections.abc import Callable, Sequence
from math import inf, log

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from slt.core import arrays
from slt.core.checks import at_least_zero, one_of, open_unit, positive, whole
from slt.core.rates import Rates

Floats = NDArray[np.float64]
Weights = Sequence[Floats]
LARGEST_INPUT = 1e100


def homogeneous(weights: Weights, biases: Weights) -> tuple[Floats, ...]:
    """Return matrices W'_l = [[W_l, b_l], [0, 1]] that compute relu(W x + b) without biases, from the input (x, 1).

    Every theorem here is about networks without biases. A bias is the weight of an input that is always 1, and a
    neuron of weight 1 hands that input on to the next layer; the last layer needs none.
    Relation: identity. biases: (n_l,) for every layer, zeros where there are none.

    >>> [w.tolist() for w in homogeneous([np.array([[2.0]]), np.array([[3.0]])], [np.array([4.0]), np.array([5.0])])]
    [[[2.0, 4.0], [0.0, 1.0]], [[3.0, 5.0]]]
    """
    for w, b in zip(weights, biases, strict=True):
        if np.ndim(w) != 2 or np.shape(b) != (len(w),):
            raise ValueError(f"a layer needs a matrix and a bias for each row, got {np.shape(w)} and {np.shape(b)}")
    rows = [np.column_stack([w, b]) for w, b in zip(weights, biases, strict=True)]
    hand_on = [np.eye(1, w.shape[1], w.shape[1] - 1) for w in rows]
    return (*(np.vstack([w, one]) for w, one in zip(rows[:-1], hand_on, strict=False)), rows[-1])


def box(inputs: int, low: ArrayLike, high: ArrayLike) -> tuple[Floats, Floats]:
    """Return lower and upper ends (d,) of the input domain.

    Raises ValueError unless low <= high, not all of them 0, and none beyond 1e100, where products would overflow.

    >>> box(2, [-1, 0], 1)
    (array([-1.,  0.]), array([1., 1.]))
    """
    ends = [np.array(np.broadcast_to(arrays.floats("the domain", end), inputs)) for end in (low, high)]
    if not (np.all(np.abs(ends) <= LARGEST_INPUT) and (ends[0] <= ends[1]).all() and np.any(ends)):
        least, most = ends[0].min(initial=0), ends[1].max(initial=0)
        raise ValueError(f"the domain needs finite ends low <= high, not all of them 0, got {least:g} to {most:g}")
    return ends[0], ends[1]


def activation_sums(weights: Weights, low: ArrayLike = 0.0, high: ArrayLike = 1.0) -> list[float]:
    """Bound B_l = sup ||x^(l)||_1 over the box low <= x <= high, l = 0 .. L - 1, by interval arithmetic: (4).

    low, high: numbers, or (d,), one for each input.
    Relation: upper bound of (4); equal to it for l = 0, and for l = 1 when a layer has a single neuron.

    >>> activation_sums([np.array([[1.0, -1.0], [0.5, 0.5]]), np.array([[1.0, 1.0]])])
    [2.0, 2.0]
    """
    lower, upper = box(weights[0].shape[1], low, high)
    sums = [float(np.maximum(np.abs(lower), np.abs(upper)).sum())]
    for w in weights[:-1]:
        upper = np.maximum(np.maximum(w, 0) @ upper + np.minimum(w, 0) @ lower, 0)
        lower = np.zeros(len(w))  # activations are at least 0, so only positive weights raise the next ones
        sums.append(float(upper.sum()))
    return sums


def layer_precisions(weights: Weights, eps: float, low: ArrayLike = 0.0, high: ArrayLike = 1.0) -> list[float]:
    """Return eps_l for l = 1 .. L: (3).

    eps_l = eps / (n_L L) / [(1 + B_{l-1}) (1 + eps/L) prod_{k=l+1}^{L-1} (||W^(k)||_inf + eps/L)], where the norm is
    taken as the operator norm, the largest sum of |w| in a row.
    """
    depth = len(weights)
    sums = activation_sums(weights, low, high)
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
    g, prune = at_least_zero("g", g), Rates(prune).prune
    size = sum(int(np.count_nonzero(w)) for w in weights)
    factor = 1 / -log(prune) if prune > 0 else 0.0
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
    low: ArrayLike = 0.0,
    high: ArrayLike = 1.0,
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
    form = one_of("form", form, ("pruned", "frozen"))
    eps, delta, C = positive("eps", eps), open_unit("delta", delta), positive("C", C)
    if len(prune) != whole("depth", len(weights), 1) + 1:
        raise ValueError(f"prune needs a rate for each of {len(weights) + 1} source layers, got {len(prune)}")
    precisions = layer_precisions(weights, eps, low, high)
    divisor = rho(weights, precisions, delta, max(prune), C, g)
    widths = []
    for layer, w in enumerate(weights):
        level = min(precisions[layer], delta / divisor if divisor else inf)
        # a dense layer asks for 0 in form A.1: the published factor tends to 0
        factor = 1.0 if form == "frozen" else (1 / -log(prune[layer]) if prune[layer] > 0 else 0.0)
        widths.append(C * factor * w.shape[1] * max(log(1 / level), 0.0))
    return widths


def fitted_constants(widths: Sequence[float], asked: Callable[[float], Sequence[float]]) -> list[float]:
    """Return, layer by layer, the C with which a published form asks for just these ``widths``.

    asked: the form's widths at a given C; each grows with C, in which rho is growing too, so each C is a root.
    Raises ValueError when a layer is asked for nothing whatever C is.

    >>> [round(C, 6) for C in fitted_constants([12, 27], lambda C: [3 * C, C**3])]
    [4.0, 3.0]
    """
    if not min(asked(1.0)) > 0:
        raise ValueError("the published form asks a layer for nothing, whatever C is")

    def surplus(log_c: float, layer: int) -> float:
        return float(np.log(asked(float(np.exp(log_c)))[layer] / widths[layer]))

    return [float(np.exp(brentq(surplus, -20, 20, args=(layer,)))) for layer in range(len(widths))]
