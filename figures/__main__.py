"""Draw figures from committed results: ``python -m figures`` draws all, ``python -m figures NAME`` one."""

import importlib
import sys
from collections.abc import Sequence

from common.cli import run

NAMES = {
    "requirement": "how many variables each precision needs: proven, estimated, measured",
    "calibration": "estimated against measured success probability",
    "hole": "best error against width with and without locking in the first layer",
    "sweep": "success of the existence theorem's construction against width",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the figure named first, or all of them; list the known ones when there is none of that name."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in ("-h", "--help"):
        known = "\n".join(f"  {name:12} {what}" for name, what in NAMES.items())
        print(f"usage: python -m figures [NAME [options]]\n\n{known}")  # noqa: T201
        return 0
    if words and words[0] not in NAMES:
        raise ValueError(f"unknown figure {words[0]!r}; known: {', '.join(NAMES)}")
    for name in words[:1] or NAMES:
        importlib.import_module(f"figures.{name}").main(words[1:])
    return 0


if __name__ == "__main__":
    sys.exit(run(main, None, "python -m figures"))
