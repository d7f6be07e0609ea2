"""Run an experiment by name: ``python -m simulations NAME [options]``; each NAME has its own ``--help``."""

import importlib
import sys
from collections.abc import Sequence

from common.cli import BAD_INPUT, run

NAMES = {
    "calibration": "estimated against measured success over a fixed grid of settings",
    "constants": "the measured constant C over a grid of eps, delta, prune and lock",
    "hole": "what locking in the first layer costs: best error against width, and its proven floor",
    "existence": "a ticket built in a frozen source as the existence theorem does, bounded and checked",
    "sweep": "success of the theorem's construction against width: proven, estimated and published widths judged",
    "cancel": "whether second-layer neurons cancel first-layer kinks: linear targets in sources of depth 3",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Hand over to the experiment named first; list the known ones when there is none of that name."""
    words = list(sys.argv[1:] if argv is None else argv)
    known = "\n".join(f"  {name:12} {what}" for name, what in NAMES.items())
    if not words or words[0] in ("-h", "--help"):
        print(f"usage: python -m simulations NAME [options]\n\n{known}")  # noqa: T201
        return 0 if words else BAD_INPUT
    if words[0] not in NAMES:
        raise ValueError(f"unknown experiment {words[0]!r}; known: {', '.join(NAMES)}")
    return importlib.import_module(f"simulations.{words[0]}").main(words[1:])


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m simulations"))
