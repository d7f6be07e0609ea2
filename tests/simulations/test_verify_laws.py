"""The main job for numbers of other laws, from the command line: rows, verdicts, files, forms, bad input, replays."""

import csv
import io
import json
import re
import shlex
from dataclasses import fields, replace

import numpy as np
import pytest

import subsetsum
from simulations.lemmas import law_report
from simulations.lemmas.law_rows import FEW, LawMaker, law_curve
from simulations.lemmas.measure import CurveSetting, goals, measure, named
from simulations.lemmas.settings import Settings, command, recorded
from simulations.lemmas.verdicts import law_verdict
from simulations.run.engines import Threads
from slt.cli.verify import main, parser
from slt.core.command import BAD_INPUT, INTERRUPTED, REFUTED, run
from slt.core.intervals import Crossing
from slt.core.laws import Constant, Integers, Own, Uniform, law_of
from slt.core.rates import Rates
from slt.core.store import Store
from theory.law_requirement import law_requirement

DENSE = ["--lemma", "2.1", "--eps", "0.2", "--trials", "400"]
FROZEN = ["--lemma", "A.3", "--prune", "0.1", "--lock", "0.1", "--eps", "0.2", "--trials", "300"]
LAWS = {
    "normal 0.5": ["--law", "normal 0.5"],
    "uniform 1, signed": ["--signed"],
    "uniform 0.5": ["--fan-in", "24"],
    "mixture 0.5 (uniform 1) 0.5 (normal 0.5)": ["--law", "mixture 0.5 uniform 0.5 normal 0.5"],
    "product (uniform 1) (uniform 1), signed": ["--law", "product uniform uniform", "--signed"],
}


def call(*arguments):
    return run(main, list(arguments), "verify")


def rows_of(path):
    return json.loads(path.read_text())["rows"]


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("rates", [DENSE, FROZEN], ids=["dense", "frozen"])
def test_rows_hold_what_is_proven_and_measured(name, rates, tmp_path, capsys):
    path = tmp_path / "r.json"
    assert call(*LAWS[name], *rates, "--json", str(path)) == 0
    rows = rows_of(path)
    assert [row["reading"] for row in rows] == ["uniform", "pointwise"]
    law, signed = name.removesuffix(", signed"), name.endswith(", signed")
    for row in rows:
        known = law_requirement(
            0.2, 0.05, law=law_of(law), signed=signed, prune=row["prune"], lock=row["lock"], reading=row["reading"]
        )
        assert (row["law"], row["signed"]) == (law, signed)
        assert (row["necessary"], row["estimated"], row["sufficient"]) == (
            known.necessary, known.estimated, known.sufficient
        )  # fmt: skip
        assert {key: text for key, text in row["unknown"].items() if text} == known.notes
        assert row["verdict"] == "consistent"
        assert row["measured"]["lower"] <= row["sufficient"]
        assert row["necessary"] <= row["measured"]["upper"] <= row["n_max"]
        assert 0 < row["successes"] <= row["trials"]
    shown = capsys.readouterr().out
    assert f"{name}: p = " in shown
    assert "None on the lemmas: they speak of numbers that are uniform on [-1, 1] and of choices from {0, 1}" in shown
    assert "Rows against the proven bounds: consistent" in shown
    assert "Lemma 2.1" not in shown


def test_the_rates_of_the_lemmas_are_asked_about_once_each(tmp_path, capsys):
    path = tmp_path / "r.json"
    assert (
        call("--law", "normal", "--prune", "0.2", "--lock", "0", "--eps", "0.3", "--trials", "60", "--json", str(path))
        == 0
    )
    assert [(row["prune"], row["lock"], row["reading"]) for row in rows_of(path)] == [
        (0.0, 0.0, "uniform"), (0.0, 0.0, "pointwise"), (0.2, 0.0, "uniform"), (0.2, 0.0, "pointwise"),
    ]  # fmt: skip
    capsys.readouterr()


