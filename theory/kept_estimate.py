"""The sharp estimate of success where a choice keeps a given number of variables: a size, a sparsity, or N of M.

Sharp, not proven, as :mod:`theory.estimate` is: cheap draws of the numbers themselves, and for each draw the
probability that the sums of its choices leave no gap. All choices are looked at where they are few; elsewhere their
sums are a Poisson process of saddlepoint density (:mod:`theory.kept_density`, :mod:`theory.kept_cover`). Signs cannot
be folded here, since the number that is kept matters: the sums are not symmetric about their centre, but where half of
every block is kept.
"""

import numpy as np
from numpy.typing import NDArray

from slt.core.checks import one_of, whole
from slt.core.first import first
from slt.core.keep import Groups, Keep
from slt.core.keys import checked_seed
from slt.core.rates import READINGS, Rates
from theory.arguments import checked_delta, checked_eps, checked_n, checked_radius, checked_rates
from theory.kept_cover import ENUMERATED, covered_windows, enumerated_windows, log_choices, sums_of_blocks
from theory.kept_density import density_of_groups, density_of_size
from theory.kept_draws import Batch, draws_of
from theory.kept_necessary import MOST, checked_keep, necessary_kept_n

Array = NDArray[np.float64]

DRAWS = 2000
_COARSE = 500  # draws of the first look of a search
_MANY = 300  # values that are kept, and values that are not, from which on only the ends of the sums are looked at
_MANY_GROUPS = 1000  # the same for groups
_TARGETS = 8  # pointwise: z = 0, r/8, .., r, and their mirror images


def estimated_kept_success(
    n: int,
    eps: float,
    keep: Keep,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
    draws: int = DRAWS,
    seed: int = 0,
) -> float:
    """Estimate the probability that choices that keep what ``keep`` says eps-cover all |z| <= radius, or the worst one.

    Uniform: of all |z| <= radius at once. Pointwise: the least probability over z = 0, r/8, .., r. A draw in which no
    choice complies fails.
    Relation: an estimate, within 0.03 of measured success (docs/sparsity.md), not a bound. Monte Carlo error: at most
    0.5 / sqrt(draws). Equal seeds use common random numbers for every n, eps, keep and rate.
    Raises ValueError for arguments outside :mod:`theory.arguments`, n above 20000 or no multiple of the group, another
    reading, draws < 1 or a bad seed.

    >>> from slt.core.keep import Size
    >>> round(estimated_kept_success(16, 0.01, Size(8)), 2)
    0.87
    """
    n, eps, rates, radius = checked_n(n), checked_eps(eps), checked_rates(prune, lock), checked_radius(radius)
    reading, draws = one_of("reading", reading, READINGS), whole("draws", draws, 1)
    checked_keep(keep, n)
    return _success(n, eps, keep, rates, radius, reading, draws, checked_seed(seed))


