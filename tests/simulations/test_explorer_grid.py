"""The rows behind the explorer: their plan, and a run that goes on from its store."""

import pytest

from simulations.experiments import explorer
from slt.core.store import read_jsonl
from theory.necessary import failure_at_least
from theory.sufficient import failure_at_most


def test_rates_leave_something_free_and_every_setting_is_there_once():
    assert len(set(explorer.GRID)) == len(explorer.GRID) == len(explorer.RATES) * len(explorer.EPS)
    assert all(p + q <= 1 - 1 / explorer.STEPS + 1e-9 for p, q in explorer.RATES)
    assert set(explorer.ESTIMATED[0]) <= set(explorer.EPS)
    assert set(explorer.ESTIMATED[1]) <= set(explorer.DELTAS)


def test_a_row_holds_what_the_bounds_prove_at_each_delta():
    setting = explorer.Setting(0.2, 0.2, 0.1)
    row = explorer.grid(setting)
    law = {"prune": setting.prune, "lock": setting.lock}
    for delta, least, enough in zip(row["delta"], row["necessary"], row["sufficient"], strict=True):
        assert failure_at_least(least - 1, setting.eps, **law) > delta
        assert failure_at_most(enough, setting.eps, **law) <= delta
    assert [n is not None for n in row["estimated"]] == [delta in explorer.ESTIMATED[1] for delta in explorer.DELTAS]
    assert all(share is None or 0 <= share <= 1 for share in row["reach_share"])


def test_what_is_harder_fails_more_often():
    # the bounds at both ends of the proof: a necessary number stays one where all is harder, a sufficient one where all
    # is easier
    hard = {"prune": 0.3, "lock": 0.3}
    for n in (10, 20, 40):
        assert failure_at_least(n, 0.1, prune=0.2, lock=0.2) <= failure_at_most(n, 0.05, **hard) + 1e-12


def test_random_points_lie_within_the_grid_and_differ():
    rows = [explorer.work(3, 0)[-1 - k][1].args for k in range(3)]
    assert len(set(rows)) == 3
    found = explorer.check(0, 7)
    assert found["prune"] + found["lock"] <= 1 - 1 / explorer.STEPS + 1e-4
    assert explorer.EPS[-1] <= found["eps"] <= explorer.EPS[0]
    assert explorer.DELTAS[-1] <= found["delta"] <= explorer.DELTAS[0]
    assert found["necessary"] <= found["estimated"] <= found["sufficient"]


def test_a_run_writes_its_rows_and_goes_on_from_its_store(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(explorer, "GRID", (explorer.Setting(0.0, 0.0, 0.1),))
    words = ["--trials", "1", "--store", str(tmp_path / "store")]
    assert explorer.main([*words, "--out", str(tmp_path / "rows.jsonl")]) == 0
    assert capsys.readouterr().out == "1 rows of grid, 1 rows of check\n"
    for kind in ("grid", "check"):
        monkeypatch.setattr(explorer, kind, pytest.fail)  # nothing is computed again
    assert explorer.main([*words, "--out", str(tmp_path / "again.jsonl")]) == 0
    assert read_jsonl(tmp_path / "again.jsonl") == read_jsonl(tmp_path / "rows.jsonl")
