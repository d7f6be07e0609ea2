"""The bounds and the estimate of theory, each asked once: a run that is repeated finds them in the cache."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from simulations.lemmas.measure import Rated, kept_name, named
from slt.core import laws
from slt.core.cache import current
from slt.core.keep import Groups, Share
from theory.estimate import SMALLEST_DELTA


def necessary(eps: float, delta: float, law: Rated, reading: str = "uniform") -> int:
    """Return :func:`theory.necessary.necessary_n`."""
    from theory.necessary import necessary_n

    question = [eps, delta, dict(law), reading]
    return current().ask("necessary", question, lambda: necessary_n(eps, delta, reading=reading, **law))


def estimated(eps: float, delta: float, law: Rated, reading: str = "uniform") -> int:
    """Return :func:`theory.estimate.estimated_n`."""
    from theory.estimate import estimated_n

    question = [eps, delta, dict(law), reading]
    return current().ask("estimated", question, lambda: estimated_n(eps, delta, reading=reading, **law))


def sufficient(eps: float, delta: float, law: Rated, reading: str = "uniform") -> int:
    """Return :func:`theory.sufficient.sufficient_n`."""
    from theory.sufficient import sufficient_n

    question = [eps, delta, dict(law), reading]
    return current().ask("sufficient", question, lambda: sufficient_n(eps, delta, reading=reading, **law))


def statistical(eps: float, delta: float, law: Rated, reading: str, limits: Sequence[float]) -> int:
    """Return :func:`theory.statistical.statistical_n`."""
    from theory.statistical import statistical_n

    question = [eps, delta, dict(law), reading, list(limits)]
    return current().ask("statistical", question, lambda: statistical_n(eps, delta, limits, reading=reading, **law))


# of other laws; None where no number is known


def law_necessary(eps: float, delta: float, law: Rated, reading: str, numbers: laws.Law, signed: bool) -> int | None:
    """Return :func:`theory.law_necessary.law_necessary_n`."""
    from theory.law_necessary import law_necessary_n

    def make() -> int | None:
        return law_necessary_n(eps, delta, law=numbers, signed=signed, reading=reading, **law)

    return _known("law necessary", [eps, delta, dict(law), reading, named(numbers), signed], make)


def law_estimated(eps: float, delta: float, law: Rated, reading: str, numbers: laws.Law, signed: bool) -> int | None:
    """Return :func:`theory.law_estimate.law_estimated_n`, None where there is no estimate."""
    from theory.law_estimate import law_estimated_n, unestimated

    def make() -> int | None:
        if unestimated(numbers, signed, delta):
            return None
        return law_estimated_n(eps, delta, law=numbers, reading=reading, **law)

    return _known("law estimated", [eps, delta, dict(law), reading, named(numbers), signed], make)


def law_sufficient(eps: float, delta: float, law: Rated, numbers: laws.Law, signed: bool) -> int | None:
    """Return :func:`theory.law_sufficient.law_sufficient_n`, which holds in both readings."""
    from theory.law_sufficient import law_sufficient_n

    def make() -> int | None:
        return law_sufficient_n(eps, delta, law=numbers, signed=signed, **law)

    return _known("law sufficient", [eps, delta, dict(law), named(numbers), signed], make)


# where what is kept is prescribed; None where no number is known


def kept_necessary(eps: float, delta: float, law: Rated, reading: str, keep: Share | Groups) -> int | None:
    """Return :func:`theory.kept_necessary.necessary_kept_n`."""
    from theory.kept_necessary import necessary_kept_n

    def make() -> int | None:
        return necessary_kept_n(eps, delta, keep, reading=reading, **law)

    return _known("kept necessary", [eps, delta, dict(law), reading, kept_name(keep)], make)


def kept_estimated(eps: float, delta: float, law: Rated, reading: str, keep: Share | Groups) -> int | None:
    """Return :func:`theory.kept_estimate.estimated_kept_n`, None where it cannot see failures as rare as delta."""
    from theory.kept_estimate import estimated_kept_n

    def make() -> int | None:
        if delta < SMALLEST_DELTA:
            return None
        return estimated_kept_n(eps, delta, keep, reading=reading, **law)

    return _known("kept estimated", [eps, delta, dict(law), reading, kept_name(keep)], make)


def kept_sufficient(eps: float, delta: float, law: Rated, keep: Share | Groups) -> int | None:
    """Return :func:`theory.kept_sufficient.sufficient_kept_n`, which holds in both readings; None without a bound."""
    from theory.arguments import NoBound
    from theory.kept_sufficient import sufficient_kept_n

    def make() -> int | None:
        with suppress(NoBound):
            return sufficient_kept_n(eps, delta, keep, **law)
        return None

    return _known("kept sufficient", [eps, delta, dict(law), kept_name(keep)], make)


def _known(what: str, question: object, make: Callable[[], int | None]) -> int | None:
    """Return an answer that may be None; the cache holds it as a list of one number or none."""
    known = current().get(what, question)
    if isinstance(known, list) and len(known) < 2:
        return known[0] if known else None
    made = make()
    current().put(what, question, [] if made is None else [made])
    return made
