"""What tickets that are found need, against what theory predicts.

What to see: one row of panels a data set. Left, test accuracy of searched tickets over the source's width factor: a
curve for each pair of pruned and locked shares (p, q), and the more is frozen the further right it lies. If a law of
theory were the whole story, dividing the width by its requirement (third panel) would lay all curves on one; over the
number of free weights (second) they would lie on one if free weights were all that counts. Each title says by how many
points a curve misses the one through all others. Right, the width factor at which a frozen source is as good as the
dense reference, with its interval, over the factor of the estimated requirement; a bar across reaches over the
necessary and the proven one. Below the diagonal tickets need less than predicted; triangles lie outside the widths run.
All predictions in the panels are at radius 1 and eps = 0.01: for targets no larger than the source's largest numbers.
The right titles add what the layers' own radii and rates make of the mean, for target weights up to 1.
Reads the files requirement-*.jsonl that ``slt factors`` writes.
"""

from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from figures.record import Figure, words
from figures.style import COLOURS, arrange, key, panels, save, tips
from slt.core.intervals import mean_interval, percent
from slt.core.places import committed
from slt.core.store import Row
from theory.factors import width_factor
from torch_backend.commands.requirement_tables import (
    ABSCISSAE,
    CENTRE,
    Curve,
    curves,
    factor_text,
    matched,
    mean_ratio,
    miss,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLES = {"mnist": "MNIST, MLP", "cora": "Cora, GIN", "conv6": "CIFAR-10 (reduced), Conv6"}
RESULTS = {plan: committed("torch_backend", f"requirement-{plan}.jsonl") for plan in TITLES}
SHOWN = {"width": "the width", "free": "the number of free weights", "estimated": "width over requirement"}
KINDS = (COLOURS["measured"], COLOURS["necessary"], COLOURS["sufficient"], COLOURS["other"])  # dense, p, q, both
MARKERS = "os^Dv"
Found = Mapping[str, list[Curve]]


def load(*paths: str | Path) -> dict[str, list[Curve]]:
    """Return the curves at the centre by plan, from the rows of ``slt factors``, by default the committed ones.

    Raises ValueError where a plan lacks the dense reference, a seed at all widths, or a frozen source.
    """
    plans: dict[str, list[Row]] = {}
    for row in FIGURE.rows(paths):
        plans.setdefault(row["plan"], []).append(row)
    found = {}
    for plan, rows in plans.items():
        try:
            found[plan] = [curve for curve in curves(rows) if curve.place == CENTRE]
        except ValueError as error:
            raise ValueError(f"{', '.join(map(str, FIGURE.files(paths)))}, plan {plan}: {error}") from None
        if len(found[plan]) < 2:
            raise ValueError(
                f"{', '.join(map(str, FIGURE.files(paths)))}, plan {plan}: the figure comparison needs the dense "
                f"reference and at least one frozen source, both with place = {CENTRE:g}"
            )
    return dict(sorted(found.items(), key=lambda item: [*TITLES, item[0]].index(item[0])))


def again(plan: str) -> str:
    """Return the command that makes the committed rows of a plan, or the name of another plan."""
    return FIGURE.again(RESULTS[plan]) if plan in RESULTS else plan


def looks(found: Found) -> dict[str, tuple[str, str]]:
    """Return colour (what is frozen) and marker (how much of it, in rising order) of every pair."""
    pairs = sorted({(c.prune, c.lock) for chosen in found.values() for c in chosen}, key=lambda pair: (sum(pair), pair))
    kinds: dict[int, list[tuple[float, float]]] = {}
    for p, q in pairs:
        kinds.setdefault((p > 0) + 2 * (q > 0), []).append((p, q))
    return {
        f"{p:g}, {q:g}": (KINDS[kind], MARKERS[place % len(MARKERS)])
        for kind, members in sorted(kinds.items())
        for place, (p, q) in enumerate(members)
    }


def draw(ax: "Axes", chosen: Sequence[Curve], abscissa: str, look: Mapping[str, tuple[str, str]], plan: str) -> None:
    """Draw the accuracies of one data set over one abscissa, with intervals over seeds."""
    for curve in chosen:
        colour, marker = look[curve.label]
        x = curve.abscissa(abscissa)
        estimates = [mean_interval(list(values)) for values in curve.accuracy]
        y = [100 * estimate.value for estimate in estimates]
        half = [min(100 * (estimate.upper - estimate.value), 100) for estimate in estimates]
        ax.errorbar(x, y, half, color=colour, marker=marker, ms=5, lw=1.2, elinewidth=0.6, alpha=0.85)
        texts = [
            f"p = {curve.prune:g}, q = {curve.lock:g}, width factor {factor:.3g}, {ABSCISSAE[abscissa]} {at:.3g}: "
            f"{percent(estimate)} %, {estimate.trials} seeds from 0; {again(plan)}"
            for factor, at, estimate in zip(curve.factors, x, estimates, strict=True)
        ]
        tips(ax, [float(value) for value in x], y, texts)
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}" if value >= 0.1 else f"1/{1 / value:.0f}")
    means = np.concatenate([curve.accuracy.mean(axis=1) for curve in chosen])
    ax.set_ylim(100 * means.min() - 2, 100 * means.max() + 2)
    ax.set_xlabel(ABSCISSAE[abscissa])


