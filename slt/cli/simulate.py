"""``slt simulate NAME``: an experiment by its name."""

from collections.abc import Sequence

from simulations.experiments import EXPERIMENTS
from slt.core.command import choose


def main(argv: Sequence[str] | None = None) -> int:
    """Run the experiment whose name comes first; list the known ones when there is none of that name."""
    return choose("slt simulate", EXPERIMENTS, argv)
