"""The sharp estimate: how often n random numbers, partly frozen, cover every target, and the n that this asks for.

Sharp, not proven: a model of the subset sums averaged over cheap random draws of the numbers themselves. Each draw
knows its free values X_1..X_m and the locked sum T. With A = sum X_i the sums T + sum_S X_i are symmetric about
c = T + A/2, so in coordinates centred there the targets [-r, r] become [-r - c, r - c], and by symmetry the draw
succeeds when [max(|c| - r, 0), |c| + r] is covered: decided in :mod:`theory.window_coverage`, exactly where few
values matter, by a Poisson process of saddlepoint density otherwise.

Error against measured success: ``python -m simulations calibration``. Of the approximations two are visible and
nearly cancel: the first-order saddlepoint is a few percent too dense for 10 to 15 values, while gaps come in clumps
(most sums on both sides of a gap reappear, shifted, on both sides of another), which Poisson sums do not know.
"""

from collections.abc import Callable, Iterator
from math import ceil, log2

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrik, ndtri

from common.checks import one_of, open_unit, positive, whole
from common.keys import generator
from common.rates import Rates, searchable
from theory.necessary import necessary_n
from theory.window_coverage import coverage_probability

Array = NDArray[np.float64]

READINGS = ("uniform", "pointwise")
DRAWS = 2000
_ROWS = 500  # draws handled at a time: small enough for the cache
_CENTRES = 8  # centres c per draw of the free values
_SIGNS = 12  # free values whose signs are drawn one by one; the others' enter as one near-normal sum
_LOCKED = 8  # locked values drawn one by one


def estimated_success(
    n: int,
    eps: float,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
    draws: int = DRAWS,
    seed: int = 0,
) -> float:
    """Estimate the probability that n candidates eps-cover all |z| <= radius (uniform) or the worst one (pointwise).

    Pointwise: the least probability over z = 0, r/8, ..., r.
    Relation: an estimate, within 0.03 of measured success (see the calibration), not a bound.
    Monte Carlo error: at most 0.5 / sqrt(draws), in practice about 0.2 / sqrt(draws) since the counts and the centres
    are stratified. Equal seeds use common random numbers for every n, eps and rate, so the curve in n is smooth.
    Raises ValueError for eps outside (0, 1), rates that leave nothing free, radius <= 0, n < 0 or draws < 1.

    >>> round(estimated_success(16, 0.01), 2)
    0.97
    """
    n = whole("n", n)
    eps = open_unit("eps", eps)
    rates = searchable(prune, lock)
    radius = positive("radius", radius)
    one_of("reading", reading, READINGS)
    draws = whole("draws", draws, 1)
    total: NDArray[np.float64] | float = 0.0
    for y, centre in _draws(n, rates, draws, seed):
        if reading == "uniform":
            distance = np.abs(centre)
            covered = coverage_probability(y, eps, np.maximum(distance - radius, 0), distance + radius)
            total = total + covered.sum()
        else:
            targets = np.linspace(0, radius, 9)
            points = np.abs(targets[:, None] - centre[:, None, :]).reshape(len(y), -1)
            covered = coverage_probability(y, eps, points, points)
            total = total + covered.reshape(len(y), len(targets), -1).sum(axis=(0, 2))
    return float(np.min(total)) / (draws * _CENTRES)


