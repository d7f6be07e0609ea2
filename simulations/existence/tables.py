"""The tables of the command: widths side by side, and how near the realised weights came."""

from functools import partial
from itertools import pairwise

import numpy as np

from simulations.existence.build import Ticket
from simulations.existence.target import Target
from slt.core import console
from slt.core.tables import Table
from theory.existence import Plan
from theory.widths import fitted_constants, published_widths

NAMES = {"proven": "proven", "estimated": "estimated", "built": "built", "smallest": "smallest that worked"}


def widths(
    target: Target, plans: dict[str, Plan], prune: tuple[float, ...], lock: tuple[float, ...], eps: float, delta: float
) -> Table:
    """Return widths, block sizes, weights and ticket bits of every plan, and the published widths.

    The published form is fitted to the smallest widths that worked, else to those that are built.
    """
    depth = len(target.weights)
    rows: list[tuple[object, ...]] = [
        (NAMES[name], *p.widths[1:-1], *p.blocks, f"{p.parameters:.3g}", f"{p.ticket_bits(prune, lock):.3g}")
        for name, p in plans.items()
    ]
    fitted_to = plans.get("smallest", plans["built"]).widths[1:-1]
    for form in ("pruned", "frozen"):
        asked = partial(
            published_widths, target.weights, eps, delta, prune=prune, form=form, low=target.low, high=target.high
        )
        constants = [1.0]
        if min(asked(1.0)) > 0:  # form "pruned" asks a dense layer for nothing
            constants.append(max(fitted_constants(fitted_to, asked)))
        for constant in constants:
            found = asked(constant)
            parameters = _parameters((target.sizes[0], *found, target.sizes[-1]))
            name = f"published, {form}, C = {constant:.3g}"
            rows.append((name, *(f"{w:.0f}" for w in found), *("",) * depth, f"{parameters:.3g}", ""))
    title = f"Widths of source layers 1 .. {depth}, its weights, and the bits of a ticket (one per free weight)"
    columns = (*(f"width {k + 1}" for k in range(depth)), *(f"block {k + 1}" for k in range(depth)))
    return console.table(title, ("<", *columns, "weights", "ticket bits"), rows)


def _parameters(sizes: tuple[float, ...]) -> float:
    return sum(a * b for a, b in pairwise(sizes))


def realised(target: Target, ticket: Ticket) -> tuple[Table, int]:
    """Return how near the weights of each target layer came, and how many of them are not within their precision."""
    rows = []
    failures = 0
    for number, (w, layer) in enumerate(zip(target.parted, ticket.layers, strict=True), 1):
        error = np.abs(layer.weights - np.repeat(w, len(layer.weights) // len(w), axis=0))
        missed = int(np.count_nonzero(error > layer.eps))
        failures += missed
        rows.append((number, error.size, f"{layer.eps:.2e}", f"{error.max():.2e}", f"{error.mean():.2e}", missed))
    columns = ("target layer", "weights x copies", "eps", "largest error", "mean error", "not within eps")
    return console.table("Realised weights", columns, rows), failures
