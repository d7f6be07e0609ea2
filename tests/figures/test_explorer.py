"""The explorer shows proven numbers between the points of its grid, too, and the page computes what Python does."""

import json
import os
from itertools import product
from math import exp, log
from pathlib import Path

import numpy as np
import pytest

from figures.report import explorer
from figures.report.page import page
from simulations.experiments import explorer as experiment
from slt import requirement
from slt.core.forms import check
from slt.core.rates import Rates
from theory.freezing import counts, layer_rates, positioned

ROWS = explorer.rows()
GRID = explorer.table(ROWS)
CHECKS = [row for row in ROWS if row["kind"] == "check"]
LAW = ("prune", "lock", "eps", "delta")
SIZES = {"phone": (390, 844), "tablet": (800, 1000), "desk": (1280, 900)}
AXE = os.environ.get("SLT_AXE")  # the path of axe.min.js, of the npm package axe-core


def numbers():
    """Every point of the grid with its necessary and sufficient number."""
    for row in ROWS:
        if row["kind"] == "grid":
            for delta, least, enough in zip(row["delta"], row["necessary"], row["sufficient"], strict=True):
                yield (row["prune"], row["lock"], row["eps"], delta), least, enough


def random_points(many, seed):
    rng = np.random.default_rng(seed)
    most = (GRID.steps - 1) / GRID.steps
    for _ in range(many):
        p, q = sorted(rng.random(2))
        eps, delta = (exp(rng.uniform(log(falling[-1]), log(falling[0]))) for falling in (GRID.eps, GRID.delta))
        yield most * float(p), most * float(q - p), float(eps), float(delta)


def test_the_committed_rows_are_those_of_the_plan():
    planned = [key for key, *_ in experiment.work(len(CHECKS), 0)]
    assert [{name: row[name] for name in key} for key, row in zip(planned, ROWS, strict=True)] == planned
    for key, row in zip(planned, ROWS, strict=True):
        own = {name: value for name, value in row.items() if name not in {*key, "seed", "confidence"}}
        check(own, experiment.form(row["kind"]), "a row")


def test_a_number_is_the_best_of_all_points_that_are_easier_or_harder_in_every_way():
    known = list(numbers())
    for point in random_points(200, 1):
        found = explorer.look(GRID, *point)
        p, q, eps, delta = point
        easier = [n for (a, b, e, d), n, _ in known if a <= p and b <= q and e >= eps and d >= delta]
        harder = [n for (a, b, e, d), _, n in known if a >= p and b >= q and e <= eps and d <= delta]
        assert found.necessary == max(easier)
        assert found.sufficient == min(harder, default=None)


def test_the_corners_that_are_named_are_on_either_side_of_the_point():
    for point in random_points(200, 2):
        found = explorer.look(GRID, *point)
        assert found.easier[:2] <= point[:2]
        assert all(a <= b for a, b in zip(found.easier[:2], point[:2], strict=True))
        assert all(a >= b for a, b in zip(found.easier[2:], point[2:], strict=True))
        if found.harder is not None:
            assert all(a >= b for a, b in zip(found.harder[:2], point[:2], strict=True))
            assert all(a <= b for a, b in zip(found.harder[2:], point[2:], strict=True))


def test_the_proven_numbers_are_on_the_safe_side_of_those_of_the_command():
    assert len(CHECKS) >= 50
    for row in CHECKS:
        found = explorer.look(GRID, *(row[name] for name in LAW))
        assert found.necessary <= row["sufficient"]
        assert found.necessary <= row["necessary"]
        assert found.sufficient is None or found.sufficient >= row["sufficient"]
        assert abs(found.estimated / row["estimated"] - 1) <= explorer.errors(GRID, ROWS).largest


def test_a_point_of_the_grid_shows_what_the_command_says():
    for law in ((0.4, 0.2, 0.01, 0.05), (0.0, 0.0, 0.1, 0.2), (0.2, 0.6, 0.001, 0.01)):
        found = explorer.look(GRID, *law)
        need = requirement(law[2], law[3], prune=law[0], lock=law[1])
        assert (found.necessary, found.sufficient) == (need.necessary, need.sufficient)
        assert found.estimated == need.estimated
        assert found.easier == found.harder == law


