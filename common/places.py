"""Where data sets lie: the folder asked for, else $SLT_DATA, else ~/.cache/slt-verify."""

import os
from pathlib import Path

VARIABLE = "SLT_DATA"


def data_root(asked: str | Path | None = None) -> Path:
    """Return the folder that data sets are looked for in.

    >>> data_root("here")
    PosixPath('here')
    """
    return Path(asked or os.environ.get(VARIABLE) or Path.home() / ".cache" / "slt-verify").expanduser()
