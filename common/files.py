"""Files that are whole or absent: written under a temporary name, then renamed."""

import os
import secrets
import stat
import tempfile
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Write ``content`` to ``path`` so that a reader sees the old file or the new one, never half of one.

    What is there but is no regular file (/dev/stdout, a pipe) is written to as it is. Raises OSError when the folder is
    missing or cannot be written.
    """
    place = _place(path)
    data = content.encode() if isinstance(content, str) else content
    if _special(place):
        place.write_bytes(data)
        return
    # not by the whole name, which may be as long as names can be; the system gives the mode that every new file gets
    temporary = place.with_name(f".{place.name[:32]}.{secrets.token_hex(8)}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except OSError as error:  # names the temporary file
        raise OSError(error.errno, error.strerror, str(place)) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_writable(path: str | Path) -> None:
    """Raise OSError now when :func:`write_atomically` could not write ``path`` later."""
    try:
        place = _place(path)
        if place.is_dir():
            raise IsADirectoryError(f"{path} is a folder, a file is needed")
        if not _special(place):
            with tempfile.NamedTemporaryFile(dir=place.parent):
                pass
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(f"{path} cannot be written: {error.strerror}") from None


def check_new(path: str | Path | None) -> None:
    """Raise ValueError when ``path`` exists, OSError when it could not be written; None is nothing to write."""
    if path is not None:
        if os.path.lexists(path):
            raise ValueError(f"{path} exists already; remove it or choose another name")
        check_writable(path)


def check_apart(named: Mapping[str, Iterable[str | Path]]) -> None:
    """Raise ValueError when two paths of different names are one file, however it is written or linked.

    named: the paths that a command reads or writes, by what each is, such as an option.
    """
    places = [(name, path) for name, paths in named.items() for path in paths]
    for (one, path), (other, rival) in combinations(places, 2):
        if one != other and _same(path, rival):
            raise ValueError(f"{one} and {other} must be different files, both are {path}")


def check_outside(name: str, file: str | Path, folder: str | Path) -> None:
    """Raise ValueError when ``file``, named by the option ``name``, lies in ``folder``, where a run keeps its work."""
    if Path(os.path.realpath(folder)) in Path(os.path.realpath(file)).parents:
        raise ValueError(f"{name} must lie outside of {folder}, got {file}")


def make_folder(path: str | Path) -> Path:
    """Make the folder ``path``, and those above it, where they are missing; raise OSError when that cannot be."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"{path} cannot be made a folder: {error.strerror}") from None
    return Path(path)


def _same(path: str | Path, rival: str | Path) -> bool:
    if os.path.exists(path) and os.path.exists(rival):
        return os.path.samefile(path, rival)
    return os.path.realpath(path) == os.path.realpath(rival)


def _place(path: str | Path) -> Path:
    """Return where ``path`` leads through all links; raise OSError where it leads nowhere or cannot be a name."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return Path(os.path.realpath(path))
    except ValueError:
        raise ValueError(f"{str(path)!r} cannot be the name of a file") from None
    # what is no file keeps its name: where /dev/stdout leads there is often nothing that has one
    return Path(os.path.realpath(path)) if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else Path(path)


def _special(place: Path) -> bool:
    return place.exists() and not place.is_file()
