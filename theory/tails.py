"""Statements P(n uniform numbers miss) <= A exp(-(n - C L)^2 / (kappa n)), L = log(1/eps): which constants C are true?

Statement of a :class:`Tail`: for all n >= C L, the subset sums of n iid U[-1, 1] numbers come within eps of every
|x| <= 1/2, but for that probability. It speaks of fewer n and allows more when C is larger, so a true one stays true:
there is one smallest true C. A failure probability P(n, eps) bounds it from either side.

* Where P(n, eps) >= p, a true C is at least :meth:`Tail.constant` of p: any smaller one allows less than p.
* P falls as eps rises, and what is allowed falls as L falls. So where P(n, e) <= p, every C from
  constant(n, log(1/e'), p) on is right at this n for all eps in [e, e').
* For large n, :func:`log_markov`, at most A at some N, falls by log(4/3) with each number. What is allowed falls by at
  most 1/kappa, as (n - C L)^2 / n has a derivative in n of 1 - (C L / n)^2. So where kappa >= 1 / log(4/3), a C that is
  right at N by that bound is right at every larger n.
* For all eps < e, the same bound at n = C L asks for C >= (2 L + log K - log A) / (L log(4/3)), K = 1/0.84.
* For eps >= 1/2 the empty sum is within eps of every |x| <= 1/2: every C is right.
* kappa < 1 / log 2 is refuted for every C: with probability 2^(1 - n) all numbers have one sign, and for eps < 1/2 that
  misses 1/2 or -1/2; what is allowed falls faster with n. Between the two limits on kappa our bounds say nothing.

Two such statements are in print, and neither paper computes its C: Lueker 1998, Corollary 2.5 (:data:`LUEKER`), and the
main theorem of da Cunha et al. 2023 (:func:`dacunha`). Derivations ours.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, log, sqrt

from slt.core.checks import positive, whole
from theory.arguments import checked_eps
from theory.game import START_SHARE

DECAY = log(4 / 3)  # by which the closed bound of a miss falls with each number
LEAST_KAPPA = 1 / log(2)  # below it every C is refuted
PROVEN_KAPPA = 1 / DECAY  # from it on our closed bound reaches every n
COUNTING = 1 / log(2)  # a true C of a Tail is at least this as eps -> 0: fewer than log2(1/(2 eps)) numbers surely miss
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Tail:
    """One statement but for its constant. front: A >= 1; kappa above 0; unit: what C is called is C / unit in print."""

    front: float
    kappa: float
    unit: float = 1.0

    def constant(self, n: int, L: float, failure: float) -> float:
        """Return the C at which A exp(-(n - C L)^2 / (kappa n)) is ``failure``, in units as printed; n >= 1, L > 0.

        -inf for a failure of 0.

        >>> round(LUEKER.constant(10, 6.9, 1.0), 3)
        0.725
        """
        n, L = whole("n", n, 1), positive("L", L)
        if failure <= 0:
            return -inf
        return (n - sqrt(self.kappa * n * max(log(self.front / failure), 0.0))) / (L * self.unit)

    def allowed(self, n: int, L: float, C: float) -> float | None:
        """Return log of the failure probability that is allowed, None where nothing is said: n < C L."""
        far = n - C * self.unit * L
        return log(self.front) - far * far / (self.kappa * n) if far >= 0 else None

    def broken(self, n: int, eps: float, failure: float, C: float) -> bool:
        """Whether ``C`` is refuted at one point, where P(n, eps) >= ``failure``."""
        allowed = self.allowed(n, log(1 / eps), C)
        return allowed is not None and failure > 0 and log(failure) > allowed + _ROUNDING

    def above(self, failures: Iterable[tuple[int, float, float]]) -> float:
        """Return what a true C is at least, from (n, eps, lower bound of P(n, eps))."""
        return max((self.constant(n, log(1 / eps), p) for n, eps, p in failures if n > 0), default=-inf)

    def proven(self, e: float, end: float, failures: Sequence[float]) -> float:
        """Return a C that is right for all n and all eps in [e, end), from upper bounds of P(0, e), P(1, e), ..

        failures: of n = 0 .. N, with :func:`log_markov` at most 0 at N; ``end`` at most 1/2. Infinite for a kappa for
        which our bounds reach no large n.
        """
        if self.kappa < PROVEN_KAPPA:
            return inf
        last, L = len(failures) - 1, log(1 / end)
        beyond = log_markov(last, e)
        if beyond > 0:
            raise ValueError(f"failures must go on until the closed bound is below 1, got {len(failures)} of them")
        ends = [self.constant(n, L, failures[n]) for n in range(1, last + 1)]
        ends.append((last - sqrt(self.kappa * last * (log(self.front) - beyond))) / (L * self.unit))
        return max(ends) * (1 + _ROUNDING)

    def proven_below(self, e: float) -> float:
        """Return a C that is right for all n and all eps < ``e`` <= 1/2, by the closed bound alone; or infinity."""
        if self.kappa < PROVEN_KAPPA:
            return inf
        L = log(1 / e)
        extra = max(-log(4 * START_SHARE * (1 - START_SHARE)) - log(self.front), 0.0)
        return (2 + extra / L) / (DECAY * self.unit) * (1 + _ROUNDING)


LUEKER = Tail(1.0, 8.0, 2.0)  # (n/2 - C L)^2 / (2 n) is (n - 2 C L)^2 / (8 n)


def dacunha(kappa: float) -> Tail:
    """Return the statement of da Cunha et al. 2023, whose constants are C and kappa."""
    return Tail(2.0, positive("kappa", kappa))


def log_markov(n: int, eps: float) -> float:
    """Bound log P(n iid U[-1, 1] numbers fail to eps-cover [-1/2, 1/2]) from above; eps < 1/2, may be above 0.

    Statement: P <= o(x_0) / o(1 - b) (3/4)^n = (1 - (4 s - 2) eps) / (4 s (1 - s) eps^2) (3/4)^n, s = START_SHARE:
    Markov's inequality for the odds of being uncovered, as in :func:`theory.asymptotics.closed_form_n`.
    """
    eps, s = checked_eps(eps), START_SHARE
    return log(1 - (4 * s - 2) * eps) - log(4 * s * (1 - s)) - 2 * log(eps) - whole("n", n) * DECAY
