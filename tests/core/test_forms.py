"""What is read back has the names, kinds, shapes and ranges of what was written, or the place is named."""

import importlib
import json
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.experiments import EXPERIMENTS
from slt.core.forms import Interval, Numbers, check, count, like
from slt.core.store import Found, read_json, read_jsonl

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("form", "found"),
    [
        (Numbers(), 1.5),
        (Numbers(0, 1), 0),
        (Numbers(whole=True), 10**30),
        (Numbers(missing=True), None),
        (count(3, 2, 2), [[0, 1], [2, 3]]),
        (count(3, 0), []),
        (Interval(Numbers()), {"lower": 1, "value": 2, "upper": 2}),
        (Interval(Numbers(missing=True)), {"lower": 1, "value": None, "upper": 2}),
        ({"a": Numbers(), "b?": Numbers()}, {"a": 1}),
        ({"a": Numbers(), "b?": Numbers()}, {"a": 1, "b": 2}),
        ([Numbers()], []),
        ([[Numbers()]], [[1], [2, 3]]),
        (("x", "y"), "y"),
        (..., {"anything": [None]}),
    ],
)
def test_what_is_of_its_form_is_taken(form, found):
    check(found, form, "it")


@pytest.mark.parametrize(
    ("form", "found", "line"),
    [
        (Numbers(), "1", "it must be finite numbers, got '1'"),
        (Numbers(), None, "it must be finite numbers, got None"),
        (Numbers(), True, "it must be finite numbers, got True"),
        (Numbers(), float("nan"), "it must be finite numbers, got nan"),
        (Numbers(), float("inf"), "it must be finite numbers, got inf"),
        (Numbers(), 10**400, "it must be finite numbers, got 1000"),
        (Numbers(whole=True), 1.0, "it must be whole numbers, got 1.0"),
        (Numbers(0, 1), -0.1, r"it must lie in \[0, 1\], got -0.1"),
        (count(3), 4, r"it must lie in \[0, 3\], got 4"),
        (count(3), -1, r"it must lie in \[0, 3\], got -1"),
        (count(3, 2), [1], r"it must be numbers of shape \(2,\), got \[1\]"),
        (count(3, 2), [1, 2, 3], r"it must be numbers of shape \(2,\)"),
        (count(3, 2), 1, r"it must be numbers of shape \(2,\), got 1"),
        (count(3, 2, 1), [[1], 2], r"it must be numbers of shape \(2, 1\)"),
        (count(3, 2), {"0": 1, "1": 2}, "it must be numbers of shape"),
        (Interval(Numbers()), {"lower": 2, "value": 1, "upper": 3}, "it must be in order"),
        (Interval(Numbers()), {"lower": 2, "value": 3}, "it has no upper"),
        (Interval(Numbers()), [1, 2, 3], "it must be an object with names"),
        ({"a": Numbers()}, {}, "it has no a"),
        ({"a": Numbers()}, [], "it must be an object with names, got "),
        ({"a": Numbers()}, {"a": 1, "b": 2}, "it has a name too many: 'b'"),
        ({"a": {"b": Numbers()}}, {"a": {"b": "c"}}, "b in a in it must be finite"),
        ([Numbers()], {}, "it must be a list, got {}"),
        ([Numbers()], [1, "2"], "entry 1 of it must be finite"),
        (("x", "y"), "z", "it must be one of x, y; got 'z'"),
        (("x", "y"), ["x"], "it must be one of x, y"),
        (Numbers(), "x" * 10**6, "got '"),
    ],
)
def test_what_is_not_is_told_in_a_short_line(form, found, line):
    with pytest.raises(ValueError, match=line) as error:
        check(found, form, "it")
    assert len(str(error.value)) < 200


KEYS = st.dictionaries(st.text(max_size=3), st.none() | st.booleans() | st.integers() | st.text(max_size=3), max_size=3)


@given(found=st.recursive(KEYS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner)))
def test_everything_is_like_itself(found):
    like([found]).check(found, "it")


