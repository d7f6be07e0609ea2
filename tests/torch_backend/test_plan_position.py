"""``slt plan --position theory``: both pairs of rates, and what the centre rule costs."""

import json
from dataclasses import replace

import pytest

from slt.cli import dispatch as command
from slt.core.command import BAD_INPUT
from slt.core.command import run as run_command
from theory.place import Place, Positions, place_of
from torch_backend.commands import plan, sparsity_theory

MLP = ["plan", "--model", "mlp", "--data-set", "mnist", "--no-time"]
CENTRE = Place(0.5, 0.6, 0.35, 0.15, 60, 0.95)
OFF = replace(CENTRE, place=0.6, prune=0.3, lock=0.2, success=0.97)


@pytest.fixture
def told(monkeypatch):
    """Positions that tests choose in place of theory's."""
    values = [Positions(OFF, CENTRE, (50, 60))]
    monkeypatch.setattr(plan, "positions", lambda *_: values[0])
    return values


def test_theorys_rates_are_taken_and_the_cost_of_the_centre_rule_is_said(told, capsys):
    assert command([*MLP, "--sparsity", "0.6", "--freeze", "0.5", "--position", "theory", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["settings"]["prune"], found["settings"]["lock"]) == (0.3, 0.2)
    assert [line["eps"] for line in found["position"]] == [0.1, 0.01, 0.001]
    assert found["position"][0]["centre"]["prune"] == 0.35
    assert command([*MLP, "--sparsity", "0.6", "--freeze", "0.5", "--position", "theory"]) == 0
    shown = capsys.readouterr().out
    assert "The centre rule is not the best here: it costs the factor 1.20" in shown
    assert "The plan takes theory's p = 0.3, q = 0.2." in shown
    assert "0.35, 0.15" in shown
    told[0] = Positions(CENTRE, CENTRE, (60, 60))
    assert command([*MLP, "--sparsity", "0.6", "--freeze", "0.5", "--position", "theory"]) == 0
    shown = capsys.readouterr().out
    assert "The centre rule is right here" in shown
    assert "The plan takes the same." in shown


def test_the_centre_rule_is_what_a_plan_takes_without_the_option(capsys, monkeypatch):
    monkeypatch.setattr(plan, "positions", None)  # theory is not asked
    words = [*MLP, "--sparsity", "0.6", "--freeze", "0.5"]
    assert command(words) == 0
    first = capsys.readouterr().out
    assert command([*words, "--position", "centre"]) == 0
    assert capsys.readouterr().out == first
    assert "within (0.35, 0.85), centre 0.6" in first
    assert "rule" not in first


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--prune", "0.2"], "--position theory needs --freeze"),
        (["--freeze", "1"], "nothing is free"),
        (["--freeze", "0.5", "--method", "weights", "--sparsity", "0"], "no ticket"),
    ],
)
def test_bad_input_is_one_line(words, line, capsys):
    assert run_command(command, [*MLP, "--position", "theory", *words], "slt") == BAD_INPUT
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1


def test_positions_have_the_n_that_theory_says_either_needs(monkeypatch):
    found = sparsity_theory.positions(0.5, 0.2, 0.1)
    assert (found.centre.prune, found.centre.lock) == pytest.approx((0.1, 0.1))
    assert found.best.prune + found.best.lock == pytest.approx(0.2)
    assert found.needed[1] == found.centre.n
    assert found.needed[0] <= found.needed[1]
    assert found.best.success >= found.centre.success
    place = place_of(0.5, prune=0.1, lock=0.1)
    assert found.centre.n == pytest.approx(sparsity_theory.needed(place, 0.1, 0.1, 0.1), abs=1)
    monkeypatch.setattr(sparsity_theory, "needed", lambda *_: sparsity_theory.MOST)
    with pytest.raises(ValueError, match="needs more than 20000 variables"):
        sparsity_theory.positions(0.5, 0.2, 0.1)
