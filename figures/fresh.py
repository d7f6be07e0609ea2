"""Run again what is behind a figure, into new files: the committed results stay as they are."""

import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from common.cli import REFUTED
from common.files import check_new

ROOT = Path(__file__).parents[1]
RUNS = "runs"  # where commands keep unfinished work, which fresh ones must not go on with


def written(module: ModuleType) -> list[Path]:
    """Return the committed result files that a figure's commands write.

    Raises ValueError when there is none: then the commands do not make the figure's RESULT.
    """
    words = [ROOT / word for line in module.COMMAND.splitlines() for word in shlex.split(line)]
    found = [path for path in dict.fromkeys(words) if path == module.RESULT or module.RESULT in path.parents]
    if not found:
        raise ValueError(f"the commands of {module.__name__} do not write {module.RESULT}")
    return found


def moved(module: ModuleType, folder: str | Path) -> tuple[Path, list[str]]:
    """Return the result that a figure's commands make below ``folder``, and those commands.

    Raises ValueError when the result exists already, OSError when it could not be written.
    """
    folder = Path(folder).resolve()
    written(module)
    result = folder / module.RESULT.name
    check_new(result)
    places = {module.RESULT.relative_to(ROOT).as_posix(): result, RUNS: folder / RUNS}

    def move(word: str) -> str:
        for old, new in places.items():
            if word == old or word.startswith(f"{old}/"):
                return f"{new}{word[len(old) :]}"
        return word

    return result, [shlex.join(map(move, shlex.split(line))) for line in module.COMMAND.splitlines()]


def rerun(line: str) -> None:
    """Run one command; raises ValueError when it fails."""
    words = shlex.split(line)
    words[0] = sys.executable if words[0] == "python" else words[0]
    code = subprocess.run(words, cwd=ROOT, check=False).returncode
    if code not in (0, REFUTED):
        raise ValueError(f"exit code {code} from: {line}")
