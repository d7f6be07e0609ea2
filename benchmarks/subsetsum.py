"""How fast the exact answers are: ``python -m benchmarks.subsetsum [--quick] [--radius R]`` prints one table.

Every ratio compares the same problems in the same run, median against median; for ours it is the median over repeats
of the mean per problem, since one problem is too short to time. Times are CPU times, which a busy machine disturbs
least; where threads are counted the wall clock is shown beside. numpy's AVX-512 sort is five times slower than its
AVX2 sort on some processors (Zen 4): where it is, numpy runs without it. The exit code is 0 either way.
"""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from slt.core.command import Parser, run
from subsetsum import best_subsets, covers, draw, success_by_size
from subsetsum.sampling import checked_radius

PRUNE, LOCK = 0.4, 0.3
# eps, n near the 50 % point of radius 1/2, least ratio to numpy, trials compared, trials for the rates
COVERAGE = (
    (1e-2, 42, 60, 2001, 400_000),
    (1e-3, 56, 250, 501, 200_000),
    (1e-4, 69, 500, 101, 50_000),
)
FINE_EPS, FINE_N, FINE_MICROSECONDS, FINE_TRIALS = 1e-6, 96, 2000.0, 400
MOST_ENUMERATED = 23  # free variables: 64 MiB of sums; trials with more are slower than the median and count as such
SUBSET_N, SUBSET_RATIO = 21, 15
THREADS_RATIO = 1.8
# n, eps, most times one decision: for all numbers of kept variables at once, and for 2:4 groups; 0: no target
KEPT = ((24, 1e-2, 0, 3), (40, 1e-2, 20, 3), (40, 1e-3, 0, 0))
WITHOUT_AVX512 = "X86_V4 AVX512_ICL"
SORT = """
import time, numpy
x = numpy.random.default_rng(0).random(2**18)
def sort():
    start = time.process_time()
    numpy.sort(x)
    return time.process_time() - start
print(min(sort() for _ in range(5)))
"""

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def half_sums(x: Floats) -> Floats:
    """All 2^n subset sums, in the order of the binary numbers."""
    sums = np.zeros(1)
    for item in x:
        sums = np.concatenate([sums, sums + item])
    return sums


def numpy_covers(x: Floats, states: NDArray[np.int8], eps: float, radius: float) -> bool:
    """The straightforward decision: all sums of two halves, sorted, no gap above 2 eps in the window."""
    free = x[states == 0]
    sums = np.add.outer(half_sums(free[::2]), half_sums(free[1::2])).ravel()
    sums.sort()
    offset = x[states == 1].sum()
    ends = np.array([-radius - eps, radius + eps]) - offset
    first, last = np.searchsorted(sums, ends)
    return bool(np.diff(sums[first:last], prepend=ends[0], append=ends[1]).max() <= 2 * eps)


def numpy_best_subset(target: float, x: Floats) -> tuple[float, Bools]:
    """Meet in the middle: one half argsorted, the other half's complements searched in it."""
    n = len(x) // 2
    left, right = half_sums(x[:n]), half_sums(x[n:])
    order = np.argsort(right)
    ordered = right[order]
    wanted = target - left
    above = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    below = np.maximum(above - 1, 0)
    place = np.where(np.abs(ordered[above] - wanted) < np.abs(ordered[below] - wanted), above, below)
    errors = np.abs(ordered[place] - wanted)
    i = int(np.argmin(errors))
    bits = i | int(order[place[i]]) << n
    return float(errors[i]), (bits >> np.arange(len(x)) & 1).astype(bool)


def highs_best_subset(target: float, x: Floats) -> float:
    """The same as a mixed-integer program, with tolerances below the optimum."""
    import highspy

    model = highspy.Highs()
    model.silent()
    for option in ("mip_rel_gap", "mip_abs_gap"):
        model.setOptionValue(option, 0.0)
    for option in ("mip_feasibility_tolerance", "primal_feasibility_tolerance"):
        model.setOptionValue(option, 1e-10)
    model.setOptionValue("time_limit", 120.0)
    chosen = [model.addBinary() for _ in x]
    error = model.addVariable(lb=0)
    total = sum(float(value) * variable for value, variable in zip(x, chosen, strict=True))
    model.addConstr(total - error <= target)
    model.addConstr(total + error >= target)
    model.minimize(error)
    taken = np.array(model.getSolution().col_value[: len(x)]) > 0.5
    return abs(target - x[taken].sum())


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def median_cpu(work: Callable[[], object], repeats: int) -> float:
    """Median CPU seconds of a call."""
    return float(np.median([timed(work)[0] for _ in range(repeats)]))


