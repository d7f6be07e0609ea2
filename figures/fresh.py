"""Run again what is behind a figure, in a folder of its own: the committed results stay as they are.

The documented commands are run as they stand, with that folder as the current one, so that results and unfinished
runs, whose paths in them are relative, lie there as they lie in the repository.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from slt.core.command import REFUTED
from slt.core.files import check_new

ROOT = Path(__file__).parents[1]


def lines(module: ModuleType) -> list[str]:
    """Return the commands that made a figure's committed result, one by one."""
    return str(module.COMMAND).splitlines()


def written(module: ModuleType) -> list[Path]:
    """Return the committed result files that a figure's commands write.

    Raises ValueError when there is none: then the commands do not make the figure's RESULT.
    """
    words = [ROOT / word for line in lines(module) for word in shlex.split(line)]
    found = [path for path in dict.fromkeys(words) if path == module.RESULT or module.RESULT in path.parents]
    if not found:
        raise ValueError(f"the commands of {module.__name__} do not write {module.RESULT}")
    return found


def place(module: ModuleType, folder: Path) -> Path:
    """Make room below ``folder`` for a figure's new result; return where that will be.

    Raises ValueError when one of its files exists already, OSError when it could not be written.
    """
    for path in written(module):
        new = folder / path.relative_to(ROOT)
        new.parent.mkdir(parents=True, exist_ok=True)
        check_new(new)
    return folder / Path(module.RESULT).relative_to(ROOT)


def rerun(line: str, folder: Path) -> None:
    """Run one command in ``folder``; raises ValueError when it fails."""
    words = shlex.split(line)
    words[0] = sys.executable if words[0] == "python" else words[0]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    code = subprocess.run(words, cwd=folder, env=os.environ | {"PYTHONPATH": path}, check=False).returncode
    if code not in (0, REFUTED):
        raise ValueError(f"exit code {code} from: {line}")
