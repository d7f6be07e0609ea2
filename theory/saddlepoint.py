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
    w = np.empty((len(y), len(_S)))
    log_rho = np.empty_like(w)
    for node in range(len(_S)):
        exponent, w[:, node], spread = _at(y / 2, np.full(len(y), node))
        log_rho[:, node] = exponent - spread
    return w, log_rho


def density_in_reach(y: Array, upto: Array, enough: Array) -> tuple[Array, Array]:
    """Return :func:`density_of_sums` where it is asked for: at nodes around 0..upto with a density below ``enough``.

    upto: (rows,) the largest position asked for. enough: (rows,) the log density from which on its value is of no
    interest. The nodes beyond the first one at ``upto`` are moved to the end of the sums and have its density; those
    before the first one of interest are moved to 0 and have the density inf. So most nodes cost nothing.

    What is left out is at least ``enough``: for s below s*, K(s) - s w(s) is at least its value at s* (its derivative
    is -s K''(s)), and K''(s) at most K''(0) (each term of K'' falls with s).
    """
    half = y / 2
    end = half.sum(axis=1)
    widest = np.log(2 * np.pi * (half * half).sum(axis=1)) / 2
    last = len(_S) - 1
    w = np.zeros((len(y), len(_S)))
    log_rho = np.full_like(w, np.inf)
    start = np.ceil(np.minimum(upto / end, 1) * last / _LAST).clip(max=last).astype(np.int64)
    certain = np.zeros(len(y), bool)

    def look(rows: NDArray[np.int64], nodes: NDArray[np.int64]) -> None:
        exponent, w[rows, nodes], spread = _at(half[rows], nodes)
        log_rho[rows, nodes] = exponent - spread
        certain[rows] |= exponent - widest[rows] >= enough[rows] + 1e-6

    rows, nodes = np.arange(len(y)), start.copy()
    while len(rows):
        look(rows, nodes)
        low = (w[rows, nodes] < upto[rows]) & (nodes < last)
        enclosed, top = rows[~low], nodes[~low]
        beyond = np.arange(len(_S)) > top[:, None]
        w[enclosed] = np.where(beyond, end[enclosed, None], w[enclosed])
        log_rho[enclosed] = np.where(beyond, log_rho[enclosed, top][:, None], log_rho[enclosed])
        rows, nodes = rows[low], nodes[low] + 1
    rows, nodes = np.arange(len(y)), start - 1
    while True:
        more = ~certain[rows] & (nodes >= 0)
        rows, nodes = rows[more], nodes[more]
        if not len(rows):
            return w, log_rho
        look(rows, nodes)
        nodes = nodes - 1


def _at(half: Array, nodes: NDArray[np.int64]) -> tuple[Array, Array, Array]:
    """Return K(s) + m log 2 - s w, w and log(2 pi K'') / 2 at one node of each row; half: y / 2."""
    s = _S[nodes]
    e = np.exp(-2 * s[:, None] * half)
    t = (1 - e) / (1 + e)  # tanh(s y / 2)
    w = np.einsum("ij,ij->i", half, t)
    variance = np.einsum("ij,ij->i", half * half, 1 - t * t)
    # log(2 cosh x) = x + log(1 + exp(-2 x)) never overflows
    log_sum = np.where(half > 0, s[:, None] * half + np.log1p(e), 0.0).sum(axis=1)
    return log_sum - s * w, w, np.log(2 * np.pi * variance) / 2
