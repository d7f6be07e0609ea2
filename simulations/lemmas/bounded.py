"""Does the constant C of the lemmas stay bounded? Asked of bounds and estimates; nothing is measured here."""

from collections.abc import Iterator
from dataclasses import dataclass

from simulations.lemmas import bounds
from simulations.lemmas.measure import Rated
from slt.core.rates import searchable
from theory.lueker1998 import implied_constant
from theory.requirement import SMALLEST_DELTA

PRECISIONS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8)
DELTA = 0.05
RATES = ((0.0, 0.0), (0.4, 0.0), (0.8, 0.0), (0.95, 0.0), (0.0, 0.3), (0.0, 0.6), (0.0, 0.8), (0.4, 0.3), (0.2, 0.6))


@dataclass(frozen=True, slots=True)
class Constant:
    """The requirement at one setting and the constants n / log(1/min(delta, eps)) it implies."""

    eps: float
    delta: float
    prune: float
    lock: float
    necessary: int
    estimated: int | None
    sufficient: int

    @property
    def free(self) -> float:
        """Share f of free variables."""
        return searchable(self.prune, self.lock).free

    @property
    def constants(self) -> tuple[float | None, ...]:
        """C that is necessary, estimated (None where the estimate does not reach) and sufficient."""
        sizes = self.necessary, self.estimated, self.sufficient
        return tuple(None if n is None else implied_constant(n, self.eps, self.delta) for n in sizes)


def constant(eps: float, delta: float, prune: float, lock: float, radius: float) -> Constant:
    """Ask every bound and the estimate at one setting, uniform reading."""
    law = Rated(prune=prune, lock=lock, radius=radius)
    return Constant(
        eps=eps,
        delta=delta,
        prune=prune,
        lock=lock,
        necessary=bounds.necessary(eps, delta, law),
        estimated=bounds.estimated(eps, delta, law) if delta >= SMALLEST_DELTA else None,
        sufficient=bounds.sufficient(eps, delta, law),
    )


def precisions() -> Iterator[tuple[float, float]]:
    """Yield (eps, delta): eps shrinks alone, then eps and delta together."""
    yield from ((eps, DELTA) for eps in PRECISIONS)
    yield from ((eps, eps) for eps in PRECISIONS[1:])


def over_precision(prune: float, lock: float, radius: float) -> Iterator[Constant]:
    """Shrink eps alone, then eps and delta together."""
    for eps, delta in precisions():
        yield constant(eps, delta, prune, lock, radius)


def over_rates(eps: float, delta: float, radius: float) -> Iterator[Constant]:
    """Freeze more and more, by pruning, by locking and by both."""
    for prune, lock in RATES:
        yield constant(eps, delta, prune, lock, radius)