def draw_factors(ax: "Axes", chosen: Sequence[Curve], look: Mapping[str, tuple[str, str]], plan: str) -> None:
    """Draw measured over predicted width factors; a factor outside the widths run is a triangle at the edge."""
    low, high = chosen[0].factors[0] / 1.15, chosen[0].factors[-1] * 1.15
    right = 1.0
    for curve in chosen[1:]:
        found = matched(curve, chosen[0])
        predicted, *others = (
            width_factor(law, curve.prune, curve.lock) for law in ("estimated", "necessary", "proven")
        )
        right = max(right, predicted, *others)
        colour, marker = look[curve.label]
        ends = max(found.lower, low), min(found.upper, high)
        at = min(max(found.value, low), high)
        inside = 0 < found.value < inf
        if not inside:  # open, within the axes, pointing to where it lies
            marker, at = ("v", low * 1.06) if found.value == 0 else ("^", high / 1.06)
        ax.plot([predicted] * 2, ends, color=colour, lw=1.4)
        ax.plot([min(predicted, *others), max(predicted, *others)], [at] * 2, color=colour, lw=1, alpha=0.5)
        ax.plot(predicted, at, marker, color=colour, ms=7 if inside else 9, mfc=colour if inside else "w", zorder=4)
        text = (
            f"p = {curve.prune:g}, q = {curve.lock:g}: measured {factor_text(found, curve.factors)}, at radius 1 "
            f"estimated {predicted:.3g}, necessary {others[0]:.3g}, proven {others[1]:.3g}, "
            f"{curve.accuracy.shape[1]} seeds from 0; {again(plan)}"
        )
        tips(ax, [predicted], [at], [text])
    ax.plot([low, 1.15 * right], [low, 1.15 * right], color=COLOURS["estimated"], lw=1, ls="--")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.set_ylim(low, high)
    ax.set_xlim(0.9, 1.15 * right)
    ax.set_xlabel("estimated width factor (radius 1)")
    ax.set_ylabel("measured width factor")


def headline(chosen: Sequence[Curve]) -> str:
    """Say how the measured factors stand to the predicted ones, or that none lies within the widths run."""
    ratio, _ = mean_ratio(chosen)
    if ratio is None:
        return "no measured factor within the widths run"
    own = mean_ratio(chosen, lambda curve: curve.asked.factor() if curve.asked else 1.0)[0]
    layers = f",\n{own:.2f} at the layers' own radii" if all(curve.asked for curve in chosen) else ""
    return f"measured is {ratio:.2f} of estimated{layers}"


def finding(found: Found) -> str:
    """Say on which abscissa the curves of each data set lie closest together."""
    best: dict[str, list[str]] = {}
    for plan, chosen in found.items():
        best.setdefault(min(SHOWN, key=lambda name: miss(chosen, name)), []).append(TITLES.get(plan, plan))
    parts = [f"{SHOWN[name]} ({'; '.join(plans)})" for name, plans in best.items()]
    return f"Accuracies of searched tickets lie closest to one curve over {' and '.join(parts)}"


def render(found: Found, folder: str | Path, name: str = "comparison") -> list[Path]:
    """Draw a row of panels for every data set and write PNG and SVG to ``folder``."""
    look = looks(found)
    with panels(len(found), len(SHOWN) + 1, size=(17, 4.1 * len(found) + 0.7), squeeze=False) as (figure, axes):
        from matplotlib.lines import Line2D

        for (plan, chosen), row in zip(found.items(), axes, strict=True):
            for ax, abscissa in zip(row, SHOWN, strict=False):
                draw(ax, chosen, abscissa, look, plan)
                ax.set_title(f"curves miss each other by {100 * miss(chosen, abscissa):.1f} points")
            row[0].set_ylabel(f"{TITLES.get(plan, plan)}\ntest accuracy, %")
            draw_factors(row[-1], chosen, look, plan)
            row[-1].set_title(headline(chosen))
        keys = [
            Line2D([], [], color=colour, marker=marker, ms=7, label=f"p = {label.replace(', ', ', q = ')}")
            for label, (colour, marker) in look.items()
        ]
        keys.append(Line2D([], [], color=COLOURS["estimated"], lw=1, ls="--", label="as predicted"))
        figure.suptitle(finding(found))
        arrange(figure)
        key(figure, keys, loc="upper center", ncols=6, bbox_to_anchor=(0.5, 0.0))
        paths = save(figure, name, folder)
    return paths


FIGURE = Figure(
    name="comparison",
    about="accuracy of searched tickets over three abscissae, and their width factors against theory",
    results=tuple(RESULTS.values()),
    commands=tuple(
        words(f"slt factors --plan {plan} --out runs/requirement --results", path) for plan, path in RESULTS.items()
    ),
    minutes=45,
    needs=("plan", "prune", "lock", "place", "factor", "sparsity", "weights", "seed", "test", "bits", "settings"),
    load=load,
    render=render,
)
