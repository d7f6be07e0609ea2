"""What does a prescribed number of kept variables cost? Requirement and success where a choice keeps so many of them.

A choice keeps a share 1 - k of all variables (locked ones among them), where k is the sparsity, or N of every M
neighbours. Targets |z| <= 1, uniformly.

* requirement: n at delta = 0.05, for sparsities on both sides of the centre and for N:M, dense and frozen: necessary,
  estimated and sufficient (theory.kept_*), and measured; for the estimated n also the success that theory estimates and
  the one that is measured.
* places: success at one n over all sparsities at once, estimated and measured.

Both ends of a measured interval are fixed-sequence tests over n = 0 .. n_max (slt.core.intervals.smallest_n), for N:M
over the multiples of M, with n_max = 1.5 of the number that is proven necessary and 24, fixed before anything is drawn.
Success need not rise with n where a share is kept: the share of an odd n is rounded. Sizes were chosen before anything
was measured.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypedDict

import numpy as np

from simulations.run.experiment import Experiment, each_setting
from simulations.run.runner import Work
from slt.core.console import table
from slt.core.forms import Numbers, count
from slt.core.intervals import clopper_pearson, smallest_n, up_to
from slt.core.keep import Groups, Share, groups_of
from slt.core.store import Row
from slt.core.tables import Table, Written

DELTA = 0.05
CONFIDENCE = 0.99
TRIALS = 4000
EPS = (0.1, 0.01, 0.001)
SPARSITIES = (0.3, 0.5, 0.6, 0.8)
GROUPS = ("2:4", "1:2", "1:4", "1:8")
FROZEN = ((0.4, 0.0), (0.0, 0.3), (0.2, 0.2))
FROZEN_GROUPS = ((0.2, 0.0), (0.1, 0.1))
PLACES = ((20, 0.01, 0.0, 0.0), (40, 0.01, 0.2, 0.2), (60, 0.01, 0.0, 0.3), (40, 0.001, 0.4, 0.0))
ROOM = 24
MISSED = 0.03  # by how much the estimate may be off


class _Rates(TypedDict):
    prune: float
    lock: float


@dataclass(frozen=True)
class Setting:
    """One question. keep: a sparsity such as "0.5", or N:M; n: of the part "places" alone, else 0."""

    kind: str
    keep: str
    prune: float
    lock: float
    eps: float
    n: int = 0

    @property
    def kept(self) -> Share | Groups:
        """What is kept."""
        return groups_of(self.keep) if ":" in self.keep else Share(float(self.keep))

    @property
    def rates(self) -> "_Rates":
        """Shares of pruned and locked variables."""
        return {"prune": self.prune, "lock": self.lock}

    @property
    def said(self) -> dict[str, float | Groups]:
        """What is kept, as the functions that measure are told."""
        return {"keep": groups_of(self.keep)} if ":" in self.keep else {"sparsity": float(self.keep)}


def _centre(prune: float, lock: float) -> str:
    """The centre of [p, 1 - q], as a text."""
    return f"{(1 + prune - lock) / 2:g}"


SETTINGS = (
    *(Setting("requirement", f"{k:g}", 0.0, 0.0, eps) for k, eps in product(SPARSITIES, EPS)),
    *(Setting("requirement", _centre(p, q), p, q, eps) for (p, q), eps in product(FROZEN, EPS[:2])),
    *(Setting("requirement", keep, 0.0, 0.0, eps) for keep, eps in product(GROUPS, EPS)),
    *(Setting("requirement", "2:4 lenient", p, q, eps) for (p, q), eps in product(FROZEN_GROUPS, EPS[:2])),
    *(Setting("places", "0.5", prune, lock, eps, n) for n, eps, prune, lock in PLACES),
)


def measure(setting: Setting, *, trials: int, seed: int) -> Row:
    """Return what is proven, estimated and measured of one setting."""
    return (_places if setting.kind == "places" else _requirement)(setting, trials, seed)


def _requirement(setting: Setting, trials: int, seed: int) -> Row:
    from subsetsum.curves import success_counts
    from theory.kept_estimate import estimated_kept_n, estimated_kept_success
    from theory.kept_necessary import necessary_kept_n
    from theory.kept_sufficient import sufficient_kept_n

    kept, rates = setting.kept, setting.rates
    step = kept.of if isinstance(kept, Groups) else 1
    necessary = necessary_kept_n(setting.eps, DELTA, kept, **rates)
    if necessary is None:
        raise AssertionError(f"{setting} has no n at all")  # the settings are chosen so that it has
    n_max = -(-((3 * necessary) // 2 + ROOM) // step) * step
    counts = success_counts(n_max, setting.eps, trials, seed=seed, **rates, **setting.said)  # type: ignore[arg-type]
    found = smallest_n(counts.uniform[::step], trials, 1 - DELTA, CONFIDENCE)
    at = estimated_kept_n(setting.eps, DELTA, kept, **rates)
    there = None if at is None or at > n_max else clopper_pearson(int(counts.uniform[at]), trials, CONFIDENCE)
    return {
        "necessary": necessary,
        "estimated": at,
        "sufficient": sufficient_kept_n(setting.eps, DELTA, kept, **rates),
        "n_max": n_max,
        "lower": found.lower * step,
        "value": None if found.value is None else found.value * step,
        "upper": None if found.upper is None else found.upper * step,
        "success_estimated": None if at is None else estimated_kept_success(at, setting.eps, kept, **rates),
        "success_measured": None if there is None else [there.lower, there.value, there.upper],
        "places": None,
    }


def _places(setting: Setting, trials: int, seed: int) -> Row:
    from subsetsum.sizes import success_by_size
    from theory.kept_estimate import estimated_kept_success

    n, rates = setting.n, setting.rates
    counts = success_by_size(n, setting.eps, trials, seed=seed, **rates).uniform
    places = []
    for kept in range(n + 1):
        share = Share(1 - kept / n)
        there = clopper_pearson(int(counts[kept]), trials, CONFIDENCE)
        estimate = estimated_kept_success(n, setting.eps, share, **rates)
        places.append([share.sparsity, estimate, there.lower, there.value, there.upper])
    names = ("necessary", "estimated", "sufficient", "value", "upper", "success_estimated", "success_measured")
    return {**dict.fromkeys(names), "n_max": n, "lower": 0, "places": places}


def contradicts(row: Row) -> bool:
    """Tell whether a measured interval lies outside of what is proven."""
    if row["kind"] == "places":
        return False
    above = row["upper"] is not None and row["upper"] < row["necessary"]
    return bool(above or (row["sufficient"] is not None and row["sufficient"] < row["lower"]))


NUMBER = Numbers(0, 10**6, whole=True, missing=True)


def work(trials: int, seed: int) -> Work:
    """Return every setting's key and measurement."""
    form = dict.fromkeys(("necessary", "estimated", "sufficient", "value", "upper"), NUMBER)
    form |= {"n_max": count(10**6), "lower": count(10**6), "success_estimated": Numbers(0, 1, missing=True)}
    return each_setting(SETTINGS, measure, trials, seed, {**form, "success_measured": ..., "places": ...})