@pytest.mark.parametrize("index", [0, pytest.param(31, marks=pytest.mark.long)])
def test_a_committed_check_comes_out_again(index):
    row = CHECKS[index]
    assert experiment.check(index, row["seed"]) == {name: row[name] for name in experiment.form("check")}


def test_the_errors_on_the_page_are_those_of_the_rows():
    found = explorer.errors(GRID, ROWS)
    off = [abs(explorer.look(GRID, *(row[name] for name in LAW)).estimated / row["estimated"] - 1) for row in CHECKS]
    assert found.points == len(CHECKS)
    assert found.largest == max(off)
    assert sum(x <= found.usual for x in off) >= 0.95 * len(off)
    worse = explorer.errors(GRID, [row | {"estimated": 2 * row["estimated"]} for row in ROWS if row["kind"] == "check"])
    assert worse.largest > 0.4 > found.usual


def test_the_estimate_is_a_weighted_mean_of_points_around_and_exact_at_them():
    for p, q, eps, delta in random_points(200, 3):
        for some in (explorer.weights(GRID.guess_eps, eps), explorer.weights(GRID.guess_delta, delta)):
            assert sum(weight for _, weight in some) == pytest.approx(1)
            assert all(-1e-9 <= weight <= 1 + 1e-9 for _, weight in some)
        around = explorer.corners(GRID.steps, p, q)
        assert sum(weight for _, weight in around) == pytest.approx(1)
        assert sum(i * weight for (i, _), weight in around) == pytest.approx(GRID.steps * p)
        assert sum(j * weight for (_, j), weight in around) == pytest.approx(GRID.steps * q)
    place = {cell: index for index, cell in enumerate(GRID.cells())}
    for (i, j), (e, eps), (d, delta) in product(place, enumerate(GRID.guess_eps), enumerate(GRID.guess_delta)):
        found = explorer.look(GRID, i / GRID.steps, j / GRID.steps, eps, delta)
        assert found.estimated == GRID.estimated[place[i, j]][e][d]
        assert found.share == pytest.approx(GRID.share[place[i, j]][e][d])


@pytest.mark.parametrize(
    "point", [(0.5, 0.45, 0.01, 0.05), (-0.1, 0, 0.01, 0.05), (0, 0, 0.5, 0.05), (0, 0, 0.01, 0.9)]
)
def test_a_point_outside_the_grid_is_refused(point):
    with pytest.raises(ValueError, match="must"):
        explorer.look(GRID, *point)


@pytest.fixture(scope="module")
def alone(chromium, tmp_path_factory):
    """Chromium that opens a report without figures."""
    file = tmp_path_factory.mktemp("explorer") / "report.html"
    file.write_text(page([]))
    chromium.page = file.as_uri()
    return chromium


@pytest.fixture(params=SIZES)
def opened(request, alone, opened_at):
    """The page at each size; afterwards it must have asked for nothing, and raised no error."""
    with opened_at(alone, *SIZES[request.param]):
        yield alone


@pytest.fixture
def desk(alone, opened_at):
    """The page at one size."""
    with opened_at(alone, *SIZES["desk"]):
        yield alone


def test_the_page_computes_what_python_does_at_random_points(desk):
    points = list(random_points(1000, 4))
    found = desk.execute_script("return arguments[0].map((point) => explored.look(...point))", points)
    for point, each in zip(points, found, strict=True):
        twin = explorer.look(GRID, *point)
        assert (each["necessary"], each["sufficient"]) == (twin.necessary, twin.sufficient)
        assert abs(each["estimated"] - twin.estimated) <= 1  # their logarithms may differ in the last digit
        assert each["share"] == pytest.approx(twin.share)
        assert tuple(each["easier"]) == twin.easier
        assert (None if each["harder"] is None else tuple(each["harder"])) == twin.harder
    assert desk.execute_script("return explored.look(0.6, 0.39, 0.01, 0.05)") is None


