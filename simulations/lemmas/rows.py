"""The rows of the main job: one lemma, one reading and one eps each."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import inf, isfinite

import numpy as np
from numpy.typing import ArrayLike

from simulations.lemmas.bounds import statistical
from simulations.lemmas.curves import Curves
from simulations.lemmas.measure import Curve, CurveSetting, planned_trials
from simulations.lemmas.plan import Expectation, curve_of, plan
from simulations.lemmas.settings import Settings
from simulations.lemmas.verdicts import verdict
from slt.core.cache import current
from slt.core.intervals import Crossing, upper_limit
from slt.core.rates import READINGS, Rates
from slt.core.store import Row
from theory.claim import Claim
from theory.claims import CLAIMS

COVER_K = 100  # the statistical certificate counts uncovered draws of up to this many free uniforms
COARSEST = 0.999  # a curve has eps < 1; at eps / w beyond, coverage within this much is asked for, which is more
STATISTICAL_ERROR = (
    1e-12  # with which all statistical certificates of a run fail; a smaller error costs hardly anything
)


def row_of(
    settings: Settings, claim: Claim, reading: str, plan: Expectation, measured: Crossing, certified: int
) -> Row:
    """Return one row of the report."""
    constants = {
        end: None if n is None else _constant(claim, settings, plan.eps, n) for end, n in asdict(measured).items()
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
        "statistical": certified,
        "sufficient": plan.sufficient[reading],
        "constant": constants,
        "constant_refuted_to": _constant(claim, settings, plan.eps, plan.necessary[reading] - 1),
        "constant_proven_from": _constant(claim, settings, plan.eps, plan.sufficient[reading]),
        "trials": plan.curve.trials,
        "n_max": plan.curve.n_max,
        "verdict": verdict(
            plan.necessary[reading],
            measured,
            plan.sufficient[reading],
            all_targets=reading == "uniform",
        ),
    }


def _constant(claim: Claim, settings: Settings, eps: float, n: int) -> float | None:
    """Return the constant that ``n`` implies in the form that stands; None where no constant asks for so many."""
    found = claim.corrected_constant(max(n, 0), settings.prune, settings.lock, eps, settings.delta)
    return found if isfinite(found) else None


def cover_limits(covered: ArrayLike, trials: int, error: float) -> tuple[float, ...]:
    """Upper limits of P(k free uniforms on [-1, 1] leave part of it uncovered), k = 0, 1, .., all but for ``error``.

    covered: in how many of the trials they left none, for each k.
    """
    counts = np.asarray(covered)
    return tuple(upper_limit(trials - counts, trials, error / len(counts)).tolist())


class Maker:
    """What makes the rows of each lemma at each eps from curves that are being measured; what lemmas share is one."""

    def __init__(self, settings: Settings, curves: Curves) -> None:
        self._settings, self._curves = settings, curves
        # every different curve gives one interval a reading; all of them hold together
        different = {(claim.rates(settings.prune, settings.lock), eps) for claim in CLAIMS for eps in settings.eps}
        self._confidence = 1 - (1 - settings.confidence) / (len(different) * len(READINGS))
        # of statistical certificates, every eps has one, and every curve without locking
        self._error = STATISTICAL_ERROR / (len(settings.eps) + len(different))
        self._settled: dict[tuple[Rates, float], CurveSetting] = {}
        self._plans: dict[tuple[Rates, float], Expectation] = {}

    def work(self, claims: Sequence[Claim]) -> Iterator[None]:
        """Ask for the curves and do the theory of all rows, a piece at each step, curves first: nothing waits."""
        settings = self._settings
        for eps in settings.eps:
            if self._covered(eps) is None:
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
        certified = 1.0 if self._covered(eps) is not None else self._curves.share(self._covering(eps))
        return min(self._curves.share(setting), certified)

    def make(self, claim: Claim, eps: float) -> list[Row]:
        """Return the rows of a lemma at one eps, whose curves are measured."""
        settings = self._settings
        rates = claim.rates(settings.prune, settings.lock)
        ahead, law = self._plan(rates, eps), settings.rated(rates)
        limits = cover_limits(self._certified(eps), self._covering(eps).trials, self._error)
        found = self._curves.curve(ahead.curve)
        return [
            row_of(
                settings,
                claim,
                reading,
                ahead,
                found.crossing(reading, settings.delta, self._confidence),
                int(min(statistical(eps, settings.delta, law, reading, limits), self._measured_end(found, rates))),
            )
            for reading in READINGS
        ]

    def _measured_end(self, found: Curve, rates: Rates) -> float:
        """Return an n that suffices by the measured success itself: without locking success cannot fall with n.

        It is that of the uniform reading, which serves every single target, too. Infinite where there is none.
        """
        if rates.lock > 0:
            return inf
        end = found.crossing(READINGS[0], self._settings.delta, 1 - 2 * self._error).upper
        return inf if end is None else end

    def _plan(self, rates: Rates, eps: float) -> Expectation:
        if (rates, eps) not in self._plans:
            self._plans[rates, eps] = plan(self._settings, rates, eps)
        return self._plans[rates, eps]

    def _certified(self, eps: float) -> list[int]:
        """Return how many draws of 0, 1, .. free uniforms cover [-1, 1], for the statistical certificate."""
        known = self._covered(eps)
        if known is None:
            known = self._curves.curve(self._covering(eps)).uniform.tolist()
            current().put("covered", self._question(eps), known)
        return known

    def _covered(self, eps: float) -> list[int] | None:
        """Return the same from an earlier run, None where it is not known."""
        known = current().get("covered", self._question(eps))
        right = isinstance(known, list) and len(known) == COVER_K + 1 and max(known) <= self._covering(eps).trials
        return known if right and isinstance(known, list) else None

    def _question(self, eps: float) -> object:
        return [self._covering(eps).key, self._settings.seed]

    def _covering(self, eps: float) -> CurveSetting:
        """Return the curve of the statistical certificate at one eps."""
        from theory.statistical import measured_eps

        trials = self._settings.trials or planned_trials(COVER_K, eps)
        return CurveSetting(min(measured_eps(eps), COARSEST), 0.0, 0.0, 1.0, COVER_K, trials)
