"""Where a data set's files lie below the root, and what to say when they do not."""

from collections.abc import Sequence
from pathlib import Path


def folder_of(name: str, root: Path, folders: Sequence[str], files: Sequence[str], advice: str) -> Path:
    """Return the first of ``folders`` below ``root`` that has all ``files``.

    Raises FileNotFoundError saying what is missing where, followed by ``advice`` on what to download.
    """
    for folder in folders:
        if all((root / folder / file).exists() for file in files):
            return root / folder
    first = root / folders[0]
    missing = [file for file in files if not (first / file).exists()]
    raise FileNotFoundError(f"{name} is not below {root}: {', '.join(missing)} must be in {first}; {advice}")
