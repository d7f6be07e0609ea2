"""Otsuka et al. (2024), Partially frozen random networks contain compact strong lottery tickets, arXiv 2402.14029.

Lemma A.2 = 3.1 (numbers locked at random) and Lemma A.3 = 3.2 (pruned and locked), and their proof with every
constant explicit. The inner formulas are reconstructed from a copy that had lost them; the proof's structure is the
paper's, the constants in it are ours.
"""

from math import ceil, exp

from slt.core.checks import finite, open_unit, positive, whole
from slt.core.first import first
from slt.core.rates import Rates, searchable
from theory import lueker1998
from theory.claim import CORNER, Claim, closed_form
from theory.lueker1998 import log_form


def sample_size_locked(eps: float, delta: float, C: float) -> float:
    """Bound how many numbers are needed when each is locked with probability q: Lemma A.2 = 3.1, (7).

    Statement: with probability at least 1 - delta, for every |z| <= 1, n >= C log(1/min(delta, eps)) numbers have a
    subset that contains every locked number and sums to within eps of z.
    Assumes: nothing pruned; 0 < q < 1; C may depend on q (and must, see :func:`lock_rate_refuting`);
    min(delta, eps) below exp(-1/C), see lueker1998.literal_form_fails_from.
    Relation: upper bound on the smallest sufficient n, uniform reading.
    Source: Otsuka et al. 2024, Lemma 3.1 = A.2, (7), reconstructed.
    """
    return lueker1998.sample_size(eps, delta, C)


def sample_size_frozen(eps: float, delta: float, C: float) -> float:
    """Bound how many numbers are needed when each is pruned or locked at random: Lemma A.3 = 3.2, (16).

    Statement: for every fixed |z| <= 1, n >= C log(1/min(delta, eps)) numbers have, with probability at least
    1 - delta, a subset that contains every locked and no pruned number and sums to within eps of z.
    Assumes: independent states, pruned p, locked q, p + q < 1; C may depend on p and q.
    Relation: upper bound on the smallest sufficient n, pointwise reading.
    Source: Otsuka et al. 2024, Lemma 3.2 = A.3, (16), reconstructed.
    """
    return lueker1998.sample_size(eps, delta, C)


def implied_constant(n: float, eps: float, delta: float) -> float:
    """Return the C at which both forms equal ``n``; compare it across p and q, on which it may depend."""
    return lueker1998.implied_constant(n, eps, delta)


def lock_rate_refuting(C: float, eps: float, delta: float, prune: float = 0.0) -> float:
    """Return the locking rate above which (7) and (16) fail for this C: no constant serves every q.

    Statement: the form allows N = ceil(C log(1/min(delta, eps))) numbers. None of them is free with probability
    (p + q)^N; then one sum is left, and z = 1 or z = -1 is missed (uniformly surely; pointwise z = 1 or z = -1 is
    missed with probability at least half of that). So the form fails once (p + q)^N > 2 delta pointwise, and a
    fortiori uniformly.
    Assumes: radius 1, delta < 1/2 (ValueError otherwise).
    Relation: refutation of a constant free of q; 0 when every locking rate is refuted.
    Source: ours.

    >>> round(lock_rate_refuting(3.0, 0.01, 0.05), 3)
    0.848
    """
    delta = open_unit("delta", delta)
    if delta >= 0.5:
        raise ValueError(f"delta must be below 0.5 here, got {delta:g}")
    N = ceil(lueker1998.sample_size(eps, delta, C))
    return max((2 * delta) ** (1 / N) - Rates(prune).prune, 0.0)


