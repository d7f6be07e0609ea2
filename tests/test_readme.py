"""The numbers of the README and of the main job's page are the numbers that their commands print."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from theory.claims import LEDGER

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(text):
    return re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.long
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


PAGES = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md"))
FOLDERS = "slt|theory|subsetsum|simulations|torch_backend|figures|tests|benchmarks|examples|docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page):
    """Paths are written from the root, in docs/faults.md and docs/testing.md also from tests/."""
    for path in re.findall(rf"`((?:{FOLDERS})/[\w/.-]+\.(?:py|toml|md|jsonl|csv|png|ipynb))`", page.read_text()):
        if "toy" not in path and "NAME" not in path:
            assert (ROOT / path).exists() or (ROOT / "tests" / path).exists(), path
    for link in re.findall(r"\]\((?!https?://)([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / link).exists(), link


def test_the_readme_counts_the_claims_of_the_ledger():
    said = re.search(r"lists (\d+) statements of (\d+) papers", README)
    assert [int(number) for number in said.groups()] == [len(LEDGER), len({claim.paper for claim in LEDGER.values()})]
    assert sum(not claim.unjudged and not claim.proof for claim in LEDGER.values()) == 11  # "Eleven have a form .."
    assert sum(bool(claim.proof) for claim in LEDGER.values()) == 2  # "two more are judged by a proof of their own"


@pytest.mark.long
@pytest.mark.parametrize("key", ["2.1", "Pensia 2020, subset sum", "2.2", "A.2", "A.3"])
def test_the_readme_has_the_constants_of_the_verdicts(key):
    claim = LEDGER[key]
    kind = f"({claim.title})"
    (line,) = (row for row in README.splitlines() if row.startswith(f"| {claim.paper}") and kind in row)
    found = claim.judged(0.4, 0.3).standing
    constant = found.constant_half if "where min(delta, eps)" in line else found.constant
    assert f"C = {constant:.0f}" in line
