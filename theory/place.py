"""Where in its interval a sparsity is best: the place x of a sparsity k = p + x (1 - p - q) between p and 1 - q.

At x = 0 every free variable is kept, at x = 1 none is. Two questions, and they have different answers:

* the rates p and q are given: which sparsity needs the fewest variables (:func:`best_place`)?
* the sparsity k and the freezing ratio F = p + q are given: how much of F should be pruned
  (:func:`positions_by_theory`)? The rule of Otsuka et al. 2024 makes k the centre of [p, 1 - q], that is x = 1/2.

All answers are estimates (:mod:`theory.kept_estimate`) at a fixed n, with common random numbers, so that curves are
smooth although each point is a mean over draws. A whole number of variables is kept: of n variables, n - K are not, and
a sparsity is one of 0, 1/n, .., 1. Costs compare the n that are needed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from slt.core.checks import closed_unit, open_unit, shown
from slt.core.keep import Share
from slt.core.rates import Rates
from theory.arguments import checked_n, checked_rates
from theory.kept_estimate import estimated_kept_n, estimated_kept_success

Array = NDArray[np.float64]

DRAWS = 1000
_LOOKS = 13  # points of the coarse curve
_LEAST_FAILURE = 1e-6
SAME_SUCCESS = 0.01
SAME_N = 1.05


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


@dataclass(frozen=True, slots=True)
class Positions:
    """Rates for a wanted sparsity and freezing ratio: the best by the estimate, and those of the centre rule.

    needed: the n that either needs for the failure probability that was asked for; None where n was given instead.
    """

    best: Place
    centre: Place
    needed: tuple[int, int] | None

    @property
    def rule_is_right(self) -> bool:
        """Say whether the centre rule costs at most 5 % of n, or 0.01 of success: no more than the estimate knows."""
        if self.needed is None:
            return self.best.success - self.centre.success <= SAME_SUCCESS
        return self.needed[1] <= SAME_N * self.needed[0]

    def __str__(self) -> str:
        best, centre = self.best, self.centre
        found = f"best p = {best.prune:.3g}, q = {best.lock:.3g} (place {best.place:.2f})"
        if self.needed is None:
            cost = f"success {centre.success:.3f} of {best.success:.3f} at n = {best.n}"
        else:
            cost = f"n = {self.needed[1]} in place of {self.needed[0]}"
        verdict = "right" if self.rule_is_right else "not the best"
        return f"{found}; the centre rule, p = {centre.prune:.3g}, is {verdict}: {cost}"


def positions_by_theory(
    sparsity: float,
    freezing: float,
    eps: float,
    *,
    n: int | None = None,
    delta: float | None = None,
    radius: float = 1.0,
    reading: str = "uniform",
    draws: int = DRAWS,
    seed: int = 0,
) -> Positions:
    """Return the best (p, q) with p + q = freezing for tickets of this sparsity, and those of the centre rule.

    Best: of the largest estimated success with n variables, found as in :func:`best_place`; with ``delta`` in place of
    n, with the n that the centre rule needs. The centre rule chooses p = F/2 + k - 1/2, so that k is the centre of
    [p, 1 - q]; where that is below 0 or above F, the nearest p that is not.
    Raises ValueError unless 0 < sparsity < 1 and 0 <= freezing < 1, unless one of n and delta is given, and where the
    centre rule needs more variables than :func:`theory.kept_estimate.estimated_kept_n` looks at.
    """
    k, frozen = open_unit("sparsity", sparsity), checked_rates(freezing, 0.0).prune
    if (n is None) == (delta is None):
        raise ValueError("give either n or delta")
    options = _Options(radius=radius, reading=reading, draws=draws, seed=seed)

    def needs(p: float) -> int:
        found = estimated_kept_n(eps, delta or 0.0, Share(k), prune=p, lock=max(frozen - p, 0.0), **options)
        if found is None:
            raise ValueError(f"sparsity {k:g} at p = {p:g}, q = {frozen - p:g} needs more variables than are looked at")
        return found

    centre = min(max(frozen / 2 + k - 0.5, 0.0), frozen)
    variables = needs(centre) if n is None else checked_n(n)
    least, most = max(0.0, frozen - 1 + k), min(frozen, k)

    def at(p: float) -> Place:
        return _place(variables, eps, k, Rates(p, max(frozen - p, 0.0)), options)

    ruled = at(centre)
    found = _best(lambda t: at(least + t * (most - least))) if most - least > 1e-9 else ruled
    best = found if found.success > ruled.success else ruled
    needed = None if delta is None else (min(needs(best.prune), variables), variables)
    return Positions(best, ruled, needed)


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
