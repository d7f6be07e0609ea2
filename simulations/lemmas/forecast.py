"""What a run will take, said before it starts: refused where no draw can be that large, announced where it is long."""

import sys
from collections.abc import Iterable
from math import ceil, sqrt

import numpy as np

from simulations.lemmas.bounded import DELTA, RATES, precisions
from simulations.lemmas.bounds import law_necessary
from simulations.lemmas.law_rows import FEW
from simulations.lemmas.measure import Rated, largest_n, planned_trials, seconds_per_trial
from simulations.lemmas.settings import Settings
from slt.core.amounts import duration, size
from slt.core.keep import step
from slt.core.rates import READINGS, Rates
from subsetsum.memory import chain_bytes, likely_most_free, refuse_if_too_large
from subsetsum.sampling import COARSE_N
from theory.reach import gaussian_reach_n

WORTH_SAYING = 120.0  # seconds; the defaults take less
BOUNDS = 2e-3  # seconds that all bounds of one setting take for each variable, measured at 2000 to 8000 variables
THEORY = 3.0  # seconds that the bounds of another law take for one setting, measured
BOUNDS_KEPT = 0.03  # the same where what is kept is prescribed, measured at 40 to 500 variables
MOST_KEPT = 1000  # variables, where what is kept is prescribed
TABLES = 3e8  # bytes of the bounds' tables, at their largest


def foreseen_n(eps: float, delta: float, law: Rated) -> int:
    """Return about the n that will be needed, by a normal law of the reach: within a few percent where n is large.

    Raises ValueError where that is more than can be drawn.
    """
    n = ceil(gaussian_reach_n(eps, delta, **law))
    if largest_n(n) > COARSE_N:
        raise ValueError(
            f"prune {law['prune']:g} and lock {law['lock']:g} need about {n:.2g} variables at radius "
            f"{law['radius']:g}, more than can be drawn (n_max = {COARSE_N}); the bounds of theory/ go further"
        )
    return n


def conclusions(law: Rated) -> float:
    """Return about the seconds that the bounds take which a full report asks for beside the lemmas' own rows."""
    asked = [(eps, delta, law) for eps, delta in precisions()]
    asked += [(0.01, DELTA, Rated(prune=prune, lock=lock, radius=law["radius"])) for prune, lock in RATES]
    return sum(BOUNDS * gaussian_reach_n(eps, delta, **each) for eps, delta, each in asked)


def announce(
    settings: Iterable[tuple[Rated, float]], delta: float, *, trials: int | None, jobs: int, after: float = 0.0
) -> None:
    """Say on standard error how long these laws and precisions will take, and how much memory, where it is long.

    after: seconds of what follows the measurements (:func:`conclusions`).
    Raises ValueError as :func:`foreseen_n` does, and for an eps whose sums memory would not hold.
    """
    seconds, memory, largest = after, 0.0, 0
    for law, eps in settings:
        n = foreseen_n(eps, delta, law)
        n_max = largest_n(n)
        count = planned_trials(n_max, eps) if trials is None else trials
        seconds += count * seconds_per_trial(n_max, eps) / jobs + 2 * BOUNDS * n
        free = likely_most_free(n_max, Rates(law["prune"], law["lock"]))
        chains = chain_bytes(free, eps, law["radius"])
        refuse_if_too_large("eps", eps, chains)  # as every trial would be
        memory = max(memory, jobs * chains)
        largest = max(largest, n)
    _say(seconds, memory, largest)


def _say(seconds: float, memory: float, n: int) -> None:
    if seconds > WORTH_SAYING:
        print(  # noqa: T201
            f"Ahead: very roughly {duration(seconds)} and up to {size(memory + TABLES)}, for some {n:,} "
            "variables a trial.",
            file=sys.stderr,
        )


def announce_law(settings: Settings, all_rates: Iterable[Rates], *, jobs: int) -> None:
    """Say the same of numbers of another law, as if they were uniform with the same second moment.

    Raises ValueError where nothing is known of the law or the radius is too large for it, where more variables are
    needed than are measured, and for an eps whose sums memory would not hold.
    """
    from subsetsum.laws import source
    from theory.law_model import SCAN_LIMIT, model
    from theory.law_never import why_never
    from theory.models import below, moment

    law, signed, radius = settings.numbers, settings.signed, settings.radius
    below(law, np.zeros(1), "lower")  # refuses a law that no bounds are known of
    bound = sqrt(3 * moment(law, 2))
    seconds, largest = 0.0, 0
    for rates in all_rates:
        told = settings.rated(rates)
        asked = model(law, **told, signed=signed)  # the limits of its arguments
        for eps in settings.eps:
            n = FEW
            if eps < radius and why_never(asked, eps, settings.delta) is None:
                scaled = Rated(prune=rates.prune, lock=rates.lock, radius=radius / bound)
                reached = gaussian_reach_n(min(eps / bound, 0.999), settings.delta, **scaled)
                n = ceil(reached / (2 if signed else 1))
            if n > SCAN_LIMIT:
                raise ValueError(
                    f"prune {rates.prune:g} and lock {rates.lock:g} need about {n:.2g} numbers of the law {law} at "
                    f"radius {radius:g}, more than are measured ({SCAN_LIMIT}); slt n asks the bounds alone"
                )
            least = law_necessary(eps, settings.delta, told, READINGS[0], law, signed)
            n_max = largest_n(max(n, least or 0))
            drawn = source(law, signed, n_max, rates, settings.seed, False)
            if drawn:
                drawn.ends(eps, radius)
                drawn.refuse("eps", eps, radius, jobs, chains=True)
            count = settings.trials or planned_trials(n_max, eps, other=True)
            seconds += count * seconds_per_trial(n_max, eps, other=True) / jobs + 5 * BOUNDS * n + THEORY
            largest = max(largest, n)
    _say(seconds, 0.0, largest)


def announce_kept(settings: Settings, all_rates: Iterable[Rates], *, jobs: int) -> None:
    """Say the same where choices keep a prescribed number of variables, by what choices of any size need.

    Raises ValueError where more variables are needed than are measured, and for an eps whose sums memory would not
    hold.
    """
    from subsetsum.kept import refuse

    unit = step(settings.kept)
    seconds, largest = 0.0, 0
    for rates in all_rates:
        law = settings.rated(rates)
        for eps in settings.eps:
            n = ceil(gaussian_reach_n(eps, settings.delta, **law))
            if n > MOST_KEPT:
                raise ValueError(
                    f"prune {rates.prune:g} and lock {rates.lock:g} need at least about {n:.2g} variables at radius "
                    f"{settings.radius:g}, more than are measured where what is kept is prescribed ({MOST_KEPT}); "
                    "slt n asks the bounds alone"
                )
            n_max = -(-largest_n(n) // unit) * unit
            refuse("eps", eps, settings.kept, n_max, likely_most_free(n_max, rates), settings.radius, jobs)
            count = settings.trials or planned_trials(n_max, eps, kept=True)
            seconds += count * seconds_per_trial(n_max, eps, kept=True) / jobs + BOUNDS_KEPT * n
            largest = max(largest, n)
    _say(seconds, 0.0, largest)
