"""What theory says of a curve before it is measured; n_max and the number of trials follow from it."""

from dataclasses import dataclass

from simulations.lemmas.bounds import estimated, necessary, sufficient
from simulations.lemmas.measure import CurveSetting, largest_n, planned_trials
from simulations.lemmas.settings import Settings
from slt.core.rates import READINGS, Rates


@dataclass(frozen=True)
class Expectation:
    """One curve to measure, and what theory says of it beforehand, per reading."""

    rates: Rates
    eps: float
    necessary: dict[str, int]
    reach_share: dict[str, float]
    estimated: dict[str, int]
    sufficient: dict[str, int]
    curve: CurveSetting


def curve_of(settings: Settings, rates: Rates, eps: float) -> CurveSetting:
    """Ask theory, and fix n_max and the number of trials from its answers: nothing is chosen after looking."""
    law = settings.rated(rates)
    bounds = necessary, estimated
    expected = [bound(eps, settings.delta, law, reading) for bound in bounds for reading in READINGS]
    n_max = largest_n(max(expected))
    return CurveSetting(eps, **law, n_max=n_max, trials=settings.trials or planned_trials(n_max, eps))


def plan(settings: Settings, rates: Rates, eps: float) -> Expectation:
    """Ask theory what it says of a curve and its rows."""
    law, delta = settings.rated(rates), settings.delta
    sizes = {reading: estimated(eps, delta, law, reading) for reading in READINGS}
    return Expectation(
        rates=rates,
        eps=eps,
        necessary={reading: necessary(eps, delta, law, reading) for reading in READINGS},
        reach_share={reading: reach_share(settings, rates, eps, reading, sizes[reading]) for reading in READINGS},
        estimated=sizes,
        sufficient={reading: sufficient(eps, delta, law, reading) for reading in READINGS},
        curve=curve_of(settings, rates, eps),
    )


def reach_share(settings: Settings, rates: Rates, eps: float, reading: str, n: int) -> float:
    """Return which share of the allowed failures is due to reach alone: all sums together end before the targets do.

    The rest is due to resolution: gaps between the sums. Taken at the estimated requirement ``n``.
    """
    from theory.reach import reach_pointwise, reach_uniform

    short = reach_uniform if reading == "uniform" else reach_pointwise
    return round(min(1.0, float(short([n], eps, rates, settings.radius)[0]) / settings.delta), 4)
