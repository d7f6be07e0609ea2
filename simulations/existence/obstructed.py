"""What locking in the first layer does to one given source: the proven floor under the error of every mask."""

from itertools import combinations

import numpy as np

from simulations.existence.source import Source
from simulations.existence.target import Target
from slt.core import console
from slt.core.checks import whole
from theory.existence import estimated_block
from theory.obstruction import guaranteed_error, obstruction_probability, sup_error_floor
from theory.products import effective_rates

PLANES = 64  # pairs of inputs that are looked at
LARGEST_BLOCK = 10**5
EPS, DELTA = 0.01, 0.05  # of the block size taken by default


def report_floor(
    target: Target, prune: tuple[float, ...], lock: tuple[float, ...], width: str, seed: int, out: console.Page
) -> int:
    """Draw the source and print the least error that any of its masks can have; return the exit code 0.

    The source has a block of first-layer neurons for every input, as many as ``width`` says or, by default, as would
    do without locking in the first layer. Raises ValueError where nothing is proven: depth above 1, one input, or a
    domain without a unit disc of two inputs around 0.
    """
    if len(target.weights) != 1 or target.sizes[0] < 2:
        raise ValueError(
            "a floor is proven for targets of depth 1 with at least two inputs, got "
            f"{' - '.join(str(n) for n in target.sizes)}; for deeper ones it is open (docs/obstruction.md)"
        )
    reaching = np.flatnonzero((target.low <= -1) & (target.high >= 1))
    if len(reaching) < 2 or not np.all((target.low <= 0) & (target.high >= 0)):
        raise ValueError(
            "the domain must contain the unit disc of two inputs, all others 0: --domain -1 1 or wider, and no biases"
        )
    if width not in ("auto", "proven", "estimated"):
        block = whole("width", _number(width), 1)
        if block > LARGEST_BLOCK:
            raise ValueError(f"width must be at most {LARGEST_BLOCK} here, got {block}")
    else:
        rates = effective_rates(prune[0], prune[1], lock[1])
        radius = float(np.abs(target.weights[0]).max())
        block = estimated_block(EPS, DELTA / target.weights[0].size, rates, max(radius, EPS), product=True)
    source = Source(seed, target.sizes, (block,), prune, lock)
    values, states = source.rows(1, 0, source.widths[1])
    outputs, fates = source.rows(2, 0, target.sizes[-1])
    planes = list(combinations(reaching.tolist(), 2))[:PLANES]
    floors = [
        sup_error_floor(
            first_values=values, first_states=states, second_values=output, second_states=fate, target=w, plane=plane
        )
        for output, fate, w in zip(outputs, fates, target.weights[0], strict=True)
        for plane in planes
    ]
    neurons = source.widths[1]
    guaranteed, chance = guaranteed_error(neurons), obstruction_probability(neurons, lock[0], lock[1])
    out.print(
        f"Source of {neurons} first-layer neurons, lock {lock[0]:g} in layer 1 and {lock[1]:g} in layer 2, seed {seed}."
        f"\nProven: every mask of this source has a sup error of at least {max(floors):.3g} on the domain "
        f"(largest floor over {len(planes)} planes and {target.sizes[-1]} outputs).\n"
        f"Before drawing: at least {guaranteed:.3g} with probability "
        f"{chance:.3g} or more. The proof is in docs/obstruction.md."
    )
    out.result(
        {
            "neurons": neurons, "prune": prune, "lock": lock, "seed": seed, "floor": max(floors), "planes": len(planes),
            "outputs": target.sizes[-1], "guaranteed": guaranteed,
            "guaranteed_probability": chance,
        }
    )  # fmt: skip
    return 0


def _number(width: str) -> int:
    if not width.isascii() or not width.isdigit():
        raise ValueError(f"width must be auto or one block size here, got {width!r}")
    return int(width)
