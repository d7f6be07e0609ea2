"""What the rows of the sparsity experiment say, as tables: places, what they cost in width, positions, N:M."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from slt.core import console
from slt.core.intervals import MEANS, compared, mean_interval, paired_interval, percent, points
from slt.core.store import Row
from slt.core.tables import Table, Written
from theory.factors import DELTA, EVERY_EPS
from torch_backend.commands import sparsity_theory as theory
from torch_backend.commands.matching import crossing, verdict_over
from torch_backend.commands.radii import span
from torch_backend.commands.requirement_tables import factor_text
from torch_backend.commands.sparsity_found import (
    CENTRE,
    GLOBAL,
    Floats,
    Key,
    Places,
    accuracies,
    against,
    by_place,
    by_position,
    key_of,
)

PRECISIONS = ", ".join(f"{eps:g}" for eps in EVERY_EPS)
TOLD = f"theory: estimates at radius 1, delta = {DELTA:g}, over eps = {PRECISIONS}"


def tables(rows: Sequence[Row]) -> Iterator[Table | str]:
    """Yield the tables of the parts that the rows hold.

    Raises ValueError when no seed has been run in all sources.
    """
    found = accuracies(rows)
    if groups := by_place(rows, found):
        yield accuracy_table(groups, "Test accuracy in % over the place x; p and q fixed, the sparsity moved", "<p, q")
        yield place_table(groups)
        yield mirror_table(groups)
        yield place_sentence(groups)
    if table := width_table(rows, found):
        yield table
    if moved := by_position(rows, found):
        title = "Test accuracy in % over the place x; the sparsity k and F = p + q fixed, p moved"
        yield accuracy_table(moved, title, "<k, F")
        yield place_table(moved, "<k, F", position=True)
        yield from map(position_sentence, moved)
    if table := groups_table(rows, found):
        yield table
    seeds = len(next(iter(found.values())))
    if seeds < len({row["seed"] for row in rows}):
        yield f"Seeds that not all sources have are left out; {seeds} remain."


def accuracy_table(groups: Sequence[Places], title: str, head: str) -> Table:
    """Return a line for each group of sources: the mean accuracy at every place, half the interval behind it."""
    places = sorted({place for group in groups for place in group.places})
    lines = []
    for group in groups:
        cells = dict(zip(group.places, map(_mean, group.accuracy), strict=True))
        lines.append((group.label, *(cells.get(place) for place in places)))
    return console.table(f"{title} ({MEANS:.0%} intervals)", (head, *(f"x = {place:g}" for place in places)), lines)


def _mean(values: Floats) -> str:
    estimate = mean_interval(list(values))
    half = f" ±{100 * (estimate.upper - estimate.value):.1f}" if estimate.trials > 1 else ""
    return f"{100 * estimate.value:.1f}{half}"


def predicted(group: Places, position: bool = False) -> list[float]:
    """Return theory's best place at every precision; position: of a fixed sparsity and F."""
    ask = theory.best_moved if position else theory.best
    return theory.over_eps(partial(ask, *group.pair))


def place_table(groups: Sequence[Places], head: str = "<p, q", *, position: bool = False) -> Table:
    """Return a line for each group: the best place found, theory's, and how they stand to each other."""
    lines = []
    for group in groups:
        told = predicted(group, position)
        low, high = group.perhaps
        best = Written(f"{group.best:g}", f"{low:g}", f"{high:g}")
        lines.append(
            (group.label, best, f"{group.span[0]:g}-{group.span[1]:g}", span(told, ".2f"), group.verdict(told))
        )
    title = (
        f"The best place: found [those that may be the best, {MEANS:.0%} for each line], and between which places it "
        f"lies\nif accuracy has one top; {TOLD}"
    )
    return console.table(title, (head, "best x", "between", "theory x*", "<verdict"), lines)


def mirror_table(groups: Sequence[Places]) -> Table:
    """Return a line for each group: accuracy at x less that at 1 - x. The intervals of a line hold together."""
    mirrored = [dict(group.mirrored()) for group in groups]
    places = sorted({x for line in mirrored for x in line})
    lines = [
        (group.label, *(points(line[x]) if x in line else None for x in places))
        for group, line in zip(groups, mirrored, strict=True)
    ]
    title = f"Accuracy at x less that at 1 - x, in points, by seed; simultaneous {MEANS:.0%} intervals in each line"
    return console.table(title, ("<p, q", *(f"{x:g} - {1 - x:g}" for x in places)), lines)


