"""Claims on graphs, on kinds of weights, on jackpots, and on searches of other papers."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from slt.core.store import Row
from torch_backend.experiments.record import TIMES, Part, Quantity
from torch_backend.experiments.runs import By, all_rows, by_seed, chosen, difference, paired, ratio, setting
from torch_backend.experiments.sources import HALF, NAMES, by_data, rates_of

Files = Mapping[str, Sequence[Row]]
NO_LOSS = 0.5  # points that a jackpot may lose and still be called as good
CHEAPER = 3.0  # times, as published
LATE = 0.75  # of a search, from where on its mask should be calm
ONE_SHOT, TRAINED = ("snip", "grasp", "synflow"), ("edge-popup-local", "gradual", "probmask", "iterand")
OF_USE = 5.0  # points above a random mask that make a search of use


def kinds(files: Files) -> list[Part]:
    """E3: SKC, and SKC scaled by 1/sqrt(1 - k), less KU at several widths; and the narrowest gap less the widest."""
    plain, scaled, trend = [], [], []
    for data, of in by_data(all_rows(files)).items():
        rows = chosen(of, prune=HALF / 2, lock=HALF / 2, sparsity=HALF, rule="epl")
        gaps: dict[float, dict[int, float]] = {}
        found: dict[str, list[Quantity]] = {"none": [], "static": []}
        for width in sorted({setting(row, "width") for row in rows}):
            ku = by_seed(chosen(rows, width=width, weights="ku"))
            for scale, quantities in found.items():
                skc = by_seed(chosen(rows, width=width, weights="skc", scale=scale))
                if values := paired(skc, ku):
                    quantities.append(Quantity(f"width {width:.3g}", values))
                    if scale == "none":
                        gaps[width] = dict(zip(sorted(skc.keys() & ku.keys()), values, strict=True))
        plain.append(Part(f"{NAMES[data]}, SKC", "SKC less KU above 0", tuple(found["none"])))
        scaled.append(Part(f"{NAMES[data]}, scaled SKC", "scaled SKC less KU above 0", tuple(found["static"])))
        if len(gaps) > 1:
            narrow, wide = min(gaps), max(gaps)
            values = paired(gaps[narrow], gaps[wide], lambda a, b: a - b)
            text = f"gap at width {narrow:.3g} less gap at {wide:.3g}"
            trend.append(
                Part(f"{NAMES[data]}, narrow less wide", "gap falls with the width", (Quantity(text, values),))
            )
    return [*plain, *scaled, *trend]


def trained(files: Files) -> list[Part]:
    """E4: the ticket of a frozen GIN less the trained GIN, in each of its widths and with each kind of features."""
    parts = []
    for data, of in by_data(all_rows(files)).items():
        for width, features in dict.fromkeys((setting(row, "width"), setting(row, "features")) for row in of):
            rows = chosen(of, width=width, features=features)
            weights, found = chosen(rows, method="weights"), []
            tickets = [row for row in chosen(rows, method="edge-popup") if setting(row, "lock")]
            for p, q in rates_of(tickets):
                frozen = chosen(tickets, prune=p, lock=q)
                found += difference(f"k = {setting(frozen[0], 'sparsity'):g}, F = {p + q:g}", frozen, weights)
            name = f"{NAMES[data]} x {width:g}{', normalised features' * (features != 'raw')}"
            parts.append(Part(name, "frozen ticket less trained weights above 0", tuple(found)))
    return parts


def jackpots(files: Files) -> list[Part]:
    """E15: loss of a jackpot, steps of the random start for one of the magnitude start, swinging of masks."""
    rows = all_rows(files)
    short = {start: chosen(rows, own_start=start, own_restriction="short") for start in ("magnitude", "random")}
    free = {start: chosen(rows, own_start=start, own_restriction="none") for start in short}
    loss = paired(by_seed(short["magnitude"]), by_seed(short["magnitude"], "dense_test"))
    speed = [
        Quantity(f"{name} restriction", paired(_steps(of["random"]), _steps(of["magnitude"]), ratio), CHEAPER, TIMES)
        for name, of in (("short", short), ("no", free))
    ]
    calm = [
        Quantity(f"{start} start", paired(_swing(free[start]), _swing(short[start]), ratio), 1.0, TIMES)
        for start in short
    ]
    return [
        Part("90 % sparse", f"jackpot less dense network above -{NO_LOSS:g}", (Quantity("", loss, -NO_LOSS),)),
        Part("start from the largest weights", f"at least {CHEAPER:g} times fewer steps", tuple(speed)),
        Part("short restriction", "bits swing less than without it, late in the search", tuple(calm)),
    ]


def _steps(rows: Sequence[Row]) -> By:
    return by_seed(rows, "steps_to_random_loss")


def _swing(rows: Sequence[Row]) -> By:
    """Return for each seed the flips of bits for each that is another at an epoch's end, late in the search."""
    found = {}
    for row in rows:
        flipped, moved = row["curves"]["flipped"], row["curves"]["moved"]
        late = range(int(LATE * len(flipped)), len(flipped))
        found[row["seed"]] = fmean(row["steps"] * moved[epoch] / flipped[epoch] for epoch in late)
    return found


def rivals(files: Files) -> list[Part]:
    """E16: searches of other papers in frozen sources, less a random mask."""
    parts = []
    for words, methods in (("searches that train", TRAINED), ("choices at one shot", ONE_SHOT)):
        for data, of in by_data(all_rows(files)).items():
            rows = [row for row in chosen(of, sparsity=HALF, own_source="frozen") if not row["planted"]]
            random = chosen(rows, own_method="random")
            found = [
                each
                for method in methods
                for each in difference(method, chosen(rows, own_method=method), random, OF_USE)
            ]
            parts.append(Part(f"{words}, {NAMES[data]}", f"less a random mask above {OF_USE:g}", tuple(found)))
    return parts
