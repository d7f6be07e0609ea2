"""Constructed and found tickets: same source, same states, judged by code of its own; resumable."""

from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest
import torch

from figures import found as figure
from simulations.existence.build import build
from simulations.existence.check import check
from simulations.existence.source import Source
from simulations.existence.target import forward
from simulations.experiments.found import command, tables, targets
from simulations.experiments.found.judge import apply, judge, masks_of
from simulations.experiments.found.search import search, sparsity_at
from simulations.run.engines import Threads
from slt.core.command import BAD_INPUT, run
from slt.core.store import read_jsonl

SOURCE = Source(5, (2, 3, 1), (12, 6), (0.2,) * 3, (0.0, 0.1, 0.1))
RANDOM = replace(targets.problem("random", 9), steps=40)
TINY = (command.Setting("random", 0.2, 0.1, -1.0), command.Setting("digits", 0.0, 0.0, -1.0))


def found(sparsity=0.6, steps=40, wanted=None, seed=3):
    goal = RANDOM.outputs if wanted is None else wanted
    return search(SOURCE, steps, sparsity, RANDOM.inputs, goal, seed)


def mse(masks):
    weights = [SOURCE.rows(number, 0, len(mask))[0] * mask for number, mask in enumerate(masks, 1)]
    x = RANDOM.inputs
    for w in weights[:-1]:
        x = np.maximum(x @ w.T, 0)
    return float(np.mean((x @ weights[-1].T - RANDOM.outputs) ** 2))


@pytest.mark.long
def test_a_search_keeps_every_locked_weight_no_pruned_one_and_the_sparsity_asked_for():
    masks, _ = found()
    for number, mask in enumerate(masks, 1):
        _, states = SOURCE.rows(number, 0, len(mask))
        assert mask[states == 1].all()
        assert not mask[states == -1].any()
    kept = sum(int(mask.sum()) for mask in masks)
    assert kept == SOURCE.parameters - round(0.6 * SOURCE.parameters)
    assert apply(SOURCE, masks).violations == 0


def test_the_loss_is_that_of_the_masked_source_and_longer_searches_lower_it():
    masks, loss = found()
    assert loss == pytest.approx(mse(masks), rel=1e-4)
    assert loss < found(steps=1)[1]


def test_a_search_is_a_function_of_its_arguments_alone():
    torch.manual_seed(0)
    first = found()
    torch.manual_seed(1)
    again, other = found(), found(seed=4)
    assert all(np.array_equal(a, b) for a, b in zip(first[0], again[0], strict=True))
    assert first[1] == again[1] != other[1]


def test_labels_are_searched_by_cross_entropy():
    labels = (RANDOM.outputs[:, 0] > 0.2).astype(np.int64)
    source = replace(SOURCE, sizes=(2, 3, 2))
    masks, loss = search(source, 80, 0.6, RANDOM.inputs, labels, 3)
    outputs = forward(apply(source, masks).weights, RANDOM.inputs)
    assert np.mean(outputs.argmax(axis=1) == labels) > max(np.mean(labels), 1 - np.mean(labels))
    assert 0 < loss < np.log(2)


def test_the_sparsity_of_a_share_counts_locked_weights_as_kept():
    states = np.concatenate([SOURCE.rows(n, 0, rows)[1].ravel() for n, rows in enumerate(SOURCE.widths[1:], 1)])
    assert sparsity_at(SOURCE, 0) == pytest.approx(np.mean(states != 1))
    assert sparsity_at(SOURCE, 1) == pytest.approx(np.mean(states == -1))
    assert sparsity_at(SOURCE, 0.25) == pytest.approx(1 - np.mean(states == 1) - np.mean(states == 0) / 4)


@pytest.mark.parametrize("name", ["random", "digits"])
def test_a_built_ticket_is_judged_as_the_independent_check_runs_it(name):
    task = targets.problem(name, 2)
    sizes = task.target.sizes
    source = Source(1, sizes, (12, 5), (0.2,) * 3, (0.0, 0.1, 0.1))
    ticket = build(source, task.target, (0.05, 0.05), engine=Threads(1))
    applied = apply(source, masks_of(ticket))
    verdict = check(ticket, task.target.inputs, Threads(1))
    assert np.abs(forward(applied.weights, task.target.inputs) - verdict.outputs).max() < 1e-9
    assert applied.violations == 0
    error = np.abs(verdict.outputs - forward(task.target.weights, task.target.inputs))
    judged = judge(task, applied)
    assert judged["test"] == pytest.approx({"sup": error.max(), "mean": error.mean()})
    if name == "digits":
        assert judged["accuracy"] == np.mean(verdict.outputs.argmax(axis=1) == task.target.labels)


def test_broken_states_are_counted():
    masks = [mask.copy() for mask in found()[0]]
    _, states = SOURCE.rows(2, 0, len(masks[1]))
    masks[1][tuple(np.argwhere(states == 1)[0])] = False
    masks[1][tuple(np.argwhere(states == -1)[0])] = True
    assert apply(SOURCE, tuple(masks)).violations == 2


def test_targets_are_told_apart_from_what_they_are_judged_on():
    task = targets.problem("digits", 0)
    assert len(task.inputs) + len(task.target.inputs) == 901  # images of 0 .. 4
    assert task.inputs.shape[1] == 16
    assert task.inputs.max() <= 1
    assert not {tuple(x) for x in RANDOM.inputs} & {tuple(x) for x in RANDOM.target.inputs}


