"""The README's numbers are the numbers that its commands print."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_main_job_prints_the_table_of_the_readme():
    command = re.search(r"-m (subsetsum\.verify .*)$", README, re.MULTILINE)
    assert command
    done = subprocess.run(
        [sys.executable, "-m", *command[1].split()], cwd=ROOT, capture_output=True, text=True, check=True
    )
    blocks = re.findall(r"^```\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert done.stdout in blocks
    assert done.stderr == ""


def test_links_and_pictures_lead_to_files():
    targets = re.findall(r"\]\((?!https://)([^)#]+)\)", README)
    assert len(targets) >= 5
    for target in targets:
        assert (ROOT / target).exists(), target
