"""How large are the constants of Lueker's and da Cunha's theorems? Brackets: measured, necessary and proven.

Both theorems bound the probability that the subset sums of n uniform numbers miss some |x| <= 1/2 by more than eps, for
all n and eps, with a constant C that no paper computes (theory.tails). For each this prints between which numbers the
smallest true C lies.

* measured: exact one-sided Clopper-Pearson limits of the failure probability at every n up to n_max give lower ends of
  C. All limits of all settings hold together with confidence 0.99.
* necessary: proven lower bounds of the failure probability at every n (theory.necessary); and counting, in the limit
  eps -> 0.
* proven: the growth game's upper bounds (theory.game) on a grid of eps so fine that every eps between is served, and
  below the smallest a closed form. A C at or above the upper end is proven for all n and all eps of its domain.

Everything was fixed before it was run; n_max and the number of trials after a look with seed 100.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, exp, floor, inf, log, log2

from simulations.run.experiment import Experiment, each_setting
from simulations.run.runner import Work
from slt.core.console import table
from slt.core.forms import Numbers, count
from slt.core.intervals import upper_limit
from slt.core.store import Row
from slt.core.tables import Table
from theory.tails import COUNTING, LEAST_KAPPA, LUEKER, PROVEN_KAPPA, Tail, dacunha

TRIALS = 100_000
CONFIDENCE = 0.99
EPS = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
STEP = 1.04  # of log(1/eps) on the grid of the game
SMALLEST = 1e-6
LEAST = 1e-15  # the game's table ends below it
KAPPAS = (1.0, 2.0, 4.0, 8.0, 16.0)
STATEMENTS = (("Lueker 1998, Cor. 2.5", LUEKER), *((f"da Cunha 2023, kappa = {k:g}", dacunha(k)) for k in KAPPAS))


@dataclass(frozen=True)
class Setting:
    """One precision; kind: "measured", or "proven" for all eps in [eps, end)."""

    kind: str
    eps: float
    end: float


def grid() -> tuple[tuple[float, float], ...]:
    """Return intervals [eps, end) that make up [SMALLEST, 1/2).

    >>> grid()[0][1], grid()[-1][0]
    (0.5, 1e-06)
    """
    ends = [0.5]
    while ends[-1] > SMALLEST:
        ends.append(max(exp(STEP * log(ends[-1])), SMALLEST))
    return tuple((low, high) for high, low in pairwise(ends))


SETTINGS = (
    *(Setting("measured", eps, eps) for eps in EPS),
    *(Setting("proven", *interval) for interval in grid()),
)


def largest(eps: float) -> int:
    """Return n_max: up to where failures are likely enough to say something of C."""
    return ceil(1.35 * log2(1 / eps)) + 2


def measure(setting: Setting, *, trials: int, seed: int) -> Row:
    """Return successes (n_max + 1,), or proven bounds of the failure probability for n = 0, 1, .. from both sides."""
    n_max = largest(setting.eps)
    if setting.kind == "measured":
        from subsetsum import success_counts

        found = success_counts(n_max, setting.eps, trials, radius=0.5, seed=seed).uniform
        return {"successes": [int(number) for number in found]}
    from theory.game import cover_failures
    from theory.necessary import failure_at_least

    return {
        "at_least": [max(_short(failure_at_least(n, setting.eps, radius=0.5), -1e-4), 0.0) for n in range(n_max + 1)],
        "at_most": [min(_short(bound, 1e-3), 1.0) for bound in cover_failures(setting.eps, LEAST)],
    }


def work(trials: int, seed: int) -> Work:
    """Return every setting's key and measurement."""
    form = {"successes?": [count(trials)], "at_least?": [Numbers(0, 1)], "at_most?": [Numbers(0, 1)]}
    return each_setting(SETTINGS, measure, trials, seed, form)


def measured_failures(rows: Sequence[Row]) -> list[tuple[int, float, float]]:
    """Return (n, eps, lower limit of the failure probability), which hold all together with confidence 0.99."""
    chosen = [row for row in rows if row["kind"] == "measured"]
    alpha = (1 - CONFIDENCE) / sum(len(row["successes"]) for row in chosen)
    return [
        (n, row["eps"], 1 - float(limit))
        for row in chosen
        for n, limit in enumerate(upper_limit(row["successes"], row["trials"], alpha))
    ]


