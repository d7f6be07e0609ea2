"""Matching factors and their errors, collapse, predictions, and the requirement command from its plan to its figure."""

import json
from dataclasses import asdict
from math import inf, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from figures import comparison
from figures.command import main as figures
from figures.style import collected
from simulations.existence import sweep
from slt.cli import dispatch as command
from slt.core.command import BAD_INPUT
from slt.core.command import run as run_command
from slt.core.rates import Rates
from theory.freezing import centre, interval
from torch_backend.commands import planned, requirement
from torch_backend.commands.matching import (
    Match,
    best_exponent,
    crossing,
    missed,
    noise,
    over_seeds,
    verdict,
    verdict_over,
)
from torch_backend.commands.requirement_tables import ABSCISSAE, CENTRE, curves, matched, miss
from torch_backend.training import start
from torch_backend.training.run import CHECKPOINT

pytestmark = pytest.mark.usefixtures("one_thread")

WIDTHS = (0.5, 1.0, 2.0, 4.0, 8.0)


def sure(means):
    """Differences that are the same with every seed, so that each width decides for itself."""
    return np.repeat(np.array(means, float)[:, None], 3, axis=1)


def test_a_crossing_lies_between_the_last_width_that_is_worse_and_the_first_that_matches():
    found = crossing(WIDTHS, sure([-0.04, -0.03, -0.01, 0.01, 0.02]))
    assert (found.lower, found.upper) == (2, 4)
    assert found.value == pytest.approx(2 * 2**0.5)
    found = crossing(WIDTHS, sure([-0.04, -0.03, -0.01, 0.01, 0.02]), margin=0.02)
    assert (found.lower, found.upper) == (1, 2)
    assert found.value == pytest.approx(2**0.5)


def test_a_curve_that_comes_back_is_judged_from_both_ends():
    # worse, as good, worse, as good: below 1 surely worse, from 8 on surely as good, nothing said between
    found = crossing(WIDTHS, sure([-0.02, 0.01, 0.01, -0.01, 0.01]))
    assert (found.lower, found.upper) == (0.5, 8)
    assert 4 < found.value < 8


def test_what_lies_outside_the_widths_is_said():
    assert crossing(WIDTHS, sure([0.01] * 5)) == Match(0, 0, 0.5)
    assert crossing(WIDTHS, sure([-0.01] * 5)) == Match(8, inf, inf)
    # a difference of nothing at all is a match
    assert crossing(WIDTHS, sure([0] * 5)) == Match(0, 0, 0.5)
    one_seed = crossing(WIDTHS, np.array([[-0.9], [-0.8], [0.8], [0.9], [0.9]]))
    assert (one_seed.lower, one_seed.upper) == (0, inf)


@pytest.mark.parametrize("factors", [(1.0, 1.0), (2.0, 1.0), (0.0, 1.0), (1.0,)])
def test_factors_that_do_not_rise_or_fit_are_refused(factors):
    with pytest.raises(ValueError, match=r"factors must rise|differences must be"):
        crossing(factors, sure([0, 0]))


@given(
    st.lists(st.lists(st.integers(-64, 64), min_size=4, max_size=4), min_size=5, max_size=5),
    st.integers(0, 32),
    st.sampled_from([0.25, 2.0, 8.0]),
)
def test_a_margin_is_a_shift_and_factors_have_no_unit(table, margin, unit):
    differences = np.array(table) / 1024
    found = crossing(WIDTHS, differences, margin / 1024)
    shifted = crossing(WIDTHS, differences + margin / 1024)
    assert (found.lower, found.upper) == (shifted.lower, shifted.upper)
    scaled = crossing([unit * w for w in WIDTHS], differences, margin / 1024)
    assert (scaled.lower, scaled.upper) == (unit * found.lower, unit * found.upper)
    assert scaled.value == pytest.approx(unit * found.value)
    assert found.lower <= found.value <= found.upper


@pytest.mark.parametrize("above", [True, False])
def test_an_end_errs_as_often_as_its_confidence_says(above):
    """Worst case: the truth at width 2 is a hair on the other side of the margin, and clear at every other width."""
    rng = np.random.default_rng(5)
    trials, hair, wrong = 2000, 1e-9, 0
    truth = np.array([-9.0, -9, hair if above else -hair, 9, 9])
    for _ in range(trials):
        found = crossing(WIDTHS, truth[:, None] + rng.normal(0, 1, (5, 4)), confidence=0.8)
        # the true crossing lies just below 2 (above) or just beyond it
        wrong += found.lower >= 2 if above else found.upper <= 2
    assert abs(wrong / trials - 0.1) < 4 * (0.1 * 0.9 / trials) ** 0.5


