"""``python -m slt`` is the command ``slt``."""

import sys

from slt.cli import main

if __name__ == "__main__":
    sys.exit(main())
