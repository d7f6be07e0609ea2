"""Every figure is drawn once, for all tests that look at it."""

import pytest

from figures import style
from figures.all import FIGURES
from figures.report.pictures import drawn


@pytest.fixture(scope="session")
def looked_at():
    """Every figure of the committed results by name: as SVG with tips, and the lines and points that have a name."""
    found, lines, image = {}, [], style._image

    def look(figure, kind):
        lines.extend((line.get_label(), line.get_color()) for ax in figure.axes for line in ax.get_lines())
        return image(figure, kind)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "_image", look)
        for figure in FIGURES:
            lines.clear()
            svg = drawn(figure)
            found[figure.name] = svg, [(label, colour) for label, colour in lines if not label.startswith("_")]
    return found


@pytest.fixture(scope="session")
def drawings(looked_at):
    """Every figure of the committed results as SVG with tips, by name."""
    return {name: svg for name, (svg, _) in looked_at.items()}
