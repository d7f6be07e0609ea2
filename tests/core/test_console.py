"""What is printed: one width everywhere, and tables that are never cut."""

from slt.core.console import WIDTH, Page, table


def test_a_wide_table_is_printed_in_full_and_text_is_wrapped(capsys):
    cells = [f"{k:030d}" for k in range(8)]
    page = Page()
    page.print(table("wide", [f"c{k}" for k in range(8)], [cells]))
    page.print("word " * 60)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split() == cells for line in lines)
    assert all(len(line) <= WIDTH for line in lines if "word" in line)
    assert sum(line.count("word") for line in lines) == 60


def test_a_narrow_table_keeps_its_width(capsys):
    Page().print(table("a title", ["<name", "n"], [["x", 1]]))
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()][-2:] == [" x     1", ""]
