"""Table 1 of the paper, from the rows at hand: trained weights and tickets, accuracy, search space, size."""

from collections.abc import Iterator, Mapping, Sequence

from slt.core import console
from slt.core.intervals import MEANS, mean_interval, percent
from slt.core.store import Row
from slt.core.tables import Table
from theory.freezing import log2_candidates
from torch_backend.experiments.record import Part
from torch_backend.experiments.runs import all_rows, chosen, difference, setting, told
from torch_backend.experiments.sources import NAMES

Files = Mapping[str, Sequence[Row]]
NEARLY = 2.0  # points that a frozen source may cost against a dense one in a table of nearly equal accuracies
SHOWN = ("model", "data_set", "width", "images", "epochs")
SIZES = "claims-files.jsonl"
NOT_RUN = "not run here"
KINDS = {"dense": "ticket, dense source", "frozen": "ticket, frozen source"}
CALLED = {
    "conv6-cifar10": "Conv6, CIFAR-10, 100 epochs",
    "resnet18-cifar10": "ResNet-18, CIFAR-10, 100 epochs",
    "resnet50-imagenet": "ResNet-50, ImageNet, 100 epochs",
    "gin-arxiv": "GIN, OGBN-Arxiv, 400 epochs",
}  # the paper's networks, in full
COLUMNS = ("<network", "<what", "accuracy %", "sparsity", "F", "search space %", "size MB", "times smaller", "seeds")


def tables(files: Files) -> list[Part]:
    """E14: frozen against dense source in every setting of the table that has seeds enough."""
    parts = []
    for group in _groups(files):
        dense = chosen(group, method="edge-popup", prune=0.0, lock=0.0)
        frozen = [row for row in chosen(group, method="edge-popup") if setting(row, "lock")]
        found = difference("frozen less dense", frozen, dense, -NEARLY)
        if found and len(found[0].values) > 1:
            data = NAMES[group[0]["settings"]["data_set"]]
            parts.append(Part(data, f"frozen less dense above -{NEARLY:g}", tuple(found)))
    return parts


def table(files: Files) -> Table:
    """Return the table; the paper's own settings, as far as nobody ran them here, have their sizes alone."""
    lines = [line for group in _groups(files) for line in _lines(group)]
    lines += _not_run(files[SIZES])
    title = (
        f"Trained weights and tickets in the form of the paper's Table 1, {MEANS:.0%} intervals over seeds\n"
        "search space: log2 of the number of subnetworks, in % of the dense source's; size: one bit for each free "
        "weight, 32 bits for each trained number"
    )
    return console.table(title, COLUMNS, lines)


def _groups(files: Files) -> list[list[Row]]:
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in all_rows(files):
        if "settings" in row:
            groups.setdefault(tuple(setting(row, name) for name in SHOWN), []).append(row)
    return list(groups.values())


def _lines(group: Sequence[Row]) -> Iterator[tuple[object, ...]]:
    kinds: dict[str, list[Row]] = {}
    for row in group:
        kinds.setdefault(_kind(row), []).append(row)
    trained = (
        max(row["bits"] for row in group if setting(row, "method") == "weights") if "trained weights" in kinds else 0
    )
    dense = _candidates(kinds[KINDS["dense"]][0]) if KINDS["dense"] in kinds else 0.0
    network = told(group).rpartition(",")[0]
    for kind, rows in kinds.items():
        first = rows[0]
        ticket = setting(first, "method") == "edge-popup"
        F = setting(first, "prune") + setting(first, "lock")
        space = f"{100 * _candidates(first) / dense:.1f}" if ticket and dense else None
        smaller = f"{trained / first['bits']:.1f}" if ticket and trained else None
        yield (
            network, kind, percent(mean_interval([row["test"] for row in rows])),
            f"{setting(first, 'sparsity'):g}" if ticket else None, f"{F:g}" if ticket else None, space,
            f"{first['bits'] / 8e6:.4g}", smaller, len(rows),
        )  # fmt: skip


def _kind(row: Row) -> str:
    if setting(row, "method") == "weights":
        return "trained weights"
    p, q = setting(row, "prune"), setting(row, "lock")
    return KINDS["frozen"] if q else f"ticket, pruned source, p = {p:.3g}" if p else KINDS["dense"]


def _candidates(row: Row) -> float:
    p, q, k = (setting(row, name) for name in ("prune", "lock", "sparsity"))
    return log2_candidates(row["bits"], row["bits"] * (1 - k - q) / (1 - p - q))


def _not_run(rows: Sequence[Row]) -> Iterator[tuple[object, ...]]:
    for row in rows:
        network = CALLED.get(row["family"])
        if network is not None:
            kind = KINDS["frozen" if row["freezing"] else "dense"]
            smaller = (row["trained_bytes"] - row["statistics_bytes"]) / (row["free"] / 8)
            yield (network, kind, NOT_RUN, None, f"{row['freezing']:g}", None, f"{row['free'] / 8e6:.4g}",
                   f"{smaller:.1f}", None)  # fmt: skip
