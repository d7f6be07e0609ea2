"""Run again the commands behind a figure, in a folder of their own: the committed results stay as they are.

The documented commands are run as they stand, with that folder as the current one, so that results and unfinished
runs, whose paths in them are relative, lie there as they lie in the repository.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from figures.record import Figure, relative
from slt.core.command import REFUTED
from slt.core.files import check_new
from slt_verify import HOME

START = {"python": (sys.executable,), "slt": (sys.executable, "-m", "slt")}  # ours, whatever PATH finds


def place(figure: Figure, folder: Path) -> list[Path]:
    """Make room below ``folder`` for a figure's new results; return where they will be.

    Raises ValueError when one of the files exists already, OSError when it could not be written.
    """
    found = [folder / relative(path) for path in figure.results]
    for path in found:
        path.parent.mkdir(parents=True, exist_ok=True)
        check_new(path)
    return found


def rerun(words: Sequence[str], folder: Path) -> None:
    """Run one command in ``folder``, with the packages of this repository; raises ValueError when it fails.

    A command that ends with "refuted" has done its work.
    """
    path = os.pathsep.join(filter(None, [HOME, os.environ.get("PYTHONPATH")]))
    started = [*START.get(words[0], words[:1]), *words[1:]]
    code = subprocess.run(started, cwd=folder, env=os.environ | {"PYTHONPATH": path}, check=False).returncode
    if code not in (0, REFUTED):
        raise ValueError(f"exit code {code} from: {shlex.join(words)}")
