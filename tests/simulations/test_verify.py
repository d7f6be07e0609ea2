"""The main job from the command line to its files: rows, exit codes, bad input, interrupts, kills and replays."""

import csv
import dataclasses
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import subsetsum
from simulations.lemmas import report
from simulations.lemmas.measure import CurveSetting, measure
from simulations.lemmas.rows import Maker
from simulations.lemmas.settings import Settings, command
from simulations.run.engines import Threads
from slt.cli import verify
from slt.cli.verify import main, parser
from slt.core.command import BAD_INPUT, INTERRUPTED, REFUTED, run
from slt.core.console import Page
from slt.core.store import Store
from theory.claims import CLAIMS

ROOT = Path(__file__).parents[2]
SMALL = ["--prune", "0.2", "--lock", "0.1", "--eps", "0.2", "0.1", "--trials", "400"]
# the main job without the sections on bounds alone
COMMAND = [
    sys.executable,
    "-c",
    "import sys; from simulations.lemmas import report; from slt.cli.verify import main;"
    " report.over_precision = report.over_rates = lambda *_: []; sys.exit(main(sys.argv[1:]))",
]


@pytest.fixture(autouse=True)
def quick_report(monkeypatch):
    # the sections on bounds alone take seconds and have their own test
    monkeypatch.setattr("simulations.lemmas.report.over_precision", lambda *_: [])
    monkeypatch.setattr("simulations.lemmas.report.over_rates", lambda *_: [])


def call(*arguments: str) -> int:
    return run(main, list(arguments), "verify")


