"""Docstrings as Markdown: their examples become blocks of code, roles become code, other signs stay as they are."""

import re
from typing import Any

try:
    from griffe import Extension
except ImportError:  # of the extra docs; tests of the text below do without
    Extension = object  # type: ignore[assignment,misc]

ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`~?([^`]+)`")
EXAMPLE = re.compile(r"^ *>>> .*(?:\n.*\S.*)*", re.MULTILINE)
CODE = re.compile(r"(```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)


def as_markdown(text: str) -> str:
    r"""Return a docstring as Markdown.

    >>> print(as_markdown("The 2**n sums of :func:`slt.search`, x[1] too."))
    The 2\*\*n sums of `slt.search`, x\[1\] too.
    """
    text = ROLE.sub(r"`\1`", text).replace("``", "`")
    text = EXAMPLE.sub(lambda example: f"```pycon\n{example[0]}\n```", text)
    parts = CODE.split(text)
    for number in range(0, len(parts), 2):  # between code
        parts[number] = re.sub(r"([*\[\]<_|])", r"\\\1", parts[number]).replace(r"\<", "&lt;")
    return "".join(parts)


class Docstrings(Extension):
    """Hands docstrings on as Markdown."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Change the docstring of whatever was read."""
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)
