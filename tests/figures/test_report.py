"""The report says what the results say, needs nothing from elsewhere, and works by mouse, finger and keyboard."""

import json
import re
import shutil
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest

from figures.all import FIGURES
from figures.report import claims, main
from figures.report.page import page
from figures.report.pictures import drawn, picture
from simulations.lemmas.verdicts import CONSISTENT, CONTRADICTED
from theory.claims import LEDGER

NAMES = [figure.name for figure in FIGURES]
REQUIREMENT, HOLE = (next(figure for figure in FIGURES if figure.name == name) for name in ("requirement", "hole"))
SIZES = {"phone": (390, 844), "desk": (1280, 900)}


@pytest.fixture(scope="module")
def text(drawings):
    return page([picture(figure, drawings[figure.name]) for figure in FIGURES])


class Elements(HTMLParser):
    """Every element's name and attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@pytest.mark.long
def test_the_report_has_every_figure_with_its_words_and_commands(text):
    sections = [attrs["id"] for tag, attrs in Elements(text).found if tag == "section"]
    assert sections == ["claims", *NAMES, "settings"]
    for name in NAMES:
        part = text[text.index(f'<section id="{name}"') :]
        part = part[: part.index("</section>")]
        assert "What to see" in part
        assert part.count('class="tip"') > 5
        assert f"slt figures {name}</pre>" in part
    assert "python -m simulations" not in text
    assert "python -m figures" not in text
    assert "python -m torch_backend" not in text


def test_the_report_has_the_whole_ledger(text):
    part = text[text.index('<table class="ledger">') :]
    rows = re.findall(r"<tr>(.*?)</tr>", part[: part.index("</table>")], re.DOTALL)[1:]
    cells = [[unescape(cell) for cell in re.findall("<td>(.*?)</td>", row, re.DOTALL)] for row in rows]
    assert [row[0].split(",")[0] for row in cells] == [key.split(",")[0] for key in LEDGER]
    for row, claim in zip(cells, LEDGER.values(), strict=True):
        assert row[1].startswith(claim.words)
        assert row[3] == claim.source
        assert (row[4] == "not judged") == bool(claim.unjudged)
        assert row[5] == (claim.unjudged or row[5])
    assert {row[4] for row in cells} == {"proven", "refuted", "corrected", "open", "not judged"}


def test_names_inside_the_page_are_used_once_and_exist(text):
    elements = Elements(text).found
    names = [attrs["id"] for _, attrs in elements if "id" in attrs]
    assert len(names) == len(set(names))
    used = set(re.findall(r"url\(#([^)]+)\)", text))
    used |= {v[1:] for _, attrs in elements for k, v in attrs.items() if k in ("href", "xlink:href") and v[0] == "#"}
    assert used <= set(names)
    assert len(used) > 100


def test_nothing_is_loaded_from_elsewhere(text):
    loads = [v for _, attrs in Elements(text).found for k, v in attrs.items() if k in ("src", "href", "xlink:href")]
    assert {v for v in loads if not v.startswith(("#", "data:"))} == set()
    assert "default-src 'none'" in text
    assert "@import" not in text


@pytest.mark.long
def test_the_same_results_make_the_same_bytes(drawings):
    again = drawn(REQUIREMENT)
    assert again == drawings["requirement"]
    assert page([picture(REQUIREMENT, again)]) == page([picture(REQUIREMENT, again)])


def test_the_claims_say_what_the_rows_say():
    rows, grid = claims.load()["rows"], claims.rows_of("constants.jsonl")
    judged = {lemma["claim"].key: lemma for lemma in claims.judged(rows, grid)}
    assert [lemma["verdict"] for lemma in judged.values()] == ["proven", "corrected", "proven", "proven"]
    assert {lemma["rows"] for lemma in judged.values()} == {CONSISTENT}
    assert "C = " in judged["A.3"]["why"]
    assert sum(count for lemma in judged.values() for count in lemma["grid"].values()) == len(grid) == 1092
    own = [row["constant"]["value"] for row in rows if row["claim"] == "A.3" and row["reading"] == "uniform"]
    assert judged["A.3"]["constants"]["uniform"] == f"{min(own):.3g} to {max(own):.3g}"
    assert all(len(line) == len(claims.COLUMNS) for lemma in judged.values() for line in lemma["table"])
    worse = [row | {"verdict": CONTRADICTED} if row["claim"] == "A.2" and row["eps"] == 0.01 else row for row in rows]
    assert [lemma["claim"].key for lemma in claims.judged(worse, grid) if lemma["rows"] == CONTRADICTED] == ["A.2"]


def test_theorems_are_judged_by_the_construction_and_the_floors():
    sweep, hole = claims.rows_of("sweep.jsonl"), claims.rows_of("hole.jsonl")
    pruned, frozen, locked = claims.theorems(sweep, hole)
    assert [theorem["verdict"] for theorem in (pruned, frozen, locked)] == [CONSISTENT, CONSISTENT, "refuted"]
    assert f"{sum(row['lock'] == 0 for row in sweep)} settings" in pruned["numbers"]
    sources = sum(len(row["errors"]["searched"]) for row in hole if row["lock_first"])
    assert f"of {sources} sources, whatever the mask; masks below it: 0" in locked["numbers"]

    def failing(row):
        points = [
            point | {"rate": {"certified": point["rate"]["certified"] | {"upper": 0.5}}} for point in row["points"]
        ]
        return row | {"points": points}

    worse = [failing(row) if row["lock"] > 0 else row for row in sweep]
    assert [theorem["verdict"] for theorem in claims.theorems(worse, hole)] == [CONSISTENT, "refuted", "refuted"]
    undone = [row | {"broken": 1} for row in hole]
    assert claims.theorems(sweep, undone)[2]["verdict"] == "undecided"


@pytest.mark.long
def test_the_command_writes_the_file_that_it_names(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("figures.report.page.FIGURES", FIGURES[:1])
    assert main(["--out", str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'page.html'}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert '<section id="requirement"' in (tmp_path / "page.html").read_text()


def test_words_of_results_cannot_become_elements(drawings):
    svg = drawings["hole"].replace('aria-label="best', 'aria-label="&lt;script&gt;best', 1)
    assert "<script>best" not in page([picture(HOLE, svg)])


@pytest.fixture(scope="module")
def browser(text, tmp_path_factory):
    """Chromium with the report open, and no way to any host."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no chromium with chromedriver on this machine (Debian: apt-get install chromium chromium-driver)")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync"):
        options.add_argument(f"--{flag}")
    for flag in ("disable-background-networking", "disable-component-update", "host-resolver-rules=MAP * ~NOTFOUND"):
        options.add_argument(f"--{flag}")
    folder = tmp_path_factory.mktemp("report")
    options.add_argument(f"--user-data-dir={folder / 'profile'}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    (folder / "report.html").write_text(text)
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    chrome.page = (folder / "report.html").as_uri()
    yield chrome
    chrome.quit()


@pytest.fixture(params=SIZES)
def opened(request, browser):
    """The report, opened anew at each of two sizes; afterwards it must have asked for nothing, and raised no error."""
    width, height = SIZES[request.param]
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


def value_of(text):
    """What a point says of itself, without the command."""
    return re.split("; (?:slt|python) ", text)[0]


def told(browser):
    return browser.execute_script(
        "const tip = document.getElementById('tip'); return tip.hidden ? null : tip.innerText"
    )


def box(browser):
    return browser.execute_script("return document.getElementById('tip').getBoundingClientRect().toJSON()")


def active(browser):
    return browser.execute_script("return document.activeElement.getAttribute('aria-label')")


def test_the_page_never_scrolls_sideways_and_its_figures_fill_their_boxes(opened):
    opened.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    assert opened.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    widths = opened.execute_script(
        "return [...document.querySelectorAll('figure svg')].map((svg) => svg.getBoundingClientRect().width)"
    )
    assert len(widths) == len(NAMES)
    assert min(widths) > 300


def test_points_are_reached_by_keyboard_alone(opened):
    from selenium.webdriver import ActionChains, Keys

    points = opened.execute_script(
        "return [...document.querySelectorAll('#requirement .tip')].map((point) => point.getAttribute('aria-label'))"
    )

    def press(*keys):
        ActionChains(opened).send_keys(*keys).perform()

    for _ in range(200):
        press(Keys.TAB)
        if active(opened) == points[0]:
            break
    assert active(opened) == points[0]
    assert told(opened).split("\n")[0] == value_of(points[0])
    press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert active(opened) == points[2]
    press(Keys.ARROW_LEFT)
    assert active(opened) == points[1]
    press(Keys.END, Keys.ARROW_RIGHT)
    assert active(opened) == points[-1]
    assert value_of(points[-1]) in told(opened).split("\n")
    where = box(opened)
    assert where["left"] >= 0
    assert where["right"] <= opened.execute_script("return window.innerWidth")
    press(Keys.ESCAPE)
    assert told(opened) is None
    press(Keys.HOME)
    assert active(opened) == points[0]
    press(Keys.TAB)  # leaves the figure in one step
    assert active(opened) not in points
    assert told(opened) is None


def test_points_of_every_figure_tell_their_texts_to_a_pointer(opened):
    for name in NAMES:
        point = place(opened, name)
        assert told(opened) is None, name
        hover(opened, point["x"], point["y"])
        assert value_of(point["text"]) in told(opened).split("\n"), name
        assert box(opened)["height"] <= opened.execute_script("return window.innerHeight"), name
        hover(opened, 2, 2)
        assert told(opened) is None, name


def hover(browser, x, y):
    from selenium.webdriver import ActionChains

    chain = ActionChains(browser)
    chain.w3c_actions.pointer_action.move_to_location(round(x), round(y))
    chain.perform()


def place(browser, name):
    """Bring the first point of a figure into view; return where it is on the screen, and its text."""
    return browser.execute_script(
        """
        const point = document.querySelector(arguments[0]);
        point.scrollIntoView({ block: "center", inline: "center" });
        const at = point.getBoundingClientRect();
        return { x: at.x + at.width / 2, y: at.y + at.height / 2, text: point.getAttribute("aria-label") };
        """,
        f"#{name} .tip",
    )


def test_a_tap_tells_a_text_that_stays(opened):
    point = place(opened, "hole")
    where = [{"x": point["x"], "y": point["y"]}]
    opened.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": where})
    opened.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert value_of(point["text"]) in told(opened).split("\n")


def test_a_claim_that_was_not_measured_says_so(monkeypatch):
    toy = replace(claims.CLAIMS[0], key="toy")
    monkeypatch.setattr(claims, "CLAIMS", (*claims.CLAIMS, toy))
    judged = claims.judged(claims.load()["rows"], claims.rows_of("constants.jsonl"))[-1]
    assert (judged["rows"], judged["trials"], judged["table"]) == ("not measured", "-", [])
    assert "rows: not measured" in page([])
