"""The report's pictures: each figure as SVG for a page, with the texts of its points, its words and its commands."""

import html
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from markupsafe import Markup

from figures.record import Figure, relative
from figures.style import RENDERED, collected

LOCAL = re.compile(r"""(\bid="|\bid='|xlink:href="#|url\(#)""")  # what makes or uses a name inside one SVG


@dataclass(frozen=True)
class Picture:
    """A figure for the page.

    svg: its drawing; width: in points; points: how many have a text; files: (path, digest) of its data.
    """

    name: str
    title: str
    words: list[Markup]
    svg: Markup
    width: float
    points: int
    commands: list[str]
    minutes: str
    files: list[tuple[str, str]]


def drawn(figure: Figure) -> str:
    """Return a figure of its committed results as SVG, with the texts of its points."""
    with collected() as kept:
        figure.render(figure.load(), RENDERED)
    return kept[figure.name]


def picture(figure: Figure, svg: str) -> Picture:
    """Return what the page says of a figure, drawn as ``svg``."""
    name = figure.name
    title, *words = figure.words().split("\n\n")
    width = re.search(r'<svg [^>]*width="([\d.]+)pt"', svg)
    assert width is not None
    return Picture(
        name=name,
        title=title.rstrip("."),
        words=[Markup(_code(text)) for text in words],
        svg=Markup(_inline(svg, name, title)),
        width=float(width[1]),
        points=svg.count('class="tip"'),
        commands=[shlex.join(command) for command in figure.commands],
        minutes=f"{figure.minutes:g}",
        files=[(relative(path), sha256(path.read_bytes()).hexdigest()) for path in figure.results],
    )


def pictures(figures: Iterable[Figure]) -> list[Picture]:
    """Draw every one of the figures."""
    return [picture(figure, drawn(figure)) for figure in figures]


def _inline(svg: str, name: str, title: str) -> str:
    """Return an SVG file as an element of a page: named, its inner names kept apart from those of other figures."""
    body = LOCAL.sub(rf"\g<1>{name}-", svg[svg.index("<svg ") :])
    return body.replace("<svg ", f'<svg role="group" aria-label="{html.escape(title)}" ', 1)


def _code(text: str) -> str:
    """Return a docstring's paragraph as HTML: ``words`` and roles become code."""
    return re.sub(
        r":\w+:`~?([^`]+)`|``(.+?)``", lambda found: f"<code>{found[1] or found[2]}</code>", html.escape(text)
    )
