"""Constructed and found tickets side by side, at widths from below the estimated one to the proven one.

In every source (a seed, a width, rates) the ticket is built as the existence theorem's proof does, and tickets are
searched by Edge-Popup: by imitation of the target (mean squared error) and, where the target is a classifier, on
labels. Both have the same weights, the same pruned and locked edges, the same width. Searches are made at the built
ticket's own sparsity and with some shares of the free weights kept; "best" is the one with the least training loss.
Rates hold in all layers, but nothing is locked in the first, as the theorem asks. Widths are those of the sweep's path:
at t = 0 the estimated plan, at t = 1 the proven one.

How long is long enough? Tried once, beside the result, in the three dense sources of the random target at the estimated
width: ten times as many steps make the largest error now better, now worse (docs/results.md has the numbers).
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from simulations.existence.build import build
from simulations.existence.errors import certified_bound, collapsed
from simulations.existence.source import Source
from simulations.existence.sweep import GRID, path
from simulations.existence.target import accuracy, forward
from simulations.experiments.found import tables
from simulations.experiments.found.judge import apply, judge, masks_of
from simulations.experiments.found.targets import TARGETS, Exercise, problem
from simulations.run.engines import Threads
from simulations.run.experiment import Experiment
from simulations.run.runner import Work
from slt.core.forms import Form, Numbers, count
from slt.core.keys import key_words
from slt.core.store import Row, canonical
from slt.core.tables import Table
from theory.existence import Plan, plan

DELTA = 0.1
RATES = ((0.0, 0.0), (0.4, 0.0), (0.2, 0.1))
POSITIONS = (-1.0, -0.5, 0.0, 1.0)
SOURCES = 3
SHARES = (0.25, 0.05)  # of the free weights kept, tried beside the built ticket's own sparsity
LARGEST = 900_000  # weights of the largest source that is built and searched; wider ones are left out
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Setting:
    """A target, the rates of all source layers (but lock of layer 1: 0) and the position of the width on the path."""

    target: str
    prune: float
    lock: float
    t: float


SETTINGS = tuple(Setting(name, p, q, t) for name in TARGETS for p, q in RATES for t in POSITIONS)


def planned(setting: Setting, task: Exercise) -> tuple[Plan, tuple[float, ...], tuple[float, ...]]:
    """Return the plan of a setting's widths, and the rates of source layers 1 .. L + 1."""
    target = task.target
    depth = len(target.weights)
    prune, lock = (setting.prune,) * (depth + 1), (0.0, *(setting.lock,) * depth)
    make = partial(
        plan, target.weights, task.eps * GRID, DELTA, prune=prune, lock=lock, low=target.low, high=target.high
    )
    estimated, proven = (make(widths=name).blocks for name in ("estimated", "proven"))
    return make(widths=path(estimated, proven, setting.t)), prune, lock


def measure(task: Exercise, source: Source, precisions: tuple[float, ...]) -> Row:
    """Return how good the ticket is that is built in ``source``, and those that are found there."""
    from simulations.experiments.found.search import search, sparsity_at

    target = task.target
    ticket = build(source, target, precisions, engine=Threads(1))
    built = apply(source, masks_of(ticket))
    missed = 0
    for w, layer in zip(target.parted, ticket.layers, strict=True):
        missed += int(np.sum(np.abs(layer.weights - np.repeat(w, len(layer.weights) // len(w), axis=0)) > layer.eps))
    certified = certified_bound(ticket, target, collapsed(ticket)).certified
    row: Row = {
        "weights": source.parameters,
        "blocks": source.blocks,
        "eps": task.eps,
        "constructed": {**judge(task, built), "missed": missed, "certified": certified},
    }
    goals: dict[str, NDArray[np.generic]] = {"imitated": task.outputs}
    if task.labels is not None:
        goals["labelled"] = task.labels
        row["target accuracy"] = accuracy(forward(target.weights, target.inputs), target.labels)
    for name, goal in goals.items():
        row[name] = []
        for sparsity in (built.sparsity, *(sparsity_at(source, share) for share in SHARES)):
            masks, loss = search(source, task.steps, sparsity, task.inputs, goal, source.seed)
            row[name].append({**judge(task, apply(source, masks)), "loss": loss})
    return row


def form(task: Exercise, source: Source) -> Form:
    """Return the form of a row of :func:`measure`."""
    errors = {"sup": Numbers(0), "mean": Numbers(0)}
    judged: Form = {
        "sparsity": Numbers(0, 1),
        "violations": count(source.parameters),
        "training": errors,
        "test": errors,
    }
    labels = {}
    if task.labels is not None:
        judged["accuracy"] = Numbers(0, 1)
        labels = {"target accuracy": Numbers(0, 1), "labelled": [{**judged, "loss": Numbers(0)}]}
    return {
        "weights": Numbers(source.parameters, source.parameters, whole=True),
        "blocks": Numbers(1, shape=(len(source.blocks),), whole=True),
        "eps": Numbers(0),
        "constructed": {**judged, "missed": count(source.parameters), "certified": Numbers(0)},
        "imitated": [{**judged, "loss": Numbers(0)}],
        **labels,
    }


def source_seed(setting: Setting, number: int, seed: int) -> int:
    """Return the seed of source ``number`` of a setting."""
    return key_words(0, f"found, seed {seed}, {canonical({**asdict(setting), 'source': number})}")[1]


def work(sources: int, seed: int) -> Work:
    """Return the key and the measurement of every source of every setting that is not too large."""
    if find_spec("torch") is None:
        raise ValueError('searches need PyTorch: pip install -e ".[torch]"')
    parts: Work = []
    for setting in SETTINGS:
        task = problem(setting.target, seed)
        used, prune, lock = planned(setting, task)
        if used.parameters > LARGEST:
            continue
        for number in range(sources):
            source = Source(source_seed(setting, number, seed), used.sizes, used.blocks, prune, lock)
            parts.append(
                (
                    {**asdict(setting), "source": number},
                    partial(measure, task, source, tuple(demand.eps for demand in used.demands)),
                    form(task, source),
                )
            )
    return parts


def violations(row: Row) -> int:
    """Count locked edges dropped and pruned ones kept by the masks of a row."""
    return sum(found["violations"] for found in (row["constructed"], *row["imitated"], *row.get("labelled", [])))


def shown(rows: Sequence[Row]) -> Iterator[Table | str]:
    """Yield the tables, and in how many sources a mask breaks the frozen states."""
    for name in TARGETS:
        for which in ("sup", "mean"):
            yield tables.errors(name, [row for row in rows if row["target"] == name], which)
    yield tables.accuracies([row for row in rows if "labelled" in row])
    broken = sum(violations(row) > 0 for row in rows)
    yield f"sources in which a mask breaks the frozen states: {broken} of {len(rows)}"


main = Experiment(
    "found",
    __doc__,
    work,
    shown,
    trials=SOURCES,
    what="sources of each setting",
    seeded="targets, inputs and sources",
    confidence=CONFIDENCE,
    refuted=lambda row: violations(row) > 0,
)