@pytest.mark.long
def test_rows_are_complete_and_ordered(tmp_path, capsys):
    assert call(*SMALL, "--json", str(tmp_path / "r.json"), "--out", str(tmp_path / "o")) == 0
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["settings"]["seed"] == 0
    assert {"numpy", "numba", "scipy", "slt-verify", "python"} <= set(result["versions"])
    assert result["command"].startswith("python -m subsetsum.verify --prune 0.2 --lock 0.1 --eps 0.2 0.1 ")
    rows = result["rows"]
    assert len(rows) == 4 * 2 * 2
    assert {(row["claim"], row["prune"], row["lock"]) for row in rows} == {
        ("2.1", 0.0, 0.0), ("2.2", 0.2, 0.0), ("A.2", 0.0, 0.1), ("A.3", 0.2, 0.1)
    }  # fmt: skip
    for row in rows:
        assert {"claim", "reading", "eps", "delta", "prune", "lock", "radius", "necessary", "estimated", "measured",
                "sufficient", "constant", "verdict"} <= set(row)  # fmt: skip
        measured, constant = row["measured"], row["constant"]
        assert row["necessary"] <= row["sufficient"]
        assert row["statistical"] <= row["sufficient"]
        assert measured["lower"] <= measured["value"] <= measured["upper"] <= row["sufficient"]
        assert constant["lower"] <= constant["value"] <= constant["upper"]
        factor = np.log(1 / min(row["delta"], row["eps"]))
        if row["claim"] != "2.2":
            assert constant["value"] == pytest.approx(measured["value"] / factor)
        assert row["verdict"] == "consistent"
        assert row["constant_refuted_to"] <= row["constant"]["upper"] * (1 + 1e-9)
        assert row["constant"]["lower"] <= row["constant_proven_from"] * (1 + 1e-9)
    for claim in ("2.1", "2.2", "A.2", "A.3"):
        for eps in (0.2, 0.1):
            uniform, pointwise = (
                next(r for r in rows if (r["claim"], r["eps"], r["reading"]) == (claim, eps, reading))
                for reading in ("uniform", "pointwise")
            )
            assert pointwise["measured"]["value"] <= uniform["measured"]["value"]
            assert pointwise["necessary"] <= uniform["necessary"]
    shown = capsys.readouterr()
    assert shown.err == ""  # no progress bar where there is no terminal
    assert "Lemma A.3 (frozen, Otsuka et al. 2024): proven with C = " in shown.out
    assert "FAILS" not in shown.out
    assert "Corrected (thinning form)" in shown.out

    with open(tmp_path / "o" / "requirement.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert [int(line["measured.value"]) for line in table] == [row["measured"]["value"] for row in rows]
    assert (tmp_path / "o" / "requirement.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "o" / "requirement.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--prune", "0.7", "--lock", "0.3"], r"prune \+ lock must be below 1"),
        (["--prune", "0.8", "--lock", "0.3"], r"prune \+ lock must be at most 1"),
        (["--prune", "-0.1"], r"prune must lie in \[0, 1\]"),
        (["--lock", "nan"], "lock must be finite"),
        (["--lock", "x"], "invalid float value: 'x'"),
        (["--eps", "0"], "eps must lie strictly between 0 and 1"),
        (["--eps", "1.5"], "eps must lie strictly between 0 and 1"),
        (["--eps", "0.1", "0.1"], "eps must not repeat"),
        (["--eps"], "expected at least one argument"),
        (["--delta", "1"], "delta must lie strictly between 0 and 1"),
        (["--radius", "0"], "radius must be above 0"),
        (["--radius", "inf"], "radius must be finite"),
        (["--trials", "0"], "trials must be at least 1"),
        (["--confidence", "1"], "confidence must lie strictly between 0 and 1"),
        (["--seed", "-1"], "seed must be at least 0"),
        (["--jobs", "0"], "jobs must be at least 1"),
        (["--eps", "1e-13"], "(?i)gib|memory"),
        (["--json", "/no/such/folder/r.json"], "cannot be written"),
        (["--out", "/dev/null/folder"], "folder"),
        (["--trial", "-1"], "trial must be at least 0"),
        (["--trial", "1", "--n", "-3"], "n must be at least 0"),
        (["--n", "5"], "--n needs --trial"),
        (["--trial", "1", "--json", "r.json"], "leave out --json, --out and --certify"),
        (["--unknown"], "unrecognized arguments"),
    ],
)
def test_bad_input_gets_one_line_and_code_2(arguments, complaint, capsys):
    try:
        code = call(*arguments)
    except SystemExit as stop:  # argparse's own way out
        code = stop.code
    captured = capsys.readouterr()
    assert code == BAD_INPUT
    assert re.search(complaint, captured.err), captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.parametrize(
    "odd",
    [
        {"eps": (0.123456789,)},
        {"eps": (1 / 3, 0.1 + 0.2, 1e-5)},
        {"prune": 0.1 + 0.2, "lock": 1 / 7},
        {"radius": 2 / 3, "delta": 1e-300},
        {"radius": 510.123456789, "confidence": 1 - 2**-53},
        {"seed": 2**64 - 1, "trials": 123456789012},
        {"prune": np.float64(0.1), "eps": (np.float64(1 / 3),), "seed": np.uint64(7), "trials": np.int8(9)},
        {"prune": 0, "radius": 1},
        {"delta": 5e-324, "radius": 5e-324},
    ],
    ids=str,
)
def test_the_recorded_command_repeats_the_settings_to_the_last_bit(odd):
    settings = Settings(**{"prune": 0.25, "lock": 0.25, "eps": (0.1,), **odd})
    python, option, module, *words = shlex.split(command(settings))
    assert (python, option, module) == ("python", "-m", "subsetsum.verify")
    args = parser().parse_args(words)
    again = Settings(**{field.name: getattr(args, field.name) for field in dataclasses.fields(Settings)})
    assert again == settings
    assert repr(again) == repr(settings)


