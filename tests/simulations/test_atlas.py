from itertools import product

import numpy as np
import pytest

from simulations.experiments import atlas
from simulations.lemmas.bounded import constant
from slt.core.places import committed
from slt.core.store import read_jsonl
from subsetsum import draw, success_counts
from theory.reach import gaussian_reach_n

RESULT = committed("simulations", "atlas.jsonl")
ROWS = read_jsonl(RESULT)


def rows_of(kind):
    return [row for row in ROWS if row["kind"] == kind]


def test_the_committed_result_has_every_row_of_the_grid():
    wanted = [key for key, *_ in atlas.work(atlas.TRIALS, 0)]
    # tuples are lists in a file
    assert [{**row, "sizes": tuple(row.get("sizes", ()))} | key for row, key in zip(ROWS, wanted, strict=True)] == [
        {**row, "sizes": tuple(row.get("sizes", ()))} for row in ROWS
    ]
    assert {row["seed"] for row in ROWS} == {0}


def test_a_committed_need_comes_out_again_and_its_reach_share_is_that_of_a_normal_law():
    row = next(row for row in rows_of("needs") if (row["eps"], row["delta"], row["prune"]) == (0.01, 0.1, 0.4))
    again = constant(0.01, 0.1, 0.4, 0.3, 1.0)
    assert (row["necessary"], row["sufficient"]) == (again.necessary, again.sufficient)
    assert row["estimated"] == pytest.approx(again.estimated, rel=0.01)
    # at the n where a normal law puts all of delta on reach, its share is close to 1
    assert row["estimated"] == pytest.approx(gaussian_reach_n(0.01, 0.1, prune=0.4, lock=0.3), rel=0.1)
    assert 0.85 < row["reach_share"] <= 1


def test_needs_are_ordered_and_grow_with_every_difficulty():
    rows = rows_of("needs")
    for row in rows:
        assert row["necessary"] <= (row["estimated"] or row["necessary"]) <= row["sufficient"]
    for rate, other in (("prune", "lock"), ("lock", "prune")):
        for kind in ("necessary", "sufficient"):
            along = sorted((r[rate], r[kind]) for r in rows if r[other] == 0 and (r["eps"], r["delta"]) == (0.01, 0.05))
            assert [n for _, n in along] == sorted(n for _, n in along)


def test_measured_success_lies_between_the_proven_bounds():
    for row in rows_of("success"):
        measured = row["measured"]
        for least, most, low, high in zip(
            row["lower_bound"], row["upper_bound"], measured["lower"], measured["upper"], strict=True
        ):
            assert least <= most
            assert high >= least
            assert low <= most


def test_committed_success_comes_out_again():
    row = rows_of("success")[0]
    counts = success_counts(row["n"][-1], row["eps"], row["trials"], prune=row["prune"], lock=row["lock"], seed=0)
    assert row["measured"]["value"] == [float(f"{c:.6g}") for c in counts.uniform[row["n"]] / row["trials"]]


def test_the_game_bounds_what_is_measured():
    for row in rows_of("cover"):
        assert all(low <= most for low, most in zip(row["failure"]["lower"], row["failure_bound"], strict=True))
        # a share between 0 and 1: Hoeffding's margin at a probability of 1e-9 for each point
        margin = np.sqrt(np.log(1e9) / (2 * row["trials"]))
        assert all(a <= b + margin for a, b in zip(row["uncovered"], row["uncovered_bound"], strict=True))
        assert row["uncovered_bound"][0] >= 1 - 2 * row["eps"]


def test_the_uncovered_share_is_that_of_enumerated_subset_sums():
    trials, last, eps = 40, 4, 0.1
    row = atlas.cover(atlas.Cover(eps, last), trials, 5)
    values, _ = draw(last, trials, seed=5)
    places = np.linspace(0, 0.5, atlas.SPOTS)
    weights = np.ones(atlas.SPOTS)
    weights[[0, -1]] = 0.5
    for k in range(last + 1):
        choices = np.array(list(product((0, 1), repeat=k))).reshape(2**k, k)
        sums = values[:, :k] @ choices.T
        missed = (np.abs(places[None, :, None] - sums[:, None, :]).min(axis=2) > eps).mean(axis=0)
        assert row["uncovered"][k] == pytest.approx(missed @ weights / weights.sum(), abs=1e-5)


def test_proven_widths_exceed_estimated_ones_and_grow_with_the_rates():
    rows = rows_of("widths")
    for row in rows:
        assert all(a > b for a, b in zip(row["proven"], row["estimated"], strict=True))
    pruned = [row["proven"] for row in sorted(rows, key=lambda row: row["prune"]) if row["lock"] == 0]
    assert pruned == sorted(pruned)
    assert len({row["constant"] for row in rows}) == 1
    (dense,) = (row for row in rows if row["prune"] == row["lock"] == 0)
    spare = [a / b for a, b in zip(dense["published"], dense["estimated"], strict=True)]
    assert min(spare) == pytest.approx(1, rel=1e-5)  # the least constant with which no layer is asked for less


def test_a_run_writes_its_rows_and_goes_on_from_its_store(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(atlas, "NEEDS", atlas.NEEDS[:1])
    monkeypatch.setattr(atlas, "CURVES", (atlas.Curve(0.1, 0.0, 0.0, 4, 8, 2),))
    monkeypatch.setattr(atlas, "COVERS", (atlas.Cover(0.1, 3),))
    monkeypatch.setattr(atlas, "WIDTHS", ())
    words = ["--trials", "100", "--store", str(tmp_path / "store")]
    assert atlas.main([*words, "--out", str(tmp_path / "rows.jsonl")]) == 0
    assert capsys.readouterr().out == "1 rows of needs, 1 rows of success, 1 rows of cover\n"
    for kind in ("needs", "success_along_n", "cover"):
        monkeypatch.setattr(atlas, kind, pytest.fail)  # nothing is computed again
    assert atlas.main([*words, "--out", str(tmp_path / "again.jsonl")]) == 0
    assert read_jsonl(tmp_path / "again.jsonl") == read_jsonl(tmp_path / "rows.jsonl")