def naive_miss(x, y, groups):
    """The same from the min-max formula of isotonic regression, over the distinct x of the other groups."""
    total = 0.0
    for a, b, own in zip(x, y, groups, strict=True):
        others = [(u, v) for u, v, group in zip(x, y, groups, strict=True) if group != own]
        at = sorted({u for u, _ in others})

        def mean(i, j, others=others, at=at):
            inside = [v for u, v in others if at[i] <= u <= at[j]]
            return sum(inside) / len(inside)

        n = range(len(at))
        level = [max(min(mean(i, j) for j in n if j >= k) for i in n if i <= k) for k in n]
        right = next((k for k in n if at[k] >= a), None)
        if right is None or right == 0:
            read = level[-1 if right is None else 0]
        else:
            share = log(a / at[right - 1]) / log(at[right] / at[right - 1])
            read = level[right - 1] + share * (level[right] - level[right - 1])
        total += (b - read) ** 2
    return (total / len(x)) ** 0.5


@pytest.mark.long
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 8), st.sampled_from("abc")), min_size=4, max_size=12))
def test_the_miss_is_that_of_the_others_isotonic_curve(points):
    x, y, groups = zip(*points, strict=True)
    if len(set(groups)) < 2:
        with pytest.raises(ValueError, match="at least two curves"):
            missed(x, y, groups)
        return
    assert missed(x, y, groups) == pytest.approx(naive_miss(x, y, groups), abs=1e-9)
    # the abscissa has no unit
    assert missed([3 * value for value in x], y, groups) == pytest.approx(missed(x, y, groups), abs=1e-9)


def power_law(exponent):
    """Three curves that fall onto one over factor / required^exponent."""
    factors = np.tile(2.0 ** np.arange(6), 3)
    required = np.repeat([1.0, 2.0, 4.0], 6)
    return factors, required, np.log(factors / required**exponent), np.repeat(["a", "b", "c"], 6).tolist()


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_the_best_exponent_is_the_one_that_the_curves_were_made_with(exponent):
    assert best_exponent(*power_law(exponent)) == exponent


def test_bootstrap_draws_seeds_and_keeps_points_together():
    # each seed shifts all points alike: the difference of two points does not move, their mean does
    table = np.array([[0.1, 0.2, 0.3, 0.6], [0.3, 0.4, 0.5, 0.8]])
    still = over_seeds(table, lambda means: float(means[1] - means[0]))
    assert (still.lower, still.value, still.upper) == pytest.approx((0.2, 0.2, 0.2))
    moving = over_seeds(table, lambda means: float(means.mean()), confidence=0.9)
    assert 0.15 < moving.lower < moving.value < moving.upper < 0.65
    assert moving.value == pytest.approx(0.4)
    assert noise(table) == pytest.approx(float(np.std(table[0], ddof=1)) / 2)


@pytest.mark.parametrize(
    ("measured", "word"),
    [
        (Match(2, 2.5, 4), "understates"),
        (Match(1, 1.2, 1.4), "overstates"),
        (Match(1, 1.5, 2), "agrees"),
        (Match(1, 1.5, 3), "agrees"),
        (Match(1, 3, inf), "undecided"),
        (Match(0, 0, 2), "undecided"),
        (Match(4, inf, inf), "understates"),
    ],
)
def test_a_verdict_needs_the_whole_interval(measured, word):
    assert verdict(measured, 2) == word
    assert verdict_over(measured, [2, 2]) == word


@pytest.mark.parametrize(
    ("measured", "predicted", "word"),
    [
        (Match(1, 1.5, 2), (1.2, 2.5), "agrees for some"),
        (Match(1, 1.5, 2), (0.5, 1.2), "agrees for some"),
        (Match(1, 1.5, 2), (0.5, 2.5), "straddled"),
        (Match(1, 1.5, 2), (0.5, 1.5, 2.5), "agrees for some"),
        (Match(1, 1.5, 2), (2.5, 3), "overstates"),
        (Match(1, 1.5, 2), (0.5, 0.9), "understates"),
        (Match(0, 0, 2), (1, 3), "undecided for some"),
    ],
)
def test_a_verdict_over_several_predictions_is_none_of_one(measured, predicted, word):
    assert verdict_over(measured, predicted) == word
    with pytest.raises(ValueError, match="at least one prediction"):
        verdict_over(measured, ())


