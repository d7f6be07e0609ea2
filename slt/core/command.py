"""Command-line manners shared by every command: what it ends with, in one line, and a screen that costs no result.

Exit codes: 0, 1 refuted, 2 bad input or environment, 70 a fault of the program itself, 130 interrupted; no others.
"""

import argparse
import dis
import importlib
import os
import re
import shlex
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NoReturn

from slt.core.screen import screens
from slt_verify import HOME, OURS

REFUTED = 1
BAD_INPUT = 2
FAULT = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130

SEARCHES_NEED = {"torch": "PyTorch", "safetensors": "safetensors", "constriction": "constriction", "PIL": "pillow"}


class Parser(argparse.ArgumentParser):
    """An argument parser that answers bad input with one line, without the usage text.

    No option takes an empty text, which is what a shell makes of a variable that is not set, or a NUL, which no path
    holds. Negative numbers are values in every form, such as -1e-3. description: may be a module's docstring, of which
    the first line is shown.
    """

    def __init__(self, *, description: str | None = None, **options: Any) -> None:
        # there is no docstring under PYTHONOPTIMIZE=2
        first = (description or "").partition("\n")[0]
        # a docstring's marks are for those who read the code
        super().__init__(description=re.sub(r"``|:\w+:", "", first).replace("`", ""), **options)
        # Python before 3.14 takes -1e-3, -inf and -nan for options: then nobody is told which values are allowed
        self._negative_number_matcher = re.compile(r"-(\.?\d|inf|nan).*$", re.IGNORECASE)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse what no option takes, then parse."""
        words = sys.argv[1:] if args is None else list(args)
        for before, word in zip(["", *words], words, strict=False):
            name, sign, value = word.partition("=") if word.startswith("--") else (before, "=", word)
            if sign and (not value or "\0" in value):
                self.error(f"{name or 'the first argument'}: got {value!r}, which is no value")
        return super().parse_known_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        """Print ``message`` on one line and exit with code 2."""
        say(self.prog, message)
        self.exit(BAD_INPUT)


@dataclass(frozen=True)
class Command:
    """One command. module: its ``main(argv)`` runs it and returns the exit code. about: what it does, in a line."""

    module: str
    about: str


def choose(prog: str, commands: Mapping[str, Command], argv: Sequence[str] | None) -> int:
    """Run the command whose name comes first, return its exit code; list the known ones and return 0 without one.

    prog: what is typed before the name. What the command raises keeps the command's full name, under which
    :func:`explained` tells it. Raises ValueError for an unknown name.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        known = "\n".join(f"  {name:12} {command.about}" for name, command in commands.items())
        print(f"usage: {prog} NAME [options]\n\n{known}\n\n{prog} NAME --help shows the options of one.")  # noqa: T201
        return 0
    if words[0] not in commands:
        raise ValueError(f"unknown name {words[0]!r}; known: {', '.join(commands)}")
    with called(f"{prog} {words[0]}"):
        code: int = importlib.import_module(commands[words[0]].module).main(words[1:])
    return code


