"""Certified bounds of P(sum < c) for sums of uniform variables of several widths, and of the largest of a block.

The proofs about choices of a fixed size (docs/sparsity.md) need them: a locked variable is uniform on [-1, 1], what a
pair keeps for certain is a sum of two uniforms on [-1/2, 1/2], and the i largest of b uniforms are, given the largest
that is not among them, iid uniform between it and 1.
"""

from math import exp, pi

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincinv

Floats = NDArray[np.float64]

DEEP = 40.0  # -log of the probability that a sum lies outside the period of the square wave
ROUNDING = 1e-12  # absolute, for a sum of at most some 10^3 frequencies, each within terms * 2^-50
_EXPONENTS = np.geomspace(0.02, 200, 80)
_MOST = 3000  # frequencies
_LEVELS = np.append(np.geomspace(1e-4, 0.1, 20), np.linspace(0.1, 1, 40)[1:-1])


def sum_below(c: ArrayLike, widths: ArrayLike, counts: ArrayLike) -> Floats:
    """Bound P(S < c) from above; S is a sum of independent uniforms, counts[j] of them on [-widths[j], widths[j]].

    c: shape (cells,); widths: (cells, parts) or (parts,), not negative; counts: whole, (parts,). Returns (cells,).
    Statement: the smaller of two bounds.

    * Chernoff: ``P(S < c) <= exp(s c) prod (sinh(s w)/(s w))^count`` for every s > 0.
    * Fourier: with period 2H the wave that is 1 on (c - H, c) and 0 on (c, c + H) is
      ``1/2 + (2/pi) sum over odd k of sin(k pi (c - x)/H)/k``, so that S symmetric gives
      ``P(S < c) <= 1/2 + (2/pi) sum phi(k pi/H) sin(k pi c/H)/k + P(|S| > H - |c|)``, phi a product of sines over
      arguments. As sinh(x)/x <= exp(x^2/6), ``P(|S| > t) <= 2 exp(-3 t^2/(2 sum count w^2))``. Terms beyond k = K:
      ``|phi(o)| <= prod min(1, 1/(w o))^count`` falls at least like o^-N, N the number of terms with w o_K >= 1, so
      that they add up to at most (2/pi) |phi|_K / N.

    Relation: upper bound; rounding of the second is covered by 10^-12, so that the first one serves far tails.
    """
    c = np.atleast_1d(np.asarray(c, dtype=np.float64))
    counts = np.asarray(counts)
    used = counts > 0
    counts = counts[used]
    widths = np.broadcast_to(np.asarray(widths, dtype=np.float64)[..., used], (len(c), len(counts)))
    if not len(counts):
        return (c > 0).astype(np.float64)
    return np.clip(np.minimum(_chernoff(c, widths, counts), _fourier(c, widths, counts)), 0.0, 1.0)


def _chernoff(c: Floats, widths: Floats, counts: NDArray) -> Floats:
    s = _EXPONENTS[:, None]
    total = s * c
    for width, count in zip(widths.T, counts, strict=True):
        total = total + count * _log_sinh(s * width)
    return np.exp(np.minimum(total.min(axis=0), 0.0)) * (1 + 1e-9)


def _log_sinh(x: Floats) -> Floats:
    """Bound log(sinh(x)/x) from above, x >= 0: exact but for rounding from .01 on, x^2/6 below."""
    large = np.maximum(x, 0.01)
    return np.where(x < 0.01, x * x / 6, large + np.log1p(-np.exp(-2 * large)) - np.log(2 * large)) + 1e-12


def _fourier(c: Floats, widths: Floats, counts: NDArray) -> Floats:
    spread = float((widths**2 @ counts).max())
    period = float(np.abs(c).max()) + (2 * spread * DEEP / 3) ** 0.5
    last, size = 64, np.ones(len(c))
    while True:
        at = (2 * last - 1) * pi / period
        size = np.exp(-np.log(np.maximum(widths * at, 1.0)) @ counts)
        if size.max() < 1e-17 or last >= _MOST:
            break
        last *= 2
    terms = (widths * at >= 1) @ counts
    odd = 2 * np.arange(last) + 1
    omega = odd * (pi / period)
    phi = np.ones((len(c), last))
    for width, count in zip(widths.T, counts, strict=True):
        one = width[:1] if np.all(width == width[0]) else width
        phi = phi * np.sinc(one[:, None] * omega / pi) ** int(count)
    value = 0.5 + 2 / pi * ((phi * np.sin(omega * c[:, None])) @ (1 / odd))
    beyond = np.where(terms > 0, 2 / pi * size / np.maximum(terms, 1), 1.0)
    return value + beyond + 2 * exp(-DEEP) + ROUNDING


def tops_below(c: float, kept: int, of: int, *, locked: int = 0, halves: int = 0, least: float = 1e-6) -> float:
    """Bound P(T + M + top < c) from above: top is the sum of the ``kept`` largest of ``of`` uniforms on [-1, 1].

    T: sum of ``locked`` uniforms on [-1, 1]; M: of ``halves`` uniforms on [-1/2, 1/2]; all independent.
    Derivation: for 0 < kept < of let v be the largest that is not kept; (1 + v)/2 is Beta(of - kept, kept + 1), and
    given v the kept ones are iid uniform on [v, 1], so that top = kept (1 + v)/2 + kept uniforms on
    [-(1 - v)/2, (1 - v)/2]. That grows with v in every outcome of the uniforms, so each of some cells of v may be
    replaced by its lower end. least: probability below which the cells need not be fine; it costs sharpness only.
    """
    if kept in (0, of):
        return float(sum_below(c, [1.0, 0.5], [locked + kept, halves])[0])
    levels = np.append(np.geomspace(min(1e-3 * least, 1e-5), 1e-4, 12)[:-1], _LEVELS)
    u = np.append(0.0, np.unique(betaincinv(of - kept, kept + 1, levels)))
    below = np.append(betainc(of - kept, kept + 1, u), 1.0)
    short = sum_below(
        c - kept * u, np.stack([np.ones_like(u), np.full_like(u, 0.5), 1 - u], axis=1), [locked, halves, kept]
    )
    # the weights are differences: their rounding is moved to the largest of the probabilities
    return min(1.0, float(np.diff(below) @ short) * (1 + 1e-9) + 1e-13 * float(short.max()))
