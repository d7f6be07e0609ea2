"""How far the ticket is from its target: a certified bound over the whole domain, and what can be observed.

Inputs are at least 0 and first-layer neurons univariate, so source layers 1 and 2 act as one matrix of realised
weights, a row for every copy; the layers above are the masked source itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.keys import generator
from simulations.existence.build import Ticket
from simulations.existence.target import Target, forward

Floats = NDArray[np.float64]
STARTS, STEPS = 64, 24  # of the adversarial search
PACES = (1.0, 0.5, 0.1, 1.0, 0.25, 0.02)  # how far towards the corner
ROUNDING = 1 + 1e-9  # far above the rounding of sums of 10^6 terms


def collapsed(ticket: Ticket) -> tuple[Floats, ...]:
    """Return the source as its mask leaves it on inputs >= 0: realised weights, then the masked upper layers."""
    upper = [masked_rows(ticket, number) for number in range(3, len(ticket.layers) + 2)]
    return (ticket.layers[0].weights, *upper)


def masked_rows(ticket: Ticket, layer: int) -> Floats:
    """Return source layer ``layer`` >= 3, 0 where an edge is not kept."""
    masks = ticket.layers[layer - 2].masks
    values, _ = ticket.source.rows(layer, 0, len(masks))
    values *= np.unpackbits(masks, axis=1, bitorder="little", count=values.shape[1])
    return values


@dataclass(frozen=True)
class Bound:
    """Bounds of sup |source - target| over the domain: by intervals, by Euclidean norms, and the better per output.

    gains: for every target layer above the first the largest sum of |kept edges| of a source neuron, against the
    largest sum of |target weights|: what errors below are multiplied with, and what the paper's eps_l assumes.
    """

    certified: float
    interval: float
    euclidean: float
    gains: tuple[tuple[float, float], ...]


def certified_bound(ticket: Ticket, target: Target, upper: tuple[Floats, ...]) -> Bound:
    """Bound the error of every output for all x in [0, high]^d from the realised errors. upper: :func:`collapsed`.

    Layer l of a copy gets sum_i e_i x_i from its weight errors e against the target's activations x, which lie in
    [0, X] by interval arithmetic, plus v . d from the errors d of the copies below, v the kept edges; relu passes
    an error on at most unchanged. Either every |d_c| is bounded alone (|v . d| <= sum |v_c| D_c), or their Euclidean
    norm (|v . d| <= ||v|| ||d||, ||d|| <= ||e|| ||x|| with the spectral norm of e): copies cannot all be at their
    worst for the same x, which is why the second is sharper for wide sources.
    """
    top = np.full(target.sizes[0], target.high)
    alone = np.zeros(target.sizes[0])
    joint = 0.0
    gains = []
    for number, (w, layer) in enumerate(zip(target.weights, ticket.layers, strict=True)):
        copies = len(layer.weights) // len(w)
        error = layer.weights - np.repeat(w, copies, axis=0)
        own = np.maximum(np.maximum(error, 0) @ top, np.maximum(-error, 0) @ top) * ROUNDING
        spectral = float(np.linalg.norm(error.T @ error, 2)) ** 0.5 * ROUNDING
        if number == 0:
            # a realised weight is a sum of products rounded to 2^-48
            own += ticket.source.blocks[0] * 2.0**-48 * float(top.sum())
            spectral += ticket.source.blocks[0] * 2.0**-48 * error.size**0.5
            alone, joint = own, spectral * float(np.linalg.norm(top))
            per_output = np.full(len(own), np.inf)
        else:
            v = upper[number]
            by_norm = np.linalg.norm(v, axis=1) * joint
            by_interval = np.abs(v) @ alone
            gains.append((float(np.abs(v).sum(axis=1).max()), float(np.abs(w).sum(axis=1).max())))
            per_output = (own + by_norm) * ROUNDING
            size = min(float(np.linalg.norm(v)), float(np.sqrt(np.abs(v).sum(0).max() * np.abs(v).sum(1).max())))
            joint = (spectral * float(np.linalg.norm(top)) + size * joint) * ROUNDING
            alone = (own + by_interval) * ROUNDING
        top = np.maximum(w, 0) @ top
    best = np.minimum(alone, per_output)
    return Bound(float(best.max()), float(alone.max()), float(per_output.max()), tuple(gains))


def adversarial(target: Target, upper: tuple[Floats, ...], seed: int) -> Floats:
    """Look for inputs in [0, high]^d on which source and target differ most; return one per start, (STARTS, d).

    From random corners, and data where there are any: each output's difference is followed towards the corner that
    its gradient points to, all the way or part of it, and the best point met is kept.
    """
    rng = generator(seed, "adversarial")
    d = target.sizes[0]
    x: Floats = rng.integers(0, 2, (STARTS, d)) * np.float64(target.high)
    half = min(len(target.inputs), STARTS // 2)
    x[:half] = target.inputs[:half]
    output = np.arange(STARTS) % target.sizes[-1]
    best, best_error = x.copy(), np.zeros(STARTS)
    for step in range(STEPS):
        difference = forward(upper, x) - forward(target.weights, x)
        picked = difference[np.arange(STARTS), output]
        better = np.abs(picked) > best_error
        best[better], best_error[better] = x[better], np.abs(picked)[better]
        slope = _gradient(upper, best, output) - _gradient(target.weights, best, output)
        # half of the starts look for the largest, half for the least difference
        sign = np.where(np.arange(STARTS) % 2, 1, -1)[:, None]
        corner = (sign * slope > 0) * np.float64(target.high)
        x = best + PACES[step % len(PACES)] * (corner - best)
    return best


def _gradient(weights: tuple[Floats, ...], x: Floats, output: NDArray[np.int64]) -> Floats:
    """Gradient of output ``output[i]`` at ``x[i]``, (N, d)."""
    active = []
    for w in weights[:-1]:
        x = x @ w.T
        active.append(x > 0)
        x = np.maximum(x, 0)
    slope = weights[-1][output]
    for w, on in zip(reversed(weights[:-1]), reversed(active), strict=True):
        slope = (slope * on) @ w
    return slope
