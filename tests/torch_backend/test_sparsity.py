"""The sparsity experiment: its plans, what its rows say, theory's predictions, and the command from end to end."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from slt.cli import dispatch as command
from slt.core.command import BAD_INPUT
from slt.core.command import run as run_command
from slt.core.intervals import Estimate, compared
from slt.core.keep import Share
from slt.core.rates import Rates
from theory.freezing import interval
from theory.kept_estimate import estimated_kept_n, estimated_kept_success
from theory.place import best_place, positions_by_theory
from torch_backend.commands import planned, sparsity, sparsity_tables, sparsity_theory
from torch_backend.commands.sparsity_found import (
    Places,
    accuracies,
    against,
    by_place,
    by_position,
    perhaps_best,
)
from torch_backend.commands.sparsity_tables import tables

pytestmark = pytest.mark.usefixtures("one_thread")


def made_up(accuracy, plan="tiny", seeds=3):
    """Rows of a plan: ``accuracy`` of the arm, and a little that depends on arm and seed."""
    chosen, found = sparsity.PLANS[plan], []
    weights = 57_874
    for seed in range(seeds):
        for index, arm in enumerate(chosen.arms):
            settings = arm.settings(chosen.base)
            kept = {"seed": seed, "validation": 0.0, "seconds": 0.0, "settings": asdict(settings)}
            noise = 0.001 * ((7 * index + 3 * seed) % 5)
            bits = weights * (1 - arm.prune - arm.lock)
            if arm.scope == "2:4":
                bits *= 2.585 / 4
            row = {
                "plan": plan, **arm.row(), "sparsity": round(settings.sparsity, 6), "weights": weights,
                **kept, "bits": bits, "test": accuracy(arm) + noise, "origin": {},
            }  # fmt: skip
            found.append(row)
    return found


def hill(top, height=0.5):
    """Accuracy that falls with the distance from a place."""
    return lambda arm: 0.9 - height * (arm.place - top) ** 2


@pytest.fixture
def told(monkeypatch):
    """Predictions that tests choose in place of theory's."""
    values = {"best": 0.5, "best_moved": 0.5, "cost": 1.0}
    monkeypatch.setattr(sparsity_theory, "best", lambda *_: values["best"])
    monkeypatch.setattr(sparsity_theory, "best_moved", lambda *_: values["best_moved"])
    monkeypatch.setattr(sparsity_theory, "cost", lambda *_: values["cost"])
    return values


def shown(rows):
    """All tables and sentences by the beginning of their titles, tables as lists of records."""
    parts = [part for part in tables(rows) if not isinstance(part, str)]
    found = {}
    for part in parts:  # of the two of the best place, that of p and q fixed comes first
        found.setdefault(part.title.split(" ", 3)[2], part.records())
    return found, [part for part in tables(rows) if isinstance(part, str)]


def test_every_source_of_a_plan_can_be_searched_and_is_there_once():
    for plan in sparsity.PLANS.values():
        keys = [(a.prune, a.lock, a.sparsity, a.factor, a.scope) for a in plan.arms]
        assert len(set(keys)) == len(keys)
        for arm in plan.arms:
            low, high = interval(Rates(arm.prune, arm.lock))
            assert arm.settings(plan.base).sparsity == pytest.approx(low + arm.place * (high - low))


def test_only_seeds_that_all_sources_have_count():
    rows = made_up(hill(0.5))
    assert all(len(values) == 3 for values in accuracies(rows).values())
    assert all(len(values) == 2 for values in accuracies(rows[:-1]).values())
    with pytest.raises(ValueError, match="no seed has been run in all sources"):
        accuracies([rows[0], {**rows[1], "seed": 5}])
    with pytest.raises(ValueError, match="no seed has been run in all sources"):
        accuracies([])


def test_the_true_best_is_left_out_as_rarely_as_is_said():
    """All options equal: any of them is the best, and one of them is left out with probability at most 20 %."""
    rng, trials = np.random.default_rng(3), 2000
    missed = sum(not perhaps_best(rng.normal(size=(4, 5)), 0.8)[0] for _ in range(trials))
    assert 0.05 < missed / trials < 0.2 + 4 * (0.2 * 0.8 / trials) ** 0.5


PLACES = (0.25, 0.5, 0.75)


def clear(*means):
    """Accuracies of :data:`PLACES` that differ by more than their spread."""
    return Places("", (0, 0), PLACES, np.array(means)[:, None] + np.array([0, 0.001, 0.003]))


