"""What a figure is: the result files it reads, the commands that make them, and the functions that load and draw."""

import ast
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slt.core.forms import like
from slt.core.store import Row, read_json, read_jsonl
from slt_verify import HOME

Paths = Sequence[str | Path]


@dataclass(frozen=True)
class Figure:
    """One figure.

    name: of its module, of its files, and in ``slt figures NAME``. about: what it shows, in one line.
    results: the committed result files that it reads, as absolute paths. commands: what makes them, each a tuple of
    words, run one after another from the root of the repository (:func:`words`). minutes: how long that takes on two
    cores. needs: the names that every row must have; "a.b" is the name b of the object under a.
    load(*paths): returns the data of the given result files, or of the committed ones where none is given; raises
    ValueError, naming the file, when a file lacks what the figure needs, and OSError when it cannot be read.
    render(data, folder): draws the data into ``folder`` and returns the paths that it wrote.

    Raises ValueError when no command names one of the results.
    """

    name: str
    about: str
    results: tuple[Path, ...]
    commands: tuple[tuple[str, ...], ...]
    minutes: float
    needs: tuple[str, ...]
    load: Callable[..., Any]
    render: Callable[..., list[Path]]

    def __post_init__(self) -> None:
        """Check that the commands write the results."""
        named = {word for command in self.commands for word in command}
        for path in self.results:
            if relative(path) not in named:
                raise ValueError(f"the commands of {self.name} do not write {relative(path)}")

    def words(self) -> str:
        """Return the docstring of the figure's module: its title, and what the reader sees.

        It is read from the module's file, because Python keeps no docstrings under PYTHONOPTIMIZE=2.
        """
        return ast.get_docstring(ast.parse(Path(HOME, "figures", f"{self.name}.py").read_bytes())) or ""

    def again(self, path: str | Path | None = None) -> str:
        """Return the command that writes ``path``, as one line; the path itself where it is not a committed result.

        path: by default the figure's first result.
        """
        path = self.results[0] if path is None else Path(path)
        if path not in self.results:
            return str(path)
        return next(shlex.join(command) for command in self.commands if relative(path) in command)

    def files(self, paths: Paths) -> list[Path]:
        """Return the result files among ``paths``, the committed ones where there are none.

        A folder stands for the files in it that are named like the committed ones; raises ValueError when it holds
        none of them.
        """
        found: list[Path] = []
        for path in map(Path, paths):
            if not path.is_dir():
                found.append(path)
                continue
            inside = [path / result.name for result in self.results if (path / result.name).is_file()]
            if not inside:
                names = " or ".join(result.name for result in self.results)
                raise ValueError(f"{path} holds no {names}, which {self.again()} writes")
            found += inside
        return list(dict.fromkeys(found)) or list(self.results)

    def rows(self, paths: Paths, only: Mapping[str, Any] | None = None) -> list[Row]:
        """Return the rows of the result files, one file after another.

        only: what a row must have under some names to be among them; other rows are left out. Raises ValueError, naming
        file and line, when a file holds no such row, or a row lacks one of ``needs`` or has another kind of value there
        than the committed rows.
        """
        return [row for path in self.files(paths) for row in self._rows(path, only or {})]

    def _rows(self, path: Path, only: Mapping[str, Any]) -> list[Row]:
        rows = self._chosen(path, only)
        if not rows:
            kind = "".join(f" with {name} = {value}" for name, value in only.items())
            raise ValueError(f"{path} holds no rows{kind}; the figure {self.name} draws those of: {self.again()}")
        for row in rows:
            missing = [name for name in self.needs if not _has(row, name)]
            if missing:
                raise ValueError(
                    f"{_where(row, path)} has no {', '.join(missing)}; the figure {self.name} draws rows of: "
                    f"{self.again()}"
                )
        if path not in self.results:
            there = [result for result in self.results if result.is_file()]  # of a new experiment there is none yet
            known = like(_part(row, self.needs) for result in there for row in self._chosen(result, only))
            for row in rows if there else ():
                known.check(_part(row, self.needs), _where(row, path))
        return rows

    def _chosen(self, path: Path, only: Mapping[str, Any]) -> list[Row]:
        rows = self._read(path)
        return [row for row in rows if all(row.get(name) == value for name, value in only.items())]

    def _read(self, path: Path) -> list[Row]:
        """Return all rows of a file: one JSON object a line, or, where the committed result is JSON, under "rows".

        A JSON file may also hold one row, as the result of a search does, or a list of them, as ``--json`` shows.
        """
        if self.results[0].suffix != ".json" and path.suffix != ".json":
            return read_jsonl(path)
        found = read_json(path)
        if self.results[0].suffix == ".json":
            rows = found.get("rows") if isinstance(found, dict) else None
        else:
            rows = found if isinstance(found, list) else [found]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError(f"{path} has no rows; the figure {self.name} draws the file of: {self.again()}")
        return rows


def words(text: str, *paths: Path) -> tuple[str, ...]:
    """Return the words of a command: those of ``text``, then ``paths`` as they are written from the root.

    text: words without quotes, separated by blanks.

    >>> words("slt simulate hole --out", Path(HOME, "simulations", "results", "hole.jsonl"))
    ('slt', 'simulate', 'hole', '--out', 'simulations/results/hole.jsonl')
    """
    return (*text.split(), *map(relative, paths))


def relative(path: Path) -> str:
    """Return ``path`` as it is written from the root of the repository."""
    return path.relative_to(HOME).as_posix()


def told_apart(rows: Iterable[Row], *names: str) -> list[tuple[Any, ...]]:
    """Return the distinct values that the rows have under ``names``, in the order of the rows."""
    return list(dict.fromkeys(tuple(row[name] for name in names) for row in rows))


def _has(row: Row, name: str) -> bool:
    first, _, rest = name.partition(".")
    inner = row.get(first)
    return first in row and (not rest or (isinstance(inner, dict) and _has(inner, rest)))


def _part(row: Row, names: Iterable[str]) -> Row:
    """Return what a row has under ``names``, in objects as they are in the row."""
    part: Row = {}
    for name in names:
        inner, source = part, row
        *outer, last = name.split(".")
        for level in outer:
            inner, source = inner.setdefault(level, {}), source[level]
        inner[last] = source[last]
    return part


def _where(row: Row, path: Path) -> str:
    return str(getattr(row, "where", path))
