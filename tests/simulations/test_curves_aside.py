"""Curves measured beside other work: the same counts, one stream for the engine, errors and interrupts told."""

import threading
import time
from functools import partial

import numpy as np
import pytest

from simulations.lemmas import job, rows
from simulations.lemmas.curves import Curves
from simulations.lemmas.measure import CurveSetting, measure
from simulations.lemmas.settings import Settings
from simulations.run.engines import Threads
from simulations.run.pace import groups
from simulations.run.units import Unit, ready
from slt.core.store import Store
from theory.claims import CLAIMS

ONE = CurveSetting(0.1, prune=0.3, lock=0.2, radius=1.0, n_max=30, trials=12_000)
TWO = CurveSetting(0.2, prune=0.0, lock=0.0, radius=0.5, n_max=20, trials=7_000)
SMALL = Settings(prune=0.2, lock=0.1, eps=(0.2, 0.1), trials=300)


def finished(curves, setting):
    while curves.share(setting) < 1:
        curves.wait(1)
    return curves.curve(setting)


@pytest.mark.parametrize("jobs", [1, 2])
def test_curves_aside_are_those_measured_one_by_one(jobs, tmp_path):
    path = tmp_path / "runs.sqlite"
    with Store(path) as store, Curves(seed=5, store=store, engine=Threads(jobs)) as curves:
        curves.start(ONE)
        time.sleep(0.1)  # the engine runs out of work in between
        curves.start(TWO)
        curves.start(ONE)
        found = [finished(curves, setting) for setting in (TWO, ONE)]
    for curve, setting in zip(found, (TWO, ONE), strict=True):
        with Store() as store:
            alone = measure(setting, seed=5, store=store)
        assert np.array_equal(curve.uniform, alone.uniform)
        assert np.array_equal(curve.pointwise, alone.pointwise)
        assert curve.trials == setting.trials

    class Idle:
        def run(self, units):
            for unit in units:
                assert unit is None
                time.sleep(0.01)
            yield from ()

    # what is stored is not computed again, and measure() finds the same rows
    with Store(path) as store, Curves(seed=5, store=store, engine=Idle()) as curves:
        curves.start(ONE)
        assert np.array_equal(curves.curve(ONE).uniform, found[1].uniform)
        assert np.array_equal(measure(TWO, seed=5, store=store, engine=Idle()).uniform, found[0].uniform)


def test_a_curve_that_is_not_finished_is_not_given(tmp_path):
    with Store() as store, Curves(seed=0, store=store, engine=Threads(1)) as curves:
        assert curves.share(ONE) == 0
        with pytest.raises(RuntimeError, match="0 of 12000 trials"):
            curves.curve(ONE)


@pytest.mark.parametrize("error", [OSError("the connection was lost"), MemoryError(), ValueError("a row")])
def test_what_the_engine_raises_is_raised_to_whoever_asks(error):
    class Broken:
        def run(self, units):
            next(units)
            raise error
            yield

    with pytest.raises(type(error)), Store() as store:
        job.verify(SMALL, engine=Broken(), store=store)


@pytest.mark.long
def test_all_curves_are_asked_for_at_once_and_theory_goes_on_meanwhile():
    gate, units_seen = threading.Event(), []

    class Held(Threads):
        def run(self, units):
            held = []
            while not gate.is_set():
                found, _ = ready(units, 1)
                held += found
                units_seen[:] = held
                time.sleep(0.001)
            yield from super().run(iter(held))
            yield from super().run(units)

    done = []

    def meanwhile():
        for step in range(5):
            done.append(step)
            yield
        deadline = time.monotonic() + 60
        while len({unit.name[0] for unit in units_seen}) < 2 * (1 + len(CLAIMS)) and time.monotonic() < deadline:
            time.sleep(0.01)
        done.append(len({unit.name[0] for unit in units_seen}))
        gate.set()
        yield

    with Store() as store:
        found = job.verify(SMALL, engine=Held(2), store=store, meanwhile=meanwhile()).rows
    assert done == [0, 1, 2, 3, 4, 10]  # nothing was finished before all curves and certificates were with the engine
    with Store() as store:
        assert job.verify(SMALL, engine=Threads(1), store=store).rows == found


def test_an_interrupt_during_theory_keeps_what_was_told(monkeypatch):
    told = []

    def meanwhile():
        while len(told) < 3:  # all but the last
            yield
        raise KeyboardInterrupt

    share = rows.Maker.share
    # the last lemma is never measured
    monkeypatch.setattr(rows.Maker, "share", lambda self, claim, eps: share(self, claim, eps) * (claim.key != "A.3"))
    with Store() as store:
        found = job.verify(
            SMALL, engine=Threads(2), store=store, tell=lambda claim, lines: told.append((claim.key, len(lines))),
            meanwhile=meanwhile(),
        )  # fmt: skip
    assert found.interrupted
    assert told == [("2.1", 4), ("2.2", 4), ("A.2", 4), ("A.3", 0)]
    assert len(found.rows) == 12


def test_units_that_are_not_ready_are_waited_for():
    units = [Unit(i, "any", partial(dict, i=i)) for i in range(6)]

    def slowly():
        for unit in units:
            yield None
            yield unit
            yield None

    for jobs in (1, 3):
        assert sorted(row["i"] for _, row in Threads(jobs).run(slowly())) == list(range(6))
    assert [len(group) for group in groups([None, *units[:2], None, *units[2:], None], lambda kind: 3)] == [0, 2, 3, 1]
    waiting = iter([units[0], None, units[1]])
    assert ready(waiting, 5) == ([units[0]], True)
    assert ready(waiting, 0) == ([], True)
    assert ready(waiting, 1) == ([units[1]], True)
    assert ready(waiting, 1) == ([], False)
