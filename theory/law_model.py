"""What is asked about numbers: their law, the rates, the alphabet, how far the targets reach; all checked."""

from dataclasses import dataclass
from math import inf, nextafter
from typing import TypedDict

from slt.core.checks import flag, positive, shown
from slt.core.laws import Law, Uniform, checked_law
from slt.core.rates import Rates
from theory.arguments import checked_rates
from theory.models import extent

SCAN_LIMIT = 4096  # larger n are not looked at


class Told(TypedDict):
    """What is handed on from one question to the others."""

    prune: float
    lock: float
    radius: float
    reading: str


@dataclass(frozen=True)
class Model:
    """Numbers of a law, their rates, the alphabet, and how far the targets reach; checked."""

    law: Law
    rates: Rates
    signed: bool
    radius: float

    @property
    def present(self) -> float | None:
        """The bound of a uniform law with choices from {0, 1}, which scaling makes the present one; else None."""
        return self.law.bound if isinstance(self.law, Uniform) and not self.signed else None


def model(law: Law | str, prune: float, lock: float, radius: float, signed: bool) -> Model:
    """Return the model of checked arguments."""
    law, rates, radius = checked_law(law), checked_rates(prune, lock), positive("radius", radius)
    far = 1000 * extent(law)
    if radius > far:
        raise ValueError(f"radius must be at most {far:g} for this law (tables grow with it), got {shown(radius)}")
    return Model(law, rates, flag("signed", signed), radius)


def scaled(w: float | None, eps: float, radius: float, *, outward: bool) -> tuple[float, float] | None:
    """Return eps/w and radius/w, rounded so that they ask more (outward) or less, or None beyond what theory takes."""
    if w is None:
        return None
    small, large = (0.0, inf) if outward else (inf, 0.0)
    found = (eps, radius) if w == 1 else (nextafter(eps / w, small), nextafter(radius / w, large))
    return found if 1e-100 < found[0] < 1 and 1e-100 < found[1] <= 1000 else None
