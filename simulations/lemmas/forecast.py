"""What a run will take, said before it starts: refused where no draw can be that large, announced where it is long."""

import sys
from collections.abc import Iterable
from math import ceil

from simulations.lemmas.bounded import DELTA, RATES, precisions
from simulations.lemmas.measure import Law, largest_n, planned_trials, seconds_per_trial
from slt.core.amounts import duration, size
from slt.core.rates import Rates
from subsetsum.memory import chain_bytes, likely_most_free, refuse_if_too_large
from subsetsum.sampling import COARSE_N
from theory.reach import gaussian_reach_n

WORTH_SAYING = 120.0  # seconds; the defaults take less
BOUNDS = 2e-3  # seconds that all bounds of one setting take for each variable, measured at 2000 to 8000 variables
TABLES = 3e8  # bytes of the bounds' tables, at their largest


def foreseen_n(eps: float, delta: float, law: Law) -> int:
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


def conclusions(law: Law) -> float:
    """Return about the seconds that the bounds take which a full report asks for beside the lemmas' own rows."""
    asked = [(eps, delta, law) for eps, delta in precisions()]
    asked += [(0.01, DELTA, Law(prune=prune, lock=lock, radius=law["radius"])) for prune, lock in RATES]
    return sum(BOUNDS * gaussian_reach_n(eps, delta, **each) for eps, delta, each in asked)


def announce(
    settings: Iterable[tuple[Law, float]], delta: float, *, trials: int | None, jobs: int, after: float = 0.0
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
    if seconds > WORTH_SAYING:
        print(  # noqa: T201
            f"Ahead: very roughly {duration(seconds)} and up to {size(memory + TABLES)}, for some {largest:,} "
            "variables a trial.",
            file=sys.stderr,
        )
