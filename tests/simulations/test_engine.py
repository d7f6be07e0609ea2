"""Units of work on threads, on a real cluster, on one that breaks: always the same rows, none lost, none twice."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from argparse import Namespace
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.local_group import ROOT, LocalGroup, kill, stored, until
from simulations.existence import check as check_module
from simulations.existence import command as existence
from simulations.existence import rows, sweep
from simulations.experiments import EXPERIMENTS
from simulations.lemmas import job
from simulations.lemmas import measure as curves
from simulations.lemmas.settings import Settings
from simulations.run import experiment, runner
from simulations.run.engines import VARIABLE, Threads, open_engine
from simulations.run.pace import MOST, OVERHEAD, Pace, groups
from simulations.run.runner import Chunks, measure_all, run_chunks
from simulations.run.units import Unit
from slt.cli import verify
from slt.core.command import run
from slt.core.forms import Numbers, check
from slt.core.store import Store
from slt.core.versions import OWN, source_digest
from subsetsum.curves import TARGETS

PATIENCE = 120
SWEEP = "-m", "benchmarks.small_sweep", "--trials", "400", "--seed", "3"
NAME = "python -m benchmarks.small_sweep"
UNITS = 64
CALLS = """
import os, sys
from functools import partial
from simulations.run.cluster import connected
from simulations.run.units import Unit
with connected(sys.argv[1], None) as cluster:
    units = [Unit(i, "any", {call}) for i in range({count})]
    for unit, row in cluster.run(units):
        print(row)
"""
TICKET = """
import sys
from simulations.existence import check, rows
from simulations.existence.command import main
from slt.core.command import run
rows.PART_EDGES, check.UNIT_EDGES = 2**17, 2**19  # many small parts
sys.exit(run(main, sys.argv[1:], "existence"))
"""
PARTS = 200 + 1


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    pytest.importorskip("distributed")
    # a single death of a worker is told to the client, which has to send the work again
    with LocalGroup(tmp_path_factory.mktemp("group"), DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") as found:
        found.worker()
        found.worker()
        yield found


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process writes."""
    out = tmp_path_factory.mktemp("alone") / "alone.jsonl"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop(VARIABLE, None)
    command = [sys.executable, *SWEEP, "--jobs", "1", "--out", out]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return out.read_bytes()


def finish(process, code=0):
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, errors
    return output, errors


@pytest.mark.long
def test_a_cluster_does_the_work_and_writes_what_one_process_writes(group, alone, tmp_path):
    out, store = tmp_path / "out.jsonl", tmp_path / "runs.sqlite"
    finish(group.client(*SWEEP, "--scheduler", group.address, "--out", out, "--store", store))
    assert out.read_bytes() == alone
    assert len(stored(store)) == UNITS
    output, _ = finish(group.client("-c", CALLS.format(call="os.getpid", count=40), group.address))
    assert {int(pid) for pid in output.split()} == {worker.pid for worker in group.workers}


@pytest.mark.parametrize("own", [False, True], ids=["present law", "own numbers"])
def test_the_rows_of_the_main_job_are_those_of_one_machine_on_a_cluster(own, group, tmp_path):
    settings = Settings(prune=0.2, lock=0.1, eps=(0.2,), trials=12_000)
    if own:  # in a file that the workers need not see
        path = tmp_path / "own.txt"
        path.write_text("0.3 0.7 -0.4 1.1 -0.9 -0.25")
        settings = replace(settings, law=f"file {path}", signed=True, trials=200)
        assert settings.is_other
        path.unlink()

    def rows(engine):
        with Store() as store:
            return job.verify(settings, engine=engine, store=store).rows

    words = ["--scheduler", group.address]
    with open_engine(verify.parser().parse_args(words), None) as cluster:
        assert not isinstance(cluster, Threads)
        assert rows(cluster) == rows(Threads(1)) == rows(Threads(3))


