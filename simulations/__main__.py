"""Run an experiment by name: ``python -m simulations NAME [options]``; each NAME has its own ``--help``."""

import sys
from collections.abc import Sequence

from common.cli import choose, run

NAMES = {
    "calibration": "estimated against measured success over a fixed grid of settings",
    "constants": "the measured constant C over a grid of eps, delta, prune and lock",
    "hole": "what locking in the first layer costs: best error against width, and its proven floor",
    "existence": "a ticket built in a frozen source as the existence theorem does, bounded and checked",
    "sweep": "success of the theorem's construction against width: proven, estimated and published widths judged",
    "atlas": "the numbers behind the figures of the theory: needs, success, cover, widths on fixed grids",
    "limits": "the highest freezing ratio at n variables: proven possible, proven impossible, measured",
    "cancel": "whether second-layer neurons cancel first-layer kinks: linear targets in sources of depth 3",
    "requirement": "the width factor n(p, q) / n(0, 0), measured and predicted: subset sums and built networks",
    "price": "what 10^9 to 10^12 trials would cost on a cluster: time, units, bytes; nothing is run",
    "found": "is search short of existence? tickets found by Edge-Popup beside those constructed in the same source",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Hand over to the name that comes first; list the known ones when there is none of that name."""
    return choose("simulations", NAMES, argv)


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m simulations"))
