"""Natale et al. 2024, sums of exactly k of n numbers: a law that refutes two corollaries as quoted, and what stands.

On the text that we read, a public copy of arXiv:2410.14754 of which parts of section 4 are altered. The quoted law is a
mixture of Uniform([-1, 1]) with probability p, "and some other density otherwise". That the other density may be any
is most likely a misprint: where it keeps near to 0 the counterexample says nothing. Proofs: docs/sparsity.md.
"""

from fractions import Fraction
from math import ceil, exp, inf, isqrt, log, log1p, log2, nextafter, sqrt

from slt.core.checks import whole
from theory.arguments import checked_delta, checked_eps
from theory.exact import binomial_tail, irwin_hall
from theory.judgement import PROVEN, REFUTED, Judgement, Witness
from theory.pairs import SHIFT, SPREAD, closed_cover

OTHER = 100  # the other numbers are uniform on [100, 101]
SHARE = Fraction(1, 4)  # p, the share of numbers that are uniform on [-1, 1]
EPS = 0.25  # at which the counterexample is shown; the corollaries ask for eps < 1/2
CONSTANT = 147.0  # half of n kept, uniform law: n >= 147 log2(1/min(delta, eps)) suffice where min <= 1/2
_EXACT = 300  # n up to which the binomial tail is a fraction
_LEAST = 1e-300


