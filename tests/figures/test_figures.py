"""Figures show the numbers of the committed results, and unknown names list the known ones."""

import pytest

from common.cli import BAD_INPUT, run
from figures import requirement
from figures.__main__ import NAMES, main
from figures.style import styled


def test_the_requirement_figure_shows_the_committed_rows():
    rows = [row for row in requirement.load() if row["claim"] == "A.3" and row["reading"] == "uniform"]
    assert len(rows) == 7
    with styled():
        from matplotlib import pyplot as plt

        figure, ax = plt.subplots()
        requirement.draw(ax, rows)
        lines = [(line.get_label(), list(line.get_ydata())) for line in ax.get_lines()]
        drawn = dict(lines)
        plt.close(figure)
    assert drawn["sufficient (proven)"] == [row["sufficient"] for row in rows]
    assert drawn["necessary (proven)"] == [row["necessary"] for row in rows]
    assert drawn["estimated"] == [row["estimated"] for row in rows]
    assert [row["measured"]["value"] for row in rows] in [y for _, y in lines]


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_drawn_from_committed_results(name, tmp_path):
    assert main([name, "--out", str(tmp_path)]) == 0
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / f"{name}.svg").read_text().startswith("<?xml")


def test_an_unknown_figure_is_refused_with_the_known_names(capsys):
    assert run(main, ["nope"], "figures") == BAD_INPUT
    assert "known: requirement" in capsys.readouterr().err
