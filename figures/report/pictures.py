"""The report's pictures: each figure as SVG for a page, with the texts of its points, its words and its commands."""

import ast
import html
import importlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from markupsafe import Markup

from figures.fresh import ROOT, written
from figures.style import collected

LOCAL = re.compile(r"""(\bid="|\bid='|xlink:href="#|url\(#)""")  # what makes or uses a name inside one SVG


@dataclass(frozen=True)
class Picture:
    """A figure for the page. svg: its drawing; points: how many have a text; files: (path, digest) of its data."""

    name: str
    title: str
    words: list[Markup]
    svg: Markup
    width: float
    points: int
    commands: list[str]
    minutes: str
    files: list[tuple[str, str]]


def drawn(name: str) -> str:
    """Return figure ``name`` of its committed result as SVG, with its tips."""
    with collected() as kept:
        importlib.import_module(f"figures.{name}").main([])
    return kept[name]


def said(module: ModuleType) -> str:
    """Return a module's docstring, read from its file: under PYTHONOPTIMIZE=2 the module itself has none."""
    return ast.get_docstring(ast.parse(Path(str(module.__file__)).read_bytes())) or ""


def picture(name: str, svg: str) -> Picture:
    """Return what the page says of figure ``name``, drawn as ``svg``."""
    module = importlib.import_module(f"figures.{name}")
    title, *words = said(module).split("\n\n")
    width = re.search(r'<svg [^>]*width="([\d.]+)pt"', svg)
    assert width is not None
    return Picture(
        name=name,
        title=title.rstrip("."),
        words=[Markup(_code(text)) for text in words],
        svg=Markup(_inline(svg, name, title)),
        width=float(width[1]),
        points=svg.count('class="tip"'),
        commands=module.COMMAND.splitlines(),
        minutes=f"{module.MINUTES:g}",
        files=[(path.relative_to(ROOT).as_posix(), sha256(path.read_bytes()).hexdigest()) for path in written(module)],
    )


def pictures(names: Iterable[str]) -> list[Picture]:
    """Draw every figure named."""
    return [picture(name, drawn(name)) for name in names]


def _inline(svg: str, name: str, title: str) -> str:
    """Return an SVG file as an element of a page: named, its inner names kept apart from those of other figures."""
    body = LOCAL.sub(rf"\g<1>{name}-", svg[svg.index("<svg ") :])
    return body.replace("<svg ", f'<svg role="group" aria-label="{html.escape(title)}" ', 1)


def _code(text: str) -> str:
    """Return a docstring's paragraph as HTML: ``words`` and roles become code."""
    return re.sub(
        r":\w+:`~?([^`]+)`|``(.+?)``", lambda found: f"<code>{found[1] or found[2]}</code>", html.escape(text)
    )
