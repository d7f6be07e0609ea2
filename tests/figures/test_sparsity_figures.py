"""The figures of sparsity: the numbers of their rows, and rows that are none of theirs."""

import json
from dataclasses import asdict

import pytest

from figures import best_places, kept, kept_places, style
from figures.all import FIGURES, KNOWN
from figures.command import main
from figures.style import panels
from slt.core.command import BAD_INPUT, run
from torch_backend.commands import sparsity, sparsity_tables


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    """Pictures take a hundred times longer than rows."""
    monkeypatch.setattr(style, "_image", lambda *_: b"")


def drawn(draw, *arguments):
    """Return the lines of one panel by label."""
    with panels() as (_, ax):
        draw(ax, *arguments)
        lines = [(line.get_label(), list(line.get_xdata()), list(line.get_ydata())) for line in ax.get_lines()]
    return lines


def test_the_requirement_of_groups_is_that_of_the_rows():
    rows = kept.load()
    kinds = list(dict.fromkeys(row["keep"] for row in rows))
    assert kinds == [kept.ANY, "2:4", "1:2", "1:4", "1:8"]
    for kind in kinds:
        chosen = sorted((row for row in rows if row["keep"] == kind), key=lambda row: -row["eps"])
        shown = drawn(kept.draw, chosen)
        lines = {label: y for label, _, y in shown}
        assert lines["necessary (proven)"] == [row["necessary"] for row in chosen]
        assert lines["estimated"] == [row["estimated"] for row in chosen]
        assert lines["sufficient (proven)"] == [row["sufficient"] for row in chosen]
        assert [row["value"] for row in chosen] in [y for _, _, y in shown]


def test_the_headline_counts_the_variables_of_the_rows():
    rows = [{"keep": kept.ANY, "eps": 0.1, "value": 10}, {"keep": "2:4", "eps": 0.1, "value": 16}]
    assert "1.6 to 1.6 times" in kept.headline(rows)
    assert "1.6 to 2.4 times" in kept.headline([*rows, {"keep": "1:8", "eps": 0.1, "value": 24}])
    assert "times" not in kept.headline(rows[1:])


def test_success_over_the_sparsity_lies_between_its_limits():
    for row in kept_places.load():
        lines = drawn(kept_places.draw, row)
        by_label = {label: (x, y) for label, x, y in lines}
        places = sorted(row["places"])
        assert by_label["estimated"] == ([place[0] for place in places], [place[1] for place in places])
        upper, lower = (dict(zip(*by_label[name], strict=True)) for name in ("at most (proven)", "at least (proven)"))
        assert len(upper) > 10
        for k, _, low, _, high in places:
            if k in upper:
                assert lower[k] <= high
                assert low <= upper[k]


def searches(top):
    """Rows of a small plan whose accuracy is largest at ``top``."""
    plan, rows = sparsity.PLANS["tiny"], []
    for seed in range(3):
        for index, arm in enumerate(plan.arms):
            test = 0.9 - (arm.place - top) ** 2 + 0.0001 * ((3 * index + seed) % 4)
            rows.append({"plan": "tiny", **arm.row(), "sparsity": round(arm.sparsity, 6), "seed": seed, "test": test,
                         "settings": asdict(arm.settings(plan.base))})  # fmt: skip
    return rows


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_best_place_found_and_theorys_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr("figures.best_places.predicted", lambda _: [0.6, 0.7, 0.65])
    found = best_places.load(written(tmp_path / "rows.jsonl", searches(0.25)))["tiny"]
    assert [group.pair for group in found] == [(0.0, 0.0), (0.25, 0.25)]
    lines = drawn(best_places.draw, found, "tiny")
    assert sum(x == [0.25] for _, x, _ in lines) == 2  # the best of either source
    assert sum(x == [0.6, 0.65, 0.7] for _, x, _ in lines) == 2
    assert best_places.headline(found) == "theory agrees in 0 of 2, undecided 0"
    monkeypatch.setattr("figures.best_places.predicted", lambda _: [0.3])
    assert best_places.headline(found) == "theory agrees in 2 of 2, undecided 0"


def test_rows_of_ones_own_are_drawn_or_refused_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("figures.best_places.predicted", lambda _: [0.5])
    assert sparsity_tables.predicted is not best_places.predicted
    good = searches(0.5)
    assert main(["best_places", str(written(tmp_path / "good.jsonl", good)), "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    lacking = [{name: value for name, value in row.items() if name != "place"} for row in good]
    for name, rows, said in (
        ("a.jsonl", lacking, "has no place"),
        ("b.jsonl", [row for row in good if row["kind"] != "place"], "needs rows of kind place"),
        ("c.jsonl", [good[0], {**good[1], "seed": 9}], "no seed has been run in all sources"),
    ):
        path = written(tmp_path / name, rows)
        assert run(main, ["best_places", str(path), "--out", str(tmp_path)], "slt figures") == BAD_INPUT
        line = capsys.readouterr().err
        assert said in line
        assert str(path) in line
        assert line.count("\n") == 1
    bad = [{**row, "places": [[0.5, 1]]} for row in kept_places.load()[:1]]
    path = written(tmp_path / "d.jsonl", bad)
    assert run(main, ["kept_places", str(path), "--out", str(tmp_path)], "slt figures") == BAD_INPUT
    assert "must be lists of five numbers" in capsys.readouterr().err


def test_a_figure_without_its_results_is_known_and_not_drawn_with_the_others():
    assert set(FIGURES) <= set(KNOWN)
    assert all(path.is_file() for figure in FIGURES for path in figure.results)
    for figure in set(KNOWN) - set(FIGURES):
        assert not all(path.is_file() for path in figure.results)
