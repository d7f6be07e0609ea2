"""Claims that compare sources: frozen, pruned, locked, wider, and of other architectures."""

from collections.abc import Mapping, Sequence

from slt.core.store import Row
from torch_backend.experiments.record import Part, Quantity
from torch_backend.experiments.runs import MODELS, all_rows, by_seed, chosen, difference, mean_by_seed, paired, setting

Files = Mapping[str, Sequence[Row]]
NAMES = {
    "mnist": "MLP on MNIST",
    "cora": "GIN on Cora",
    "citeseer": "GIN on CiteSeer",
    "pages": "GIN on the page-page graph",
    "cifar10": "Conv6 on CIFAR-10",
}
MARGIN = {"mnist": 1.0, "cora": 2.0, "cifar10": 2.0}  # points; those of the plans of ``slt factors``
MORE_BITS = 1.1  # a ticket of at most so many times the bits is called "similar or smaller"
RATIOS = (0.3, 0.5, 0.7, 0.9)  # F
LITTLE = 5.0  # points that a high freezing ratio may cost
WHENCE = {"requirement": "slt factors", "sparsity": "slt sparsity"}  # which command made a file
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
        bits, margin = dense[0]["bits"], MARGIN[name]
        for factor in sorted({row["factor"] for row in rows if row["factor"] > 1}, reverse=True):
            found = []
            for p, q in rates_of(rows):
                frozen = chosen(rows, prune=p, lock=q, own_place=HALF, own_factor=factor)
                if q and frozen and frozen[0]["bits"] <= MORE_BITS * bits:
                    text = f"{label(p, q)}, {frozen[0]['bits'] / bits:.2f} times the bits"
                    found += difference(text, frozen, dense, -margin)
            if found:
                wide = f"{NAMES[name]}, {factor:.3g} times as wide"
                parts.append(Part(wide, f"frozen less dense above -{margin:g}", tuple(found)))
    return parts


def ratios(files: Files) -> list[Part]:
    """E9: sources of rising freezing ratio against the dense one."""
    parts = []
    for name, rows in by_data(chosen(all_rows(files), rule="epl")).items():
        dense = chosen(rows, prune=0.0, lock=0.0, sparsity=HALF)
        found: list[Quantity] = []
        for F in RATIOS:
            half = chosen(rows, prune=F / 2, lock=F / 2, sparsity=HALF)
            found += difference(f"F = {F:g}", half, dense, -LITTLE)
        parts.append(Part(NAMES[name], f"frozen less dense above -{LITTLE:g}", tuple(found)))
    return parts


def pruned_or_locked(files: Files) -> list[Part]:
    """E13: pruning less locking at equal F, each at the centre of its interval, mean over the widths."""
    parts = []
    for name, rows in files.items():
        centres = [row for row in rows if row["place"] == HALF and row.get("scope", "global") == "global"]
        found = []
        for F in (p for p, q in rates_of(centres) if p and not q):
            gaps = [
                dict(zip(sorted(a.keys() & b.keys()), paired(a, b), strict=True))
                for factor in sorted({row["factor"] for row in centres})
                for a, b in [[by_seed(chosen(centres, prune=p, lock=F - p, own_factor=factor)) for p in (F, 0.0)]]
                if a.keys() & b.keys()
            ]
            if gaps:
                over = "" if len(gaps) == 1 else f", mean over {len(gaps)} widths"
                found.append(Quantity(f"F = {F:g}{over}", mean_by_seed(gaps)))
        if found:
            data = NAMES[rows[0]["settings"]["data_set"]]
            parts.append(Part(f"{data}, {WHENCE[name.partition('-')[0]]}", "pruned less locked above 0", tuple(found)))
    return parts


def architectures(files: Files) -> list[Part]:
    """E17: frozen against dense sources of other architectures."""
    rows = all_rows(files)
    parts = []
    for model in dict.fromkeys(row["settings"]["model"] for row in rows):
        of = [row for row in rows if row["settings"]["model"] == model and row["settings"]["method"] == "edge-popup"]
        pair = chosen(of, prune=0.25, lock=0.25), chosen(of, prune=0.0, lock=0.0)
        found = difference("F = 0.5", *pair, -LITTLE)
        parts.append(Part(MODELS[model], f"frozen less dense above -{LITTLE:g}", tuple(found)))
    return parts
