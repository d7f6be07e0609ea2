"""What theory predicts for searched tickets of every sparsity: the best place, what another costs, the best rates.

All predictions are estimates at radius 1, failure delta = 0.05 (:mod:`theory.place`, :mod:`theory.kept_estimate`), at
every precision of :data:`theory.factors.EVERY_EPS`. They depend on rates and sparsities alone, never on rows. A layer's
own radius, about sqrt(fan_in/6), is not asked for: it needs some thousands of variables at the rates searched here.
Answers are kept from run to run (:mod:`slt.core.cache`).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from slt.core.cache import current
from slt.core.first import first
from slt.core.keep import Share
from theory.factors import DELTA, EVERY_EPS
from theory.freezing import positioned
from theory.kept_estimate import estimated_kept_success
from theory.place import Positions, best_place, place_of, positions_by_theory, sparsity_at

DRAWS = 500
MOST = 20_000  # variables
_GUESS, _STEP = 32, 16  # where the search for n begins
_UNIT = 1e-6  # of places that are kept


@cache
def needed(place: float, prune: float, lock: float, eps: float) -> int:
    """Return an n at which this place is estimated to succeed with 1 - delta, and not so at n - 1.

    The same as :func:`theory.kept_estimate.estimated_kept_n` but for its search, which begins at a proven bound that
    takes long at many variables. Success is a little jagged over n, so the two may differ by a few variables.
    """
    share = Share(sparsity_at(place, prune=prune, lock=lock))

    def enough(n: int) -> bool:
        return estimated_kept_success(n, eps, share, prune=prune, lock=lock, draws=DRAWS) >= 1 - DELTA

    question = [round(place, 9), prune, lock, eps, DELTA, DRAWS]
    return current().ask("n at a place", question, lambda: first(enough, 1, MOST, guess=_GUESS, step=_STEP))


def cost(place: float, prune: float, lock: float, eps: float) -> float:
    """Return n(x)/n(1/2): how many times as many variables a place is estimated to need as the centre."""
    return needed(place, prune, lock, eps) / needed(0.5, prune, lock, eps)


@cache
def best(prune: float, lock: float, eps: float) -> float:
    """Return the place that is estimated to be the best, at the n that the centre needs."""

    def make() -> float:
        n = needed(0.5, prune, lock, eps)
        return best_place(n, eps, prune=prune, lock=lock, draws=DRAWS).place

    return _kept("best place", [prune, lock, eps, DELTA, DRAWS], make)


@cache
def best_moved(sparsity: float, freezing: float, eps: float) -> float:
    """Return the place at which theory would put this sparsity, at this p + q and the n that the centre rule needs."""

    def make() -> float:
        return _positions(sparsity, freezing, eps, _centre_needs(sparsity, freezing, eps)).best.place

    return _kept("best position", [sparsity, freezing, eps, DELTA, DRAWS], make)


def positions(sparsity: float, freezing: float, eps: float) -> Positions:
    """Return :func:`theory.place.positions_by_theory` at failure delta, with the n that either pair of rates needs.

    Raises ValueError where that is more than 20000 variables.
    """
    n = _centre_needs(sparsity, freezing, eps)
    found = _positions(sparsity, freezing, eps, n)
    other = n if found.best == found.centre else needed(found.best.place, found.best.prune, found.best.lock, eps)
    return replace(found, needed=(min(other, n), n))


def _centre_needs(sparsity: float, freezing: float, eps: float) -> int:
    rates = positioned(freezing, sparsity)
    n = needed(place_of(sparsity, prune=rates.prune, lock=rates.lock), rates.prune, rates.lock, eps)
    if n == MOST:
        raise ValueError(
            f"sparsity {sparsity:g} at p = {rates.prune:g}, q = {rates.lock:g} needs more than {MOST} variables"
        )
    return n


def _positions(sparsity: float, freezing: float, eps: float, n: int) -> Positions:
    return positions_by_theory(sparsity, freezing, eps, n=n, draws=DRAWS)


def over_eps(predict: Callable[[float], float]) -> list[float]:
    """Return a prediction at every precision."""
    return [predict(eps) for eps in EVERY_EPS]


def _kept(what: str, question: list[float], make: Callable[[], float]) -> float:
    return current().ask(what, question, lambda: round(make() / _UNIT)) * _UNIT
