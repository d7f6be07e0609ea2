"""Necessary by counting: 2^m subset sums are too few balls of radius eps to cover [-r, r]."""

from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincc

from theory.laws import Floats, binomial_weights, weight_error


def fewest_free(eps: float, radius: float = 1.0) -> int:
    """Return the least m with 2^m eps >= radius, exactly: fewer free variables never cover [-radius, radius].

    >>> fewest_free(0.01), fewest_free(0.25), fewest_free(1.0)
    (7, 2, 0)
    """
    m = 0
    while 2**m * Fraction(eps) < Fraction(radius):
        m += 1
    return m


def counting_uniform(counts: ArrayLike, eps: float, free: float, radius: float = 1.0) -> Floats:
    """Bound P(err(radius) > eps) from below for each n in ``counts``.

    Statement: P(fail) >= P(Bin(n, free) < m*), m* = :func:`fewest_free`. The 2^m closed balls of length 2 eps
    around the subset sums must cover a length of 2 radius.
    """
    n = np.atleast_1d(np.asarray(counts, dtype=np.float64))
    least = fewest_free(eps, radius)
    if least == 0:
        return np.zeros(len(n))
    # P(Bin(n, f) >= k) = I_f(k, n - k + 1)
    return np.where(n < least, 1.0, betaincc(least, np.maximum(n - least + 1, 1), free) * (1 - 1e-9))


def counting_pointwise(counts: ArrayLike, eps: float, free: float, radius: float = 1.0) -> Floats:
    """Bound sup over |z| <= radius of P(no subset sum within eps of z) from below for each n in ``counts``.

    Statement: it is at least E max(0, 1 - 2^m eps / radius), m ~ Bin(n, free): the mean over z uniform in
    [-radius, radius] of P(covered at z | the draw) is the covered share of the interval, at most 2^m eps / radius.
    """
    least = fewest_free(eps, radius)
    m = np.arange(least)
    n = np.atleast_1d(np.asarray(counts))
    uncovered = np.maximum(1 - 2.0**m * eps / radius, 0.0)
    return np.clip(binomial_weights(n[:, None], free, m) @ uncovered * (1 - weight_error(int(n.max()))), 0.0, 1.0)
