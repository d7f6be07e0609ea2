"""The frozen source of a layer: which weights are pruned, locked or free, what all of them are, and the first scores.

Everything is rebuilt from (seed, layer name, shape, rates); nothing depends on the other layers or on what was drawn
before. Otsuka et al. (2024), arXiv 2402.14029.
"""

from math import prod, sqrt

import numpy as np
import torch
from torch import Tensor

from slt.core.checks import one_of, open_unit
from slt.core.rates import Rates
from theory.freezing import counts
from torch_backend.masks import streams

WEIGHTS = ("ku", "skc")
PRUNED, FREE, LOCKED = -1, 0, 1
OUTSIDE = 2  # neither searched nor counted


def pattern(seed: int, layer: str, shape: tuple[int, ...], rates: Rates) -> Tensor:
    """Return the states of a layer's weights, int8 of ``shape``: -1 pruned, 1 locked, 0 free.

    Exactly int(n p) weights are pruned and int(n q) others locked, at random positions: the ones with the lowest sort
    keys, and the ones that follow.
    """
    size = prod(shape)
    pruned, locked = counts(size, rates)
    states = np.full(size, FREE, np.int8)
    if pruned + locked:
        keys = streams.keys(seed, f"states/{layer}", size)
        ends = (pruned + locked, pruned)
        ordered = np.partition(keys, [min(end, size - 1) for end in ends])
        for end, state in zip(ends, (LOCKED, PRUNED), strict=True):
            states[keys < ordered[end] if end < size else slice(None)] = state
    return torch.from_numpy(states).reshape(shape)


def source(
    seed: int,
    layer: str,
    shape: tuple[int, ...],
    weights: str,
    sparsity: float | None = None,
    inputs: float | None = None,
) -> Tensor:
    """Return a layer's random weights, float32 of ``shape``.

    weights: "ku", Kaiming uniform on (-b, b), b = sqrt(6 / fan_in), or "skc", signed Kaiming constant,
    -+ sqrt(2 / fan_in); fan_in = in * k_h * k_w. Both have variance 2 / fan_in (He et al. 2015; Ramanujan et al. 2020).
    sparsity: when given, everything is multiplied by 1 / sqrt(1 - sparsity), which keeps the variance of a layer's
    outputs under a mask that keeps the share 1 - sparsity (the static scale of SKC). inputs: the fan_in, where the
    shape is not (out, in, k_h, k_w).
    Raises ValueError for unknown weights and for a sparsity outside (0, 1).
    """
    one_of("weights", weights, WEIGHTS)
    scale = 1.0 if sparsity is None else 1 / sqrt(1 - open_unit("sparsity", sparsity))
    draw, variance = (streams.uniform, 6.0) if weights == "ku" else (streams.signs, 2.0)
    return draw(seed, f"weights/{layer}", shape) * float(np.float32(scale * sqrt(variance / (inputs or fan_in(shape)))))


def first_scores(seed: int, layer: str, shape: tuple[int, ...], inputs: float | None = None) -> Tensor:
    """Return Kaiming normal scores, float32 of ``shape``, standard deviation sqrt(2 / fan_in).

    There is one for every weight, frozen or not, so that sources frozen differently start from the same scores.
    inputs: as in :func:`source`.
    """
    return streams.normal(seed, f"scores/{layer}", shape) * float(np.float32(sqrt(2 / (inputs or fan_in(shape)))))


def fan_in(shape: tuple[int, ...]) -> int:
    """Return the number of inputs of one output: in * k_h * k_w for a weight tensor (out, in, k_h, k_w).

    >>> fan_in((64, 3, 3, 3)), fan_in((10, 256))
    (27, 256)
    """
    return prod(shape[1:])
