"""Files that are whole or absent: written under a temporary name, then renamed."""

import os
import tempfile
from pathlib import Path


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Write ``content`` to ``path`` so that a reader sees the old file or the new one, never half of one.

    What is there but is no regular file (/dev/stdout, a pipe) is written to as it is. Raises OSError when the folder is
    missing or cannot be written.
    """
    path = Path(path).resolve()
    data = content.encode() if isinstance(content, str) else content
    if _special(path):
        path.write_bytes(data)
        return
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:  # names the temporary file
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp makes files only their owner can read
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def check_writable(path: str | Path) -> None:
    """Raise OSError now when :func:`write_atomically` could not write ``path`` later."""
    path = Path(path).resolve()
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, a file is needed")
    if _special(path):
        return
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror}") from None


def check_new(path: str | Path | None) -> None:
    """Raise ValueError when ``path`` exists, OSError when it could not be written; None is nothing to write."""
    if path is not None:
        if Path(path).exists():
            raise ValueError(f"{path} exists already; remove it or choose another name")
        check_writable(path)


def _special(path: Path) -> bool:
    return path.exists() and not path.is_file()