@pytest.mark.long
def test_a_killed_worker_changes_nothing(group, alone, tmp_path):
    out, store = tmp_path / "out.jsonl", tmp_path / "runs.sqlite"
    client = group.client(*SWEEP, "--scheduler-file", group.file, "--out", out, "--store", store)
    until(lambda: len(stored(store)) >= 5)
    kill(group.workers.pop(0))
    assert len(stored(store)) < UNITS
    group.worker()
    finish(client)
    assert out.read_bytes() == alone
    assert len(stored(store)) == UNITS


@pytest.mark.long
def test_a_ticket_is_the_same_whatever_builds_it_and_whatever_dies(group, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "t.npz", a=rng.uniform(-0.4, 0.4, (12, 24)), b=rng.uniform(-0.4, 0.4, (4, 12)))
    words = "--target", tmp_path / "t.npz", "--width", "800,100", "--eps", "0.5", "--seed", "3"
    alone, out = tmp_path / "alone", tmp_path / "out"

    def parts(folder):
        return sorted(path.name for path in folder.glob("layer*.npz"))

    def dates():
        return {name: (out / name).stat().st_mtime_ns for name in parts(out)}

    start = partial(group.client, "-c", TICKET, *words, "--scheduler-file", group.file, "--out", out)
    client = start()
    until(lambda: len(parts(out)) >= 5)
    kill(group.workers.pop(0))
    known = len(parts(out))
    until(lambda: len(parts(out)) > known)  # the other worker goes on
    kill(client)
    client.communicate()
    kept = dates()
    assert len(kept) < PARTS
    group.worker()
    client = start()
    monkeypatch.setattr(rows, "PART_EDGES", 2**17)
    monkeypatch.setattr(check_module, "UNIT_EDGES", 2**19)
    monkeypatch.delenv(VARIABLE, raising=False)
    assert existence.main([*map(str, words), "--jobs", "2", "--out", str(alone)]) == 0
    text, _ = finish(client)
    assert "0 locked edges dropped, 0 pruned kept" in text
    assert {name: date for name, date in dates().items() if name in kept} == kept
    assert parts(out) == parts(alone)
    assert len(parts(out)) == PARTS
    for name in parts(out):
        with np.load(out / name) as one, np.load(alone / name) as two:
            assert one["weights"].tobytes() == two["weights"].tobytes()
            assert one["masks"].tobytes() == two["masks"].tobytes()
    results = [json.loads((folder / "result.json").read_text()) for folder in (out, alone)]
    assert [result.pop("seconds") and result for result in results] == [results[0]] * 2


@pytest.mark.long
def test_a_client_interrupted_and_one_killed_leave_all_that_came_back(group, alone, tmp_path):
    out, store = tmp_path / "out.jsonl", tmp_path / "runs.sqlite"
    start = partial(group.client, *SWEEP, "--scheduler", group.address, "--out", out, "--store", store)
    kept = []
    for end, code, said in ((signal.SIGINT, 130, f"{NAME}: interrupted\n"), (signal.SIGKILL, -signal.SIGKILL, "")):
        client = start()
        until(lambda: len(stored(store)) >= len(kept) + 5)  # noqa: B023
        client.send_signal(end)
        assert finish(client, code)[1] == said
        now = stored(store)
        assert len(kept) < len(now) < UNITS
        assert now[: len(kept)] == kept
        assert not out.exists()
        kept = now
    finish(start())
    assert out.read_bytes() == alone
    assert stored(store)[: len(kept)] == kept
    assert len(stored(store)) == UNITS