def test_plans_hold_the_pairs_of_the_subset_sums_and_search_what_can_be_searched():
    measured = {(setting.prune, setting.lock) for setting in sweep.SETTINGS}
    assert measured <= set(requirement.PAIRS)
    for plan in requirement.PLANS.values():
        assert requirement.Arm(0, 0, CENTRE, 1) in plan.arms
        assert len(set(plan.arms)) == len(plan.arms)
        for arm in plan.arms:
            settings = arm.settings(plan.base)
            rates = Rates(arm.prune, arm.lock)
            low, high = interval(rates)
            assert settings.sparsity == pytest.approx(low + arm.place * (high - low))
            if arm.place == CENTRE:
                assert settings.sparsity == pytest.approx(centre(rates))
            assert settings.width == pytest.approx(plan.base.width * arm.factor)
        assert {arm.place for arm in plan.arms} <= {0.25, 0.5, 0.75}


def options(data, tmp_path, *more):
    return ["factors", "--plan", "tiny", "--data", str(data), "--out", str(tmp_path / "out"), *more]


def rows(path):
    """Rows without what depends on the clock."""
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in found]


@pytest.mark.long
def test_the_plan_runs_is_cut_off_goes_on_and_is_analysed(data, tmp_path, capsys, monkeypatch):
    whole, results = tmp_path / "whole", tmp_path / "requirement-tiny.jsonl"
    assert command([*options(data, tmp_path), "--out", str(whole), "--results", str(results)]) == 0
    printed = capsys.readouterr().out
    plan = requirement.PLANS["tiny"]
    found = rows(results)
    assert len(found) == len(plan.arms) * plan.seeds
    assert rows(whole / "tiny" / "rows.jsonl") == found
    dense = next(row for row in found if (row["prune"], row["factor"], row["place"]) == (0, 1, 0.5))
    assert dense["weights"] == dense["bits"] == 784 * 15 + 15 * 5 + 5 * 10
    for row in found:  # int(n p) and int(n q) weights are frozen in each of three layers
        free = 1 - row["prune"] - row["lock"]
        assert row["bits"] == pytest.approx(free * row["weights"], abs=6)
        assert row["sparsity"] == pytest.approx(row["prune"] + row["place"] * free)

    # the rows alone print the same
    assert command(["factors", "--analyse-only", str(results)]) == 0
    again = capsys.readouterr().out
    assert again in printed
    assert "0.2, 0.1" in again
    assert "free weights" in again

    # killed in the second epoch of the third search, the plan ends with the same rows
    loss, calls = start.ImageTask.loss, []

    def dying(self, model, epoch, step):
        calls.append(1)
        if len(calls) == 2 * 8 + 6:  # four batches an epoch, two epochs a search
            raise KeyboardInterrupt
        return loss(self, model, epoch, step)

    monkeypatch.setattr(start.ImageTask, "loss", dying)
    assert run_command(command, options(data, tmp_path), "torch_backend") == 130
    assert len(rows(tmp_path / "out" / "tiny" / "rows.jsonl")) == 2
    assert len(list(tmp_path.glob("out/tiny/work/*/" + CHECKPOINT))) == 1
    assert command(options(data, tmp_path)) == 0
    assert len(calls) == 2 * 8 + 6 + 4 + (len(found) - 3) * 8  # nothing is run twice but the epoch that was cut off
    assert rows(tmp_path / "out" / "tiny" / "rows.jsonl") == found
    assert command(options(data, tmp_path)) == 0
    assert capsys.readouterr().out.endswith(again)

    # the figure is drawn from the same rows, with a text for every point
    with collected() as pictures:
        assert figures(["comparison", str(results), "--out", str(tmp_path)]) == 0
    centred = [arm for arm in plan.arms if arm.place == CENTRE]
    frozen = {(arm.prune, arm.lock) for arm in centred} - {(0, 0)}
    assert pictures["comparison"].count('class="tip"') <= 3 * len(centred) + len(frozen)
    assert pictures["comparison"].count('class="tip"') > 3 * len(centred)


def made_up(seeds=2, plan="tiny"):
    """Rows of the tiny plan: accuracy is half the logarithm of the number of free weights."""
    chosen = requirement.PLANS[plan]
    found = []
    for seed in range(seeds):
        for arm in chosen.arms:
            settings = arm.settings(chosen.base)
            kept = {"seed": seed, "validation": 0.0, "seconds": 0.0, "settings": asdict(settings)}
            row = planned.as_row(plan, arm, settings, {**kept, "test": 0.0, "bits": 0, "origin": {}})
            row["bits"] = row["weights"] * (1 - arm.prune - arm.lock)
            found.append({**row, "test": 0.05 * log(row["bits"]) + 0.001 * seed})
    return found


