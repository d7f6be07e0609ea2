"""The experiment on other laws: its committed rows agree with what is proven, and it runs and resumes."""

from dataclasses import asdict
from math import log2

import pytest

from simulations.experiments import laws
from slt.core.laws import law_of
from slt.core.places import committed
from slt.core.store import read_jsonl
from theory.law_necessary import law_necessary_n

RESULT = committed("simulations", "laws.jsonl")


def test_committed_rows_lie_between_what_is_proven():
    rows = read_jsonl(RESULT)
    settings = [{name: row[name] for name in asdict(laws.SETTINGS[0])} for row in rows]
    assert settings == [asdict(setting) for setting in laws.SETTINGS]
    for row in rows:
        assert row["trials"] == laws.TRIALS
        assert not laws.contradicts(row)
        if row["kind"] == "constants":
            assert (row["necessary"], row["successes"]) == (None, 0)
            continue
        assert row["necessary"] <= row["upper"]
        assert row["lower"] <= row["value"] <= row["upper"]
        if row["estimated"] is not None:
            assert abs(row["estimated"] - row["value"]) <= 1 + 0.06 * row["value"]
        assert (row["sufficient"] is None) == (row["kind"] == "integers")
    found = {
        (row["radius"], row["lock"]): row["value"] - log2(row["radius"]) for row in rows if row["kind"] == "integers"
    }
    assert all(found[2.0**16, lock] > 0 for lock in (0.0, 0.2))


@pytest.mark.parametrize("index", [0, 5, -1])
def test_a_measurement_is_that_of_its_setting(index):
    setting = laws.SETTINGS[index]
    row = asdict(setting) | laws.measure(setting, trials=100, seed=1)
    assert not laws.contradicts(row)
    expected = law_necessary_n(
        setting.eps,
        laws.DELTA,
        law=law_of(setting.law),
        signed=setting.signed,
        lock=setting.lock,
        radius=setting.radius,
    )
    assert row["necessary"] == expected
    assert laws.contradicts(row | {"necessary": None, "successes": 1})
    assert laws.contradicts(row | {"necessary": 10**5, "upper": 10})
    assert laws.contradicts(row | {"necessary": 1, "sufficient": 5, "lower": 6})


def test_its_tables_say_what_is_not_known():
    setting = asdict(laws.SETTINGS[0])
    rows = [
        setting | {"necessary": 5, "estimated": None, "sufficient": None, "n_max": 20, "successes": 3, "lower": 4}
        | {"value": None, "upper": None, "trials": 10}
    ]  # fmt: skip
    first, *_ = laws.tables(rows)
    assert first.rows[0][-4:] == ("5", "-", "- [4, > 20]", "-")
