"""The price of a run: units, bytes and time against counting by hand and against real rows."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.experiments import price as module
from simulations.experiments.price import ASK, KEEP, price, row_bytes
from simulations.lemmas.measure import CurveSetting, chunk_size, count_successes, seconds_per_trial
from simulations.run.pace import MOST, OVERHEAD
from slt.core.command import run
from slt.core.store import canonical

CURVE = CurveSetting(0.01, 0.4, 0.3, 1.0, 170, 10**9)


def test_a_billion_trials_by_hand():
    # 50,000 units of 20,000 trials at 10 us: 0.2 s each; two tasks out of three hold one, so a task a unit
    found = price(CURVE, 10, 1e-5)
    assert (found.units, found.unit_seconds, found.tasks) == (50_000, pytest.approx(0.2), 50_000)
    assert found.seconds == pytest.approx(1e4)
    assert found.wall == pytest.approx(5_000 * (0.2 + OVERHEAD))
    assert found.scheduler == pytest.approx(50_000 * OVERHEAD / found.wall)
    assert found.client == pytest.approx(50_000 * (ASK + KEEP) / found.wall)
    # quick units share tasks: 25 of 10 ms
    quick = price(CURVE, 10, 5e-7)
    assert (quick.units, quick.tasks) == (50_000, 2_000)
    assert quick.wall == pytest.approx(5_000 * (0.01 + OVERHEAD / 25))
    # 5,000 workers would be done in ten rounds, but scheduler and client need their time for 50,000 units
    busy = price(CURVE, 5_000, 1e-5)
    assert busy.wall == pytest.approx(max(busy.tasks * OVERHEAD, busy.tasks * ASK + 50_000 * KEEP))
    assert busy.wall > 10 * (0.2 + OVERHEAD)


@given(
    trials=st.integers(1, 10**13), workers=st.integers(1, 5000), seconds=st.floats(1e-7, 1e-1), eps=st.floats(1e-5, 0.5)
)
def test_no_price_is_below_the_work_nor_the_scheduler_above_its_share(trials, workers, seconds, eps):
    setting = replace(CURVE, trials=trials, eps=eps)
    found = price(setting, workers, seconds)
    assert found.units * chunk_size(setting) >= trials > (found.units - 1) * chunk_size(setting)
    assert found.units <= 50_000 or chunk_size(setting) == 5_000
    assert found.tasks <= found.units
    assert found.wall * workers >= found.seconds
    assert found.wall >= found.tasks * OVERHEAD * (1 - 1e-12)
    assert found.wall >= (found.tasks * ASK + found.units * KEEP) * (1 - 1e-12)
    if found.tasks >= 20 * workers and found.unit_seconds * MOST >= 0.25 + 2 * OVERHEAD * workers:
        # tasks are long enough, and many enough that their number's rounding does not count
        assert found.scheduler <= 0.8


def test_planned_seconds_are_used_unless_others_are_given():
    planned = seconds_per_trial(CURVE.n_max, CURVE.eps)
    assert price(CURVE, 3) == price(CURVE, 3, planned)


def test_a_row_is_never_longer_than_its_bound_and_nearly_as_long_where_all_succeed():
    setting = replace(CURVE, n_max=60, prune=0.0, lock=0.0, eps=0.1)
    row = count_successes(setting, 0, 0, 100)
    assert len(canonical(row)) <= row_bytes(60, 100)
    full = {"trials": 100, "uniform": [100] * 61, "pointwise": [[100] * 9] * 61}
    assert 0 <= row_bytes(60, 100) - len(canonical(full)) <= 20


def test_the_command_prints_a_line_for_every_number_of_trials_and_workers(capsys):
    words = ["--eps", "0.1", "--prune", "0", "--lock", "0", "--trials", "1e9", "1e12", "--workers", "8", "--seconds"]
    assert run(module.main, [*words, "1e-5"], "price") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    found = {line[0]: line[1:6] for line in lines if line and line[0] in ("1e9", "1e12")}
    # 1e9: 50,000 units of 0.2 s with 2.1 ms each, on 8 workers
    assert found == {"1e9": ["8", "2.8", "h", "21.1", "min"], "1e12": ["8", "115.7", "days", "14.5", "days"]}
    for bad, line in (
        ([*words, "0"], "seconds must be above 0, got 0"),
        (["--trials", "inf"], "trials must be at most 1e+18, got inf"),
        (["--eps", "1e-300"], "eps must be at least 1e-12 (a single trial would take days), got 1e-300"),
    ):
        assert run(module.main, bad, "price") == 2
        assert capsys.readouterr().err == f"price: error: {line}\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--trials", "1e300"], "trials must be at most 1e[+]18, got 1e[+]300"),
        (["--trials", "inf"], "trials must be at most 1e[+]18, got inf"),
        (["--trials", "0.5"], "trials must be at least 1, got 0"),
        (["--workers", "9" * 23], "workers must be at most 1,000,000"),
        (["--workers", "0"], "workers must be at least 1"),
        (["--seconds", "1e308"], "seconds must be at most 1e[+]06"),
        (["--seconds", "nan"], "seconds must be finite"),
    ],
)
def test_prices_beyond_use_are_refused(capsys, words, line):
    assert run(module.main, words, "price") == 2
    error = capsys.readouterr().err
    assert re.search(line, error)
    assert error.count("\n") == 1
