from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.experiments import limits
from simulations.experiments.limits import LAST, SETTINGS, Setting, contradicts, crossing, freezing, last_step, rates
from slt.core.intervals import lower_limit, upper_limit
from slt.core.places import committed
from slt.core.store import Store, read_jsonl
from subsetsum import covers_values
from theory.estimate import estimated_success
from theory.necessary import failure_at_least
from theory.sufficient import failure_at_most

RESULT = committed("simulations", "limits.jsonl")
ENDS = ("lower", "value", "upper")


def step_of(ratio):
    """The k with F_k = ratio, which must be on the grid."""
    k = round(-np.log1p(-ratio) / np.log(1.01))
    assert freezing(k) == ratio
    return k


@pytest.mark.parametrize("way", limits.WAYS)
def test_the_grid_grows_and_is_split_as_its_name_says(way):
    ratios = [freezing(k) for k in range(LAST + 1)]
    assert ratios[0] == 0
    assert all(0.009 < 1 - (1 - b) / (1 - a) < 0.01 for a, b in pairwise(ratios))
    for k in (0, 1, 70, LAST):
        r = rates(way, k)
        assert r.freezing == pytest.approx(freezing(k), abs=1e-15)
        assert (r.lock == 0, r.prune == 0) == (k == 0 or way == "prune only", k == 0 or way == "lock only")


@given(seed=st.integers(0, 10**6), way=st.sampled_from(list(limits.WAYS)), steps=st.tuples(*[st.integers(0, 120)] * 2))
def test_what_is_covered_stays_covered_when_less_is_frozen(seed, way, steps):
    rng = np.random.default_rng(seed)
    x, u = 2 * rng.random(14) - 1, rng.random(14)
    covered = []
    for k in sorted(steps):
        r = rates(way, k)
        states = np.where(u < r.prune, -1, np.where(u >= 1 - r.lock, 1, 0))
        covered.append(covers_values(values=x[None], states=states[None], eps=0.1)[0])
    assert covered[0] >= covered[1]


@given(last=st.integers(-1, LAST), guess=st.integers(0, LAST))
def test_the_last_step_is_found_from_any_guess(last, guess):
    assert last_step(lambda k: k <= last, guess) == (last if last >= 0 else None)


@given(successes=st.lists(st.integers(0, 400), min_size=1, max_size=8), first=st.integers(0, 300))
def test_the_interval_is_that_of_two_sequences_of_tests(successes, first):
    steps = list(range(first, first + len(successes)))
    alpha, wanted = 0.02, 0.95
    reached = lower_limit(successes, 400, alpha / 2) >= wanted
    failed = upper_limit(successes, 400, alpha / 2) < wanted
    lower = upper = None
    for k, yes in zip(steps, reached, strict=True):
        if not yes:
            break
        lower = freezing(k)
    for k, no in zip(reversed(steps), reversed(failed), strict=True):
        if not no:
            break
        upper = freezing(k)
    passed = [freezing(k) for k, count in zip(steps, successes, strict=True) if count >= wanted * 400]
    received = crossing(steps, successes, 400, 1 - alpha)
    assert received == {"lower": lower, "value": passed[-1] if passed else None, "upper": upper}


def test_the_highest_ratios_are_where_each_tool_says_so():
    setting = Setting("prune and lock", 0.1, 60)
    row = limits.measure(setting, trials=300, seed=3)

    def at(k):
        return {"n": 60, "eps": 0.1, **asdict(rates(setting.way, k))}

    k = step_of(row["possible"])
    assert failure_at_most(**at(k)) <= 0.05 < failure_at_most(**at(k + 1))
    k = step_of(row["impossible"])
    assert failure_at_least(**at(k - 1)) <= 0.05 < failure_at_least(**at(k))
    k = step_of(row["estimated"])
    wanted = {"draws": limits.DRAWS, "seed": 3}
    assert estimated_success(**at(k), **wanted) >= 0.95
    beyond = failure_at_least(**at(k + 1)) > 0.05
    assert beyond or estimated_success(**at(k + 1), **wanted) < 0.95
    steps = [step_of(ratio) for ratio, _ in row["points"]]
    assert steps == [steps[6] + j for j in range(-12, 13, 2)]
    assert estimated_success(**at(steps[6]), **wanted) >= 0.95 > estimated_success(**at(steps[6] + 1), **wanted)
    assert row["possible"] < row["impossible"]


