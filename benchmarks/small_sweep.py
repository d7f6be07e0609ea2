"""A construction sweep of one tiny target: seconds instead of hours, for watching how a cluster runs it.

``python -m benchmarks.small_sweep --trials 400 [options of the sweep]``; 400 sources a width are 64 units of 40 ms.
"""

import sys
from collections.abc import Sequence

from simulations.existence import sweep
from slt.core.command import run


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sweep's command on one setting and four positions."""
    sweep.SETTINGS = (sweep.Setting((2, 2, 1), 0.5, 0.1, 0.1),)
    sweep.POSITIONS = (-0.75, -0.25, 0.0, 1.0)
    return sweep.main(argv)


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m benchmarks.small_sweep"))
