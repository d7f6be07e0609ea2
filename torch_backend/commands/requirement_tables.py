"""What the rows of the requirement experiment say: curves, matching factors, how well curves collapse; as tables."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, inf, log

import numpy as np
from numpy.typing import NDArray

from slt.core import console
from slt.core.intervals import MEANS, mean_interval, shown
from slt.core.store import Row
from slt.core.tables import Table, Written
from theory.factors import DELTA, EPS, EVERY_EPS, LAWS, width_factor
from torch_backend.commands import radii
from torch_backend.commands.matching import Match, best_exponent, crossing, missed, noise, over_seeds, verdict_over
from torch_backend.training.settings import Settings

Floats = NDArray[np.float64]
CENTRE = 0.5
SHORT = ("nec.", "est.", "proven", "publ.")  # LAWS in the heads of columns
NEEDED = {"plan", "prune", "lock", "place", "factor", "sparsity", "weights", "seed", "test", "bits", "settings"}
ABSCISSAE = {
    "width": "width factor",
    "free": "free weights / reference weights",  # over it curves coincide if only their number counts: factor 1/(1-p-q)
    "kept": "kept weights / reference weights",
    "estimated": "width factor / estimated factor (radius 1)",
}


@dataclass(frozen=True)
class Curve:
    """Accuracy of one pair at one place over the width. factors, free, kept: (widths,); accuracy: (widths, seeds).

    free and kept weights are counted in units of all weights of the reference. asked: of the reference's layers, None
    where they have no radius.
    """

    prune: float
    lock: float
    place: float
    factors: tuple[float, ...]
    accuracy: Floats
    free: Floats
    kept: Floats
    asked: radii.Asked | None = None

    @property
    def label(self) -> str:
        """The pair."""
        return f"{self.prune:g}, {self.lock:g}"

    @property
    def told(self) -> bool:
        """Whether predictions speak of it: a frozen source at the centre of its interval."""
        return self.place == CENTRE and self.prune + self.lock > 0

    def at_one(self, eps: float = EPS) -> float:
        """Return the estimated factor at radius 1, that is for targets no larger than the source's largest numbers."""
        return width_factor("estimated", self.prune, self.lock, eps)

    def abscissa(self, name: str) -> Floats:
        """Return one of :data:`ABSCISSAE`."""
        if name in ("free", "kept"):
            return self.free if name == "free" else self.kept
        factors = np.array(self.factors)
        return factors / self.at_one() if name == "estimated" else factors


def curves(rows: Sequence[Row]) -> list[Curve]:
    """Return the curves in the order of the rows, with the seeds that all their widths have, the dense one first.

    Raises ValueError when a row lacks something, no seed has all widths, or the dense reference is not among the rows.
    """
    if not rows or any(NEEDED - set(row) for row in rows):
        raise ValueError(f"rows of the requirement experiment need {', '.join(sorted(NEEDED))}")
    arms: dict[tuple[float, float, float], dict[float, dict[int, Row]]] = {}
    for row in rows:
        widths = arms.setdefault((row["prune"], row["lock"], row["place"]), {})
        widths.setdefault(row["factor"], {})[row["seed"]] = row
    groups = [by_seed for widths in arms.values() for by_seed in widths.values()]
    seeds = sorted(set.intersection(*(set(by_seed) for by_seed in groups)))
    if not seeds:
        raise ValueError("no seed has been run at all widths yet: run the plan to its end first")
    dense = (0, 0, CENTRE)
    if 1 not in arms.get(dense, {}):
        raise ValueError("the rows lack the dense reference: prune 0, lock 0, place 0.5, factor 1")
    reference = arms[dense][1][seeds[0]]
    unit, settings = reference["weights"], Settings(**reference["settings"])
    layered = not radii.no_radius(settings)
    found = []
    for pair in sorted(arms, key=lambda pair: pair != dense):
        factors = tuple(sorted(arms[pair]))
        one = [arms[pair][factor][seeds[0]] for factor in factors]
        found.append(
            Curve(
                *pair,
                factors,
                np.array([[arms[pair][factor][seed]["test"] for seed in seeds] for factor in factors]),
                np.array([row["bits"] / unit for row in one]),
                np.array([(1 - row["sparsity"]) * row["weights"] / unit for row in one]),
                radii.asked(settings, *pair[:2]) if layered else None,
            )
        )
    return found


