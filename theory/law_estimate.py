"""How many numbers of another law are probably enough? The model of :mod:`theory.estimate`, |X| drawn from its law."""

from functools import lru_cache

import numpy as np

from slt.core.checks import one_of, whole
from slt.core.first import first
from slt.core.keys import checked_seed
from slt.core.laws import Law, Own, checked_law
from slt.core.rates import READINGS
from theory.arguments import checked_eps, checked_n
from theory.estimate import DRAWS, SMALLEST_DELTA, Sizes, success_of
from theory.law_model import Told, model
from theory.law_necessary import law_necessary_n
from theory.models import continuous, extent, moment, size_below, symmetric


def estimable(law: Law | str, signed: bool = False) -> str | None:
    """Return why the estimate's model does not hold for a law, in words, or None where it does.

    >>> estimable("normal")
    >>> estimable("constant")
    'some values come again and again, so different subsets can have equal sums; the model takes all to differ'
    """
    law = checked_law(law)
    if signed:
        return "the model counts 2^m sums; with signed choices there are 3^m"
    if not continuous(law):
        why = "own numbers are finitely many" if isinstance(law, Own) else "some values come again and again"
        return f"{why}, so different subsets can have equal sums; the model takes all to differ"
    return None if symmetric(law) else "the model takes sums to be symmetric about their middle"


def law_estimated_success(
    n: int,
    eps: float,
    *,
    law: Law | str,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
    draws: int = DRAWS,
    seed: int = 0,
) -> float | None:
    """Return :func:`theory.estimate.estimated_success` with values of a law, None where the estimate has no model.

    Relation: an estimate, not a bound; choices from {0, 1} only (:func:`estimable`).
    """
    asked, eps, n = model(law, prune, lock, radius, False), checked_eps(eps), checked_n(n)
    reading, draws, seed = one_of("reading", reading, READINGS), whole("draws", draws, 1), checked_seed(seed)
    if estimable(asked.law) is not None:
        return None
    if eps >= asked.radius and (n == 0 or asked.rates.lock == 0):
        return 1.0
    unit = 2 * moment(asked.law, 1)
    sizes = _sizes(asked.law)
    return success_of(sizes, n, eps / unit, asked.rates, asked.radius / unit, reading, draws, seed)


def law_estimated_n(
    eps: float,
    delta: float,
    *,
    law: Law | str,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
    draws: int = DRAWS,
    seed: int = 0,
) -> int | None:
    """Estimate the smallest n with success probability at least 1 - delta, None where the estimate has no model.

    The search is that of :func:`theory.estimate.estimated_n`, upwards from what is proven to be too few.
    """
    told: Told = {"prune": prune, "lock": lock, "radius": radius, "reading": reading}
    least = law_necessary_n(eps, delta, law=law, **told)
    if estimable(law) is not None or least is None:
        return None
    if least == 0:
        return 0

    def reaches(n: int) -> bool:
        found = law_estimated_success(n, eps, law=law, **told, draws=draws, seed=seed)
        return found is not None and found >= 1 - delta

    low, high = least - 1, least
    while not reaches(high):
        low, high = high, high + max(1, high // 8)
    return first(reaches, low + 1, high)


@lru_cache(maxsize=64)
def _sizes(law: Law) -> Sizes:
    """|X| in units of twice its mean: its quantiles interpolated between 4001 points."""
    unit = 2 * moment(law, 1)
    x = extent(law) * np.concatenate([[0.0], np.geomspace(1e-9, 1, 4000)])
    upto = np.maximum.accumulate(size_below(law, "lower")(x, False))
    upto, which = np.unique(upto, return_index=True)
    return Sizes(
        lambda level: np.interp(level, upto, x[which] / unit),
        0.5,
        moment(law, 2) / unit**2,
        moment(law, 4) / unit**4,
    )


def unestimated(law: Law | str, signed: bool, delta: float) -> str | None:
    """Return why there is no estimate of a requirement, in words, or None where there is one."""
    reason = estimable(law, signed)
    if reason is None and delta < SMALLEST_DELTA:
        reason = f"{DRAWS} draws cannot show failures rarer than {SMALLEST_DELTA:g}"
    return reason
