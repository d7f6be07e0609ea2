"""The examples run, and the notebook is the script."""

import contextlib
import io
import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = [path.stem for path in sorted(EXAMPLES.glob("*.ipynb")) if path.with_suffix(".py").exists()]
SHORT = {"EPOCHS = 20": "EPOCHS = 1"}


def cells_of(script):
    """Return kind and text of the cells of a script in percent format, without its docstring."""
    found = []
    for cell in script.split("\n# %%")[1:]:
        head, _, text = cell.partition("\n")
        if head.strip() == "[markdown]":
            text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in text.strip().splitlines())
        found.append(("markdown" if head.strip() else "code", text.strip()))
    return found


def notebook_of(script):
    """Return the notebook of a script, as JSON."""
    cells = []
    for number, (kind, text) in enumerate(cells_of(script)):
        lines = text.splitlines(keepends=True)
        cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": lines}
        cells.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_is_the_script(name):
    # after a change of the script: python tests/test_examples.py
    assert (EXAMPLES / f"{name}.ipynb").read_text() == notebook_of((EXAMPLES / f"{name}.py").read_text())


def run(text, folder):
    for long, short in SHORT.items():
        assert long in text
        text = text.replace(long, short)
    shown, said = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(shown), contextlib.redirect_stderr(said):
        exec(compile(text, "example", "exec"), {"__name__": "__main__"})
    return shown.getvalue(), said.getvalue()


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_script_and_notebook_run_and_say_the_same(name, tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    notebook = json.loads((EXAMPLES / f"{name}.ipynb").read_text())
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    found = []
    for number, text in enumerate(((EXAMPLES / f"{name}.py").read_text(), "\n\n".join(cells))):
        (tmp_path / str(number)).mkdir()
        shown, said = run(text, tmp_path / str(number))
        assert "epoch 1 of 1" in said
        assert "0.0" in shown.splitlines()  # plain weights give the same numbers
        found.append(shown)
    assert found[0] == found[1]


if __name__ == "__main__":
    for name in NAMES:
        (EXAMPLES / f"{name}.ipynb").write_text(notebook_of((EXAMPLES / f"{name}.py").read_text()))
