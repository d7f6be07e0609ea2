"""What does freezing cost in width? The factor n(p, q) / n(0, 0), measured and predicted.

Subset sums: the smallest n of the constants grid (``simulations/results/constants.jsonl``), measured here where the
grid does not have it; predicted by the ratio of the necessary, the estimated and the proven n, and of the published
forms at equal constants. Built networks: the hidden neurons from which on the theorem's construction succeeds, of the
width sweep (``simulations/results/sweep.jsonl``); predicted by the ratio of the estimated, the proven and the
published widths, the last with the constant that makes them the measured ones of the dense source.

A ratio of two bounds is a prediction, no bound; rigorous is only that the factor lies between necessary n(p, q) over
proven n(0, 0) and proven n(p, q) over necessary n(0, 0). An interval wholly outside that refutes a bound.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from simulations.existence import sweep
from simulations.existence.sweep_tables import EVENTS, neurons
from simulations.experiments import constants
from simulations.experiments.factors_tables import summary, table
from simulations.run.engines import open_engine
from simulations.run.experiment import finish, options
from simulations.run.units import Engine
from slt.core import console
from slt.core.command import REFUTED
from slt.core.places import committed
from slt.core.rates import READINGS
from slt.core.store import Row, Store, read_jsonl
from theory.factors import width_factor
from theory.widths import published_widths

EPS = (0.1, 0.01, 0.001)
DELTA = 0.05
DENSE = (0.0, 0.0)
PAIRS = (
    DENSE, (0.2, 0.0), (0.4, 0.0), (0.6, 0.0), (0.0, 0.15), (0.0, 0.3), (0.0, 0.5), (0.2, 0.1), (0.2, 0.15), (0.2, 0.3),
    (0.25, 0.25), (0.4, 0.15), (0.6, 0.15), (0.4, 0.3), (0.2, 0.5),
)  # fmt: skip
SWEEP = committed("simulations", "sweep.jsonl")


def factor(part: Row, dense: Row) -> Row:
    """Return the ratio of two measured numbers and the interval that holds whenever both of theirs do.

    Ends that are unknown (None) leave an end of the ratio unknown; a lower end of 0 of the dense one too.

    >>> factor({"lower": 20, "value": 24, "upper": 30}, {"lower": 10, "value": 12, "upper": None})
    {'lower': None, 'value': 2.0, 'upper': 3.0}
    """

    def ratio(a: float | None, b: float | None) -> float | None:
        return None if a is None or not b else a / b

    return {
        "lower": ratio(part["lower"], dense["upper"]),
        "value": ratio(part["value"], dense["value"]),
        "upper": ratio(part["upper"], dense["lower"]),
    }


def curves(
    seed: int, trials: int | None, store: Store, engine: Engine | None, tick: Callable[[int], None]
) -> list[Row]:
    """Return the rows of the constants grid at ``DELTA`` of all pairs and precisions, in both readings.

    A row of the committed grid is taken when its seed (and its number of trials, if one is asked for) is the same; its
    interval holds with those of the whole grid at confidence 0.99, so with fewer all the more.
    """
    grid = [row for row in read_jsonl(constants.RESULT) if row["delta"] == DELTA and row["seed"] == seed]
    found: list[Row] = []
    for prune, lock in PAIRS:
        for eps in EPS:
            point = constants.Point(prune, lock, eps)
            kept = [row for row in grid if (row["prune"], row["lock"], row["eps"]) == (prune, lock, eps)]
            if not kept or trials not in (None, kept[0]["trials"]):
                fresh = constants.measured_rows(point, seed, store, engine, trials)
                kept = [row for row in fresh if row["delta"] == DELTA]
            found += kept
            tick(1)
    return found


def sums(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield a row for every pair but the dense one; rows: :func:`curves`."""
    keys = {(row["prune"], row["lock"], row["eps"], row["reading"]): row for row in rows}
    for row in rows:
        prune, lock, eps, reading = (row[name] for name in ("prune", "lock", "eps", "reading"))
        if (prune, lock) == DENSE:
            continue
        dense = keys[(*DENSE, eps, reading)]
        yield {
            "what": "subset sums", "prune": prune, "lock": lock, "eps": eps, "delta": DELTA, "reading": reading,
            "measured": row["measured"], "dense": dense["measured"],
            "factor": factor(row["measured"], dense["measured"]),
            "predicted": {
                "necessary": row["necessary"] / dense["necessary"],
                "estimated": width_factor("estimated", prune, lock, eps, DELTA, reading),
                "proven": row["sufficient"] / dense["sufficient"],
                "published": width_factor("published", prune, lock, eps, DELTA),
            },
            "bracket": [row["necessary"] / dense["sufficient"], row["sufficient"] / dense["necessary"]],
            "trials": row["trials"], "seed": row["seed"], "confidence": constants.CONFIDENCE,
        }  # fmt: skip


