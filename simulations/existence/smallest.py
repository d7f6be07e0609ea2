"""The smallest block sizes with which the construction still works: bisection, layer by layer from the top."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from simulations.existence.rows import layer_rows
from simulations.existence.source import Source
from simulations.existence.target import Target
from simulations.run.engines import Threads
from simulations.run.units import Engine
from slt.core.first import first


def smallest_blocks(
    source: Source,
    target: Target,
    precisions: tuple[float, ...],
    engine: Engine | None = None,
    told: Callable[[str], None] = lambda line: None,
) -> tuple[int, ...]:
    """Return block sizes that work, b_l - 1 failing in every layer l, searched between 1 and those of ``source``.

    A block size works when every weight of its layer comes within its precision; the layers above have their
    smallest sizes already. Whether it works need not be monotone in the size: this is what bisection finds, in
    sources of one seed. precisions: eps of the weights of target layers 1 .. L. engine: by default a thread a core.
    told: is given a line for every size that was tried. Raises ValueError when a size of ``source`` itself fails.
    """
    engine = engine or Threads()
    blocks = list(source.blocks)
    for number in range(len(blocks) - 1, -1, -1):

        def works(size: int, number: int = number) -> bool:
            tried = replace(source, blocks=(*blocks[:number], size, *blocks[number + 1 :]))
            found = _works(tried, target, number, precisions, engine)
            told(f"target layer {number + 1}, block size {size}: {'works' if found else 'fails'}")
            return found

        given = blocks[number]
        if not works(given):
            raise ValueError(f"block size {given} of layer {number + 1} fails already; ask for wider blocks")
        blocks[number] = first(works, 1, given)
    return tuple(blocks)


def _works(source: Source, target: Target, number: int, precisions: tuple[float, ...], engine: Engine) -> bool:
    """Tell whether every weight of target layer ``number`` + 1 comes within its precision; stop at a failure."""
    rows = layer_rows(source, target, number, precisions)
    return all(
        np.abs(found["weights"] - rows.wanted(unit.name[1])).max() <= rows.eps
        for unit, found in engine.run(map(rows.unit, rows.starts))
    )
