"""Laws of sums of uniforms, of binomials and of the growth of covered sets, in rational arithmetic.

It imports nothing of the project: the yardstick of the inequalities in docs/theory.md.
"""

from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import comb, factorial

HALF = Fraction(1, 2)


@cache
def sum_below(c, a, b):
    """P(a uniforms on [-1, 1] + b uniforms on [0, 1] < c): inclusion-exclusion over the upper ends."""
    if a + b == 0:
        return Fraction(int(c > 0))
    total = Fraction(0)
    for i in range(a + 1):
        for k in range(b + 1):
            total += (-1) ** (i + k) * comb(a, i) * comb(b, k) * max(c + a - 2 * i - k, Fraction(0)) ** (a + b)
    return total / (2**a * factorial(a + b))


def binomial(n, k, rate):
    """P(Bin(n, rate) = k)."""
    return comb(n, k) * Fraction(rate) ** k * (1 - Fraction(rate)) ** (n - k)


def states(n, lock, free):
    """Yield (probability, free, locked) for all numbers of free and locked ones among n."""
    lock, free = Fraction(lock), Fraction(free)
    for m in range(n + 1):
        for a in range(n - m + 1):
            yield comb(n, m) * comb(n - m, a) * free**m * lock**a * (1 - lock - free) ** (n - m - a), m, a


def parts_below(c, a, t):
    """P(a uniforms on [-1, 1] + t positive parts max(X, 0) < c)."""
    return sum(binomial(t, j, HALF) * sum_below(c, a, j) for j in range(t + 1))


def reach(c, n, lock, free):
    """P(Y_1 + .. + Y_n < c), Y = X if locked, max(X, 0) if free, 0 if pruned."""
    return sum(weight * parts_below(c, a, m) for weight, m, a in states(n, lock, free))


def spread(c, n, free):
    """P(sum of |X| over the free ones among n < c)."""
    return sum(binomial(n, m, free) * sum_below(c, 0, m) for m in range(n + 1))


def shift(c, frozen, t, share):
    """P(T + S_t < c): T the sum of ``frozen`` terms, X with probability ``share``, else 0; S_t of t positive parts."""
    return sum(binomial(frozen, a, share) * parts_below(c, a, t) for a in range(frozen + 1))


def early_stopping(n, distance, lock, prune, cover):
    """The bound of docs/theory.md, section 6, exactly; cover: G_0, G_1, .., its last value from there on."""
    free, lock = 1 - Fraction(prune) - Fraction(lock), Fraction(lock)
    share = lock / (1 - free) if free < 1 else Fraction(0)

    def cover_of(k):
        return Fraction(1) if k < 0 else cover[min(k, len(cover) - 1)]

    total = Fraction(0)
    for m in range(n + 1):
        late = [min(Fraction(1), 2 * shift(distance, n - m, t, share)) for t in range(m + 1)]
        given_m = cover_of(m) + sum(late[t] * (cover_of(m - t - 1) - cover_of(m - t)) for t in range(m + 1))
        total += binomial(n, m, free) * given_m
    return total


def mean_gain(pieces, edge):
    """Exact mean of |((C + X) n W) \\ C|, W = [-edge, edge], X ~ U[-1, 1], by trapezoids over the shift.

    The gain is piecewise linear in the shift with breaks where ends of C + x, C and W meet.
    """
    ends = sorted({end for piece in pieces for end in piece} | {-edge, edge})
    breaks = sorted({e - g for e in ends for g in ends if abs(e - g) <= 1} | {Fraction(-1), Fraction(1)})

    def gain(shift):
        total = Fraction(0)
        for low, high in pieces:
            new = (max(low + shift, -edge), min(high + shift, edge))
            if new[0] < new[1]:
                total += new[1] - new[0]
                total -= sum((max(min(new[1], d) - max(new[0], c), Fraction(0)) for c, d in pieces), Fraction(0))
        return total

    return sum(((gain(u) + gain(v)) / 2 * (v - u) for u, v in pairwise(breaks)), Fraction(0)) / 2
