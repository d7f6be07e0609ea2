"""Claims that compare sources: frozen, pruned, locked, wider, and of other architectures."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from slt.core.store import Row
from torch_backend.experiments.record import UNDECIDED, Experiment, Part
from torch_backend.experiments.runs import all_rows, chosen, difference, setting

Files = Mapping[str, Sequence[Row]]
NAMES = {"mnist": "MLP on MNIST", "cora": "GIN on Cora", "citeseer": "GIN on CiteSeer", "cifar10": "Conv6 on CIFAR-10"}
MARGIN = {"mnist": 1.0, "cora": 2.0, "citeseer": 2.0, "cifar10": 2.0}  # points; those of the plans of ``slt factors``
MORE_BITS = 1.1  # a ticket of at most so many times the bits is called "similar or smaller"
LITTLE = 5.0  # points that a high freezing ratio may cost
HALF = 0.5


def by_data(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows of each data set."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["settings"]["data_set"], []).append(row)
    return found


def rates_of(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Return the distinct (p, q) of rows, in their order."""
    return list(dict.fromkeys((round(setting(row, "prune"), 6), round(setting(row, "lock"), 6)) for row in rows))


def label(prune: float, lock: float) -> str:
    """Return how a source is called.

    >>> label(0.25, 0.25)
    'p = 0.25, q = 0.25'
    """
    return f"p = {prune:.3g}, q = {lock:.3g}"


def same_size(files: Files) -> list[Part]:
    """E1: frozen against pruned of as many bits, at a shared sparsity and each by its own rule."""
    shared, own = [], []
    for name, rows in by_data(all_rows(files)).items():
        epl = chosen(rows, rule="epl")
        at_shared, at_own = [], []
        for F in sorted({p for p, q in rates_of(epl) if p and not q}):
            sparser, centre = round(F + (1 - F) / 4, 9), round((1 + F) / 2, 9)
            pruned = {k: chosen(epl, prune=F, lock=0.0, sparsity=k) for k in (sparser, centre)}
            rates = {k: k - (1 - F) / 2 for k in (sparser, HALF)}  # p of the source that is centred on k
            frozen = {k: chosen(epl, prune=p, lock=F - p, sparsity=k) for k, p in rates.items()}
            at_shared += difference(f"F = {F:g}, both at k = {sparser:g}", frozen[sparser], pruned[sparser])
            at_own += difference(f"F = {F:g}, k = 0.5 against k = {centre:g}", frozen[HALF], pruned[centre])
        shared.append(Part(f"{NAMES[name]}, same sparsity", "frozen less pruned above 0", tuple(at_shared)))
        own.append(Part(f"{NAMES[name]}, each at its centre", "frozen less pruned above 0", tuple(at_own)))
    return [*shared, *own]


def wider(files: Files) -> list[Part]:
    """E2: wider frozen sources of similar or fewer bits against the dense source."""
    parts = []
    for name, rows in by_data(all_rows(files)).items():
        dense = chosen(rows, prune=0.0, lock=0.0, own_place=HALF, own_factor=1.0)
        bits, margin, found = dense[0]["bits"], MARGIN[name], []
        for factor in sorted({row["factor"] for row in rows if row["factor"] > 1}):
            for p, q in rates_of(rows):
                frozen = chosen(rows, prune=p, lock=q, own_place=HALF, own_factor=factor)
                if q and frozen and frozen[0]["bits"] <= MORE_BITS * bits:
                    text = f"{label(p, q)}, {factor:.3g} times as wide, {frozen[0]['bits'] / bits:.2f} times the bits"
                    found += difference(text, frozen, dense, -margin)
        parts.append(Part(NAMES[name], f"frozen less dense above -{margin:g}", tuple(found)))
    return parts


def ratios(files: Files) -> list[Part]:
    """E9: sources up to a high freezing ratio against the dense one."""
    parts = []
    for name, rows in by_data(chosen(all_rows(files), rule="epl")).items():
        dense = chosen(rows, prune=0.0, lock=0.0, sparsity=HALF)
        for F in (0.5, 0.8, 0.9):
            half = chosen(rows, prune=F / 2, lock=F / 2, sparsity=HALF)
            found = difference(f"F = {F:g}", half, dense, -LITTLE)
            if found:
                parts.append(Part(f"{NAMES[name]}, F = {F:g}", f"frozen less dense above -{LITTLE:g}", tuple(found)))
    return parts


