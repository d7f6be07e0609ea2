"""Exact tail probabilities in rational arithmetic: the yardstick of the proof steps, for n up to some dozens."""

from fractions import Fraction
from math import comb, factorial


def binomial_tail(n: int, rate: Fraction, least: Fraction) -> Fraction:
    """P(Bin(n, rate) >= least)."""
    return sum(
        (comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(n + 1) if k >= least),
        Fraction(0),
    )


def irwin_hall(n: int, x: Fraction) -> Fraction:
    """P(U_1 + .. + U_n <= x) for iid U[0, 1]; for n = 0 the sum is 0.

    >>> irwin_hall(2, Fraction(1, 2))
    Fraction(1, 8)
    """
    if x < 0:
        return Fraction(0)
    if x >= n:
        return Fraction(1)
    total = sum(((-1) ** k * comb(n, k) * (x - k) ** n for k in range(n + 1) if k <= x), Fraction(0))
    return total / factorial(n)


def uniform_sum_tail(n: int, s: Fraction) -> Fraction:
    """P(|X_1 + .. + X_n| >= s) for iid U[-1, 1] and s > 0: the sum is 2 (U_1 + .. + U_n) - n, and symmetric."""
    return 2 * irwin_hall(n, (n - s) / 2)


def reach_below(n: int, x: Fraction) -> Fraction:
    """P(max(X_1, 0) + .. + max(X_n, 0) < x) for iid U[-1, 1] and x > 0.

    The positive ones are Bin(n, 1/2) many and uniform on [0, 1].
    """
    return sum((Fraction(comb(n, j), 2**n) * irwin_hall(j, x) for j in range(n + 1)), Fraction(0))
