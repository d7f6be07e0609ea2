"""Gadhikar, Mukherjee & Burkholz (2023), Why random pruning is all we need to start sparse (ICML 2023).

Lemma 2.4 there is Lemma 2.2 of Otsuka et al. 2024: the subset sum when each number survives with probability
p' = 1 - prune. The published form fails for dense sources; the corrected form is derived here.
"""

from math import ceil, exp, expm1, inf, log, log1p, log2

from slt.core.checks import at_least_zero, closed_unit, one_of, open_unit, positive, whole
from theory.arguments import checked_delta, checked_eps, checked_radius
from theory.lueker1998 import log_factor


def sample_size(eps: float, delta: float, C: float, prune: float) -> float:
    """Bound how many numbers are needed when each is pruned independently: the published form.

    Statement: for every fixed |z| <= 1, n >= C / log(1/(1-p')) * log(1/min(delta, eps)) numbers suffice for some
    subset of the survivors to sum to within eps of z with probability at least 1 - delta.
    Assumes: nothing locked; 0 <= prune < 1; C universal. The inner formula is reconstructed.
    Relation: claimed upper bound, pointwise reading. FALSE for every C once p' is close to 1, see
    :func:`published_form_fails`; at prune = 0 it asks for n = 0.
    Source: Gadhikar et al. 2023, Lemma 2.4; Otsuka et al. 2024, Lemma 2.2.
    """
    return positive("C", C) * published_factor(eps, delta, prune)


def published_factor(eps: float, delta: float, prune: float) -> float:
    """Return the published multiplier of C, log(1/min(delta, eps)) / log(1/prune); 0 at prune = 0."""
    prune = _prune(prune)
    # log(1/(1-p')) = log(1/prune), infinite for a dense source
    return log_factor(eps, delta) / -log(prune) if prune > 0 else 0.0


def implied_constant(n: float, eps: float, delta: float, prune: float) -> float:
    """Return the C at which :func:`sample_size` equals ``n``; infinite at prune = 0 < n."""
    factor, n = published_factor(eps, delta, prune), at_least_zero("n", n)
    if factor == 0:
        return inf if n > 0 else 0.0
    return n / factor


def published_form_fails(
    C: float, eps: float, delta: float, radius: float = 1.0, reading: str = "pointwise"
) -> float | None:
    """Return the survival rate from which (inclusive) the published form is refuted for this C, or None.

    Statement: n numbers have at most 2^n subset sums. Their balls of radius eps cover at most the share
    2^n eps / radius of the targets, so some target is missed with probability >= 1 - 2^n eps / radius, whatever is
    pruned. Let N be the largest whole n at which this exceeds delta (uniform reading: at which it is above 0, for
    then every draw fails). The published form allows N numbers as soon as C log(1/min(delta, eps)) / log(1/(1-p'))
    <= N, that is from p' = 1 - exp(-C log(1/min(delta, eps)) / N) on. None when N < 0: counting refutes nothing.
    Relation: refutation; every C is refuted, at the latest for p' = 1 (where n = 0 would do).
    Source: ours (counting bound).

    >>> round(published_form_fails(C=2.0, eps=0.01, delta=0.05), 4)
    0.7846
    """
    radius, eps, delta = checked_radius(radius), checked_eps(eps), checked_delta(delta)
    wanted = 1.0 if one_of("reading", reading, ("pointwise", "uniform")) == "uniform" else 1 - delta
    demand = positive("C", C) * log_factor(eps, delta)
    share = wanted * radius / eps
    N = ceil(log2(share)) - 1
    # the logarithm may round to a whole number from either side; powers of two are exact
    N += (share > 2.0 ** (N + 1)) - (share <= 2.0**N)
    if N < 0:
        return None
    return -expm1(-demand / N) if N else 1.0


def failure_bound(n: int, eps: float, prune: float, C: float) -> float:
    """Bound the failure probability of n numbers, each pruned independently, given Lemma 2.1 with constant C.

    Statement: P(fail) <= E exp(-M/C) / eps = (1 - p' (1 - exp(-1/C)))^n / eps, M ~ Bin(n, p') survivors; at most 1.
    Derivation: Lemma 2.1 at delta = exp(-m/C) says P(fail | M = m) <= exp(-m/C) when that is at most eps; otherwise
    exp(-m/C) / eps > 1 bounds it trivially. Average over M.
    Assumes: Lemma 2.1 with this C where min(delta, eps) <= 1/2, and eps <= 1/2; same reading and radius as that lemma.
    Relation: upper bound.
    Source: ours (thinning).
    """
    return min(1.0, exp(-whole("n", n) * _rate(C, prune)) / open_unit("eps", eps))


def corrected_sample_size(eps: float, delta: float, C: float, prune: float) -> float:
    """Bound how many numbers are needed when each is pruned independently: the corrected form.

    Statement: n >= log(1/min(delta, eps)) / log(1/(1 - p' (1 - exp(-1/C)))) suffices.
    Assumes: eps <= 1/2; C = :func:`corrected_constant` of a constant for which Lemma 2.1 holds where min <= 1/2. (With
    Lemma 2.1's own C the form does not follow from that lemma; it needs the factor 2 of two logarithms, which the
    larger constant absorbs.)
    Relation: upper bound, both readings. Tends to Lemma 2.1's C log(1/min(delta, eps)) as p' -> 1, and lies
    between 1 and 1 + 1/C times C / p' * log(1/min(delta, eps)).
    Source: ours.
    """
    return log_factor(eps, delta) / _rate(C, prune)


def corrected_implied_constant(n: float, eps: float, delta: float, prune: float) -> float:
    """Return the smallest C for which :func:`corrected_sample_size` asks for at least ``n``, 0 if every C > 0 does.

    The form asks for more than log(1/min(delta, eps)) / log(1/prune) with any C: that many are needed against the
    event that all are pruned.
    """
    n, prune = at_least_zero("n", n), _prune(prune)
    if n == 0:
        return 0.0
    # exp(-1/C) = 1 - (1 - exp(-L/n)) / p'
    share = -expm1(-log_factor(eps, delta) / n) / (1 - prune)
    return -1 / log1p(-share) if share < 1 else 0.0


def corrected_constant(C: float) -> float:
    """Return a constant with which the corrected form holds when Lemma 2.1 holds with constant ``C``.

    Statement: C_1 = 2 / (1 - exp(-1/C)), at most 2 (C + 1).
    Derivation: write h(s) = log(1/(1 - p' (1 - exp(-s)))). :func:`failure_bound` is at most delta once
    n h(1/C) >= log(1/eps) + log(1/delta), hence once n >= 2 log(1/min(delta, eps)) / h(1/C). Since
    h(s) >= p' (1 - exp(-s)) and, h being concave with h(0) = 0 and slope p' there, h(s) <= p' s,
    2 / h(1/C) <= 2 / (p' (1 - exp(-1/C))) = C_1 / p' <= 1 / h(1/C_1).

    >>> 6 < corrected_constant(3.0) < 8
    True
    """
    return -2 / expm1(-1 / positive("C", C))


def _rate(C: float, prune: float) -> float:
    """h(1/C) = log(1/(1 - p' (1 - exp(-1/C)))), exactly 1/C at p' = 1."""
    prune, C = _prune(prune), positive("C", C)
    return -log1p((1 - prune) * expm1(-1 / C)) if prune else 1 / C


def _prune(prune: float) -> float:
    number = closed_unit("prune", prune)
    if number == 1:
        raise ValueError("prune must be below 1 (nothing survives), got 1")
    return number
