"""The sharp estimate: how often n random numbers, partly frozen, cover every target, and the n that this asks for.

Sharp, not proven: a model of the subset sums averaged over cheap random draws of the numbers themselves. Each draw
knows its free values X_1..X_m and the locked sum T. With A = sum X_i the sums T + sum_S X_i are symmetric about
c = T + A/2, so in coordinates centred there the targets [-r, r] become [-r - c, r - c], and by symmetry the draw
succeeds when [max(|c| - r, 0), |c| + r] is covered: decided in :mod:`theory.window_coverage`, exactly where few
values matter, by a Poisson process of saddlepoint density otherwise. Of thousands of free values only the
total is drawn: their sums leave no gap before they end, so the end decides.

Error against measured success: ``slt simulate calibration``. Of the approximations two are visible and
nearly cancel: the first-order saddlepoint is a few percent too dense for 10 to 15 values, while gaps come in clumps
(most sums on both sides of a gap reappear, shifted, on both sides of another), which Poisson sums do not know.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrik, ndtri

from slt.core.checks import one_of, whole
from slt.core.first import first
from slt.core.keys import checked_seed, generator
from slt.core.rates import READINGS, Rates
from theory.arguments import checked_delta, checked_eps, checked_n, checked_radius, checked_rates
from theory.necessary import necessary_n
from theory.window_coverage import coverage_probability

Array = NDArray[np.float64]

DRAWS = 2000
SMALLEST_DELTA = 1e-3  # 2000 draws are too few to see rarer failures
_ROWS = 500  # draws handled at a time: small enough for the cache
_CENTRES = 8  # centres c per draw of the free values
_SIGNS = 12  # free values whose signs are drawn one by one; the others' enter as one near-normal sum
_LOCKED = 8  # locked values drawn one by one
_MANY = 2000  # mean number of free values from which on only their total is drawn
_MANY_A_DIGIT = 35  # the same for each unit of log(1 / eps)


@dataclass(frozen=True)
class Sizes:
    """A symmetric law of the values, in a unit in which the mean of |X| is 1/2, as it is of a uniform one on [-1, 1].

    quantile: of |X|, on [0, 1); its first, second and fourth moment. What :data:`UNIFORM` is to the papers' law, a law
    of :mod:`theory.models` may be, as long as it is continuous.
    """

    quantile: Callable[[Array], Array]
    mean: float
    second: float
    fourth: float


UNIFORM = Sizes(lambda level: level, 1 / 2, 1 / 3, 1 / 5)


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
    Exactly 1 for eps >= radius where nothing is locked or n is 0: the sum 0 is within eps of every target.
    Raises ValueError for arguments outside :mod:`theory.arguments`, another reading, draws < 1 or a bad seed.

    >>> round(estimated_success(16, 0.01), 2)
    0.97
    """
    n, eps, rates, radius = checked_n(n), checked_eps(eps), checked_rates(prune, lock), checked_radius(radius)
    reading, draws = one_of("reading", reading, READINGS), whole("draws", draws, 1)
    seed = checked_seed(seed)
    if eps >= radius and (n == 0 or rates.lock == 0):
        return 1.0
    return success_of(UNIFORM, n, eps, rates, radius, reading, draws, seed)