def test_curves_are_read_from_rows_and_collapse_over_what_they_depend_on():
    rows = made_up()
    found = curves(rows)
    pairs = [(0, 0, 0.5), (0.4, 0, 0.5), (0.2, 0.1, 0.5), (0, 0, 0.25), (0, 0, 0.75)]
    assert [(c.prune, c.lock, c.place) for c in found] == pairs
    dense, pruned, frozen = found[:3]
    assert dense.free[0] == 1
    assert dense.kept == pytest.approx(dense.free / 2)
    assert frozen.kept / frozen.free == pytest.approx([(1 - 0.55) / 0.7] * 2)  # k = (p + 1 - q)/2
    assert matched(dense, dense) == Match(0, 0, 1)
    # 0.6 w weights in units of the reference: nearly all lie in the first layer, which grows like the width
    assert matched(pruned, dense).value == pytest.approx(1 / 0.6, rel=0.02)
    assert matched(frozen, dense).value == pytest.approx(1 / 0.7, rel=0.02)
    assert min(ABSCISSAE, key=lambda name: miss(found, name)) == "free"
    # a seed that not all widths have is left out
    assert np.array_equal(curves(made_up(3)[:-1])[0].accuracy, dense.accuracy)
    with pytest.raises(ValueError, match="no seed has been run at all widths"):
        curves(made_up(1)[:-1] + made_up(2)[-1:])
    with pytest.raises(ValueError, match="lack the dense reference"):
        curves([row for row in rows if row["prune"] > 0])
    with pytest.raises(ValueError, match="need bits"):
        curves([{"prune": 0}])


def refused(capsys, *argv):
    assert run_command(command, ["factors", *map(str, argv)], "slt") == BAD_INPUT
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    return line


def test_bad_input_is_one_line(data, tmp_path, capsys):
    def written(name, rows):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    good = made_up()
    assert "plan must be one of mnist, cora, conv6, tiny" in refused(capsys, "--plan", "big")
    assert refused(capsys).endswith(": error: give --plan or --analyse-only\n")
    path = written("good.jsonl", good)
    assert "without --plan" in refused(capsys, "--plan", "tiny", "--analyse-only", path)
    missing = tmp_path / "missing.jsonl"
    assert f"error: {missing}: No such file or directory" in refused(capsys, "--analyse-only", missing)
    assert "holds no rows" in refused(capsys, "--analyse-only", written("empty.jsonl", []))
    assert "not of one plan" in refused(
        capsys, "--analyse-only", written("a.jsonl", [*good, {**good[0], "plan": "cora"}])
    )
    assert "b.jsonl line 1 has no seed" in refused(capsys, "--analyse-only", written("b.jsonl", [{"plan": "tiny"}]))
    older = {**good[0], "settings": {**good[0]["settings"], "epochs": 7}}
    assert "other settings" in refused(capsys, "--analyse-only", written("c.jsonl", [older, *good[1:]]))
    (tmp_path / "d.jsonl").write_text("{")
    assert "line 1 is not JSON" in refused(capsys, "--analyse-only", tmp_path / "d.jsonl")

    where = ["--data", data, "--out", tmp_path / "out"]
    written("out/tiny/rows.jsonl", made_up(1, "cora"))
    assert "of another plan" in refused(capsys, "--plan", "tiny", *where)
    begun = [{**row, "origin": {"data": "0123456789", "device": "cpu"}} for row in good[:1]]
    written("out/tiny/rows.jsonl", begun)
    assert "was begun with data 0123456789" in refused(capsys, "--plan", "tiny", *where)


def test_the_figure_asks_for_results_that_are_missing(tmp_path, capsys):
    assert run_command(figures, ["comparison", str(tmp_path)], "figures") == BAD_INPUT
    assert "slt factors --plan mnist" in capsys.readouterr().err


def test_the_figure_names_the_abscissa_on_which_curves_fall_together():
    found = {"mnist": [curve for curve in curves(made_up()) if curve.place == CENTRE]}
    assert "over the number of free weights (MNIST, MLP)" in comparison.finding(found)
    look = comparison.looks(found)
    assert len(set(look.values())) == 3
    assert comparison.headline(found["mnist"]).startswith("measured is 0.8")
