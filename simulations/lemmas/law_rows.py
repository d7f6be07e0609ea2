"""The rows of the main job for numbers of another law: their rates, one reading and one eps each; no lemma is named."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from simulations.lemmas.bounds import law_estimated, law_necessary, law_sufficient
from simulations.lemmas.curves import Curves
from simulations.lemmas.measure import Curve, CurveSetting, largest_n, planned_trials
from simulations.lemmas.settings import Settings
from simulations.lemmas.verdicts import law_verdict
from slt.core.rates import READINGS, Rates
from slt.core.store import Row
from theory.claim import Claim
from theory.claims import CLAIMS
from theory.law_model import model
from theory.law_never import never_covered
from theory.law_requirement import law_notes

FEW = 64  # n_max where no number of variables suffices, or none that is asked about


def law_curve(settings: Settings, rates: Rates, eps: float) -> CurveSetting:
    """Ask theory, and fix n_max and the number of trials from its answers: nothing is chosen after looking.

    Where there is no estimate, n_max is half as much again as what is necessary, and 16 more.
    """
    asked = eps, settings.delta, settings.rated(rates)
    numbers = settings.numbers, settings.signed
    least = [law_necessary(*asked, reading, *numbers) for reading in READINGS]
    guess = [law_estimated(*asked, reading, *numbers) for reading in READINGS]
    n_max = FEW
    known = [n for n in least if n is not None]
    if known:
        guessed = [n for n in guess if n is not None]
        n_max = largest_n(max(known + guessed)) if guessed else 3 * max(known) // 2 + 16
    trials = settings.trials or planned_trials(n_max, eps, other=True)
    return CurveSetting(eps, **settings.rated(rates), n_max=n_max, trials=trials, law=numbers[0], signed=numbers[1])


def law_row(settings: Settings, rates: Rates, reading: str, setting: CurveSetting, curve: Curve, sure: float) -> Row:
    """Return one row of the report. sure: the confidence of its interval."""
    eps, delta, law = setting.eps, settings.delta, settings.rated(rates)
    numbers = settings.numbers, settings.signed
    necessary = law_necessary(eps, delta, law, reading, *numbers)
    sufficient = None if necessary is None else law_sufficient(eps, delta, law, *numbers)
    notes = law_notes(model(numbers[0], **law, signed=numbers[1]), eps, delta, necessary, sufficient)
    measured = curve.crossing(reading, delta, sure)
    counts = curve.uniform if reading == "uniform" else curve.pointwise.min(axis=1)
    return {
        "law": str(settings.numbers),
        "signed": settings.signed,
        "reading": reading,
        "eps": eps,
        "delta": delta,
        "prune": rates.prune,
        "lock": rates.lock,
        "radius": settings.radius,
        "necessary": necessary,
        "estimated": law_estimated(eps, delta, law, reading, *numbers),
        "measured": asdict(measured),
        "sufficient": sufficient,
        "unknown": {name: notes.get(name, "") for name in ("necessary", "estimated", "sufficient")},
        "successes": int(counts.max()),
        "trials": setting.trials,
        "n_max": setting.n_max,
        "verdict": law_verdict(
            necessary,
            measured,
            sufficient,
            successes=int(counts.max()),
            all_targets=reading == "uniform",
            impossible=never_covered(numbers[0], eps, settings.radius, signed=numbers[1]),
        ),
    }


class LawMaker:
    """What makes the rows of each rates at each eps, as :class:`simulations.lemmas.rows.Maker` those of a lemma."""

    _curve = staticmethod(law_curve)
    _row = staticmethod(law_row)

    def __init__(self, settings: Settings, curves: Curves) -> None:
        self._settings, self._curves = settings, curves
        different = {(claim.rates(settings.prune, settings.lock), eps) for claim in CLAIMS for eps in settings.eps}
        self._confidence = 1 - (1 - settings.confidence) / (len(different) * len(READINGS))
        self._settled: dict[tuple[Rates, float], CurveSetting] = {}

    def work(self, claims: Sequence[Claim]) -> Iterator[None]:
        """Ask for the curves and do the theory of all rows, a piece at each step, curves first: nothing waits."""
        settings = self._settings
        asked = [(claim.rates(settings.prune, settings.lock), eps) for claim in claims for eps in settings.eps]
        for rates, eps in asked:
            self._settled[rates, eps] = self._curve(settings, rates, eps)
            self._curves.start(self._settled[rates, eps])
            yield
        for rates, eps in asked:
            self._ahead(settings, rates, eps)
            yield

    def _ahead(self, settings: Settings, rates: Rates, eps: float) -> None:
        """Do the theory of a row that no curve needs."""
        law_sufficient(eps, settings.delta, settings.rated(rates), settings.numbers, settings.signed)

    def share(self, claim: Claim, eps: float) -> float:
        """Return which share of the trials for these rows is done, 1 when they can be made."""
        setting = self._settled.get((claim.rates(self._settings.prune, self._settings.lock), eps))
        return 0.0 if setting is None else self._curves.share(setting)

    def make(self, claim: Claim, eps: float) -> list[Row]:
        """Return the rows of the rates that a lemma speaks of at one eps, whose curve is measured."""
        rates = claim.rates(self._settings.prune, self._settings.lock)
        setting = self._settled[rates, eps]
        curve = self._curves.curve(setting)
        return [self._row(self._settings, rates, reading, setting, curve, self._confidence) for reading in READINGS]
