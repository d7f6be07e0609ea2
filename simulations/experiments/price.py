"""What do 10^9 to 10^12 trials cost? Core hours, wall time, units, bytes and scheduling on N workers, before a run.

``slt simulate price --eps 0.01 --prune 0.4 --lock 0.3 --workers 4 64 1000``. The seconds of a trial are those
by which the sample sizes are planned (one core of about 3 GHz), or what you measured yourself: ``--seconds``. The
figures of ``python -m benchmarks.cluster costs`` say how well the two agree.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from simulations.lemmas.forecast import foreseen_n
from simulations.lemmas.measure import CurveSetting, Rated, chunk_size, largest_n, seconds_per_trial
from simulations.run.pace import OVERHEAD, Pace
from slt.core import console
from slt.core.amounts import duration, size
from slt.core.checks import positive, whole
from slt.core.command import Parser
from slt.core.options import add_forms
from subsetsum.curves import TARGETS
from theory.estimate import estimated_n

TRIALS = (10**9, 10**10, 10**11, 10**12)
WORKERS = (4, 64, 1000)
RADIUS = 1.0
DELTA = 0.05
ASK = 1.5e-3  # seconds a task keeps the client busy, measured
KEEP = 3e-4  # seconds in which the client stores a unit's row and adds it up, measured
FINEST = 1e-12  # eps; a single trial beyond would take days
MOST_TRIALS, MOST_WORKERS, MOST_SECONDS = 1e18, 10**6, 1e6  # beyond them no table is of use
REQUEST = 1500  # bytes that ask for a unit: the setting, the software it must run on, and Dask's own


@dataclass(frozen=True)
class Price:
    """One curve of ``trials`` trials on ``workers`` threads.

    units are stored, tasks scheduled. seconds: of computing, one core; wall: of the whole. moved, kept: bytes through
    the network and in the store, at most. scheduler, client: share of the wall time in which they are busy.
    """

    trials: int
    workers: int
    units: int
    unit_seconds: float
    tasks: int
    seconds: float
    wall: float
    moved: int
    kept: int
    scheduler: float
    client: float


def row_bytes(n_max: int, chunk: int) -> int:
    """Return how long the JSON text of a chunk's counts is at most: n_max + 1 of the window's, 9 times that of targets.

    >>> row_bytes(100, 5000)
    5311
    """
    return (n_max + 1) * ((1 + TARGETS) * (len(str(chunk)) + 1) + 2) + 59


def price(setting: CurveSetting, workers: int, seconds: float | None = None) -> Price:
    """Return the price of a curve; seconds: of one trial on one core, by default the planned ones.

    A unit is never split, so the last round may leave workers idle: the wall time counts whole rounds of units, each
    with its part of a task's overhead, and is never less than what the scheduler needs for all tasks or the client for
    all units.
    """
    workers = whole("workers", workers, 1)
    each = seconds_per_trial(setting.n_max, setting.eps) if seconds is None else positive("seconds", seconds)
    chunk = chunk_size(setting)
    units = -(-setting.trials // chunk)
    pace = Pace()
    pace.learn("", 1, chunk * each)
    size = pace.size("", workers)
    tasks = -(-units // size)
    rounds = -(-units // workers)
    client = tasks * ASK + units * KEEP
    wall = max(rounds * (chunk * each + OVERHEAD / size), tasks * OVERHEAD, client)
    row = row_bytes(setting.n_max, chunk)
    return Price(
        trials=setting.trials,
        workers=workers,
        units=units,
        unit_seconds=chunk * each,
        tasks=tasks,
        seconds=setting.trials * each,
        wall=wall,
        moved=units * (REQUEST + row),
        kept=units * row,
        scheduler=tasks * OVERHEAD / wall,
        client=client / wall,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    p = Parser(prog="slt simulate price", description=__doc__)
    p.add_argument("--eps", type=float, default=0.01, help="precision, from 1e-12 on (default 0.01)")
    p.add_argument("--prune", type=float, default=0.4, help="pruned share (default 0.4)")
    p.add_argument("--lock", type=float, default=0.3, help="locked share (default 0.3)")
    p.add_argument("--trials", type=float, nargs="+", default=TRIALS, help="default: 1e9 to 1e12")
    p.add_argument("--workers", type=int, nargs="+", default=WORKERS, help="threads of the cluster (default 4 64 1000)")
    p.add_argument("--seconds", type=float, help="of one trial on one core, measured (default: as planned)")
    add_forms(p)
    args = p.parse_args(argv)
    if 0 < args.eps < FINEST:
        raise ValueError(f"eps must be at least {FINEST:g} (a single trial would take days), got {args.eps:g}")
    rates = Rated(prune=args.prune, lock=args.lock, radius=RADIUS)
    foreseen_n(args.eps, DELTA, rates)
    n_max = largest_n(estimated_n(args.eps, DELTA, **rates))
    rows, results = [], []
    if args.seconds is not None and args.seconds > MOST_SECONDS:
        raise ValueError(f"seconds must be at most {MOST_SECONDS:g}, got {args.seconds:g}")
    for trials in args.trials:
        if trials > MOST_TRIALS:
            raise ValueError(f"trials must be at most {MOST_TRIALS:g}, got {trials:g}")
        setting = CurveSetting(
            args.eps, **rates, n_max=n_max, trials=whole("trials", int(positive("trials", trials)), 1)
        )
        for workers in args.workers:
            if workers > MOST_WORKERS:
                raise ValueError(f"workers must be at most {MOST_WORKERS:,}, got {workers}")
            found = price(setting, workers, args.seconds)
            results.append({"trials": trials, "workers": workers, **asdict(found)})
            rows.append(
                (
                    f"{trials:g}".replace("e+0", "e").replace("e+", "e"),
                    workers,
                    duration(found.seconds),
                    duration(found.wall),
                    f"{found.units:,}",
                    duration(found.unit_seconds),
                    size(found.moved),
                    size(found.kept),
                    f"{found.scheduler:.1%}",
                    f"{found.client:.1%}",
                )
            )
    title = f"One curve at eps = {args.eps:g}, p = {args.prune:g}, q = {args.lock:g}: every n up to {n_max}"
    columns = ("trials", "workers", "one core", "wall", "units", "a unit", "moved", "stored", "scheduler", "client")
    page = console.Page(args.form)
    page.print(console.table(title, columns, rows))
    page.result(results)
    return 0
