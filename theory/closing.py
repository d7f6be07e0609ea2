"""How a window that is nearly covered is covered: what is uncovered shrinks like its cube, or by a power of two a step.

:mod:`theory.starts` leaves little uncovered in the mean; fresh variables, four at a time or one of each group, cover
the rest. A game against an adversary, like Lueker's, bounds how often they fail. Proofs: docs/sparsity.md, Lemmas 6, 7.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import comb

import numpy as np
from numpy.typing import NDArray

from theory.starts import halves_uncovered, ones_uncovered

Floats = NDArray[np.float64]

SHARES = (0.3, 0.6, 0.75, 0.85)  # e / eps: what the start smears, the rest is left for the gaps
WINDOW_OF_FOUR, WINDOW_OF_ONE = 4.0, 2.0  # lengths of the windows that are covered; other windows step by at most 2
MOST_STARTS, MOST_STEPS = 6, 9
_POINTS = 500
_ROUNDING = 1e-12
_USEFUL = 0.5
_LEAST_CHOICES = 4  # times 1/eps
_LARGEST, _LARGEST_ONES = 40, 15  # variables kept of a block, and groups of which one is: tables grow with them
_MORE = {"half": 10, "groups": 7, "one": 7}


@dataclass(frozen=True, slots=True)
class Closing:
    """A cover: ``starts`` blocks of ``block`` units, of which one begins it, and ``steps`` more units that end it."""

    block: int
    starts: int
    steps: int
    failure: float


def of_four(u: Floats) -> Floats:
    """Bound the mean of what four variables, two of them kept, leave of a length ``u`` uncovered in a window >= 4.

    Statement: 2 u^3 - u^4 + (3/20) u^5 for u <= 2; always at most 2u, whatever the values.
    Derivation. With spacings s1, s2, s3 of the sorted four the six sums are +-a, +-b, +-c about half of the sum of all,
    a = |s1 - s3|/2, b = (s1 + s3)/2, c = b + s2 <= 2. A point z of the lower half of the window stays uncovered only if
    z + a, z + b, z + c all are; their distances are min(s1, s3) and s2, of joint density 6 (1 - t - r/2)_+^2. For x < w
    uncovered, with v uncovered between them, that is at most 6 (1 - v/2)^2 for each point between: the integral of
    (u - v) v 6 (1 - v/2)^2 over v from 0 to u. The upper half doubles it.
    """
    capped = np.minimum(u, 2.0)
    return np.where(u <= 2, np.minimum(2 * capped**3 - capped**4 + 0.15 * capped**5, 2 * capped), 2 * u)


def of_one(u: Floats, of: int) -> Floats:
    """Bound the mean of what one kept of ``of`` variables leaves of a length ``u`` uncovered in a window >= 2.

    Statement: u (2 ((1 + u)/2)^of - u^of) for u <= 1; always at most u.
    Derivation. Sums count from the value b that is smallest in size. Given b the others are uniform on |b| < |y| <= 1,
    and z stays uncovered only if each y has z + b - y uncovered (a length of at most u of y) or outside of the window
    (at most 1 - |b|). The mean over |b|, of density of (1 - t)^(of - 1), is the bracket.
    """
    capped = np.minimum(u, 1.0)
    return np.where(u <= 1, capped * (2 * ((1 + capped) / 2) ** of - capped**of), u)


def closing_table(left: float, mean: Callable[[Floats], Floats], factor: float, steps: int) -> tuple[Floats, Floats]:
    """Bound the probability that in all of 0, 1, .. ``steps`` steps more than ``left`` of a length stays uncovered.

    Facts about a step from u to u': u' <= factor u and E u' <= mean(u), which rises with u. Returns (a, table): where
    u > a[j] is the first bound that fails, u <= a[j + 1], table[h, j] bounds the probability; a[0] = 0.
    Derivation. The worst law with these facts, chosen anew at each step: the concave envelope on [0, factor u] at the
    mean, of the step function table[h]. By weak duality it is at most max (table[h, j] - s a[j]) + s mean(u) over
    a[j] < factor u for any slope s >= 0. It rises with u, so each cell takes its upper end. Relation: upper bound.
    """
    ends = np.geomspace(left * (1 - _ROUNDING), 12.0, _POINTS)
    starts = np.append(0.0, ends[:-1])
    slopes = np.geomspace(0.02, 1.2 / left, _POINTS)[:, None]
    most, middle = factor * ends * (1 + _ROUNDING), mean(ends) * (1 + _ROUNDING)
    last = np.minimum(np.searchsorted(starts, most, side="left"), _POINTS) - 1
    table = [np.append(0.0, np.ones(_POINTS - 1))]
    for _ in range(steps):
        above = np.maximum.accumulate(table[-1] - slopes * starts, axis=1)
        envelope = (above[:, last] + slopes * middle).min(axis=0) * (1 + _ROUNDING) + 1e-15
        new = np.minimum(np.maximum.accumulate(envelope), 1.0)
        new[0] = 0.0
        table.append(new)
    return starts, np.array(table)


def _after(starts: Floats, failures: Floats, mean: float, blocks: int) -> float:
    """Bound the mean of a table's row at the least of ``blocks`` independent lengths, each of mean <= ``mean``."""
    rises = np.diff(failures, prepend=0.0)
    beyond = np.ones(len(starts))
    beyond[1:] = np.minimum(mean / starts[1:], 1.0) ** blocks
    return min(1.0, float(rises @ beyond) * (1 + 1e-9))