@pytest.mark.parametrize("signed", [[], ["--signed"]], ids=["from {0, 1}", "signed"])
def test_signed_constants_never_cover_and_the_lemmas_say_nothing_of_them(signed, tmp_path, capsys):
    path = tmp_path / "r.json"
    assert call("--law", "constant 0.5", *signed, *FROZEN[:-3], "0.2", "--trials", "200", "--json", str(path)) == 0
    for row in rows_of(path):
        assert row["necessary"] is row["estimated"] is row["sufficient"] is None
        assert (row["successes"], row["n_max"], row["verdict"]) == (0, FEW, "consistent")
        assert row["measured"] == {"lower": FEW + 1, "value": None, "upper": None}
    words = " ".join(capsys.readouterr().out.split())
    assert "all numbers are multiples of d = 0.5" in words
    assert "The target z = 0.25 is 0.25 away from all of them" in words
    assert f"Measured: in 0 of 2 rows did any of at least 200 trials succeed at any n = 0, .., {FEW}" in words
    assert "(SKC) is such a source: the lemmas say nothing of it" in words


def test_above_half_the_pitch_constants_are_measured_as_any_law(tmp_path, capsys):
    path = tmp_path / "r.json"
    assert call("--law", "constant 0.5", *DENSE[:2], "--eps", "0.3", "--trials", "400", "--json", str(path)) == 0
    assert all(row["necessary"] <= row["measured"]["upper"] for row in rows_of(path))
    assert "multiples of d" not in capsys.readouterr().out


def test_a_success_where_none_can_be_contradicts(monkeypatch, capsys):
    monkeypatch.setattr("theory.law_necessary.never_covered", lambda *_, **__: True)
    monkeypatch.setattr("simulations.lemmas.law_rows.never_covered", lambda *_, **__: True)
    assert call("--law", "normal 0.5", *DENSE) == REFUTED
    assert "Rows against the proven bounds: contradicted" in capsys.readouterr().out


def test_a_violated_bound_is_refuted_loudly(monkeypatch, capsys):
    monkeypatch.setattr("theory.law_sufficient.law_sufficient_n", lambda *_, **__: 1)
    assert call("--law", "normal 0.5", *DENSE, "--brief") == REFUTED
    assert "Rows against the proven bounds: contradicted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("necessary", "ends", "sufficient", "word"),
    [
        (None, (65, None, None), None, "consistent"),
        (5, (5, 6, 7), None, "consistent"),
        (8, (5, 6, 7), None, "contradicted"),
        (5, (10, 11, 12), 9, "contradicted"),
        (5, (3, 6, None), None, "undecided"),
    ],
)
def test_verdicts_where_some_numbers_are_not_known(necessary, ends, sufficient, word):
    assert law_verdict(necessary, Crossing(*ends), sufficient, successes=0) == word


def test_whole_numbers_up_to_a_level(tmp_path, capsys):
    path = tmp_path / "r.json"
    assert call("--levels", "16", "--lemma", "2.1", "--trials", "400", "--json", str(path)) == 0
    found = json.loads(path.read_text())
    assert found["settings"]["eps"] == [0.5]
    assert found["settings"]["radius"] == 16.0
    for row in found["rows"]:
        assert row["verdict"] == "consistent"
        assert row["necessary"] <= row["measured"]["upper"]
    words = " ".join(capsys.readouterr().out.split())
    assert "Numbers: integers 16. Choices: {0, 1}. Targets are whole numbers." in words
    assert "On such numbers: Kumar 2025, Lemma 4 (integers, Kumar & Natale 2025): not judged" in words


def test_whole_numbers_are_covered_when_every_one_is_a_sum():
    n, trials = 9, 200
    units, states = subsetsum.draw(n, trials, law=Integers(4), lock=0.2)
    counts = subsetsum.success_counts(n, 0.5, trials, law=Integers(4), lock=0.2, radius=4.0)
    naive = 0
    for x, state in zip(units.astype(int), states, strict=True):
        sums = {int(x[state == 1].sum())}
        for free in x[state == 0].tolist():
            sums |= {s + free for s in sums}
        naive += set(range(-4, 5)) <= sums
    assert counts.uniform[n] == naive
    assert 0 < naive < trials


