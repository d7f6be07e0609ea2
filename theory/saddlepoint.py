"""The density of subset sums near a point, by the saddlepoint method, all rows of a batch at once.

Centred at half their total, the subset sums of non-negative y_1..y_m are sum_i +-y_i / 2: symmetric about 0 and
ending at W = sum_i y_i / 2. A Gaussian of the same variance has no end, so it promises sums where there are none.
The saddlepoint density (Daniels 1954) keeps the end: with K(s) = sum_i log cosh(s y_i / 2),

    w(s) = K'(s),    rho(w(s)) = 2^m exp(K(s) - s w(s)) / sqrt(2 pi K''(s)).

Nothing is solved for: s runs over fixed nodes and gives pairs (w, log rho).
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_NODES = 64
_LAST = 0.985  # the last node lies near this share of the way to W; beyond it fewer than a few sums are left


def _nodes() -> Array:
    """Values of s that spread w(s) evenly over [0, W] when the y_i are uniform on [0, 1]."""
    s = np.concatenate([[0.0], np.geomspace(0.02, 2000, 400)])
    y = (np.arange(400) + 0.5) / 400
    share = 2 * np.tanh(s[:, None] * y / 2) @ y / len(y)  # w(s) / W as m -> infinity
    return np.interp(np.linspace(0, _LAST, _NODES), share, s)


_S = _nodes()


def density_of_sums(y: Array) -> tuple[Array, Array]:
    """Return positions w >= 0 and log densities of the centred subset sums, both (rows, nodes), w ascending.

    y: (rows, m) non-negative, at least one positive value a row; zeros are padding and count as absent.

    Source: saddlepoint approximation of first order, Daniels, Ann. Math. Statist. 25 (1954), eq. 2.6, with 2^m in
    front because sums are counted, not weighted. Accurate to O(1/m) in the middle, where it is a little too high.
    """
    half = y / 2
    present = y > 0
    w = np.empty((len(y), len(_S)))
    log_rho = np.empty_like(w)
    for node, s in enumerate(_S):
        e = np.exp(-2 * s * half)
        t = (1 - e) / (1 + e)  # tanh(s y / 2)
        w[:, node] = np.einsum("ij,ij->i", half, t)
        variance = np.einsum("ij,ij->i", half * half, 1 - t * t)
        # log(2 cosh x) = x + log(1 + exp(-2 x)) never overflows
        log_sum = np.where(present, s * half + np.log1p(e), 0.0).sum(axis=1)
        log_rho[:, node] = log_sum - s * w[:, node] - np.log(2 * np.pi * variance) / 2
    return w, log_rho