def pruned_or_locked(files: Files) -> list[Part]:
    """E13: pruning against locking at equal F, each at the centre of its interval."""
    parts = []
    for name, rows in files.items():
        centres = [row for row in rows if row.get("place") == HALF and row.get("scope", "global") == "global"]
        found = []
        for factor in sorted({row["factor"] for row in centres}):
            for p, q in rates_of(centres):
                if p and not q:
                    at: dict[str, Any] = {"own_factor": factor}
                    pair = chosen(centres, prune=p, lock=0.0, **at), chosen(centres, prune=0.0, lock=p, **at)
                    found += difference(f"F = {p:g}, width factor {factor:.3g}", *pair)
        if found:
            data = rows[0]["settings"]["data_set"]
            parts.append(Part(f"{NAMES[data]} ({name})", "pruned less locked above 0", tuple(found)))
    return parts


def architectures(files: Files) -> list[Part]:
    """E17: frozen against dense sources of other architectures."""
    rows = all_rows(files)
    parts = []
    for model in dict.fromkeys(row["settings"]["model"] for row in rows):
        of = [row for row in rows if row["settings"]["model"] == model and row["settings"]["method"] == "edge-popup"]
        pair = chosen(of, prune=0.25, lock=0.25), chosen(of, prune=0.0, lock=0.0)
        parts.append(Part(model, f"frozen less dense above -{LITTLE:g}", tuple(difference("F = 0.5", *pair, -LITTLE))))
    return parts


def _commands(*plans: str) -> Iterator[str]:
    for plan in plans:
        yield f"slt experiments --run {plan}"


OTSUKA = "Otsuka et al. 2024, arXiv:2402.14029"
FACTORS = tuple(
    f"slt factors --plan {plan} --results torch_backend/results/requirement-{plan}.jsonl"
    for plan in ("mnist", "cora", "conv6")
)
E1 = Experiment(
    "E1",
    "frozen or pruned, same size",
    "A frozen source gives better tickets than a randomly pruned one of the same size.",
    f"{OTSUKA}: abstract (up to 14.12 points), 4.2, Table 1",
    "ResNet-50, ImageNet, F = 0.7, k = 0.7, one source of (1 - F) N bits each, 100 epochs",
    "frozen less pruned, both with (1 - F) N bits. Same sparsity: the frozen source is centred on the sparsity a quarter of the "
    "pruned one's interval above p. Each at its centre: the frozen source centred on k = 0.5, the pruned one at (1 + p)/2.",
    ("claims-sizes.jsonl", "claims-sizes-conv6.jsonl"),
    tuple(_commands("sizes", "sizes-conv6")),
    same_size,
    figure="sizes",
    known=UNDECIDED,
)
E2 = Experiment(
    "E2",
    "wider and frozen",
    "Twice as wide and frozen, a source gives tickets of the same or better accuracy at a similar or smaller size.",
    f"{OTSUKA}: 4.3, Fig. 6 and 7",
    "Conv6 and ResNet-18, CIFAR-10, ResNet-50, ImageNet; widths up to 2",
    "frozen less dense, where the wider source's ticket has at most 1.1 times the bits of the dense one's; no worse than by 1 "
    "point (MNIST) or 2.",
    ("requirement-mnist.jsonl", "requirement-cora.jsonl", "requirement-conv6.jsonl"),
    FACTORS,
    wider,
    figure="comparison",
)
E9 = Experiment(
    "E9",
    "freezing up to 90 %",
    "Freezing up to 90 % of a source costs little accuracy.",
    f"{OTSUKA}: 4.1; an open question on higher ratios",
    "Conv6 and ResNet-18, CIFAR-10, F up to 0.9",
    f"frozen (p = q = F/2) less dense, both at k = 0.5; little is at most {LITTLE:g} points.",
    ("claims-sizes.jsonl", "claims-ratios.jsonl"),
    tuple(_commands("sizes", "ratios")),
    ratios,
    figure="ratios",
)
E13 = Experiment(
    "E13",
    "pruning or locking",
    "At equal F pruning costs less than locking.",
    "predicted by docs/results.md, What freezing costs in width: 1/f by pruning, 1/f^2 by locking",
    "none: the paper does not separate the two",
    "all pruned less all locked at equal F, each at the centre of its interval.",
    ("requirement-mnist.jsonl", "requirement-cora.jsonl", "sparsity-mnist.jsonl", "sparsity-cora.jsonl"),
    (*FACTORS[:2], *(f"slt sparsity --plan {plan} --results torch_backend/results/sparsity-{plan}.jsonl"
                     for plan in ("mnist", "cora"))),
    pruned_or_locked,
    figure="comparison",
)  # fmt: skip
E17 = Experiment(
    "E17",
    "other architectures",
    "Freezing works in other architectures too.",
    f"{OTSUKA}: an open question",
    "none: convolutional and graph networks only",
    f"frozen (p = q = 0.25) less dense, k = 0.5; it works where at most {LITTLE:g} points are lost.",
    ("claims-sequences.jsonl",),
    tuple(_commands("sequences")),
    architectures,
)