@pytest.mark.parametrize("rule", ["epl", "erk"])
def test_the_page_shares_the_rates_over_layers_as_the_commands_do(desk, rule):
    rng = np.random.default_rng(5)
    for _ in range(50):
        sizes = [int(size) for size in rng.integers(1, 800, rng.integers(2, 6))]
        F, k = (round(float(x), 3) for x in rng.random(2) * 0.98 + 0.01)
        found = desk.execute_script("return explored.network(...arguments)", "-".join(map(str, sizes)), F, k, rule)
        rates = positioned(F, k)
        shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
        assert (found["p"], found["q"]) == pytest.approx((rates.prune, rates.lock))
        for layer, (a, b), each in zip(
            found["layers"], shapes, layer_rates(rule, shapes, rates.prune, rates.lock), strict=True
        ):
            assert (layer["p"], layer["q"]) == pytest.approx((each.prune, each.lock), abs=1e-9)
            near = [sum(counts(a * b, Rates(each.prune, each.lock)))]
            assert a * b - layer["bits"] == near[0]


@pytest.mark.parametrize("bad", ["784", "784-x-10", "784-0-10", "1.5-3"])
def test_layer_sizes_that_are_none_are_told(desk, bad):
    field = desk.find_element("id", "x-sizes")
    field.clear()
    field.send_keys(bad)
    assert "such as 784-500-10" in desk.find_element("id", "x-network-note").text
    assert not desk.find_element("id", "x-layers").is_displayed()


def shown(browser):
    return [browser.find_element("id", f"x-{name}").text for name in ("necessary", "estimated", "sufficient")]


def test_the_explorer_is_used_by_keyboard_alone_at_every_size(opened):
    from selenium.webdriver import ActionChains, Keys

    def press(*keys):
        ActionChains(opened).send_keys(*keys).perform()

    press(Keys.TAB)
    assert opened.switch_to.active_element.text == "Skip to the content"
    press(Keys.ENTER)
    before = shown(opened)
    for _ in range(60):
        press(Keys.TAB)
        if opened.switch_to.active_element.get_attribute("id") == "x-p-slider":
            break
    press(Keys.ARROW_LEFT)
    assert opened.find_element("id", "x-p").get_attribute("value") == "0.2"
    after = shown(opened)
    assert all(int(a.replace(",", "")) < int(b.replace(",", "")) for a, b in zip(after, before, strict=True))
    twin = explorer.look(GRID, 0.2, 0.2, 0.01, 0.05)
    assert after == [f"{n:,}" for n in (twin.necessary, twin.estimated, twin.sufficient)]
    assert "own" in opened.find_element("id", "x-where").text
    press(Keys.TAB, Keys.BACKSPACE, "9", Keys.TAB)  # p = 0.9 beside q = 0.2 leaves too little free
    assert "must lie between 0 and" in opened.find_element("id", "x-note").text
    assert opened.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")


def test_a_cell_of_the_map_sets_the_rates_and_the_map_follows_eps(desk):
    from selenium.webdriver import Keys

    texts = "return [...document.querySelectorAll('#x-map td')].map((cell) => cell.textContent).filter(Boolean)"
    before = desk.execute_script(texts)
    assert len(before) == len(GRID.cells())
    desk.find_element("css selector", "#x-map td[title^='p = 0, q = 0:']").click()
    values = [desk.find_element("id", f"x-{name}").get_attribute("value") for name in ("p", "q")]
    assert values == ["0", "0"]
    assert len(desk.find_elements("css selector", "#x-map td[aria-current]")) == 1
    desk.find_element("id", "x-eps").send_keys(Keys.CONTROL, "a", Keys.NULL, "0.0001", Keys.TAB)
    after = desk.execute_script(texts)
    assert all(int(b.rstrip("k")) >= int(a.rstrip("k")) for a, b in zip(before, after, strict=True) if "k" not in a + b)
    assert after != before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, scheme):
    if AXE is None:
        pytest.skip("SLT_AXE names no axe.min.js (npm install axe-core)")
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    opened.execute_cdp_cmd("Runtime.evaluate", {"expression": Path(AXE).read_text()})  # past the page's own rules
    found = opened.execute_async_script("const done = arguments[0]; axe.run().then((found) => done(found.violations))")
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    bad = [each for each in found if each["impact"] in ("serious", "critical")]
    assert json.dumps([(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in bad]) == "[]"
