"""Radii of layers, and the tables of factors over layers and over radius; the page that quotes them."""

import re
from math import sqrt
from pathlib import Path

import pytest
import torch

from slt.core.laws import kaiming
from slt.core.places import committed
from slt.core.store import read_jsonl
from theory.factors import EVERY_EPS, RADII, width_factor
from torch_backend.commands import radii
from torch_backend.commands.matching import Match
from torch_backend.commands.planned import plan_of
from torch_backend.commands.requirement import FORM, PLANS
from torch_backend.commands.requirement_tables import compared, curves, factor_table, mean_ratio, ratio_table
from torch_backend.masks.frozen import source
from torch_backend.training.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "results.md").read_text()
MLP = PLANS["mnist"].base


def test_a_layers_radius_is_one_over_the_bound_of_its_numbers():
    (first,) = radii.asked(MLP, 0.4, 0.3).layers
    drawn = source(0, "layer", first.shape, "ku").abs().max().item()
    assert first.radius * drawn == pytest.approx(1, rel=1e-3)  # the largest of 37,632 numbers
    assert first.radius * drawn <= 1 + 1e-6
    assert first.radius == pytest.approx(1 / kaiming(784).bound)
    scaled = radii.asked(MLP.changed(scale="static"), 0.4, 0.3).layers[0]
    drawn = source(0, "layer", first.shape, "ku", MLP.sparsity).abs().max().item()
    assert scaled.radius * drawn == pytest.approx(1, rel=1e-3)


def test_layers_have_the_rates_of_the_rule_and_the_one_that_asks_for_most_decides():
    found = radii.asked(PLANS["conv6"].base, 0.25, 0.25)
    frozen = {layer.shape: layer for layer in found.layers}
    assert set(frozen) == {(16, 8, 3, 3), (16, 16, 3, 3), (16, 256)}
    assert frozen[16, 256].radius == sqrt(256 / 6)
    assert frozen[16, 8, 3, 3].rates.prune == 0 < frozen[16, 8, 3, 3].rates.lock
    by_layer = [layer.factor(0.1) for layer in found.layers]
    assert found.factor(0.1) == max(by_layer) > 3 * min(by_layer)
    assert radii.asked(MLP, 0, 0).factor() == 1
    assert radii.asked(MLP, 0, 0).every() == [1.0]


@pytest.mark.parametrize(
    ("changed", "reason"), [({"weights": "skc"}, "lattice"), ({"scale": "dynamic"}, "changes during")]
)
def test_sources_without_a_radius_get_a_reason_and_no_number(changed, reason):
    settings = MLP.changed(**changed)
    with pytest.raises(ValueError, match=reason):
        radii.asked(settings, 0.4, 0)
    rows = [{**row, "settings": {**row["settings"], **changed}} for row in committed_rows("conv6")]
    found = curves(rows)
    assert all(curve.asked is None for curve in found)
    parts = list(compared(found, Settings(**rows[0]["settings"])))
    assert reason in parts[0]
    assert len(parts) == 2
    assert [line[0] for line in parts[1].rows] == ["radius 1"]
    assert all(line[-2] is None or line[-2] == "-" for line in factor_table(found, 0.02).rows)


@pytest.mark.long
def test_the_table_over_radius_has_other_words_where_the_factor_moves_out_of_the_interval():
    asked = radii.asked(MLP, 0.2, 0.3)
    factors = {r: [width_factor("estimated", 0.2, 0.3, eps, radius=r) for eps in EVERY_EPS] for r in RADII}
    between = (max(factors[20.0]) + min(factors[5.0])) / 2
    match = Match(between / 2, between * 0.7, between)
    table = radii.radius_table([(asked, match, "measured")])
    words = {line[1]: line[-1] for line in table.rows}
    assert words["20"] == "agrees"
    assert words["1"] == words["5"] == "overstates"
    high = radii.radius_table([(asked, Match(between, between * 1.1, 10.0), "measured")])
    assert [line[-1] for line in high.rows][-1] == "understates"
    middle = sorted(factors[1.0])[1]
    split = radii.radius_table([(asked, Match(1.0, 1.5, middle), "measured")])
    assert split.rows[0][-1] == "agrees for some"
    assert [float(cell) for cell in table.rows[0][2:5]] == pytest.approx(factors[1.0], abs=0.006)


def committed_rows(plan):
    rows = read_jsonl(committed("torch_backend", f"requirement-{plan}.jsonl"), FORM)
    assert plan_of(rows, PLANS, plan) == plan
    return rows


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("plan", ["conv6", "mnist", "cora"])
def test_the_page_has_the_numbers_of_the_command(plan):
    found = curves(committed_rows(plan))
    told = [curve for curve in found if curve.told]
    for line, curve in zip(factor_table(found, PLANS[plan].margin).rows, found, strict=True):
        shown = "| " + " | ".join("-" if cell is None else str(cell) for cell in (line[0], *line[2:])) + " |"
        assert (shown in PAGE) == curve.told
    name = {"mnist": "MNIST", "cora": "Cora", "conv6": "Conv6"}[plan]
    for kind, cells in zip(("radius 1", "layers' own radii and rates"), ratio_table(found).rows, strict=True):
        assert f"| {name}, {kind} | {' | '.join(cells[1:])} |" in PAGE
    (sentence,) = re.findall(r"^1\. Theory foretells.*?(?=^2\. )", PAGE, re.MULTILINE | re.DOTALL)
    for predicted in (lambda curve: curve.at_one(), lambda curve: curve.asked.factor()):
        assert f"{mean_ratio(found, predicted)[0]:.2f}" in sentence
    assert mean_ratio(found)[1] == len(told) - (plan == "mnist")  # (.4, .3) never matches there


def test_what_the_sentences_say_of_the_radius_is_estimated():
    for pair, (at_one, far) in {(0.4, 0.0): ("1.81", "1.71"), (0.4, 0.3): ("7.88", "4.59")}.items():
        assert f"{width_factor('estimated', *pair):.2f}" == at_one
        assert f"{width_factor('estimated', *pair, radius=20):.2f}" == far
        assert re.search(rf"\({at_one} at p = \.4[^()]* radius 1, {far} at 20\)", PAGE)


def test_torch_draws_no_number_beyond_the_bound():
    assert float(source(1, "l", (50, 27), "ku").abs().max()) <= float(torch.tensor(sqrt(6 / 27)))
