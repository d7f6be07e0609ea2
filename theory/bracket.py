"""Which constants does a form leave open at single points, and how far is one constant from serving all of them?

At a point (eps, delta, p, q) let N be necessary and S be sufficient. The form with constant C is refuted there when it
asks for at most N - 1 numbers, and asks for no fewer than are proven when it asks for S or more. So the constant that
the point needs lies in a bracket, and over points that go far the brackets show how much one constant has to give away.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

from slt.core.laws import Product, Uniform
from slt.core.rates import Rates
from theory.claim import Claim, Form
from theory.judgement import MIXTURE, PRODUCTS, UNIFORM
from theory.law_necessary import law_necessary_n
from theory.law_sufficient import law_sufficient_n
from theory.necessary import necessary_n
from theory.refute import PRECISION
from theory.sufficient import sufficient_n

USUAL = (0.1, 0.05)
FREE = (0.5, 0.1, 1e-2, 1e-3, 1e-4)


@dataclass(frozen=True, slots=True)
class Bracket:
    """What one point says of the constant: refuted up to ``refuted_to``, proven from ``proven_from`` on.

    necessary, sufficient: the proven bounds of n there.
    """

    eps: float
    delta: float
    prune: float
    lock: float
    necessary: int
    sufficient: int
    refuted_to: float
    proven_from: float


Place = tuple[float, float, Rates]  # eps, delta and the rates


def places(claim: Claim, prune: float, lock: float) -> list[Place]:
    """Return the points at which a claim's form is looked at: first over precision, then over the rates.

    prune, lock: the user's rates, of which the claim takes those that it speaks of. Over the rates only where the
    constant may not depend on them. None for a mixture, whose other law is not known, and for a claim with a proof of
    its own, of which our bounds do not speak.
    """
    if claim.proof:
        return []
    if claim.model == MIXTURE:  # what is necessary depends on its other law
        return []
    usual = claim.rates(prune, lock)
    least = claim.corrected.min_at_most if claim.corrected else claim.min_at_most
    found = [(eps, delta, usual) for eps, delta in PRECISION]
    found += [(*USUAL, rates) for rates in _rates(claim, usual)]
    return [place for place in found if min(place[:2]) <= least]


def bracket(
    form: Form, reading: str, eps: float, delta: float, rates: Rates, *, model: str = UNIFORM
) -> Bracket | None:
    """Return the bracket at one point, for |z| <= 1; it takes some seconds. None where a bound is not known.

    model: "uniform", or "products" without rates.
    """
    least: int | None
    enough: int | None
    if model == PRODUCTS:
        law = Product(Uniform(), Uniform())
        least = law_necessary_n(eps, delta, law=law, reading=reading)
        enough = law_sufficient_n(eps, delta, law=law, reading=reading)
    else:
        least = necessary_n(eps, delta, prune=rates.prune, lock=rates.lock, reading=reading)
        enough = sufficient_n(eps, delta, prune=rates.prune, lock=rates.lock, reading=reading)
    if least is None or enough is None:
        return None
    return Bracket(
        eps,
        delta,
        rates.prune,
        rates.lock,
        least,
        enough,
        form.implied_constant(least - 1, eps, delta, rates),
        form.implied_constant(enough, eps, delta, rates),
    )


@dataclass(frozen=True, slots=True)
class Spread:
    """How far one constant is from serving all points.

    needed: (low, high), between which lies the smallest constant that serves all. least, most: the points at which the
    form needs the smallest and the largest constant. factor: (low, high) of the ratio between these two constants.
    """

    needed: tuple[float, float]
    least: Bracket
    most: Bracket
    factor: tuple[float, float]


def spread(points: Sequence[Bracket]) -> Spread:
    """Return the spread of one or more points."""
    low = max(point.refuted_to for point in points)
    high = max(point.proven_from for point in points)
    most = max(points, key=lambda point: point.refuted_to)
    least = min(points, key=lambda point: point.proven_from)
    at_least = max(1.0, low / least.proven_from) if least.proven_from else inf
    smallest = min(point.refuted_to for point in points)
    return Spread((low, high), least, most, (at_least, high / smallest if smallest else inf))


def _rates(claim: Claim, usual: Rates) -> Iterator[Rates]:
    """Yield rates that leave less and less free, along each rate that the constant may not depend on."""
    for name in ("p", "q"):
        spoken = claim.prunes if name == "p" else claim.locks
        if spoken and name not in claim.constant_depends_on:
            kept = usual.lock if name == "p" else usual.prune
            for free in FREE:
                moved = 1 - kept - free
                if moved >= 0:
                    yield Rates(moved, kept) if name == "p" else Rates(kept, moved)
