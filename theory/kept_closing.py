"""What suffices for choices of a fixed size by covers of many choices (:mod:`theory.closing`), with their reach.

Of several blocks of variables the one whose sums leave least uncovered begins a cover, fresh variables end it, and all
others, the other blocks among them, lead it past every target. Proofs: docs/sparsity.md, the second theorem.
"""

import numpy as np
from numpy.typing import NDArray

from slt.core.keep import Groups
from slt.core.rates import Rates
from theory.closing import WINDOW_OF_FOUR, WINDOW_OF_ONE, Closing, closings
from theory.grouped import group_states, groups_short, largest_mean
from theory.tops import tops_below

Floats = NDArray[np.float64]

_EXPONENTS = np.geomspace(0.02, 20, 80)
_UP = 1 + 1e-12


def closed_failure(eps: float, radius: float, free: int, locked: int, kept: int, cover: Closing) -> float:
    """Bound P(fail) where ``kept`` of ``free`` variables are kept, ``locked`` more always; 1 where there are too few.

    Statement: with b = block, h = steps, k = b + 2h and s starts, where k <= kept <= free - k and free - 2k >= 2b(s-1),

        P(fail) <= failure + 2 s P(T + M + top < r - 2),

    T, M and top as in :func:`theory.kept_sufficient.failure_at_most_kept`, top of kept - k of free - 2k.
    """
    pairs = cover.block + 2 * cover.steps
    others = free - 2 * pairs
    if not pairs <= kept <= free - pairs or others < 2 * cover.block * (cover.starts - 1):
        return 1.0
    distance = radius * (1 + 1e-15) - WINDOW_OF_FOUR / 2
    short = tops_below(distance, kept - pairs, others, locked=locked, halves=2 * pairs, least=max(cover.failure, 1e-12))
    return min(1.0, (cover.failure + 2 * cover.starts * short) * _UP)


def best_closing(eps: float, radius: float, free: int, locked: int, kept: int) -> tuple[float, Closing | None]:
    """Return the smallest bound of :func:`closed_failure` and its cover; (1, None) where no cover has room."""
    best, found = 1.0, None
    for cover in closings(eps, "half"):
        if cover.failure >= best:
            break
        bound = closed_failure(eps, radius, free, locked, kept, cover)
        if bound < best:
            best, found = bound, cover
    return best, found


def closed_groups_failure(groups: int, eps: float, keep: Groups, radius: float) -> float:
    """Bound P(fail) for groups without frozen variables; 1 unless N is even and M = 2N, or N = 1 and M >= 3.

    Statement, with s starts of b groups and c groups for the steps, g >= s b + c groups in all:

    * M = 2N: P(fail) <= failure + 2 s P(A_1 + .. + A_{b+c} + B_1 + .. < r - 2), A half of the sum of a group's M
      values, B its largest sum. A group has N/2 steps.
    * 1:M: P(fail) <= failure + 2 s P(A_1 + .. + A_c + B_1 + .. + B_{g-b-c} < r - 1), A the value of a group that is
      smallest in size, B its largest. The block that begins is no part of the sum. Chernoff's bound of that.
    """
    if keep.of == 2 * keep.kept and keep.kept % 2 == 0 and keep.kept:
        return _halves(groups, eps, keep, radius)
    if keep.kept == 1 and keep.of >= 3:
        return _ones(groups, eps, keep.of, radius)
    return 1.0


def _halves(groups: int, eps: float, keep: Groups, radius: float) -> float:
    each, states = keep.kept // 2, tuple(group_states(keep, Rates())[0])
    distance, best = radius * (1 + 1e-15) - WINDOW_OF_FOUR / 2, 1.0
    for cover in closings(eps, "groups", keep.kept):
        if cover.failure >= best:
            break
        if cover.steps % each:
            continue
        ending = cover.steps // each
        if groups >= cover.starts * cover.block + ending:
            short = float(groups_short(distance, groups, np.array([cover.block + ending]), states)[0])
            best = min(best, (cover.failure + 2 * cover.starts * short) * _UP)
    return best


def _ones(groups: int, eps: float, of: int, radius: float) -> float:
    s = _EXPONENTS
    base, top = (np.log(mean) + 1e-11 for mean in (_least_mean(s, of), largest_mean(s, 1, of)))
    distance, best = radius * (1 + 1e-15) - WINDOW_OF_ONE / 2, 1.0
    for cover in closings(eps, "one", of):
        if cover.failure >= best:
            break
        others = groups - cover.block - cover.steps
        if others >= (cover.starts - 1) * cover.block:
            exponent = float((s * distance + cover.steps * base + others * top).min())
            best = min(best, (cover.failure + 2 * cover.starts * float(np.exp(min(exponent, 0.0)))) * _UP)
    return best


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


def _least_mean(s: Floats, of: int) -> Floats:
    """E exp(-s A), A the smallest in size of ``of`` uniforms on [-1, 1]: |A| has the density of (1 - t)^(of - 1)."""
    t, weights = (_NODES + 1) / 2, _WEIGHTS / 2
    return np.cosh(np.outer(s, t)) @ (weights * of * (1 - t) ** (of - 1))