@pytest.mark.long
def test_other_software_and_a_lost_scheduler_end_in_one_line(alone, tmp_path):
    pytest.importorskip("distributed")
    out, store = tmp_path / "out.jsonl", tmp_path / "runs.sqlite"
    changed = tmp_path / "changed"
    for package in OWN:
        shutil.copytree(ROOT / package, changed / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "slt_verify.py", changed)  # finds the packages beside it
    with open(changed / "slt" / "core" / "keys.py", "a") as file:
        file.write("# another comment\n")
    with LocalGroup(tmp_path) as group:
        address = group.address
        group.worker(changed)
        start = partial(group.client, *SWEEP, "--scheduler", address, "--out", out, "--store", store)
        _, errors = finish(start(), 2)
        assert errors.startswith(f"{NAME}: error: worker tcp://127.0.0.1:")
        assert f"sources {source_digest(changed)} there, {source_digest(ROOT)} here" in errors
        assert errors.count("\n") == 1
        assert not stored(store)
        kill(group.workers.pop())
        group.worker()
        client = start()
        until(lambda: len(stored(store)) >= 5)
        kill(group.scheduler)
        _, errors = finish(client, 2)
    assert errors.startswith(f"{NAME}: error: the connection to the scheduler {address} was lost")
    assert errors.count("\n") == 1
    kept = stored(store)
    assert 5 <= len(kept) < UNITS
    finish(group.client(*SWEEP, "--jobs", "1", "--out", out, "--store", store))  # what is left, without a cluster
    assert out.read_bytes() == alone
    assert stored(store)[: len(kept)] == kept
    assert len(stored(store)) == UNITS


REFUSES = """
import sys
from functools import partial
from simulations.run.cluster import connected
from simulations.run.units import Unit
from slt.core.checks import open_unit
from slt.core.command import run
def main(words):
    with connected(words[0], None) as cluster:
        list(cluster.run([Unit(0, "any", partial(open_unit, "eps", 2))]))
    return 0
sys.exit(run(main, sys.argv[1:], "some"))
"""


def test_bad_input_that_a_worker_finds_is_one_line_and_code_2(group):
    _, errors = finish(group.client("-c", REFUSES, group.address), 2)
    assert errors == "some: error: eps must lie strictly between 0 and 1, got 2\n"


@pytest.mark.long
def test_a_unit_that_kills_every_worker_is_given_up_and_what_a_unit_raises_is_raised(group):
    code = CALLS.format(call="partial(int, 'seven')", count=1)
    assert "ValueError: invalid literal" in finish(group.client("-c", code, group.address), 1)[1]
    group.worker()  # three, as many as are going to die
    code = CALLS.format(call="partial(os._exit, 9)", count=1)
    assert (
        "OSError: a unit of work was given up: 3 workers died" in finish(group.client("-c", code, group.address), 1)[1]
    )
    assert [worker.wait(PATIENCE) for worker in group.workers] == [9, 9, 9]


