"""The site of docs/: it is built without a warning, shows every formula, and needs no network."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
NEEDED = ("mkdocs", "material", "mkdocstrings", "latex2mathml")


def hook(name):
    found = importlib.util.spec_from_file_location(name, ROOT / "docs" / "hooks" / f"{name}.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


formulas = hook("formulas")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    for name in NEEDED:
        pytest.importorskip(name, reason='the site is built with pip install -e ".[docs]"')
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Elements(HTMLParser):
    """Counts the elements of a page's text, and keeps what they ask for."""

    def __init__(self, text):
        super().__init__()
        self.counts, self.asked = Counter(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.counts[tag] += 1
        asks = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src"}.get(tag)
        if asks and given.get(asks):
            self.asked.append(given[asks])


def article(page):
    return re.search(r"<article.*?</article>", page.read_text(), re.DOTALL)[0]


def test_no_page_asks_for_anything_from_a_network(built):
    pages = [*built.glob("**/*.html"), *built.glob("**/*.css")]
    assert len(pages) > len(PAGES)
    for page in built.glob("**/*.html"):
        assert [asked for asked in Elements(page.read_text()).asked if re.match(r"(\w+:)?//", asked)] == [], page
    for style in built.glob("**/*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//|@import", style.read_text()), style


def test_every_formula_is_shown(built):
    shown = 0
    for page in PAGES:
        text, found = formulas.taken_out(page.read_text())
        html = (built / f"{page.stem}.html").read_text()
        assert "formula0x" not in html
        blocks = sum(block for _, block in found)
        assert html.count('display="block"') == blocks, page.name
        assert html.count('display="inline"') >= len(found) - blocks, page.name
        assert "$" not in formulas.without_code(text), page.name
        shown += len(found)
    assert shown > 2000


@pytest.mark.parametrize(
    "page", [page for page in PAGES if not page.name.startswith("reference_")], ids=lambda page: page.name
)
def test_a_page_has_the_same_parts_as_on_github(built, page):
    """Lists, tables, blocks of code and headings: GitHub reads Markdown by other rules than the site."""
    markdown = pytest.importorskip("markdown_it")
    text = formulas.taken_out(page.read_text())[0]
    there = Elements(markdown.MarkdownIt("commonmark").enable("table").render(text)).counts
    here = Elements(article(built / f"{page.stem}.html")).counts
    for tag in ("li", "ul", "ol", "table", "tr", "pre", "h2", "h3", "strong", "em", "img"):
        assert here[tag] == there[tag], tag


@pytest.mark.parametrize("formula", [r"\nosuchletter x", r"\frac{1}{", r"x^"])
def test_a_formula_that_is_not_understood_is_named(formula):
    pytest.importorskip("latex2mathml")
    with pytest.raises(ValueError, match="formula not understood"):
        formulas.mathml(formula, False)


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        ("1-p", "1−p"),
        ("[-1,1]", "[−1,1]"),
        (r"\log(1/\varepsilon)", "log(1/ε)"),
        (r"\frac12x", "12x"),
        (r"\bigl\{x\bigr\}", "{x}"),
        ("176{,}000", "176,000"),
        (r"x<1\tag{C1}", "x<1(C1)"),
        (r"\mathrm{relu}(x)", "relu(x)"),
        (r"\max\begin{cases}a\\[2pt]b\end{cases}", "max{ab"),
    ],
)
def test_signs_of_a_formula(formula, shown):
    pytest.importorskip("latex2mathml")
    assert formulas.in_words("formula0x", [(formula, False)]) == shown


def test_a_sign_at_the_start_is_no_difference():
    pytest.importorskip("latex2mathml")
    (start,), (within,) = formulas.mathml("[-1,1]", False), formulas.mathml("1-p", False)
    assert '<mo form="prefix">' in start
    assert "prefix" not in within


def test_lines_of_a_long_formula_end_at_relations_and_never_within_brackets():
    pytest.importorskip("latex2mathml")
    parts = formulas.mathml("f(x,y)=|a+b|+c(x-y)+d", False)
    assert [re.sub("<[^>]*>", "", part) for part in parts] == ["f(x,y)=", "|a+b|+", "c(x−y)+", "d"]


@pytest.fixture
def browser(chromium):
    """Chromium, whose logs hold nothing of what other tests did."""
    for log in ("performance", "browser"):
        chromium.get_log(log)
    return chromium


@pytest.mark.long
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_fit_the_screen_and_raise_no_error(built, browser, width):
    shape = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", shape)
    for page in sorted(built.glob("[!4]*.html")):  # 404.html is for servers
        browser.get(page.as_uri())
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width, page.name
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"}
    away = {url for url in asked if not url.startswith((built.as_uri(), "data:", "about:", "chrome:"))}
    assert away == set()
    assert browser.get_log("browser") == []


@pytest.mark.long
def test_search_finds_pages_that_are_opened_from_the_disk(built, browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.wait import WebDriverWait

    browser.get((built / "index.html").as_uri())
    browser.execute_script("document.querySelector('[name=query]').focus()")
    browser.switch_to.active_element.send_keys("necessary")
    results = WebDriverWait(browser, 60).until(lambda page: page.find_elements(By.CLASS_NAME, "md-search-result__item"))
    assert len(results) > 1
