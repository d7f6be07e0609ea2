"""What do numbers of other laws need? The requirement n against eps for laws and alphabets, and that of whole numbers.

* requirement: n at delta = 0.05, targets |z| <= 1 uniformly, for each law, alphabet and rates of the grid: necessary,
  estimated and sufficient (theory.law_requirement; null where nothing is known), and measured.
* integers: numbers uniform on +-{1, .., M}, targets all whole |t| <= M, dense and frozen, choices from {0, 1}: the
  same, and n - log2 M.
* constants: signed constants at an eps below c/2: proven never to cover, and the successes measured at every n.

Both ends of a measured interval are fixed-sequence tests over n = 0 .. n_max (slt.core.intervals.smallest_n), with
n_max = 1.5 of the number that is proven necessary and 16, fixed before anything is drawn; the upper end is null
where it would lie above. Sizes were chosen before anything was measured.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log2

from simulations.run.experiment import Experiment, each_setting
from simulations.run.runner import Work
from slt.core.console import table
from slt.core.forms import Numbers, count
from slt.core.intervals import smallest_n, up_to
from slt.core.laws import law_of
from slt.core.store import Row
from slt.core.tables import Table

DELTA = 0.05
CONFIDENCE = 0.99
TRIALS = 2000
EPS = (0.1, 0.03, 0.01, 0.003)
MIXTURE = "mixture 0.5 uniform 0.2 0.5 normal"
LAWS = (
    ("uniform", False),
    ("uniform", True),
    ("normal 0.5", False),
    ("normal 0.5", True),
    ("product uniform uniform", False),
    (MIXTURE, False),
)
FROZEN = (("uniform", False), ("normal 0.5", False), ("normal 0.5", True))
RATES = (0.2, 0.2)  # prune and lock of what is frozen
ROOM = 16  # n above 1.5 of the necessary number that are looked at


@dataclass(frozen=True)
class Setting:
    """One question: which numbers, which choices, how much is frozen, which precision and targets."""

    kind: str
    law: str
    signed: bool
    prune: float
    lock: float
    eps: float
    radius: float


SETTINGS = (
    *(Setting("requirement", law, signed, 0.0, 0.0, eps, 1.0) for law, signed in LAWS for eps in EPS),
    *(Setting("requirement", law, signed, *RATES, eps, 1.0) for law, signed in FROZEN for eps in EPS[:3]),
    *(
        Setting("integers", f"integers {2**k}", False, *rates, 0.5, float(2**k))
        for rates in ((0.0, 0.0), RATES)
        for k in range(4, 17, 2)
    ),
    *(Setting("constants", "constant 0.5", signed, 0.0, 0.2, 0.24, 1.0) for signed in (False, True)),
)


def measure(setting: Setting, *, trials: int, seed: int) -> Row:
    """Return what is proven, estimated and measured of one setting."""
    from subsetsum.curves import success_counts
    from theory.law_requirement import law_requirement

    law = law_of(setting.law)
    told = {"law": law, "signed": setting.signed, "prune": setting.prune, "lock": setting.lock}
    known = law_requirement(setting.eps, DELTA, radius=setting.radius, **told)  # type: ignore[arg-type]
    n_max = (3 * (known.necessary or 32)) // 2 + ROOM
    counts = success_counts(n_max, setting.eps, trials, radius=setting.radius, seed=seed, **told)  # type: ignore[arg-type]
    found = smallest_n(counts.uniform, trials, 1 - DELTA, CONFIDENCE)
    return {
        "necessary": known.necessary,
        "estimated": known.estimated,
        "sufficient": known.sufficient,
        "n_max": n_max,
        "successes": int(counts.uniform.sum()),
        "lower": found.lower,
        "value": found.value,
        "upper": found.upper,
    }


NUMBER = Numbers(0, 10**6, whole=True, missing=True)


def contradicts(row: Row) -> bool:
    """Tell whether a measured interval lies outside of what is proven, or something was covered that never is."""
    if row["necessary"] is None:
        return bool(row["successes"] > 0)
    above = row["upper"] is not None and row["upper"] < row["necessary"]
    return above or (row["sufficient"] is not None and row["sufficient"] < row["lower"])


def work(trials: int, seed: int) -> Work:
    """Return every setting's key and measurement."""
    names = ("necessary", "estimated", "sufficient", "value", "upper")
    form = dict.fromkeys(names, NUMBER) | {"n_max": count(10**6), "lower": count(10**6), "successes": count(10**12)}
    return each_setting(SETTINGS, measure, trials, seed, form)


def _shown(number: int | None) -> str:
    return "-" if number is None else str(number)


def tables(rows: Sequence[Row]) -> Iterator[Table]:
    """Yield the requirement of each law, and that of whole numbers."""
    columns = ("<law", "<choices", "p", "q", "eps", "necessary", "estimated", "<measured", "sufficient")
    yield table(
        f"n at delta = {DELTA:g}, |z| <= 1",
        columns,
        [
            (
                row["law"],
                "-1, 0, 1" if row["signed"] else "0, 1",
                f"{row['prune']:g}",
                f"{row['lock']:g}",
                f"{row['eps']:g}",
                _shown(row["necessary"]),
                _shown(row["estimated"]),
                up_to(row),
                _shown(row["sufficient"]),
            )
            for row in rows
            if row["kind"] == "requirement"
        ],
    )
    yield table(
        f"Every whole number up to M, at delta = {DELTA:g}",
        ("M", "p", "q", "necessary", "<measured", "n - log2 M"),
        [
            (
                f"{row['radius']:.0f}",
                f"{row['prune']:g}",
                f"{row['lock']:g}",
                _shown(row["necessary"]),
                up_to(row),
                "-" if row["value"] is None else f"{row['value'] - log2(row['radius']):.0f}",
            )
            for row in rows
            if row["kind"] == "integers"
        ],
    )
    yield table(
        "Signed constants at eps < c/2: proven never to cover",
        ("<law", "<choices", "eps", "<n", "successes"),
        [
            (
                row["law"],
                "-1, 0, 1" if row["signed"] else "0, 1",
                f"{row['eps']:g}",
                f"0..{row['n_max']}",
                str(row["successes"]),
            )
            for row in rows
            if row["kind"] == "constants"
        ],
    )


main = Experiment(
    "laws",
    __doc__,
    work,
    tables,
    trials=TRIALS,
    what="trials a setting",
    seeded="the draws",
    confidence=CONFIDENCE,
    refuted=contradicts,
)
