"""The run store keeps each finished unit once, and its exports are whole files."""

import csv
import json
import os
import sqlite3
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from slt.core.files import check_writable, write_atomically
from slt.core.store import Store, canonical, export_csv, export_json, export_jsonl, read_jsonl


def test_a_row_comes_back_and_is_never_overwritten(tmp_path):
    with Store(tmp_path / "runs.sqlite") as store:
        store.put("x", {"n": 3, "eps": 0.1}, 0, 0, {"count": 5})
        store.put("x", {"eps": 0.1, "n": 3}, 0, 0, {"count": 6})
        assert store.get("x", {"eps": 0.1, "n": 3}, 0, 0) == {"count": 5}
        assert store.get("x", {"eps": 0.1, "n": 3}, 0, 1) is None
        assert store.get("x", {"eps": 0.1, "n": 3}, 1, 0) is None
        assert store.get("y", {"eps": 0.1, "n": 3}, 0, 0) is None
    with Store(tmp_path / "runs.sqlite") as store:
        assert list(store.rows("x")) == [{"eps": 0.1, "n": 3, "seed": 0, "chunk": 0, "count": 5}]


WRITER = """
import sys
from slt.core.store import Store
path, name, first, last = sys.argv[1:]
sys.stdin.readline()
with Store(path) as store:
    for chunk in range(int(first), int(last)):
        store.put("x", {"n": 3}, 0, chunk, {"by": name, "chunk": chunk, "a": 0.1})
        print(chunk, flush=True)
"""


