"""The main job: hold each subset-sum lemma against what is necessary, estimated, measured and sufficient."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from common import checks, console
from common.cli import INTERRUPTED, explained
from common.cli import REFUTED as EXIT_REFUTED
from common.files import check_apart, check_writable, make_folder, store_files
from common.intervals import Crossing, upper_limit
from common.keys import checked_seed
from common.rates import Rates, searchable
from common.store import Row, Store, export_csv, export_json
from simulations.curves import READINGS, Curve, Law, Setting, largest_n, measure, planned_trials
from simulations.engine import Engine
from simulations.software import versions
from simulations.verdicts import REFUTED, overall, standing, verdict
from subsetsum.sampling import checked_radius
from theory.claims import CLAIMS, Claim

COVER_K = 100  # the statistical certificate counts uncovered draws of up to this many free uniforms


@dataclass(frozen=True)
class Settings:
    """Everything that the numbers of one run depend on. Raises ValueError when something is not allowed."""

    prune: float
    lock: float
    eps: tuple[float, ...]
    delta: float = 0.05
    radius: float = 1.0
    trials: int | None = None
    confidence: float = 0.99
    seed: int = 0

    def __post_init__(self) -> None:
        rates = searchable(self.prune, self.lock)
        clean = {
            "prune": rates.prune,
            "lock": rates.lock,
            "eps": tuple(checks.open_unit("eps", eps) for eps in self.eps),
            "delta": checks.open_unit("delta", self.delta),
            "radius": checked_radius(self.radius),
            "trials": None if self.trials is None else checks.whole("trials", self.trials, least=1),
            "confidence": checks.open_unit("confidence", self.confidence),
            "seed": checked_seed(self.seed),
        }
        for name, value in clean.items():
            object.__setattr__(self, name, value)
        if len(set(self.eps)) < len(self.eps):
            raise ValueError(f"eps must not repeat, got {' '.join(f'{eps:g}' for eps in self.eps)}")

    def law(self, rates: Rates) -> Law:
        """Return what every bound and estimate asks for, at these rates."""
        return Law(prune=rates.prune, lock=rates.lock, radius=self.radius)


@dataclass(frozen=True)
class Plan:
    """One curve to measure, and what theory says of it beforehand, per reading."""

    rates: Rates
    eps: float
    necessary: dict[str, int]
    reach_share: dict[str, float]
    estimated: dict[str, int]
    sufficient: dict[str, int]
    curve: Setting


def plan(settings: Settings, rates: Rates, eps: float) -> Plan:
    """Ask theory, and fix n_max and the number of trials from its answers: nothing is chosen after looking."""
    from theory.estimate import estimated_n
    from theory.necessary import necessary_n
    from theory.sufficient import sufficient_n

    law = settings.law(rates)
    necessary = {reading: necessary_n(eps, settings.delta, reading=reading, **law) for reading in READINGS}
    estimated = {reading: estimated_n(eps, settings.delta, reading=reading, **law) for reading in READINGS}
    n_max = largest_n(max(*estimated.values(), *necessary.values()))
    return Plan(
        rates=rates,
        eps=eps,
        necessary=necessary,
        reach_share={reading: reach_share(settings, rates, eps, reading, estimated[reading]) for reading in READINGS},
        estimated=estimated,
        sufficient={reading: sufficient_n(eps, settings.delta, reading=reading, **law) for reading in READINGS},
        curve=Setting(eps, **law, n_max=n_max, trials=settings.trials or planned_trials(n_max, eps)),
    )


def reach_share(settings: Settings, rates: Rates, eps: float, reading: str, n: int) -> float:
    """Return which share of the allowed failures is due to reach alone: all sums together end before the targets do.

    The rest is due to resolution: gaps between the sums. Taken at the estimated requirement ``n``.
    """
    from theory.reach import reach_pointwise, reach_uniform

    short = reach_uniform if reading == "uniform" else reach_pointwise
    return round(min(1.0, float(short([n], eps, rates, settings.radius)[0]) / settings.delta), 4)


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


def verify(settings: Settings, engine: Engine, *, json_file: str | None, out_dir: str | None) -> int:
    """Run the main job, print each lemma's table as it is finished, write what was asked for; return the exit code.

    After Ctrl-C the rows finished so far are shown and written, and the exit code is 130. With ``out_dir`` finished
    chunks of trials are kept in runs.sqlite there, and the same command goes on where it stopped. What a lost cluster
    raises ends the run at once; then the chunks are all that is kept. A figure that cannot be drawn is one line on
    standard error, and the exit code stays that of the verdicts.
    """
    from simulations import report
    from simulations.forecast import announce

    folder = None if out_dir is None else Path(out_dir)
    check_outputs(json_file, folder)  # now rather than after the work
    rates = dict.fromkeys(claim.rates(settings.prune, settings.lock) for claim in CLAIMS)
    laws = [(settings.law(each), eps) for each in rates for eps in settings.eps]
    announce(laws, settings.delta, trials=settings.trials, jobs=getattr(engine, "jobs", 1))
    done: list[Row] = []
    interrupted = False
    page = console.Page()
    with Store(folder / "runs.sqlite") if folder else Store() as store:
        make = row_maker(settings, store, engine)
        for claim in CLAIMS:
            first = len(done)
            try:
                with console.progress(len(settings.eps), f"Lemma {claim.key}") as advance:
                    for eps in settings.eps:
                        done += make(claim, eps, advance)
            except KeyboardInterrupt:
                interrupted = True
            if claim is CLAIMS[0]:
                report.header(page, settings)  # after the first work, so that bad input prints its one line only
            report.requirement_table(page, claim, done[first:])
            if interrupted:
                page.print("Interrupted: the rows above are finished, the others are missing.")
                break
    result = {"settings": asdict(settings), "versions": versions(), "command": command(settings), "rows": done}
    if json_file is not None:
        export_json(json_file, result)
    if folder:
        export_csv(folder / "requirement.csv", done)
        export_json(folder / "requirement.json", result)
        draw(done, folder, settings.confidence)
    if interrupted:
        return INTERRUPTED
    report.conclusions(page, settings, done)  # half a minute of theory, before which all rows are safe
    return EXIT_REFUTED if overall([row["verdict"] for row in done]) == REFUTED else 0


def check_outputs(json_file: str | None, folder: Path | None) -> None:
    """Make the folder; raise OSError where a file could not be written, ValueError where two would be one."""
    files: dict[str, list[Path]] = {}
    if folder is not None:
        make_folder(folder)
        files["a file in --out"] = [folder / f"requirement.{kind}" for kind in ("csv", "json", "png", "svg")]
        files["the run store in --out"] = store_files(folder / "runs.sqlite")
    if json_file is not None:
        files["--json"] = [Path(json_file)]
    for path in [*files.get("--json", []), *files.get("a file in --out", [])]:
        check_writable(path)
    check_apart(files)


def draw(rows: Sequence[Row], folder: Path, confidence: float) -> None:
    """Draw the rows into ``folder``; where that fails, say so on standard error and keep to the verdicts."""
    if not rows:
        return
    try:
        from figures import requirement

        requirement.render(rows, folder, confidence=confidence)
    except Exception as error:
        explained(error, "no figure")


def command(settings: Settings) -> str:
    """Return the command that makes these rows again, to the last bit."""
    words = ["python", "-m", "subsetsum.verify"]
    for name, value in asdict(settings).items():
        if isinstance(value, tuple):
            words += [f"--{name}", *(repr(part) for part in value)]
        elif value is not None:
            words += [f"--{name}", repr(value)]
    return shlex.join(words)