def test_the_committed_command_is_what_its_settings_give():
    result = json.loads((ROOT / "simulations" / "results" / "requirement.json").read_text())
    assert command(Settings(**result["settings"])) == result["command"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        KeyError("backend"),
        ValueError("a tick"),
        MemoryError(),
        ImportError("no matplotlib"),
        RecursionError("deep"),
        UserWarning("a glyph is missing"),
    ],
    ids=repr,
)
def test_a_figure_that_fails_costs_one_line_and_no_verdict(monkeypatch, tmp_path, capsys, error):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr("figures.requirement.render", fails)
    assert call(*SMALL, "--out", str(tmp_path)) == 0
    captured = capsys.readouterr()
    assert "Lemma A.3 (frozen, Otsuka et al. 2024): proven with C = " in captured.out
    assert captured.err.startswith("no figure: ")
    assert captured.err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["requirement.csv", "requirement.json", "runs.sqlite"]


def test_a_figure_that_fails_leaves_refuted_refuted(monkeypatch, tmp_path):
    monkeypatch.setattr("theory.sufficient.sufficient_n", lambda *_, **__: 1)
    monkeypatch.setattr("figures.requirement.render", lambda *_, **__: {}["x"])
    assert call(*SMALL, "--out", str(tmp_path)) == REFUTED


@pytest.mark.long
@pytest.mark.parametrize("redirection", ["| head -n 1", "| true", ">/dev/full", ">&-"])
def test_results_are_whole_whatever_becomes_of_the_screen(tmp_path, redirection):
    words = shlex.join(
        [
            *COMMAND[:2],
            COMMAND[2]
            .replace("main(sys.argv[1:])", "run(main, None, 'verify')")
            .replace("import sys;", "import sys; from slt.core.command import run;"),
            *SMALL,
            "--json",
            str(tmp_path / "r.json"),
        ]
    )
    line = f"{words} {redirection}; echo ${{PIPESTATUS[0]}} >{tmp_path}/code"
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True)
    rows = json.loads((tmp_path / "r.json").read_text())["rows"]
    assert {row["claim"] for row in rows} == {claim.key for claim in CLAIMS}
    assert (tmp_path / "code").read_text() == ("2\n" if "full" in redirection else "0\n")
    assert done.stderr.count("\n") == ("full" in redirection)


def test_a_violated_bound_is_refuted_loudly(monkeypatch, capsys):
    monkeypatch.setattr("theory.sufficient.sufficient_n", lambda *_, **__: 1)
    assert call(*SMALL) == REFUTED
    assert "Rows against the proven bounds: contradicted" in capsys.readouterr().out


def test_too_few_trials_leave_it_undecided(capsys):
    assert call("--prune", "0.2", "--lock", "0.1", "--eps", "0.2", "--trials", "20") == 0
    assert "Rows against the proven bounds: undecided" in capsys.readouterr().out


def test_threads_and_chunks_do_not_matter():
    setting = CurveSetting(0.05, prune=0.3, lock=0.2, radius=1.0, n_max=30, trials=12_000)
    stores = [Store() for _ in range(2)]
    one, two = (
        measure(setting, seed=5, store=store, engine=Threads(jobs)) for store, jobs in zip(stores, (1, 2), strict=True)
    )
    whole = subsetsum.success_counts(30, 0.05, 12_000, prune=0.3, lock=0.2, seed=5, targets=subsetsum.targets(1.0))
    for curve in (one, two):
        assert np.array_equal(curve.uniform, whole.uniform)
        assert np.array_equal(curve.pointwise, whole.pointwise)


