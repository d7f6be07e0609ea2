"""How far the ticket is from its target: a certified bound over the whole domain, and what can be observed.

First-layer neurons are univariate, so source layers 1 and 2 act on the inputs' parts, relu(x) and relu(-x), as one
matrix of realised weights, a row for every copy; the layers above are the masked source itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.existence.build import Ticket
from simulations.existence.target import Target, forward
from slt.core.keys import generator

Floats = NDArray[np.float64]
STARTS, STEPS = 64, 24  # of the adversarial search
PACES = (1.0, 0.5, 0.1, 1.0, 0.25, 0.02)  # how far towards the corner
ROUNDING = 1 + 1e-9  # far above the rounding of sums of 10^6 terms


def collapsed(ticket: Ticket) -> tuple[Floats, ...]:
    """Return the source as its mask leaves it on the inputs' parts: realised weights, then the masked upper layers."""
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
    """Bound the error of every output for all x in the box from the realised errors. upper: :func:`collapsed`.

    Layer l of a copy gets sum_i e_i x_i from its weight errors e against the target's activations x, which lie in
    [0, X] by interval arithmetic (of a signed input's two parts one is 0 at a time), plus v . d from the errors d of
    the copies below, v the kept edges; relu passes an error on at most unchanged. Either every |d_c| is bounded alone
    (|v . d| <= sum |v_c| D_c), or their Euclidean norm (|v . d| <= ||v|| ||d||, ||d|| <= ||e|| ||x|| with the spectral
    norm of e): copies cannot all be at their worst for the same x, which is why the second is sharper for wide sources.
    """
    low, top = target.low, target.high
    alone = np.zeros(target.sizes[0])
    joint = 0.0
    gains = []
    for number, (w, layer) in enumerate(zip(target.weights, ticket.layers, strict=True)):
        copies = len(layer.weights) // len(w)
        error = layer.weights - np.repeat(target.parted[number], copies, axis=0)
        spectral = float(np.linalg.norm(error.T @ error, 2)) ** 0.5 * ROUNDING
        own = _largest(error, low, top)
        if number == 0:
            largest = np.maximum(np.abs(low), np.abs(top))
            size_below = float(np.linalg.norm(largest))
            # a realised weight is a sum of products rounded to 2^-48
            own += ticket.source.blocks[0] * 2.0**-48 * float(largest.sum())
            spectral += ticket.source.blocks[0] * 2.0**-48 * error.size**0.5
            alone, joint = own, spectral * size_below
            per_output = np.full(len(own), np.inf)
        else:
            size_below = float(np.linalg.norm(top))
            v = upper[number]
            by_norm = np.linalg.norm(v, axis=1) * joint
            by_interval = np.abs(v) @ alone
            gains.append((float(np.abs(v).sum(axis=1).max()), float(np.abs(w).sum(axis=1).max())))
            per_output = (own + by_norm) * ROUNDING
            size = min(float(np.linalg.norm(v)), float(np.sqrt(np.abs(v).sum(0).max() * np.abs(v).sum(1).max())))
            joint = (spectral * size_below + size * joint) * ROUNDING
            alone = (own + by_interval) * ROUNDING
        top = np.maximum(np.maximum(w, 0) @ top + np.minimum(w, 0) @ low, 0)
        low = np.zeros(len(w))
    best = np.minimum(alone, per_output)
    return Bound(float(best.max()), float(alone.max()), float(per_output.max()), tuple(gains))


def _largest(error: Floats, low: Floats, high: Floats) -> Floats:
    """Bound |error @ parts(x)| over the box, (rows,): of a signed input's two parts only one is not 0."""
    minus = np.zeros((len(error), len(low)))
    minus[:, low < 0] = error[:, len(low) :]
    ends = [error[:, : len(low)] * np.maximum(end, 0) + minus * np.maximum(-end, 0) for end in (low, high)]
    least, most = np.minimum(*ends), np.maximum(*ends)
    inside = (low <= 0) & (high >= 0)
    least[:, inside] = np.minimum(least[:, inside], 0)
    most[:, inside] = np.maximum(most[:, inside], 0)
    return np.maximum(most.sum(axis=1), -least.sum(axis=1)) * ROUNDING


def difference(target: Target, upper: tuple[Floats, ...], inputs: Floats) -> Floats:
    """Return source minus target, (N, n_L), at inputs (N, d) in the box."""
    return forward(upper, target.parts(inputs)) - forward(target.weights, inputs)


def adversarial(target: Target, upper: tuple[Floats, ...], seed: int) -> Floats:
    """Look for inputs in the box on which source and target differ most; return one per start, (STARTS, d).

    From random corners, and data where there are any: each output's difference is followed towards the corner that
    its gradient points to, all the way or part of it, and the best point met is kept.
    """
    rng = generator(seed, "adversarial")
    x = np.where(rng.integers(0, 2, (STARTS, target.sizes[0])) == 1, target.high, target.low)
    half = min(len(target.inputs), STARTS // 2)
    x[:half] = target.inputs[:half]
    output = np.arange(STARTS) % target.sizes[-1]
    best, best_error = x.copy(), np.zeros(STARTS)
    for step in range(STEPS):
        picked = difference(target, upper, x)[np.arange(STARTS), output]
        better = np.abs(picked) > best_error
        best[better], best_error[better] = x[better], np.abs(picked)[better]
        slope = _slope(target, upper, best, output) - _gradient(target.weights, best, output)
        # half of the starts of every output look for its largest, half for its least difference
        sign = np.where((np.arange(STARTS) // target.sizes[-1] + output) % 2, 1, -1)[:, None]
        corner = np.where(sign * slope > 0, target.high, target.low)
        x = best + PACES[step % len(PACES)] * (corner - best)
    return best


def _slope(target: Target, upper: tuple[Floats, ...], x: Floats, output: NDArray[np.int64]) -> Floats:
    """Gradient of the source's output ``output[i]`` at ``x[i]``, (N, d): that of the part which is not 0."""
    by_parts = _gradient(upper, target.parts(x), output)
    d = target.sizes[0]
    slope = by_parts[:, :d]
    negative = target.low < 0
    slope[:, negative] = np.where(x[:, negative] < 0, -by_parts[:, d:], slope[:, negative])
    return slope


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
