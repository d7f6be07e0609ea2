"""What searched tickets say of their sparsity, as values: the best places, paired differences, and their verdicts.

Everything is paired by seed. Nothing here asks theory; predictions are arguments.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slt.core.intervals import MEANS, Estimate, mean_interval, paired_interval
from slt.core.store import Row

Floats = NDArray[np.float64]
Key = tuple[float, float, float, float, str]  # prune, lock, sparsity, factor, scope
GLOBAL = "global"
CENTRE = 0.5
SAME_BITS = 0.05  # sources have as many bits where they differ by at most this share


def key_of(row: Row) -> Key:
    """Return which source a row is of."""
    return (row["prune"], row["lock"], row["sparsity"], row["factor"], row["scope"])


def accuracies(rows: Sequence[Row]) -> dict[Key, Floats]:
    """Return the test accuracies of every source, (seeds,), over the seeds that all sources have.

    Raises ValueError when no seed has them all.
    """
    found: dict[Key, dict[int, float]] = {}
    for row in rows:
        found.setdefault(key_of(row), {})[row["seed"]] = row["test"]
    seeds = sorted(set.intersection(*(set(by_seed) for by_seed in found.values()))) if found else []
    if not seeds:
        raise ValueError("no seed has been run in all sources yet: run the plan to its end first")
    return {key: np.array([by_seed[seed] for seed in seeds]) for key, by_seed in found.items()}


def perhaps_best(table: Floats, confidence: float = MEANS) -> NDArray[np.bool_]:
    """Tell which rows of (options, seeds) may be the best: none of the others is shown to be better.

    Paired by seed. The truly best option is left out with probability at most 1 - confidence: it would have to be
    shown worse than one of the others, each of which is tested at a share of the error (Bonferroni), one-sided.

    >>> perhaps_best(np.array([[0.9, 0.91, 0.9], [0.5, 0.52, 0.51]]))
    array([ True, False])
    """
    others = max(len(table) - 1, 1)
    one_sided = 1 - 2 * (1 - confidence) / others
    return np.array(
        [
            not any(mean_interval(list(b - a), one_sided).lower > 0 for j, b in enumerate(table) if j != i)
            for i, a in enumerate(table)
        ]
    )


@dataclass(frozen=True)
class Places:
    """Sources that differ in the place alone. places: (places,), rising; accuracy: (places, seeds)."""

    label: str
    pair: tuple[float, float]
    places: tuple[float, ...]
    accuracy: Floats

    @property
    def best(self) -> float:
        """The place of the largest mean."""
        return self.places[int(self.accuracy.mean(axis=1).argmax())]

    @property
    def perhaps(self) -> tuple[float, float]:
        """The lowest and the highest place that may be the best of those searched."""
        left = [place for place, may in zip(self.places, perhaps_best(self.accuracy), strict=True) if may]
        return left[0], left[-1]

    @property
    def span(self) -> tuple[float, float]:
        """Between which places the best of all lies if accuracy rises up to it and falls behind it.

        These are the neighbours of :attr:`perhaps` on the grid of places, or 0 and 1.
        """
        low, high = (self.places.index(place) for place in self.perhaps)
        ends = (0.0, *self.places, 1.0)
        return ends[low], ends[high + 2]

    def verdict(self, predicted: Iterable[float]) -> str:
        """Say how predicted places stand to :attr:`span`.

        "agrees", "too low", "too high" where all of them do so; "agrees for some"; "straddles" where some are too low,
        the others too high; "undecided" where every place may be the best.

        >>> table = np.array([[0.5, 0.51], [0.9, 0.92], [0.5, 0.52]])
        >>> found = Places("", (0, 0), (0.25, 0.5, 0.75), table)
        >>> [found.verdict([x]) for x in (0.1, 0.6, 0.8)]
        ['too low', 'agrees', 'too high']
        """
        if bool(perhaps_best(self.accuracy).all()):
            return "undecided"
        low, high = self.span
        words = {"too low" if x < low else "too high" if x > high else "agrees" for x in predicted}
        if len(words) == 1:
            return words.pop()
        return "agrees for some" if "agrees" in words else "straddles"

    def at(self, place: float) -> Floats:
        """Return the accuracies at a place, (seeds,)."""
        return self.accuracy[self.places.index(place)]

    def mirrored(self) -> list[tuple[float, Estimate]]:
        """Return for each place x below 1/2 whose mirror image was searched: accuracy at x less that at 1 - x.

        The intervals hold together.
        """
        lower = [x for x in self.places if x < CENTRE and round(1 - x, 6) in self.places]
        return [(x, paired_interval(list(self.at(x)), list(self.at(round(1 - x, 6))), len(lower))) for x in lower]


def by_place(rows: Sequence[Row], found: dict[Key, Floats]) -> list[Places]:
    """Return the sources of the part "place", a :class:`Places` for each (p, q), in the order of the rows."""
    groups: dict[tuple[float, float], dict[float, Key]] = {}
    for row in rows:
        if row["kind"] == "place":
            groups.setdefault((row["prune"], row["lock"]), {})[row["place"]] = key_of(row)
    return [_places(f"{p:.3g}, {q:.3g}", (p, q), keys, found) for (p, q), keys in groups.items()]


def by_position(rows: Sequence[Row], found: dict[Key, Floats]) -> list[Places]:
    """Return those of the part "moved", for each (k, F); what other parts have searched of them included."""
    groups: dict[tuple[float, float], dict[float, Key]] = {}
    for row in rows:
        if row["kind"] == "moved":
            groups.setdefault(_moved(row), {})
    for row in rows:
        if row["factor"] == 1 and row["scope"] == GLOBAL and _moved(row) in groups:
            groups[_moved(row)][row["place"]] = key_of(row)
    return [_places(f"{k:.3g}, {f:.3g}", (k, f), keys, found) for (k, f), keys in groups.items()]


def _moved(row: Row) -> tuple[float, float]:
    return row["sparsity"], round(row["prune"] + row["lock"], 9)


def _places(label: str, pair: tuple[float, float], keys: dict[float, Key], found: dict[Key, Floats]) -> Places:
    places = tuple(sorted(keys))
    return Places(label, pair, places, np.array([found[keys[place]] for place in places]))


@dataclass(frozen=True)
class Against:
    """Tickets of N:M beside others: the row of either (of the first seed), and which of their properties is equal."""

    groups: Row
    other: Row
    equal: str


def against(rows: Sequence[Row]) -> list[Against]:
    """Return what every N:M source stands beside.

    One threshold for all layers and one for each layer, at the same rates and sparsity; and, among global thresholds at
    the same sparsity in other rates, the source whose bits are nearest, where they are within 5 %.
    """
    first: dict[Key, Row] = {}
    for row in rows:
        if row["factor"] == 1:
            first.setdefault(key_of(row), row)
    pairs: list[Against] = []
    for groups in (row for row in first.values() if ":" in row["scope"]):
        same = [row for row in first.values() if ":" not in row["scope"] and row["sparsity"] == groups["sparsity"]]
        rates = groups["prune"], groups["lock"]
        pairs += [Against(groups, row, "sparsity") for row in same if (row["prune"], row["lock"]) == rates]
        others = [row for row in same if (row["prune"], row["lock"]) != rates and row["scope"] == GLOBAL]
        nearest = min(others, key=lambda row: abs(row["bits"] - groups["bits"]), default=None)
        if nearest is not None and abs(nearest["bits"] / groups["bits"] - 1) <= SAME_BITS:
            pairs.append(Against(groups, nearest, "bits"))
    return pairs
