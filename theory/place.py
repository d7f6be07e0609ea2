"""Where in its interval a sparsity is best: the place x of a sparsity k = p + x (1 - p - q) between p and 1 - q.

At x = 0 every free variable is kept, at x = 1 none is. Two questions, and they have different answers:

* the rates p and q are given: which sparsity needs the fewest variables (:func:`best_place`)?
* the sparsity k and the freezing ratio F = p + q are given: how much of F should be pruned (:func:`best_rates`)? The
  rule
  of Otsuka et al. 2024 makes k the centre of [p, 1 - q], that is x = 1/2.

All answers are estimates (:mod:`theory.kept_estimate`) at a fixed n, with common random numbers, so that curves are
smooth although each point is a mean over draws. A whole number of variables is kept: of n variables, n - K are not, and
a sparsity is one of 0, 1/n, .., 1. Costs compare the n that are needed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from slt.core.checks import closed_unit, shown, whole
from slt.core.keep import Share
from slt.core.rates import Rates
from theory.arguments import checked_n, checked_rates
from theory.kept_estimate import estimated_kept_n, estimated_kept_success

Array = NDArray[np.float64]

DRAWS = 1000
_LOOKS = 13  # points of the coarse curve
_LEAST_FAILURE = 1e-6


class _Options(TypedDict):
    """What is handed on to every estimate."""

    radius: float
    reading: str
    draws: int
    seed: int


@dataclass(frozen=True, slots=True)
class Place:
    """A sparsity among those that rates allow, and how often tickets of this sparsity are estimated to exist.

    place: x in [0, 1]; sparsity: p + x (1 - p - q); success: at n variables.
    """

    place: float
    sparsity: float
    prune: float
    lock: float
    n: int
    success: float


def place_of(sparsity: float, *, prune: float = 0.0, lock: float = 0.0) -> float:
    """Return x of a sparsity; raise ValueError unless it lies in [prune, 1 - lock].

    >>> round(place_of(0.6, prune=0.4, lock=0.2), 12)
    0.5
    """
    rates, k = checked_rates(prune, lock), closed_unit("sparsity", sparsity)
    x = (k - rates.prune) / rates.free
    if not -1e-9 <= x <= 1 + 1e-9:
        raise ValueError(
            f"sparsity must lie in [prune, 1 - lock] = [{rates.prune:g}, {1 - rates.lock:g}], got {shown(k)}"
        )
    return min(max(x, 0.0), 1.0)


def sparsity_at(place: float, *, prune: float = 0.0, lock: float = 0.0) -> float:
    """Return the sparsity p + x (1 - p - q) at a place x in [0, 1].

    >>> sparsity_at(0.5, prune=0.4, lock=0.2)
    0.6
    """
    rates = checked_rates(prune, lock)
    return rates.prune + closed_unit("place", place) * rates.free


def success_at_places(
    n: int,
    eps: float,
    places: Sequence[float],
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
    draws: int = DRAWS,
    seed: int = 0,
) -> list[Place]:
    """Return the estimated success of n variables at each place, moved to the nearest sparsity of n variables.

    Relation: an estimate; the same draws of the numbers serve every place.
    """
    rates, n = checked_rates(prune, lock), checked_n(n)
    options = _Options(radius=radius, reading=reading, draws=draws, seed=seed)
    return [_place(n, eps, sparsity_at(x, prune=prune, lock=lock), rates, options) for x in places]


def best_place(
    n: int,
    eps: float,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
    draws: int = DRAWS,
    seed: int = 0,
) -> Place:
    """Return the place where n variables are estimated to succeed most often.

    13 places are looked at; then the maximum of a parabola through the log odds of failure around the best of them,
    weighted towards it. A flat curve has no sharp maximum: the place is then known to some 0.05. Success is that at the
    sparsity of n variables nearest to the place.
    """
    rates, n = checked_rates(prune, lock), checked_n(n)
    options = _Options(radius=radius, reading=reading, draws=draws, seed=seed)

    def at(x: float) -> Place:
        return _place(n, eps, sparsity_at(x, prune=prune, lock=lock), rates, options)

    return _best(at)


def cost_of_place(
    place: float,
    eps: float,
    delta: float,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
    draws: int = DRAWS,
    seed: int = 0,
) -> float:
    """Return n(x)/n(x*): how many times as many variables a place needs as the best one does, at failure delta.

    x* is the best place at the n that the centre needs. Infinite where no n succeeds that is looked at.
    Relation: a quotient of two estimates, each off by one per cent or so.
    """
    options = _Options(radius=radius, reading=reading, draws=draws, seed=seed)
    wanted = Share(sparsity_at(place, prune=prune, lock=lock))
    asked = estimated_kept_n(eps, delta, wanted, prune=prune, lock=lock, **options)
    best = least_n(eps, delta, prune=prune, lock=lock, **options)
    if asked is None or best is None:
        return float("inf")
    return asked / best.n if best.n else 1.0


def least_n(
    eps: float,
    delta: float,
    *,
    prune: float = 0.0,
    lock: float = 0.0,
    radius: float = 1.0,
    reading: str = "uniform",
    draws: int = DRAWS,
    seed: int = 0,
) -> Place | None:
    """Return the best place at failure delta and the n that it needs: of the centre's n, then the n there.

    None where the centre needs more variables than :func:`theory.kept_estimate.estimated_kept_n` looks at.
    """
    rates = checked_rates(prune, lock)
    options = _Options(radius=radius, reading=reading, draws=draws, seed=seed)
    middle = sparsity_at(0.5, prune=prune, lock=lock)
    centre = estimated_kept_n(eps, delta, Share(middle), prune=prune, lock=lock, **options)
    if not centre:
        return None if centre is None else _place(0, eps, middle, rates, options)
    k = best_place(centre, eps, prune=prune, lock=lock, **options).sparsity
    n = estimated_kept_n(eps, delta, Share(k), prune=prune, lock=lock, **options)
    if n is None or n > centre:
        n, k = centre, middle
    return _place(n, eps, k, rates, options)


def best_rates(
    n: int,
    eps: float,
    *,
    sparsity: float,
    freezing: float,
    radius: float = 1.0,
    reading: str = "uniform",
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[Place, Place]:
    """Return the best (p, q) with p + q = freezing for tickets of this sparsity, and those of the centre rule.

    Best: of the largest estimated success with n variables, found as in :func:`best_place`. The centre rule chooses
    p = F/2 + k - 1/2, so that k is the centre of [p, 1 - q]; where that is below 0 or above F, the nearest p that is
    not. Raises ValueError unless 0 < sparsity < 1 and 0 <= freezing < 1.
    """
    k, frozen = closed_unit("sparsity", sparsity), closed_unit("freezing", freezing)
    if not 0 < k < 1:
        raise ValueError(f"sparsity must lie strictly between 0 and 1, got {shown(k)}")
    checked_rates(frozen, 0.0)
    n = whole("n", n)
    least, most = max(0.0, frozen - 1 + k), min(frozen, k)
    options = _Options(radius=radius, reading=reading, draws=draws, seed=seed)

    def at(t: float) -> Place:
        p = least + t * (most - least)
        return _place(n, eps, k, Rates(p, max(frozen - p, 0.0)), options)

    centre = min(max(frozen / 2 + k - 0.5, 0.0), frozen)
    ruled = _place(n, eps, k, Rates(centre, frozen - centre), options)
    if most - least < 1e-9:
        return ruled, ruled
    found = _best(at)
    return (found if found.success > ruled.success else ruled), ruled


def _place(n: int, eps: float, sparsity: float, rates: Rates, options: _Options) -> Place:
    """Return the place of a sparsity, and its success."""
    law = {"prune": rates.prune, "lock": rates.lock}
    success = estimated_kept_success(n, eps, Share(sparsity), **law, **options)
    return Place(place_of(sparsity, **law), sparsity, rates.prune, rates.lock, n, success)


def _best(at: Callable[[float], Place]) -> Place:
    """Return the best of 13 points in (0, 1) and the top of a parabola around the best of them."""
    x = (np.arange(_LOOKS) + 0.5) / _LOOKS
    found = [at(float(v)) for v in x]
    failure = np.clip([1 - place.success for place in found], _LEAST_FAILURE, 1 - _LEAST_FAILURE)
    odds = np.log(failure / (1 - failure))
    top = int(np.argmin(odds))
    around = slice(max(top - 2, 0), top + 3)
    bend, slope, _ = np.polyfit(x[around], odds[around], 2, w=1 / (1 + 4 * np.abs(np.arange(_LOOKS) - top)[around]))
    if bend > 0:
        between = float(np.clip(-slope / (2 * bend), x[max(top - 1, 0)], x[min(top + 1, _LOOKS - 1)]))
        found.append(at(between))
    return max(found, key=lambda place: place.success)