def _shown(number: int | None) -> str:
    return "-" if number is None else str(number)


def requirements(rows: Sequence[Row]) -> Table:
    """Return a line for each setting of the part "requirement"."""
    lines = []
    for row in rows:
        if row["kind"] != "requirement":
            continue
        ratio = None
        if row["sufficient"] is not None and row["value"]:
            ratio = f"{row['sufficient'] / row['value']:.2f}"
        there, said = row["success_measured"], row["success_estimated"]
        lines.append(
            (
                row["keep"],
                f"{row['prune']:g}, {row['lock']:g}",
                f"{row['eps']:g}",
                _shown(row["necessary"]),
                _shown(row["estimated"]),
                up_to(row),
                _shown(row["sufficient"]),
                ratio,
                None if said is None else f"{said:.3f}",
                None if there is None else Written(*(f"{end:.3f}" for end in (there[1], there[0], there[2]))),
            )
        )
    return table(
        f"n at delta = {DELTA:g}, |z| <= 1, where the sparsity or N:M is prescribed; success at the estimated n",
        (
            *("<keep", "<p, q", "eps", "necessary", "estimated", "<measured", "sufficient", "suff./meas."),
            *("success est.", "<success measured"),
        ),
        lines,
    )


def places(row: Row) -> Table:
    """Return a line for each sparsity of one setting of the part "places"."""
    lines = [
        (
            f"{sparsity:.3f}",
            f"{said:.3f}",
            Written(f"{value:.3f}", f"{lower:.3f}", f"{upper:.3f}"),
            f"{said - value:+.3f}",
        )
        for sparsity, said, lower, value, upper in row["places"]
        if upper > 0.01 or said > 0.01
    ]
    return table(
        f"Success over the sparsity: n = {row['n']}, eps = {row['eps']:g}, p = {row['prune']:g}, q = {row['lock']:g}",
        ("sparsity", "estimated", "<measured", "difference"),
        lines,
    )


def tables(rows: Sequence[Row]) -> Iterator[Table | str]:
    """Yield the requirement, then success over the sparsity."""
    yield requirements(rows)
    for row in rows:
        if row["kind"] == "places":
            yield places(row)
    off = [abs(row["success_estimated"] - row["success_measured"][1]) for row in rows if row["success_measured"]]
    off += [abs(place[1] - place[3]) for row in rows for place in row["places"] or []]
    if off:
        yield f"Largest difference of estimated and measured success: {np.max(off):.3f} over {len(off)} places and n."


main = Experiment(
    "kept",
    __doc__,
    work,
    tables,
    trials=TRIALS,
    what="trials a setting",
    seeded="the draws",
    confidence=CONFIDENCE,
    refuted=contradicts,
)
