"""What a person sees: tables that are plain text in a pipe, a progress bar only on a terminal."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

WIDTH = 128  # fixed, so that the same command prints the same text on every machine
WIDEST = 1000
# the same in a notebook, and whatever FORCE_COLOR and the like ask for
ANYWHERE: dict[str, Any] = {
    "color_system": None,
    "force_terminal": False,
    "force_jupyter": False,
    "legacy_windows": False,
}


class Page:
    """Standard output for tables and text: plain, of one width everywhere, no blanks at the ends of lines."""

    def print(self, *items: object) -> None:
        """Print texts wrapped at the page's width, and tables in the width they need: no number is ever cut."""
        text = StringIO()
        console = Console(file=text, width=WIDTH, highlight=False, markup=False, **ANYWHERE)
        room = console.options.update(width=WIDEST)
        needed = (Measurement.get(console, room, item).maximum for item in items if isinstance(item, Table))
        console.width = max([WIDTH, *needed])
        console.print(*items)
        for line in text.getvalue().splitlines():
            sys.stdout.write(line.rstrip() + "\n")
        sys.stdout.flush()


def table(
    title: str, columns: Iterable[str], rows: Iterable[Iterable[object]], widths: Iterable[int] | None = None
) -> Table:
    """Return a table; columns whose name starts with ``<`` are flushed left, all others right.

    widths: least width of each column, so that several tables stand in line.
    """
    columns = list(columns)
    grid = Table(
        title=title, box=SIMPLE_HEAD, title_justify="left", pad_edge=False, padding=(0, 1, 0, 0), title_style="bold"
    )
    for name, width in zip(columns, widths or [0] * len(columns), strict=True):
        justify: Literal["left", "right"] = "left" if name.startswith("<") else "right"
        grid.add_column(name.removeprefix("<"), justify=justify, no_wrap=True, min_width=width)
    for row in rows:
        grid.add_row(*("-" if cell is None else str(cell) for cell in row))
    return grid


@contextmanager
def progress(total: float, what: str, shown: bool = True) -> Iterator[Callable[[float], None]]:
    """Show a progress bar on standard error, if that is a terminal and the bar is to be ``shown``.

    Yields the function that advances it.
    """
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    shown = shown and sys.stderr.isatty()  # rich takes a pipe for a terminal where FORCE_COLOR is set
    with Progress(*columns, console=console, disable=not shown, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps: bar.advance(task, steps)
