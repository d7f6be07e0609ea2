"""The committed grid of constants: complete, consistent with theory, and measured again where that is quick."""

import numpy as np
import pytest

from simulations.experiments.constants import DELTAS, RESULT, SETTINGS, Point, main, measured_rows
from simulations.lemmas.verdicts import REFUTED
from slt.core.command import BAD_INPUT, run
from slt.core.rates import READINGS
from slt.core.store import Store, read_jsonl

ROWS = read_jsonl(RESULT)


def of(point):
    return [row for row in ROWS if Point(row["prune"], row["lock"], row["eps"]) == point]


def test_every_setting_has_every_row():
    assert len(ROWS) == len(SETTINGS) * len(DELTAS) * len(READINGS)
    for point in SETTINGS:
        assert [(row["delta"], row["reading"]) for row in of(point)] == [(d, r) for d in DELTAS for r in READINGS]


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("point", [Point(0.0, 0.0, 0.01), Point(0.4, 0.3, 0.1), Point(0.2, 0.5, 0.1)])
def test_committed_rows_come_out_again(point):
    assert list(measured_rows(point, 0, Store(), engine=None, trials=None)) == of(point)


def test_no_row_is_refuted_and_every_interval_is_in_order():
    for row in ROWS:
        measured = row["measured"]
        assert row["verdict"] != REFUTED
        assert measured["lower"] <= measured["value"] <= (measured["upper"] or np.inf)
        assert measured["lower"] <= row["sufficient"]


def test_the_command_writes_what_it_measures(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("simulations.experiments.constants.SETTINGS", (Point(0.0, 0.0, 0.1),))
    monkeypatch.setattr("simulations.experiments.constants.RATES", ((0.0, 0.0),))
    assert main(["--trials", "500", "--out", str(tmp_path / "c.jsonl")]) == 0
    assert len(read_jsonl(tmp_path / "c.jsonl")) == len(DELTAS) * len(READINGS)
    assert "Range of the measured C" in capsys.readouterr().out


def test_no_result_is_written_over_and_a_bad_out_is_noticed_before_the_work(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("simulations.experiments.constants.SETTINGS", (Point(0.0, 0.0, 0.1),))
    monkeypatch.setattr("simulations.experiments.constants.RATES", ((0.0, 0.0),))
    measured = []
    monkeypatch.setattr("simulations.run.experiment.export_jsonl", lambda *a: measured.append(a))
    assert main(["--trials", "500"]) == 0
    assert measured == []  # nothing is written where no file is named
    monkeypatch.setattr("simulations.experiments.constants.measure_each", lambda *a, **k: pytest.fail("work was begun"))
    (tmp_path / "old").write_text("kept")
    for out, message in (("old", "exists already"), ("none/new", "cannot be written")):
        assert run(main, ["--trials", "500", "--out", str(tmp_path / out)], "constants") == BAD_INPUT
        assert message in capsys.readouterr().err
    assert (tmp_path / "old").read_text() == "kept"
