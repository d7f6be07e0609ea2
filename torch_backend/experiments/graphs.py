"""Claims on deep graph networks."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from slt.core.store import Row
from torch_backend.experiments.record import Part, Quantity
from torch_backend.experiments.runs import all_rows, by_seed, chosen, paired, setting
from torch_backend.experiments.sources import HALF

Files = Mapping[str, Sequence[Row]]


def depth(files: Files) -> list[Part]:
    """E5: what locking gains over the dense source in a deep network, less what it gains in a shallow one."""
    rows = all_rows(files)
    gains: dict[int, dict[int, float]] = {}
    found: list[Quantity] = []
    for layers in sorted({setting(row, "depth") for row in rows}):
        of = chosen(rows, depth=layers)
        locked, dense = by_seed(chosen(of, prune=0.0, lock=HALF)), by_seed(chosen(of, prune=0.0, lock=0.0))
        gains[layers] = dict(zip(sorted(locked.keys() & dense.keys()), paired(locked, dense), strict=True))
    for layers in sorted(gains)[1:]:
        values = paired(gains[layers], gains[min(gains)], lambda a, b: a - b)
        found.append(Quantity(f"gain at depth {layers} less gain at depth {min(gains)}", values))
    dense = {layers: fmean(row["test"] for row in chosen(rows, depth=layers, prune=0.0, lock=0.0)) for layers in gains}
    smooth = ", ".join(f"{100 * dense[layers]:.1f} % at {layers}" for layers in sorted(dense))
    name = f"GIN on Cora, whose dense source has {smooth} layers" if dense else "GIN on Cora"
    return [Part(name, "locking gains more in deeper networks", tuple(found))]