def place_sentence(groups: Sequence[Places]) -> str:
    """Count the verdicts on theory's places, and those sources whose centre is shown not to be the best."""
    words = [group.verdict(predicted(group)) for group in groups]
    counted = ", ".join(f"{word} {words.count(word)}" for word in dict.fromkeys(words))
    off = sum(not group.perhaps[0] <= CENTRE <= group.perhaps[1] for group in groups)
    return (
        f"Theory's best place in {len(groups)} sources: {counted}. The centre is shown not to be the best place in "
        f"{off} of them.\n"
    )


def width_table(rows: Sequence[Row], found: dict[Key, Floats]) -> Table | None:
    """Return a line for each place of each pair: the width factor at which it is as good as the centre at factor 1."""
    widths: dict[tuple[float, float], dict[float, dict[float, Floats]]] = {}
    for row in rows:
        if row["kind"] == "width":
            widths.setdefault((row["prune"], row["lock"]), {}).setdefault(row["place"], {})
    for row in rows:  # those of factor 1 belong to the part "place"
        places = widths.get((row["prune"], row["lock"]), {})
        if row["kind"] in ("width", "place") and row["place"] in places:
            places[row["place"]][row["factor"]] = found[key_of(row)]
    lines = []
    for (prune, lock), places in widths.items():
        reference = places.get(CENTRE, {}).get(1.0)
        for place in sorted(set(places) - {CENTRE}) if reference is not None else ():
            factors = tuple(sorted(places[place]))
            match = crossing(factors, np.array([places[place][factor] for factor in factors]) - reference)
            told = theory.over_eps(partial(theory.cost, place, prune, lock))
            lines.append(
                (
                    f"{prune:.3g}, {lock:.3g}",
                    f"{place:g}",
                    factor_text(match, factors),
                    span(told, ".2f"),
                    verdict_over(match, told),
                )
            )
    title = (
        f"Width factor from which tickets at x are as good as those at 1/2 at factor 1 ({MEANS:.0%} intervals), beside "
        f"n(x)/n(1/2);\n{TOLD}"
    )
    return console.table(title, ("<p, q", "x", "equal", "theory", "<verdict"), lines) if lines else None


def nearest(place: float, places: Sequence[float]) -> float:
    """Return which of the places is nearest, the lower of two.

    >>> nearest(0.44, (0.4, 0.5)), nearest(0.46, (0.4, 0.5))
    (0.4, 0.5)
    """
    return min(places, key=lambda x: (round(abs(x - place), 9), x))


def position_sentence(group: Places) -> str:
    """Say how the centre rule's place compares with those that were searched nearest to theory's choices."""
    where = f"Sparsity {group.pair[0]:g}, F = {group.pair[1]:g}"
    if CENTRE not in group.places:
        return f"{where}: the centre has not been searched.\n"
    chosen = sorted({nearest(x, group.places) for x in predicted(group, position=True)})
    others = [x for x in chosen if x != CENTRE]
    if not others:
        return f"{where}: theory's choice is nearest to the centre too, so the two rules are not told apart.\n"
    said = []
    for x in others:
        found = paired_interval(list(group.at(CENTRE)), list(group.at(x)), len(others))
        word = {"better": "better than", "worse": "worse than", "undecided": "not shown to differ from"}[
            compared(found)
        ]
        said.append(f"the centre is {word} theory's choice, x = {x:g}: {points(found)} points")
    also = " At some precision theory chooses the centre." if len(others) < len(chosen) else ""
    return f"{where}: {'; '.join(said)}.{also}\n"


def groups_table(rows: Sequence[Row], found: dict[Key, Floats]) -> Table | None:
    """Return a line for each N:M source and each source of one threshold that it stands beside."""
    pairs = against(rows)
    lines = []
    for pair in pairs:
        groups, other = pair.groups, pair.other
        mine, its = found[key_of(groups)], found[key_of(other)]
        gain = paired_interval(list(mine), list(its), len(pairs))
        threshold = "one threshold" if other["scope"] == GLOBAL else "one for each layer"
        lines.append(
            (
                f"{groups['scope']} in {groups['prune']:.3g}, {groups['lock']:.3g}",
                f"{groups['bits']:,.0f}",
                percent(mean_interval(list(mine))).parts[0],
                f"{threshold} in {other['prune']:.3g}, {other['lock']:.3g}",
                pair.equal,
                f"{other['bits']:,.0f}",
                percent(mean_interval(list(its))).parts[0],
                points(gain),
                compared(gain),
            )
        )
    title = (
        "N:M tickets beside those of one threshold, at the same sparsity and rates, or the same sparsity and number of "
        f"bits\n(within 5 %); simultaneous {MEANS:.0%} intervals of the paired difference over all lines"
    )
    columns = ("<N:M in p, q", "bits", "test %", "<beside", "<equal", "its bits", "its test %", "difference", "<N:M is")
    return console.table(title, columns, lines) if lines else None
