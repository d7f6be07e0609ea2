"""Width factors: the ratio's interval, the published prediction, the rows of both parts, and the committed result."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figures import factors as figure
from simulations.existence.sweep import Setting
from simulations.experiments import factors as requirement
from simulations.experiments import factors_tables as requirement_tables
from simulations.run.engines import Threads
from slt.core.places import committed
from slt.core.store import Store, read_jsonl
from theory.widths import published_widths

RESULT = committed("simulations", "requirement-factors.jsonl")
ROWS = read_jsonl(RESULT)
SUMS = [row for row in ROWS if row["what"] == "subset sums"]
NETWORKS = [row for row in ROWS if row["what"] == "networks"]

ends = st.lists(st.integers(1, 500), min_size=3, max_size=3).map(sorted)


@given(part=ends, dense=ends)
def test_the_ratio_lies_in_its_interval_wherever_both_numbers_lie_in_theirs(part, dense):
    names = ("lower", "value", "upper")
    found = requirement.factor(dict(zip(names, part, strict=True)), dict(zip(names, dense, strict=True)))
    ratios = [a / b for a in part for b in dense]
    assert (found["lower"], found["upper"]) == (min(ratios), max(ratios))
    assert found["value"] == part[1] / dense[1]


def test_unknown_ends_stay_unknown():
    known = {"lower": 0, "value": 2, "upper": 4}
    unknown = {"lower": 1, "value": None, "upper": None}
    assert requirement.factor(known, unknown) == {"lower": None, "value": None, "upper": 4.0}
    assert requirement.factor(unknown, known) == {"lower": 0.25, "value": None, "upper": None}


def test_a_factor_refutes_only_when_its_interval_lies_wholly_outside():
    def row(lower, upper):
        return {"factor": {"lower": lower, "value": 2.0, "upper": upper}, "bracket": [1.5, 3.0]}

    verdicts = [requirement.refuted(row(*e)) for e in ((1.0, 1.4), (1.0, 1.5), (3.0, 9.0), (3.1, 9.0), (None, None))]
    assert verdicts == [True, False, False, True, False]
    assert not requirement.refuted({"factor": {"lower": 100.0, "value": 100.0, "upper": 100.0}})


def test_committed_factors_cover_every_pair_and_none_refutes_a_bound():
    pairs = {(row["prune"], row["lock"], row["eps"], row["reading"]) for row in SUMS}
    assert len(pairs) == len(SUMS) == (len(requirement.PAIRS) - 1) * len(requirement.EPS) * 2
    assert not any(requirement.refuted(row) for row in ROWS)
    for row in ROWS:
        assert row["factor"] == requirement.factor(row["measured"], row["dense"])
    for row in SUMS:
        low, high = row["bracket"]
        assert low <= row["predicted"]["estimated"] <= high


def test_committed_networks_come_out_of_the_committed_sweep():
    again = list(requirement.networks(read_jsonl(requirement.SWEEP)))
    assert [{**row, "predicted": None} for row in again] == [{**row, "predicted": None} for row in NETWORKS]
    for row, other in zip(again, NETWORKS, strict=True):
        assert row["predicted"] == pytest.approx(other["predicted"], rel=1e-9)


def test_neurons_of_a_network_are_counted_by_hand():
    row = next(
        r for r in NETWORKS if (r["sizes"], r["prune"], r["lock"]) == ([4, 4, 2], 0.4, 0) and r["event"] == "within"
    )
    swept = {(r["prune"], r["lock"]): r for r in read_jsonl(requirement.SWEEP) if r["sizes"] == [4, 4, 2]}
    part, dense = (swept[rates]["measured"]["within"] for rates in ((0.4, 0), (0, 0)))

    def count(blocks):
        return 4 * blocks[0] + 4 * blocks[1]

    assert row["factor"] == {
        "lower": count(part["fails"]["blocks"]) / count(dense["suffices"]["blocks"]),
        "value": count(part["value"]["blocks"]) / count(dense["value"]["blocks"]),
        "upper": count(part["suffices"]["blocks"]) / count(dense["fails"]["blocks"]),
    }
    assert row["predicted"]["proven"] == count(swept[0.4, 0]["proven"]) / count(swept[0, 0]["proven"])


def test_the_published_widths_have_the_constant_that_fits_the_dense_source():
    for row in NETWORKS:
        if row["prune"] == 0:  # the published form knows of no locking but by C
            assert row["predicted"]["published"] == pytest.approx(1)
    row = next(r for r in NETWORKS if (r["sizes"], r["prune"], r["lock"]) == ([16, 4], 0.4, 0))
    setting = Setting((16, 4), 0.1, 0.4, 0.0)
    weights = setting.target(0).weights
    C = row["dense"]["value"] / sum(published_widths(weights, 0.1, 0.1, 1.0, prune=(0.0, 0.0)))
    pruned = sum(published_widths(weights, 0.1, 0.1, C, prune=(0.4, 0.4), form="pruned"))
    assert row["predicted"]["published"] == pytest.approx(pruned / row["dense"]["value"])


def test_a_pair_outside_the_constants_grid_is_measured_to_the_committed_row(monkeypatch):
    monkeypatch.setattr(requirement, "PAIRS", ((0.0, 0.0), (0.2, 0.1)))
    monkeypatch.setattr(requirement, "EPS", (0.1,))
    told = []
    again = list(requirement.sums(requirement.curves(0, None, Store(), Threads(1), told.append)))
    assert again == [r for r in SUMS if (r["prune"], r["lock"], r["eps"]) == (0.2, 0.1, 0.1)]
    assert told == [1, 1]


def test_command_prints_what_it_writes_and_refuses_bad_input(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(requirement, "PAIRS", ((0.0, 0.0), (0.4, 0.0)))
    monkeypatch.setattr(requirement, "EPS", (0.1,))
    file = tmp_path / "rows.jsonl"
    assert requirement.main(["--trials", "300", "--seed", "1", "--out", str(file)]) == 0
    shown = capsys.readouterr().out
    rows = read_jsonl(file)
    assert [row["trials"] for row in rows if "reading" in row] == [300, 300]
    for row in rows:
        assert f"{row['factor']['value']:.2f} [" in shown
    assert "factors outside what the proven bounds allow: 0 of 2" in shown
    with pytest.raises(ValueError, match="exists already"):
        requirement.main(["--out", str(file)])
    with pytest.raises(ValueError, match="trials"):
        requirement.main(["--trials", "0"])


def test_a_refuted_bound_exits_nonzero(monkeypatch, capsys):
    monkeypatch.setattr(requirement, "PAIRS", ((0.0, 0.0), (0.2, 0.0)))
    monkeypatch.setattr(requirement, "EPS", (0.1,))
    monkeypatch.setattr(requirement, "factor", lambda part, dense: {"lower": 90.0, "value": 95.0, "upper": 99.0})
    assert requirement.main([]) == 1
    assert "allow: 2 of 2" in capsys.readouterr().out


def test_ratios_and_their_summary_are_those_of_the_rows():
    rows = [
        {"factor": {"lower": 1.0, "value": 2.0, "upper": 3.0}, "predicted": {"estimated": 3.0, "published": None}},
        {"factor": {"lower": 1.0, "value": 2.0, "upper": None}, "predicted": {"estimated": 5.0, "published": 0.5}},
        {"factor": {"lower": 1.0, "value": None, "upper": None}, "predicted": {"estimated": 5.0, "published": 0.5}},
    ]
    assert [requirement_tables.ratio(row, "estimated") for row in rows] == [1.5, 2.5, None]
    lines = requirement_tables.summary(rows).splitlines()
    assert lines == [
        "estimated / measured: 1.50 to 2.50; in the interval 2 of 2 times",
        "published / measured: 0.25 to 0.25; in the interval 0 of 1 times",
    ]


def test_figure_draws_the_committed_factors():
    from figures.style import panels

    rows = figure.chosen(figure.load(), "uniform")
    assert len(rows) == len(SUMS) // 2
    with panels() as (_, ax):
        figure.draw(ax, rows)
        lines = {line.get_label(): line for line in ax.get_lines()}
    for name in ("necessary", "estimated", "proven", "published"):
        assert list(lines[name].get_xdata()) == [row["factor"]["value"] for row in rows]
        assert list(lines[name].get_ydata()) == [row["predicted"][name] for row in rows]
    assert Path(figure.RESULT) == RESULT