def uniform_needed(k: int) -> int:
    """Return how many of k kept numbers must be small for a sum of at most sqrt(k) + 1.

    Small ones lie in [-1, 1], the others in [100, 101]. With v small ones the sum is at least
    100 (k - v) - v = 100 k - 101 v. sqrt(k) is rounded up.

    >>> uniform_needed(50)
    50
    """
    k = whole("k", k, 1)
    return max(0, -(-(OTHER * k - (isqrt(k - 1) + 1) - 1) // (OTHER + 1)))


def success_at_most(n: int) -> float:
    """Bound P(some |z| <= sqrt(k) is within eps < 1 of a sum of exactly k = n/2 of n numbers); n even, from 2.

    Each number is uniform on [-1, 1] with probability 1/4, and on [100, 101] otherwise.
    Derivation: at least v = :func:`uniform_needed` (k) of the n numbers are uniform, and they are Bin(n, 1/4) many. Up
    to n = 300 that is a fraction, rounded up; beyond, Chernoff's bound exp(-n D), D the divergence of v/n from 1/4. As
    v/n tends to 50/101, it tends to 0. Relation: upper bound.

    >>> success_at_most(40) < 0.002
    True
    """
    n = whole("n", n, 2)
    if n % 2:
        raise ValueError(f"n must be even, got {n}")
    least = uniform_needed(n // 2)
    if n <= _EXACT:
        return min(1.0, nextafter(float(binomial_tail(n, SHARE, Fraction(least))), inf))
    p, a = float(SHARE), least / n
    if a <= p:
        return 1.0
    divergence = a * log(a / p) + (1 - a) * (log1p(-a) - log1p(-p))
    return max(exp(-n * divergence * (1 - 1e-9)), _LEAST)


def asked_of_all_sizes(C: float, n: int) -> float:
    """Return C log2(k/eps)^2 / H2(k/n) for k = n/2 and eps = 1/4: Corollary 1."""
    return C * log2(n / 2 / EPS) ** 2


def asked_of_large(C: float, n: int) -> float:
    """Return the larger of what Corollary 2 asks of n and what it asks of k, for n: k = n/2, eps = 1/4.

    n >= C log2(1/eps)^2 / H2(k/n), C = 2 c there, and k >= C (log2(k)^2 + 2 log2(k) log2(1/eps)).
    """
    k, bits = n / 2, log2(1 / EPS)
    return C * max(bits**2, 2 * (log2(k) ** 2 + 2 * log2(k) * bits))


def _witness(C: float, corollary: int) -> Witness:
    """Return an even n at which the hypotheses hold with C and success is proven to be rarer than 1 - eps."""
    asked = asked_of_all_sizes if corollary == 1 else asked_of_large
    n = 16  # from here on n/log2(n)^2 rises
    while n < asked(C, n) or success_at_most(n) >= 1 - EPS:
        n *= 2
    low = n // 2
    while n - low > 2:  # the smallest but for steps of bisection
        middle = (low + n) // 4 * 2
        if middle >= asked(C, middle) and success_at_most(middle) < 1 - EPS:
            n = middle
        else:
            low = middle
    where = f"p = 1/4, other numbers uniform on [100, 101], k = n/2, eps = 1/4, n = {n}"
    return Witness(C, where, asked(C, n), None, success_at_most(n))


def _refuted(corollary: int) -> Judgement:
    reason = (
        "in the text that we read (arXiv 2410.14754; a public copy, parts of its section 4 are altered) the other "
        "density may be any, and with that of [100, 101] too few numbers are small; most likely a misprint"
    )
    witnesses = tuple(_witness(C, corollary) for C in (1.0, 10.0, 100.0, 1000.0))
    return Judgement(REFUTED, reason, direction="n -> infinity", witnesses=witnesses)


def corollary_1() -> tuple[Judgement, None]:
    """Refute Corollary 1 as quoted: for every c some n fulfils its condition and fails more often than eps."""
    return _refuted(1), None


def corollary_2() -> tuple[Judgement, Judgement]:
    """Refute Corollary 2 as quoted, by the same law, and prove it for the uniform law and k = n/2, with one logarithm.

    There every n >= 26 log(1/eps) + 26 log(1/delta) + 110 suffices (:func:`closed_half_root_n`); with
    M = log(1/min(delta, eps)) >= log 2 that is at most 52 M + 110 <= 147 M / log 2.
    """
    reason = "for the uniform law, k = n/2 and eps <= 1/2 a closed form of ours with one logarithm lies below it"
    return _refuted(2), Judgement(PROVEN, reason, CONSTANT, CONSTANT)


def closed_half_root_n(eps: float, delta: float) -> int:
    """Return n = 2 (k + l) from which on half of n uniform numbers reach every |z| <= sqrt(n/2); dense, eps <= 1/2.

    Statement: with exactly floor(n/2) of n numbers kept, every |z| <= sqrt(floor(n/2)) is within eps of a sum with
    probability at least 1 - delta, for this n and every larger one. k as in :func:`theory.pairs.closed_half_n`, and

        l log(2/(e - 3/e)) >= log(4/delta) + sqrt(k + l) - 1 + 2 k log(2 sinh(1/2)).

    Derivation: r = sqrt(k + l) in the proof there. The left side less the right one rises with l, as
    1/(2 sqrt(k + l)) < .214 for k + l >= 6 and k >= 9. By sqrt(x) <= x/20 + 5 the n is at most
    26 log(1/eps) + 26 log(1/delta) + 109; an odd n leaves one variable out. docs/sparsity.md.

    >>> closed_half_root_n(0.01, 0.05)
    286
    """
    eps, delta = checked_eps(eps), checked_delta(delta)
    cover = closed_cover(eps, delta / 2)
    need = log(4 / delta) - 1 + cover * SPREAD
    # s = sqrt(k + l) solves (s^2 - k) SHIFT = need + s
    root = (1 + sqrt(1 + 4 * SHIFT * (need + cover * SHIFT))) / (2 * SHIFT)
    return 2 * max(cover, ceil(root * root * (1 + 1e-12)))


def sum_bounded(k: int) -> tuple[float, float]:
    """Return the least and the largest value of sqrt(k) f_k on [-sqrt(k), sqrt(k)], f_k the density of k uniforms' sum.

    The constants of the paper's sum-bounded laws for the uniform one on [-1, 1]. Identity but for rounding: f_k is even
    and falls (Wintner), so they are taken at sqrt(k) and 0; f_k(x) = P(|U_1 + .. + U_{k-1} - x| <= 1)/2, exactly.
    The largest of all k is 1/sqrt(2), at k = 2 (Ball 1986: central sections of the cube are at most sqrt(2)). As k
    grows the least tends to sqrt(3/(2 pi)) exp(-3/2) = .15418. k from 2 on: at k = 1 the density jumps at its ends.

    >>> [round(value, 5) for value in sum_bounded(2)]
    [0.20711, 0.70711]
    """
    k = whole("k", k, 2)
    return sqrt(k) * float(_density(k, Fraction(sqrt(k)))), sqrt(k) * float(_density(k, Fraction(0)))


def _density(k: int, x: Fraction) -> Fraction:
    # U = 2 V - 1 with V uniform on [0, 1]
    below, above = ((x + side + k - 1) / 2 for side in (-1, 1))
    return (irwin_hall(k - 1, above) - irwin_hall(k - 1, below)) / 2