@pytest.mark.long
def test_a_cluster_that_has_lost_all_its_workers_ends_in_one_line(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    from simulations.run import cluster

    monkeypatch.setattr(cluster, "LOOK", 0.2)
    said = "the scheduler {} has had no worker for 1 seconds"
    with LocalGroup(tmp_path) as group:
        monkeypatch.setattr(cluster, "NO_WORKER", 1.0)
        with pytest.raises(OSError, match=said.format(group.address)), cluster.connected(group.address, None):
            pass
        monkeypatch.setattr(cluster, "NO_WORKER", 60.0)
        group.worker()
        with cluster.connected(group.address, None) as crew:
            rows = crew.run([Unit(i, "any", partial(dict, i=i)) for i in range(1000)])
            assert next(rows)[1] == {"i": 0}
            monkeypatch.setattr(cluster, "NO_WORKER", 1.0)
            kill(group.workers.pop())
            with pytest.raises(OSError, match=f"{said.format(group.address)}; what is finished stays"):
                list(rows)


def options(scheduler=None, scheduler_file=None):
    return Namespace(scheduler=scheduler, scheduler_file=scheduler_file)


def test_what_cannot_be_reached_is_told_in_one_line(monkeypatch, tmp_path):
    pytest.importorskip("distributed")
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("simulations.run.cluster.CONNECT", 0.5)
    (tmp_path / "damaged").write_text("no JSON")
    for asked, line in (
        (options("tcp://127.0.0.1:1"), "no scheduler can be reached at tcp://127.0.0.1:1"),
        (options(scheduler_file=tmp_path / "none"), "none cannot be read"),
        (options(scheduler_file=tmp_path / "damaged"), "damaged is not what a scheduler writes"),
    ):
        with pytest.raises(OSError, match=line), open_engine(asked, 1):
            pass
    for asked, line in (
        (options("nonsense://x:1"), "got 'nonsense://x:1': unknown address scheme 'nonsense'"),
        (options("nonsense"), "got 'nonsense': missing port number"),
        (options(""), "scheduler must be an address such as tcp://host:8786, got ''"),
        (options("tls://127.0.0.1:1"), "needs TLS certificates: set distributed.comm.tls"),
        (options("tcp://x:1", "file"), "give one of them"),
    ):
        with pytest.raises(ValueError, match=line), open_engine(asked, 1):
            pass


def test_without_dask_a_scheduler_is_refused_and_nothing_else(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("simulations.run.engines.find_spec", lambda name: None)
    with open_engine(options(), 2) as engine:
        assert isinstance(engine, Threads)
        assert engine.jobs == 2
    with pytest.raises(ValueError, match=r"the scheduler tcp://x:1 needs Dask: pip install -e \"\.\[cluster\]\""):
        open_engine(options("tcp://x:1"), 1).__enter__()
    monkeypatch.setenv(VARIABLE, "tcp://y:1")
    with pytest.raises(ValueError, match="the scheduler tcp://y:1 needs Dask"):
        open_engine(options(), 1).__enter__()


class Backwards:
    """An engine that does the last unit first and remembers what it did."""

    def __init__(self):
        self.done = []

    def run(self, units):
        for unit in reversed(list(units)):
            self.done.append(unit.name)
            yield unit, unit.call()


class Post:
    """An engine that sends every unit through pickle, by reference and not by content, and does none of them."""

    def __init__(self, sent):
        self.sent = sent

    def run(self, units):
        for unit in units:
            arrived = pickle.loads(pickle.dumps(unit.call))
            assert arrived.func is unit.call.func
            self.sent.append(unit)
        raise KeyboardInterrupt
        yield


@pytest.mark.parametrize(
    "name",
    [name for name in EXPERIMENTS if name not in ("existence", "price")],
)
def test_the_units_of_every_simulation_can_travel(name, monkeypatch, tmp_path):
    module = import_module(EXPERIMENTS[name].module)
    opener = module if hasattr(module, "open_engine") else experiment
    sent = []

    @contextmanager
    def post(args, jobs):
        assert (args.scheduler, args.scheduler_file) == ("tcp://somewhere:1", None)
        yield Post(sent)

    monkeypatch.setattr(opener, "open_engine", post)
    if hasattr(module, "SETTINGS"):
        monkeypatch.setattr(module, "SETTINGS", module.SETTINGS[:2])
    words = ["--scheduler", "tcp://somewhere:1", "--out", str(tmp_path / "out.jsonl"), "--trials", "7", "--seed", "1"]
    if name == "found.command":
        pytest.importorskip("torch")
    assert run(module.main, words, name) == 130
    assert sent
    assert not (tmp_path / "out.jsonl").exists()


def span(first, count):
    return {"first": first, "count": count}


def span_form(count):
    return {"first": Numbers(0, whole=True), "count": Numbers(count, count, whole=True)}


def test_only_chunks_that_are_not_stored_are_done_and_all_are_yielded_once():
    parts = [Chunks({"n": n}, trials, 4, span, span_form) for n, trials in enumerate((10, 8))]
    expected = [(0, span(0, 4)), (0, span(4, 4)), (0, span(8, 2)), (1, span(0, 4)), (1, span(4, 4))]
    with Store() as store:
        store.put("x", runner.stamped(parts[0].key), 5, 1, span(4, 4))
        store.put("x", runner.stamped(parts[1].key), 6, 1, {"other": "seed"})
        engine = Backwards()
        rows = list(run_chunks(parts, experiment="x", seed=5, store=store, engine=engine))
        assert sorted(rows, key=str) == sorted(expected, key=str)
        assert engine.done == [(1, 1), (1, 0), (0, 2), (0, 0)]
        idle = Backwards()
        assert list(run_chunks(parts, experiment="x", seed=5, store=store, engine=idle)) == expected
        assert idle.done == []


def test_measurements_come_in_their_order_with_their_names_in_order_stored_or_not():
    def measure(store, engine):
        ticks = []
        work = [({"n": n}, partial(dict, b=n, a=-n), {"b": Numbers(), "a": Numbers()}) for n in range(4)]
        rows = measure_all(work, experiment="x", seed=1, confidence=0.9, store=store, tick=ticks.append, engine=engine)
        assert ticks == [1] * 4
        return [list(row.items()) for row in rows]

    with Store() as store:
        store.put("x", runner.stamped({"n": 2}), 1, 0, {"b": 2, "a": -2})
        engine = Backwards()
        fresh = measure(store, engine)
        assert engine.done == [3, 1, 0]
        assert fresh == [[("n", n), ("seed", 1), ("confidence", 0.9), ("b", n), ("a", -n)] for n in range(4)]
        assert measure(store, None) == fresh


def test_rows_of_other_software_are_not_used(monkeypatch):
    parts = [Chunks({"n": 1}, 8, 4, span, span_form)]
    work = [({"n": 1}, partial(dict, b=1), {"b": Numbers()})]
    with Store() as store:
        list(run_chunks(parts, experiment="x", seed=5, store=store, engine=Backwards()))
        measure_all(work, experiment="y", seed=5, confidence=0.9, store=store, tick=print, engine=Backwards())
        for other in ({"sources": "another"}, {"numba": "0.1"}):
            monkeypatch.setattr(runner, "software", lambda other=other: other)
            engine = Backwards()
            assert len(list(run_chunks(parts, experiment="x", seed=5, store=store, engine=engine))) == 2
            measure_all(work, experiment="y", seed=5, confidence=0.9, store=store, tick=print, engine=engine)
            assert engine.done == [(0, 1), (0, 0), 0]


CURVE = curves.CurveSetting(0.2, 0.2, 0.1, 1.0, 6, 120)


@pytest.mark.parametrize(
    "change",
    [
        {"uniform": [1]},
        {"uniform": 1},
        {"uniform": [0] * 6},
        {"uniform": [-1] + [0] * 6},
        {"uniform": [0] * 6 + [121]},
        {"uniform": [0.5] * 7},
        {"uniform": [None] * 7},
        {"pointwise": [[0] * TARGETS] * 6},
        {"pointwise": [[0] * (TARGETS - 1)] * 7},
        {"pointwise": [[121] * TARGETS] * 7},
        {"pointwise": "0"},
        {"trials": 121},
        {"trials": 119},
        {"trials": True},
        {"more": 1},
    ],
    ids=str,
)
def test_a_stored_row_that_is_no_count_of_these_trials_is_refused(change):
    with Store() as store:
        good = curves.measure(CURVE, seed=0, store=store)
        ((settings, seed, chunk, row),) = store._connection.execute("SELECT settings, seed, chunk, row FROM units")
        store._connection.execute("DELETE FROM units")
        # written by the store itself, so that its checksum is right
        store.put("success curve", json.loads(settings), int(seed), chunk, json.loads(row))
        again = curves.measure(CURVE, seed=0, store=store, engine=Idle())
        assert again.uniform.tolist() == good.uniform.tolist()
        store._connection.execute("DELETE FROM units")
        store.put("success curve", json.loads(settings), int(seed), chunk, {**json.loads(row), **change})
        with pytest.raises(ValueError, match="a row of success curve in :memory:") as error:
            curves.measure(CURVE, seed=0, store=store, engine=Idle())
        assert len(str(error.value)) < 200


class Idle:
    """An engine that is asked for nothing."""

    def run(self, units):
        assert not list(units)
        yield from ()


@pytest.mark.parametrize("change", [{"missed": [1]}, {"within": 26}, {"certified": -1}, {"trials": 24}, {"missed": []}])
def test_a_stored_row_of_a_sweep_that_is_no_count_is_refused(change):
    setting = sweep.Setting((2, 2, 1), 0.5, 0.1, 0.1)
    good = {"trials": 25, "within": 25, "certified": 24, "missed": [1, 0]}
    check(good, sweep.form(setting, 25), "row")
    with pytest.raises(ValueError, match="in row"):
        check({**good, **change}, sweep.form(setting, 25), "row")


@pytest.mark.parametrize("seed", [2**63 - 1, 2**63, 2**64 - 1])
def test_the_largest_seeds_can_be_stored(tmp_path, seed):
    path = tmp_path / "runs.sqlite"
    with Store(path) as store:
        first = curves.measure(CURVE, seed=seed, store=store)
    with Store(path) as store:
        assert curves.measure(CURVE, seed=seed, store=store, engine=Idle()).uniform.tolist() == first.uniform.tolist()


@pytest.mark.parametrize("jobs", [1, 3])
def test_threads_do_every_unit_once_and_raise_what_a_unit_raises(jobs):
    units = [Unit(i, "any", partial(dict, i=i)) for i in range(50)]
    found = list(Threads(jobs).run(units))
    assert sorted((unit.name, row["i"]) for unit, row in found) == [(i, i) for i in range(50)]
    assert len({id(unit) for unit, _ in found}) == 50
    units[10] = Unit(10, "any", partial(int, "seven"))
    with pytest.raises(ValueError, match="invalid literal"):
        list(Threads(jobs).run(units))


kinds = st.lists(st.sampled_from("abc"), max_size=60)


@given(kinds=kinds, sizes=st.fixed_dictionaries({kind: st.integers(1, 9) for kind in "abc"}))
def test_groups_keep_the_order_and_the_kinds_apart_and_are_full(kinds, sizes):
    units = [Unit(i, kind, dict) for i, kind in enumerate(kinds)]
    found = list(groups(units, sizes.__getitem__))
    assert [unit for group in found for unit in group] == units
    for place, group in enumerate(found):
        (kind,) = {unit.kind for unit in group}
        assert len(group) <= sizes[kind]
        assert len(group) == sizes[kind] or place == len(found) - 1 or found[place + 1][0].kind != kind


@given(each=st.floats(1e-4, 100), threads=st.integers(1, 2000), units=st.integers(1, 50))
def test_overhead_stays_below_five_percent_of_a_task_and_the_scheduler_keeps_up(each, threads, units):
    pace = Pace()
    assert pace.size("kind", threads) == 1
    pace.learn("kind", units, units * each)
    size = pace.size("kind", threads)
    assert 1 <= size <= MOST
    if size < MOST:
        assert 0.05 * size * each >= OVERHEAD
        assert threads * OVERHEAD <= 0.75 * size * each  # half, and what rounding to whole units costs
    # no longer than it needs to be: one unit, or little more than what the limits ask for
    assert size == 1 or size * each <= 1.5 * max(0.25, 2 * threads * OVERHEAD)


def test_a_slow_unit_counts_at_once_and_a_quick_one_by_halves():
    pace = Pace()
    pace.learn("kind", 1, 0.01)
    pace.learn("kind", 10, 1.0)
    assert pace.size("kind", 1) == 2
    pace.learn("kind", 10, 0.1)
    assert pace.size("kind", 1) == round(0.25 / 0.055)
