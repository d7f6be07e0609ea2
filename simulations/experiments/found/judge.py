"""How good a mask is, told by code that neither the builder nor the search uses: plain numpy in double precision."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.existence.build import Ticket
from simulations.existence.source import Source
from simulations.existence.target import accuracy, forward
from simulations.experiments.found.targets import Exercise
from slt.core.store import Row

Floats = NDArray[np.float64]
Masks = tuple[NDArray[np.bool_], ...]


@dataclass(frozen=True)
class Applied:
    """A masked source. weights: a matrix a layer, 0 where not kept; violations: locked edges dropped, pruned kept."""

    weights: tuple[Floats, ...]
    sparsity: float
    violations: int


def apply(source: Source, masks: Masks) -> Applied:
    """Draw the source again and mask it."""
    weights, violations = [], 0
    for number, mask in enumerate(masks, 1):
        values, states = source.rows(number, 0, len(mask))
        violations += int(np.sum((states == 1) & ~mask) + np.sum((states == -1) & mask))
        weights.append(values * mask)
    kept = sum(int(mask.sum()) for mask in masks)
    return Applied(tuple(weights), 1 - kept / source.parameters, violations)


def masks_of(ticket: Ticket) -> Masks:
    """Return a built ticket's mask as the search returns its own: in layer 1 own edges alone are kept."""
    source = ticket.source
    first = np.zeros((source.widths[1], source.sizes[0]), np.bool_)
    neurons = np.arange(source.widths[1])
    first[neurons, neurons // source.blocks[0]] = ticket.own
    upper = (
        np.unpackbits(layer.masks, axis=1, bitorder="little", count=width).astype(np.bool_)
        for layer, width in zip(ticket.layers, source.widths[1:], strict=False)
    )
    # a pruned own edge is 0 and in no sum
    _, states = source.rows(1, 0, source.widths[1])
    return (first & (states != -1), *upper)


def judge(problem: Exercise, applied: Applied) -> Row:
    """Return the sparsity, the errors at training and at test inputs, and the share of right test labels if any."""
    target = problem.target
    found: Row = {"sparsity": applied.sparsity, "violations": applied.violations}
    for part, inputs in (("training", problem.inputs), ("test", target.inputs)):
        outputs = forward(applied.weights, inputs)
        error = np.abs(outputs - forward(target.weights, inputs))
        found[part] = {"sup": float(error.max()), "mean": float(error.mean())}
    if problem.labels is not None:
        found["accuracy"] = accuracy(outputs, target.labels)
    return found