def estimated_n(
    eps: float,
    delta: float,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
    draws: int = DRAWS,
    seed: int = 0,
) -> int:
    """Estimate the smallest n with success probability at least 1 - delta.

    Returned is an n with ``estimated_success(n) >= 1 - delta > estimated_success(n - 1)`` for the same draws and seed,
    found by bisection: the estimate grows with n but for its Monte Carlo error, which moves the result by
    about 0.2 / sqrt(draws) divided by the slope of the success probability (1 in 100 at p = .4, q = .3, delta = .05).
    Where that n is proven to be too few (:func:`theory.necessary.necessary_n`), the proven number is returned: so it is
    for a delta so small that the draws hardly ever fail.
    Raises ValueError for delta outside (0, 1) and where :func:`estimated_success` does.

    >>> estimated_n(0.1, 0.1)
    11
    """
    delta = open_unit("delta", delta)
    rates = searchable(prune, lock)

    def reaches(n: int, count: int) -> bool:
        success = estimated_success(
            n, eps, prune=prune, lock=lock, radius=radius, reading=reading, draws=count, seed=seed
        )
        return success >= 1 - delta

    coarse = min(draws, _ROWS)
    start = max(1, ceil(log2(max(radius / open_unit("eps", eps), 1)) / rates.free))
    found = _first(lambda n: reaches(n, coarse), start, start)
    if coarse < draws:
        found = _first(lambda n: reaches(n, draws), found, max(1, found // 50))
    return max(found, necessary_n(eps, delta, prune=prune, lock=lock, radius=radius, reading=reading))


def _first(reached: Callable[[int], bool], start: int, step: int) -> int:
    """Return an n >= 0 with reached(n) and not reached(n - 1), looked for around ``start`` in growing steps."""
    low, high = -1, start
    if reached(start):
        while (below := high - step) >= 0 and reached(below):
            high, step = below, 2 * step
        low = max(below, -1)
    else:
        low, high = start, start + step
        while not reached(high):
            step *= 2
            low, high = high, high + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def _draws(n: int, rates: Rates, draws: int, seed: int) -> Iterator[tuple[Array, Array]]:
    """Yield batches of draws: |X_i| of the free values, (rows, m) ascending and padded with inf; centres (rows, 8).

    Everything of fixed size is drawn first and the free values row of numbers by row, so that batch k for n is a
    prefix of batch k for n + 1. The number of free values is stratified over all draws, the centres within a draw.
    """
    batches = -(-draws // _ROWS)
    locked_share = rates.lock / rates.freezing if rates.freezing > 0 else 0.0
    for batch in range(batches):
        index = np.arange(batch, draws, batches)
        rng = generator(seed, "estimate", batch)
        rows = len(index)
        level = rng.random((2, rows))
        normal = ndtri((np.arange(_CENTRES) + rng.random((rows, _CENTRES))) / _CENTRES)
        signs = np.where(rng.random((rows, _CENTRES, _SIGNS)) < 0.5, -1.0, 1.0)
        locked_values = 2 * rng.random((rows, _CENTRES, _LOCKED)) - 1

        free = _binomial((index + level[0]) / draws, np.full(rows, n), rates.free)
        locked = _binomial(level[1], n - free, locked_share)
        columns = max(int(free.max()), _SIGNS)
        y = rng.random((columns, rows)).T.copy()
        y[np.arange(columns) >= free[:, None]] = 0

        centre = (signs * y[:, None, :_SIGNS]).sum(axis=2) / 2
        centre += np.where(np.arange(_LOCKED) < locked[:, None, None], locked_values, 0).sum(axis=2)
        centre += _remainder(y[:, _SIGNS:], np.maximum(locked - _LOCKED, 0), normal)
        y[y == 0] = np.inf
        y.sort(axis=1)
        yield y, centre


def _remainder(y: Array, locked: NDArray[np.int64], normal: Array) -> Array:
    """Return the sum of +-y/2 over a row's y and of ``locked`` uniforms on [-1, 1], as quantiles of ``normal``.

    First Cornish-Fisher correction: a uniform has variance 1/3 and fourth cumulant -2/15, +-h has h^2 and -2 h^4.
    """
    variance = locked / 3 + (y**2).sum(axis=1) / 4
    fourth = -2 / 15 * locked - (y**4).sum(axis=1) / 8
    excess = fourth / np.where(variance > 0, variance, 1) ** 2
    return np.sqrt(variance)[:, None] * (normal + excess[:, None] / 24 * (normal**3 - 3 * normal))


def _binomial(level: Array, n: NDArray[np.int64], rate: float) -> NDArray[np.int64]:
    """Return the quantile of Bin(n, rate) at each level in (0, 1)."""
    if rate in (0.0, 1.0):
        return n * int(rate)
    counts = np.zeros(len(n), np.int64)
    above = level > (1 - rate) ** n.astype(np.float64)  # elsewhere the quantile is 0
    counts[above] = np.ceil(bdtrik(level[above], n[above].astype(np.float64), rate))
    return counts