@pytest.mark.parametrize(
    ("means", "predicted", "word"),
    [
        ((0.5, 0.9, 0.5), (0.5, 0.7), "agrees"),
        ((0.5, 0.9, 0.5), (0.2, 0.1), "too low"),
        ((0.5, 0.9, 0.5), (0.8,), "too high"),
        ((0.5, 0.9, 0.5), (0.5, 0.8), "agrees for some"),
        ((0.5, 0.9, 0.5), (0.1, 0.8), "straddles"),
        ((0.9, 0.5, 0.4), (0.01,), "agrees"),
        ((0.4, 0.5, 0.9), (0.4,), "too low"),
        ((0.4, 0.5, 0.9), (0.99,), "agrees"),
    ],
)
def test_each_verdict_on_a_place(means, predicted, word):
    assert clear(*means).verdict(predicted) == word


def test_where_nothing_is_shown_the_verdict_is_undecided():
    group = Places("", (0, 0), PLACES, np.array([[0.1, 0.9], [0.9, 0.1], [0.5, 0.5]]))
    assert group.perhaps == (0.25, 0.75)
    assert group.span == (0, 1)
    assert group.verdict([0.5]) == "undecided"
    one_seed = Places("", (0, 0), PLACES, np.array([[0.1], [0.9], [0.5]]))
    assert (one_seed.best, one_seed.verdict([0.5])) == (0.5, "undecided")


def test_mirror_images_are_compared_by_seed():
    ((place, found),) = clear(0.5, 0.9, 0.7).mirrored()
    assert place == 0.25
    assert (found.lower, found.value, found.upper) == pytest.approx((-0.2, -0.2, -0.2))


def test_places_and_positions_are_read_from_the_rows_of_all_parts():
    rows = made_up(hill(0.5), "cora")
    found = accuracies(rows)
    groups = by_place(rows, found)
    assert [group.pair for group in groups] == list(sparsity.PAIRS)
    assert all(group.places == sparsity.PLACES and group.best == 0.5 for group in groups)
    moved = by_position(rows, found)
    assert [group.pair for group in moved] == [(0.5, 0.8), (0.7, 0.8)]
    assert all(group.places == sparsity.PLACES for group in moved)  # the centre of the first belongs to "place"


def test_groups_stand_beside_thresholds_of_equal_sparsity_and_of_equal_bits():
    pairs = against(made_up(hill(0.5), "cora"))
    beside = {}
    for pair in pairs:
        key = pair.groups["scope"], pair.groups["prune"]
        beside.setdefault(key, []).append((pair.equal, pair.other["scope"], pair.other["prune"]))
        assert pair.other["sparsity"] == pair.groups["sparsity"]
    assert beside["2:4", 0.0] == [("sparsity", "global", 0.0), ("sparsity", "layer", 0.0), ("bits", "global", 0.177)]
    assert beside["2:4", 0.25][0] == ("sparsity", "global", 0.25)
    far = [row for row in made_up(hill(0.5), "cora") if row["prune"] != 0.177]
    assert ("2:4", 0.0) in {(pair.groups["scope"], pair.groups["prune"]) for pair in against(far)}
    assert not any(p.equal == "bits" and p.groups["scope"] == "2:4" and p.groups["prune"] == 0 for p in against(far))


def test_tables_say_where_theory_and_searches_differ(told):
    rows = made_up(hill(0.25, 2), "cora")
    told["best"] = 0.9
    found, sentences = shown(rows)
    assert {line["verdict"] for line in found["place:"]} == {"too high"}
    assert sentences[0].startswith("Theory's best place in 8 sources: too high 8. The centre is shown not to be the")
    assert "in 8 of them" in sentences[0]
    assert all(line["0.25 - 0.75"].startswith("+") for line in found["x"] if "0.25 - 0.75" in line)
    told["best"] = 0.3
    found, sentences = shown(rows)
    assert {line["verdict"] for line in found["place:"]} <= {"agrees", "undecided"}
    assert "too high" not in sentences[0]


def test_widths_are_matched_with_the_centre_at_factor_one(told):
    def accuracy(arm):
        return 0.9 - 0.1 * abs(arm.place - 0.5) + 0.08 * np.log2(arm.factor)

    rows = made_up(accuracy, "cora", seeds=4)
    told["cost"] = 1.3
    lines = shown(rows)[0]["from"]
    assert [(line["p, q"], line["x"]) for line in lines] == [
        (pair, x) for pair in ("0, 0", "0.25, 0.25") for x in ("0.1", "0.25", "0.75", "0.9")
    ]
    # log2 of the factor that makes up for 0.4 or 0.25
    assert float(lines[0]["equal"].split()[0]) == pytest.approx(2 ** (0.04 / 0.08), rel=0.05)
    assert float(lines[1]["equal"].split()[0]) == pytest.approx(2 ** (0.025 / 0.08), rel=0.05)
    assert lines[1]["verdict"] == "agrees"
    told["cost"] = 8.0
    assert {line["verdict"] for line in shown(rows)[0]["from"]} <= {"overstates", "undecided"}
    told["cost"] = 0.5
    assert {line["verdict"] for line in shown(rows)[0]["from"]} == {"understates"}


