"""The numbers of the README and of the main job's page are the numbers that their commands print."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(text):
    return re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_main_job_prints_what_its_page_shows():
    page = (ROOT / "docs" / "verify.md").read_text()
    command = re.search(r"-m (subsetsum\.verify .*)$", README, re.MULTILINE)
    assert command
    assert f"python -m {command[1]}\n" in blocks(page)
    done = subprocess.run(
        [sys.executable, "-m", *command[1].split()], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout in blocks(page)
    assert done.stderr == ""


def shown():
    """Return every command of the README that is shown with what it prints."""
    for block in blocks(README):
        first, _, rest = block.partition("\n")
        if first.startswith("$ "):
            yield first[2:], rest


@pytest.mark.parametrize(("command", "printed"), list(shown()))
def test_commands_of_the_readme_print_what_stands_there(command, printed, tmp_path):
    name, *words = command.split()
    assert name == "slt"
    done = subprocess.run(
        [sys.executable, "-m", "slt", *words], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout == printed


def test_the_readme_is_short():
    assert README.count("\n") <= 130


def test_links_and_pictures_lead_to_files():
    targets = re.findall(r"\]\((?!https://)([^)#]+)\)", README)
    assert len(targets) >= 5
    for target in targets:
        assert (ROOT / target).exists(), target
