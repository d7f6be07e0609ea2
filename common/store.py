"""The run store: one sqlite row per finished unit of work, so that long runs resume and never count twice."""

import csv
import io
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from common.files import write_atomically

Row = dict[str, Any]

WRAP = 2**64  # seeds go below it; sqlite's integers only below 2**63, so larger ones are kept as negative numbers
PATIENCE = 60.0  # seconds to wait for another process that is writing to the same store


def canonical(settings: Row) -> str:
    """Return the one JSON text of ``settings``: keys sorted, no spaces."""
    return json.dumps(settings, sort_keys=True, separators=(",", ":"), allow_nan=False)


class Store:
    """Rows keyed by (experiment, settings, seed, chunk); writing a key again changes nothing.

    path: a file, or ":memory:" for a store that is gone with the process. Several processes of one machine may use a
    file at a time. A process that is killed loses none of the rows whose put() has returned; a machine that loses power
    may lose the last ones, which are then made again. The file must not lie on a network file system, whose locks
    sqlite cannot rely on. Raises OSError when the file cannot be opened as a run store, or another process holds it for
    longer than a minute.
    """

    def __init__(self, path: str | Path = ":memory:") -> None:
        self.path = str(path)
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
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS runs (experiment TEXT, settings TEXT, seed INTEGER, chunk INTEGER,"
            " row TEXT NOT NULL, PRIMARY KEY (experiment, settings, seed, chunk))"
        )
        found = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise OSError(f"{self.path} is damaged: {found}")

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
        try:
            self._connection.execute(
                "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?)",
                (experiment, canonical(settings), _signed(seed), chunk, content),
            )
        except sqlite3.Error as error:
            raise OSError(f"{self.path} cannot keep a finished row: {error}") from error

    def get(self, experiment: str, settings: Row, seed: int, chunk: int) -> Row | None:
        """Return the row under this key, or None."""
        with self._readable():
            found = self._connection.execute(
                "SELECT row FROM runs WHERE experiment=? AND settings=? AND seed=? AND chunk=?",
                (experiment, canonical(settings), _signed(seed), chunk),
            ).fetchone()
            return {**json.loads(found[0])} if found else None

    def rows(self, experiment: str) -> Iterator[Row]:
        """Yield every row of an experiment with its settings, seed and chunk, ordered by key."""
        with self._readable():
            cursor = self._connection.execute(
                "SELECT settings, seed, chunk, row FROM runs WHERE experiment=?"
                " ORDER BY settings, seed < 0, seed, chunk",
                (experiment,),
            )
            found = [
                {**json.loads(settings), "seed": seed % WRAP, "chunk": chunk, **json.loads(row)}
                for settings, seed, chunk, row in cursor
            ]
        yield from found

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Turn what damaged pages and rows lead to into an OSError that names the file."""
        try:
            yield
        except (sqlite3.Error, ValueError, TypeError, RecursionError) as error:
            raise OSError(f"{self.path} is damaged: {error}") from None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _signed(seed: int) -> int:
    return seed - WRAP if seed >= WRAP // 2 else seed


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


def read_jsonl(path: str | Path) -> list[Row]:
    """Read what :func:`export_jsonl` wrote; raises ValueError naming the file and line that is damaged."""
    rows: list[Row] = []
    for number, line in enumerate(Path(path).read_bytes().splitlines(), 1):
        row = _parsed(line, f"{path} line {number}")
        if not isinstance(row, dict):
            raise ValueError(f"{path} line {number} is not a JSON object")
        rows.append(row)
    return rows


def read_json(path: str | Path) -> Any:
    """Read what :func:`export_json` wrote; raises ValueError naming the file when it is damaged."""
    return _parsed(Path(path).read_bytes(), str(path))


def _parsed(text: bytes, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # no JSON, no UTF-8, a number without end, or nested without end
        raise ValueError(f"{where} is not JSON: {error}") from None


@contextmanager
def understood(path: str | Path) -> Iterator[None]:
    """Name ``path`` in one line where its rows, though JSON, turn out not to be what the block takes them for."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ArithmeticError, ValueError) as error:
        if isinstance(error, ValueError) and str(path) in str(error):
            raise
        raise ValueError(
            f"{path} does not hold what is read from it ({type(error).__name__}: {error}); is it damaged, or made by "
            "another command or version?"
        ) from None