def test_the_present_law_under_another_name_is_the_present_job(capsys):
    words = ["--lemma", "2.1", "--eps", "0.3", "--trials", "50", "--brief"]
    assert call(*words) == 0
    first = capsys.readouterr().out
    for same in (["--law", "uniform"], ["--law", "uniform 1"], ["--fan-in", "6"]):
        assert call(*same, *words) == 0
        assert capsys.readouterr().out == first
    assert "law" not in recorded(Settings(law="uniform 1"))
    assert command(Settings(law="uniform 1")) == command(Settings())


@pytest.mark.parametrize(
    "odd",
    [
        {"law": "normal 0.3333333333333333"},
        {"fan_in": 7, "signed": True},
        {"levels": 12},
        {"levels": 12, "law": "constant 3", "signed": True},
        {"law": "uniform 0.01", "radius": 2 / 3, "eps": (1 / 3, 1e-5)},
        {"signed": True},
    ],
    ids=str,
)
def test_the_recorded_command_repeats_the_settings_to_the_last_bit(odd):
    settings = Settings(**odd)
    args = parser().parse_args(shlex.split(command(settings))[3:])
    again = Settings(**{field.name: getattr(args, field.name) for field in fields(Settings)})
    assert repr(again) == repr(settings)
    assert again.numbers == settings.numbers
    assert settings.is_other


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("0.1 nan 0.3", "every own number must be finite"),
        ("0.1 inf 0.3", "every own number must be finite"),
        ("0.5", "own numbers must be between 2 and"),
        ("", "own numbers must be between 2 and"),
        ("0.5, 0.5\n0.5", "own numbers must not all be equal"),
        ("0.1 x", "its word 2 must be a number, got 'x'"),
        ("0 1e-30 -1e-30", "the largest own number must lie between"),
    ],
)
def test_a_file_of_bad_numbers_is_one_line_and_code_2(content, complaint, tmp_path, capsys):
    path = tmp_path / "own numbers.txt"
    path.write_text(content)
    assert call("--law", f"file {path}", *DENSE) == BAD_INPUT
    captured = capsys.readouterr()
    assert complaint in captured.err
    assert (captured.out, captured.err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--law", "file /no/such/file"], "cannot read the numbers of"),
        (["--law", "cauchy"], "is no name of a law"),
        (["--law", "normal 0"], "sigma must be above 0"),
        (["--law", "uniform", "--fan-in", "3"], "give one of them"),
        (["--fan-in", "0"], "fan_in must be at least 1"),
        (["--levels", "0"], "M must be at least 1"),
        (["--levels", "4", "--law", "normal"], "--levels asks for a law of whole numbers"),
        (["--levels", "4", "--law", "constant 0.5"], "--levels asks for a law of whole numbers"),
        (["--law", "product (product uniform uniform) (product uniform uniform)"], "no product of two products"),
        (["--law", "normal", "--radius", "100000"], "radius must be at most"),
        pytest.param(["--law", "uniform 0.0001", "--radius", "0.06"], "more than are measured", marks=pytest.mark.long),
        (["--law", "normal", "--eps", "1e-13"], "(?i)gib|memory"),
        (["--law", "normal", "--eps", "0"], "eps must lie strictly between 0 and 1"),
        (["--law", "normal", "--trial", "-1"], "trial must be at least 0"),
        (["--signed", "--radius", "0"], "radius must be above 0"),
    ],
)
def test_bad_input_is_one_line_and_code_2(words, complaint, capsys):
    try:
        code = call(*words)
    except SystemExit as stop:  # argparse's own way out
        code = stop.code
    captured = capsys.readouterr()
    assert code == BAD_INPUT
    assert re.search(complaint, captured.err), captured.err
    assert (captured.out, captured.err.count("\n")) == ("", 1)


