"""The proof steps (7)-(16) of Lemmas A.2 and A.3 that can be checked, each with what was checked and what came out.

The equations are those of Otsuka et al. 2024; their inner constants are reconstructed, so a step is checked for the
constants passed here, and its evidence says under which condition on them it holds. Hoeffding's steps are compared
with exact probabilities in rational arithmetic, the others with exact instances or symbolically.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil, exp, log

import numpy as np

from slt.core.checks import positive
from slt.core.keys import generator
from slt.core.rates import Rates, searchable
from theory import exact, otsuka2024
from theory.arguments import checked_delta
from theory.identities import Identity, identities

Bound = Callable[[int, float], float]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a proof. equation: its number there. evidence: what was checked, and what came out."""

    equation: str
    statement: str
    holds: bool
    evidence: str


def check_steps(
    prune: float, lock: float, *, C: float = 4.0, a: float = 0.125, c: float | None = None, delta: float = 0.05
) -> tuple[Step, ...]:
    """Check every step at these rates; about a second.

    C: supposed constant of Lemma 2.1, used where a sample size is shown. a: the proof lets k free numbers cover
    [-a k, a k]. c: it lets the number of free (or locked) numbers stray by c n; default half the free share.
    Raises ValueError when nothing is free.
    """
    rates = searchable(prune, lock)
    c = rates.free / 2 if c is None else c
    # outside these exp(-1/C) is 1, or squares and Hoeffding's bounds are 0, in floating point
    C, a, c, delta = positive("C", C), positive("a", a), positive("c", c), checked_delta(delta)
    for name, value, most in (("C", C, 1e15), ("a", a, 1e15), ("c", c, 1.0)):
        if not 1e-18 <= value <= most:
            raise ValueError(f"{name} must lie in [1e-18, {most:g}], got {value:g}")
    return (
        constant_depends_on_rates(C, rates.prune),
        count_of_locked(rates, c),
        stray(rates, c, delta),
        split(),
        locked_sum(),
        reach(a),
        union(rates, C, c, a),
        count_of_free(rates, c),
        *(symbolic(identity) for identity in identities()),
    )


def constant_depends_on_rates(C: float, prune: float) -> Step:
    """(7), (16): the constant has to grow with q, as the layer-wise C of the theorem allows."""
    refuting = [otsuka2024.lock_rate_refuting(factor * C, 0.01, 0.01, prune) for factor in (1, 10, 100)]
    return Step(
        "C depends on p, q",
        "C has to depend on the rates: each single C fails from some locking rate on",
        all(rate < 1 - prune for rate in refuting),
        f"at eps = delta = 0.01, C = {C:g}, {10 * C:g}, {100 * C:g} fail for every q above "
        + ", ".join(f"{rate:.6f}" for rate in refuting),
    )


def hoeffding_count(n: int, c: float) -> float:
    """Two-sided Hoeffding bound of P(|Bin(n, rate) - rate n| >= c n)."""
    return 2 * exp(-2 * c * c * n)


def count_of_locked(
    rates: Rates, c: float, bound: Bound = hoeffding_count, sizes: Iterable[int] = (1, 5, 20, 60)
) -> Step:
    """(8): the number of locked ones against its exact law."""
    q, share = _decimal(rates.lock), _decimal(c)
    worst = max(
        float(exact.binomial_tail(n, q, (q + share) * n) + exact.binomial_tail(n, 1 - q, (1 - q + share) * n))
        / bound(n, float(share))
        for n in sizes
    )
    return Step(
        "(8)",
        "P(|#locked - q n| >= t) <= 2 exp(-2 t^2 / n)",
        worst <= 1,
        f"exact probability at most {worst:.3g} of the bound at t = {float(share):g} n, n = {_list(sizes)}",
    )


def stray(rates: Rates, c: float, delta: float) -> Step:
    """(9): t = c n leaves a positive share of free numbers only if c < f."""
    n = ceil(log(2 / delta) / (2 * c * c))
    return Step(
        "(9)",
        f"t = c n with c = {c:g} leaves at least (f - c) n > 0 free numbers",
        c < rates.free,
        f"needs 0 < c < f = {rates.free:g}; then (8) is below delta = {delta:g} from n = {n} on, of order 1/f^2",
    )


def hoeffding_free(n: int, c: float) -> float:
    """One-sided Hoeffding bound of P(Bin(n, rate) <= (rate - c) n)."""
    return exp(-2 * c * c * n)


def count_of_free(rates: Rates, c: float, bound: Bound = hoeffding_free, sizes: Iterable[int] = (1, 5, 20, 60)) -> Step:
    """(16): with pruning the free numbers have to be counted themselves, as Bin(n, f)."""
    f, share = _decimal(rates.free), _decimal(c)
    worst = max(float(exact.binomial_tail(n, 1 - f, (1 - f + share) * n)) / bound(n, float(share)) for n in sizes)
    return Step(
        "(16)",
        "P(#free <= (f - c) n) <= exp(-2 c^2 n), with pruned numbers too",
        worst <= 1,
        f"exact probability at most {worst:.3g} of the bound at c = {float(share):g}, n = {_list(sizes)};"
        " counting the locked ones no longer tells the number of free ones",
    )