def test_an_interrupt_keeps_and_shows_what_is_done(monkeypatch, tmp_path, capsys):
    calls = []
    make = Maker.make

    def stop_at_second(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return make(*arguments)

    monkeypatch.setattr(Maker, "make", stop_at_second)
    path = tmp_path / "r.json"
    assert call(*SMALL, "--json", str(path)) == INTERRUPTED
    rows = json.loads(path.read_text())["rows"]
    assert [(row["claim"], row["eps"]) for row in rows] == [("2.1", 0.2)] * 2
    shown = capsys.readouterr().out
    assert "Interrupted: the rows above are finished" in shown
    assert "Verdicts" not in shown


def test_an_interrupt_after_the_last_row_finds_all_rows_written(monkeypatch, tmp_path):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("simulations.lemmas.report.conclusions", interrupted)
    assert call(*SMALL, "--json", str(tmp_path / "r.json"), "--out", str(tmp_path)) == INTERRUPTED
    rows = json.loads((tmp_path / "r.json").read_text())["rows"]
    assert {row["claim"] for row in rows} == {claim.key for claim in CLAIMS}
    assert json.loads((tmp_path / "requirement.json").read_text())["rows"] == rows


@pytest.mark.long
def test_a_second_run_computes_nothing_again(monkeypatch, tmp_path):
    assert call(*SMALL, "--out", str(tmp_path)) == 0
    first = (tmp_path / "requirement.json").read_bytes()

    def forbidden(*_, **__):
        raise AssertionError("computed again")

    monkeypatch.setattr("subsetsum.success_counts", forbidden, raising=False)
    assert call(*SMALL, "--out", str(tmp_path)) == 0
    assert (tmp_path / "requirement.json").read_bytes() == first


@pytest.mark.long
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path):
    command = [*COMMAND, "--eps", "0.01", "--trials", "100000", "--json"]
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    for delay in (4.0, 6.0, None):
        child = subprocess.Popen(
            [*command, str(tmp_path / "r.json"), "--out", str(resumed)], cwd=ROOT, stdout=subprocess.DEVNULL
        )
        if delay is None:
            assert child.wait() == 0
        else:
            time.sleep(delay)
            child.send_signal(signal.SIGKILL)
            child.wait()
            assert not (tmp_path / "r.json").exists()
    subprocess.run([*command, str(tmp_path / "s.json"), "--out", str(whole)], cwd=ROOT, check=True, capture_output=True)
    assert (tmp_path / "r.json").read_bytes() == (tmp_path / "s.json").read_bytes()
    assert (resumed / "requirement.csv").read_bytes() == (whole / "requirement.csv").read_bytes()
    assert sorted(os.listdir(resumed)) == sorted(os.listdir(whole))


def test_a_trial_replays_with_the_numbers_of_draw(capsys):
    assert call("--prune", "0.4", "--lock", "0.3", "--trial", "7", "--n", "40", "--eps", "0.3", "0.01") == 0
    shown = capsys.readouterr().out
    values, states = subsetsum.draw(40, 8, prune=0.4, lock=0.3)
    for state, title in ((0, "free"), (1, "locked"), (-1, "pruned")):
        assert f"{np.sum(states[7] == state)} {title}" in shown
    for value in values[7]:
        assert f"{value:+.6f}" in shown
    error = subsetsum.worst_errors(40, 8, prune=0.4, lock=0.3)[7]
    assert f"{error:.3e}" in shown
    covered = subsetsum.covers_values(values=values[7:], states=states[7:], eps=0.3)[0]
    assert ("covered" in shown) == bool(covered or error <= 0.01)


@pytest.mark.long
def test_heavy_freezing_and_other_radii_run(capsys):
    assert call("--prune", "0.5", "--lock", "0.4", "--eps", "0.1", "--radius", "0.3", "--trials", "100") == 0
    assert "p = 0.5, q = 0.4" in capsys.readouterr().out


def test_eps_of_the_radius_needs_nothing(tmp_path):
    assert call("--eps", "0.5", "--radius", "0.5", "--trials", "50", "--json", str(tmp_path / "r.json")) == 0
    for row in json.loads((tmp_path / "r.json").read_text())["rows"]:
        assert row["necessary"] == row["measured"]["lower"] == row["measured"]["value"] == row["sufficient"] == 0


@pytest.mark.parametrize(("keys", "steps"), [(["A.3"], True), (["A.2"], True), (["2.1"], False), (["2.2"], False)])
def test_of_the_proofs_only_what_belongs_to_the_lemmas_is_shown(keys, steps, capsys):
    report.proof_steps(Page(), Settings(), verify.chosen(keys))
    shown = capsys.readouterr().out
    assert ("(16)" in shown) == steps
