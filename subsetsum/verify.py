"""The main job under the name that its users know: ``python -m subsetsum.verify --lock 0.3 --prune 0.4``.

It is the command ``slt verify`` (:mod:`slt.cli.verify`).
"""

import sys
from collections.abc import Sequence
from importlib import import_module

from slt.core.command import run

NAME = "python -m subsetsum.verify"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the main job with the options in ``argv``; return the exit code."""
    # by name: what computes does not know the commands that call it
    code: int = import_module("slt.cli.verify").main(argv, NAME)
    return code


if __name__ == "__main__":
    sys.exit(run(main, None, NAME))
