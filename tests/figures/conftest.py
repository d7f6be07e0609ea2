"""Every figure is drawn once, for all tests that look at it."""

import pytest

from figures.__main__ import NAMES
from figures.report.pictures import drawn


@pytest.fixture(scope="session")
def drawings():
    """Every figure of the committed results as SVG with tips, by name."""
    return {name: drawn(name) for name in NAMES}
