"""Required numbers over a grid of rates, eps and delta, which the explorer looks up, and random points to check it.

Why a number of the grid is proven between its points, too. Take the same random numbers for two settings. Pruning or
locking more of them turns free ones into pruned or locked ones, so every choice of the harder setting is one of the
easier; a smaller eps asks more of the same choice; a smaller delta asks for it more often. So at every n a setting with
larger p and q and smaller eps fails at least as often. An n that is proven to fail more often than delta in an
easier setting does so in a harder one with a smaller delta; an n that is proven to be enough in a harder setting is
enough in an easier one.

Two kinds of rows. *grid*: over all delta at one p, q and eps; the estimate at fewer points, since it may be
interpolated. *check*: the three numbers at random points between those of the grid. About five minutes on one core.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import exp, log
from typing import Any

from simulations.run.experiment import Experiment
from simulations.run.runner import Work
from slt.core.forms import Form, Numbers
from slt.core.keys import generator
from slt.core.rates import Rates
from slt.core.store import Row
from theory.estimate import estimated_n
from theory.necessary import necessary_n
from theory.reach import reach_uniform
from theory.sufficient import sufficient_n

STEPS = 5  # of each rate from 0 to 1
RATES = tuple((p / STEPS, q / STEPS) for p in range(STEPS) for q in range(STEPS - p))
EPS = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0001)
DELTAS = (0.2, 0.1, 0.05, 0.02, 0.01)
ESTIMATED = ((0.1, 0.01, 0.001, 0.0001), (0.2, 0.05, 0.01))  # eps and delta at which the grid has an estimate
POINTS = 1000
SHARED = 20
CONFIDENCE = 0.99  # of no interval: every experiment names one


@dataclass(frozen=True)
class Setting:
    """The rates and the precision of a row of the grid."""

    prune: float
    lock: float
    eps: float


GRID = tuple(Setting(p, q, eps) for p, q in RATES for eps in EPS)


def grid(setting: Setting) -> Row:
    """Return, for every delta: the necessary, estimated and sufficient n, and reach's share of the failures there."""
    known: dict[str, Any] = {"prune": setting.prune, "lock": setting.lock}
    estimated: list[int | None] = []
    shares: list[float | None] = []
    for delta in DELTAS:
        n = share = None
        if setting.eps in ESTIMATED[0] and delta in ESTIMATED[1]:
            n = estimated_n(setting.eps, delta, **known)
            short = reach_uniform([n], setting.eps, Rates(**known), 1.0)[0]
            share = round(min(1.0, float(short) / delta), 4)
        estimated.append(n)
        shares.append(share)
    return {
        "delta": list(DELTAS),
        "necessary": [necessary_n(setting.eps, delta, **known) for delta in DELTAS],
        "estimated": estimated,
        "sufficient": [sufficient_n(setting.eps, delta, **known) for delta in DELTAS],
        "reach_share": shares,
    }


def check(index: int, seed: int) -> Row:
    """Return a random point within the grid and its necessary, estimated and sufficient n.

    The rates are uniform on the triangle that the grid covers, eps and delta uniform in their logarithms. SHARED points
    in a row have one eps, because a new eps takes longer than a new point.
    """
    x = generator(seed, "explorer, eps", index // SHARED).random()
    first, second, y = generator(seed, "explorer, check", index).random(3)
    p, q = (first, second) if first + second <= 1 else (1 - first, 1 - second)
    most = 1 - 1 / STEPS
    law: dict[str, Any] = {
        "prune": round(most * float(p), 4),
        "lock": round(most * float(q), 4),
        "eps": float(f"{exp(log(EPS[-1]) + x * log(EPS[0] / EPS[-1])):.4g}"),
        "delta": float(f"{exp(log(DELTAS[-1]) + y * log(DELTAS[0] / DELTAS[-1])):.4g}"),
    }
    return {
        **law,
        "necessary": necessary_n(**law),
        "estimated": estimated_n(**law),
        "sufficient": sufficient_n(**law),
    }


N = Numbers(0, whole=True)


def form(kind: str) -> Form:
    """Return the form of a row."""
    if kind == "check":
        return {
            **dict.fromkeys(("prune", "lock", "eps", "delta"), Numbers(0, 1)),
            **dict.fromkeys(("necessary", "estimated", "sufficient"), N),
        }
    size = (len(DELTAS),)
    n = Numbers(0, shape=size, whole=True)
    return {
        "delta": Numbers(0, 1, size),
        "necessary": n,
        "estimated": Numbers(0, shape=size, whole=True, missing=True),
        "sufficient": n,
        "reach_share": Numbers(0, 1, size, missing=True),
    }


def work(trials: int, seed: int) -> Work:
    """Return every row's key and what makes it: the grid first, then ``trials`` random points."""
    return [
        *(({"kind": "grid", **asdict(setting)}, partial(grid, setting), form("grid")) for setting in GRID),
        *(({"kind": "check", "index": k}, partial(check, k, seed), form("check")) for k in range(trials)),
    ]


def tables(rows: Sequence[Row]) -> Iterator[str]:
    """Yield how many rows there are; the explorer shows them."""
    kinds = [row["kind"] for row in rows]
    yield ", ".join(f"{kinds.count(kind)} rows of {kind}" for kind in dict.fromkeys(kinds))


main = Experiment(
    "explorer",
    __doc__,
    work,
    tables,
    trials=POINTS,
    what="random points that check the grid",
    seeded="the random points",
    confidence=CONFIDENCE,
)
