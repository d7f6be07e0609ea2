"""Necessary by the first moment: where fewer than one subset sum is expected near a target, it is often missed.

Given m free and a locked variables, the sum of the locked ones and of k chosen free ones is a sum of k + a uniforms, so

    E[number of subsets within eps of z | m, a] = sum_k C(m, k) D_{k+a}(z),    D_j(z) = P(|U_1 + .. + U_j - z| <= eps),

and P(covered at z | m, a) <= min(1, that). Averaged without the minimum this is (1 + f)^n P(|Y~ - z| <= eps), each
term of Y~ being X with probability (q + f)/(1 + f) and 0 with probability (p + f)/(1 + f).
"""

from fractions import Fraction
from math import ceil, log2

import numpy as np
from scipy.special import comb

from slt.core.rates import Rates
from theory.laws import Floats, Side, below_table, binomial_weights, most, weight_error

_ROUNDING = 1 + 1e-9


def near(z: float, eps: float, terms: int) -> Floats:
    """Bound P(|U_1 + .. + U_j - z| <= eps) from above for j = 0..terms, U uniform on [-1, 1].

    The density of a sum is even and falls with the distance from 0 (Wintner), so the window holds at most 2 eps times
    the density at x = max(|z| - eps, 0), and that density is P(|U_1 + .. + U_{j-1} - x| < 1)/2: no cancellation for
    small eps. The difference of the distribution function at the window's ends is the other bound, for large eps.
    """
    centre, half = abs(Fraction(z)), Fraction(eps)
    x = max(centre - half, Fraction(0))
    density = (_below(x + 1, terms, "upper") - _below(x - 1, terms, "lower")) / 2
    by_density = np.concatenate([[1.0], 2 * eps * density[:-1]])
    window = _below(centre + half, terms, "upper") - _below(centre - half, terms, "lower")
    bound = np.clip(np.minimum(by_density, window) * _ROUNDING, 0.0, 1.0)
    bound[0] = float(centre <= half)
    return bound


def near_on_average(radius: float, eps: float, terms: int) -> Floats:
    """Bound the mean of P(|U_1 + .. + U_j - z| <= eps) over z uniform in [-radius, radius], for j = 0..terms.

    A sum s is near a share of at most eps/radius of the interval, and of none of it if |s| > radius + eps.
    """
    wide = Fraction(radius) + Fraction(eps)
    inside = _below(wide, terms, "upper") - _below(-wide, terms, "lower")
    return np.minimum(eps / radius * inside * _ROUNDING, 1.0)


def expected_solutions(near_by_count: Floats, free_most: int, lock_most: int) -> Floats:
    """Return E[#solutions | m, a] = sum_k C(m, k) D_{k+a} for m <= free_most, a <= lock_most.

    near_by_count: D_0, D_1, .. at least up to D_{free_most + lock_most} (:func:`near`, :func:`near_on_average`).
    """
    m = np.arange(free_most + 1)
    windows = np.lib.stride_tricks.sliding_window_view(near_by_count[: free_most + lock_most + 1], lock_most + 1)
    return comb(m[:, None], m) @ windows * _ROUNDING


def mean_over_states(n: int, rates: Rates, value: Floats) -> float:
    """Return E value[m, a] for m free and a locked ones among n variables, rounded down; 0 outside the table."""
    m, a = np.arange(value.shape[0])[:, None], np.arange(value.shape[1])
    share = rates.lock / rates.freezing if rates.freezing else 0.0
    weights = binomial_weights(n, rates.free, m) * binomial_weights(np.maximum(n - m, 0), share, a)
    return min(float((weights * value).sum()) * (1 - 3 * weight_error(n)), 1.0)


def first_moment(n: int, near_by_count: Floats, rates: Rates, free_most: int) -> float:
    """Return E max(0, 1 - E[#solutions | m, a]), a lower bound of P(not covered).

    free_most: a draw with more free variables counts as covered.
    near_by_count: as in :func:`expected_solutions`, for up to free_most and the locked ones that n variables can hold.
    """
    free_most = min(n, free_most)
    expected = expected_solutions(near_by_count, free_most, most(n, rates.lock))
    return mean_over_states(n, rates, np.maximum(1 - expected, 0.0))


def free_that_matter(eps: float, radius: float) -> int:
    """Return an m beyond which far more than one solution is expected wherever one can be."""
    return max(ceil(log2(max(radius, 1) / eps)), 0) + 16


def _below(c: Fraction, terms: int, side: Side) -> Floats:
    return below_table(c, terms, 0, side=side)[:, 0]
