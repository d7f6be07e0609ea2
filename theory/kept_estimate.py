"""The sharp estimate of success where a choice keeps a given number of variables: a size, a sparsity, or N of M."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from slt.core.checks import one_of, whole
from slt.core.keep import Groups, Keep
from slt.core.keys import checked_seed
from slt.core.rates import READINGS, Rates
from theory.arguments import checked_delta, checked_eps, checked_n, checked_radius, checked_rates
from theory.kept_cover import ENUMERATED, covered_windows, enumerated_windows, sums_of_blocks
from theory.kept_density import Density, density_of_groups, density_of_size
from theory.kept_draws import Batch, draws_of

Array = NDArray[np.float64]

DRAWS = 2000
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
    """Estimate the probability that choices of this size eps-cover all |z| <= radius, or (pointwise) the worst one."""
    n, eps, rates, radius = checked_n(n), checked_eps(eps), checked_rates(prune, lock), checked_radius(radius)
    reading, draws = one_of("reading", reading, READINGS), whole("draws", draws, 1)
    return _success(n, eps, keep, rates, radius, reading, draws, checked_seed(seed))


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
    result = np.zeros(low.shape)
    count, size = batch.count, batch.size
    log_choices = np.where(
        batch.complies,
        (gammaln(count + 1) - gammaln(size.clip(0) + 1) - gammaln((count - size).clip(0) + 1)).sum(axis=1),
        0,
    )
    few = log_choices <= np.log(ENUMERATED) + 1e-9
    for row in np.flatnonzero(batch.complies & few):
        blocks = [(v[: int(m)], int(c)) for v, m, c in zip(batch.x[row], count[row], size[row], strict=True)]
        result[row] = enumerated_windows(sums_of_blocks(blocks), eps, low[row], high[row])
    rows = np.flatnonzero(batch.complies & ~few)
    if len(rows):
        x, c, a, b = batch.x[rows], size[rows], low[rows], high[rows]
        mirrored = ((2 * c == count[rows]) | (c == 0) | (c == count[rows])).all(axis=1)
        asked = a.min(axis=1) - eps, b.max(axis=1) + eps
        density = (
            density_of_groups(x, np.isfinite(x), c, eps, *asked)
            if groups
            else density_of_size(x[:, 0], c[:, 0], eps, *asked)
        )
        result[rows] = covered_windows(density, eps, a, b, mirrored)
    return result
