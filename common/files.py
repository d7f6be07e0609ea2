"""Files that are whole or absent: written under a temporary name, then renamed."""

import errno
import os
import tempfile
from pathlib import Path
from secrets import token_hex

STORE = b"SQLite format 3\0"  # what a run store starts with


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Write ``content`` to ``path`` so that a reader sees the old file or the new one, never half of one.

    The file has the mode of the one that it replaces, else that of any new file. What is there but is no regular file
    (/dev/stdout, a pipe) is written to as it is. Raises OSError when the folder is missing or cannot be written.
    """
    path = _followed(path)
    data = content.encode() if isinstance(content, str) else content
    _check_no_store(path)
    if _special(path):
        path.write_bytes(data)
        return
    temporary = path.with_name(f".{token_hex(8)}.tmp")  # the whole name might be too long with anything added
    try:
        temporary.touch(exist_ok=False)  # with the mode of any new file; mkstemp's can be read by their owner only
    except OSError as error:  # names the temporary file
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        with open(temporary, "wb") as file:
            if path.exists():
                os.chmod(temporary, path.stat().st_mode & 0o777)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_writable(path: str | Path) -> None:
    """Raise OSError now when :func:`write_atomically` could not write ``path`` later."""
    path = _followed(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, a file is needed")
    _check_no_store(path)
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


def _followed(path: str | Path) -> Path:
    """Return where the links of ``path`` lead; raises OSError when they lead in a circle."""
    end = Path(os.path.realpath(path))
    if end.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return end


def _check_no_store(path: Path) -> None:
    """Raise OSError where ``path`` is a run store: results are not written over what they are made from."""
    if path.is_file():
        with open(path, "rb") as file:
            if file.read(len(STORE)) == STORE:
                raise FileExistsError(f"{path} is a run store, which is not replaced: choose another name")


def _special(path: Path) -> bool:
    return path.exists() and not path.is_file()
