"""Commands on the tutorial and on the how-to pages print what stands below them.

``python tests/test_pages.py`` writes what they print into the pages; ``git diff`` then shows what has changed.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs" / "tutorial.md", *sorted((ROOT / "docs").glob("howto_*.md"))]
COMMAND = re.compile(r"^```\n\$ slt (.*)\n((?:.*\n)*?)```$", re.MULTILINE)
FILE = re.compile(r'^```\w+ title="([\w.]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def printed(page, words, folder):
    """Return what a command prints in a folder that holds the files of its page."""
    for name, text in FILE.findall(page):
        (folder / name).write_text(text)
    done = subprocess.run(
        f"{sys.executable} -m slt {words}", shell=True, cwd=folder, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout


SHOWN = [(page.name, words, text) for page in PAGES for words, text in COMMAND.findall(page.read_text())]


@pytest.mark.long(keep=3)
@pytest.mark.parametrize(("page", "words", "text"), SHOWN, ids=[f"{page}: {words}" for page, words, _ in SHOWN])
def test_a_command_of_a_page_prints_what_stands_there(page, words, text, tmp_path):
    assert printed((ROOT / "docs" / page).read_text(), words, tmp_path) == text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_shows_commands(page):
    text = page.read_text()
    assert COMMAND.search(text) or ">>> " in text
    assert text.count("\n$ ") == len(COMMAND.findall(text))  # none is passed over


if __name__ == "__main__":
    import tempfile

    for page in PAGES:
        text = page.read_text()
        with tempfile.TemporaryDirectory() as folder:
            put = COMMAND.sub(lambda shown: f"```\n$ slt {shown[1]}\n{printed(text, shown[1], Path(folder))}```", text)  # noqa: B023
        page.write_text(put)
