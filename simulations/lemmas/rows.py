"""The rows of the main job: one lemma, one reading and one eps each."""

from collections.abc import Callable
from dataclasses import asdict
from functools import cache

import numpy as np

from simulations.lemmas.measure import Curve, Setting, measure, planned_trials
from simulations.lemmas.plan import Plan, plan
from simulations.lemmas.settings import Settings
from simulations.lemmas.verdicts import standing, verdict
from simulations.run.units import Engine
from slt.core.intervals import Crossing, upper_limit
from slt.core.rates import READINGS, Rates
from slt.core.store import Row, Store
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


Tick = Callable[[float], object]


def row_maker(settings: Settings, store: Store, engine: Engine) -> Callable[[Claim, float, Tick], list[Row]]:
    """Return the function that makes the rows of one lemma at one eps; what lemmas share is computed once.

    It tells its last argument of every part of the lemma's curve that is finished, 1 in all.
    """
    from theory.sufficient import sufficient_n

    # every different curve gives one interval a reading, every eps one certificate; all of them hold together
    curves = {(claim.rates(settings.prune, settings.lock), eps) for claim in CLAIMS for eps in settings.eps}
    intervals = len(curves) * len(READINGS) + len(settings.eps)
    confidence = 1 - (1 - settings.confidence) / intervals

    measured: dict[Setting, Curve] = {}

    def curve(setting: Setting, tick: Tick = lambda _: None) -> Curve:
        if setting in measured:
            tick(1)
        else:
            measured[setting] = measure(
                setting,
                seed=settings.seed,
                store=store,
                engine=engine,
                tick=lambda trials: tick(trials / setting.trials),
            )
        return measured[setting]

    @cache
    def planned(rates: Rates, eps: float) -> Plan:
        return plan(settings, rates, eps)

    @cache
    def certificate(eps: float) -> tuple[float, ...]:
        trials = settings.trials or planned_trials(COVER_K, eps)
        return cover_failure(curve(Setting(eps, 0.0, 0.0, 0.5, COVER_K, trials)), confidence)

    def make(claim: Claim, eps: float, tick: Tick) -> list[Row]:
        rates = claim.rates(settings.prune, settings.lock)
        ahead, law = planned(rates, eps), settings.law(rates)
        found = curve(ahead.curve, tick)
        return [
            row_of(
                settings,
                claim,
                reading,
                ahead,
                found.crossing(reading, settings.delta, confidence),
                sufficient_n(eps, settings.delta, reading=reading, cover_failure=certificate(eps), **law),
            )
            for reading in READINGS
        ]

    return make
