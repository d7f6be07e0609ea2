"""What a build will take, before it starts."""

from dataclasses import dataclass

from theory.existence import Plan

# measured on one core of a 2-core machine, rounded up; see benchmarks/existence.py
SECONDS_AN_EDGE = 3e-8  # drawn by the builder and, in numpy, by the check
SECONDS_A_PROBLEM = 4e-5  # meet in the middle over some 22 candidates


@dataclass(frozen=True)
class Cost:
    """Seconds and GiB of memory."""

    seconds: float
    gib: float

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s, {self.gib:.2g} GiB"


def estimate(plan: Plan, threads: int) -> Cost:
    """Estimate a build and its check: every edge is drawn twice, every copy keeps its weights and its mask bits."""
    edges = sum(a * b for a, b in zip(plan.widths[1:-1], plan.widths[2:], strict=True))
    problems = sum(demand.problems for demand in plan.demands)
    upper = sum(a * b for a, b in zip(plan.widths[2:-1], plan.widths[3:], strict=True))
    seconds = (edges * SECONDS_AN_EDGE + problems * SECONDS_A_PROBLEM) / threads
    # the masked upper layers are held as numbers, several copies of them while they are made
    return Cost(seconds, (edges / 8 * 2 + problems * 8 * 4 + upper * 32 + threads * 2**28) / 2**30)


def refuse(cost: Cost, limit: Cost) -> None:
    """Raise ValueError when the estimate is beyond the limit."""
    if cost.seconds > limit.seconds:
        raise ValueError(
            f"this build would take about {cost.seconds:.0f} s, the limit is {limit.seconds:.0f} s "
            "(--limit-seconds); less freezing, a larger --eps or --width estimated ask for less"
        )
    if cost.gib > limit.gib:
        raise ValueError(
            f"this build would take about {cost.gib:.2g} GiB, the limit is {limit.gib:g} GiB (--limit-gib); "
            "less freezing, a larger --eps or --width estimated ask for less"
        )
