"""Where things lie: data sets (the folder asked for, else $SLT_DATA, else ~/.cache/slt-verify), committed results."""

import os
from pathlib import Path

from slt_verify import HOME

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


def committed(package: str, name: str = "") -> Path:
    """Return the path of a committed result file of a package, or of the folder of all of them.

    >>> committed("simulations", "hole.jsonl").parts[-3:]
    ('simulations', 'results', 'hole.jsonl')
    """
    return Path(HOME, package, "results", name)
