"""The experiment on prescribed sparsities and N:M: committed rows agree with what is proven, and it runs."""

from dataclasses import asdict
from pathlib import Path

import pytest

from simulations.experiments import kept
from slt.cli import dispatch as command
from slt.core.places import committed
from slt.core.store import read_jsonl

RESULT = committed("simulations", "kept.jsonl")


def test_committed_rows_lie_between_what_is_proven_and_near_what_is_estimated():
    rows = read_jsonl(RESULT)
    settings = [{name: row[name] for name in asdict(kept.SETTINGS[0])} for row in rows]
    assert settings == [asdict(setting) for setting in kept.SETTINGS]
    assert sum(row["kind"] == "requirement" for row in rows) >= 24
    for row in rows:
        assert row["trials"] == kept.TRIALS
        assert not kept.contradicts(row)
        if row["kind"] == "places":
            assert all(abs(said - value) <= kept.MISSED for _, said, _, value, _ in row["places"])
            assert all(lower <= value <= upper for _, _, lower, value, upper in row["places"])
            continue
        assert row["necessary"] <= row["upper"]
        assert row["lower"] <= row["value"] <= row["upper"]
        assert row["sufficient"] >= row["lower"]
        assert abs(row["success_estimated"] - row["success_measured"][1]) <= kept.MISSED


def test_the_page_shows_the_committed_rows():
    page = (Path(__file__).parents[2] / "docs" / "results.md").read_text()
    lines = kept.requirements(read_jsonl(RESULT)).markdown().split("\n")
    assert "\n".join(lines[2:]) in page


@pytest.mark.parametrize("index", [0, 19, pytest.param(-1, marks=pytest.mark.long)])
def test_a_measurement_is_that_of_its_setting(index):
    setting = kept.SETTINGS[index]
    row = asdict(setting) | kept.measure(setting, trials=60, seed=1)
    assert not kept.contradicts(row)
    if setting.kind == "places":
        assert len(row["places"]) == setting.n + 1
        return
    assert kept.contradicts(row | {"necessary": 10**5, "upper": 10})
    assert kept.contradicts(row | {"sufficient": 5, "lower": 6})


def test_its_tables_say_what_is_not_known():
    row = asdict(kept.SETTINGS[0]) | {
        "necessary": 5, "estimated": None, "sufficient": None, "n_max": 20, "lower": 4, "value": None, "upper": None,
        "success_estimated": None, "success_measured": None, "places": None,
    }  # fmt: skip
    (line,) = kept.requirements([row]).rows
    assert [str(cell) for cell in line[3:7]] == ["5", "-", "- [4, > 20]", "-"]
    assert len(list(kept.tables([row]))) == 1


@pytest.mark.long
def test_the_command_runs_and_resumes(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(kept, "SETTINGS", (kept.SETTINGS[0], kept.Setting("places", "0.5", 0.0, 0.0, 0.1, 6)))
    store, out = tmp_path / "runs.db", tmp_path / "kept.jsonl"
    options = ["simulate", "kept", "--trials", "50", "--store", str(store)]
    assert command([*options, "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "sparsity or N:M is prescribed" in text
    assert "Largest difference of estimated and measured success" in text
    assert command(options) == 0
    assert capsys.readouterr().out == text
    assert len(read_jsonl(out)) == 2
