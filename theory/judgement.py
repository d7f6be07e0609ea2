"""What a verdict on a form is made of: the question, the witnesses, the judgement; and what all who judge share."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, inf, log

from slt.core.rates import Rates
from theory.expression import Expression
from theory.expression_tree import Node, symbols_in

PROVEN, REFUTED, OPEN = "proven", "refuted", "open"
UNIFORM, MIXTURE, PRODUCTS = "uniform", "uniform mixture", "products"
MODELS = (UNIFORM, MIXTURE, PRODUCTS)  # that are judged
MOVING = ("eps", "delta")
LEAST, MOST = 1e-12, 1e30  # between which constants are looked for
FAR = 100  # powers of ten
CORNER = "eps, delta -> 1"  # the direction of a refutation that min_at_most can leave out


@dataclass(frozen=True, slots=True)
class Witness:
    """A point at which the form with this C asks for fewer than are necessary.

    where: the point in words. asked: what the form gives there; needed: n must be at least this. Where that is None,
    success is a bound of the probability of success with the n that ``where`` names, below what is claimed.
    """

    C: float
    where: str
    asked: float
    needed: float | None
    success: float | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a form, and what it rests on.

    verdict: "proven", "refuted" or "open". constant: for a proven form, a C with which it suffices everywhere in its
    domain; constant_half: the same where min(delta, eps) <= 1/2. direction: for a refuted form, along which way every
    C fails. witnesses: points there. reason: one sentence. up_to: every C up to this is refuted; None: every C is.
    explicit: the form has a constant of its own and is judged as it stands, with C = 1 before it. elsewhere: for a form
    that is refuted near eps = delta = 1, the judgement where min(delta, eps) <= 1/2.
    """

    verdict: str
    reason: str
    constant: float | None = None
    constant_half: float | None = None
    direction: str = ""
    witnesses: tuple[Witness, ...] = ()
    up_to: float | None = None
    explicit: bool = False
    elsewhere: "Judgement | None" = None


@dataclass(frozen=True, slots=True)
class Question:
    """A form and what is said of its constant.

    rates: where a constant may depend on them; what a claim does not speak of is 0. reading: "uniform" or "pointwise".
    moving: the rates that the constant may not depend on, "p" and "q". least: the domain is min(delta, eps) <= least.
    model: one of MODELS; of a uniform mixture p is the weight of the other law, of products no rates are known.
    explicit: only C = 1 counts, because the form has a constant of its own.
    """

    form: Expression
    reading: str
    rates: Rates
    moving: frozenset[str] = frozenset()
    least: float = 1.0
    model: str = UNIFORM
    explicit: bool = False

    @property
    def fixed(self) -> dict[str, float]:
        """The rates as values of symbols."""
        return {"p": self.rates.prune, "q": self.rates.lock, "f": self.rates.free}


def multiple_of_constant(form: Expression) -> bool:
    """Say whether C is a factor of the form and stands nowhere else."""
    return holding_constant(form) == [("symbol", "C")] and ("symbol", "C") in form.factors()[0]


def holding_constant(form: Expression) -> list[Node]:
    """Return the factors of a form that hold C, above and below the line."""
    return [part for parts in form.factors() for part in parts if "C" in symbols_in(part)]


def logs_of(values: Mapping[str, float]) -> dict[str, float]:
    """Return the natural logarithm of each value."""
    return {name: log_of(value) for name, value in values.items()}


def log_of(x: float) -> float:
    """Return the natural logarithm, -inf of 0."""
    return log(x) if x > 0 else -inf


def far_shown(log_value: float) -> str:
    """Return exp(log_value) as text, also where it is no floating point number."""
    if log_value > -600:
        return f"{exp(log_value):.3g}"
    power = -log_value / log(10)
    return f"10^-{power:.0f}" if power < 1e6 else f"10^-({power:.3g})"
