import json
from dataclasses import asdict

import pytest

from figures import calibration as figure
from simulations.experiments import calibration
from slt.core.intervals import Estimate, clopper_pearson
from slt.core.places import committed
from slt.core.store import Store, read_jsonl

RESULT = committed("simulations", "calibration.jsonl")


@pytest.fixture
def small(monkeypatch):
    """The grid cut to four cheap settings of different kinds."""
    kinds = {(s.prune > 0, s.lock > 0): s for s in calibration.SETTINGS if s.n < 40 and s.eps >= 0.01}
    settings = tuple(kinds.values())
    assert len(settings) == 4
    monkeypatch.setattr(calibration, "SETTINGS", settings)
    monkeypatch.setattr(calibration, "DRAWS", 500)
    return settings


def test_grid_is_large_and_spread_over_precisions_and_kinds_of_freezing():
    grid = calibration.SETTINGS
    assert len(grid) == len(set(grid)) >= 40
    assert {s.eps for s in grid} == {1e-1, 3e-2, 1e-2, 1e-3, 1e-4}
    assert {(s.prune > 0, s.lock > 0) for s in grid} == {(a, b) for a in (False, True) for b in (False, True)}
    assert sum(s.prune + s.lock > 0.7 for s in grid) >= 10


def test_committed_result_is_the_grid_and_keeps_the_tolerance():
    rows = read_jsonl(RESULT)
    received = {(row["n"], row["eps"], row["prune"], row["lock"], row["reading"]) for row in rows}
    wanted = {(*asdict(s).values(), reading) for s in calibration.SETTINGS for reading in ("uniform", "pointwise")}
    assert received == wanted
    assert len(rows) == len(wanted)
    assert all((row["trials"], row["draws"], row["seed"]) == (calibration.TRIALS, calibration.DRAWS, 0) for row in rows)
    assert all(row["difference"] == row["estimated"] - row["measured"]["value"] for row in rows)
    assert calibration.worst(rows) <= calibration.TOLERANCE == 0.03
    uniform = [row["measured"]["value"] for row in rows if row["reading"] == "uniform"]
    assert min(uniform) < 0.2
    assert max(uniform) > 0.95


@pytest.mark.long
def test_committed_estimates_and_measurements_come_out_again():
    rows = [row for row in read_jsonl(RESULT) if row["n"] <= 30 and row["eps"] == 0.1]
    assert len(rows) >= 10
    for row in rows:
        setting = calibration.Setting(row["n"], row["eps"], row["prune"], row["lock"])
        again = calibration.measure(setting, row["reading"])
        assert again["measured"] == row["measured"]
        # other versions of scipy may round a quantile the other way
        assert again["estimated"] == pytest.approx(row["estimated"], abs=1e-3)


def test_quick_run_agrees_on_settings_of_every_kind(small):
    trials = 2000
    for setting in small:
        row = calibration.measure(setting, "uniform", trials=trials, seed=5)
        interval = clopper_pearson(round(row["measured"]["value"] * trials), trials, 1 - 1e-6)
        sampling = 4.9 * 0.5 / calibration.DRAWS**0.5
        assert interval.lower - 0.03 - sampling <= row["estimated"] <= interval.upper + 0.03 + sampling


@pytest.mark.long
def test_command_prints_writes_and_passes(small, tmp_path, capsys):
    file = tmp_path / "rows.jsonl"
    code = calibration.main(["--trials", "3000", "--seed", "2", "--out", str(file)])
    rows = read_jsonl(file)
    assert code == (calibration.worst(rows) > calibration.TOLERANCE)
    shown = capsys.readouterr().out
    assert len(rows) == 2 * len(small)
    for row in rows:
        assert row["trials"] == 3000
        assert row["seed"] == 2
        assert row["measured"]["lower"] <= row["measured"]["value"] <= row["measured"]["upper"]
        assert f"{abs(row['difference']):.4f}" in shown
    figures = figure.render(figure.load(file), tmp_path)
    assert [path.suffix for path in figures] == [".png", ".svg"]
    assert all(path.stat().st_size > 5000 for path in figures)


@pytest.mark.parametrize(("miss", "code"), [(0.0301, 1), (-0.0301, 1), (0.0299, 0), (-0.0299, 0)])
def test_exit_code_tells_a_missed_tolerance(small, monkeypatch, capsys, miss, code):
    import subsetsum

    monkeypatch.setattr(calibration, "estimated_success", lambda **_: 0.5 + miss)
    fixed = Estimate(0.4, 0.5, 0.6, 100)
    monkeypatch.setattr(subsetsum, "success_probability", lambda **_: fixed, raising=False)
    assert calibration.main(["--trials", "100"]) == code
    assert ("NOT within 0.03" in capsys.readouterr().out) == bool(code)


def test_interrupted_run_goes_on_from_its_store(small, tmp_path, monkeypatch):
    measured = []

    def measure(setting, reading, *, trials, seed):
        if len(measured) == 3:
            raise KeyboardInterrupt
        measured.append((setting, reading))
        return {"estimated": 0.5, "measured": {"lower": 0, "value": 0.5, "upper": 1}, "difference": 0.0}

    monkeypatch.setattr(calibration, "measure", measure)
    with pytest.raises(KeyboardInterrupt):
        calibration.main(["--trials", "10", "--store", str(tmp_path / "store")])
    with Store(tmp_path / "store") as store:
        assert len(list(store.rows("calibration"))) == 3
    monkeypatch.setattr(calibration, "measure", lambda *a, **k: measured.append(a) or measure_nothing())
    assert calibration.main(["--trials", "10", "--store", str(tmp_path / "store")]) == 0
    assert len(measured) == 2 * len(small)
    assert len(set(measured)) == len(measured)


def measure_nothing():
    return {"estimated": 0.5, "measured": {"lower": 0, "value": 0.5, "upper": 1}, "difference": 0.0}


def test_existing_results_are_not_overwritten(small, tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"kept": 1}) + "\n")
    with pytest.raises(ValueError, match="exists already"):
        calibration.main(["--out", str(file)])
    assert read_jsonl(file) == [{"kept": 1}]
