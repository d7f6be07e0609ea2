"""What the explorer shows at a point between those of its grid: two proven numbers and an estimate.

A necessary number is taken from a grid point that is easier in every way (less pruned and locked, larger eps and
delta), a sufficient one from a grid point that is harder in every way; both stay proven, as
:mod:`simulations.experiments.explorer` shows. The estimate is interpolated. The page does the same in JavaScript
(explorer.js); the functions here are what it is tested against.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import exp, log
from pathlib import Path
from typing import Any

from slt.core.places import committed
from slt.core.store import Row, read_jsonl

RESULT = committed("simulations", "explorer.jsonl")
COMMAND = "slt simulate explorer --trials 100 --out FILE"
POWER = 1.5  # n f^POWER varies less over the rates than n, and is what is interpolated; f = 1 - p - q
QUANTILE = 0.95

Cell = tuple[int, int]  # numbers of the pruning and of the locking rate


@dataclass(frozen=True)
class Table:
    """The grid. steps: of each rate from 0 to 1; eps, delta: falling, so that later ones are harder.

    necessary, sufficient: for each (p, q) with p + q < 1, in the order of :meth:`cells`, rows over eps of numbers over
    delta; the best that any easier or harder point proves. guess_eps, guess_delta: those of the estimate and of
    reach's share of the failures at the estimated n.
    """

    steps: int
    eps: tuple[float, ...]
    delta: tuple[float, ...]
    guess_eps: tuple[float, ...]
    guess_delta: tuple[float, ...]
    necessary: list[list[list[int]]]
    sufficient: list[list[list[int]]]
    estimated: list[list[list[int]]]
    share: list[list[list[float]]]

    def cells(self) -> list[Cell]:
        """Return the rates of the grid in order."""
        return [(i, j) for i in range(self.steps) for j in range(self.steps - i)]

    def embedded(self) -> dict[str, Any]:
        """Return the grid as the page's script takes it."""
        return {
            "steps": self.steps, "power": POWER, "eps": self.eps, "delta": self.delta, "guessEps": self.guess_eps,
            "guessDelta": self.guess_delta, "necessary": self.necessary, "sufficient": self.sufficient,
            "estimated": self.estimated, "share": self.share,
        }  # fmt: skip


def table(rows: Iterable[Row]) -> Table:
    """Return the grid of the rows of kind "grid"."""
    rows = [row for row in rows if row["kind"] == "grid"]
    steps = 1 + round(1 / min(row["prune"] for row in rows if row["prune"] > 0)) - 1
    eps = tuple(sorted({row["eps"] for row in rows}, reverse=True))
    delta = tuple(rows[0]["delta"])
    at = {(round(row["prune"] * steps), round(row["lock"] * steps), row["eps"]): row for row in rows}
    cells = [(i, j) for i in range(steps) for j in range(steps - i)]
    guesses = [e for e in eps if any(n is not None for n in at[0, 0, e]["estimated"])]
    chosen = [k for k, n in enumerate(at[0, 0, guesses[0]]["estimated"]) if n is not None]

    def every(name: str) -> list[list[list[int]]]:
        return [[list(at[(*cell, e)][name]) for e in eps] for cell in cells]

    def guessed(name: str) -> list[list[list[Any]]]:
        return [[[at[(*cell, e)][name][k] for k in chosen] for e in guesses] for cell in cells]

    return Table(
        steps, eps, delta, tuple(guesses), tuple(delta[k] for k in chosen),
        _best(every("necessary"), cells, easier=True), _best(every("sufficient"), cells, easier=False),
        guessed("estimated"), guessed("reach_share"),
    )  # fmt: skip


def _best(values: list[list[list[int]]], cells: Sequence[Cell], *, easier: bool) -> list[list[list[int]]]:
    """Return, at every point, the largest number of the easier points, or the smallest of the harder ones."""
    step, best = (-1, max) if easier else (1, min)
    place = {cell: index for index, cell in enumerate(cells)}
    found = [[list(line) for line in block] for block in values]
    order = cells if easier else list(reversed(cells))
    for i, j in order:
        own = found[place[i, j]]
        es, ds = range(len(own)), range(len(own[0]))
        for e, d in product(es if easier else reversed(es), ds if easier else reversed(ds)):
            around = [found[place[c]][e][d] for c in ((i + step, j), (i, j + step)) if c in place]
            around += [own[e + step][d]] if 0 <= e + step < len(own) else []
            around += [own[e][d + step]] if 0 <= d + step < len(own[0]) else []
            own[e][d] = best(own[e][d], *around) if around else own[e][d]
    return found


@dataclass(frozen=True)
class Found:
    """What the explorer shows at a point.

    sufficient is None where no grid point is harder. easier, harder: (p, q, eps, delta) of the grid points that the
    proven numbers are taken from. share: of the failures at the estimated n that is a lack of reach.
    """

    necessary: int
    estimated: int
    sufficient: int | None
    easier: tuple[float, float, float, float]
    harder: tuple[float, float, float, float] | None
    share: float


