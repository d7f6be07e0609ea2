"""What does locking in the first layer cost? Best error against width, two inputs, target depth 1.

A source x -> W2 relu(W1 x) is to become a linear target w.x on the unit disc. Without locking in the first layer
(lock_first = 0) the construction of the proof makes every kept neuron a function of one input and picks output edges
by exact best subsets. With locking, some neurons keep a kink that no mask removes; the proven floor of each source
(theory/obstruction.py) says how far every mask stays away, and a linear program over mixtures of masks
(theory/obstruction_lp.py) proves a larger one. All masks are tried where they are few, otherwise
local searches show what can be reached; only the floors and the exhaustive search say what cannot. The same local
search runs without locking too, where the construction shows how much better the best mask may be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from simulations.experiments.planar import SILENT, Floats, Planar, descend, exhaustive
from simulations.run.experiment import Experiment, each_setting
from simulations.run.runner import Work
from slt.core.console import table
from slt.core.forms import Interval, Numbers, count
from slt.core.keys import generator
from slt.core.store import Row
from slt.core.tables import Table
from theory.obstruction import guaranteed_error, obstruction_probability, sup_error_floor
from theory.obstruction_lp import linear_program_floor

TRIALS = 40
CONFIDENCE = 0.99
KINDS = ("constructed", "searched", "exhausted", "floor", "program")
ROUNDING = 1e-9  # the sup errors of masks are computed in floating point, their floors are rounded down


@dataclass(frozen=True)
class Setting:
    """Width N of the first layer; ``prune`` in both layers, ``lock_first`` and ``lock_second`` in either."""

    width: int
    prune: float
    lock_first: float
    lock_second: float


SETTINGS = tuple(Setting(n, 0.1, q, 0.3) for q in (0.0, 0.3, 0.6) for n in (4, 8, 16, 32, 64, 128, 256))


def draw(setting: Setting, rng: np.random.Generator) -> tuple[Planar, Floats]:
    """Return a source with iid uniform weights and iid states, and a target uniform on [-1, 1]^2."""
    numbers = rng.uniform(-1, 1, (setting.width, 3))
    coin = rng.random((setting.width, 3))
    lock = np.array([setting.lock_first, setting.lock_first, setting.lock_second])
    states = np.where(coin < setting.prune, -1, np.where(coin < setting.prune + lock, 1, 0)).astype(np.int8)
    return Planar(numbers[:, :2], states[:, :2], numbers[:, 2], states[:, 2]), rng.uniform(-1, 1, 2)


def construct(source: Planar, target: Floats) -> NDArray[np.int_]:
    """Return the choices of the proof: neuron k reads input k mod 2 alone, output edges by best subsets.

    Neurons of weight u > 0 build w relu(x), those of u < 0 build -w relu(-x); both need the products c u to add up to
    w, locked output edges included. Raises ValueError when an edge of the first layer is locked.
    """
    from subsetsum import best_subsets

    if (source.states > 0).any():
        raise ValueError("the construction needs a first layer without locked edges")
    neurons = np.arange(len(source.values))
    reads = neurons % 2
    u = np.where(source.states[neurons, reads] == 0, source.values[neurons, reads], 0.0)
    choices = np.full(len(neurons), SILENT)
    for i in (0, 1):
        for sign in (-1, 1):
            block = np.flatnonzero((reads == i) & (np.sign(u) == sign))
            kept = best_subsets(
                targets=[target[i]], values=(source.outputs * u)[block], states=source.fates[block], jobs=1
            )[1][0]
            choices[block[kept]] = 1 + i
    return choices


def measure(setting: Setting, *, trials: int = TRIALS, seed: int = 0) -> Row:
    """Return one row: each trial's errors by kind (None where a kind does not apply) and their medians."""
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    least = []
    for trial in range(trials):
        rng = generator(seed, f"hole/{setting.width}/{setting.lock_first:g}", trial)
        source, target = draw(setting, rng)
        arrays = source_arrays(source, target)
        found["floor"].append(sup_error_floor(**arrays, relu_output=False))
        # both are proven; the program's can be smaller by its rounding alone
        found["program"].append(max(found["floor"][-1], linear_program_floor(**arrays).floor))
        reached = {"searched": descend(source, target, rng)[0]}
        if setting.lock_first == 0:
            reached["constructed"] = float(source.errors(construct(source, target)[None], target)[0])
        exhausted = exhaustive(source, target)
        if exhausted is not None:
            reached["exhausted"] = exhausted[0]
        for kind, error in reached.items():
            found[kind].append(error)
        least.append(min(reached.values()))
    # a kind that fits only some trials would be a biased sample
    complete = {kind: errors for kind, errors in found.items() if len(errors) == trials}
    return {
        "median": {kind: median(errors) for kind, errors in complete.items()},
        "errors": complete,
        "obstructed": sum(floor > 0 for floor in found["floor"]),
        "broken": broken(found["program"], least),
        "guaranteed": guaranteed_error(setting.width),
        "guaranteed_probability": obstruction_probability(setting.width, setting.lock_first, setting.lock_second),
    }


