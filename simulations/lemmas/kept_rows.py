"""The rows of the main job where choices keep a prescribed number of variables: one for each rates, reading and eps."""

from dataclasses import asdict

from simulations.lemmas.bounds import kept_estimated, kept_necessary, kept_sufficient
from simulations.lemmas.law_rows import FEW, LawMaker
from simulations.lemmas.measure import Curve, CurveSetting, largest_n, planned_trials
from simulations.lemmas.settings import Settings
from simulations.lemmas.verdicts import kept_verdict
from slt.core.keep import Groups, Share, step
from slt.core.rates import READINGS, Rates
from slt.core.store import Row
from theory.estimate import DRAWS, SMALLEST_DELTA
from theory.kept_necessary import MOST


def wanted(settings: Settings) -> Share | Groups:
    """Return what choices keep; raises ValueError where they keep any number."""
    if settings.kept is None:
        raise ValueError("the settings prescribe no number of kept variables")
    return settings.kept


def kept_curve(settings: Settings, rates: Rates, eps: float) -> CurveSetting:
    """Ask theory, and fix n_max and the number of trials from its answers: nothing is chosen after looking.

    n_max is a multiple of the group. Where there is no estimate, it is half as much again as what is necessary, and 16
    more; where no n is enough that theory looks at, 64 or the next multiple.
    """
    keep, unit = wanted(settings), step(settings.kept)
    asked = eps, settings.delta, settings.rated(rates)
    least = [kept_necessary(*asked, reading, keep) for reading in READINGS]
    known = [n for n in least if n is not None]
    n_max = FEW
    if known:
        guessed = [n for reading in READINGS if (n := kept_estimated(*asked, reading, keep)) is not None]
        n_max = largest_n(max(known + guessed)) if guessed else 3 * max(known) // 2 + 16
    n_max = -(-n_max // unit) * unit
    trials = settings.trials or planned_trials(n_max, eps, kept=True)
    return CurveSetting(eps, **settings.rated(rates), n_max=n_max, trials=trials, keep=keep)


def kept_row(settings: Settings, rates: Rates, reading: str, setting: CurveSetting, curve: Curve, sure: float) -> Row:
    """Return one row of the report. sure: the confidence of its interval."""
    eps, delta, law, keep = setting.eps, settings.delta, settings.rated(rates), wanted(settings)
    necessary = kept_necessary(eps, delta, law, reading, keep)
    estimated = None if necessary is None else kept_estimated(eps, delta, law, reading, keep)
    sufficient = None if necessary is None else kept_sufficient(eps, delta, law, keep)
    measured = curve.crossing(reading, delta, sure, step(keep))
    counts = curve.uniform if reading == "uniform" else curve.pointwise.min(axis=1)
    return {
        "keep": str(keep),
        "reading": reading,
        "eps": eps,
        "delta": delta,
        "prune": rates.prune,
        "lock": rates.lock,
        "radius": settings.radius,
        "necessary": necessary,
        "estimated": estimated,
        "measured": asdict(measured),
        "sufficient": sufficient,
        "unknown": notes(delta, necessary, estimated, sufficient),
        "successes": int(counts.max()),
        "trials": setting.trials,
        "n_max": setting.n_max,
        "verdict": kept_verdict(necessary, measured, sufficient, all_targets=reading == "uniform"),
    }


def notes(delta: float, necessary: int | None, estimated: int | None, sufficient: int | None) -> dict[str, str]:
    """Return by name why a number is not known, "" where it is.

    >>> notes(0.05, 9, 9, None)["sufficient"]
    'no bound is known'
    """
    if necessary is None:
        none = f"every n up to {MOST} is proven to fail more often than {delta:g}"
        return dict.fromkeys(("necessary", "estimated", "sufficient"), none)
    rare = f"no estimate: {DRAWS} draws cannot show failures rarer than {SMALLEST_DELTA:g}"
    guess = rare if delta < SMALLEST_DELTA else f"no n up to {MOST} that was looked at succeeds"
    return {
        "necessary": "",
        "estimated": guess if estimated is None else "",
        "sufficient": "no bound is known" if sufficient is None else "",
    }


class KeptMaker(LawMaker):
    """What makes the rows of each rates at each eps."""

    _curve = staticmethod(kept_curve)
    _row = staticmethod(kept_row)

    def _ahead(self, settings: Settings, rates: Rates, eps: float) -> None:
        kept_sufficient(eps, settings.delta, settings.rated(rates), wanted(settings))
