"""The figures of the theory draw the numbers they say, where they say."""

from math import comb, log2
from statistics import mean

import numpy as np
import pytest

from figures import accuracy, covered, interval, laws, limits, regimes, success, widths
from figures.style import panels


@pytest.fixture
def ax():
    """One empty panel."""
    with panels() as (_, ax):
        yield ax


def drawn(ax):
    """Every line with a label: (label, x, y)."""
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in ax.get_lines()}


def test_limits_draws_the_share_that_is_left_free(ax):
    rows = [row for row in limits.load() if (row["way"], row["eps"]) == ("lock only", 0.01)]
    limits.draw(ax, rows)
    lines = drawn(ax)
    assert lines["impossible (proven)"] == ([row["n"] for row in rows], [1 - row["impossible"] for row in rows])
    # with 30 variables not even the dense source is proven
    assert lines["possible (proven)"] == ([row["n"] for row in rows[1:]], [1 - row["possible"] for row in rows[1:]])
    bars = ax.containers[0].lines[2][0].get_segments()
    for row, bar in zip(rows, bars, strict=True):
        ends = 1 - row["measured"]["upper"], 1 - row["measured"]["lower"]
        assert bar[:, 1] == pytest.approx(ends, abs=1e-12)
    low, high = ax.get_ylim()
    assert low > high  # most frozen at the top


def test_limits_draws_no_end_that_was_not_measured(ax):
    row = {**limits.load()[0], "measured": {"lower": None, "value": 0.4, "upper": 0.5}}
    limits.draw(ax, [row])
    (bar,) = ax.containers[0].lines[2][0].get_segments()
    assert bar[:, 1] == pytest.approx([0.5, 0.6])
    assert "0.4000 [?, 0.5000]" in limits.text(row)


def test_limits_headline_gives_what_was_measured_with_the_most_variables():
    rows = limits.load()
    wanted = "99.5 % (prune only), 94.7 % (prune and lock), 92.7 % (lock only)"
    assert limits.headline(rows).splitlines() == [
        "How far beyond 90 %? Measured with n = 4000, eps = 0.01, delta = 0.05:",
        wanted,
    ]
    unknown = {**rows[-1], "measured": {"lower": None, "value": None, "upper": None}}
    assert limits.headline([*rows[:-1], unknown]).endswith("94.7 % (prune and lock)")


def test_laws_change_one_thing_at_a_time():
    rows = laws.load()
    for key, others in (
        ("eps", {"delta": 0.05, "prune": 0.4, "lock": 0.3}),
        ("delta", {"eps": 0.01, "prune": 0.4, "lock": 0.3}),
        ("prune", {"eps": 0.01, "delta": 0.05, "lock": 0.0}),
        ("lock", {"eps": 0.01, "delta": 0.05, "prune": 0.0}),
    ):
        chosen = laws.along(rows, key)
        values = [row[key] for row in chosen]
        assert values == sorted(set(values))
        assert len(values) >= 8
        assert all({name: row[name] for name in others} == others for row in chosen)


def test_the_published_form_goes_through_the_ring_and_leaves_out_where_it_is_0(ax):
    rows = laws.along(laws.load(), "prune")
    laws.draw(ax, rows, "prune", lambda row: row["prune"], 0.4, guide=1)
    x, y = drawn(ax)["published form, C fitted at the ring"]
    estimated = {row["prune"]: row["estimated"] for row in rows}
    assert len(x) == len(rows) - 1
    assert y[x.index(0.6)] == pytest.approx(estimated[0.4])
    assert y[x.index(1 - 0.8)] == pytest.approx(2 * estimated[0.4])


def test_the_map_has_pruning_to_the_right_and_locking_upwards():
    rows = regimes.load()
    assert len(rows) == 55
    n, share = regimes.grid(rows, "estimated"), regimes.grid(rows, "reach_share")
    assert n.shape == (10, 10)
    found = {(row["prune"], row["lock"]): row for row in rows}
    assert n[3, 4] == found[0.4, 0.3]["estimated"]
    assert share[0, 9] == found[0.9, 0.0]["reach_share"]
    assert n[9, 0] == found[0.0, 0.9]["estimated"]
    assert all(n.mask[q, p] == (p + q > 9) for p in range(10) for q in range(10))


def test_success_is_drawn_between_its_bounds(ax):
    row = success.load()[2]
    success.draw(ax, row)
    lines = drawn(ax)
    assert lines["at most (proven)"] == (row["n"], row["upper_bound"])
    assert lines["at least (proven)"] == (row["n"], row["lower_bound"])
    bars = ax.containers[0].lines[2][0].get_segments()
    assert [bar[1, 1] for bar in bars] == pytest.approx(row["measured"]["upper"])