def matched(curve: Curve, dense: Curve, margin: float = 0.0) -> Match:
    """Return the width factor from which ``curve`` is as good as the dense reference, less ``margin``."""
    reference = dense.accuracy[dense.factors.index(1)]
    return crossing(curve.factors, curve.accuracy - reference, margin)


def mean_ratio(found: Sequence[Curve], predicted: Callable[[Curve], float] = Curve.at_one) -> tuple[float | None, int]:
    """Return the geometric mean of measured over ``predicted`` factors, and over how many sources.

    Only frozen sources at the centre whose measured factor lies within the widths run: those that never match are
    missing, so the mean is too low where there are such.
    """
    pairs = [(matched(curve, found[0]).value, curve) for curve in found if curve.told]
    logs = [log(value / predicted(curve)) for value, curve in pairs if 0 < value < inf]
    return exp(float(np.mean(logs))) if logs else None, len(logs)


def miss(found: Sequence[Curve], abscissa: str, accuracy: Floats | None = None) -> float:
    """Return how far the curves at the centre lie apart on one of :data:`ABSCISSAE`, by :func:`matching.missed`.

    accuracy: means (points,) in place of the curves' own. The centre alone, because no requirement knows of the
    sparsity.
    """
    x, groups, table = _points(found, abscissa)
    return missed(x, table.mean(axis=1) if accuracy is None else accuracy, groups)


def power(found: Sequence[Curve], accuracy: Floats) -> float:
    """Return the power of the estimated requirement by which widths must be divided for curves to lie closest."""
    factors, groups, _ = _points(found, "width")
    return best_exponent(factors, factors / _points(found, "estimated")[0], accuracy, groups)


def _points(found: Sequence[Curve], abscissa: str) -> tuple[Floats, list[str], Floats]:
    """Abscissa (points,), curve and accuracies (points, seeds) of all points at the centre."""
    chosen = [curve for curve in found if curve.place == CENTRE]
    x = np.concatenate([curve.abscissa(abscissa) for curve in chosen])
    return x, [curve.label for curve in chosen for _ in curve.factors], np.concatenate([c.accuracy for c in chosen])


def tables(rows: Sequence[Row], margin: float) -> Iterator[Table | str]:
    """Yield the accuracies, the factors beside the predictions, and how well each abscissa collapses the curves."""
    found = curves(rows)
    seeds = found[0].accuracy.shape[1]
    yield accuracies(found)
    yield factor_table(found, margin)
    if any(curve.told for curve in found):
        yield from compared(found, Settings(**rows[0]["settings"]))
    if len(found) > 1:
        yield collapse_table(found)
    if seeds < len({row["seed"] for row in rows}):
        yield f"Seeds that not all widths have are left out; {seeds} remain."


def accuracies(found: Sequence[Curve]) -> Table:
    """Return a line for each curve: mean test accuracy by width, half the interval behind it."""
    factors = sorted({factor for curve in found for factor in curve.factors})
    lines = []
    for curve in found:
        cells: dict[float, str] = {}
        for factor, values in zip(curve.factors, curve.accuracy, strict=True):
            estimate = mean_interval(list(values))
            half = 100 * (estimate.upper - estimate.value)
            cells[factor] = f"{100 * estimate.value:.1f}" + (f" ±{half:.1f}" if half < inf else "")
        lines.append([curve.label, f"{curve.place:g}", *(cells.get(factor) for factor in factors)])
    columns = ["<p, q", "t", *(f"{factor:.2f}" for factor in factors)]
    seeds = found[0].accuracy.shape[1]
    title = f"Test accuracy of tickets in % by width factor, {MEANS:.0%} intervals of the mean over {seeds} seeds"
    return console.table(title, columns, lines)


def compared(found: Sequence[Curve], settings: Settings) -> Iterator[Table | str]:
    """Yield the factors by layer and by radius, and how measured ones stand to them in the mean."""
    told = [curve for curve in found if curve.told]
    sources = [curve.asked for curve in told if curve.asked is not None]
    if len(sources) < len(told):
        yield f"{radii.no_radius(settings)}. What is said of radius 1 is said of uniform numbers.\n"
    else:
        yield radii.layer_table(sources)
        matches = [matched(curve, found[0]) for curve in told]
        texts = [factor_text(match, curve.factors) for match, curve in zip(matches, told, strict=True)]
        yield radii.radius_table(list(zip(sources, matches, texts, strict=True)))
    yield ratio_table(found)


