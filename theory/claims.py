"""The published lemmas as one tuple, :data:`CLAIMS`, that the command line, the tests and the README walk through.

Theorems 2.3 = A.1 and 3.3 = A.4 (widths of whole networks) rest on these lemmas and are not among them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp

from slt.core.rates import Rates, searchable
from theory import gadhikar2023, lueker1998, otsuka2024

READINGS = ("uniform", "pointwise")


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


def _log_form(sample_size: Callable[[float, float, float], float]) -> Form:
    return Form(
        "n >= C log(1/min(delta, eps))",
        lambda C, eps, delta, rates: sample_size(eps, delta, C),
        lambda n, eps, delta, rates: lueker1998.implied_constant(n, eps, delta),
    )


def _closed_form(rates: Rates) -> float:
    """Return the C of our closed form (:func:`theory.asymptotics.constant`), of which C log(1/min) suffices."""
    from theory.asymptotics import constant

    return constant(prune=rates.prune, lock=rates.lock, eps_0=0.5)


def _closed_form_corrected(rates: Rates) -> float:
    """Return the constant with which the corrected Lemma 2.2 asks for as many numbers as our closed form."""
    n = _closed_form(rates)  # at eps = delta = 1/e: both forms are multiples of log(1/min(delta, eps))
    return gadhikar2023.corrected_implied_constant(n, exp(-1), exp(-1), rates.prune)


# a uniform form without a floor on log(1/min(delta, eps)) fails in the corner that theory.steps checks
CORNER = "as written it needs min(delta, eps) <= 1/2, see (7)"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        key="2.1",
        title="dense",
        paper="Lueker 1998",
        number="Lemma 2.1",
        reading="uniform",
        hypotheses="nothing pruned or locked; C universal",
        statement="with probability >= 1 - delta every |z| <= 1 is within eps of a subset sum",
        prunes=False,
        locks=False,
        form=_log_form(lueker1998.sample_size),
        proven_constant=_closed_form,
        limit=CORNER,
    ),
    Claim(
        key="2.2",
        title="pruned",
        paper="Gadhikar et al. 2023",
        number="Lemma 2.2 (Lemma 2.4 there)",
        reading="pointwise",
        hypotheses="each number survives with probability p' = 1 - prune > 0; C universal",
        statement="with probability >= 1 - delta a fixed |z| <= 1 is within eps of a sum of survivors",
        prunes=True,
        locks=False,
        form=Form(
            "n >= C / log(1/(1-p')) * log(1/min(delta, eps))",
            lambda C, eps, delta, rates: gadhikar2023.sample_size(eps, delta, C, rates.prune),
            lambda n, eps, delta, rates: gadhikar2023.implied_constant(n, eps, delta, rates.prune),
        ),
        corrected=Correction(
            name="thinning form",
            form=Form(
                "n >= log(1/min(delta, eps)) / log(1/(1 - p' (1 - exp(-1/C))))",
                lambda C, eps, delta, rates: gadhikar2023.corrected_sample_size(eps, delta, C, rates.prune),
                lambda n, eps, delta, rates: gadhikar2023.corrected_implied_constant(n, eps, delta, rates.prune),
            ),
            trouble="its factor 1/log(1/(1-p')) tends to 0 as p' -> 1, so that every C ends by allowing fewer numbers"
            " than it takes to count log2(1/eps) bits",
            fails_from=gadhikar2023.published_form_fails,
        ),
        proven_constant=_closed_form_corrected,
    ),
    Claim(
        key="A.2",
        title="locked",
        paper="Otsuka et al. 2024",
        number="Lemma A.2 (Lemma 3.1)",
        reading="uniform",
        hypotheses="each number is locked with probability q < 1; C depends on q",
        statement="with probability >= 1 - delta every |z| <= 1 is within eps of a sum with all locked numbers in it",
        prunes=False,
        locks=True,
        form=_log_form(otsuka2024.sample_size_locked),
        proven_constant=_closed_form,
        limit=CORNER,
    ),
    Claim(
        key="A.3",
        title="frozen",
        paper="Otsuka et al. 2024",
        number="Lemma A.3 (Lemma 3.2)",
        reading="pointwise",
        hypotheses="each number is pruned with probability p or locked with probability q, p + q < 1;"
        " C depends on them",
        statement="with probability >= 1 - delta a fixed |z| <= 1 is within eps of a sum with all locked"
        " and no pruned numbers in it",
        prunes=True,
        locks=True,
        form=_log_form(otsuka2024.sample_size_frozen),
        proven_constant=_closed_form,
    ),
)
