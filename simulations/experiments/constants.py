"""Does the constant C stay bounded when it is measured? Its interval over a grid of eps, delta, prune and lock.

Each curve of success against n serves every delta, so a row costs no more than its eps. Longer than the main job:
about six minutes on two cores. The committed result is ``simulations/results/constants.jsonl``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache

from simulations.lemmas.measure import CurveSetting, Rated, largest_n, measure, measure_each, planned_trials
from simulations.lemmas.verdicts import CONTRADICTED, verdict
from simulations.run.engines import open_engine
from simulations.run.experiment import finish, options
from simulations.run.units import Engine
from slt.core import console
from slt.core.places import committed
from slt.core.rates import READINGS
from slt.core.store import Row, Store
from slt.core.tables import Table
from theory.estimate import estimated_n
from theory.lueker1998 import implied_constant
from theory.necessary import necessary_n
from theory.sufficient import sufficient_n

RATES = tuple((p, q) for q in (0.0, 0.15, 0.3, 0.5) for p in (0.0, 0.2, 0.4, 0.6) if p + q <= 0.8)
EPS = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
DELTAS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
RADIUS = 1.0
CONFIDENCE = 0.99
RESULT = committed("simulations", "constants.jsonl")


@dataclass(frozen=True)
class Point:
    """One curve of the grid."""

    prune: float
    lock: float
    eps: float


SETTINGS = tuple(Point(p, q, eps) for p, q in RATES for eps in EPS)


def law_at(point: Point) -> Rated:
    """Return what every bound, estimate and measurement at a point takes."""
    return Rated(prune=point.prune, lock=point.lock, radius=RADIUS)


@cache
def curve_at(point: Point, trials: int | None) -> CurveSetting:
    """Return the curve to measure at a point: n_max and, where ``trials`` is None, the sample size from theory."""
    law = law_at(point)
    n_max = largest_n(estimated_n(point.eps, min(DELTAS), **law))
    return CurveSetting(point.eps, **law, n_max=n_max, trials=trials or planned_trials(n_max, point.eps))


def measured_rows(point: Point, seed: int, store: Store, engine: Engine | None, trials: int | None) -> Iterator[Row]:
    """Yield a row for every delta and reading at one point of the grid."""
    setting, law = curve_at(point, trials), law_at(point)
    curve = measure(setting, seed=seed, store=store, engine=engine)
    # every interval of the whole grid holds together with the others
    confidence = 1 - (1 - CONFIDENCE) / (len(SETTINGS) * len(DELTAS) * len(READINGS))
    for delta in DELTAS:
        for reading in READINGS:
            measured = curve.crossing(reading, delta, confidence)
            necessary = necessary_n(point.eps, delta, reading=reading, **law)
            sufficient = sufficient_n(point.eps, delta, reading=reading, **law)
            constant = {
                end: None if n is None else round(implied_constant(n, point.eps, delta), 4)
                for end, n in asdict(measured).items()
            }
            yield {
                **asdict(point),
                "delta": delta,
                "radius": RADIUS,
                "reading": reading,
                "necessary": necessary,
                "measured": asdict(measured),
                "sufficient": sufficient,
                "constant": constant,
                "trials": setting.trials,
                "n_max": setting.n_max,
                "seed": seed,
                "verdict": verdict(necessary, measured, sufficient, all_targets=reading == "uniform"),
            }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the grid, print the range of C per (p, q), write the rows if asked; exit 1 when one is contradicted."""
    what = "trials a curve (default: 50000, fewer where a trial is expensive)"
    args = options(argv, "constants", __doc__, trials=None, what=what, seeded="the curves", jobs=True)
    rows: list[Row] = []
    with open_engine(args, args.jobs) as crew, Store(args.store) as store:
        settings = [curve_at(point, args.trials) for point in SETTINGS]
        with console.progress(sum(setting.trials for setting in settings), "trials") as tick:
            measure_each(settings, seed=args.seed, store=store, engine=crew, tick=tick)
        for point in SETTINGS:
            rows += measured_rows(point, args.seed, store, crew, args.trials)  # all of it is stored by now
    finish(args, rows).print(summary(rows))
    return int(any(row["verdict"] == CONTRADICTED for row in rows))


def summary(rows: Sequence[Row]) -> Table:
    """Return a table of the range of the measured C over eps and delta, for every (p, q), uniform reading."""
    cells = []
    for prune, lock in RATES:
        chosen = [
            row
            for row in rows
            if (row["prune"], row["lock"]) == (prune, lock) and row["reading"] == "uniform" and row["delta"] <= 0.1
        ]
        low = min(row["constant"]["lower"] for row in chosen)
        uppers = [row["constant"]["upper"] for row in chosen]
        high = None if None in uppers else max(uppers)
        cells.append(
            (
                f"{prune:g}",
                f"{lock:g}",
                f"{1 - prune - lock:.2g}",
                f"{low:.2f}",
                "?" if high is None else f"{high:.2f}",
                sum(row["verdict"] == CONTRADICTED for row in chosen),
            )
        )
    title = f"Range of the measured C, uniform, delta <= 0.1 (simultaneous confidence {CONFIDENCE:g})"
    return console.table(title, ("p", "q", "f", "C from", "C to", "contradicted rows"), cells)
