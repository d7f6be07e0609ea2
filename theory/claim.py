"""What a published lemma is: which subset sums it speaks of, and the number of variables that it asks for."""

from collections.abc import Callable
from dataclasses import dataclass

from slt.core.rates import Rates, searchable


@dataclass(frozen=True, slots=True)
class Form:
    """A required sample size as a function of its constant C, and the constant as a function of the sample size.

    ``statement`` is the inequality for n; both functions take rates that the claim admits.
    """

    statement: str
    _sample_size: Callable[[float, float, float, Rates], float]
    _implied_constant: Callable[[float, float, float, Rates], float]

    def sample_size(self, C: float, eps: float, delta: float, rates: Rates) -> float:
        """Return the n that the form asks for with constant ``C`` (a real number; round up)."""
        return self._sample_size(C, eps, delta, rates)

    def implied_constant(self, n: float, eps: float, delta: float, rates: Rates) -> float:
        """Return the constant with which the form asks for exactly ``n``; may be infinite for the published 2.2."""
        return self._implied_constant(n, eps, delta, rates)


@dataclass(frozen=True, slots=True)
class Correction:
    """A form that stands where the published one fails.

    name: what to call it. form: the corrected requirement. trouble: why the published form fails, in one sentence.
    fails_from: (C, eps, delta, radius, reading) -> survival rate from which the published form is refuted, or None.
    """

    name: str
    form: Form
    trouble: str
    fails_from: Callable[[float, float, float, float, str], float | None]


@dataclass(frozen=True, slots=True)
class Claim:
    """One published lemma: which subset sums it speaks of, what it asks for, and in which reading it is worded.

    key: number in Otsuka et al. 2024. title: what is frozen. reading: "uniform" (one draw serves every target) or
    "pointwise" (every fixed target). hypotheses, statement: in words. prunes, locks: whether it speaks of pruned and
    locked numbers. corrected: the repaired form, where the published one fails. proven_constant: returns, for rates
    that the claim speaks of, a constant C with which the form that stands is proven to suffice in both readings
    whenever min(delta, eps) <= 1/2; None where no proof is known. limit: where the form fails as it is written.
    """

    key: str
    title: str
    paper: str
    number: str
    reading: str
    hypotheses: str
    statement: str
    prunes: bool
    locks: bool
    form: Form
    corrected: Correction | None = None
    proven_constant: Callable[[Rates], float] | None = None
    limit: str = ""

    def rates(self, prune: float, lock: float) -> Rates:
        """Return the rates that this claim speaks of, taken from a user's; ValueError when nothing would be free."""
        searchable(prune, lock)
        return Rates(prune if self.prunes else 0.0, lock if self.locks else 0.0)

    def factor(self, prune: float, lock: float, eps: float, delta: float) -> float:
        """Return the multiplier of C in the published form, n >= C * factor; 0 for Lemma 2.2 at prune = 0."""
        return self.form.sample_size(1.0, eps, delta, self.rates(prune, lock))

    def implied_constant(self, n: float, prune: float, lock: float, eps: float, delta: float) -> float:
        """Return C = n / factor, the constant that a required ``n`` implies in the published form."""
        return self.form.implied_constant(n, eps, delta, self.rates(prune, lock))

    def corrected_constant(self, n: float, prune: float, lock: float, eps: float, delta: float) -> float:
        """Return the constant that a required ``n`` implies in the form that stands (the published one if it does)."""
        form = self.corrected.form if self.corrected else self.form
        return form.implied_constant(n, eps, delta, self.rates(prune, lock))


def closed_form(rates: Rates) -> float:
    """Return the C of our closed form (:func:`theory.asymptotics.constant`), of which C log(1/min) suffices."""
    from theory.asymptotics import constant

    return constant(prune=rates.prune, lock=rates.lock, eps_0=0.5)


# a uniform form without a floor on log(1/min(delta, eps)) fails in the corner that theory.steps checks
CORNER = "as written it needs min(delta, eps) <= 1/2, see (7)"
