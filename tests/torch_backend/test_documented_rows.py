"""Numbers of docs/torch.md that are said to be measured: each is the mean, or the interval, of committed rows."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from slt.core.intervals import mean_interval, percent
from slt.core.places import committed
from slt.core.store import read_jsonl
from torch_backend.tickets.file_sizes import sizes_table
from torch_backend.tickets.frozen_mask import mask_cost
from torch_backend.training.settings import PRESETS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "torch.md").read_text()
MEASURED = TEXT.partition("## What was measured")[2]
INTERVAL = re.compile(r"\d+\.\d\d \[\d+\.\d\d, \d+\.\d\d\]")
ALONE = re.compile(r"(?<![\d.\[])(\d\d\.\d\d)(?=[ |%\n])(?! \[)")
RIVALS = (ROOT / "docs" / "rivals.md").read_text()
MEASURES = ("test", "recovered", "planted_test", "dense_test")
SAME = ("name", "plan", "method", "planted", "settings", "start", "restriction", "layer_rates")


def groups(paths, *measures):
    """Numbers of rows that differ in nothing but their seed."""
    found = {}
    for path in paths:
        for row in read_jsonl(path):
            same = {name: row.get(name) for name in SAME}
            if isinstance(row.get("sparsity"), float):  # of a search it is that of every layer, by seed
                same["sparsity"] = row["sparsity"]
            words = json.dumps([path.name, same], sort_keys=True, default=str)
            for measure in measures or ("test",):
                if measure in row:
                    found.setdefault((words, measure), []).append(row[measure])
    return found.values()


def shortly(values):
    """An interval as docs/rivals.md writes it: one digit, within 0 and 100."""
    mean = mean_interval(values)
    ends = (f"{min(max(100 * end, 0), 100):.1f}" for end in (mean.lower, mean.upper))
    low, high = (end if float(end) else "0" for end in ends)
    return f"{100 * mean.value:.1f} [{low}, {high}]"


RESULTS = sorted((ROOT / "torch_backend" / "results").glob("*.jsonl"))


def test_every_interval_of_searches_is_that_of_rows():
    known = {str(percent(mean_interval(tests))) for tests in groups(RESULTS)}
    said = INTERVAL.findall(MEASURED)
    assert len(said) > 20
    assert [text for text in said if text not in known] == []


def test_every_interval_of_the_defaults_is_that_of_rows():
    found = {}
    for row in read_jsonl(ROOT / "benchmarks" / "results" / "defaults.jsonl"):
        found.setdefault((row["setting"], row["case"]), []).append(row["test"])
    known = {str(percent(mean_interval(tests))) for tests in found.values()}
    said = INTERVAL.findall(TEXT.partition("## What was measured")[0])
    assert len(said) > 15
    assert [text for text in said if text not in known] == []


def test_every_interval_of_rivals_is_that_of_rows():
    found = groups(RESULTS, *MEASURES)
    known = {shortly(values) for values in found}
    said = re.findall(r"\d+\.\d \[[\d.]+, [\d.]+\]", RIVALS)
    assert len(said) > 90
    assert [text for text in said if text not in known] == []


def test_every_accuracy_that_stands_alone_is_that_of_a_row():
    known = {f"{100 * value:.2f}" for tests in groups(RESULTS) for value in (*tests, float(np.mean(tests)))}
    said = ALONE.findall(MEASURED)
    assert len(said) > 5
    assert [text for text in said if text not in known] == []


def test_no_accuracy_is_written_so_shortly_that_any_row_has_it():
    assert re.findall(r"\b\d\d\.\d %", MEASURED) == []


@pytest.mark.parametrize("text", ["82.83 [82.00, 83.00]", "12.95"])
def test_a_number_without_rows_would_be_found(text):
    known = {str(percent(mean_interval(tests))) for tests in groups(RESULTS)}
    known |= {f"{100 * value:.2f}" for tests in groups(RESULTS) for value in tests}
    assert text not in known
    assert (INTERVAL if "[" in text else ALONE).findall(f"{text} %")


def test_the_documented_sizes_of_files_are_those_of_the_command():
    rows = {row["preset"]: row for row in sizes_table().records()}
    lines = re.findall(r"^\| `([\w-]+)`, F = [\d.]+ \|(.*)\|$", TEXT, re.M)
    assert len(lines) == 4
    for preset, cells in lines:
        row = {name: str(value).rstrip("x") for name, value in rows[preset].items()}
        wanted = (
            f"{row['than dense']}, {row['than weights']}", row["file, bytes"],
            f"{row['statistics']}, {row['header']}", f"{row['file than dense']}, {row['file than trained']}",
        )  # fmt: skip
        assert [cell.strip() for cell in cells.split("|")] == list(wanted), preset


def test_the_documented_cost_of_a_stored_mask_is_what_is_counted():
    cost = mask_cost(PRESETS["mlp-mnist-frozen"])
    said = re.search(
        r"would take ([\d.]+) bits for each weight of\s`mlp-mnist-frozen`.*?that is ([\d.]+) bits", TEXT, re.S
    )
    assert said is not None
    assert said.groups() == (f"{cost.bits_a_weight:.2f}", f"{cost.with_ticket:.2f}")


def test_the_committed_results_are_those_that_are_read():
    assert committed("torch_backend", "mnist.jsonl") in RESULTS