@contextmanager
def called(name: str) -> Iterator[None]:
    """Let what this block raises keep the command's ``name``, or that of a command inside it."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        vars(error).setdefault("command", name)
        raise


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
        sys.exit(explained(error, name))


def run(command: Callable[[Sequence[str] | None], int], argv: Sequence[str] | None, name: str) -> int:
    """Return the exit code of ``command(argv)``; what it raises is told by :func:`explained`.

    What it prints never ends it: see :mod:`slt.core.screen`. Where standard output took not all of it, that is said and
    the code is not 0, unless the reader left on purpose, as in ``... | head``. name: of the program.
    """
    with screens() as failure:
        try:
            code = command(argv)
        except SystemExit as stop:  # argparse's way out
            code = stop.code if isinstance(stop.code, int) else 0
        except (Exception, KeyboardInterrupt) as error:
            code = explained(error, name)
        lost = failure()
        if lost is not None and not isinstance(lost, BrokenPipeError):
            say(name, f"standard output did not take everything: {lost.strerror}")
            code = code or BAD_INPUT
    return code


def explained(error: BaseException, name: str) -> int:
    """Say on standard error in one line why the command ``name`` ended with ``error``; return its exit code.

    A command that :func:`choose` ran is called by its own name: ``slt compare``, not ``slt``.
    Bad input and what the machine refuses: 2. Any other error is a fault of the program itself: the line asks to report
    it and names the file in the temporary folder that holds the traceback, or the traceback comes first where no file
    can be written; 70.
    """
    name = vars(error).get("command", name)
    if isinstance(error, KeyboardInterrupt):
        print(f"{name}: interrupted", file=sys.stderr)  # noqa: T201
        return INTERRUPTED
    refusal = _refusal(error)
    if refusal is not None:
        say(name, refusal)
        return BAD_INPUT
    say(name, f"{_where(error)}; this is a fault of the program itself, please report it with {_kept(error)}", "fault")
    return FAULT


def say(name: str, what: str, kind: str = "error") -> None:
    """Print ``what`` went wrong in the command ``name`` as one line on standard error."""
    print(f"{name}: {kind}: {one_line(what)}", file=sys.stderr)  # noqa: T201


def one_line(text: str) -> str:
    r"""Return ``text`` on one line, and what cannot be printed as escapes, so that no file name rules a terminal.

    >>> one_line("a name" + chr(10) + "and \x1b[2J")
    'a name and \\x1b[2J'
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in " ".join(text.split())
    )


def _refusal(error: BaseException) -> str | None:
    """Return what to say of bad input or of a machine that refuses something; None for a fault of the program."""
    said = str(error) or type(error).__name__
    if isinstance(error, MemoryError) or _out_of_memory(error):
        return f"out of memory: {said}"
    if isinstance(error, OSError):
        path = error.filename2 or error.filename  # the second is where something was to go
        return (error.strerror or said) if path is None else f"{path}: {error.strerror or said}"
    if isinstance(error, ImportError):
        return _missing((error.name or "").partition(".")[0], said)
    if _importing(error):
        return _missing("", said)
    if isinstance(error, Warning):
        return f"a warning, which PYTHONWARNINGS or -W makes an error: {said}"
    if isinstance(error, ValueError) and meant(error):
        return said
    return said if said == "can't start new thread" else None


def _missing(package: str, said: str) -> str | None:
    if package in OURS:
        return None
    if package in SEARCHES_NEED:
        return f'searches need {SEARCHES_NEED[package]}: pip install -e ".[torch]"'
    return f"a library that this program needs cannot be imported: {said}"


def _out_of_memory(error: BaseException) -> bool:
    # torch says it with a RuntimeError, for which it need not be imported here
    return type(error).__name__ == "OutOfMemoryError" or (
        isinstance(error, RuntimeError) and "allocate memory" in str(error)
    )


def meant(error: ValueError) -> bool:
    """Tell whether a ``raise`` of ours made the error: one of a library says that we called it with a wrong value."""
    trace = _innermost(error)
    if trace is None:
        return False
    code = trace.tb_frame.f_code
    return _ours(code.co_filename) and dis.opname[code.co_code[trace.tb_lasti]] == "RAISE_VARARGS"


def _importing(error: BaseException) -> bool:
    """Tell whether a library raised the error while it was imported: it cannot work on this machine as it is set up."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        if _ours(frame.f_code.co_filename):
            return False
        if frame.f_code.co_name == "<module>":
            return True
    return False


def _ours(file: str) -> bool:
    return any(file.startswith(os.path.join(HOME, name, "")) for name in OURS)


def _innermost(error: BaseException) -> TracebackType | None:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def _where(error: BaseException) -> str:
    """Return kind and text of the error, and where it was raised."""
    what, trace = traceback.format_exception_only(error)[-1], _innermost(error)
    return what if trace is None else f"{what} in {trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno}"


def _kept(error: BaseException) -> str:
    """Keep the traceback; return where it is."""
    text = f"{shlex.join(sys.orig_argv)}\nPython {sys.version}\n{''.join(traceback.format_exception(error))}"
    try:
        handle, path = tempfile.mkstemp(prefix="slt-verify-", suffix=".txt")
        with open(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError:
        sys.stderr.write(text)
        return "the traceback above"
    return f"the traceback in {path}"
