"""Claims on where in the search interval the sparsity should lie, and by which rule layers share the rates."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from slt.core.store import Row
from torch_backend.experiments.record import Part, Quantity
from torch_backend.experiments.runs import (
    CLOSE,
    By,
    all_rows,
    by_seed,
    chosen,
    difference,
    mean_by_seed,
    paired,
    setting,
)
from torch_backend.experiments.sources import HALF, LITTLE, NAMES, by_data, label, rates_of

Files = Mapping[str, Sequence[Row]]
NEAR = 0.25  # places nearer to the centre than this are called the centre too


def place_of(row: Row) -> float:
    """Return where the sparsity lies in (p, 1 - q), from 0 to 1."""
    p, q, k = (setting(row, name) for name in ("prune", "lock", "sparsity"))
    return round((k - p) / (1 - p - q), 6)


def against_centre(sources: Iterable[Sequence[Row]]) -> tuple[Quantity, ...]:
    """Return the centre less every place :data:`NEAR` or more away, mean over sources, which hold several places."""
    gaps: dict[float, list[By]] = {}
    for rows in sources:
        places: dict[float, list[Row]] = {}
        for row in rows:
            places.setdefault(place_of(row), []).append(row)
        centre = by_seed(places.get(HALF, []))
        for place, of in places.items():
            there = by_seed(of)
            if abs(place - HALF) >= NEAR - CLOSE and (common := sorted(centre.keys() & there.keys())):
                gaps.setdefault(place, []).append(dict(zip(common, paired(centre, there), strict=True)))
    over = max(map(len, gaps.values()), default=0)
    many = f", mean over {over} sources" if over > 1 else ""
    return tuple(Quantity(f"less place {place:g}{many}", mean_by_seed(gaps[place])) for place in sorted(gaps))


def centre(files: Files) -> list[Part]:
    """E6: the centre less other places, k moved and p, q fixed, or p moved and k, F fixed."""
    fixed, moved = [], []
    for rows in files.values():
        usual = [row for row in rows if row.get("scope", "global") == "global" and row.get("factor", 1.0) == 1.0]
        usual = chosen(usual, rule="epl")
        if not usual:
            continue
        data = NAMES[usual[0]["settings"]["data_set"]]
        by_k = [row for row in usual if row.get("kind") == "place"]
        if by_k:
            sources = [chosen(by_k, prune=p, lock=q) for p, q in rates_of(by_k)]
            fixed.append(Part(f"{data}, k moved", "centre less place above 0", against_centre(sources)))
        asked = [row for row in usual if row.get("kind", "moved") == "moved"]
        if asked:
            keys = dict.fromkeys((setting(row, "sparsity"), _freezing(row)) for row in asked)
            sources = [[row for row in chosen(usual, sparsity=k) if _freezing(row) == F] for k, F in keys]
            wide = "" if "kind" in asked[0] else ", full width"
            moved.append(Part(f"{data}{wide}, p moved", "centre less place above 0", against_centre(sources)))
    return [*fixed, *moved]


def _freezing(row: Row) -> float:
    return round(setting(row, "prune") + setting(row, "lock"), 9)


def rules(files: Files) -> list[Part]:
    """E7: EPL less ERK at the same rates and sparsity; left out where both give the same network for every seed."""
    parts = []
    for name, rows in files.items():
        for data, of in by_data(rows).items():
            found = []
            for p, q in rates_of(chosen(of, rule="erk")):
                evenly, erk = (chosen(of, rule=rule, prune=p, lock=q, sparsity=HALF) for rule in ("epl", "erk"))
                found += difference(f"{label(p, q)}, k = {HALF:g}", evenly, erk)
            found = [each for each in found if any(each.values)]
            if found:
                wide = ", full width" if name == "positions.jsonl" else ""
                parts.append(Part(f"{NAMES[data]}{wide}", "EPL less ERK above 0", tuple(found)))
    return parts


def scenarios(files: Files) -> list[Part]:
    """E8: sources centred on each sparsity, partly frozen, against the dense source at that sparsity."""
    parts = []
    for data, rows in by_data(all_rows(files)).items():
        usual = [row for row in rows if row["kind"] == "place"]
        dense = chosen(usual, prune=0.0, lock=0.0)
        means = {k: fmean(row["test"] for row in chosen(dense, sparsity=k)) for k in {row["sparsity"] for row in dense}}
        found: list[Quantity] = []
        for k in sorted(means):
            for p, q in rates_of([row for row in chosen(usual, sparsity=k) if place_of(row) == HALF]):
                if p or q:
                    frozen = chosen(usual, prune=p, lock=q, sparsity=k)
                    found += difference(f"k = {k:g}, {label(p, q)}", frozen, chosen(dense, sparsity=k), -LITTLE)
        best = max(means, key=lambda k: means[k])
        name = f"{NAMES[data]}, best k = {best:g} when dense"
        parts.append(Part(name, f"frozen less dense above -{LITTLE:g}", tuple(found)))
    return parts