def test_no_ratio_is_called_possible_where_the_dense_source_is_not_proven():
    row = limits.measure(Setting("lock only", 0.01, 14), trials=50, seed=0)  # 13 necessary, 16 measured, 39 proven
    assert row["possible"] is None
    assert row["estimated"] is None
    assert 0 < row["impossible"] < 0.1


@pytest.mark.parametrize(
    ("lower", "upper", "possible", "wrong"),
    [(0.4, 0.6, 0.5, False), (0.4, 0.5, 0.5, True), (None, 0.6, None, False), (0.8, None, 0.5, True)],
)
def test_a_contradiction_is_an_interval_on_the_wrong_side_of_a_proof(lower, upper, possible, wrong):
    measured = {"lower": lower, "value": 0.5, "upper": upper}
    assert contradicts({"measured": measured, "possible": possible, "impossible": 0.8}) == wrong


def test_a_run_prints_writes_and_goes_on_from_its_store(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(limits, "SETTINGS", (Setting("prune only", 0.1, 30), Setting("lock only", 0.1, 30)))
    monkeypatch.setattr(limits, "DRAWS", 200)
    words = ["--trials", "200", "--seed", "1", "--store", str(tmp_path / "store")]
    assert limits.main([*words, "--out", str(tmp_path / "rows.jsonl")]) == 0
    shown = capsys.readouterr().out
    rows = read_jsonl(tmp_path / "rows.jsonl")
    assert [(row["way"], row["trials"], row["seed"]) for row in rows] == [("prune only", 200, 1), ("lock only", 200, 1)]
    assert all(limits.percent(row["impossible"]) in shown for row in rows)
    with Store(tmp_path / "store") as store:
        assert len(list(store.rows("limits"))) == 2
    monkeypatch.setattr(limits, "measure", pytest.fail)  # nothing is measured again
    assert limits.main(words) == 0
    assert capsys.readouterr().out == shown


def test_a_contradicted_proof_is_told_by_the_exit_code(monkeypatch, capsys):
    monkeypatch.setattr(limits, "SETTINGS", (Setting("prune only", 0.1, 30),))
    monkeypatch.setattr(limits, "failure_at_most", lambda **law: 0.0)  # "anything is possible"
    assert limits.main(["--trials", "5000"]) == 1
    assert "1 of 1 measured intervals contradict" in capsys.readouterr().out


def test_the_committed_result_is_the_grid_and_contradicts_nothing():
    rows = read_jsonl(RESULT)
    assert [(row["way"], row["eps"], row["n"]) for row in rows] == [tuple(asdict(s).values()) for s in SETTINGS]
    assert {(row["delta"], row["trials"], row["draws"], row["seed"], row["confidence"]) for row in rows} == {
        (limits.DELTA, limits.TRIALS, limits.DRAWS, 0, limits.CONFIDENCE)
    }
    assert not any(contradicts(row) for row in rows)
    assert all((row["possible"] or 0) <= row["estimated"] < row["impossible"] for row in rows)
    for way, eps in {(row["way"], row["eps"]) for row in rows}:
        chosen = [row for row in rows if (row["way"], row["eps"]) == (way, eps)]
        for kind in ("possible", "impossible", "estimated"):
            ratios = [-1 if row[kind] is None else row[kind] for row in chosen]
            assert ratios == sorted(ratios)


def test_a_committed_row_comes_out_again():
    row = next(row for row in read_jsonl(RESULT) if (row["way"], row["eps"], row["n"]) == ("lock only", 0.1, 30))
    again = limits.measure(Setting("lock only", 0.1, 30))
    # other versions of scipy may round a quantile the other way, so the estimate may move by a step, and its window
    assert step_of(again["estimated"]) == pytest.approx(step_of(row["estimated"]), abs=1)
    assert step_of(again["possible"]) == pytest.approx(step_of(row["possible"]), abs=1)
    known = dict(map(tuple, row["points"]))
    shared = [(known[ratio], value) for ratio, value in again["points"] if ratio in known]
    assert all(a == b for a, b in shared)
