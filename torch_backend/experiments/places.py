"""Claims on where in the search interval the sparsity should lie, and by which rule layers share the rates."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from slt.core.store import Row
from theory.freezing import positioned
from torch_backend.experiments.record import Experiment, Part, Quantity
from torch_backend.experiments.runs import all_rows, by_seed, chosen, difference, paired, setting
from torch_backend.experiments.sources import HALF, LITTLE, NAMES, OTSUKA, by_data, label, rates_of

Files = Mapping[str, Sequence[Row]]
NEAR = 0.25  # places nearer to the centre than this are called the centre too
SPARSITIES = (0.1, 0.3, 0.5, 0.7, 0.9)
MAPPED = (0.5, 0.7)  # F


def place_of(row: Row) -> float:
    """Return where the sparsity lies in (p, 1 - q), from 0 to 1."""
    p, q, k = (setting(row, name) for name in ("prune", "lock", "sparsity"))
    return round((k - p) / (1 - p - q), 6)


def against_centre(what: str, rows: Iterable[Row]) -> list[Quantity]:
    """Return the centre less every place at least :data:`NEAR` away, of rows that differ in the place alone."""
    places: dict[float, list[Row]] = {}
    for row in rows:
        places.setdefault(place_of(row), []).append(row)
    if HALF not in places:
        return []
    centre = by_seed(places[HALF])
    found = []
    for place in sorted(places):
        if abs(place - HALF) >= NEAR - 1e-9 and (values := paired(centre, by_seed(places[place]))):
            found.append(Quantity(f"{what}, less place {place:g}", values))
    return found


def centre(files: Files) -> list[Part]:
    """E6: the centre less other places, k moved and p, q fixed, or p moved and k, F fixed."""
    fixed, moved = [], []
    for name, rows in files.items():
        usual = [row for row in rows if row.get("scope", "global") == "global" and row.get("factor", 1.0) == 1.0]
        usual = chosen(usual, rule="epl")
        data = NAMES[rows[0]["settings"]["data_set"]] if rows else name
        if name.startswith("sparsity"):
            by_k = [row for row in usual if row["kind"] == "place"]
            found = [each for p, q in rates_of(by_k) for each in against_centre(label(p, q), chosen(by_k, prune=p, lock=q))]
            fixed.append(Part(f"{data}, k moved", "centre less place above 0", tuple(found)))
        asked = [row for row in usual if row.get("kind", "moved") == "moved"]
        keys = dict.fromkeys((setting(row, "sparsity"), _freezing(row)) for row in asked)
        found = [
            each
            for k, F in keys
            for each in against_centre(
                f"k = {k:g}, F = {F:g}", [row for row in chosen(usual, sparsity=k) if _freezing(row) == F]
            )
        ]
        if found:
            wide = "" if name.startswith("sparsity") else ", full width"
            moved.append(Part(f"{data}{wide}, p moved", "centre less place above 0", tuple(found)))
    return [*fixed, *moved]


def _freezing(row: Row) -> float:
    return round(setting(row, "prune") + setting(row, "lock"), 9)


def rules(files: Files) -> list[Part]:
    """E7: EPL less ERK at the same rates and sparsity."""
    parts = []
    for name, rows in files.items():
        for data, of in by_data(rows).items():
            found = []
            for p, q in rates_of(chosen(of, rule="erk")):
                pair = (chosen(of, rule=rule, prune=p, lock=q, sparsity=HALF) for rule in ("epl", "erk"))
                found += difference(f"{label(p, q)}, k = {HALF:g}", *pair)
            if found:
                wide = ", full width" if name == "positions.jsonl" else ""
                parts.append(Part(f"{NAMES[data]}{wide}", "EPL less ERK above 0", tuple(found)))
    return parts


def scenarios(files: Files) -> list[Part]:
    """E8: sources centred on each sparsity, half or more of them frozen, against the dense source at that sparsity."""
    parts = []
    for data, rows in by_data(chosen(all_rows(files), rule="epl")).items():
        dense = chosen(rows, prune=0.0, lock=0.0)
        found, means = [], {}
        for k in SPARSITIES:
            at_k = chosen(dense, sparsity=k)
            means |= {k: fmean(row["test"] for row in at_k)} if at_k else {}
            for F in MAPPED:
                rates = positioned(F, k)
                frozen = chosen(rows, prune=rates.prune, lock=rates.lock, sparsity=k)
                found += difference(f"k = {k:g}, F = {F:g}", frozen, at_k, -LITTLE)
        best = f", best k = {max(means, key=lambda k: means[k]):g} when dense" if means else ""
        parts.append(Part(f"{NAMES[data]}{best}", f"frozen less dense above -{LITTLE:g}", tuple(found)))
    return parts


PLACES = ("sparsity-mnist.jsonl", "sparsity-cora.jsonl", "sparsity-conv6.jsonl", "positions.jsonl")
POSITIONS = (
    "slt positions --model mlp --data-set mnist --epochs 10 --ratio .8 --seeds 3 --results torch_backend/results/positions.jsonl"
)
E6 = Experiment(
    "E6",
    "the centre is best",
    "The best ticket lies at the centre of the search interval.",
    f"{OTSUKA}: 3.3, Fig. 4",
    "Conv6, CIFAR-10, F = 0.8, 100 epochs, 3 seeds",
    "centre less every place a quarter of the interval or more away: p and q fixed and k moved, or k and F fixed and p moved.",
    PLACES,
    (*(f"slt sparsity --plan {plan} --results torch_backend/results/sparsity-{plan}.jsonl"
       for plan in ("mnist", "cora", "conv6")), POSITIONS),
    centre,
    figure="best_places",
)  # fmt: skip
E7 = Experiment(
    "E7",
    "EPL or ERK",
    "Layers should share the rates by EPL; it is better than ERK.",
    f"{OTSUKA}: 3.3, Fig. 4",
    "Conv6, CIFAR-10, F = 0.8, 100 epochs, 3 seeds",
    "EPL less ERK at the same rates, k = 0.5 at the centre.",
    ("claims-sizes.jsonl", "positions.jsonl"),
    ("slt experiments --run sizes", POSITIONS),
    rules,
)
E8 = Experiment(
    "E8",
    "three scenarios",
    "Whether middle, high or low sparsities are best, a source that is centred on the wanted sparsity can be frozen at little cost.",
    f"{OTSUKA}: Fig. 5",
    "Conv6 and ResNet-18, CIFAR-10; GIN, OGBN-Arxiv; accuracy over k and F",
    f"frozen (F = 0.5 and 0.7, centred on k) less dense, both at k = 0.1, 0.3, .. 0.9; little is at most {LITTLE:g} points.",
    ("claims-sizes.jsonl", "claims-map.jsonl", "claims-sizes-conv6.jsonl", "claims-map-conv6.jsonl", "sparsity-conv6.jsonl"),
    (*(f"slt experiments --run {plan}" for plan in ("sizes", "map", "sizes-conv6", "map-conv6")),
     "slt sparsity --plan conv6 --results torch_backend/results/sparsity-conv6.jsonl"),
    scenarios,
    figure="map",
)  # fmt: skip