def tiny(monkeypatch):
    real = targets.problem
    monkeypatch.setattr(command, "SETTINGS", TINY)
    monkeypatch.setattr(command, "problem", cache(lambda name, seed: replace(real(name, seed), steps=6)))


@pytest.mark.long
def test_a_killed_run_resumes_to_the_same_rows(tmp_path, monkeypatch, capsys):
    tiny(monkeypatch)
    whole, parts = tmp_path / "whole.jsonl", tmp_path / "parts.jsonl"
    assert command.main(["--trials", "2", "--out", str(whole)]) == 0
    calls = []

    def dying(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return measure(*arguments)

    measure = command.measure
    monkeypatch.setattr(command, "measure", dying)
    arguments = ["--trials", "2", "--store", str(tmp_path / "runs.db"), "--out", str(parts)]
    with pytest.raises(KeyboardInterrupt):
        command.main(arguments)
    assert command.main(arguments) == 0
    assert len(calls) == 5  # the third again, and the fourth
    assert read_jsonl(parts) == read_jsonl(whole)
    shown = capsys.readouterr().out
    row = read_jsonl(whole)[0]
    assert f"{row['weights']:,}" in shown
    assert "frozen states: 0 of 4" in shown
    with pytest.raises(ValueError, match="exists already"):
        command.main(arguments)


def test_broken_states_exit_nonzero(monkeypatch, capsys):
    tiny(monkeypatch)
    broken = partial(command.judge)
    monkeypatch.setattr(command, "judge", lambda *a: {**broken(*a), "violations": 1})
    assert command.main(["--trials", "1"]) == 1
    assert "frozen states: 2 of 2" in capsys.readouterr().out


def test_without_torch_one_line_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    assert run(command.main, [], "found") == BAD_INPUT
    assert capsys.readouterr().err == 'found: error: searches need PyTorch: pip install -e ".[torch]"\n'


def test_the_best_ticket_is_that_of_the_least_training_loss():
    tickets = [{"loss": 0.2, "test": {"sup": 0.1}}, {"loss": 0.1, "test": {"sup": 0.9}}]
    assert tables.best(tickets) is tickets[1]


def test_intervals_of_errors_are_of_logarithms_and_of_shares_within_their_range():
    errors = tables.interval([0.01, 0.1, 1.0], 0.95, geometric=True)
    assert errors.value == pytest.approx(0.1)
    assert errors.lower * errors.upper == pytest.approx(0.01)
    shares = tables.interval([0.9, 1.0, 1.0], 0.95, geometric=False)
    assert (shares.value, shares.upper) == (pytest.approx(2.9 / 3), 1.0)


ROWS = read_jsonl(figure.RESULT)


def test_committed_result_has_every_setting_and_no_broken_state():
    keys = [(row["target"], row["prune"], row["lock"], row["t"], row["source"], row["seed"]) for row in ROWS]
    wanted = [
        (s.target, s.prune, s.lock, s.t, number, 0)
        for s in command.SETTINGS
        for number in range(command.SOURCES)
        if command.planned(s, targets.problem(s.target, 0))[0].parameters <= command.LARGEST
    ]
    assert keys == wanted
    for row in ROWS:
        assert command.violations(row) == 0
        assert row["weights"] <= command.LARGEST
        assert len(row["imitated"]) == 1 + len(command.SHARES)
        # sparsities are whole numbers of weights
        assert abs(row["imitated"][0]["sparsity"] - row["constructed"]["sparsity"]) < 1 / row["weights"]


@pytest.mark.parametrize(("target", "t"), [("random", 0.0), ("digits", -1.0)])
def test_committed_constructions_come_out_again(target, t):
    for number, row in enumerate(r for r in ROWS if (r["target"], r["t"], r["source"]) == (target, t, 0)):
        setting = command.Setting(target, row["prune"], row["lock"], t)
        task = targets.problem(target, 0)
        used, prune, lock = command.planned(setting, task)
        assert list(used.blocks) == row["blocks"]
        source = Source(command.source_seed(setting, 0, 0), used.sizes, used.blocks, prune, lock)
        ticket = build(source, task.target, tuple(demand.eps for demand in used.demands), engine=Threads(1))
        again = judge(task, apply(source, masks_of(ticket)))
        kept = {name: row["constructed"][name] for name in again}
        assert again.pop("sparsity") == kept.pop("sparsity"), number
        assert again.pop("accuracy", None) == kept.pop("accuracy", None)
        for part in ("training", "test"):
            assert again[part] == pytest.approx(kept[part], rel=1e-6)


def test_in_wide_sources_what_is_constructed_is_certified_and_nearer_than_what_is_found():
    for row in ROWS:
        if row["t"] == 1:
            assert row["constructed"]["missed"] == 0
            assert row["constructed"]["certified"] <= row["eps"]
            for ticket in row["imitated"]:
                assert ticket["training"]["sup"] > row["constructed"]["training"]["sup"]


def test_figure_draws_every_source_and_the_means():
    from figures.style import panels

    rows = [row for row in figure.load() if (row["target"], row["prune"]) == ("random", 0.4)]
    with panels() as (_, ax):
        figure.draw(ax, rows, figure.ERRORS, geometric=True)
        lines = ax.get_lines()
    points = [list(line.get_ydata()) for line in lines]
    assert [row["constructed"]["test"]["sup"] for row in rows] in points
    means = dict(zip((line.get_label() for line in lines), points, strict=True))["constructed by the proof"]
    widest = [row["constructed"]["test"]["sup"] for row in rows if row["t"] == 1]
    assert means[-1] == pytest.approx(np.prod(widest) ** (1 / 3))
