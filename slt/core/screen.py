"""Standard output and error of a command: what is printed costs no result, whatever becomes of the stream."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TextIO

PLAIN = {  # for streams that know no other characters; what is not here is shown by its number
    "─": "-",
    "━": "-",
    "╸": "-",
    "╺": "-",
    "—": "-",
    "–": "-",
    "…": "...",
    "²": "^2",
    "³": "^3",
    "±": "+-",
    "×": "x",
    "≤": "<=",
    "≥": ">=",
    "→": "->",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "π": "pi",
    "α": "alpha",
    "δ": "delta",
    "ε": "eps",
}


def plain(text: str, encoding: str) -> str:
    """Return ``text`` in characters that ``encoding`` knows.

    >>> plain("f² ≤ 1 ─ ő", "ascii"), plain("f² ≤ 1", "cp1252")
    ('f^2 <= 1 - \\\\u0151', 'f² <= 1')
    """
    out = []
    for letter in text:
        try:
            letter.encode(encoding)
            out.append(letter)
        except UnicodeEncodeError:
            out.append(PLAIN.get(letter) or letter.encode("unicode_escape").decode())
    return "".join(out)


class Screen:
    """A stream for text that takes everything: in plain characters where need be, and nothing after it has failed.

    failure: what the stream raised; None as long as it took everything.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.failure: OSError | None = None

    def write(self, text: str) -> int:
        """Write ``text`` as far as the stream takes it; return its length."""
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            self.write(plain(text, self._stream.encoding))
        except OSError as error:
            self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Send on what was written."""
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.failure = self.failure or error
        try:
            # what the stream still holds goes nowhere, else Python would fail at it again when it ends
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, self._stream.fileno())
            os.close(sink)
        except OSError:
            return  # the stream of a test or a notebook, which has no descriptor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def screens() -> Iterator[Callable[[], OSError | None]]:
    """Let nothing that is printed in this block raise an error.

    Yields a function that flushes standard output and returns the error that it met, or None. A standard stream that
    was closed when the program started is one that takes everything and shows nothing.
    """
    _occupy()
    before = sys.stdout, sys.stderr
    with ExitStack() as opened:
        out, err = (
            Screen(opened.enter_context(open(os.devnull, "w", encoding="utf-8")) if stream is None else stream)
            for stream in before
        )

        def failure() -> OSError | None:
            out.flush()
            return out.failure

        sys.stdout, sys.stderr = out, err
        try:
            yield failure
        finally:
            out.flush()
            err.flush()
            sys.stdout, sys.stderr = before


def _occupy() -> None:
    """Open what is closed of the descriptors 0, 1 and 2, so that no file that is opened later becomes one of them."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest that is free