def coverage(table: Table, radius: float, quick: bool) -> None:
    """Decisions per setting, against numpy on the same trials."""
    for eps, n, least, compared, _ in COVERAGE:
        trials = compared // 5 | 1 if quick else compared
        values, states = draw(n, trials, prune=PRUNE, lock=LOCK)
        answers = covers(n, eps, trials, prune=PRUNE, lock=LOCK, radius=radius, jobs=1)
        ours = median_cpu(lambda: covers(n, eps, trials, prune=PRUNE, lock=LOCK, radius=radius, jobs=1), 21) / trials  # noqa: B023
        seconds = np.full(trials, np.inf)
        for i in np.flatnonzero((states == 0).sum(axis=1) <= MOST_ENUMERATED):
            start = time.process_time()
            answer = numpy_covers(values[i], states[i], eps, radius)
            seconds[i] = time.process_time() - start
            if answer != answers[i]:
                raise AssertionError(f"trial {i} of n = {n} at eps = {eps:g}: numpy says {answer}")
        peer = float(np.median(seconds))
        add(
            table,
            f"covers, eps {eps:g}, n {n}: numpy / ours",
            f"{trials} trials, {answers.mean():.0%} covered",
            f"{1e6 * ours:.2f} us, numpy {1e6 * peer:.0f} us",
            f"{peer / ours:.0f}x",
            f">= {least}x",
            peer / ours >= least,
        )


def rates(table: Table, radius: float, quick: bool) -> None:
    """Trials per second on one thread and on two, and what the shifts alone would take."""
    settings = [(eps, n, trials) for eps, n, _, _, trials in COVERAGE] + [(FINE_EPS, FINE_N, FINE_TRIALS)]
    for eps, n, most in settings:
        trials = most // 8 if quick else most
        runs = {
            jobs: np.array(
                [
                    timed(lambda: covers(n, eps, trials, prune=PRUNE, lock=LOCK, radius=radius, jobs=jobs))  # noqa: B023
                    for _ in range(3 if quick else 5)
                ]
            )
            for jobs in (1, 2)
        }
        cpu, wall = (np.median(runs[1], axis=0) / trials).tolist()
        cpu2, wall2 = (np.median(runs[2], axis=0) / trials).tolist()
        floor, footprint = shift_floor(eps, n, radius, min(trials, 5000))
        label = f"covers, eps {eps:g}, n {n}"
        if eps == FINE_EPS:
            add(
                table,
                f"{label}: one core",
                f"{trials} trials",
                f"{1e6 * cpu:.0f} us a trial",
                f"{1e3 * cpu:.2f} ms",
                f"< {FINE_MICROSECONDS / 1e3:.0f} ms",
                1e6 * cpu < FINE_MICROSECONDS,
            )
        add(
            table,
            f"{label}: rate",
            f"{trials} trials, one thread",
            f"{1e6 * cpu:.2f} us a trial",
            f"{1 / cpu:,.0f} / s",
        )
        add(
            table,
            f"{label}: two threads",
            f"{1 / wall2:,.0f} / s by the wall",
            f"CPU {1e6 * cpu2:.2f} us a trial",
            f"{wall / wall2:.2f}x wall, {2 * cpu / cpu2:.2f}x CPU",
            f">= {THREADS_RATIO}x",
            wall / wall2 >= THREADS_RATIO,
        )
        add(
            table,
            f"{label}: shift-or bandwidth",
            f"bitset of {footprint / 1024:.1f} KiB",
            f"{1e6 * floor:.2f} us of {1e6 * cpu:.2f} us",
            f"{floor / cpu:.0%} of it",
        )


