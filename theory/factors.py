"""How much wider a frozen source must be than a dense one, as the requirements of theory say.

The existence theorem replaces every target neuron by n(p, q) source neurons, n the requirement of the random subset
sum, so a frozen source is predicted to need the width factor n(p, q)/n(0, 0) of a dense one. The network's p and q are
taken for those of every layer.

**Radius.** A layer whose numbers are uniform on [-b, b] serves targets |w| <= R as the papers' numbers, uniform on
[-1, 1], serve |z| <= R/b: it has radius R/b. So the factor depends on how large the target's weights are, in units of
the source's largest. With targets |w| <= 1 and Kaiming uniform numbers, b = sqrt(6/fan_in), the radius is 1/b; with
targets no larger than the source's own weights it is 1. Both requirements of a factor have the same radius.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from types import MappingProxyType

from slt.core.cache import current
from slt.core.checks import one_of, open_unit
from slt.core.rates import searchable
from theory.arguments import checked_radius
from theory.claims import CLAIMS
from theory.estimate import estimated_n
from theory.necessary import necessary_n
from theory.sufficient import sufficient_n

EPS, DELTA = 0.01, 0.05
EVERY_EPS = (0.1, EPS, 0.001)  # over which predictions are said to vary
RADII = (1.0, 2.0, 5.0, 10.0, 20.0)  # at which they are compared

_REQUIREMENTS: Mapping[str, Callable[..., int]] = MappingProxyType(
    {"necessary": necessary_n, "estimated": estimated_n, "proven": sufficient_n}
)
LAWS = (*_REQUIREMENTS, "published")


def scaled(eps: float, radius: float) -> tuple[float, float]:
    """Return the (precision, radius) at which theory is asked for targets |z| <= radius, each within eps * radius.

    Below 1 the precision is eps * radius itself. From 1 on, where the bounds take no precision, it is 1/2, with the
    radius less by the difference. That changes no probability: |X| <= 1 and a precision of at least 1/2 leave no gap
    between the ends of the subset sums, so success means that the ends come within the precision of +-radius, and only
    radius - precision counts.
    Raises ValueError for eps outside (0, 1) and a radius outside :mod:`theory.arguments`.

    >>> scaled(0.01, 20), scaled(0.1, 20)
    ((0.2, 20.0), (0.5, 18.5))
    """
    radius = checked_radius(radius)
    precision = open_unit("eps", eps) * radius
    return (precision, radius) if precision < 1 else (0.5, radius - precision + 0.5)


@lru_cache(maxsize=2048)
def width_factor(
    law: str,
    prune: float,
    lock: float,
    eps: float = EPS,
    delta: float = DELTA,
    reading: str = "uniform",
    *,
    radius: float = 1.0,
) -> float:
    """Return n(prune, lock) / n(0, 0) by one of :data:`LAWS`, a prediction; a ratio of two bounds is no bound.

    radius: of the targets, in units of the largest random number. eps: the precision in units of the largest target, so
    that the precision in units of the largest random number is eps * radius (:func:`scaled`). Of numbers uniform on
    [-b, b] and targets |w| <= 1 this is the factor at radius 1/b; eps is then the precision of w.

    necessary, estimated, proven: of theory.necessary, theory.estimate and theory.sufficient. published: the lemmas' own
    forms with one C for all of them, the only reading in which they say a number: a pruned source follows Lemma 2.2,
    log(1/min(delta, eps)) / log(1/prune) in units of C, any other Lemmas 2.1, A.2 and A.3, log(1/min(delta, eps)). So
    it is 1 whenever something is locked, and 1/log(1/prune), below 1 up to prune = 1/e, when nothing is. (The lemmas
    let C depend on p and q in a way that is not given, and speak of radius 1 alone.)
    Raises ValueError for an unknown law, where nothing is free, where :func:`scaled` does, and for the published forms
    at another radius than 1.

    >>> [width_factor("published", p, q) for p, q in ((0, 0), (0.4, 0.3))], round(width_factor("published", 0.4, 0), 3)
    ([1.0, 1.0], 1.091)
    >>> width_factor("necessary", 0, 0.3) > width_factor("necessary", 0, 0.3, radius=10)
    True
    """
    law, rates = one_of("law", law, LAWS), searchable(prune, lock)
    prune, lock = rates.prune, rates.lock
    precision, distance = scaled(eps, radius)
    if law != "published":

        def needed(prune: float, lock: float) -> int:
            told = {"prune": prune, "lock": lock, "radius": distance, "reading": reading}
            make = partial(_REQUIREMENTS[law], precision, delta, **told)
            return current().ask(f"width factor, {law}", [precision, delta, told], make)

        return needed(prune, lock) / needed(0.0, 0.0)
    if radius != 1:
        raise ValueError(f"radius must be 1 for the published forms, which speak of no other, got {radius:g}")
    claims = {claim.key: claim for claim in CLAIMS}
    dense, frozen_form = claims["2.1"], claims["A.3" if lock > 0 else "2.2" if prune > 0 else "2.1"]
    return frozen_form.factor(prune, lock, eps, delta) / dense.factor(0, 0, eps, delta)
