"""What a person sees: tables that are plain text in a pipe, a progress bar only on a terminal."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

WIDTH = 118  # fixed, so that the same command prints the same text on every machine


def out() -> Console:
    """Return a console on standard output: plain text, unless it is a terminal."""
    return Console(file=sys.stdout, width=WIDTH, highlight=False, soft_wrap=False)


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Table:
    """Return a table; columns whose name starts with ``<`` are flushed left, all others right."""
    grid = Table(title=title, box=SIMPLE_HEAD, title_justify="left", pad_edge=False, padding=(0, 1), title_style="bold")
    for name in columns:
        grid.add_column(name.removeprefix("<"), justify="left" if name.startswith("<") else "right", no_wrap=True)
    for row in rows:
        grid.add_row(*("-" if cell is None else str(cell) for cell in row))
    return grid


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on standard error, if that is a terminal; yield the function that advances it."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps: bar.advance(task, steps)
