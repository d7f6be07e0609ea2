"""Run a command by name: ``python -m torch_backend NAME [options]``; each NAME has its own ``--help``."""

import sys
from collections.abc import Sequence

from common.cli import choose, run

NAMES = {
    "search": "search tickets in frozen random networks; presets for the published settings",
    "positions": "accuracy over the place of the sparsity in its search interval, with both rules",
    "compare": "rival searches side by side in dense, pruned and frozen sources; planted tickets",
    "jackpot": "masks over pre-trained weights that stay as they are, and what they have in common with others",
    "requirement": "width factor that tickets in frozen sources need, against what theory predicts",
    "ticket": "info, verify or export a ticket file",
    "plan": "what a search will take and whether it can be done: rates by layer, bits, memory, time",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Hand over to the name that comes first; list the known ones when there is none of that name.

    Raises ValueError for an unknown name, and for a command that several ranks cannot share.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    if words and words[0] in NAMES and words[0] not in ("search", "positions"):
        from torch_backend.ranks import launched  # needs PyTorch, which the list of names does not

        if launched():
            raise ValueError("torchrun starts search and positions; run every other command without it")
    return choose("torch_backend", NAMES, argv)


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m torch_backend"))