def necessary_failures(rows: Sequence[Row]) -> list[tuple[int, float, float]]:
    """Return (n, eps, proven lower bound of the failure probability)."""
    return [(n, row["eps"], p) for row in rows if row["kind"] == "proven" for n, p in enumerate(row["at_least"])]


def proven_constant(tail: Tail, rows: Sequence[Row], least: float = SMALLEST) -> float:
    """Return a C that is proven for all n and all eps >= ``least``, at least SMALLEST; for all eps if it is 0."""
    ends = [
        tail.proven(row["eps"], row["end"], row["at_most"])
        for row in rows
        if row["kind"] == "proven" and row["end"] > least
    ]
    return max([*ends, *([tail.proven_below(SMALLEST)] if least == 0 else [])])


def tables(rows: Sequence[Row]) -> Iterator[Table | str]:
    """Yield the brackets, and the lower ends by precision."""
    cells = []
    measured, necessary = measured_failures(rows), necessary_failures(rows)
    for name, tail in STATEMENTS:
        if tail.kappa < LEAST_KAPPA:
            cells.append((name, *[None] * 5, f"refuted for every C: kappa is below 1/log 2 = {LEAST_KAPPA:.3f}"))
            continue
        ends = [proven_constant(tail, rows, least) for least in (1e-3, SMALLEST, 0.0)]
        open_end = f"no C proven: kappa is below 1/log(4/3) = {PROVEN_KAPPA:.3f}"
        cells.append(
            (
                name,
                _down(max(tail.above(necessary), COUNTING / tail.unit)),
                _down(tail.above(measured)),
                *(None if end == inf else _up(end) for end in ends),
                "bracketed" if ends[-1] < inf else open_end,
            )
        )
    title = (
        "Between which numbers the smallest true C lies; every eps >= 1/2 is trivial\n"
        f"(necessary: proven; measured: all together with confidence {CONFIDENCE}, {rows[0]['trials']} trials an eps, "
        f"seed {rows[0]['seed']}; proven: for all n and these eps)"
    )
    columns = ("<statement", "necessary", "measured", "eps >= 0.001", f"eps >= {SMALLEST:g}", "all eps", "<verdict")
    yield table(title, columns, cells)
    lines = []
    for row in rows:
        if row["kind"] == "measured":
            here = [point for point in measured if point[1] == row["eps"] and point[0] > 0]
            best = max(here, key=lambda point: LUEKER.above([point]))
            successes = f"{row['successes'][best[0]]} of {row['trials']}"
            lines.append((f"{row['eps']:g}", _down(LUEKER.above(here)), best[0], successes, f"{best[2]:.5f}"))
    heads = ("eps", "C at least", "from n", "successes", "failure at least")
    yield table("Measured lower ends of Lueker's C by precision", heads, lines)


def refuted(row: Row) -> bool:
    """Whether what is proven of a row contradicts itself: a lower bound above an upper one."""
    if row["kind"] == "measured":
        return False
    return any(low > high for low, high in zip(row["at_least"], row["at_most"], strict=False))


def _short(bound: float, more: float) -> float:
    """Return a bound with few digits, on its safe side: changed by the share ``more``, which is above the rounding."""
    return float(f"{bound * (1 + more):.3e}" if more > 0 else f"{bound * (1 + more):.5e}")


def _down(number: float) -> str:
    """Write a lower end, rounded down."""
    return f"{floor(number * 1000) / 1000:.3f}" if number > -inf else "-"


def _up(number: float) -> str:
    """Write an upper end, rounded up."""
    return f"{ceil(number * 1000) / 1000:.3f}"


main = Experiment(
    "lueker",
    __doc__,
    work,
    tables,
    trials=TRIALS,
    what="trials an eps",
    seeded="the draws",
    confidence=CONFIDENCE,
    refuted=refuted,
)