def test_a_law_without_density_says_that_no_number_is_proven(tmp_path, capsys):
    path = tmp_path / "own.txt"
    path.write_text("0.3 0.7, -0.4\n1.1 -0.9 -0.25")
    assert call("--law", f"file {path}", *DENSE[:2], "--eps", "0.3", "--trials", "300") == 0
    words = " ".join(capsys.readouterr().out.split())
    assert "6 own numbers: p = 0, q = 0" in words
    assert "estimated -: no estimate: own numbers are finitely many" in words
    assert "sufficient -: not known: the law has no density around 0, which our proof needs" in words


def test_numbers_of_one_sign_have_targets_of_both(tmp_path):
    law = Own((0.25, 0.5))
    z = goals(CurveSetting(0.3, 0.0, 0.0, 1.0, 10, 5, law=law))
    assert z.tolist() == np.linspace(-1, 1, 17).tolist()
    assert goals(CurveSetting(0.3, 0.0, 0.0, 1.0, 10, 5, law=Own((0.5, -0.5)))).tolist() == [
        0,
        0,
        0,
        0.5,
        0.5,
        0.5,
        1,
        1,
        1,
    ]


def test_targets_lie_on_the_lattice_or_where_no_sum_comes():
    half = CurveSetting(0.5, 0.0, 0.0, 3.0, 10, 5, law=Integers(3))
    assert set(goals(half)) == {0, 1, 2, 3}
    never = replace(half, eps=0.4)
    assert goals(never)[1] == 0.5
    assert goals(replace(never, law=Uniform(3.0))).tolist() == np.linspace(0, 3, 9).tolist()
    assert goals(replace(never, law=Constant(100.0)))[1] == 3.0  # not 50: beyond the targets


@pytest.mark.parametrize("form", ["--csv", "--markdown", "--latex", "--json"])
def test_every_form_of_output(form, capsys):
    assert call("--law", "normal", *DENSE, form) == 0
    out = capsys.readouterr().out
    if form == "--json":
        found = json.loads(out)
        assert found["settings"]["law"] == "normal"
        assert len(found["rows"]) == 2
    elif form == "--csv":
        table = list(csv.reader(io.StringIO(out.strip())))
        assert table[0] == [
            "reading", "eps", "necessary", "estimated", "measured", "measured low", "measured high", "sufficient",
            "verdict",
        ]  # fmt: skip
        assert len(table) == 3
    elif form == "--markdown":
        assert {line[0] for line in out.splitlines() if line} == {"*", "|"}
    else:
        assert out.startswith("\\begin{table}\n")


def test_threads_and_chunks_do_not_matter():
    setting = CurveSetting(0.1, 0.2, 0.2, 1.0, 12, 700, law=law_of("normal 0.5"), signed=True)
    one, two = (measure(setting, seed=5, store=Store(), engine=Threads(jobs)) for jobs in (1, 2))
    whole = subsetsum.success_counts(
        12, 0.1, 700, prune=0.2, lock=0.2, seed=5, targets=goals(setting), law=setting.law, signed=True
    )
    for curve in (one, two):
        assert np.array_equal(curve.uniform, whole.uniform)
        assert np.array_equal(curve.pointwise, whole.pointwise)


def test_curves_of_laws_that_are_written_alike_are_kept_apart():
    laws = [Own((0.1, 0.2)), Own((0.1, 0.3)), Uniform(0.1), Uniform(0.1 + 1e-16)]
    assert len({str(law) for law in laws}) == 2
    assert len({named(law) for law in laws}) == 4
    present = CurveSetting(0.1, 0.0, 0.0, 1.0, 10, 100)
    assert set(present.key) == {"eps", "prune", "lock", "radius", "n_max", "trials"}
    keys = [replace(present, law=law).key for law in laws] + [replace(present, signed=True).key, present.key]
    assert len({json.dumps(key) for key in keys}) == 6


