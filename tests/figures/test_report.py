"""The report says what the results say, needs nothing from elsewhere, and works by mouse, finger and keyboard."""

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest

from figures.all import FIGURES as ALL
from figures.report import claims, main
from figures.report.cards import address, bracket
from figures.report.formula import asked
from figures.report.page import page
from figures.report.pictures import drawn, picture
from figures.report.results import published
from figures.report.trials import trials
from simulations.lemmas.verdicts import CONSISTENT, CONTRADICTED
from theory.claims import LEDGER
from torch_backend.experiments import EXPERIMENTS, tried

FIGURES = [figure for figure, _ in published().pictures]
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
    parts = [name for name in sections if name not in NAMES]
    assert [name for name in parts if name != "explorer"] == ["claims", "numbers", "trials", "settings"]
    assert sections[0] == "requirement"
    assert sorted(name for name in sections[1:] if name in NAMES) == sorted({*NAMES} - {"requirement"})
    assert {figure.name for figure in ALL} - {*NAMES} == {"load"}
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
    cells = [re.findall("<td>(.*?)</td>", row, re.DOTALL) for row in rows]
    plain = [[unescape(re.sub("<[^>]*>", "", cell)).strip() for cell in row] for row in cells]
    assert [row[0].split(",")[0] for row in plain] == [key.split(",")[0] for key in LEDGER]
    for row, written, claim in zip(plain, cells, LEDGER.values(), strict=True):
        assert row[1].startswith(claim.words)
        assert ("<math>" in written[2]) == (claim.form is not None)
        assert row[3] == claim.source
        assert (row[4] == "not judged") == bool(claim.unjudged)
        assert row[5] == (claim.unjudged or row[5])
        assert (f'href="{address(claim.link)}"' in unescape(written[0])) == claim.link.startswith(
            ("arXiv:", "doi:", "http")
        )
    assert {row[4] for row in plain} == {"proven", "refuted", "corrected", "open", "not judged"}


def test_each_card_says_the_verdict_the_bracket_of_the_constant_and_the_source(text):
    head = text[text.index('<div class="cards">') : text.index('<section id="requirement"')]
    cards = head.split('<article class="card">')[1:]
    main = claims.load()
    lemmas = claims.judged(main["rows"], [])
    assert len(cards) == len(lemmas) + 1
    for card, lemma in zip(cards, lemmas, strict=False):
        claim, stands = lemma["claim"], lemma["found"].standing
        assert f">{lemma['verdict']}</strong>" in card
        assert str(asked(claim)) in card
        assert address(claim.link) in unescape(card)
        own = [row for row in main["rows"] if (row["claim"], row["reading"]) == (claim.key, claim.reading)]
        low = max(row["constant_refuted_to"] for row in own)
        # with a constant below the bracket the form asks, at one of the points, for no more than is too few
        assert any(
            claim.standing.sample_size(0.99 * low, row["eps"], row["delta"], lemma["rates"]) < row["necessary"]
            for row in own
        )
        assert f"{low:.3g}".rstrip("0").rstrip(".") in bracket(claim, stands, main["rows"]) in unescape(card)
    assert ">refuted</strong>" in cards[-1]
    assert bracket(claim, None, main["rows"]) == "No constant is known"


@pytest.mark.parametrize("folder", [None, "empty"])
def test_claims_on_searched_tickets_are_those_that_have_rows(folder, tmp_path):
    found = trials(None if folder is None else tmp_path)
    known = {key: tried(experiment) for key, experiment in EXPERIMENTS.items()}
    assert bool(found) == (folder is None)
    for key, claim, _, verdict, counts, sentence in found:
        assert (claim, verdict, sentence) == (EXPERIMENTS[key].claim, known[key].verdict, known[key].sentence)
        assert counts.startswith(f"{known[key].counts()[0]} upheld")


def test_names_inside_the_page_are_used_once_and_exist(text):
    elements = Elements(text).found
    names = [attrs["id"] for _, attrs in elements if "id" in attrs]
    assert len(names) == len(set(names))
    used = set(re.findall(r"url\(#([^)]+)\)", text))
    used |= {v[1:] for _, attrs in elements for k, v in attrs.items() if k in ("href", "xlink:href") and v[0] == "#"}
    assert used <= set(names)
    assert len(used) > 100


def test_nothing_is_loaded_from_elsewhere(text):
    loads = [
        (tag, v) for tag, attrs in Elements(text).found for k, v in attrs.items() if k in ("src", "href", "xlink:href")
    ]
    outside = {(tag, v) for tag, v in loads if not v.startswith(("#", "data:"))}
    assert {tag for tag, _ in outside} == {"a"}  # which a reader may follow; nothing is loaded
    assert all(v.startswith(("https://", "http://papers.nips.cc/")) for _, v in outside)
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
    monkeypatch.setattr("figures.report.results.FIGURES", FIGURES[:1])
    assert main(["--out", str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'page.html'}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert '<section id="requirement"' in (tmp_path / "page.html").read_text()


def test_words_of_results_cannot_become_elements(drawings):
    svg = drawings["hole"].replace('aria-label="best', 'aria-label="&lt;script&gt;best', 1)
    assert "<script>best" not in page([picture(HOLE, svg)])


@pytest.fixture(scope="module")
def browser(chromium, text, tmp_path_factory):
    """Chromium that opens the report."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(text)
    chromium.page = file.as_uri()
    return chromium


@pytest.fixture(params=SIZES)
def opened(request, browser, opened_at):
    """The report, opened anew at each of the sizes; afterwards it must have asked for nothing, and raised no error."""
    with opened_at(browser, *SIZES[request.param]):
        yield browser


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