def test_the_centre_rule_is_held_against_theorys_place(told):
    group = clear(0.5, 0.9, 0.5)
    told["best_moved"] = 0.72
    assert "the centre is better than theory's choice, x = 0.75: +40.0" in sparsity_tables.position_sentence(group)
    assert "the centre is worse than theory's" in sparsity_tables.position_sentence(clear(0.5, 0.6, 0.9))
    same = Places("", (0.5, 0.8), PLACES, np.array([[0.1, 0.9], [0.9, 0.1], [0.5, 0.5]]))
    assert "not shown to differ from theory's choice" in sparsity_tables.position_sentence(same)
    told["best_moved"] = 0.6
    assert "the two rules are not told apart" in sparsity_tables.position_sentence(group)
    without = Places("", (0.5, 0.8), (0.25, 0.75), group.accuracy[[0, 2]])
    assert "the centre has not been searched" in sparsity_tables.position_sentence(without)


@pytest.mark.parametrize(("gain", "word"), [(0.2, "better"), (-0.2, "worse"), (0.0, "undecided")])
def test_groups_are_better_worse_or_undecided(gain, word, told):
    rows = made_up(lambda arm: 0.5 + gain * (":" in arm.scope), "cora", seeds=5)
    found = {line["N:M is"] for line in shown(rows)[0]["beside"]}
    assert found == {word}
    assert compared(Estimate(-1, 0, 1, 2)) == "undecided"


@pytest.mark.long
def test_predictions_are_theorys_own():
    n = sparsity_theory.needed(0.5, 0.0, 0.0, 0.1)
    draws = sparsity_theory.DRAWS
    assert n == pytest.approx(estimated_kept_n(0.1, 0.05, Share(0.5), draws=draws), abs=2)
    assert estimated_kept_success(n, 0.1, Share(0.5), draws=draws) >= 0.95
    assert sparsity_theory.best(0.0, 0.0, 0.1) == pytest.approx(best_place(n, 0.1, draws=draws).place, abs=1e-6)
    assert sparsity_theory.cost(0.9, 0.0, 0.0, 0.1) == sparsity_theory.needed(0.9, 0.0, 0.0, 0.1) / n > 1
    centre = sparsity_theory.needed(0.5, 0.15, 0.15, 0.1)
    moved = positions_by_theory(0.5, 0.3, 0.1, n=centre, draws=draws).best.place
    assert sparsity_theory.best_moved(0.5, 0.3, 0.1) == pytest.approx(moved, abs=1e-6)


def options(data, tmp_path, *more):
    return ["sparsity", "--plan", "tiny", "--data", str(data), "--out", str(tmp_path / "out"), *more]


@pytest.mark.long
def test_the_plan_runs_and_its_rows_alone_print_the_same(data, tmp_path, capsys):
    results = tmp_path / "tiny.jsonl"
    assert command([*options(data, tmp_path), "--results", str(results)]) == 0
    printed = capsys.readouterr().out
    plan = sparsity.PLANS["tiny"]
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    assert len(rows) == len(plan.arms) * plan.seeds
    assert command(["sparsity", "--analyse-only", str(results)]) == 0
    again = capsys.readouterr().out
    assert again in printed
    for title in ("over the place x; p and q fixed", "The best place", "Accuracy at x less", "N:M tickets beside"):
        assert title in again
    assert "Sparsity 0.5, F = 0.8: " in again
    assert command(["sparsity", "--analyse-only", str(results), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == rows


def test_rows_of_something_else_are_one_line(tmp_path, capsys):
    def refused(row):
        path = tmp_path / "rows.jsonl"
        path.write_text(json.dumps(row) + "\n")
        assert run_command(command, ["sparsity", "--analyse-only", str(path)], "slt") == BAD_INPUT
        line = capsys.readouterr().err
        assert line.count("\n") == 1
        return line

    good = made_up(hill(0.5))[0]
    assert "must be one of place, width, moved, groups" in refused({**good, "kind": "else"})
    assert "place" in refused({**good, "place": 2})
    assert "must be one of global, layer, 2:4" in refused({**good, "scope": "3:4"})
    assert "has no factor" in refused({name: value for name, value in good.items() if name != "factor"})
    older = {**good, "settings": {**good["settings"], "epochs": 9}}
    assert "other settings" in refused(older)
    assert planned.FORM.items() <= sparsity.FORM.items()
