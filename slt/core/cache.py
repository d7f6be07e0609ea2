"""Answers that take long and depend on their arguments and the software alone, kept in a file from run to run.

The file lies in $XDG_CACHE_HOME/slt-verify or ~/.cache/slt-verify. Its name has a digest of our sources and of the
versions of Python, numpy, scipy and numba, its content a checksum. A file that is damaged or none of ours counts as
absent and is replaced; where none can be read or written, every answer is made anew. Nothing of this is an error.
"""

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

from slt.core.files import write_atomically
from slt.core.store import canonical, parsed
from slt.core.versions import software

VARIABLE = "SLT_VERIFY_CACHE"  # "off" switches the cache off
MOST = 10_000  # answers in a file; with more it is begun anew
LARGEST = 50_000_000  # bytes of a file that is read

Answer = int | list[int]


class Answers:
    """Answers by what was asked. file: where they are kept, None for this run alone."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._known: dict[str, Answer] = {} if file is None else _read(file)
        self._new: dict[str, Answer] = {}

    def get(self, what: str, arguments: object) -> Answer | None:
        """Return the answer to this question, or None."""
        return self._known.get(_question(what, arguments))

    def put(self, what: str, arguments: object, answer: Answer) -> None:
        """Take note of an answer."""
        if self._file is not None:
            question = _question(what, arguments)
            self._known[question] = self._new[question] = answer

    def ask(self, what: str, arguments: object, make: Callable[[], int]) -> int:
        """Return a known answer that is a number, or make it."""
        known = self.get(what, arguments)
        if isinstance(known, int):
            return known
        made = make()
        self.put(what, arguments, made)
        return made

    def write(self) -> None:
        """Add what is new to the file, if that can be."""
        if self._file is None or not self._new:
            return
        known = {**_read(self._file), **self._new}  # another run may have written meanwhile
        answers = known if len(known) <= MOST else self._new
        with suppress(OSError, ValueError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file, canonical({"answers": answers, "checksum": _checksum(answers)}) + "\n")


_current = Answers()


def current() -> Answers:
    """Return the answers of this run: without :func:`opened`, none are known and none are kept."""
    return _current


@contextmanager
def opened(wanted: bool = True) -> Iterator[Answers]:
    """Use the cache's file, if that is wanted and nothing speaks against it; add to it in the end, however it ends."""
    global _current  # noqa: PLW0603 - one run at a time
    before = _current
    _current = Answers(place() if wanted else None)
    try:
        yield _current
    finally:
        _current.write()
        _current = before


def place() -> Path | None:
    """Return the file of this software, None where there is no place for one or the cache is switched off."""
    if os.environ.get(VARIABLE) == "off":
        return None
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME", ""))
        folder = base if base.is_absolute() else Path.home() / ".cache"
        made_by = canonical({**software(), "machine": platform.machine()})
    except (OSError, RuntimeError):  # the sources have changed since the start; nobody's home
        return None
    return folder / "slt-verify" / f"{blake2b(made_by.encode(), digest_size=8).hexdigest()}.json"


def _question(what: str, arguments: object) -> str:
    return canonical({"what": what, "arguments": arguments})


def _checksum(answers: dict[str, Answer]) -> str:
    return blake2b(canonical(dict(answers)).encode(), digest_size=16).hexdigest()


def _read(file: Path) -> dict[str, Answer]:
    """Return what a file holds; nothing where it is missing, damaged or something else."""
    try:
        if not file.is_file() or file.stat().st_size > LARGEST:
            return {}
        found = parsed(file.read_bytes(), str(file))
        answers = dict(found["answers"])
        if found["checksum"] != _checksum(answers) or not all(map(_valid, answers.values())):
            return {}
        return answers
    except (OSError, ValueError, TypeError, RecursionError, MemoryError):
        return {}


def _valid(answer: object) -> bool:
    numbers = answer if isinstance(answer, list) else [answer]
    return all(type(number) is int and number >= 0 for number in numbers)
