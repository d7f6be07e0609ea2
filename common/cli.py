"""Command-line manners shared by every command: one clear line and exit code 2 for bad input."""

import argparse
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

REFUTED = 1
BAD_INPUT = 2
INTERRUPTED = 130

SEARCHES_NEED = {"torch": "PyTorch", "safetensors": "safetensors", "constriction": "constriction", "PIL": "pillow"}


class Parser(argparse.ArgumentParser):
    """An argument parser that answers bad input with one line, without the usage text."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Python before 3.14 takes -1e-3, -inf and -nan for options: then nobody is told which values are allowed
        self._negative_number_matcher = re.compile(r"-(\.?\d|inf|nan).*$", re.IGNORECASE)

    def error(self, message: str) -> NoReturn:
        """Print ``message`` on one line and exit with code 2."""
        self.exit(BAD_INPUT, f"{self.prog}: error: {message}\n")


def choose(package: str, names: Mapping[str, str], argv: Sequence[str] | None) -> int:
    """Run ``package.NAME.main`` for the name that comes first; list the known ones when there is none.

    names: what each does, in a line. Raises ValueError for an unknown name.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    known = "\n".join(f"  {name:12} {what}" for name, what in names.items())
    if not words or words[0] in ("-h", "--help"):
        print(f"usage: python -m {package} NAME [options]\n\n{known}")  # noqa: T201
        return 0 if words else BAD_INPUT
    if words[0] not in names:
        raise ValueError(f"unknown name {words[0]!r}; known: {', '.join(names)}")
    code: int = importlib.import_module(f"{package}.{words[0]}").main(words[1:])
    return code


@contextmanager
def extra_needed(name: str) -> Iterator[None]:
    """End the program with one line and exit code 2 where this block needs a missing package of the torch extra.

    name: of the program.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in SEARCHES_NEED:
            raise
        _say(name, f'searches need {SEARCHES_NEED[error.name]}: pip install -e ".[torch]"')
        sys.exit(BAD_INPUT)


def run(command: Callable[[Sequence[str] | None], int], argv: Sequence[str] | None, name: str) -> int:
    """Call ``command(argv)``; turn ValueError, OSError, MemoryError into one line and exit code 2, Ctrl-C into 130.

    Raises SystemExit with code 2, after one line, where a package of the torch extra is missing.
    """
    try:
        with extra_needed(name):
            code = command(argv)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # the reader has seen enough, as in "... | head"; nothing may be flushed to it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BAD_INPUT
    except MemoryError as error:
        _say(name, f"out of memory: {error}")
        return BAD_INPUT
    except OSError as error:
        path = error.filename2 or error.filename  # the second is where something was to go
        _say(name, str(error) if path is None else f"{path}: {error.strerror}")
        return BAD_INPUT
    except ValueError as error:
        _say(name, str(error))
        return BAD_INPUT
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)  # noqa: T201
        return INTERRUPTED


def _say(name: str, what: str) -> None:
    print(f"{name}: error: {' '.join(what.split())}", file=sys.stderr)  # noqa: T201
