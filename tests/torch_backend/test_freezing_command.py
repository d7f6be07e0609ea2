"""Sweeps over F and maps over sparsity and F: the plans, what rows say, and the command from end to end."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from slt.cli import dispatch as command
from slt.core.command import BAD_INPUT
from slt.core.command import run as run_command
from slt.core.intervals import paired_interval, points
from slt.core.store import export_jsonl, read_jsonl
from torch_backend.commands.freezing import FORM, PLANS
from torch_backend.commands.freezing_tables import accuracies, beginning, sparsity_map, sweep, tables
from torch_backend.tickets.sizes import meta_model, searchable, shapes_of

pytestmark = pytest.mark.usefixtures("one_thread")


def made_up(accuracy, plan="mnist", seeds=5, spread=0.0):
    """Rows of a plan. accuracy: of an arm; every seed has its luck, which all arms share, and a little noise."""
    chosen, rng, found = PLANS[plan], np.random.default_rng(0), []
    luck = rng.normal(scale=0.05, size=seeds)
    for seed in range(seeds):
        for arm in chosen.arms:
            settings = arm.settings(chosen.base)
            found.append({
                "plan": plan, **arm.row(), "sparsity": round(settings.sparsity, 6), "weights": 1000, "bits": 1,
                "seed": seed, "validation": 0.5, "seconds": 0.0, "settings": asdict(settings), "origin": {},
                "test": accuracy(arm) + luck[seed] + spread * rng.normal(),
            })  # fmt: skip
    return found


def cells(table):
    return [dict(zip(table.columns, map(str, line), strict=True)) for line in table.rows]


@pytest.mark.parametrize("name", PLANS)
def test_sources_of_one_f_have_as_many_bits_and_lie_inside_their_intervals(name):
    plan = PLANS[name]
    assert len({arm.settings(plan.base) for arm in plan.arms}) == len(plan.arms)
    shapes = shapes_of(meta_model(plan.base))
    bits = {}
    for arm in plan.arms:
        settings = arm.settings(plan.base)
        assert settings.prune + settings.lock == pytest.approx(arm.freezing)
        assert settings.prune < settings.sparsity < 1 - settings.lock
        bits.setdefault(arm.freezing, set()).add(searchable(shapes, settings))
        if arm.mode in ("pruned", "locked"):
            assert settings.sparsity == pytest.approx((1 + settings.prune - settings.lock) / 2)
    assert all(max(found) - min(found) <= 2 * len(shapes) for found in bits.values())
    asked = {(arm.freezing, arm.sparsity) for arm in plan.arms if arm.mode in ("dense", "centred")}
    assert {(F, k) for F in plan.mapped for k in plan.sparsities} <= asked


def test_losses_are_paired_with_the_dense_source():
    rows = made_up(lambda arm: 0.9 - 0.1 * arm.freezing * (arm.mode != "dense"), spread=2e-4)
    losses = cells(next(tables(rows)))
    assert len(losses) == 3 * len(PLANS["mnist"].ratios)
    assert {line["it is"] for line in losses} == {"worse"}
    found = accuracies(rows)
    a, b = found["pruned", 0.6, 0.8], found["dense", 0.0, 0.5]
    line = next(line for line in losses if (line["source"], line["F"]) == ("pruned", "0.6"))
    assert line["difference"] == str(points(paired_interval(list(a), list(b), len(losses))))
    assert line["k"] == "0.8"
    nothing = cells(next(tables(made_up(lambda arm: 0.9, spread=2e-4))))
    assert "worse" not in {line["it is"] for line in nothing}


def test_the_beginning_of_a_loss_is_where_it_was_put():
    rows = made_up(lambda arm: 0.9 - 0.05 * arm.freezing**2, spread=1e-5)
    swept = sweep(rows, accuracies(rows))
    assert list(swept) == ["centred", "pruned", "locked"]
    for by_F in swept.values():
        assert list(by_F) == sorted(by_F) == list(PLANS["mnist"].ratios)
        lower, value, upper = beginning(by_F, 0.02)
        assert (lower, upper) == (pytest.approx(0.6), pytest.approx(0.8))  # sqrt(.02 / .05) = .63
        assert 0.6 < value < 0.8
        assert beginning(by_F, 0.2) == (pytest.approx(0.97), None, None)  # never lost
        assert beginning(by_F, 0.0001) == (0.0, None, pytest.approx(0.2))  # lost from the first F on


def test_the_interval_of_a_beginning_holds_it_as_often_as_it_says():
    rng, missed, trials = np.random.default_rng(5), 0, 600
    ratios, truth = (0.2, 0.4, 0.6, 0.8, 0.9), 0.7  # a loss of .02 there
    for _ in range(trials):
        by_F = {F: (0.5, -0.02 * (F / truth) ** 2 + rng.normal(scale=0.006, size=5)) for F in ratios}
        lower, _, upper = beginning(by_F, 0.02)
        missed += not (lower or 0) <= truth <= (1 if upper is None else upper)
    assert missed / trials < 0.05 + 4 * (0.05 * 0.95 / trials) ** 0.5


def test_the_map_finds_the_best_sparsity_of_each_f():
    def accuracy(arm):
        top = {0.0: 0.5, 0.3: 0.3, 0.6: 0.7}.get(arm.freezing)
        return 0.9 - (0.5 * (arm.sparsity - top) ** 2 if top else 0)

    rows = made_up(accuracy, spread=1e-4)
    mapped = sparsity_map(rows, accuracies(rows))
    assert list(mapped) == [0.0, 0.3, 0.6, 0.9]
    assert all(list(by_k) == [0.1, 0.3, 0.5, 0.7, 0.9] for by_k in mapped.values())
    best = {line["F"]: line for line in cells(list(tables(rows))[3])}
    assert [best[F]["it lies"] for F in ("0", "0.3", "0.6", "0.9")] == ["at the middle", "low", "high", "undecided"]
    assert best["0.3"]["best k"] == "0.3 [0.3, 0.3]"


def test_seeds_that_not_all_sources_have_are_left_out():
    rows = made_up(lambda arm: 0.9, spread=1e-4)
    few = [row for row in rows if row["seed"] < 3 or row["mode"] != "locked"]
    assert list(tables(few))[-1] == "Seeds that not all sources have are left out; 3 remain."
    with pytest.raises(ValueError, match="no seed has been run in all sources"):
        list(tables([row for row in rows if (row["seed"] == 0) == (row["mode"] == "locked")]))


@pytest.mark.long
def test_the_command_runs_its_plan_resumes_and_reads_its_rows(data, tmp_path, capsys):
    words = ["freezing", "--plan", "tiny", "--data", str(data), "--out", str(tmp_path / "runs")]
    assert command([*words, "--results", str(tmp_path / "rows.jsonl")]) == 0
    text = capsys.readouterr().out
    rows = read_jsonl(tmp_path / "rows.jsonl", FORM)
    assert len(rows) == 2 * len(PLANS["tiny"].arms)
    for part in ("Accuracy over the freezing ratio F", "more than so many points are lost", "The best sparsity"):
        assert part in text
    path = tmp_path / "runs" / "tiny" / "rows.jsonl"
    kept = path.read_text().splitlines(keepends=True)
    path.write_text("".join(kept[:5]))
    assert command(words) == 0
    tests = [[row["test"] for row in map(json.loads, lines)] for lines in (kept, path.read_text().splitlines())]
    assert tests[0] == tests[1]
    capsys.readouterr()
    assert command(["freezing", "--analyse-only", str(tmp_path / "rows.jsonl"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == rows


@pytest.mark.parametrize(
    ("changed", "line"),
    [({"mode": "melted"}, "mode"), ({"freezing": 2}, "freezing"), ({"kind": "place"}, "kind"), ({"plan": "x"}, "plan")],
)
def test_other_rows_are_refused_in_one_line(tmp_path, changed, line, capsys):
    export_jsonl(tmp_path / "rows.jsonl", [{**made_up(lambda arm: 0.9)[0], **changed}])
    words = ["freezing", "--analyse-only", str(tmp_path / "rows.jsonl")]
    assert run_command(command, words, "slt") == BAD_INPUT
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1
