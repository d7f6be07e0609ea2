"""How far can one freeze? The highest freezing ratio F = p + q that n variables still afford, three ways of freezing.

At a fixed n success can only fall as F grows, whichever way: give each variable one number u in [0, 1), prune it when
u < p and lock it when u >= 1 - q, with p and q a fixed share of F each. A larger F then prunes and locks what a smaller
one did and more, and a newly pruned (locked) variable is a free one that is left out (put in) for good, so the subset
sums that remain were there before. Hence there is one highest F, below which every F succeeds. (In n it is otherwise:
with locking a further variable can undo a cover.)

F is looked for on the fixed grid F_k = 1 - 1.01^-k, so that 1 - F is known within one percent:

* possible: the largest F_k with theory.sufficient.failure_at_most <= delta. Proven to succeed, as is every smaller F.
* impossible: the smallest F_k with theory.necessary.failure_at_least > delta. Proven to fail, as is every larger F.
* estimated: the largest F_k with theory.estimate.estimated_success >= 1 - delta that is not proven impossible.
* measured: success at every second F_k within 12 steps of the estimated one. Both ends of the interval are
  fixed-sequence tests (slt.core.intervals.smallest_n), from the most frozen F inwards and from the least frozen one.

All intervals of the grid hold together with the stated confidence. Sizes were chosen before anything was measured, so
that the whole runs in about six minutes on one core.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial

from simulations.run.experiment import Experiment
from simulations.run.runner import Work
from slt.core.console import table
from slt.core.first import first
from slt.core.forms import Interval, Numbers
from slt.core.intervals import smallest_n
from slt.core.rates import Rates
from slt.core.store import Row
from slt.core.tables import Table
from theory.estimate import estimated_success
from theory.necessary import failure_at_least
from theory.sufficient import failure_at_most

WAYS = {"prune only": 1.0, "prune and lock": 0.5, "lock only": 0.0}  # the pruned share of what is frozen
EPS = (0.1, 0.01)
COUNTS = (30, 60, 125, 250, 500, 1000, 2000, 4000)
DELTA = 0.05
STEP = 1.01
LAST = 700  # F_700 = 0.99906: nothing of interest lies beyond at 4000 variables
WINDOW = range(-12, 13, 2)
TRIALS = 12_000
DRAWS = 2_000
CONFIDENCE = 0.99


@dataclass(frozen=True)
class Setting:
    """One question: the way of freezing, the precision, the number of variables; all targets |z| <= 1, uniformly."""

    way: str
    eps: float
    n: int


SETTINGS = tuple(Setting(way, eps, n) for way in WAYS for eps in EPS for n in COUNTS)


def freezing(k: int) -> float:
    """Return F_k, the k-th freezing ratio of the grid."""
    return 1 - STEP**-k


def rates(way: str, k: int) -> Rates:
    """Return the rates that freeze F_k in one of :data:`WAYS`.

    >>> rates("prune and lock", 70).prune == rates("prune and lock", 70).lock
    True
    """
    prune = WAYS[way] * freezing(k)
    return Rates(prune, freezing(k) - prune)


def last_step(holds: Callable[[int], bool], guess: int) -> int | None:
    """Return the last k in 0..LAST with holds(k), looked for around ``guess`` in growing steps; None if there is none.

    ``holds`` must be true up to some k and false beyond it; where it is not, some k with holds(k), not holds(k + 1).
    """
    last = first(lambda k: not holds(k), 0, LAST + 1, guess) - 1
    return last if last >= 0 else None


def crossing(steps: Sequence[int], successes: Sequence[int], trials: int, confidence: float) -> Row:
    """Return {lower, value, upper} of the highest F from the successes at the grid's ``steps``, in growing order.

    lower: shown to succeed, upper: shown to fail, value: the last F whose share of successes is high enough; None where
    the steps do not tell.
    """
    found = smallest_n(successes[::-1], trials, 1 - DELTA, confidence)  # counted from the most frozen one
    frozen = [freezing(k) for k in reversed(steps)]
    return {
        "lower": None if found.upper is None else frozen[found.upper],
        "value": None if found.value is None else frozen[found.value],
        "upper": frozen[found.lower - 1] if found.lower else None,
    }


def measure(setting: Setting, *, trials: int = TRIALS, seed: int = 0) -> Row:
    """Return the highest F of one setting: proven possible, proven impossible, estimated, measured with its points.

    None stands for an F that is not on the grid: possible, when even F = 0 is not proven to succeed.
    """
    from subsetsum import success_probability

    def at(k: int) -> Row:
        return {"n": setting.n, "eps": setting.eps, **asdict(rates(setting.way, k))}

    wanted = 1 - DELTA
    estimated = last_step(lambda k: estimated_success(**at(k), draws=DRAWS, seed=seed) >= wanted, LAST // 2)
    guess = estimated or 0
    possible = last_step(lambda k: failure_at_most(**at(k)) <= DELTA, guess)
    last_open = last_step(lambda k: failure_at_least(**at(k)) <= DELTA, guess)
    impossible = 0 if last_open is None else last_open + 1
    steps = [guess + j for j in WINDOW if 0 <= guess + j <= LAST]
    measured = [success_probability(**at(k), trials=trials, seed=seed).value for k in steps]
    confidence = 1 - (1 - CONFIDENCE) / len(SETTINGS)
    return {
        "possible": None if possible is None else freezing(possible),
        "impossible": freezing(impossible),
        "estimated": None if estimated is None or not impossible else freezing(min(estimated, impossible - 1)),
        "measured": crossing(steps, [round(value * trials) for value in measured], trials, confidence),
        "points": [[freezing(k), value] for k, value in zip(steps, measured, strict=True)],
    }


# of a row of :func:`measure`
_RATIO = Numbers(0, 1, missing=True)
FORM = {
    **dict.fromkeys(("possible", "impossible", "estimated"), _RATIO),
    "measured": Interval(_RATIO),
    "points": [Numbers(0, 1, (2,))],
}


def contradicts(row: Row) -> bool:
    """Tell whether the measured interval lies wholly on the wrong side of a proven bound."""
    lower, upper = row["measured"]["lower"], row["measured"]["upper"]
    below = upper is not None and row["possible"] is not None and upper <= row["possible"]
    return below or (lower is not None and lower >= row["impossible"])


def percent(value: float | None) -> str | None:
    """Write a freezing ratio in percent, finer where little is free.

    >>> percent(0.5), percent(0.98765)
    ('50.0 %', '98.77 %')
    """
    return None if value is None else f"{100 * value:.{1 if value < 0.9 else 2}f} %"


def summary(rows: Sequence[Row]) -> Table:
    """Return the table of the highest F for every way, precision and n."""
    columns = ("<freeze by", "eps", "n", "possible", "estimated", "measured", "<interval", "impossible", "nf", "nf^2")
    cells = []
    for row in rows:
        measured = {end: percent(value) or "?" for end, value in row["measured"].items()}
        free = None if row["estimated"] is None else 1 - row["estimated"]
        cells.append(
            (
                row["way"],
                f"{row['eps']:g}",
                row["n"],
                percent(row["possible"]),
                percent(row["estimated"]),
                measured["value"],
                f"{measured['lower']} to {measured['upper']}",
                percent(row["impossible"]),
                free and f"{row['n'] * free:.1f}",
                free and f"{row['n'] * free**2:.1f}",
            )
        )
    trials = rows[0]["trials"]
    title = f"The highest freezing ratio F at n variables, delta = {DELTA:g}, uniform ({trials} trials a point)"
    return table(title, columns, cells)


def work(trials: int, seed: int) -> Work:
    """Return every setting's key and measurement."""
    return [
        (
            {**asdict(setting), "delta": DELTA, "trials": trials, "draws": DRAWS},
            partial(measure, setting, trials=trials, seed=seed),
            FORM,
        )
        for setting in SETTINGS
    ]


def tables(rows: Sequence[Row]) -> Iterator[Table | str]:
    """Yield the table, what its columns mean, and how many measurements contradict a proof."""
    yield summary(rows)
    yield (
        "possible: proven to succeed, and every smaller F. impossible: proven to fail, and every larger F.\n"
        f"measured: all intervals hold together with confidence {CONFIDENCE:g}. ?: beyond what was measured; -: none.\n"
        "nf, nf^2: n (1 - F) and n (1 - F)^2 at the estimated F."
    )
    yield f"{sum(map(contradicts, rows))} of {len(rows)} measured intervals contradict a proven bound"


main = Experiment(
    "limits",
    __doc__,
    work,
    tables,
    trials=TRIALS,
    what="trials a freezing ratio",
    seeded="measurement and estimate",
    confidence=CONFIDENCE,
    refuted=contradicts,
)
