"""Files that are whole or absent: written under a temporary name, then renamed."""

import errno
import os
import stat
import tempfile
from collections.abc import Iterable, Mapping
from itertools import combinations
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
    try:
        place = _followed(path)
        if place.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder, a file is needed")
        _check_no_store(place)
        if not _special(place):
            with tempfile.NamedTemporaryFile(dir=place.parent):
                pass
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror}") from None


def check_new(path: str | Path | None) -> None:
    """Raise ValueError when ``path`` exists, OSError when it could not be written; None is nothing to write."""
    if path is not None:
        if os.path.exists(path):
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


def check_outside(name: str, file: str | Path, out: str | Path) -> None:
    """Raise ValueError when ``file``, named by the option ``name``, lies in ``out``, where a run keeps its work."""
    if Path(os.path.realpath(out)) in Path(os.path.realpath(file)).parents:
        raise ValueError(f"{name} must lie outside --out ({out}), got {file}")


def store_files(path: str | Path) -> list[Path]:
    """Return the files that a run store (sqlite) at ``path`` has or may have; none where it is kept in memory."""
    return [] if str(path) == ":memory:" else [Path(f"{path}{end}") for end in ("", "-wal", "-shm", "-journal")]


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


def _followed(path: str | Path) -> Path:
    """Return where the links of ``path`` lead.

    Raises OSError when they lead in a circle or the system takes no such path, ValueError when nothing takes it.
    """
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


def _check_no_store(path: Path) -> None:
    """Raise OSError where ``path`` is a run store: results are not written over what they are made from."""
    if path.is_file():
        with open(path, "rb") as file:
            if file.read(len(STORE)) == STORE:
                raise FileExistsError(errno.EEXIST, "it is a run store, which is not replaced: choose another name")