def test_a_run_goes_on_where_it_stopped_and_computes_nothing_again(monkeypatch, tmp_path, capsys):
    words = ["--law", "normal 0.5", "--signed", *FROZEN, "--out", str(tmp_path), "--brief"]
    make = LawMaker.make

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(LawMaker, "make", stop)
    assert call(*words) == INTERRUPTED
    monkeypatch.setattr(LawMaker, "make", make)

    def forbidden(*_, **__):
        raise AssertionError("computed again")

    counts = subsetsum.success_counts
    monkeypatch.setattr("subsetsum.success_counts", forbidden, raising=False)
    assert call(*words) == 0
    first = (tmp_path / "requirement.json").read_bytes()
    assert (tmp_path / "requirement.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr("subsetsum.success_counts", counts, raising=False)
    assert call(*words[:-3], "--brief", "--out", str(tmp_path / "new")) == 0
    assert (tmp_path / "new" / "requirement.json").read_bytes() == first
    capsys.readouterr()


@pytest.mark.parametrize("law", ["normal 0.5", "constant 0.5", "integers 3"])
@pytest.mark.parametrize("signed", [False, True])
def test_a_trial_replays_with_the_numbers_of_draw(law, signed, capsys):
    words = ["--law", law, *["--signed"] * signed, "--prune", "0.2", "--lock", "0.2", "--eps", "0.2", "0.6"]
    assert call(*words, "--trial", "5", "--n", "14") == 0
    shown = capsys.readouterr().out
    told = {"prune": 0.2, "lock": 0.2, "law": law, "signed": signed}
    values, states = subsetsum.draw(14, 6, **told)
    for value in values[5]:
        assert f"{value:+.6f}" in shown
    free = values[5][states[5] == 0]
    low = -np.abs(free).sum() if signed else np.minimum(free, 0).sum()
    assert f"[{values[5][states[5] == 1].sum() + low:+.6f}, " in shown
    covered = [subsetsum.covers(14, eps, 6, **told)[5] for eps in (0.2, 0.6)]
    assert [line.split()[1] for line in shown.splitlines()[-3:] if line.strip()][-2:] == [
        "covered" if hit else "missed" for hit in covered
    ]


def test_without_n_a_replay_takes_the_estimate_or_what_is_necessary(capsys):
    for words, expected in (
        (["--law", "normal 0.5"], law_requirement(0.2, 0.05, law="normal 0.5").estimated),
        (["--signed"], law_requirement(0.2, 0.05, law="uniform", signed=True).necessary),
        (["--law", "constant"], FEW),
    ):
        assert call(*words, "--prune", "0", "--lock", "0", "--eps", "0.2", "--trial", "0") == 0
        assert f"n = {expected} variables" in capsys.readouterr().out


def test_n_max_leaves_room_above_what_is_expected_and_none_where_nothing_can_be():
    dense = Rates(0.0, 0.0)
    own = Settings(law="normal 0.5", eps=(0.1,))
    known = law_requirement(0.1, 0.05, law="normal 0.5")
    assert law_curve(own, dense, 0.1).n_max == known.estimated + -(-known.estimated // 4) + 12
    signed = replace(own, signed=True)
    least = law_requirement(0.1, 0.05, law="normal 0.5", signed=True).necessary
    assert law_curve(signed, dense, 0.1).n_max == 3 * least // 2 + 16
    assert law_curve(replace(own, law="constant"), dense, 0.1).n_max == FEW


def test_reasons_are_told_once_each():
    rows = [
        {"unknown": {"necessary": "", "estimated": "a", "sufficient": "b"}},
        {"unknown": {"necessary": "a", "estimated": "a", "sufficient": ""}},
    ]
    assert law_report.unknown(rows) == [("estimated, necessary", "a"), ("sufficient", "b")]