def split(instances: int = 40, half: int = 7, share: float = 1.0) -> Step:
    """(10): one half of the free numbers approximates z, the other -T; each must get eps/2, for errors add.

    ``share``: the total error is compared with this times the sum of the two errors.
    """
    random = generator(0, "theory.steps.split")
    subsets = (np.arange(2**half)[:, None] >> np.arange(half)) & 1
    unit = 2**40  # whole numbers: the sums and the comparison are exact
    holds, worst = True, 0.0
    for _ in range(instances):
        for_z, for_T = (subsets @ random.integers(-unit, unit + 1, half) for _ in range(2))
        z, T = random.integers(-unit, unit + 1, 2)
        one, other = z - for_z[np.argmin(abs(z - for_z))], -T - for_T[np.argmin(abs(T + for_T))]
        holds &= bool(abs(one + other) <= share * (abs(one) + abs(other)))
        worst = max(worst, abs(one + other) / max(abs(one), abs(other), 1))
    return Step(
        "(10)",
        "if one half of the free numbers is within eps/2 of z and the other of -T, their union is within eps of z - T",
        holds,
        f"{instances} exact instances with halves of {half}; the union's error reached {worst:.2f} times the larger"
        " one, so precision eps in both halves would not do. Split by the states alone the halves are fresh: a union"
        " bound suffices. Needs at least 2 free numbers",
    )


def hoeffding_sum(n: int, s: float) -> float:
    """Two-sided Hoeffding bound of P(|X_1 + .. + X_n| >= s) for X in [-1, 1]."""
    return 2 * exp(-s * s / (2 * n))


def locked_sum(bound: Bound = hoeffding_sum, sizes: Iterable[int] = range(1, 25)) -> Step:
    """(12): the sum of the locked ones against its exact law (Irwin-Hall)."""
    pairs = [(n, Fraction(n * j, 8)) for n in sizes for j in range(1, 8)]
    worst = max(float(exact.uniform_sum_tail(n, s)) / bound(n, float(s)) for n, s in pairs)
    return Step(
        "(12)",
        "P(|T| >= s | #locked = N) <= 2 exp(-s^2 / (2 N))",
        worst <= 1,
        f"exact probability at most {worst:.3g} of the bound over N = {_list(sizes)}, s = N/8..7N/8;"
        " 2 exp(-3 s^2 / (2 N)) holds too",
    )


def reach(a: float, sizes: Iterable[int] = (8, 16, 32)) -> Step:
    """(13)-(14): k free numbers cover [-a k, a k] only if their positive parts sum to a k, with mean k/4."""
    rate = _decimal(a)
    short = [float(exact.reach_below(k, rate * k)) for k in sizes]
    gap = float(rate) - 0.25
    # Hoeffding for terms in [0, 1], on the side of the mean on which a k lies
    within = all(
        (miss if gap < 0 else 1 - miss) <= exp(-2 * k * gap * gap) for k, miss in zip(sizes, short, strict=True)
    )
    falling = all(after < before for before, after in pairwise(short))
    return Step(
        "(13)-(14)",
        f"k free numbers reach a k on either side, a = {float(rate):g}, but for a failure exponentially small in k",
        gap < 0 and within and falling,
        "exact failure probability of one side "
        + ", ".join(f"{miss:.3g} (k = {k})" for k, miss in zip(sizes, short, strict=True))
        + "; needs a < 1/4, the mean of a positive part, and any a > 0 serves the union (15)",
    )


def union(rates: Rates, C: float, c: float, a: float) -> Step:
    """(15): the failures of the parts add up to delta at n = O(log(1/min(delta, eps)))."""
    statement = "the failure probabilities of all parts sum to at most delta for n >= C(p, q) log(1/min(delta, eps))"
    levels = (0.5, 1e-2, 1e-4, 1e-8, 1e-16, 1e-64, 1e-256)
    try:
        limit = otsuka2024.proof_constant(rates.prune, rates.lock, C, c=c, a=a)
        ratios = [
            otsuka2024.proof_sample_size(level, level, rates.prune, rates.lock, C, c=c, a=a) / -log(level)
            for level in levels
        ]
    except ValueError as error:
        return Step("(15)", statement, False, str(error))
    bounded = all(after <= before for before, after in pairwise(ratios)) and ratios[-1] <= 1.05 * limit
    return Step(
        "(15)",
        statement,
        bounded,
        f"with C = {C:g}, c = {c:g}, a = {a:g}: n / log(1/eps) falls from {ratios[0]:.4g} at eps = delta = 1/2 over"
        f" {ratios[1]:.4g} at 0.01 to {limit:.4g} as both go to 0; of order 1/f^2",
    )


def symbolic(identity: Identity) -> Step:
    """One of the identities that the bounds rest on, by sympy."""
    return Step(identity.name, identity.statement, identity.holds(), f"sympy derives {identity.derived}")


def _decimal(rate: float) -> Fraction:
    """The number that a user wrote (0.3 is 3/10), so that whole thresholds are met exactly."""
    return Fraction(repr(float(rate)))


def _list(sizes: Iterable[int]) -> str:
    return f"{sizes.start}..{sizes.stop - 1}" if isinstance(sizes, range) else ", ".join(str(n) for n in sizes)