def writer(path, name, first, last):
    words = [sys.executable, "-c", WRITER, path, name, str(first), str(last)]
    root = Path(__file__).parents[2]
    return subprocess.Popen(words, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_processes_that_write_to_one_new_store_at_a_time_keep_every_row_once(tmp_path):
    path = tmp_path / "runs.sqlite"
    writers = [writer(path, name, first, first + 300) for name, first in (("a", 0), ("b", 100), ("c", 0))]
    for process in writers:
        process.stdin.write("go\n")  # all at once, so that they also make the file at once
        process.stdin.flush()
    said = [process.communicate()[0].split() for process in writers]
    assert [len(words) for words in said] == [300] * 3
    assert [process.returncode for process in writers] == [0] * 3
    with Store(path) as store:
        rows = list(store.rows("x"))
    assert [row["chunk"] for row in rows] == list(range(400))
    assert all(row["by"] == "b" for row in rows[300:])
    assert {row["by"] for row in rows[:100]} <= {"a", "c"}
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_a_killed_process_loses_no_row_whose_put_returned(tmp_path):
    path = tmp_path / "runs.sqlite"
    process = writer(path, "a", 0, 10**6)
    process.stdin.write("go\n")
    process.stdin.flush()
    heard = [process.stdout.readline() for _ in range(50)]
    process.kill()
    heard += process.stdout.readlines()  # communicate() would miss what readline() has taken from the pipe
    process.communicate()
    told = [int(line) for line in heard if line.endswith("\n")]
    with Store(path) as store:
        rows = list(store.rows("x"))
        assert len(rows) in (max(told) + 1, max(told) + 2)  # it may have died between the row and its word
        assert [row["chunk"] for row in rows] == list(range(len(rows)))
        store.put("x", {"n": 3}, 0, 0, {"by": "b"})
        assert store.get("x", {"n": 3}, 0, 0)["by"] == "a"


def test_a_row_keeps_the_order_of_its_names():
    with Store() as store:
        store.put("x", {}, 0, 0, {"b": 1, "a": {"d": 1, "c": 2}})
        assert json.dumps(store.get("x", {}, 0, 0)) == '{"b": 1, "a": {"d": 1, "c": 2}}'
        with pytest.raises(ValueError, match="Out of range"):
            store.put("x", {}, 0, 1, {"a": float("inf")})


def test_a_store_that_takes_no_more_is_told_in_one_line(tmp_path):
    with Store(tmp_path / "runs.sqlite") as store:
        store._connection.execute("PRAGMA query_only=ON")
        with pytest.raises(OSError, match="cannot keep a finished row: attempt to write a readonly database"):
            store.put("x", {}, 0, 0, {})


def test_a_file_that_is_no_store_is_refused_in_one_line(tmp_path):
    path = tmp_path / "runs.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(OSError, match="cannot be used as a run store"):
        Store(path)


def test_a_refused_file_is_let_go_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("slt.core.store.PATIENCE", 0.2)
    path = tmp_path / "runs.sqlite"
    with Store(path):
        pass
    good = path.read_bytes()
    kept = []  # an error that is kept keeps what the failed call had opened, unless that was closed
    for place in (32, 52):
        path.write_bytes(good[:place] + b"\1" + good[place + 1 :])
        with pytest.raises(OSError, match="is damaged") as error:
            Store(path)
        kept.append(error)
        path.write_bytes(good[:18] + b"\1\1" + good[20:])  # with the journal to be switched, for which none may read
        Store(path).close()


def test_settings_have_one_text():
    assert canonical({"b": 1, "a": 0.3}) == '{"a":0.3,"b":1}'
    with pytest.raises(ValueError, match="Out of range"):
        canonical({"a": float("nan")})


def test_exports_agree(tmp_path):
    rows = [{"n": 1, "measured": {"lower": 0, "upper": None}}, {"n": 2, "note": "a,b"}]
    export_jsonl(tmp_path / "r.jsonl", rows)
    export_json(tmp_path / "r.json", rows)
    export_csv(tmp_path / "r.csv", rows)
    assert read_jsonl(tmp_path / "r.jsonl") == json.loads((tmp_path / "r.json").read_text()) == rows
    with open(tmp_path / "r.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert table[0] == {"n": "1", "measured.lower": "0", "measured.upper": "", "note": ""}
    assert table[1]["note"] == "a,b"


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text('{"n": 1}\n{"n": \n')
    with pytest.raises(ValueError, match=r"r.jsonl line 2 is not JSON"):
        read_jsonl(path)
    path.write_text("[1]\n")
    with pytest.raises(ValueError, match="line 1 is not a JSON object"):
        read_jsonl(path)


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    write_atomically(path, "old")

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", broken)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["result.json"]


def test_a_device_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_atomically(pipe, "content")
    assert os.read(reader, 100) == b"content"
    os.close(reader)
    assert not pipe.is_file()


def test_a_link_keeps_leading_to_its_file(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_what_cannot_be_written_is_told_beforehand(tmp_path):
    check_writable(tmp_path / "new.json")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="is a folder"):
        check_writable(tmp_path)
    with pytest.raises(OSError, match="cannot be written"):
        check_writable(tmp_path / "missing" / "new.json")


def changed(path, command, *values):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(command, values)
    connection.close()


@pytest.mark.parametrize(
    "command",
    [
        "UPDATE units SET row = '{\"count\":6}'",
        "UPDATE units SET row = replace(row, '5', '4')",
        "UPDATE units SET row = x'00'",
        "UPDATE units SET row = 5",
        "UPDATE units SET row = '{\"count\":5}' || ' '",
        "UPDATE units SET checksum = ''",
        "UPDATE units SET checksum = NULL || 'x'",
        "UPDATE units SET chunk = 1, row = (SELECT row FROM units)",
        "UPDATE units SET seed = '1'",
        "UPDATE units SET settings = '{\"n\":4}'",
        "UPDATE units SET experiment = 'y'",
    ],
)
def test_a_row_that_was_changed_is_never_read(tmp_path, command):
    path = tmp_path / "runs.sqlite"
    with Store(path) as store:
        store.put("x", {"n": 3}, 0, 0, {"count": 5})
    try:
        changed(path, command)
    except sqlite3.IntegrityError:  # a column that may not be empty
        return
    told = 0
    with Store(path) as store:
        for experiment, n, seed, chunk in product("xy", (3, 4), (0, 1), (0, 1)):
            try:
                assert store.get(experiment, {"n": n}, seed, chunk) is None
            except OSError as error:
                told += str(error).startswith(f"{path} is damaged: ")
    assert told == 1


@pytest.mark.parametrize("seed", [0, 2**31, 2**63 - 1, 2**63, 2**64 - 1])
def test_every_seed_has_its_rows(tmp_path, seed):
    with Store(tmp_path / "runs.sqlite") as store:
        store.put("x", {}, seed, 0, {"count": 5})
        assert store.get("x", {}, seed, 0) == {"count": 5}
        assert store.get("x", {}, seed - 1 if seed else 1, 0) is None
        assert list(store.rows("x")) == [{"seed": seed, "chunk": 0, "count": 5}]


def test_rows_come_in_the_order_of_their_seeds():
    with Store() as store:
        for seed in (2**64 - 1, 10, 9, 2):
            store.put("x", {}, seed, 0, {})
        assert [row["seed"] for row in store.rows("x")] == [2, 9, 10, 2**64 - 1]


@pytest.mark.parametrize(
    "command",
    [
        "CREATE TABLE units (experiment, settings, seed, chunk, row)",
        "CREATE VIEW units AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
        "CREATE VIEW Units AS SELECT 1",
    ],
)
def test_a_table_that_is_not_ours_is_refused_at_once(tmp_path, command):
    changed(tmp_path / "runs.sqlite", command)
    with pytest.raises(OSError, match="runs.sqlite cannot be used as a run store: its table is of another version"):
        Store(tmp_path / "runs.sqlite")


def test_a_trigger_is_refused(tmp_path):
    path = tmp_path / "runs.sqlite"
    Store(path).close()
    changed(path, "CREATE TRIGGER t AFTER INSERT ON units BEGIN DELETE FROM units; END")
    with pytest.raises(OSError, match="its table is of another version"):
        Store(path)


def test_the_table_of_an_older_version_is_left_alone(tmp_path):
    path = tmp_path / "runs.sqlite"
    changed(path, "CREATE TABLE runs (experiment TEXT, settings TEXT, seed INTEGER, chunk INTEGER, row TEXT NOT NULL)")
    changed(path, "INSERT INTO runs VALUES ('x', '{}', 0, 0, '{}')")
    with Store(path) as store:
        assert store.get("x", {}, 0, 0) is None
        store.put("x", {}, 0, 0, {"count": 5})
        assert store.get("x", {}, 0, 0) == {"count": 5}


def test_a_store_without_a_name_is_refused():
    with pytest.raises(ValueError, match="a run store needs a name"):
        Store("")


def test_results_do_not_replace_a_run_store(tmp_path):
    path = tmp_path / "runs.sqlite"
    with Store(path) as store:
        store.put("x", {}, 0, 0, {"count": 5})
    (tmp_path / "link").symlink_to(path)
    for name in (path, tmp_path / "link"):
        with pytest.raises(OSError, match="is a run store, which is not replaced"):
            check_writable(name)
        with pytest.raises(OSError, match="is a run store, which is not replaced"):
            export_jsonl(name, [])
    with Store(path) as store:
        assert store.get("x", {}, 0, 0) == {"count": 5}
