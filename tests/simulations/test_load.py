"""The load test tells growing memory from level memory, and sees the processes that it watches."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import load


def samples(held):
    return [{"units": n, "resident": {"client": mb}} for n, mb in enumerate(held, 1)]


def verdict(held):
    return load.flat({"client": load.quarters(samples(held), "client")})


@given(level=st.integers(10, 10**9), start=st.integers(0, 10**9))
def test_level_memory_is_flat_whatever_it_was_at_first(level, start):
    assert verdict([start] * 10 + [level] * 30)


@given(first=st.integers(50, 10**6), slope=st.floats(0.5, 3))
def test_memory_that_grows_with_the_units_is_not_flat(first, slope):
    assert not verdict([first * (1 + slope * n / 40) for n in range(40)])


def test_medians_of_the_quarters():
    assert load.quarters(samples([5, 1, 3, 7, 7, 8, 9, 9]), "client") == [3.0, 5.0, 7.5, 9.0]
    assert load.flat({"a": [9, 10, 1, 11.0]})
    assert not load.flat({"a": [9, 10, 10, 10], "b": [9, 10, 10, 11.1]})
    assert not load.flat({"a": [1.0, 1.0, 1.0, float("nan")]})


def test_memory_of_a_process_is_seen():
    before = load.resident(os.getpid())
    kept = bytearray(os.urandom(64) * 2**20)
    assert 2**26 * 0.9 < load.resident(os.getpid()) - before < 2**26 * 1.5
    del kept
    assert load.resident(2**22 + 1) is None


@pytest.mark.long
def test_a_sweep_under_watch_ends_with_its_digest(tmp_path, monkeypatch, capfd):
    pytest.importorskip("distributed")
    monkeypatch.setattr(load, "SECONDS", 0.5)
    out = tmp_path / "load.jsonl"
    code = load.main(["--module", "benchmarks.small_sweep", "--trials", "800", "--out", str(out)])
    *rows, end = [json.loads(line) for line in out.read_text().splitlines()]
    assert (end["code"], end["units"]) == (0, 128)
    assert len(end["digest"]) == 16
    assert [row["units"] for row in rows] == sorted(row["units"] for row in rows)
    assert set(rows[-1]["resident"]) == {"client", "scheduler", "worker 1", "worker 2"}
    assert all(2**24 < held < 2**31 for held in rows[-1]["resident"].values())
    said = capfd.readouterr().out
    assert "proven widths refuted: 0 of 1 settings" in said
    assert ("memory is flat" in said) == (code == 0)
    with pytest.raises(ValueError, match="load.jsonl"):
        load.main(["--out", str(out)])
