"""The figures of the claims tried here show the numbers of their rows."""

from statistics import fmean

import pytest

from figures import depth, file_sizes, sizes, spaces, sparsities, style
from figures.style import panels
from theory.freezing import log2_candidates
from torch_backend.experiments import EXPERIMENTS, tried
from torch_backend.experiments.record import Found, Part, Quantity


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    """Pictures take a hundred times longer than rows."""
    monkeypatch.setattr(style, "_image", lambda *_: b"")


def lines_of(draw, *arguments):
    """Return the (x, y) of the lines with a marker in one panel, by label."""
    with panels() as (_, ax):
        draw(ax, *arguments)
        drawn = [(box.get_label(), box.lines[0]) for box in ax.containers]
        return {label: (list(line.get_xdata()), list(line.get_ydata())) for label, line in drawn}


def test_differences_are_those_of_the_claim():
    found = sizes.load()
    claim = {part.name: part for part in tried(EXPERIMENTS["E1"]).parts}
    for part in found.parts:
        shown = lines_of(sizes.draw, found, [part])[part.name.rpartition(",")[0]]
        assert shown[1] == pytest.approx([fmean(each.values) for each in claim[part.name].quantities])
        assert shown[0] == pytest.approx([0.3, 0.5, 0.7, 0.9])


def test_the_headline_counts_better_and_worse():
    part = Part("", "", (Quantity("", (1.0, 1.01)), Quantity("", (-1.0, -1.01)), Quantity("", (1.0, -1.0))))
    assert sizes.headline(Found((part,), ""), [part]) == "frozen better in 1, worse in 1 of 3"


def test_accuracy_over_sparsity_is_the_mean_of_the_rows():
    found = sparsities.load()
    assert list(found) == ["mnist", "cora"]
    for plan, rows in found.items():
        assert {row["prune"] - row["lock"] for row in rows} == {0}
        shown = lines_of(sparsities.draw, rows, plan)
        assert list(shown) == ["F = 0", "F = 0.5", "F = 0.8", "F = 0.9"]
        of = [row for row in rows if row["prune"] == 0.25]
        expected = [100 * fmean(row["test"] for row in of if row["sparsity"] == k) for k in shown["F = 0.5"][0]]
        assert shown["F = 0.5"][1] == pytest.approx(expected)


def test_accuracy_over_the_search_space_is_the_mean_of_the_rows():
    for plan, rows in spaces.load().items():
        shown = lines_of(spaces.draw, rows, plan)
        assert list(shown) == [name for name, _ in spaces.SOURCES.values()]
        of = [row for row in rows if (row["prune"], row["lock"], row["factor"]) == (0.4, 0.3, 1.0)]
        x, y = shown["frozen, p = 0.4, q = 0.3"]
        place = y.index(pytest.approx(100 * fmean(row["test"] for row in of)))
        assert x[place] == pytest.approx(log2_candidates(of[0]["bits"], of[0]["bits"] / 2))


def test_accuracy_over_depth_is_the_mean_of_the_rows():
    rows = depth.load()
    shown = lines_of(depth.draw, rows)
    assert list(shown) == list(depth.SERIES)
    locked = [row for row in rows if row["settings"]["lock"] == 0.5]
    expected = [
        100 * fmean(row["test"] for row in locked if row["settings"]["depth"] == layers) for layers in (2, 4, 8, 12)
    ]
    assert shown["locked, q = 0.5, k = 0.25"][1] == pytest.approx(expected)


def test_accuracy_over_file_size_is_the_mean_of_the_rows():
    for rows in file_sizes.load().values():
        shown = lines_of(file_sizes.draw, rows)
        assert list(shown) == list(file_sizes.SERIES)
        scaled = [row for row in rows if row["settings"]["scale"] == "static"]
        sizes_of = sorted({row["file_bytes"] for row in scaled})
        means = [100 * fmean(row["test"] for row in scaled if row["file_bytes"] == size) for size in sizes_of]
        assert shown["frozen, scaled SKC"][0] == pytest.approx([size / 1024 for size in sizes_of])
        assert shown["frozen, scaled SKC"][1] == pytest.approx(means)
        assert len(shown["dense, KU"][0]) == len(shown["pruned, KU"][0]) == 1
