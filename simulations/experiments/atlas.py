"""Numbers behind the figures of the theory: bounds, estimates and measured success on fixed grids of settings.

Four kinds of rows. *needs*: the required n over eps, delta and the rates, and what limits it. *success*: bounds,
estimate and measurement of the success probability along n. *cover*: how free variables alone cover [-1/2, 1/2], beside
the growth game. *widths*: plans of the existence theorem for a target of the digits' sizes. All of it takes about four
minutes on one core, most of it for the proven plans; no row is used to decide anything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations.lemmas.bounded import constant
from simulations.run.experiment import Experiment
from simulations.run.runner import Work
from slt.core.forms import Form, Numbers
from slt.core.intervals import lower_limit, upper_limit
from slt.core.keys import generator
from slt.core.rates import Rates
from slt.core.store import Row
from subsetsum import success_counts
from theory.estimate import estimated_success
from theory.existence import plan
from theory.game import GrowthGame, cover_failures
from theory.necessary import failure_at_least
from theory.reach import reach_uniform
from theory.sufficient import failure_at_most
from theory.widths import fitted_constants, published_widths

Floats = NDArray[np.float64]

CONFIDENCE = 0.99
TRIALS = 20_000
RADIUS = 1.0
DELTA = 0.05


@dataclass(frozen=True)
class Need:
    """How many variables?"""

    eps: float
    delta: float
    prune: float
    lock: float


NEEDS = tuple(
    dict.fromkeys(
        (
            *(Need(eps, DELTA, 0.4, 0.3) for eps in (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 1e-4, 1e-5, 1e-6)),
            *(Need(0.01, delta, 0.4, 0.3) for delta in (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 1e-3, 1e-4, 1e-5, 1e-6)),
            *(Need(0.01, DELTA, p / 10, q / 10) for p in range(10) for q in range(10 - p)),
            *(Need(0.01, DELTA, p, 0.0) for p in (0.95, 0.98)),
            Need(0.01, DELTA, 0.0, 0.95),
        )
    )
)


@dataclass(frozen=True)
class Curve:
    """How does success grow with n? At n = first, first + step, .. up to last."""

    eps: float
    prune: float
    lock: float
    first: int
    last: int
    step: int


CURVES = (
    Curve(0.01, 0.0, 0.0, 6, 44, 2),
    Curve(0.01, 0.4, 0.0, 8, 80, 4),
    Curve(0.01, 0.4, 0.3, 20, 280, 20),
)


@dataclass(frozen=True)
class Cover:
    """How do k free variables, k = 0 .. last, cover [-1/2, 1/2]?"""

    eps: float
    last: int


COVERS = (Cover(0.1, 45), Cover(0.01, 57), Cover(0.001, 70))
SPOTS = 17  # places z in [0, 1/2] at which hits are counted; the left half is a mirror image
LEFTS = (0.5, 0.35, 0.25, 0.17, 0.12, 0.08, 0.05, 0.03, 0.015, 0.005, 0.0015, 0.0)  # uncovered shares, falling
ROUNDING = 1e-9  # by which a share may leave [0, 1]
COARSE = 600  # grid points of the games for the mean


@dataclass(frozen=True)
class Widths:
    """How wide must the source of a target of these layer sizes be? Rates of all layers, but lock of layer 1: 0."""

    sizes: tuple[int, ...]
    eps: float
    delta: float
    prune: float
    lock: float


WIDTHS = tuple(
    Widths((64, 32, 10), 1.0, 0.1, p, q)
    for p, q in ((0.0, 0.0), (0.25, 0.0), (0.5, 0.0), (0.75, 0.0), (0.9, 0.0), (0.0, 0.15), (0.0, 0.3), (0.0, 0.5))
)


def needs(setting: Need) -> Row:
    """Return necessary, estimated and sufficient n, and the share of the estimated one's failures that is reach's."""
    found = constant(**asdict(setting), radius=RADIUS)
    row: Row = {"necessary": found.necessary, "estimated": found.estimated, "sufficient": found.sufficient}
    if found.estimated is not None:
        short = reach_uniform([found.estimated], setting.eps, Rates(setting.prune, setting.lock), RADIUS)[0]
        row["reach_share"] = round(min(1.0, float(short) / setting.delta), 4)
    return row


def success_along_n(setting: Curve, trials: int, seed: int) -> Row:
    """Return, along n, the bounds of the success probability, its estimate and its measurement with intervals.

    The intervals of all curves hold together with the experiment's confidence.
    """
    law: Row = {"eps": setting.eps, "prune": setting.prune, "lock": setting.lock}
    ns = list(range(setting.first, setting.last + 1, setting.step))
    counts = success_counts(ns[-1], trials=trials, seed=seed, radius=RADIUS, **law).uniform[ns]
    points = sum(len(range(curve.first, curve.last + 1, curve.step)) for curve in CURVES)
    alpha = (1 - CONFIDENCE) / 2 / points
    return {
        "n": ns,
        "lower_bound": _rounded([1 - failure_at_most(n, **law) for n in ns]),
        "upper_bound": _rounded([1 - failure_at_least(n, **law) for n in ns]),
        "estimated": _rounded([estimated_success(n, **law, seed=seed) for n in ns]),
        "measured": {
            "lower": _rounded(lower_limit(counts, trials, alpha)),
            "value": _rounded(counts / trials),
            "upper": _rounded(upper_limit(counts, trials, alpha)),
        },
    }


def cover(setting: Cover, trials: int, seed: int) -> Row:
    """Return, for k = 0 .. last free variables, what they leave uncovered of [-1/2, 1/2], and how often anything.

    uncovered: mean share U of [-1/2, 1/2] further than eps from every subset sum, measured at 17 places, and its bound:
    E U = int P(U > l) dl is at most the sum of (l_{i-1} - l_i) P(U > l_i) over falling l_i from l_0 = 1 to 0, and
    P(U > l) is at most the growth game's. The game starts from [-eps, eps], grows at half the product of covered and
    uncovered share (theory.game) and stops at a share l; at l = 0 it is that of cover_failures. failure: P(U > 0).
    """
    places = np.linspace(0, 0.5, SPOTS)
    counts = success_counts(setting.last, setting.eps, trials, radius=0.5, seed=seed, targets=places)
    missed = 1 - np.trapezoid(counts.pointwise / trials, places, axis=1) / 0.5
    anything = _padded(cover_failures(setting.eps, 1e-9), setting.last)
    bound = np.zeros(setting.last + 1)
    above = 1.0
    for left in LEFTS:
        tail = _game(2 * setting.eps, left, setting.last) if left else anything
        bound += (above - left) * tail
        above = left
    misses = trials - counts.uniform
    alpha = (1 - CONFIDENCE) / 2 / sum(cover.last + 1 for cover in COVERS)
    return {
        "uncovered": _rounded(missed),
        "uncovered_bound": _rounded(bound),
        "failure": {
            "lower": _rounded(lower_limit(misses, trials, alpha)),
            "value": _rounded(misses / trials),
            "upper": _rounded(upper_limit(misses, trials, alpha)),
        },
        "failure_bound": _rounded(anything),
    }


def widths(setting: Widths, seed: int) -> Row:
    """Return hidden widths for random weights on [-1, 1]: proven, estimated and as published.

    The published C, one for all rates, is the least with which the dense source is asked for the estimated widths.
    """
    rng = generator(seed, f"atlas, target {setting.sizes}")
    weights = tuple(rng.uniform(-1, 1, (b, a)) for a, b in pairwise(setting.sizes))
    depth = len(weights)
    prune, lock = (setting.prune,) * (depth + 1), (0.0, *(setting.lock,) * depth)
    dense = dict.fromkeys(("prune", "lock"), (0.0,) * (depth + 1))
    reference = plan(weights, setting.eps, setting.delta, **dense, widths="estimated").widths[1:-1]
    asked = partial(published_widths, weights, setting.eps, setting.delta)
    least = max(fitted_constants(reference, partial(asked, prune=dense["prune"])))
    row: Row = {
        kind: plan(weights, setting.eps, setting.delta, prune=prune, lock=lock, widths=kind).widths[1:-1]
        for kind in ("proven", "estimated")
    }
    return {**row, "published": _rounded(asked(least, prune=prune)), "constant": float(f"{least:.6g}")}


def _game(start: float, left: float, last: int) -> Floats:
    if start + left >= 1:
        return np.zeros(last + 1)
    return _padded(GrowthGame(start, left, 0.5, COARSE).failures(1e-9, last), last)


def _padded(table: Floats, last: int) -> Floats:
    """Entries 0 .. last of a non-increasing table of bounds: its last entry holds for every later one."""
    return table[np.minimum(np.arange(last + 1), len(table) - 1)]


def _rounded(values: ArrayLike) -> list[float]:
    return [float(f"{value:.6g}") for value in np.asarray(values)]


def form(setting: Need | Curve | Cover | Widths) -> Form:
    """Return the form of the row of a setting."""
    if isinstance(setting, Need):
        n = Numbers(0, whole=True, missing=True)
        return {"necessary": n, "estimated": n, "sufficient": n, "reach_share?": Numbers(0, 1)}
    if isinstance(setting, Curve):
        points = len(range(setting.first, setting.last + 1, setting.step))
        share = Numbers(-ROUNDING, 1 + ROUNDING, (points,))
        return {
            "n": Numbers(setting.first, setting.last, (points,), whole=True),
            **dict.fromkeys(("lower_bound", "upper_bound", "estimated"), share),
            "measured": dict.fromkeys(("lower", "value", "upper"), share),
        }
    if isinstance(setting, Cover):
        share, bound = (Numbers(-ROUNDING, most, (setting.last + 1,)) for most in (1 + ROUNDING, inf))
        return {
            "uncovered": share,
            "uncovered_bound": bound,
            "failure": dict.fromkeys(("lower", "value", "upper"), share),
            "failure_bound": bound,
        }
    hidden = (len(setting.sizes) - 1,)
    widths = Numbers(1, shape=hidden, whole=True)
    return {"proven": widths, "estimated": widths, "published": Numbers(0, shape=hidden), "constant": Numbers(0)}


def work(trials: int, seed: int) -> Work:
    """Return every row's key and what makes it, the quick ones first."""
    return [
        *(({"kind": "needs", **asdict(s)}, partial(needs, s), form(s)) for s in NEEDS),
        *(
            ({"kind": "success", **asdict(s), "trials": trials}, partial(success_along_n, s, trials, seed), form(s))
            for s in CURVES
        ),
        *(({"kind": "cover", **asdict(s), "trials": trials}, partial(cover, s, trials, seed), form(s)) for s in COVERS),
        *(({"kind": "widths", **asdict(s)}, partial(widths, s, seed), form(s)) for s in WIDTHS),
    ]


def tables(rows: Sequence[Row]) -> Iterator[str]:
    """Yield how many rows there are; figures show them."""
    kinds = [row["kind"] for row in rows]
    yield ", ".join(f"{kinds.count(kind)} rows of {kind}" for kind in dict.fromkeys(kinds))


main = Experiment(
    "atlas",
    __doc__,
    work,
    tables,
    trials=TRIALS,
    what="trials a curve",
    seeded="all measurements and targets",
    confidence=CONFIDENCE,
)