def success_of(
    sizes: Sizes, n: int, eps: float, rates: Rates, radius: float, reading: str, draws: int, seed: int
) -> float:
    """Return :func:`estimated_success` of checked arguments for any law of the values."""
    many = n * rates.free > max(_MANY, -_MANY_A_DIGIT * log(eps))
    total: NDArray[np.float64] | float = 0.0
    for y, spare, centre in _draws(n, rates, draws, seed, many, sizes):

        def covered(low: Array, high: Array, y: Array = y, spare: Array = spare) -> Array:
            if not many:
                return coverage_probability(y, eps, low, high)
            end = eps + (np.where(np.isfinite(y), y, 0.0).sum(axis=1) + spare) / 2
            return (high <= end[:, None]).astype(np.float64)

        if reading == "uniform":
            distance = np.abs(centre)
            total = total + covered(np.maximum(distance - radius, 0), distance + radius).sum()
        else:
            targets = np.linspace(0, radius, 9)
            points = np.abs(targets[:, None] - centre[:, None, :]).reshape(len(y), -1)
            total = total + covered(points, points).reshape(len(y), len(targets), -1).sum(axis=(0, 2))
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

    Returned is an n with ``estimated_success(n) >= 1 - delta > estimated_success(n - 1)`` for the same draws and seed.
    With locking success may rise, fall and rise again with n, so the search goes upwards from the first n that is not
    proven to be too few (:func:`theory.necessary.necessary_n`), in steps of an eighth of n, and bisects the first step
    that succeeds. Monte Carlo error moves the result by about 0.2 / sqrt(draws) divided by the slope of the success
    probability (1 in 100 at p = .4, q = .3, delta = .05). The proven number itself is returned where it succeeds: so it
    is for a delta so small that the draws hardly ever fail, and 0 is for eps >= radius.
    Raises ValueError for delta outside [1e-100, 1) and where :func:`estimated_success` does.

    >>> estimated_n(0.1, 0.1)
    11
    """
    eps, delta, radius, rates = (
        checked_eps(eps),
        checked_delta(delta),
        checked_radius(radius),
        checked_rates(prune, lock),
    )
    reading, draws, seed = one_of("reading", reading, READINGS), whole("draws", draws, 1), checked_seed(seed)
    return 0 if eps >= radius else _estimated(eps, delta, rates, radius, reading, draws, seed)


@lru_cache(maxsize=1024)
def _estimated(eps: float, delta: float, rates: Rates, radius: float, reading: str, draws: int, seed: int) -> int:
    """Return :func:`estimated_n` of checked arguments; made once, as several reports ask for it."""
    law = {"prune": rates.prune, "lock": rates.lock, "radius": radius}
    least = necessary_n(eps, delta, **law, reading=reading)

    def reaches(n: int, count: int) -> bool:
        return estimated_success(n, eps, **law, reading=reading, draws=count, seed=seed) >= 1 - delta

    coarse = min(draws, _ROWS)
    low, high = least - 1, least
    while not reaches(high, coarse):
        low, high = high, high + max(1, high // 8)
    found = first(lambda n: reaches(n, coarse), low + 1, high)
    if coarse < draws:
        found = first(lambda n: reaches(n, draws), 0, guess=found, step=max(1, found // 50))
    return max(found, least)


def _draws(
    n: int, rates: Rates, draws: int, seed: int, many: bool = False, sizes: Sizes = UNIFORM
) -> Iterator[tuple[Array, Array, Array]]:
    """Yield batches of draws: |X_i| of the free values, (rows, m) ascending and padded with inf; the total of those
    left out, (rows,), 0 unless there are ``many``; centres (rows, 8).

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
        if sizes is not UNIFORM:
            locked_values = np.copysign(sizes.quantile(np.abs(locked_values)), locked_values)

        free = binomial_quantile((index + level[0]) / draws, np.full(rows, n), rates.free)
        locked = binomial_quantile(level[1], n - free, locked_share)
        columns = _SIGNS if many else max(int(free.max()), _SIGNS)
        y = sizes.quantile(rng.random((columns, rows)).T.copy())
        y[np.arange(columns) >= free[:, None]] = 0
        left_out = np.maximum(free - columns, 0)
        variance = sizes.second - sizes.mean**2
        spare = np.zeros(rows)
        if many:
            spare = left_out * sizes.mean + np.sqrt(left_out * variance) * ndtri(rng.random(rows))

        centre = (signs * y[:, None, :_SIGNS]).sum(axis=2) / 2
        centre += np.where(np.arange(_LOCKED) < locked[:, None, None], locked_values, 0).sum(axis=2)
        centre += _remainder(y[:, _SIGNS:], left_out, np.maximum(locked - _LOCKED, 0), normal, sizes)
        y[y == 0] = np.inf
        y.sort(axis=1)
        yield y, spare, centre


def _remainder(
    y: Array, free: NDArray[np.int64], locked: NDArray[np.int64], normal: Array, sizes: Sizes = UNIFORM
) -> Array:
    """Return the sum of +-y/2 over a row's y and ``free`` more, and of ``locked`` values, as quantiles of ``normal``.

    First Cornish-Fisher correction: a value has variance E X^2 and fourth cumulant E X^4 - 3 (E X^2)^2 (1/3 and -2/15
    if uniform), +-h has h^2 and -2 h^4.
    """
    cumulant = -2 / 15 if sizes is UNIFORM else sizes.fourth - 3 * sizes.second**2
    variance = locked * sizes.second + ((y**2).sum(axis=1) + free * sizes.second) / 4
    fourth = cumulant * locked - ((y**4).sum(axis=1) + free * sizes.fourth) / 8
    excess = fourth / np.where(variance > 0, variance, 1) ** 2
    return np.sqrt(variance)[:, None] * (normal + excess[:, None] / 24 * (normal**3 - 3 * normal))


def binomial_quantile(level: Array, n: NDArray[np.int64], rate: float) -> NDArray[np.int64]:
    """Return the quantile of Bin(n, rate) at each level in (0, 1)."""
    if rate in (0.0, 1.0):
        return n * int(rate)
    counts = np.zeros(len(n), np.int64)
    above = level > (1 - rate) ** n.astype(np.float64)  # elsewhere the quantile is 0
    counts[above] = np.ceil(bdtrik(level[above], n[above].astype(np.float64), rate))
    return counts
