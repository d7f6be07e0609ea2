"""The states of n variables of which a choice keeps a given number: how many choices there are, and how likely."""

from dataclasses import dataclass
from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb as combinations

from slt.core.keep import Groups, Keep, Size
from slt.core.rates import Rates
from theory.laws import binomial_weights, most, weight_error

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
Part = tuple[float, int, int, int]

_ENOUGH = 2.0**16  # times radius / eps: with more choices than that nothing is missed for want of them
_NEGLIGIBLE = 1e-25


@dataclass(frozen=True)
class States:
    """States in which a draw complies; every field has one entry a state.

    weight: probability, rounded down; they need not add up to 1. choices: their number. kept: how many are kept in all.
    chosen of how many free ones are kept; both 0 for groups.
    """

    weight: Array
    choices: Array
    kept: Whole
    chosen: Whole
    free: Whole


def states_at(n: int, keep: Keep, rates: Rates, quotient: float) -> tuple[float, States]:
    """Return the probability that a draw of n variables cannot comply, rounded down, and the states in which it does.

    quotient: radius / eps; states of groups with far more choices than that are left out.
    """
    if isinstance(keep, Groups):
        groups = n // keep.of
        unable = 1 - group_compliance(keep, rates) ** groups * (1 + 1e-12 * (1 + n))
        return max(unable, 0.0), _of_groups(groups, keep, rates, max(quotient, 1.0) * _ENOUGH)
    return _of_all(n, keep, rates)


@lru_cache(maxsize=4)
def _of_all(n: int, keep: Keep, rates: Rates) -> tuple[float, States]:
    assert not isinstance(keep, Groups)
    free, locked = (np.arange(n - most(n, 1 - rate), most(n, rate) + 1) for rate in (rates.free, rates.lock))
    m, a = free[:, None], locked[None, :]
    share = rates.lock / rates.freezing if rates.freezing else 0.0
    weight = binomial_weights(n, rates.free, m) * binomial_weights(np.maximum(n - m, 0), share, a)
    weight = weight * (1 - 3 * weight_error(n))
    j = np.broadcast_to(np.int64(keep.count) if isinstance(keep, Size) else keep.kept(n) - a, weight.shape)
    complies = (j >= 0) & (j <= m)
    unable = float(weight[~complies].sum())
    complies &= weight > 0
    chosen, free_ones, in_all = (np.broadcast_to(v, complies.shape)[complies] for v in (j, m, j + a))
    return unable, States(weight[complies], combinations(free_ones, chosen), in_all, chosen, free_ones)


def group_compliance(keep: Groups, rates: Rates) -> float:
    """Return the probability that a group complies; 1 when lenient."""
    return 1.0 if keep.lenient else min(sum(part[0] for part in parts_of(keep, rates)), 1.0)


def parts_of(keep: Groups, rates: Rates) -> tuple[Part, ...]:
    """Return (probability, locked, free, kept of the free) of a group, for all states in which it complies."""
    return _parts(keep, rates)[0]


def group_refusal(keep: Groups, rates: Rates) -> float:
    """Return the probability that a group does not comply, a sum of its own: 1 less that of the others may round to 0.

    0 when lenient.
    """
    return sum(_parts(keep, rates)[1])


@lru_cache(maxsize=64)
def _parts(keep: Groups, rates: Rates) -> tuple[tuple[Part, ...], tuple[float, ...]]:
    """Return the states in which a group complies, and the probabilities of the others."""
    parts, others = [], []
    for locked in range(keep.of + 1):
        for free in range(keep.of - locked + 1):
            pruned, wanted = keep.of - locked - free, keep.kept - locked
            weight = comb(keep.of, locked) * comb(keep.of - locked, free)
            probability = weight * rates.lock**locked * rates.free**free * rates.prune**pruned
            if not (keep.lenient or 0 <= wanted <= free):
                others.append(probability)
            elif probability:
                parts.append((probability, locked, free, min(max(wanted, 0), free)))
    return tuple(parts), tuple(others)


def _of_groups(groups: int, keep: Groups, rates: Rates, cap: float) -> States:
    """Return the states of so many groups with fewer than ``cap`` choices: the only ones that fail for want of them."""
    found = _products(groups, keep, rates, cap)
    weight = np.array(list(found.values()), dtype=np.float64) * (1 - 1e-12 * (1 + groups))
    choices = np.array([float(choices) for choices, _ in found])
    kept = np.array([kept for _, kept in found], dtype=np.int64)
    return States(weight, choices, kept, np.zeros_like(kept), np.zeros_like(kept))


@lru_cache(maxsize=256)
def _products(groups: int, keep: Groups, rates: Rates, cap: float) -> dict[tuple[int, int], float]:
    """Return the probability of each (number of choices, number kept in all), both over all groups; some left out."""
    found = {(1, 0): 1.0}
    if groups == 0:
        return found
    classes: dict[tuple[int, int], float] = {}
    for weight, locked, free, kept in parts_of(keep, rates):
        key = comb(free, kept), locked + kept
        classes[key] = classes.get(key, 0.0) + weight
    found = {}
    for (choices, kept), probability in _products(groups - 1, keep, rates, cap).items():
        for (more, also), weight in classes.items():
            key = choices * more, kept + also
            if key[0] < cap and probability * weight > _NEGLIGIBLE:
                found[key] = found.get(key, 0.0) + probability * weight
    return found