def source_arrays(source: Planar, target: Floats) -> dict[str, Any]:
    """Return a source and its target as the floors of theory take them."""
    return {
        "first_values": source.values,
        "first_states": source.states,
        "second_values": source.outputs,
        "second_states": source.fates,
        "target": target,
    }


def broken(floors: Sequence[float], least: Sequence[float]) -> int:
    """Count the sources of which some mask has a smaller error than the floor allows: none, if the proof is right."""
    return sum(floor > error + ROUNDING for floor, error in zip(floors, least, strict=True))


MEDIAN = Interval(Numbers(0, missing=True))  # the form of a row of :func:`median`


def median(errors: Sequence[float]) -> Row:
    """Return the median with the distribution-free interval between two order statistics."""
    ordered = np.sort(errors)
    n = len(ordered)
    # the number of errors below the true median is Bin(n, 1/2): the k-th smallest lies above it with P(Bin < k)
    k = int(binom.ppf((1 - CONFIDENCE) / 2, n, 0.5))
    ends = (ordered[k - 1], ordered[n - k]) if k >= 1 else (0.0, np.inf)
    lower, upper = (float(end) for end in ends)
    return {"lower": lower, "value": float(np.median(ordered)), "upper": upper if np.isfinite(upper) else None}


def work(trials: int, seed: int) -> Work:
    """Return every setting's key and measurement."""
    kinds = [
        kind if kind in ("searched", "floor", "program") else f"{kind}?" for kind in KINDS
    ]  # the others have limits
    form = {
        "median": dict.fromkeys(kinds, MEDIAN),
        "errors": dict.fromkeys(kinds, Numbers(0, shape=(trials,))),
        **dict.fromkeys(("obstructed", "broken"), count(trials)),
        "guaranteed": Numbers(0),
        "guaranteed_probability": Numbers(0, 1),
    }
    return each_setting(SETTINGS, measure, trials, seed, form)


def tables(rows: Sequence[Row]) -> Iterator[Table | str]:
    """Yield the table of the grid, and how many sources have a mask with a smaller error than their floor."""
    columns = ("lock_first", "width", *KINDS, "floor > 0", "guaranteed", "with prob.")
    cells = [
        (
            f"{row['lock_first']:g}",
            row["width"],
            *(f"{row['median'][kind]['value']:.2g}" if kind in row["median"] else None for kind in KINDS),
            f"{row['obstructed']}/{row['trials']}",
            f"{row['guaranteed']:.2g}" if row["guaranteed_probability"] > 0 else None,
            f"{row['guaranteed_probability']:.2f}" if row["guaranteed_probability"] > 0 else None,
        )
        for row in rows
    ]
    yield table(f"Median sup error over {rows[0]['trials']} sources, by width and locking", columns, cells)
    failures = sum(row["broken"] for row in rows)
    yield f"sources with a mask below a proven floor: {failures} of {sum(row['trials'] for row in rows)}"


main = Experiment(
    "hole",
    __doc__,
    work,
    tables,
    trials=TRIALS,
    what="sources a setting",
    seeded="sources, targets and searches",
    confidence=CONFIDENCE,
    refuted=lambda row: row["broken"] > 0,
)
