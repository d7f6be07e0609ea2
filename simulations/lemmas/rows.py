"""The rows of the main job: one lemma, one reading and one eps each."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np

from simulations.lemmas.curves import Curves
from simulations.lemmas.measure import Curve, Setting, planned_trials
from simulations.lemmas.plan import Plan, curve_of, plan
from simulations.lemmas.settings import Settings
from simulations.lemmas.verdicts import standing, verdict
from slt.core.intervals import Crossing, upper_limit
from slt.core.rates import READINGS, Rates
from slt.core.store import Row
from theory.claim import Claim
from theory.claims import CLAIMS

COVER_K = 100  # the statistical certificate counts uncovered draws of up to this many free uniforms


def row_of(settings: Settings, claim: Claim, reading: str, plan: Plan, measured: Crossing, statistical: int) -> Row:
    """Return one row of the report."""
    constants = {
        end: None if n is None else claim.corrected_constant(n, settings.prune, settings.lock, plan.eps, settings.delta)
        for end, n in asdict(measured).items()
    }
    return {
        "claim": claim.key,
        "reading": reading,
        "eps": plan.eps,
        "delta": settings.delta,
        "prune": plan.rates.prune,
        "lock": plan.rates.lock,
        "radius": settings.radius,
        "necessary": plan.necessary[reading],
        "reach_share": plan.reach_share[reading],
        "estimated": plan.estimated[reading],
        "measured": asdict(measured),
        "statistical": statistical,
        "sufficient": plan.sufficient[reading],
        "constant": constants,
        "trials": plan.curve.trials,
        "n_max": plan.curve.n_max,
        "verdict": verdict(
            plan.necessary[reading],
            measured,
            plan.sufficient[reading],
            all_targets=reading == "uniform",
            standing=standing(claim),
        ),
    }


def cover_failure(curve: Curve, confidence: float) -> tuple[float, ...]:
    """Upper limits of P(k free uniforms miss part of [-1/2, 1/2]) for k = 0..n_max, all at once with ``confidence``.

    The probability cannot rise with k (a further free variable may stay unused), so each limit serves all larger k.
    """
    limits = upper_limit(curve.trials - curve.uniform, curve.trials, (1 - confidence) / len(curve.uniform))
    return tuple(np.minimum.accumulate(limits).tolist())


class Maker:
    """What makes the rows of each lemma at each eps from curves that are being measured; what lemmas share is one."""

    def __init__(self, settings: Settings, curves: Curves) -> None:
        self._settings, self._curves = settings, curves
        # every different curve gives one interval a reading, every eps one certificate; all of them hold together
        different = {(claim.rates(settings.prune, settings.lock), eps) for claim in CLAIMS for eps in settings.eps}
        intervals = len(different) * len(READINGS) + len(settings.eps)
        self._confidence = 1 - (1 - settings.confidence) / intervals
        self._settled: dict[tuple[Rates, float], Setting] = {}
        self._plans: dict[tuple[Rates, float], Plan] = {}

    def work(self, claims: Sequence[Claim]) -> Iterator[None]:
        """Ask for the curves and do the theory of all rows, a piece at each step, curves first: nothing waits."""
        settings = self._settings
        for eps in settings.eps:
            self._curves.start(self._covering(eps))
            yield
        all_rates = list(dict.fromkeys(claim.rates(settings.prune, settings.lock) for claim in claims))
        for place in range(len(all_rates) + 1):
            for rates in all_rates[place : place + 1]:
                for eps in settings.eps:
                    self._settled[rates, eps] = curve_of(settings, rates, eps)
                    self._curves.start(self._settled[rates, eps])
                    yield
            for rates in all_rates[place - 1 : place] if place else ():
                for eps in settings.eps:
                    self._plan(rates, eps)
                    yield

    def share(self, claim: Claim, eps: float) -> float:
        """Return which share of the trials for these rows is done, 1 when they can be made."""
        setting = self._settled.get((claim.rates(self._settings.prune, self._settings.lock), eps))
        if setting is None:
            return 0.0
        return min(self._curves.share(setting), self._curves.share(self._covering(eps)))

    def make(self, claim: Claim, eps: float) -> list[Row]:
        """Return the rows of a lemma at one eps, whose curves are measured."""
        from theory.sufficient import sufficient_n

        settings = self._settings
        rates = claim.rates(settings.prune, settings.lock)
        ahead, law = self._plan(rates, eps), settings.law(rates)
        certificate = cover_failure(self._curves.curve(self._covering(eps)), self._confidence)
        found = self._curves.curve(ahead.curve)
        return [
            row_of(
                settings,
                claim,
                reading,
                ahead,
                found.crossing(reading, settings.delta, self._confidence),
                sufficient_n(eps, settings.delta, reading=reading, cover_failure=certificate, **law),
            )
            for reading in READINGS
        ]

    def _plan(self, rates: Rates, eps: float) -> Plan:
        if (rates, eps) not in self._plans:
            self._plans[rates, eps] = plan(self._settings, rates, eps)
        return self._plans[rates, eps]

    def _covering(self, eps: float) -> Setting:
        """Return the curve of the statistical certificate at one eps."""
        trials = self._settings.trials or planned_trials(COVER_K, eps)
        return Setting(eps, 0.0, 0.0, 0.5, COVER_K, trials)
