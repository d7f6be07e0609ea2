"""What a person sees: tables and texts in the form that was asked for, a progress bar only on a terminal."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as RichTable

from slt.core.amounts import duration
from slt.core.tables import FORMS, Table, table

WIDTH = 128  # in a pipe or a file, so that the same command writes the same text on every machine
NARROWEST, WIDEST = 60, 200  # of a terminal, for which tables are parted
# the same in a notebook, and whatever FORCE_COLOR and the like ask for
ANYWHERE: dict[str, Any] = {
    "color_system": None,
    "force_terminal": False,
    "force_jupyter": False,
    "legacy_windows": False,
}
JSON = "json"
EVERY = 60.0  # seconds between two lines of a log


class Page:
    """Standard output of a command, in one form.

    form: "text" shows texts and tables, plain and with no blanks at the ends of lines; "markdown", "latex" and "csv"
    show the tables alone; "json" shows the result alone.
    """

    def __init__(self, form: str = "text") -> None:
        self.form = form

    def print(self, *items: object) -> None:
        """Show texts, wrapped, and tables: no word and no number is ever cut.

        A terminal that is too narrow gets a table in parts. A pipe gets it in the width that it needs.
        """
        if self.form == "text":
            for item in items or ("",):
                self._write(item)
        elif self.form != JSON:
            for item in items:
                if isinstance(item, Table):
                    sys.stdout.write(item.as_form(self.form) + "\n\n")
        sys.stdout.flush()

    def prose(self, text: str, markdown: str) -> None:
        """Show a text that belongs to the result: as ``text``, or as ``markdown`` where that is the form."""
        if self.form == "text":
            self.print(text)
        elif self.form == "markdown":
            sys.stdout.write(markdown + "\n\n")

    def note(self, text: str) -> None:
        """Show a text that a reader of the tables alone needs too: where texts are left out, on standard error."""
        if self.form == "text":
            self.print(text)
        else:
            sys.stderr.write(text + "\n")

    def result(self, content: object) -> None:
        """Show ``content`` as JSON, where that is the form."""
        if self.form == JSON:
            sys.stdout.write(json.dumps(content, indent=1, allow_nan=False) + "\n")
            sys.stdout.flush()

    def _write(self, item: object) -> None:
        if not isinstance(item, Table):
            self._render(item, terminal_width() or WIDTH)
            return
        room = terminal_width()
        for part in [item] if room is None else item.fitted(room):
            if part.title:
                self._render(part.title, room or WIDTH)
            self._render(_grid(part), WIDTH)

    @staticmethod
    def _render(item: object, width: int) -> None:
        text = StringIO()
        console = Console(file=text, width=width, highlight=False, markup=False, **ANYWHERE)
        if isinstance(item, RichTable):
            needed = Measurement.get(console, console.options.update(width=10 * WIDEST), item).maximum
            console.width = max(width, needed)
        console.print(item)
        for line in text.getvalue().splitlines():
            sys.stdout.write(line.rstrip() + "\n")


def terminal_width() -> int | None:
    """Return how many characters a line of the terminal has, in 60..200; None where standard output is none."""
    if not sys.stdout.isatty():
        return None
    try:
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    except OSError:  # a stream that says it is a terminal and has no size
        return WIDTH
    return max(NARROWEST, min(WIDEST, columns or WIDTH))


def _grid(found: Table) -> RichTable:
    grid = RichTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name, left, width in zip(found.columns, found.left, found.widths, strict=True):
        justify: Literal["left", "right"] = "left" if left else "right"
        grid.add_column(name, justify=justify, no_wrap=True, min_width=width)
    for row in found.rows:
        grid.add_row(*row)
    return grid


@contextmanager
def progress(total: float, what: str, shown: bool = True) -> Iterator[Callable[[float], None]]:
    """Show how far work is, if ``shown``: by a bar on a terminal, else by a line a minute on standard error.

    Yields the function that advances it.
    """
    done, start = 0.0, time.monotonic()
    said = start
    with _bar(total, what, shown) as advance:

        def tick(steps: float) -> None:
            nonlocal done, said
            done += steps
            advance(steps)
            now = time.monotonic()
            if shown and now - said > EVERY and not sys.stderr.isatty():
                said = now
                left = f", about {duration((now - start) * (total - done) / done)} left" if done else ""
                sys.stderr.write(f"{what}: {done / total:.0%} done{left}\n")

        yield tick


@contextmanager
def epochs(total: int, what: str, shown: bool = True) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Show each finished epoch, if ``shown``: by a bar on a terminal, else by a line on standard error.

    Yields the function that takes an epoch's row (epoch from 0, loss, validation). A run that goes on from a checkpoint
    says so.
    """
    seen = 0
    with _bar(total, what, shown) as advance:

        def tell(row: Mapping[str, Any]) -> None:
            nonlocal seen
            epoch = row["epoch"] + 1
            if shown and seen == 0 and epoch > 1:
                sys.stderr.write(f"{what}: goes on after epoch {epoch - 1}\n")
            advance(epoch - seen)
            seen = epoch
            if shown and not sys.stderr.isatty():
                sys.stderr.write(
                    f"{what}: epoch {epoch} of {total}, loss {row['loss']:.4f}, validation {row['validation']:.2%}\n"
                )

        yield tell


@contextmanager
def _bar(total: float, what: str, shown: bool) -> Iterator[Callable[[float], None]]:
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    shown = shown and sys.stderr.isatty()  # rich takes a pipe for a terminal where FORCE_COLOR is set
    with Progress(*columns, console=console, disable=not shown, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps: bar.advance(task, steps)


__all__ = ["FORMS", "JSON", "Page", "Table", "epochs", "progress", "table", "terminal_width"]
