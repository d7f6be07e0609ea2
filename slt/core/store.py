"""The run store: one sqlite row per finished unit of work, so that long runs resume and never count twice."""

import csv
import io
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any

from slt.core.checks import DAMAGE, first_line
from slt.core.files import write_atomically
from slt.core.forms import Form, check

Row = dict[str, Any]

TABLE = """CREATE TABLE IF NOT EXISTS units (
    experiment TEXT, settings TEXT, seed TEXT, chunk INTEGER, row TEXT NOT NULL, checksum TEXT NOT NULL,
    PRIMARY KEY (experiment, settings, seed, chunk))"""  # seeds as text: they go beyond the integers of sqlite

PATIENCE = 60.0  # seconds to wait for another process that is writing to the same store


def canonical(settings: Row) -> str:
    """Return the one JSON text of ``settings``: keys sorted, no spaces."""
    return json.dumps(settings, sort_keys=True, separators=(",", ":"), allow_nan=False)


class Store:
    """Rows keyed by (experiment, settings, seed, chunk); writing a key again changes nothing.

    A row comes back as it was written, or with an OSError: each has a checksum of itself and its key.

    path: a file, or ":memory:" for a store that is gone with the process. Several processes of one machine may use a
    file at a time. A process that is killed loses none of the rows whose put() has returned; a machine that loses power
    may lose the last ones, which are then made again. The file must not lie on a network file system, whose locks
    sqlite cannot rely on. Raises OSError when the file cannot be opened as a run store, or another process holds it for
    longer than a minute.
    """

    def __init__(self, path: str | Path = ":memory:") -> None:
        self.path = str(path)
        if not self.path:  # which sqlite takes for a file that is gone afterwards
            raise ValueError("a run store needs a name")
        try:
            # autocommit: put() returns when the row is with the operating system, where it outlives the process; to
            # wait for the disk as well would take milliseconds a row, which is all that a thousand workers leave
            self._connection = sqlite3.connect(
                self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self.close()  # else its locks would stay as long as the error is remembered
                raise
        except sqlite3.Error as error:
            raise OSError(f"{self.path} cannot be used as a run store: {error}") from error

    def _prepare(self) -> None:
        """Make the table where there is none, and look for damage."""
        self._write_ahead()
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(TABLE)
        found = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise OSError(f"{self.path} is damaged: {found}")
        # a view or a trigger could answer in its place, and take any time for it
        made = self._connection.execute("SELECT sql FROM sqlite_master WHERE sql NOTNULL AND tbl_name = 'units'")
        if [sql.split() for (sql,) in made] != [TABLE.replace("IF NOT EXISTS ", "").split()]:
            raise OSError(f"{self.path} cannot be used as a run store: its table is of another version")

    def _write_ahead(self) -> None:
        """Switch the journal; here sqlite tells of a rival at once instead of waiting for it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(0.01)

    def put(self, experiment: str, settings: Row, seed: int, chunk: int, row: Row) -> None:
        """Store ``row``, its names in their order, unless its key is there already.

        Raises OSError when the file takes no more, as on a full disk.
        """
        content = json.dumps(row, separators=(",", ":"), allow_nan=False)
        key = experiment, canonical(settings), str(seed), chunk
        try:
            self._connection.execute(
                "INSERT OR IGNORE INTO units VALUES (?, ?, ?, ?, ?, ?)", (*key, content, _checksum(*key, content))
            )
        except sqlite3.Error as error:
            raise OSError(f"{self.path} cannot keep a finished row: {error}") from error

    def get(self, experiment: str, settings: Row, seed: int, chunk: int) -> Row | None:
        """Return the row under this key, or None."""
        found = self._read("settings=? AND seed=? AND chunk=?", experiment, canonical(settings), str(seed), chunk)
        return found[0][-1] if found else None

    def rows(self, experiment: str) -> Iterator[Row]:
        """Yield every row of an experiment with its settings, seed and chunk, ordered by key."""
        for settings, seed, chunk, row in self._read("true", experiment):
            yield {**json.loads(settings), "seed": int(seed), "chunk": chunk, **row}

    def _read(self, which: str, experiment: str, *key: object) -> list[tuple[str, str, int, Row]]:
        """Return settings, seed, chunk and row of those of an experiment; raises OSError where they are damaged."""
        query = (
            "SELECT settings, seed, chunk, row, checksum FROM units WHERE experiment=? AND "
            f"{which} ORDER BY settings, length(seed), seed, chunk"
        )
        try:
            found = []
            for *where, row, checksum in self._connection.execute(query, (experiment, *key)):
                if checksum != _checksum(experiment, *where, row):
                    raise ValueError("a row does not have its checksum")
                found.append((*where, {**json.loads(row)}))
            return found
        except (sqlite3.Error, *DAMAGE) as error:
            raise OSError(f"{self.path} is damaged: {first_line(error)}") from None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _checksum(*values: object) -> str:
    return blake2b(json.dumps(values).encode(), digest_size=8).hexdigest()


def flat(row: Row, prefix: str = "") -> Row:
    """Return ``row`` with nested objects spread over dotted names, as a table needs it.

    >>> flat({"n": 3, "measured": {"lower": 1}})
    {'n': 3, 'measured.lower': 1}
    """
    out: Row = {}
    for name, value in row.items():
        if isinstance(value, dict):
            out.update(flat(value, f"{prefix}{name}."))
        else:
            out[prefix + name] = value
    return out


def export_csv(path: str | Path, rows: Iterable[Row]) -> None:
    """Write rows as CSV, nested objects under dotted column names, columns in order of first appearance."""
    spread = [flat(row) for row in rows]
    columns = list(dict.fromkeys(name for row in spread for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(spread)
    write_atomically(path, text.getvalue())


def export_json(path: str | Path, content: Any) -> None:
    """Write one JSON document."""
    write_atomically(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def export_jsonl(path: str | Path, rows: Iterable[Row]) -> None:
    """Write one JSON object a line."""
    write_atomically(path, "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows))


class Found(dict[str, Any]):
    """An object that was read from a file: a name that is asked for and that it does not have is the file's fault.

    where: the file, and the line if there are several.
    """

    def __init__(self, content: Row, where: str) -> None:
        super().__init__(content)
        self.where = where

    def __missing__(self, name: str) -> Any:
        raise ValueError(f"{self.where} has no {name}; is it damaged, or made by another command or version?")


def read_jsonl(path: str | Path, form: Form = ...) -> list[Row]:
    """Read what :func:`export_jsonl` wrote.

    form: what each row must be (:mod:`slt.core.forms`), by default any. Raises ValueError naming the file and line that
    is damaged.
    """
    rows: list[Row] = []
    for number, line in enumerate(Path(path).read_bytes().splitlines(), 1):
        row = parsed(line, f"{path} line {number}", form)
        if not isinstance(row, dict):
            raise ValueError(f"{path} line {number} is not a JSON object")
        rows.append(row)
    return rows


def read_json(path: str | Path, form: Form = ...) -> Any:
    """Read what :func:`export_json` wrote; raises ValueError naming the file when it is damaged.

    form: what it must be, by default anything.
    """
    return parsed(Path(path).read_bytes(), str(path), form)


def parsed(text: bytes | str, where: str, form: Form = ...) -> Any:
    """Return what a JSON text says, objects as :class:`Found`; raises ValueError unless it is JSON of this form."""
    try:
        found = json.loads(text, object_hook=lambda content: Found(content, where), parse_constant=_no_number)
    except DAMAGE as error:  # no JSON, no UTF-8, a number without end, or nested without end
        raise ValueError(f"{where} is not JSON: {first_line(error)}") from None
    check(found, form, where)
    return found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")
