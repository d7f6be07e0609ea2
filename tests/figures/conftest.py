"""Every figure is drawn once, when the first test looks at it; pages are opened in one Chromium."""

import json
from collections.abc import Mapping
from contextlib import contextmanager

import pytest

from figures import style
from figures.all import FIGURES
from figures.report.pictures import drawn


class Looked(Mapping):
    """Figures of the committed results by name: as SVG with tips, and the lines and points that have a name."""

    def __init__(self):
        self._figures = {figure.name: figure for figure in FIGURES}
        self._found = {}

    def __getitem__(self, name):
        if name not in self._found:
            self._found[name] = _looked_at(self._figures[name])
        return self._found[name]

    def __iter__(self):
        return iter(self._figures)

    def __len__(self):
        return len(self._figures)


class Drawings(Looked):
    """The same figures as SVG alone."""

    def __init__(self, looked_at):
        super().__init__()
        self._looked_at = looked_at

    def __getitem__(self, name):
        return self._looked_at[name][0]


def _looked_at(figure):
    lines, image = [], style._image

    def look(drawn_figure, kind):
        lines.extend((line.get_label(), line.get_color()) for ax in drawn_figure.axes for line in ax.get_lines())
        return image(drawn_figure, kind)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "_image", look)
        svg = drawn(figure)
    return svg, [(label, colour) for label, colour in lines if not label.startswith("_")]


@pytest.fixture(scope="session")
def looked_at():
    """Every figure by name: its SVG, and the lines and points that have a name."""
    return Looked()


@pytest.fixture(scope="session")
def drawings(looked_at):
    """Every figure by name: its SVG."""
    return Drawings(looked_at)


@pytest.fixture(scope="session")
def opened_at():
    """:func:`_opened_at`."""
    return _opened_at


@contextmanager
def _opened_at(browser, width, height):
    """Open ``browser.page`` at this size; in the end it must have asked for nothing, and raised no error."""
    shape = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", shape)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": width < 500})
    browser.get(browser.page)
    yield browser
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
    # what the browser's own start page still asks for is not of this page
    ours = {request["request"]["url"] for request in asked if request["documentURL"] == browser.page}
    assert {url for url in ours if not url.startswith("data:")} == {browser.page}
    assert browser.get_log("browser") == []