@lru_cache(maxsize=16)
def closings(eps: float, kind: str, unit: int = 0) -> tuple[Closing, ...]:
    """Return covers with bounds of how often they fail to come within ``eps`` of each point of their window.

    kind "half": a block is one unit of twice ``block`` variables, of which half are kept; four variables, two of them
    kept, are a step. "groups": a block is ``block`` groups of twice ``unit`` variables, half of each kept; steps as
    before. "one": a block is ``block`` groups of ``unit`` variables, one of each kept; one such group is a step.
    Derivation. V has the length of the window and u = 2 (eps - e), e the share of eps that the start smears; at most u
    of V is uncovered in the end, so that each point of the window, u/2 from the ends of V, is within e + u/2 = eps of a
    sum. Of several independent blocks the one that leaves least begins; P(all leave more than t) <= (mean/t)^starts.
    Sorted by the bound; those above 1/2 are left out, so that there may be none.
    """
    found: dict[tuple[int, int, int], float] = {}
    for share in SHARES:
        e = share * eps
        left = 2 * (eps - e)
        window = (WINDOW_OF_ONE if kind == "one" else WINDOW_OF_FOUR) + left
        if kind == "one":
            starts, table = closing_table(left, lambda u: of_one(u, unit), 1.0, MOST_STEPS)
        else:
            starts, table = closing_table(left, of_four, 2.0, MOST_STEPS)
        for block in _blocks(eps, kind, unit):
            if kind == "one":
                mean = ones_uncovered(e, unit, block, window)
            else:
                mean = halves_uncovered(e, *((block, 1) if kind == "half" else (unit, block)), window)
            for several, steps in product(range(1, MOST_STARTS + 1), range(1, MOST_STEPS + 1)):
                failure = _after(starts, table[steps], mean, several)
                key = block, several, steps
                found[key] = min(found.get(key, 1.0), failure)
    useful = (Closing(*key, failure) for key, failure in found.items() if failure < _USEFUL)
    return tuple(sorted(useful, key=lambda cover: cover.failure))


def _blocks(eps: float, kind: str, unit: int) -> range:
    """Sizes of blocks with choices enough, and a few more than that."""

    def choices(block: int) -> int:
        if kind == "half":
            return comb(2 * block, block)
        return (unit if kind == "one" else comb(2 * unit, unit)) ** block

    largest = {"half": _LARGEST, "groups": _LARGEST // max(unit, 1), "one": _LARGEST_ONES}[kind]
    least = next((block for block in range(1, largest + 1) if choices(block) * eps >= _LEAST_CHOICES), largest + 1)
    return range(least, min(least + _MORE[kind], largest + 1))
