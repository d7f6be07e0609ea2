"""Lueker (1998), Exponentially small bounds on the expected optimum of the partition and subset sum problems.

Random Structures & Algorithms 12, 51-62. Here in the form in which the lottery-ticket literature quotes it
(Lemma 2.1 of Otsuka et al. 2024).
"""

from math import exp, log

from slt.core.checks import at_least_zero, closed_unit, open_unit, positive


def log_factor(eps: float, delta: float) -> float:
    """Return log(1/min(delta, eps)), the factor that all four lemmas share; above 0."""
    return -log(min(open_unit("delta", delta), open_unit("eps", eps)))


def sample_size(eps: float, delta: float, C: float) -> float:
    """Bound how many uniform numbers are needed so that their subset sums hit every target in [-1, 1].

    Statement: n >= C log(1/min(delta, eps)) iid U[-1, 1] numbers have, with probability at least 1 - delta, for
    every |z| <= 1 a subset whose sum is within eps of z.
    Assumes: nothing pruned, nothing locked; C universal and unnamed; min(delta, eps) below exp(-1/C), see
    :func:`literal_form_fails_from`.
    Relation: upper bound on the smallest sufficient n, uniform reading.
    Source: Lueker 1998, as quoted since Pensia et al. 2020; Lemma 2.1 of Otsuka et al. 2024.

    >>> round(sample_size(0.01, 0.05, C=2.0), 3)
    9.21
    """
    return positive("C", C) * log_factor(eps, delta)


def implied_constant(n: float, eps: float, delta: float) -> float:
    """Return the C at which :func:`sample_size` equals ``n >= 0``.

    >>> round(implied_constant(9.210340, 0.01, 0.05), 6)
    2.0
    """
    return at_least_zero("n", n) / log_factor(eps, delta)


def literal_form_fails_from(C: float) -> float:
    """Return the value of min(delta, eps) from which the form fails as written, whatever C is: exp(-1/C).

    Statement: for exp(-1/C) <= min(delta, eps) < 1 the form asks for no more than n = 1, but one number never
    covers [-1, 1] at eps < 1: z = 1 needs a sum of at least 1 - eps > 0, z = -1 one of at most -(1 - eps), and the
    non-empty subset has only one sign. The failure probability is 1 > delta.
    Assumes: uniform reading, radius 1. (Pointwise one number can do: z = 1 is hit with probability eps / 2.)
    Relation: refutation of a corner that no application visits; log(2/min(delta, eps)), as in Pensia et al.,
    or the hypothesis min(delta, eps) <= 1/2 repairs it.
    Source: ours.

    >>> round(literal_form_fails_from(3.0), 4)
    0.7165
    """
    return exp(-1 / positive("C", C))


def mean_growth(v: float, free: float = 1.0) -> float:
    """Return the mean covered share of W = [-1/2, 1/2] after one more number, v + f v (1 - v) / 2.

    Statement: let C in W be covered, |C| = v, and X ~ U[-1, 1]. Then E|C u ((C + X) n W)| = v + v (1 - v) / 2,
    and a number that is free with probability f gives f times that gain.
    Derivation: the gain is the length of z in W \\ C with z - X in C. As z - y lies in [-1, 1] for all z, y in W,
    P(z - X in C) = v / 2 exactly; integrate over the 1 - v that is uncovered.
    Relation: identity. ``v`` and ``free`` in [0, 1].
    Source: Lueker 1998, the recursion behind his theorem; constants ours.

    >>> mean_growth(0.5)
    0.625
    """
    v = closed_unit("v", v)
    return v + closed_unit("free", free) * v * (1 - v) / 2