@pytest.mark.parametrize("draw", [covered.draw_uncovered, covered.draw_failure])
def test_cover_is_drawn_below_its_bound(ax, draw):
    rows = covered.load()
    assert [row["eps"] for row in rows] == [0.1, 0.01, 0.001]
    draw(ax, rows)
    lines = [line for line in ax.get_lines() if len(line.get_xdata()) > 2]
    for row, bound, points in zip(rows, lines[::2], lines[1::2], strict=True):
        assert list(bound.get_xdata()) == list(range(row["last"] + 1))
        for k, y in zip(points.get_xdata(), points.get_ydata(), strict=True):
            assert covered.LEAST <= y <= bound.get_ydata()[int(k)] + 0.02


def test_widths_are_drawn_over_what_is_left_and_the_published_one_is_fitted(ax):
    rows = widths.load()
    widths.draw(ax, rows, "lock", 1)
    chosen = sorted((row for row in rows if row["prune"] == 0), key=lambda row: row["lock"])
    lines = drawn(ax)
    assert lines["proven"] == ([1 - row["lock"] for row in chosen], [row["proven"][1] for row in chosen])
    assert lines[f"published, C = {chosen[0]['constant']:.3g}"][1] == [row["published"][1] for row in chosen]


def test_the_interval_is_centred_where_the_rule_can(ax):
    interval.draw_intervals(ax)
    for k, start in ((0.5, 0.0), (0.8, 0.6)):
        freezing, middle = drawn(ax)[f"centre, wanted k = {k:g}"]
        at = np.array(freezing) >= start
        assert np.array(middle)[at] == pytest.approx(k)
        assert np.array(middle)[~at] == pytest.approx(0.5 + np.array(freezing)[~at] / 2)


def test_the_search_space_is_largest_at_the_centre_and_nearly_the_ticket(ax):
    interval.draw_candidates(ax, 1000)
    k, thousands = drawn(ax)["F = 0.5"]
    assert k[int(np.argmax(thousands))] == pytest.approx(0.5)
    assert max(thousands) * 1000 == pytest.approx(log2(comb(500, 250)))
    assert (min(k), max(k)) == pytest.approx((0.25, 0.75))


def test_measured_means_stand_at_their_place(ax):
    rows = interval.load()
    interval.draw_measured(ax, rows)
    lines = [line for line in ax.get_lines() if len(line.get_xdata()) == 5]
    assert all(line.get_xdata() == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9]) for line in lines)
    rule = [row["test"] for row in rows if row["name"] == "epl F=0.8 t=0.3"]
    received = [line.get_ydata()[1] for line in lines]
    assert 100 * mean(rule) in [pytest.approx(value) for value in received]


@pytest.mark.long
def test_accuracy_has_a_point_for_every_setting_and_its_search_space():
    points = accuracy.load()
    assert len(points) == 4 + 8 + 4
    at = {(p["data_set"], p["kind"]): p for p in points}
    weights, dense, frozen = (at["mnist", kind] for kind in ("weights", "dense", "frozen"))
    assert weights["candidates"] is None
    assert weights["bits"] == 32 * dense["bits"]
    assert dense["candidates"] == pytest.approx(log2(comb(dense["bits"], dense["bits"] // 2)), rel=1e-9)
    # p = q = 1/4, k = 1/2: half of the free half is kept
    assert frozen["candidates"] == pytest.approx(log2(comb(frozen["bits"], frozen["bits"] // 2)), rel=1e-9)
    assert [accuracy.ticks(points, kind) for kind in accuracy.KINDS] == [
        "trained\nF = 0\nk = 0",
        "dense\nF = 0\nk = 0.5",
        "pruned\nF = 0.25\nk = 0.5",
        "frozen\nF = 0.5\nk = 0.5",
    ]


def test_accuracy_is_drawn_in_percent_over_each_quantity(ax):
    points = [p for p in accuracy.load() if p["data_set"] == "cora"]
    accuracy.draw(ax, points, "bits")
    joined = next(line for line in ax.get_lines() if len(line.get_xdata()) == 3)
    by = {p["kind"]: p for p in points}
    kinds = ("dense", "pruned", "frozen")
    assert list(joined.get_xdata()) == [by[kind]["bits"] for kind in kinds]
    assert list(joined.get_ydata()) == [100 * by[kind]["test"].value for kind in kinds]
