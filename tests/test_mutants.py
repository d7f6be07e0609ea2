"""The lists of small faults fit the code and the table of what noticed them; ``python -m tests.mutants`` tries them."""

import ast
import re
from pathlib import Path

import pytest

from tests.mutants import results
from tests.mutants.__main__ import LISTS, every
from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[1]


def test_every_fault_can_be_put_into_its_file_in_one_place():
    sources = {mutant.file: (ROOT / mutant.file).read_text() for mutant in every()}
    for mutant in every():
        changed = mutant.applied(sources[mutant.file])
        assert changed != sources[mutant.file], mutant
        ast.parse(changed)


def test_faults_have_names_of_their_own_and_tests_that_are_there():
    assert len({str(mutant) for mutant in every()}) == len(every())
    for mutant in every():
        assert all((ROOT / test.split()[0]).is_file() for test in mutant.tests), mutant
    for part in LISTS:
        for name in part.PINNED:
            file, test = name.split("::")
            assert f"def {test}(" in (ROOT / file).read_text()


def test_the_table_has_no_unexplained_survivor():
    """A fault without a row has not been tried yet: ``python -m tests.mutants --missing`` tries it."""
    listed = {(mutant.file, mutant.name): mutant for mutant in every()}
    rows = {(row["file"], row["mutant"]): row for row in results.rows()}
    assert rows.keys() <= listed.keys()
    for place, row in rows.items():
        assert row["digest"] == listed[place].digest, f"{place} was changed after it was tried"
        assert row["noticed by"] or listed[place].harmless, f"{place} survives"
        if row["noticed by"]:
            # by a test; one that a signal ended, or that could not be imported, is named by its file
            test = re.match(r"(tests/\S+\.py)(?:::(\w+)| \(SIG| \(error on import)", row["noticed by"])
            assert test, f"{place}: no test noticed it, its file could not be read"
            defined = (ROOT / test[1]).read_text()
            assert test[2] is None or f"def {test[2]}(" in defined, f"{place}: {test[2]} is gone"


def test_the_docs_show_the_tables_of_today():
    """``python -m tests.mutants --table`` prints them."""
    shown = (ROOT / "docs" / "testing.md").read_text()
    assert f"\n\n{results.table(every())}\n" in shown
    assert f"\n\n{results.formulas()}\n" in shown


def test_no_mutant_of_a_formula_is_left_without_a_reason():
    for line in results.formulas().splitlines()[2:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        mutants, tried, killed, harmless, left = map(int, cells[1:6])
        assert left == 0, f"{cells[0]}: a survivor is neither killed nor listed with a reason"
        assert tried == killed + harmless <= mutants, cells[0]


def test_a_tables_line_counts_what_was_tried_noticed_and_survived(monkeypatch):
    tried = {Mutant("f", "seen", "a", "b", ()): "tests/x.py::y", Mutant("f", "harmless", "a", "c", (), "a reason"): "",
             Mutant("g", "survives", "a", "c", ()): ""}  # fmt: skip
    rows = [{"file": fault.file, "mutant": fault.name, "noticed by": test} for fault, test in tried.items()]
    faults = [*tried, Mutant("g", "not tried", "a", "b", (), "a reason")]
    monkeypatch.setattr(results, "rows", lambda: rows)
    lines = ["| f | 2 | 2 | 1 | 1 |", "| g | 2 | 1 | 0 | 0 |", "| all | 4 | 3 | 1 | 1 |"]
    assert results.table(faults).splitlines()[2:] == lines


def test_every_compiled_file_and_module_has_its_faults():
    counted = {mutant.file: sum(other.file == mutant.file for other in every()) for mutant in every()}
    kernels = {str(path.relative_to(ROOT)) for path in (ROOT / "subsetsum" / "kernels").glob("[a-z]*.py")}
    assert kernels <= set(counted)
    assert sum(counted[file] for file in kernels) >= 40


@pytest.mark.parametrize("text", ["", "a b a"])
def test_a_fault_that_is_in_no_place_or_in_two_is_refused(text):
    with pytest.raises(ValueError, match="the text occurs"):
        Mutant("f", "n", "a", "b", ()).applied(text)