def networks(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield a row for every event and every pair but the dense one of each target of a width sweep.

    The measured number of hidden neurons lies above that of the last width shown to fail, and is at most that of the
    first from which on all are shown to succeed.
    """
    dense: dict[tuple[tuple[int, ...], float], Row] = {}
    for row in rows:
        target = tuple(row["sizes"]), row["eps"]
        if (row["prune"], row["lock"]) == DENSE:
            dense[target] = row
            continue
        for event in EVENTS:
            part, base = (_measured(one, event) for one in (row, dense[target]))
            yield {
                "what": "networks", "sizes": row["sizes"], "prune": row["prune"], "lock": row["lock"],
                "eps": row["eps"], "delta": row["delta"], "event": event, "measured": part, "dense": base,
                "factor": factor(part, base),
                "predicted": {
                    **{name: _planned(row, name) / _planned(dense[target], name) for name in ("estimated", "proven")},
                    "published": _published(row, base["value"]),
                },
                "trials": row["trials"], "seed": row["seed"], "confidence": row["confidence"],
            }  # fmt: skip


def _measured(row: Row, event: str) -> Row:
    ends = {"lower": "fails", "value": "value", "upper": "suffices"}
    found = {name: row["measured"][event][end] for name, end in ends.items()}
    return {name: None if at is None else neurons(row["sizes"], at["blocks"]) for name, at in found.items()}


def _planned(row: Row, name: str) -> int:
    return neurons(row["sizes"], row[name])


def _published(row: Row, dense: int | None) -> float | None:
    """Return the published widths' factor: A.1 for pruning alone, else A.4, with the C of ``dense`` hidden neurons."""
    if dense is None:
        return None
    setting = sweep.Setting(tuple(row["sizes"]), row["eps"], row["prune"], row["lock"])
    weights, eps, delta = setting.target(row["seed"]).weights, row["eps"], row["delta"]
    open_layers = (0.0,) * (setting.depth + 1)
    # without pruning rho is 0 and the form is linear in C
    C = dense / sum(published_widths(weights, eps, delta, 1.0, prune=open_layers))
    form = "pruned" if row["lock"] == 0 else "frozen"
    return float(np.sum(published_widths(weights, eps, delta, C, prune=setting.rates[0], form=form))) / dense


def refuted(row: Row) -> bool:
    """Tell whether the interval lies wholly outside what the proven bounds allow; networks have no lower bound."""
    if "bracket" not in row:
        return False
    low, high = row["bracket"]
    lower, upper = row["factor"]["lower"], row["factor"]["upper"]
    return (upper is not None and upper < low) or (lower is not None and lower > high)


def main(argv: Sequence[str] | None = None) -> int:
    """Gather and measure, print the tables, write a row a factor; exit 1 when a proven bound is refuted."""
    what = "trials a curve, also where the constants grid has another number"
    args = options(argv, "factors", __doc__, trials=None, what=what, seeded="the curves", jobs=True)
    total = len(PAIRS) * len(EPS)
    with open_engine(args, args.jobs) as crew, Store(args.store) as store, console.progress(total, "curves") as tick:
        measured = curves(args.seed, args.trials, store, crew, tick)
    rows = [*sums(measured), *networks(read_jsonl(SWEEP))]
    page = finish(args, rows)
    for part in (*READINGS, *EVENTS):
        chosen = [row for row in rows if part in (row.get("reading"), row.get("event"))]
        page.print(table(chosen, part), summary(chosen))
    wrong = sum(refuted(row) for row in rows)
    page.print(f"factors outside what the proven bounds allow: {wrong} of {sum('bracket' in row for row in rows)}")
    return REFUTED if wrong else 0