def look(grid: Table, prune: float, lock: float, eps: float, delta: float) -> Found:
    """Return what the explorer shows; the arguments must lie within the grid, or it raises ValueError."""
    if not (prune >= 0 and lock >= 0 and prune + lock <= (grid.steps - 1) / grid.steps + 1e-9):
        raise ValueError(f"prune and lock must be at least 0 and together at most {(grid.steps - 1) / grid.steps:g}")
    if not (grid.eps[-1] <= eps <= grid.eps[0] and grid.delta[-1] <= delta <= grid.delta[0]):
        raise ValueError(f"eps and delta must lie within the grid, got {eps:g} and {delta:g}")
    place = {cell: index for index, cell in enumerate(grid.cells())}
    low = below(grid.steps, prune), below(grid.steps, lock)
    high = above(grid.steps, prune), above(grid.steps, lock)
    e, d = easier(grid.eps, eps), easier(grid.delta, delta)
    E, D = harder(grid.eps, eps), harder(grid.delta, delta)
    there = place.get(high)
    return Found(
        grid.necessary[place[low]][e][d],
        round(exp(_between(grid, place, grid.estimated, prune, lock, eps, delta, scaled=True))),
        None if there is None else grid.sufficient[there][E][D],
        (low[0] / grid.steps, low[1] / grid.steps, grid.eps[e], grid.delta[d]),
        None if there is None else (high[0] / grid.steps, high[1] / grid.steps, grid.eps[E], grid.delta[D]),
        _between(grid, place, grid.share, prune, lock, eps, delta, scaled=False),
    )


def below(steps: int, rate: float) -> int:
    """Return the number of the largest rate of the grid that is at most this one."""
    return max(i for i in range(steps) if i / steps <= rate)


def above(steps: int, rate: float) -> int:
    """Return the number of the smallest rate of the grid that is at least this one; ``steps`` where there is none."""
    return next((i for i in range(steps) if i / steps >= rate), steps)


def easier(falling: Sequence[float], value: float) -> int:
    """Return the number of the smallest grid value that is at least this one."""
    return max(k for k, x in enumerate(falling) if x >= value)


def harder(falling: Sequence[float], value: float) -> int:
    """Return the number of the largest grid value that is at most this one."""
    return min(k for k, x in enumerate(falling) if x <= value)


def weights(falling: Sequence[float], value: float) -> list[tuple[int, float]]:
    """Return the two grid values around this one and their weights, linear in the logarithm."""
    left = min(easier(falling, value), len(falling) - 2)
    part = log(value / falling[left]) / log(falling[left + 1] / falling[left])
    return [(left, 1 - part), (left + 1, part)]


def corners(steps: int, prune: float, lock: float) -> list[tuple[Cell, float]]:
    """Return the corners of the triangle of grid rates around these rates, and their weights.

    The squares of the grid are cut along p + q = const, over which n varies least.
    """
    i, j = below(steps, prune), below(steps, lock)
    x, y = steps * prune - i, steps * lock - j
    if x + y <= 1 or i + j + 2 >= steps:  # the far corner of the outermost squares is no point of the grid
        found = [((i, j), 1 - x - y), ((i + 1, j), x), ((i, j + 1), y)]
    else:
        found = [((i + 1, j + 1), x + y - 1), ((i, j + 1), 1 - x), ((i + 1, j), 1 - y)]
    return [(cell, weight) for cell, weight in found if weight > 1e-9 and sum(cell) < steps]


def _between(
    grid: Table, place: dict[Cell, int], values: Any, prune: float, lock: float, eps: float, delta: float, *,
    scaled: bool,
) -> float:  # fmt: skip
    """Return the interpolated share or, ``scaled``, the interpolated log n."""
    total = 0.0
    for (i, j), weight in corners(grid.steps, prune, lock):
        for (e, of_eps), (d, of_delta) in product(weights(grid.guess_eps, eps), weights(grid.guess_delta, delta)):
            value = values[place[i, j]][e][d]
            if scaled:
                value = log(value) + POWER * log(1 - (i + j) / grid.steps)
            total += weight * of_eps * of_delta * value
    return total - POWER * log(1 - (prune + lock)) if scaled else total


@dataclass(frozen=True)
class Errors:
    """How the grid does at the random points: the largest error of the estimate, and below which 95 % of them lie, as
    shares; by how many times the proven numbers of the page are looser than those of ``slt n``, at the worst and for
    95 %; how many points there are, and at how many the grid has no sufficient number.
    """

    points: int
    largest: float
    usual: float
    necessary: tuple[float, float]
    sufficient: tuple[float, float]
    missing: int


def errors(grid: Table, rows: Iterable[Row]) -> Errors:
    """Return the errors at the points of the rows of kind "check"."""
    checks = [row for row in rows if row["kind"] == "check"]
    found = [(row, look(grid, row["prune"], row["lock"], row["eps"], row["delta"])) for row in checks]
    off = sorted(abs(each.estimated / row["estimated"] - 1) for row, each in found)
    less = sorted(row["necessary"] / each.necessary for row, each in found)
    more = sorted(each.sufficient / row["sufficient"] for row, each in found if each.sufficient is not None)
    return Errors(
        len(checks), off[-1], _usual(off), (less[-1], _usual(less)), (more[-1], _usual(more)), len(found) - len(more)
    )


def _usual(rising: Sequence[float]) -> float:
    return rising[min(int(QUANTILE * len(rising)), len(rising) - 1)]


def rows(path: Path = RESULT) -> list[Row]:
    """Return the rows that the explorer is made of."""
    return read_jsonl(path)
