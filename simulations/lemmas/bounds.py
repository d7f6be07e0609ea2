"""The bounds and the estimate of theory, each asked once: a run that is repeated finds them in the cache."""

from collections.abc import Sequence

from simulations.lemmas.measure import Law
from slt.core.cache import current


def necessary(eps: float, delta: float, law: Law, reading: str = "uniform") -> int:
    """Return :func:`theory.necessary.necessary_n`."""
    from theory.necessary import necessary_n

    question = [eps, delta, dict(law), reading]
    return current().ask("necessary", question, lambda: necessary_n(eps, delta, reading=reading, **law))


def estimated(eps: float, delta: float, law: Law, reading: str = "uniform") -> int:
    """Return :func:`theory.estimate.estimated_n`."""
    from theory.estimate import estimated_n

    question = [eps, delta, dict(law), reading]
    return current().ask("estimated", question, lambda: estimated_n(eps, delta, reading=reading, **law))


def sufficient(
    eps: float, delta: float, law: Law, reading: str = "uniform", cover_failure: Sequence[float] | None = None
) -> int:
    """Return :func:`theory.sufficient.sufficient_n`."""
    from theory.sufficient import sufficient_n

    def make() -> int:
        return sufficient_n(eps, delta, reading=reading, cover_failure=cover_failure, **law)

    limits = None if cover_failure is None else list(cover_failure)
    return current().ask("sufficient", [eps, delta, dict(law), reading, limits], make)