EXAMPLES = [{"n": 1, "ends": {"low": 0.5, "high": None}, "points": [[1, 2]]}, {"n": 2, "kind": "x", "ends": {"low": 1}}]


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ({"n": "1"}, "n in it must be a number, got '1'"),
        ({"n": True}, "n in it must be a number, got True"),
        ({"n": float("nan")}, "n in it must be a number, got nan"),
        ({"n": None}, "n in it must be a number, got None"),
        ({"ends": {}}, "ends in it has no low"),
        ({"ends": {"low": None}}, "low in ends in it must be a number, got None"),
        ({"ends": [1]}, "ends in it must be an object"),
        ({"points": []}, "points in it is empty"),
        ({"points": [[]]}, "entry 0 of points in it is empty"),
        ({"points": [[1, "x"]]}, "entry 1 of entry 0 of points in it must be a number"),
        ([], "it must be an object, got"),
        (None, "it must be an object, got None"),
    ],
)
def test_a_value_of_a_kind_that_no_example_has_is_told(found, line):
    with pytest.raises(ValueError, match=line):
        like(EXAMPLES).check(found, "it")


def test_unknown_names_are_left_alone_and_missing_ones_told_by_who_asks(tmp_path):
    like(EXAMPLES).check({"new": object}, "it")
    path = tmp_path / "rows.jsonl"
    path.write_text('{"n": 1}\n{"a": {"b": 2}}\n')
    rows = read_jsonl(path, like([*EXAMPLES, {"a": {"b": 1}}]))
    assert rows == [{"n": 1}, {"a": {"b": 2}}]
    assert all(isinstance(found, Found) for found in (*rows, rows[1]["a"]))
    with pytest.raises(ValueError, match=r"rows.jsonl line 2 has no n; is it damaged"):
        rows[1]["n"]
    with pytest.raises(ValueError, match=r"rows.jsonl line 2 has no c"):
        rows[1]["a"]["c"]
    with pytest.raises(KeyError):  # one of our own stays one
        {**rows[0]}["x"]


@pytest.mark.parametrize("text", ["NaN", '{"a": Infinity}', "[-Infinity]", "[1, 2", "", "\ud800", "[" * 10**5])
def test_what_is_no_json_is_told(tmp_path, text):
    path = tmp_path / "r.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ValueError, match="r.json is not JSON"):
        read_json(path)


@pytest.mark.parametrize("name", ["hole", "cancel", "limits", "calibration", "atlas", "laws"])
def test_committed_rows_have_the_forms_that_stored_ones_must_have(name):
    module = importlib.import_module(EXPERIMENTS[name].module)
    rows = read_jsonl(ROOT / "simulations" / "results" / f"{name}.jsonl")
    parts = module.work(rows[-1]["trials"] if name != "atlas" else module.TRIALS, rows[0]["seed"])
    assert len(parts) == len(rows)
    for (key, _, form), row in zip(parts, rows, strict=True):
        plain = json.loads(json.dumps(key))
        assert {n: row[n] for n in plain} == plain
        check({n: value for n, value in row.items() if n not in {*key, "seed", "confidence"}}, form, name)


@pytest.mark.long
def test_committed_rows_of_found_tickets_have_their_form():
    pytest.importorskip("torch")
    from simulations.existence.source import Source
    from simulations.experiments.found.command import Setting, form, planned, source_seed
    from simulations.experiments.found.targets import problem

    rows = read_jsonl(ROOT / "simulations" / "results" / "found.jsonl")
    names = [field.name for field in fields(Setting)]
    for row in {row["target"]: row for row in rows}.values():
        setting = Setting(*(row[name] for name in names))
        task = problem(setting.target, row["seed"])
        used, prune, lock = planned(setting, task)
        source = Source(source_seed(setting, row["source"], row["seed"]), used.sizes, used.blocks, prune, lock)
        own = {n: value for n, value in row.items() if n not in {*names, "source", "seed", "confidence"}}
        check(own, form(task, source), row["target"])


def test_committed_rows_of_searches_have_their_forms():
    pytest.importorskip("torch")
    from torch_backend.commands import compare, jackpot, requirement, sparsity

    results = ROOT / "torch_backend" / "results"
    for pattern, form in (
        ("rivals-*.jsonl", compare.FORM),
        ("planted-*.jsonl", compare.FORM),
        ("requirement-*.jsonl", requirement.FORM),
        ("sparsity-*.jsonl", sparsity.FORM),
    ):
        for path in results.glob(pattern):
            assert read_jsonl(path, form)
    for row in read_jsonl(results / "jackpots.jsonl"):
        check({n: value for n, value in row.items() if n != "steps_to_random_loss"}, jackpot.FORM, "row")
