"""The report's pictures: each figure as SVG for a page, with the texts of its points, its words and its commands."""

import html
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from markupsafe import Markup

from figures.record import Figure, relative
from figures.report.results import sample
from figures.style import KINDS, RENDERED, collected, output
from slt_verify import HOME

LOCAL = re.compile(r"""(\bid="|\bid='|xlink:href="#|url\(#)""")  # what makes or uses a name inside one SVG


@dataclass(frozen=True)
class Picture:
    """A figure for the page.

    words: what to see; reads: which rows it reads; sample: how many, of which seeds. searched: whether of searched
    tickets. svg: its drawing; width: in points; points: how many have a text; files: (path, digest) of its data.
    """

    name: str
    title: str
    words: list[Markup]
    reads: Markup
    sample: str
    searched: bool
    svg: Markup
    width: float
    points: int
    commands: list[str]
    minutes: str
    files: list[tuple[str, str]]


def drawn(figure: Figure, paths: Sequence[Path] = ()) -> str:
    """Return a figure as SVG, with the texts of its points: of its committed results, or of a user's own files."""
    with collected() as kept, output(KINDS, own=bool(paths)):
        figure.render(figure.load(*paths), RENDERED)
    return kept[figure.name]


def picture(figure: Figure, svg: str, paths: Sequence[Path] = ()) -> Picture:
    """Return what the page says of a figure, drawn as ``svg`` from the committed results or from ``paths``."""
    name, own = figure.name, bool(paths)
    title, *words = figure.words().split("\n\n")
    words, reads = _parted(words)
    width = re.search(r'<svg [^>]*width="([\d.]+)pt"', svg)
    assert width is not None
    return Picture(
        name=name,
        title=title.rstrip("."),
        words=[] if own else [Markup(_code(text)) for text in words],  # they speak of the committed results
        reads=Markup(_code(reads)),
        sample=sample(figure, paths or figure.results),
        searched=all(Path(HOME, "torch_backend") in path.parents for path in figure.results),
        svg=Markup(_inline(svg, name, title)),
        width=float(width[1]),
        points=svg.count('class="tip"'),
        commands=[shlex.join(command) for command in figure.commands],
        minutes=f"{figure.minutes:g}",
        files=[(str(path) if own else relative(path), digest_of(path)) for path in paths or figure.results],
    )


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return sha256(path.read_bytes()).hexdigest()


def pictures(shown: Iterable[tuple[Figure, Sequence[Path]]], *, own: bool = False) -> list[Picture]:
    """Draw every one of the figures, each from its files. own: whether they are a user's."""
    return [picture(figure, drawn(figure, paths if own else ()), paths if own else ()) for figure, paths in shown]


def _parted(paragraphs: list[str]) -> tuple[list[str], str]:
    """Return the paragraphs without the sentence on what is read, which comes last, and that sentence."""
    *first, last = paragraphs
    words, found, reads = re.split(r"(?:^|\s)(Reads\s)", last, maxsplit=1) if "Reads" in last else (last, "", "")
    return [*first, *([words] if words else [])], found + reads


def _inline(svg: str, name: str, title: str) -> str:
    """Return an SVG file as an element of a page: named, its inner names kept apart from those of other figures."""
    body = LOCAL.sub(rf"\g<1>{name}-", svg[svg.index("<svg ") :])
    return body.replace("<svg ", f'<svg role="group" aria-label="{html.escape(title)}" ', 1)


def _code(text: str) -> str:
    """Return a docstring's paragraph as HTML: ``words`` and roles become code."""
    return re.sub(
        r":\w+:`~?([^`]+)`|``(.+?)``", lambda found: f"<code>{found[1] or found[2]}</code>", html.escape(text)
    )
