"""Do always-active second-layer neurons cancel first-layer kinks? Two inputs, target depth 2, all layers locked.

A source W3 relu(W2 relu(W1 x)) is to become a linear target w.x on the unit disc. A second-layer neuron whose kept
edges make it non-negative on the whole disc passes its inputs on unchanged, so the output holds each first-layer
neuron with the coefficient sum_j v_j c_jk: a subset sum over the always-active neurons j, which can be made 0 for the
neurons with a kink that no mask removes. This builds such masks and measures their error by running the masked source.
It is a search on random instances of one kind of target: nothing is proved by it, for other targets nothing is tried.
Three earlier designs were run and discarded (too few one-input neurons chosen, exact subsets of one sign only, other
widths); the present grid was fixed knowing their results, so read it as an exploration, not as a test.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.experiments.hole import CONFIDENCE, MEDIAN, median
from simulations.experiments.planar import Floats
from simulations.run.experiment import Experiment, each_setting
from simulations.run.runner import Work
from slt.core.console import table
from slt.core.forms import Numbers
from slt.core.keys import generator
from slt.core.store import Row
from slt.core.tables import Table
from subsetsum import best_subsets

TRIALS = 20
EXACT = 30  # numbers of each problem that are left to an exact best subset
POINTS = 4096  # directions at which the masked source is run

Bits = NDArray[np.bool_]


@dataclass(frozen=True)
class Setting:
    """Widths of the two hidden layers, and the rates of all three layers."""

    first: int
    second: int
    prune: float
    lock: float


SETTINGS = tuple(
    Setting(first, second, 0.1, lock) for lock in (0.1, 0.3) for first in (64, 512) for second in (100, 200, 400, 800)
)


@dataclass(frozen=True)
class Source:
    """Weights and states (-1 pruned, 0 free, 1 locked) of three layers: (N1, 2), (N2, N1), (N2,)."""

    values: tuple[Floats, Floats, Floats]
    states: tuple[NDArray[np.int8], NDArray[np.int8], NDArray[np.int8]]


@dataclass(frozen=True)
class Ticket:
    """Masks of the three layers; how many first-layer neurons keep a kink off the axes; how many neurons are stuck.

    A stuck neuron of the second layer has a locked output edge, and the masks tried make it neither always active nor
    silent.
    """

    masks: tuple[Bits, Bits, Bits]
    kinked: int
    stuck: int


def draw(setting: Setting, rng: np.random.Generator) -> tuple[Source, Floats]:
    """Return a source with iid uniform weights and iid states, and a target uniform on [-1, 1]^2."""
    shapes = (setting.first, 2), (setting.second, setting.first), (setting.second,)
    values = tuple(rng.uniform(-1, 1, shape) for shape in shapes)
    coins = [rng.random(shape) for shape in shapes]
    states = tuple(
        np.where(coin < setting.prune, -1, np.where(coin < setting.prune + setting.lock, 1, 0)).astype(np.int8)
        for coin in coins
    )
    return Source((values[0], values[1], values[2]), (states[0], states[1], states[2])), rng.uniform(-1, 1, 2)


def build(source: Source, target: Floats) -> Ticket:
    """Return masks that let always-active neurons cancel every first-layer kink and add up to the target."""
    a, c, v = source.values
    first, second, third = source.states
    neurons = np.arange(len(a))
    keep = first == 1
    # nothing locked: read one input, in turn
    alone = ~keep.any(axis=1) & (first[neurons, neurons % 2] == 0)
    keep[alone, neurons[alone] % 2] = True
    u = np.where(keep, a, 0.0)
    kinked = (u != 0).all(axis=1)
    reads = np.abs(u).argmax(axis=1)
    sign = np.sign(u[neurons, reads])
    blocks = {(i, s): np.flatnonzero(~kinked & (reads == i) & (sign == s)) for i in (0, 1) for s in (-1, 1)}
    # half of every block is chosen edge by edge; the rest makes neurons active
    helpers = {key: block[: len(block) // 2 + 1] for key, block in blocks.items()}
    choosable = kinked.copy()
    choosable[np.concatenate(list(helpers.values()))] = True

    # sums of first-layer neurons are linear between these rays: their sign is known from the rays
    angle = np.arctan2(a[kinked, 0], -a[kinked, 1])
    rays = np.concatenate([angle, angle + np.pi, np.arange(4) * np.pi / 2])
    sent = np.maximum(u @ np.stack([np.cos(rays), np.sin(rays)]), 0)

    up = (second == 1) | ((second == 0) & (c > 0) & ~choosable)
    down = (second == 1) | ((second == 0) & (c < 0))
    heard = third >= 0
    active = heard & ((c * up) @ sent >= 0).all(axis=1)
    silent = (third == 1) & ~active & ((c * down) @ sent <= 0).all(axis=1)
    stuck = (third == 1) & ~active & ~silent
    inner = np.where(silent[:, None], down, up)
    option = active[:, None] & (second == 0) & (c > 0) & choosable
    weight = v[:, None] * c * active[:, None]

    def solve(goal: float, members: NDArray[np.int_], size: Floats) -> None:
        """Choose edges to ``members`` so that sum of v c size over the kept ones comes near ``goal``."""
        part = weight[:, members] * size
        wanted = goal - part[inner[:, members] & active[:, None]].sum()
        rows, columns = np.nonzero(option[:, members])
        inner[rows, members[columns]] = near(wanted, part[rows, columns])

    for k in np.flatnonzero(kinked):
        solve(0.0, np.array([k]), np.ones(1))
    for (i, s), block in blocks.items():
        # the helpers answer for their whole block
        fixed = np.setdiff1d(block, helpers[i, s])
        size = np.abs(u[:, i])
        already = (weight[:, fixed] * size[fixed] * inner[:, fixed]).sum()
        solve(s * target[i] - already, helpers[i, s], size[helpers[i, s]])
    return Ticket((keep, inner, active | (third == 1)), int(kinked.sum()), int(stuck.sum()))


def near(wanted: float, values: Floats) -> Bits:
    """Return a subset whose sum is near ``wanted``: greedy while far away, then exact over numbers spread evenly."""
    kept = np.zeros(len(values), dtype=bool)
    # neighbours share a second-layer neuron, and so their sign
    exact = np.unique(np.linspace(0, len(values) - 1, min(EXACT, len(values))).astype(int))
    for at in np.setdiff1d(np.arange(len(values)), exact):
        if values[at] * wanted > 0 and abs(wanted) > 0.25:
            kept[at] = True
            wanted -= values[at]
    kept[exact] = best_subsets(targets=[wanted], values=values[exact], jobs=1)[1][0]
    return kept


def run_error(source: Source, ticket: Ticket, target: Floats) -> float:
    """Return the largest error of the masked source over ``POINTS`` directions of the unit circle.

    Raises ValueError when a mask drops a locked edge or keeps a pruned one.
    """
    for mask, states in zip(ticket.masks, source.states, strict=True):
        if (mask[states == -1]).any() or not mask[states == 1].all():
            raise ValueError("a mask must keep every locked edge and no pruned one")
    angle = (np.arange(POINTS) + 0.5) * (2 * np.pi / POINTS)
    x = np.stack([np.cos(angle), np.sin(angle)])
    w1, w2, w3 = (value * mask for value, mask in zip(source.values, ticket.masks, strict=True))
    return float(np.abs(w3 @ np.maximum(w2 @ np.maximum(w1 @ x, 0), 0) - target @ x).max())


def measure(setting: Setting, *, trials: int = TRIALS, seed: int = 0) -> Row:
    """Return one row: errors of all trials, their median with its interval, mean counts of kinked and stuck neurons."""
    errors, kinked, stuck = [], [], []
    for trial in range(trials):
        source, target = draw(setting, generator(seed, f"cancel/{setting}", trial))
        ticket = build(source, target)
        errors.append(run_error(source, ticket, target))
        kinked.append(ticket.kinked)
        stuck.append(ticket.stuck)
    return {"median": median(errors), "errors": errors, "kinked": kinked, "stuck": stuck}


def work(trials: int, seed: int) -> Work:
    """Return every setting's key and measurement."""
    counts = Numbers(0, shape=(trials,), whole=True)
    form = {"median": MEDIAN, "errors": Numbers(0, shape=(trials,)), "kinked": counts, "stuck": counts}
    return each_setting(SETTINGS, measure, trials, seed, form)


def tables(rows: Sequence[Row]) -> Iterator[Table]:
    """Yield the table of the grid; nothing is claimed, so nothing is refuted."""
    columns = ("lock", "first", "second", "kinked", "stuck", "median error", "99 % interval", "below 1e-3")
    cells = [
        (
            f"{row['lock']:g}",
            row["first"],
            row["second"],
            f"{np.mean(row['kinked']):.1f}",
            f"{np.mean(row['stuck']):.1f}",
            f"{row['median']['value']:.2g}",
            f"{row['median']['lower']:.2g} to {row['median']['upper'] or np.inf:.2g}",
            f"{sum(error < 1e-3 for error in row['errors'])}/{row['trials']}",
        )
        for row in rows
    ]
    yield table(f"Linear targets in sources of depth 3, {rows[0]['trials']} sources a setting", columns, cells)


main = Experiment(
    "cancel",
    __doc__,
    work,
    tables,
    trials=TRIALS,
    what="sources a setting",
    seeded="sources and targets",
    confidence=CONFIDENCE,
)
