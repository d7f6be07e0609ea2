"""How fast tickets are built: ``python -m benchmarks.existence [--quick]`` prints one line per target and its goal.

weights: 784-500-10, 397,000 weights, each by a subset of its own 21 numbers within 0.01, bits verified; goal 10 s on
2 cores (published: 77,266 s on 36 cores with Gurobi, a scale and not a comparison). network: digits 64-32-10 with
prune .4 and lock .3 above layer 1, 1.7e9 source weights, built and checked; goal 120 s on 2 cores. The first call
compiles; it is not timed. Six of the 397,000 weights have no subset within 0.01 among their 21 numbers at all (almost
all of one sign), which the line confirms by trying all subsets of each; 24 numbers would leave none.
"""

import sys
import time
from collections.abc import Sequence

import numpy as np

from simulations.existence.command import main as existence
from simulations.existence.target import Target
from simulations.existence.weights import build_weights
from slt.core.command import Parser, run
from slt.core.keys import generator

NUMBERS, EPS, SPREAD = 21, 0.01, 0.05
WEIGHTS_SECONDS, NETWORK_SECONDS = 10.0, 120.0
NETWORK = ("--prune", "0", ".4", ".4", "--lock", ".3", "--eps", "1", "--width", "estimated")


def weights_seconds(sizes: tuple[int, int, int]) -> float:
    """Build every weight of a random target of these sizes; print the line, return the seconds of the builder."""
    rng = generator(0, "benchmark target")
    shapes = ((sizes[1], sizes[0]), (sizes[2], sizes[1]))
    target = Target("random", tuple(rng.normal(0, SPREAD, shape).clip(-1, 1) for shape in shapes))
    found = build_weights(target, 0, NUMBERS, EPS)
    print(
        f"weights: {found.problems:,} problems, n = {NUMBERS}, {found.failures} not within {EPS:g} "
        f"({found.impossible} of them impossible: all subsets tried), "
        f"bits {'verified' if found.verified else 'WRONG'}: {found.seconds:.2f} s (goal {WEIGHTS_SECONDS:g} s)"
    )
    return found.seconds


def network_seconds() -> float:
    """Run the command on the digits, whole; print its page and the line, return the seconds."""
    start = time.perf_counter()
    code = existence(NETWORK)
    seconds = time.perf_counter() - start
    print(f"network: {'confirmed' if code == 0 else 'NOT CONFIRMED'} in {seconds:.0f} s (goal {NETWORK_SECONDS:g} s)")
    return seconds if code == 0 else np.inf


def main(argv: Sequence[str] | None = None) -> int:
    """Run both; exit 1 when a goal is missed."""
    parser = Parser(prog="python -m benchmarks.existence", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="weights only")
    args = parser.parse_args(argv)
    weights_seconds((8, 4, 2))
    reached = weights_seconds((784, 500, 10)) <= WEIGHTS_SECONDS
    if not args.quick:
        reached &= network_seconds() <= NETWORK_SECONDS
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m benchmarks.existence"))
