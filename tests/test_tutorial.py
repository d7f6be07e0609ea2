"""The notebook of the tutorial runs from its first cell to its last, and shows what it did when it was written.

``python tests/test_tutorial.py`` runs it and writes what it shows into the file.
"""

import ast
import base64
import contextlib
import io
import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "examples" / "tutorial.ipynb"


def run(cells, folder):
    """Run cells one after another, as a notebook does; return for each what it shows, pictures as PNG."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    names, shown = {"__name__": "__main__"}, []
    with contextlib.chdir(folder):
        for source in cells:
            tree = ast.parse(source)
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            said, outputs = io.StringIO(), []
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
                exec(compile(tree, "cell", "exec"), names)
                value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None
            if said.getvalue():
                outputs.append({"output_type": "stream", "name": "stdout", "text": said.getvalue()})
            if plt.get_fignums():
                file = io.BytesIO()
                plt.savefig(file, dpi=90, metadata={"Software": None})
                plt.close("all")
                picture = {"image/png": base64.b64encode(file.getvalue()).decode()}
                outputs.append({"output_type": "display_data", "metadata": {}, "data": picture})
            elif value is not None:
                text = {"text/plain": str(value)}
                outputs.append({"output_type": "display_data", "metadata": {}, "data": text})
            shown.append(outputs)
    return shown


def code(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def told(outputs):
    """Return what can be compared on any machine: texts, and that there is a picture."""
    return [
        "".join(each["text"]) if "text" in each else each["data"].get("text/plain", "a picture") for each in outputs
    ]


@pytest.mark.long
def test_the_notebook_shows_what_its_cells_do(tmp_path):
    pytest.importorskip("torch")
    notebook = json.loads(NOTEBOOK.read_text())
    found = run(["".join(cell["source"]) for cell in code(notebook)], tmp_path)
    for cell, outputs in zip(code(notebook), found, strict=True):
        assert told(outputs) == told(cell["outputs"]), "".join(cell["source"])


def test_the_notebook_has_pictures_and_is_small():
    notebook = json.loads(NOTEBOOK.read_text())
    shown = [told(cell["outputs"]) for cell in code(notebook)]
    assert shown.count(["a picture"]) >= 3
    assert NOTEBOOK.stat().st_size < 250_000


if __name__ == "__main__":
    import tempfile

    notebook = json.loads(NOTEBOOK.read_text())
    with tempfile.TemporaryDirectory() as folder:
        results = run(["".join(cell["source"]) for cell in code(notebook)], folder)
    for number, (cell, outputs) in enumerate(zip(code(notebook), results, strict=True), 1):
        cell |= {"execution_count": number, "outputs": outputs}
    NOTEBOOK.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
