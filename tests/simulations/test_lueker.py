"""Brackets of two theorems' constants: made of rows alone, and refuting what lies below."""

import re
from itertools import pairwise
from math import log
from pathlib import Path

import pytest

from simulations.experiments import lueker
from slt.core.intervals import clopper_pearson
from slt.core.places import committed
from slt.core.store import read_jsonl
from slt.core.tables import Table
from theory.tails import LUEKER, dacunha

RESULT = committed("simulations", "lueker.jsonl")
DOCS = Path(__file__).parents[2] / "docs" / "results.md"


@pytest.fixture(scope="module")
def rows():
    return read_jsonl(RESULT)


def brackets(rows):
    return next(part for part in lueker.tables(rows) if isinstance(part, Table))


def test_the_grid_leaves_no_precision_out():
    ends = lueker.grid()
    assert (ends[0][1], ends[-1][0]) == (0.5, lueker.SMALLEST)
    assert all(low == high for (low, _), (_, high) in pairwise(ends))


def test_the_committed_rows_are_those_of_the_settings(rows):
    assert [(row["kind"], row["eps"], row["end"]) for row in rows] == [
        (setting.kind, setting.eps, setting.end) for setting in lueker.SETTINGS
    ]
    assert {row["trials"] for row in rows} == {lueker.TRIALS}
    assert not any(map(lueker.refuted, rows))


def test_a_constant_below_the_bracket_is_refuted_and_one_above_is_not(rows):
    measured = lueker.measured_failures(rows)
    low = LUEKER.above(measured)
    assert 0.83 < low < lueker.proven_constant(LUEKER, rows) < lueker.proven_constant(LUEKER, rows, 0.0)
    assert any(LUEKER.broken(*point, low - 0.001) for point in measured if point[0] > 0)
    assert not any(LUEKER.broken(*point, low + 0.001) for point in measured if point[0] > 0)
    # the same by hand, at the point that decides
    n, eps, p = max((point for point in measured if point[0] > 0), key=lambda point: LUEKER.above([point]))
    assert (n / 2 - (low - 0.001) * log(1 / eps)) ** 2 / (2 * n) > log(1 / p)


def test_what_is_proven_and_what_is_measured_never_cross(rows):
    for kappa in (4.0, 8.0, 16.0):
        tail = dacunha(kappa)
        assert max(tail.above(lueker.necessary_failures(rows)), tail.above(lueker.measured_failures(rows))) < (
            lueker.proven_constant(tail, rows, 1e-3)
        )


def test_limits_hold_together(rows):
    row = next(row for row in rows if row["kind"] == "measured" and row["eps"] == 0.01)
    looked_at = sum(len(row["successes"]) for row in rows if row["kind"] == "measured")
    ((n, _, p),) = [point for point in lueker.measured_failures(rows) if point[:2] == (8, 0.01)]
    two_sided = clopper_pearson(row["successes"][n], row["trials"], 1 - 2 * (1 - 0.99) / looked_at)
    assert p == pytest.approx(1 - two_sided.upper, abs=1e-12)


def test_the_table_is_made_of_the_rows_alone(rows):
    before = dict(zip(brackets(rows).columns, brackets(rows).rows[0], strict=True))
    easier = [{**row, "successes": [row["trials"]] * len(row["successes"])} if row["kind"] == "measured" else row
              for row in rows]  # fmt: skip
    after = dict(zip(brackets(easier).columns, brackets(easier).rows[0], strict=True))
    assert (before["measured"], after["measured"]) == ("0.862", "-")
    assert after["all eps"] == before["all eps"]
    looser = [{**row, "at_most": [1.0] * 5 + row["at_most"]} if row["kind"] == "proven" else row for row in rows]
    wider = dict(zip(brackets(looser).columns, brackets(looser).rows[0], strict=True))
    assert float(wider["eps >= 0.001"]) > float(before["eps >= 0.001"])


def test_the_page_shows_the_table_of_the_committed_rows(rows):
    (section,) = re.findall(r"^## What are Lueker's.*?(?=^## )", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    for line in brackets(rows).rows:
        assert "| " + " | ".join("-" if cell is None else str(cell) for cell in line) + " |" in section
    assert f"seed {rows[0]['seed']}" in section
    assert f"{rows[0]['trials']:,} trials" in section
    assert f"all {len(lueker.measured_failures(rows))} measured" in " ".join(section.split())
    assert f"{sum(row['kind'] == 'proven' for row in rows)} intervals of eps" in section
    best = max(
        (point for point in lueker.measured_failures(rows) if point[0] > 0), key=lambda point: LUEKER.above([point])
    )
    assert f"eps = {best[1]:g}, n = {best[0]}" in section


def test_a_row_is_measured_again():
    setting = next(s for s in lueker.SETTINGS if (s.kind, s.eps) == ("measured", 0.1))
    row = lueker.measure(setting, trials=200, seed=3)
    assert len(row["successes"]) == lueker.largest(0.1) + 1
    assert row["successes"][:2] == [0, 0] != row["successes"][-2:]
    interval = next(s for s in lueker.SETTINGS if s.kind == "proven")
    found = lueker.measure(interval, trials=1, seed=0)
    assert found["at_most"][0] == 1
    assert not lueker.refuted({"kind": "proven", **found})
    assert lueker.refuted({"kind": "proven", "at_least": [1.0, 0.9], "at_most": [1.0, 0.8]})
