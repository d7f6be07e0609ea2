"""What the site does to the pages: links that lead out of docs/ find their files, and formulas become MathML."""

import logging
import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LINK = re.compile(r"(?<=\]\()(?!\w+:|#|/)([^)\s#]+)")

log = logging.getLogger("mkdocs.hooks.site")


def _hook(name: str) -> Any:
    """Return a module that lies beside this one; the folder is no package."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


formulas = _hook("formulas")


def place(path: str) -> str:
    """Return where the site has a file of the project; paths are written from the root.

    >>> place("docs/theory.md"), place("README.md"), place("examples/tutorial.ipynb")
    ('theory.md', 'index.md', 'examples/tutorial.ipynb')
    """
    return PAGES.get(path) or path.removeprefix("docs/")


def relinked(markdown: str, page: str) -> tuple[str, set[str]]:
    """Return a page with its links as the site needs them, and the files of the project that they lead to.

    page: the page's path from the root, such as "docs/theory.md".

    >>> relinked("[its picture](../figures/rendered/hole.png)", "docs/obstruction.md")
    ('[its picture](figures/rendered/hole.png)', {'figures/rendered/hole.png'})
    """
    blank = formulas.without_code(markdown)
    targets: set[str] = set()
    parts, end = [], 0
    for match in LINK.finditer(blank):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), match[1]))
        targets.add(target)
        link = posixpath.relpath(place(target), posixpath.dirname(place(page)) or ".")
        parts += [markdown[end : match.start()], link]
        end = match.end()
    return "".join([*parts, markdown[end:]]), targets


def on_files(files: Any, config: Any) -> Any:
    """Add the pages of the root, and the files that pages lead to."""
    from mkdocs.structure.files import File

    wanted = set()
    for name, path in PAGES.items():
        if name != "README.md":
            files.append(File.generated(config, path, abs_src_path=str(ROOT / name)))
            wanted |= relinked((ROOT / name).read_text(), name)[1]
    for path in sorted((ROOT / "docs").glob("*.md")):
        wanted |= relinked(path.read_text(), f"docs/{path.name}")[1]
    for name in sorted(wanted):
        if not name.endswith(".md") and (ROOT / name).is_file() and files.get_file_from_path(place(name)) is None:
            files.append(File.generated(config, place(name), abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Mend links, and take the formulas out."""
    names = {path: name for name, path in PAGES.items() if name != "README.md"}
    text, _ = relinked(markdown, names.get(page.file.src_uri, f"docs/{page.file.src_uri}"))
    text, page.formulas = formulas.taken_out(text)
    return text


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Put the formulas back."""
    try:
        for entry in page.toc:
            _signs(entry, page.formulas)
        return formulas.put_back(html, page.formulas)
    except ValueError as error:
        log.warning("%s: %s", page.file.src_uri, error)
        return html


def _signs(entry: Any, found: list[tuple[str, bool]]) -> None:
    """Write the formulas of an entry of the contents as signs."""
    entry.title = formulas.in_words(entry.title, found)
    for child in entry.children:
        _signs(child, found)


def on_post_build(config: Any) -> None:
    """Write the search index as a script, which a page that is opened from the disk can load."""
    folder = Path(config.site_dir, "search")
    (folder / "search_index.js").write_text(f"var __index = {(folder / 'search_index.json').read_text()}")
