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
from slt.core.intervals import Estimate, percent
from slt.core.tables import SENTENCE, table

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


def seen(monkeypatch, columns, *items):
    """Return the lines of these items in a terminal of so many columns."""
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(os, "get_terminal_size", lambda number: os.terminal_size((columns, 24)))
    Page().print(*items)
    return sys.stdout.getvalue().splitlines()


@pytest.mark.parametrize("columns", [60, 80, 128])
def test_a_title_is_as_wide_as_the_terminal_and_not_as_its_table(columns, monkeypatch):
    title = "A title of many short words that is longer than the small table below it and than some terminals are"
    lines = seen(monkeypatch, columns, table(title, ["a", "b"], [[1, 2]]))
    shown = lines[: lines.index("")]
    assert " ".join(shown) == title
    assert len(shown) == -(-len(title) // columns)


def test_a_title_in_a_pipe_is_not_wrapped_at_its_table(capsys):
    title = "A title that is longer than the small table below it"
    Page().print(table(title, ["a", "b"], [[1, 2]]))
    assert capsys.readouterr().out.splitlines()[0] == title


def test_a_narrow_terminal_keeps_a_number_and_its_sentence_in_one_line(monkeypatch):
    sentence = "a sentence of many words, each of which stands there once, that no narrow terminal shows in one line"
    found = table("", ["<name", "n", "<what it means"], [["necessary", 124, sentence], ["estimated", 126, "short"]])
    lines = seen(monkeypatch, 60, found)
    assert sum("what it means" in line for line in lines) == 1
    start = next(line for line in lines if "necessary" in line)
    assert "124" in start
    assert "a sentence of many" in start
    rows = lines[lines.index(start) :]
    place = start.index("a sentence")
    assert " ".join(line[place:] for line in rows if "short" not in line).strip() == sentence
    wide = table("", ["<name", "<what it means"], [["x" * (NARROWEST - SENTENCE), sentence]])
    assert len(list(wide.fitted(NARROWEST))) == 1  # too little room for a sentence: as before


def test_csv_has_a_column_for_each_number_of_an_interval():
    rows = [["a", percent(Estimate(0.25, 0.5, 0.75, 3))], ["b", percent(Estimate(0, 0.5, 1, 1))], ["c", None]]
    text = table("", ["<name", "test %"], rows).csv()
    assert list(csv.reader(io.StringIO(text))) == [
        ["name", "test %", "test % low", "test % high"],
        ["a", "50.00", "25.00", "75.00"],
        ["b", "50.00", "", ""],
        ["c", "-", "", ""],
    ]
    assert "50.00 [25.00, 75.00]" in table("", ["<name", "test %"], rows).markdown()


def test_the_main_jobs_csv_is_numbers(capsys):
    text = shown(capsys, ["verify", "--eps", "0.2", "--trials", "400", "--lemma", "2.1", "--csv"])
    for row in csv.DictReader(io.StringIO(text)):
        assert int(row["measured low"]) <= int(row["measured"]) <= int(row["measured high"])
        assert float(row["constant C low"]) <= float(row["constant C"]) <= float(row["constant C high"])