def shift_floor(eps: float, n: int, radius: float, trials: int) -> tuple[float, float]:
    """Seconds a trial's shift-ors would take at full bandwidth, and the mean bytes of its bitset."""
    from slt.core.rates import Rates
    from subsetsum.kernels import bitset, grid
    from subsetsum.kernels import trials as kernels
    from subsetsum.sampling import gap_units, point_units, trial_law

    scratch = grid.scratch(gap_units(eps, 52), n << 52, n)
    answers = np.empty(trials, np.bool_)
    kernels.decide_drawn(
        trial_law(n, Rates(PRUNE, LOCK), 0, False),
        n,
        0,
        point_units(radius, 52, eps),
        gap_units(eps, 52),
        scratch,
        answers,
    )
    built, words, written = scratch.tally.tolist()
    size = max(words // built, 1)
    room = np.zeros(2 * (size + 16), np.uint64)
    times = 10_000_000 // size + 1
    shift = np.uint64(64 * (size // 4) + 21)
    sweep = median_cpu(lambda: bitset.sweep(room, np.uint64(size), shift, times), 5) / (times * size)
    return written / trials * sweep, 8.0 * size


def subsets(table: Table, quick: bool) -> None:
    """Best subsets of 21 free numbers, against numpy and HiGHS on the same problems."""
    count, compared = (2000, 101) if quick else (10_000, 301)
    rng = np.random.default_rng(0)
    values, targets = rng.uniform(-1, 1, (count, SUBSET_N)), rng.uniform(-1, 1, count)
    errors, _ = best_subsets(targets=targets, values=values, jobs=1)
    ours = median_cpu(lambda: best_subsets(targets=targets, values=values, jobs=1), 5) / count
    seconds = []
    for i in range(compared):
        start = time.process_time()
        error, mask = numpy_best_subset(targets[i], values[i])
        seconds.append(time.process_time() - start)
        if abs(error - errors[i]) > 1e-13 or abs(abs(targets[i] - values[i][mask].sum()) - error) > 1e-13:
            raise AssertionError(f"problem {i}: numpy finds {error}, best_subsets {errors[i]}")
    peer = float(np.median(seconds))
    label = f"best_subsets, n {SUBSET_N}"
    add(
        table,
        f"{label}: numpy / ours",
        f"{count} problems, {compared} compared",
        f"{1e6 * ours:.1f} us, numpy {1e6 * peer:.0f} us",
        f"{peer / ours:.0f}x",
        f">= {SUBSET_RATIO}x",
        peer / ours >= SUBSET_RATIO,
    )
    try:
        import highspy  # noqa: F401
    except ImportError:
        return
    n = 15 if quick else SUBSET_N
    exact = best_subsets(targets=targets[:1], values=values[:1, :n], jobs=1)[0][0]
    ours = median_cpu(lambda: best_subsets(targets=targets, values=values[:, :n], jobs=1), 3) / count
    found: list[float] = []
    peer = timed(lambda: found.append(highs_best_subset(targets[0], values[0, :n])))[0]
    verdict = "the same optimum" if abs(found[0] - exact) < 1e-9 else f"error {found[0]:.3g} for {exact:.3g}"
    add(
        table,
        f"best_subsets, n {n}: HiGHS / ours",
        f"1 problem, {verdict}",
        f"{1e6 * ours:.1f} us, HiGHS {peer:.2f} s",
        f"{peer / ours:,.0f}x",
    )


def kept(table: Table, radius: float, quick: bool) -> None:
    """All numbers of kept variables at once, and 2:4 groups, against decisions without such a rule, nothing frozen."""
    trials = 1000 if quick else 4000
    for n, eps, most, most_groups in KEPT:
        plain = median_cpu(lambda: covers(n, eps, trials, radius=radius, jobs=1), 11) / trials  # noqa: B023
        work = (
            ("success_by_size", lambda: success_by_size(n, eps, trials, radius=radius, jobs=1), most),  # noqa: B023
            ("covers 2:4", lambda: covers(n, eps, trials, radius=radius, keep="2:4", jobs=1), most_groups),  # noqa: B023
        )
        for name, call, limit in work:
            ours = median_cpu(call, 3 if name == "success_by_size" else 11) / trials
            add(
                table,
                f"{name}, eps {eps:g}, n {n}: ours / covers",
                f"{trials} trials",
                f"{1e6 * ours:.2f} us, covers {1e6 * plain:.2f} us",
                f"{ours / plain:.2f}x",
                f"<= {limit}x" if limit else "",
                ours / plain <= limit if limit else None,
            )


def numpy_sort_seconds(disabled: str) -> float:
    """Time of numpy's sort of 2^18 floats in a process of its own, with these processor features disabled."""
    environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": disabled}
    command = [sys.executable, "-W", "ignore", "-c", SORT]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def give_numpy_its_faster_sort() -> None:
    """Start this program again without numpy's AVX-512 code where that makes numpy faster."""
    if "NPY_DISABLE_CPU_FEATURES" not in os.environ and numpy_sort_seconds(WITHOUT_AVX512) * 1.5 < numpy_sort_seconds(
        ""
    ):
        os.environ["NPY_DISABLE_CPU_FEATURES"] = WITHOUT_AVX512
        os.execv(sys.executable, [sys.executable, "-m", "benchmarks.subsetsum", *sys.argv[1:]])


def add(table: Table, what: str, over: str, times: str, result: str, target: str = "", met: bool | None = None) -> None:
    """One row; ``met`` says whether the target is reached."""
    table.add_row(what, over, times, result, target, "" if met is None else "met" if met else "missed")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = Parser(prog="python -m benchmarks.subsetsum", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer trials: a minute less, noisier")
    parser.add_argument("--radius", type=float, default=0.5, help="targets |z| <= radius (default 0.5)")
    options = parser.parse_args(argv)
    checked_radius(options.radius)
    if argv is None:
        give_numpy_its_faster_sort()
    without = os.environ.get("NPY_DISABLE_CPU_FEATURES", "")
    table = Table(
        title=f"p = {PRUNE}, q = {LOCK}, |z| <= {options.radius:g}; {platform.machine()}, {os.cpu_count()} cores, "
        f"numpy {np.__version__}" + (f" without {without}" if without else "")
    )
    for column in ("what", "over", "times (median CPU)", "result", "target", ""):
        table.add_column(column)
    covers(1, 0.5, 1, jobs=1)  # compile
    best_subsets(targets=[0.0], values=[0.0], jobs=1)
    success_by_size(1, 0.5, 1, jobs=1)
    covers(2, 0.5, 1, keep="1:2", jobs=1)
    coverage(table, options.radius, options.quick)
    rates(table, options.radius, options.quick)
    subsets(table, options.quick)
    kept(table, options.radius, options.quick)
    Console(width=150).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m benchmarks.subsetsum"))