def estimated_kept_n(
    eps: float,
    delta: float,
    keep: Keep,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
    largest: int = MOST,
    draws: int = DRAWS,
    seed: int = 0,
) -> int | None:
    """Estimate the smallest n at which choices that keep what ``keep`` says succeed with probability 1 - delta.

    Returned is an n with ``estimated_kept_success(n) >= 1 - delta``, and not so at the n before, a group less for
    groups, or the proven :func:`theory.kept_necessary.necessary_kept_n` itself where it succeeds. The search goes
    upwards from there in steps of an eighth of n and bisects the first step that succeeds; success may fall again
    later, and with a sparsity it is a little jagged, as whole numbers are kept. None: no n that was looked at, up to
    ``largest``, succeeds. Raises ValueError for delta outside [1e-100, 1) and where :func:`estimated_kept_success`
    does.

    >>> from slt.core.keep import Share
    >>> estimated_kept_n(0.1, 0.1, Share(0.5))
    13
    """
    eps, delta, radius, rates = (
        checked_eps(eps),
        checked_delta(delta),
        checked_radius(radius),
        checked_rates(prune, lock),
    )
    reading, draws, seed = one_of("reading", reading, READINGS), whole("draws", draws, 1), checked_seed(seed)
    law = {"prune": rates.prune, "lock": rates.lock, "radius": radius}
    least = necessary_kept_n(eps, delta, keep, **law, reading=reading, largest=largest)
    if least is None:
        return None
    unit = keep.of if isinstance(keep, Groups) else 1
    least, end = least // unit, largest // unit

    def reaches(k: int, count: int) -> bool:
        return _success(k * unit, eps, keep, rates, radius, reading, count, seed) >= 1 - delta

    coarse = min(draws, _COARSE)
    low, high = least - 1, least
    while not reaches(high, coarse):
        if high == end:
            return None
        low, high = high, min(high + max(1, high // 8), end)
    found = first(lambda k: reaches(k, coarse), low + 1, high)
    if coarse < draws:
        found = first(lambda k: reaches(k, draws), 0, end + 1, guess=found, step=max(1, found // 50))
    return None if found > end else max(found, least) * unit


def _success(n: int, eps: float, keep: Keep, rates: Rates, radius: float, reading: str, draws: int, seed: int) -> float:
    z = np.array([0.0]) if reading == "uniform" else np.linspace(-radius, radius, 2 * _TARGETS + 1)
    half = radius if reading == "uniform" else 0.0
    sum_ = np.zeros(len(z))
    for batch in draws_of(n, keep, rates, draws, seed):
        centre = z - batch.total[:, :, None]
        found = _batch(
            batch,
            eps,
            (centre - half).reshape(len(centre), -1),
            (centre + half).reshape(len(centre), -1),
            isinstance(keep, Groups),
        )
        sum_ += found.reshape(centre.shape).mean(axis=1).sum(axis=0)
    return float((sum_ + sum_[::-1]).min()) / 2 / draws


def _batch(batch: Batch, eps: float, low: Array, high: Array, groups: bool) -> Array:
    """Return the probability that each window [low, high], (rows, windows), is covered; 0 where no choice complies."""
    result = np.zeros(low.shape)
    count, size = batch.count, batch.size
    few = log_choices(count, size) <= np.log(ENUMERATED) + 1e-9
    for row in np.flatnonzero(batch.complies & few):
        blocks = [(v[: int(m)], int(c)) for v, m, c in zip(batch.x[row], count[row], size[row], strict=True)]
        result[row] = enumerated_windows(sums_of_blocks(blocks), eps, low[row], high[row])
    rows = np.flatnonzero(batch.complies & ~few)
    if len(rows) and _ends_decide(count[rows], size[rows]):
        x, c, m = batch.x[rows], size[rows][:, :, None], count[rows][:, :, None]
        place = np.arange(x.shape[2])
        x = np.where(place < m, x, 0.0)
        first, last = (np.where(taken, x, 0.0).sum(axis=(1, 2)) for taken in (place < c, place >= m - c))
        result[rows] = (low[rows] >= first[:, None] - eps) & (high[rows] <= last[:, None] + eps)
    elif len(rows):
        x, c, a, b = batch.x[rows], size[rows], low[rows], high[rows]
        # half of every block: the choice of all others is as good, and its sum the mirror image
        mirrored = ((2 * c == count[rows]) | (c == 0) | (c == count[rows])).all(axis=1)
        asked = a.min(axis=1) - eps, b.max(axis=1) + eps
        density = density_of_groups(x, c, eps, *asked) if groups else density_of_size(x[:, 0], c[:, 0], eps, *asked)
        result[rows] = covered_windows(density, eps, a, b, mirrored)
    return result


def _ends_decide(count: NDArray[np.int64], size: NDArray[np.int64]) -> bool:
    """Say whether every row has so many values that can be exchanged that its sums leave no gap before they end."""
    spare = np.minimum(size, count - size)
    return bool(((spare > 0).sum(axis=1) >= _MANY_GROUPS).all() or (spare.max(axis=1) >= _MANY).all())
