"""Every command shows its tables in every form, and its result as JSON; a terminal cuts no word and no number."""

import csv
import io
import json
import os
import sys

import pytest

from slt.cli import dispatch
from slt.core import console
from slt.core.command import run
from slt.core.console import NARROWEST, WIDEST, Page
from slt.core.tables import table

COMMANDS = [
    "n --eps 0.1 --delta 0.1 --prune 0.2",
    "success --n 20 --eps 0.1",
    "widths 8-4-2 --eps 0.5 --delta 0.1 --prune 0.1",
    "verify --prune 0.2 --lock 0.1 --eps 0.2 --trials 50 --lemma A.3",
    "plan --preset mlp-mnist-frozen --no-time",
    "ticket sizes",
    "simulate price --eps 0.1",
]
ALONE = ["simulate existence --mode weights --numbers 12", "simulate existence --prune 0 --lock 0 --eps 2"]


def shown(capsys, words):
    code = run(dispatch, words, "slt")
    out, err = capsys.readouterr()
    assert code == 0, err
    return out


@pytest.mark.parametrize("command", [*COMMANDS, *ALONE])
def test_a_result_as_json_is_all_that_is_printed(command, capsys):
    assert json.loads(shown(capsys, [*command.split(), "--json"]))


@pytest.mark.parametrize("command", COMMANDS)
def test_tables_alone_are_printed_as_csv_latex_and_markdown(command, capsys):
    words = command.split()
    lines = [line for line in shown(capsys, [*words, "--csv"]).splitlines() if line]
    assert len({len(row) for row in csv.reader(io.StringIO("\n".join(lines)))}) == 1
    latex = shown(capsys, [*words, "--latex"])
    assert latex.startswith("\\begin{table}\n")
    assert latex.count("\\begin{tabular}") == latex.count("\\end{tabular}") == latex.count("\\toprule") >= 1
    markdown = shown(capsys, [*words, "--markdown"])
    assert {line[0] for line in markdown.splitlines() if line} == {"*", "|"}


def test_two_forms_at_once_are_refused(capsys):
    assert run(dispatch, ["n", "--eps", "0.1", "--delta", "0.1", "--json", "--csv"], "slt") == 2
    assert capsys.readouterr().err.count("\n") == 1


class Terminal(io.StringIO):
    """A terminal of some width."""

    def isatty(self):
        return True

    def fileno(self):
        return 1


@pytest.mark.parametrize("columns", [20, NARROWEST, 80, 133, WIDEST, 500])
def test_a_terminal_shows_every_cell_and_no_line_is_too_long(columns, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(os, "get_terminal_size", lambda number: os.terminal_size((columns, 24)))
    names = ["<name", *(f"column{k}" for k in range(14))]
    rows = [[f"row{i}", *(f"{i}.{k:08d}" for k in range(14))] for i in range(3)]
    page = Page()
    page.print(table("A title that says what the table is about", names, rows))
    page.print("word " * 100)
    lines = sys.stdout.getvalue().splitlines()
    room = max(NARROWEST, min(WIDEST, columns))
    assert max(map(len, lines)) <= room
    words = " ".join(lines).split()
    for row in rows:
        for cell in row[1:]:
            assert words.count(cell) == 1
        assert words.count(row[0]) >= 1  # in every part
    assert words.count("word") == 100
    assert console.terminal_width() == room