def ratio_table(found: Sequence[Curve]) -> Table:
    """Return a line for each radius: the geometric mean of measured over estimated factors at every precision."""

    def means(predicted: Callable[[Curve, float], float]) -> list[str | None]:
        ratios = [mean_ratio(found, lambda curve, eps=eps: predicted(curve, eps))[0] for eps in EVERY_EPS]  # type: ignore[misc]
        return [None if ratio is None else f"{ratio:.2f}" for ratio in ratios]

    lines = [("radius 1", *means(Curve.at_one))]
    if all(curve.asked is not None for curve in found):
        lines.append(("layers' own radii and rates", *means(lambda c, eps: c.asked.factor(eps) if c.asked else 1.0)))
    title = (
        f"Geometric mean of equal / estimated over the {mean_ratio(found)[1]} frozen sources at the centre whose "
        "factor lies within the widths run"
    )
    return console.table(title, ("<estimated at", *(f"eps {eps:g}" for eps in EVERY_EPS)), lines)


def factor_table(found: Sequence[Curve], margin: float) -> Table:
    """Return a line for each curve: measured factors, four predictions at radius 1, the estimate's ranges, verdicts."""
    dense, lines = found[0], []
    for curve in found:
        equal, near = matched(curve, dense), matched(curve, dense, margin)
        at_one = [curve.at_one(eps) for eps in EVERY_EPS]
        layers = curve.asked.every() if curve.told and curve.asked is not None else None
        lines.append(
            (
                curve.label,
                f"{curve.place:g}",
                factor_text(equal, curve.factors),
                factor_text(near, curve.factors),
                *(f"{width_factor(law, curve.prune, curve.lock):.2f}" for law in LAWS),
                radii.span(at_one),
                verdict_over(equal, at_one) if curve.told else None,
                radii.span(layers) if layers else None,
                verdict_over(equal, layers) if layers else None,
            )
        )
    every = ", ".join(f"{value:g}" for value in EVERY_EPS)
    title = (
        "Width factor from which tickets are as good as in the dense reference: equal, or within "
        f"{100 * margin:g} points ({MEANS:.0%} intervals);\nn(p, q)/n(0, 0) at radius 1, eps = {EPS:g}, delta = "
        f"{DELTA:g} by four laws;\nthe estimate's range over eps = {every}, at radius 1, and over the radii and rates "
        "of the layers (next table), each with its verdict;\nt: place of the sparsity in its interval"
    )
    columns = (
        *("<p, q", "t", "equal", f"within {100 * margin:g}", *SHORT),
        *("radius 1", "<verdict", "layers", "<verdict there"),
    )
    return console.table(title, columns, lines)


def collapse_table(found: Sequence[Curve]) -> Table:
    """Return a line for each abscissa: by how many points a curve misses the common curve of the others."""
    table = _points(found, "width")[2]
    lines: list[tuple[str, str]] = []
    for key, name in ABSCISSAE.items():
        spread = over_seeds(table, lambda means, key=key: miss(found, key, means))  # type: ignore[misc]
        lines.append((name, shown(spread, ".2f", 100)))
    lines.append(("(standard error of the means)", f"{100 * noise(table):.2f}"))
    lines.append(
        ("best power of the estimate to divide by", shown(over_seeds(table, lambda y: power(found, y)), ".2f"))
    )
    title = "How far curves lie apart: root mean square miss of the others' curve, in points; all pairs at the centre"
    return console.table(title, ("<abscissa", "miss"), lines)


def factor_text(measured: Match, factors: Sequence[float]) -> Written:
    """Return "1.8 [1.4, 2]"; what lies outside the widths run is said as ≤ or > the last of them.

    >>> factor_text(Match(0.0, 1.5, inf), (1.0, 2.0)), factor_text(Match(2, inf, inf), (1.0, 2.0))
    ('1.50 [≤1, >2]', '>2 [2, >2]')
    """

    def text(value: float, digits: str) -> str:
        if value == 0:
            return f"≤{factors[0]:.3g}"
        return f">{factors[-1]:.3g}" if value == inf else format(value, digits)

    return Written(text(measured.value, ".2f"), text(measured.lower, ".3g"), text(measured.upper, ".3g"))
