"""The checker of certificates, loaded from its file, and what it says of a text."""

import contextlib
import importlib.util
import io
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "examples" / "check_certificate.py"


def loaded():
    """Return the script as a module."""
    spec = importlib.util.spec_from_file_location("check_certificate", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHECKER = loaded()


def answer(text, path):
    """Write ``text`` to ``path`` and return the checker's exit code and words."""
    path.write_text(text)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = int(CHECKER.main([str(path)]))
    return code, said.getvalue()
