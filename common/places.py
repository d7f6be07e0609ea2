"""Where data sets lie: the folder asked for, else $SLT_DATA, else ~/.cache/slt-verify."""

import os
from pathlib import Path

VARIABLE = "SLT_DATA"


def data_root(asked: str | Path | None = None) -> Path:
    """Return the folder that data sets are looked for in; ~ and ~name stand for home folders.

    Raises ValueError when a home folder cannot be found, and for a path that no folder can have.

    >>> data_root("here")
    PosixPath('here')
    """
    path = str(os.environ.get(VARIABLE) or "~/.cache/slt-verify") if asked is None else str(asked)
    if not path or "\0" in path:
        raise ValueError(f"the folder of the data sets must have a name, got {path!r}")
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ValueError(f"{path}: this home folder is not known; give --data or {VARIABLE} another folder") from None
