from dataclasses import asdict, fields
from itertools import pairwise
from math import prod

import numpy as np
import pytest

from figures import sweep as figure
from simulations.existence import sweep, sweep_tables
from simulations.existence.build import build
from simulations.existence.check import check
from simulations.existence.source import Source
from simulations.existence.target import Target, forward
from simulations.run.engines import Threads
from slt.core.intervals import clopper_pearson
from slt.core.keys import generator, key_words
from slt.core.places import committed
from slt.core.store import Store, canonical, read_jsonl
from theory.existence import plan
from theory.widths import published_widths

RESULT = committed("simulations", "sweep.jsonl")
TINY = sweep.Setting((2, 2, 1), 0.5, 0.1, 0.1)
POSITIONS = (-0.75, -0.25, 0.0, 1.0)


def setting_of(row):
    found = {field.name: row[field.name] for field in fields(sweep.Setting)}
    return sweep.Setting(**{**found, "sizes": tuple(found["sizes"])})


def naive_counts(setting, t, seed, trials):
    """Count by plain loops: every weight within its eps_l; every output within eps at all corners of the cube."""
    sizes = setting.sizes
    rng = generator(seed, f"sweep, target {sizes}")
    weights = tuple(rng.uniform(-1, 1, (b, a)) for a, b in pairwise(sizes))
    prune = (setting.prune,) * len(sizes)
    lock = (0.0, *[setting.lock] * (len(sizes) - 1))
    spent = setting.eps * 127 / 128
    ends = [plan(weights, spent, 0.1, prune=prune, lock=lock, widths=w).blocks for w in ("estimated", "proven")]
    blocks = tuple(
        max(1, round(float(np.exp((1 - t) * np.log(e) + t * np.log(p))))) for e, p in zip(*ends, strict=True)
    )
    eps = [d.eps for d in plan(weights, spent, 0.1, prune=prune, lock=lock, widths=blocks).demands]
    target = Target("naive", weights)
    corners = np.array(np.meshgrid(*[[0.0, 1.0]] * sizes[0])).reshape(sizes[0], -1).T
    within, observed = 0, 0
    for trial in range(trials):
        name = f"sweep, seed {seed}, {canonical(asdict(setting))}, t {t:g}, trial {trial}"
        ticket = build(Source(key_words(0, name)[1], sizes, blocks, prune, lock), target, tuple(eps))
        good = True
        for w, layer, limit in zip(weights, ticket.layers, eps, strict=True):
            copies = len(layer.weights) // len(w)
            for row, found in enumerate(layer.weights):
                good &= all(abs(a - b) <= limit * 129 / 128 for a, b in zip(found, w[row // copies], strict=True))
        within += good
        observed += np.abs(check(ticket, corners).outputs - forward(weights, corners)).max() <= setting.eps
    return blocks, within, observed


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("t", [-0.75, -0.25])
def test_counts_equal_a_naive_loop_over_sources(t):
    with Store() as store:
        points = {p["t"]: p for p in sweep.measure(TINY, trials=30, seed=5, store=store)}
    blocks, within, observed = naive_counts(TINY, t, 5, 30)
    point = points[t]
    assert (tuple(point["blocks"]), point["within"], point["trials"]) == (blocks, within, 30)
    # what is certified is true at the corners; what is within everywhere is certified but for rare large factors
    assert 0 < point["certified"] <= observed
    assert max(point["missed"]) <= 30 - within <= sum(point["missed"])
    assert 0 < within < 30 or t == -0.75


def test_a_killed_sweep_resumes_to_the_same_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "POSITIONS", POSITIONS)
    with Store() as store:
        whole = sweep.measure(TINY, trials=60, seed=1, store=store, engine=Threads(1))
    calls = []

    def dying(*arguments):
        calls.append(arguments)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return count(*arguments)

    count = sweep.count
    monkeypatch.setattr(sweep, "count", dying)
    with Store(tmp_path / "runs.db") as store:
        with pytest.raises(KeyboardInterrupt):
            sweep.measure(TINY, trials=60, seed=1, store=store, engine=Threads(1))
        assert sweep.measure(TINY, trials=60, seed=1, store=store, engine=Threads(2)) == whole
    # three chunks a position; the dead one is made again, the four before it are not
    assert len(calls) == 3 * len(POSITIONS) + 1


def test_the_path_leads_from_the_estimated_to_the_proven_plan():
    target = TINY.target(3)
    ends = [TINY.plan(target, name) for name in ("estimated", "proven")]
    blocks = [e.blocks for e in ends]
    assert sweep.path(*blocks, 0) == ends[0].blocks
    assert sweep.path(*blocks, 1) == ends[1].blocks
    # asked for its own block sizes, a plan keeps its precisions
    assert [d.eps for d in TINY.plan(target, ends[1].blocks).demands] == [d.eps for d in ends[1].demands]
    sizes = [prod(sweep.path(*blocks, t)) for t in sweep.POSITIONS]
    assert sizes == sorted(sizes)
    assert sorted(sweep.POSITIONS) == list(sweep.POSITIONS)


def test_the_published_form_asks_for_the_blocks_whose_constant_was_found():
    setting = sweep.Setting((4, 3, 2), 0.1, 0.3, 0.2)
    target = setting.target(0)
    blocks = (120, 35)
    for layer, c in enumerate(sweep.constants(setting, target, blocks)):
        asked = published_widths(target.weights, 0.1, 0.1, c, prune=(0.3,) * 3)
        assert asked[layer] == pytest.approx(setting.sizes[layer] * blocks[layer], rel=1e-9)


def points_of(counts):
    return [
        {"t": t, "blocks": (10 + k, 5 + k), "trials": 300, "within": n, "certified": n, "missed": [0, 0]}
        for k, (t, n) in enumerate(zip(sweep.POSITIONS, counts, strict=True))
    ]


def test_requirement_lies_between_what_fails_and_what_suffices():
    last = len(sweep.POSITIONS) - 1
    row = sweep.summarise(TINY, points_of([100] * 5 + [260, 275] + [300] * (last - 6)), trials=300, seed=0)
    found = {end: at["t"] for end, at in row["measured"]["certified"].items()}
    assert found == {"fails": sweep.POSITIONS[4], "value": sweep.POSITIONS[6], "suffices": sweep.POSITIONS[7]}
    c = row["constant"]["certified"]
    assert c["fails"] < c["value"] < c["suffices"]
    assert not sweep.refuted(row)
    never = sweep.summarise(TINY, points_of([0] * (last + 1)), trials=300, seed=0)
    assert never["measured"]["within"]["fails"]["t"] == 1
    assert never["measured"]["within"]["value"] is never["constant"]["within"]["suffices"] is None
    assert sweep.refuted(never)


def test_only_an_interval_wholly_below_refutes_the_proven_widths():
    counts = [300] * len(sweep.POSITIONS)
    verdicts = []
    for n in (260, 240, 200):
        row = sweep.summarise(TINY, points_of([*counts[:-1], n]), trials=300, seed=0)
        verdicts.append((sweep.refuted(row), row["points"][-1]["rate"]["within"]["upper"] < 0.9))
    assert verdicts == [(False, False), (True, True), (True, True)]


@pytest.mark.long
def test_command_writes_what_it_prints_and_refuses_bad_input(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sweep, "SETTINGS", (TINY, sweep.Setting((2, 1), 0.1, 0.0, 0.0)))
    file = tmp_path / "rows.jsonl"
    assert sweep.main(["--trials", "40", "--seed", "2", "--out", str(file)]) == 0
    shown = capsys.readouterr().out
    rows = read_jsonl(file)
    assert [setting_of(row) for row in rows] == list(sweep.SETTINGS)
    for row in rows:
        for event in ("within", "certified"):
            assert f"{sweep_tables.ratio(row, 'proven', event):.2f}" in shown
        assert " ".join(map(str, row["proven"])) in shown
        assert f"{max(row['constant']['certified']['value']):.3g}" in shown
    assert "proven widths refuted: 0 of 2 settings" in shown
    with pytest.raises(ValueError, match="exists already"):
        sweep.main(["--out", str(file)])
    with pytest.raises(ValueError, match="trials"):
        sweep.main(["--trials", "0"])
    figure.render(rows, tmp_path)
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_failing_proven_widths_exit_nonzero(capsys, monkeypatch):
    monkeypatch.setattr(sweep, "SETTINGS", (sweep.Setting((2, 1), 0.1, 0.0, 0.0),))
    monkeypatch.setattr(sweep, "attempt", lambda *_: ([True], 9.0))
    assert sweep.main(["--trials", "10"]) == 1
    assert "refuted: 1 of 1" in capsys.readouterr().out


def test_committed_result_is_the_experiment_and_upholds_the_proven_widths():
    rows = read_jsonl(RESULT)
    assert [setting_of(row) for row in rows] == list(sweep.SETTINGS)
    for row in rows:
        assert (row["trials"], row["seed"], row["delta"]) == (sweep.TRIALS, 0, sweep.DELTA)
        assert [point["t"] for point in row["points"]] == list(sweep.POSITIONS)
        assert not sweep.refuted(row)
        points = [{k: v for k, v in point.items() if k != "rate"} for point in row["points"]]
        again = sweep.summarise(setting_of(row), points, trials=row["trials"], seed=0)
        assert again["measured"] == row["measured"]
        for point, fresh in zip(row["points"], again["points"], strict=True):
            for event in ("within", "certified"):
                assert point["rate"][event] == pytest.approx(fresh["rate"][event], rel=1e-9)
                assert point["rate"][event]["value"] == point[event] / sweep.TRIALS
        for event in ("within", "certified"):
            for end, found in row["constant"][event].items():
                assert found == pytest.approx(again["constant"][event][end], rel=1e-6)
    # intervals hold together: half of 1 % over all points and events
    alpha = 0.005 / (len(rows) * len(sweep.POSITIONS) * 2)
    point = rows[0]["points"][5]
    exact = clopper_pearson(point["within"], sweep.TRIALS, 1 - alpha)
    assert point["rate"]["within"]["lower"] == pytest.approx(exact.lower, rel=1e-9)


@pytest.mark.long(keep=1)
@pytest.mark.parametrize(("sizes", "t"), [((2, 1), -0.125), ((16, 4), -0.25), ((4, 4, 2), -0.25)])
def test_committed_counts_come_out_again(sizes, t):
    row = next(r for r in read_jsonl(RESULT) if (tuple(r["sizes"]), r["prune"], r["lock"]) == (sizes, 0.4, 0))
    setting = setting_of(row)
    target = setting.target(0)
    blocks = [setting.plan(target, name).blocks for name in ("estimated", "proven")]
    assert [list(b) for b in blocks] == [row["estimated"], row["proven"]]
    point = next(p for p in row["points"] if p["t"] == t)
    used = setting.plan(target, sweep.path(*blocks, t))
    assert list(used.blocks) == point["blocks"]
    again = sweep.count(setting, used, t, 0, 0, row["trials"])
    assert again == {key: point[key] for key in again}


def test_figure_draws_the_committed_rows():
    rows = figure.load()
    for row in rows:
        points = figure.curve(row)
        assert points[-1] == (1.0, row["points"][-1]["rate"]["certified"])
        x = [width for width, _ in points]
        assert x == sorted(x)
        assert x[sweep.POSITIONS.index(0)] == pytest.approx(
            sum(n * b for n, b in zip(row["sizes"], row["estimated"], strict=False))
            / sum(n * b for n, b in zip(row["sizes"], row["proven"], strict=False))
        )
    colours = [colour for colour, _ in figure.looks(rows).values()]
    assert len(set(colours)) == len(colours) == 5