def proof_failure_bound(
    n: int, eps: float, prune: float, lock: float, C: float, *, c: float | None = None, a: float = 0.125
) -> dict[str, float]:
    """Bound the failure probability as the proof does, (8)-(15), part by part, keyed by equation.

    Statement: with t = c n, at least (f - c) n numbers are free; split them into two halves of k numbers or more. One
    half approximates z to eps/2, the other approximates -T to eps/2 provided |T| <= a k, the reach that k numbers
    have: a block of (1 + 4a)/2 of them leads -T into [-1/2, 1/2], where the rest approximates what is left.

        (8)  exp(-2 c^2 n)                          fewer than (f - c) n numbers are free (Hoeffding)
        (10) exp(-k/C), or 1 if above eps/2         the half for z fails (Lemma 2.1)
        (12) 2 exp(-(a k)^2 / (2 n))                |T| > a k (Hoeffding, at most n locked terms in [-1, 1])
        (13) 2 exp(-2 k_1 (1/4 - a k/k_1)^2)        the block of k_1 = (1 + 4a) k/2 numbers does not reach a k
        (14) exp(-k_2/C), or 1 if above eps/2       the other k_2 numbers of the half for T fail (Lemma 2.1)

    Without locking T = 0 needs no half, and (12)-(14) are 0. Valid uniformly in |z| <= 1, hence pointwise too.
    Assumes: Lemma 2.1 with this C; 0 < c < f (default f/2); 0 < a < 1/4. ValueError otherwise.
    Relation: upper bound; non-increasing in n, so that n suffices from the first n on where the sum is <= delta.
    Source: Otsuka et al. 2024, proofs of Lemmas A.2 and A.3, (7)-(16); constants and (13)-(14) ours.
    """
    rates, n, eps, C, a = (
        searchable(prune, lock),
        whole("n", n),
        open_unit("eps", eps),
        positive("C", C),
        finite("a", a),
    )
    f = rates.free
    c = f / 2 if c is None else finite("c", c)
    if not 0 < c < f:
        raise ValueError(
            f"c must lie strictly between 0 and the free share {f:g} (else no number need be free), got {c:g}"
        )
    if not 0 < a < 0.25:
        raise ValueError(f"a must lie strictly between 0 and 1/4 (the mean reach of one free number), got {a:g}")
    # real lower bounds of the whole numbers in the proof keep every part non-increasing in n
    k = max(((f - c) * n - 1) / 2, 0.0)
    k1 = (1 + 4 * a) / 2 * k
    k2 = max((1 - 4 * a) / 2 * k - 1, 0.0)

    def dense(m: float) -> float:
        failure = exp(-m / C)
        return failure if failure <= eps / 2 else 1.0

    parts = {"(8)": exp(-2 * c * c * n), "(10)": dense(k)}
    if not rates.lock:
        return parts | {"(12)": 0.0, "(13)": 0.0, "(14)": 0.0}
    return parts | {
        "(12)": 2 * exp(-((a * k) ** 2) / (2 * max(n, 1))),
        "(13)": 2 * exp(-2 * k1 * (0.25 - 2 * a / (1 + 4 * a)) ** 2),
        "(14)": dense(k2),
    }


def proof_sample_size(
    eps: float, delta: float, prune: float, lock: float, C: float, *, c: float | None = None, a: float = 0.125
) -> int:
    """Return the smallest n at which the parts of :func:`proof_failure_bound` sum to at most ``delta``, (15).

    Relation: upper bound on the smallest sufficient n, given Lemma 2.1 with constant C; for a, c fixed shares it is
    at most a constant, of order 1/f^2, times log(1/min(delta, eps)) when min(delta, eps) <= 1/2: that is Lemma A.3
    and, with prune = 0, Lemma A.2.
    """
    delta = open_unit("delta", delta)

    def enough(n: int) -> bool:
        return sum(proof_failure_bound(n, eps, prune, lock, C, c=c, a=a).values()) <= delta

    n = first(enough, 1, 2**200 + 1, guess=1)
    if n > 2**200:
        raise ValueError(f"the proof asks for more than 2**200 numbers at prune={prune:g}, lock={lock:g}")
    return n


def proof_constant(prune: float, lock: float, C: float, *, c: float | None = None, a: float = 0.125) -> float:
    """Return the limit of :func:`proof_sample_size` / log(1/min(delta, eps)) as delta = eps -> 0: C(p, q) of the proof.

    Each part must fall like delta, so the slowest decides: the largest of the reciprocal exponents.
    """
    proof_failure_bound(1, 0.5, prune, lock, C, c=c, a=a)  # the same conditions
    rates, C, a = searchable(prune, lock), positive("C", C), finite("a", a)
    f = rates.free
    c = f / 2 if c is None else finite("c", c)
    k = (f - c) / 2
    k1, k2 = (1 + 4 * a) / 2 * k, (1 - 4 * a) / 2 * k
    count, dense = 1 / (2 * c * c), C / k
    if not rates.lock:
        return max(count, dense)
    return max(count, 2 / (a * k) ** 2, 1 / (2 * k1 * (0.25 - 2 * a / (1 + 4 * a)) ** 2), C / k2)


LOCKED = Claim(
    key="A.2",
    title="locked",
    paper="Otsuka et al. 2024",
    number="Lemma A.2 (Lemma 3.1)",
    reading="uniform",
    hypotheses="each number is locked with probability q < 1; C depends on q",
    statement="with probability >= 1 - delta every |z| <= 1 is within eps of a sum with all locked numbers in it",
    prunes=False,
    locks=True,
    form=log_form(sample_size_locked),
    proven_constant=closed_form,
    limit=CORNER,
)

FROZEN = Claim(
    key="A.3",
    title="frozen",
    paper="Otsuka et al. 2024",
    number="Lemma A.3 (Lemma 3.2)",
    reading="pointwise",
    hypotheses="each number is pruned with probability p or locked with probability q, p + q < 1; C depends on them",
    statement="with probability >= 1 - delta a fixed |z| <= 1 is within eps of a sum with all locked"
    " and no pruned numbers in it",
    prunes=True,
    locks=True,
    form=log_form(sample_size_frozen),
    proven_constant=closed_form,
)
