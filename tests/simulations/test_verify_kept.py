"""The main job for choices of a prescribed sparsity or N:M, from the command line: rows, verdicts, files, replays."""

import csv
import io
import json
import re
import shlex
from dataclasses import fields, replace

import numpy as np
import pytest

import subsetsum
from simulations.lemmas import bounds
from simulations.lemmas.kept_rows import KeptMaker, kept_curve
from simulations.lemmas.law_rows import FEW
from simulations.lemmas.measure import CurveSetting, goals, kept_name, measure
from simulations.lemmas.replay import kept_ends
from simulations.lemmas.settings import Settings, command, recorded
from simulations.lemmas.verdicts import kept_verdict
from simulations.run.engines import Threads
from slt.cli.verify import main, parser
from slt.core.command import BAD_INPUT, INTERRUPTED, REFUTED, run
from slt.core.intervals import Crossing
from slt.core.keep import Groups, Share
from slt.core.rates import Rates
from slt.core.store import Store
from theory.requirement import requirement

DENSE = ["--lemma", "2.1", "--eps", "0.2", "--trials", "400"]
FROZEN = ["--lemma", "A.3", "--prune", "0.1", "--lock", "0.1", "--eps", "0.2", "--trials", "300"]
KEPT = {
    "half": ["--sparsity", "0.5"],
    "2:4 lenient": ["--keep", "2:4 lenient"],
    "1:2": ["--keep", "1:2"],
}


def call(*arguments):
    return run(main, list(arguments), "verify")


def rows_of(path):
    return json.loads(path.read_text())["rows"]


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("name", ["2:4 lenient", "half"])
@pytest.mark.parametrize("rates", [DENSE, FROZEN], ids=["dense", "frozen"])
def test_rows_hold_what_is_proven_and_measured(name, rates, tmp_path, capsys):
    path = tmp_path / "r.json"
    assert call(*KEPT[name], *rates, "--json", str(path)) == 0
    rows = rows_of(path)
    assert [row["reading"] for row in rows] == ["uniform", "pointwise"]
    kept = {"sparsity": 0.5} if name == "half" else {"keep": name}
    unit = 1 if name == "half" else 4
    for row in rows:
        known = requirement(0.2, 0.05, prune=row["prune"], lock=row["lock"], reading=row["reading"], **kept)
        assert row["keep"] == known.keep
        assert (row["necessary"], row["estimated"], row["sufficient"]) == (
            known.necessary, known.estimated, known.sufficient
        )  # fmt: skip
        assert row["verdict"] == "consistent"
        assert set(row["unknown"].values()) == {""}
        assert row["measured"]["lower"] <= row["sufficient"]
        assert row["necessary"] <= row["measured"]["upper"] <= row["n_max"]
        assert {row["measured"][end] % unit for end in ("lower", "value", "upper")} == {0}
        assert 0 < row["successes"] <= row["trials"]
    shown = capsys.readouterr().out
    assert f"{'sparsity 0.5' if name == 'half' else 'keep 2:4 lenient'}: p = " in shown
    assert ("Only multiples of 4 count as n." in shown) == (unit == 4)
    assert "None on the lemmas: they speak of choices that keep any number of variables" in shown
    assert "Rows against the proven bounds: consistent" in shown
    assert "Lemma 2.1" not in shown


def test_counts_are_those_of_the_kernels():
    setting = CurveSetting(0.1, 0.1, 0.1, 1.0, 16, 300, keep=Groups(2, 4, True))
    curve = measure(setting, seed=3, store=Store(), engine=Threads(jobs=2))
    whole = subsetsum.success_counts(16, 0.1, 300, prune=0.1, lock=0.1, seed=3, targets=goals(setting),
                                     keep="2:4 lenient")  # fmt: skip
    assert np.array_equal(curve.uniform, whole.uniform)
    assert np.array_equal(curve.pointwise, whole.pointwise)
    assert 0 < curve.uniform[16] < 300
    every = curve.crossing("uniform", 0.5, 0.9)
    fourth = curve.crossing("uniform", 0.5, 0.9, 4)
    assert fourth.lower % 4 == 0
    assert (fourth.lower, fourth.upper) != (every.lower, every.upper)


def test_curves_of_other_choices_are_kept_apart():
    present = CurveSetting(0.1, 0.0, 0.0, 1.0, 12, 100)
    assert set(present.key) == {"eps", "prune", "lock", "radius", "n_max", "trials"}
    kinds = [Share(0.3), Share(0.1 + 0.2), Groups(2, 4), Groups(2, 4, True)]
    assert len({str(kind) for kind in kinds[:2]}) == 1
    assert len({kept_name(kind) for kind in kinds}) == 4
    assert len({json.dumps(replace(present, keep=kind).key) for kind in (None, *kinds)}) == 5


def test_strict_groups_in_a_frozen_source_never_suffice(tmp_path, capsys):
    path = tmp_path / "r.json"
    words = ["--lemma", "A.3", "--prune", "0.3", "--lock", "0.3", "--eps", "0.2", "--trials", "100"]
    assert call("--keep", "1:2", *words, "--json", str(path)) == 0
    for row in rows_of(path):
        assert row["necessary"] is row["estimated"] is row["sufficient"] is None
        assert (row["n_max"], row["verdict"]) == (FEW, "consistent")
        assert row["measured"]["upper"] is None
    assert "is proven to fail more often than 0.05" in capsys.readouterr().out


def test_a_violated_bound_is_refuted_loudly(monkeypatch, capsys):
    monkeypatch.setattr("theory.kept_sufficient.sufficient_kept_n", lambda *_, **__: 1)
    assert call(*KEPT["half"], *DENSE, "--brief", "--no-cache") == REFUTED
    assert "Rows against the proven bounds: contradicted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("necessary", "ends", "sufficient", "all_targets", "word"),
    [
        (None, (68, None, None), None, True, "consistent"),
        (None, (8, 12, 16), None, True, "contradicted"),
        (None, (8, 12, 16), None, False, "undecided"),
        (5, (5, 6, 7), None, True, "consistent"),
        (8, (5, 6, 7), None, True, "contradicted"),
        (8, (5, 6, 7), None, False, "undecided"),
        (5, (10, 11, 12), 9, True, "contradicted"),
        (5, (3, 6, None), 9, True, "undecided"),
    ],
)
def test_verdicts_where_some_numbers_are_not_known(necessary, ends, sufficient, all_targets, word):
    assert kept_verdict(necessary, Crossing(*ends), sufficient, all_targets=all_targets) == word


@pytest.mark.long
def test_n_max_leaves_room_and_is_a_multiple_of_the_group():
    dense = Rates(0.0, 0.0)
    half = Settings(sparsity=0.5, eps=(0.2,))
    known = requirement(0.2, 0.05, sparsity=0.5)
    assert kept_curve(half, dense, 0.2).n_max == known.estimated + -(-known.estimated // 4) + 12
    rare = replace(half, delta=1e-4)
    least = bounds.kept_necessary(0.2, 1e-4, rare.rated(dense), "uniform", Share(0.5))
    assert kept_curve(rare, dense, 0.2).n_max == 3 * least // 2 + 16
    groups = kept_curve(Settings(keep="2:5", eps=(0.2,)), dense, 0.2)
    assert groups.n_max % 5 == 0
    assert groups.keep == Groups(2, 5)


@pytest.mark.parametrize(
    "odd", [{"sparsity": 1 / 3}, {"keep": "2:4"}, {"keep": "2:4 lenient", "radius": 2 / 3}], ids=str
)
def test_the_recorded_command_repeats_the_settings_to_the_last_bit(odd):
    settings = Settings(**odd)
    args = parser().parse_args(shlex.split(command(settings))[3:])
    again = Settings(**{field.name: getattr(args, field.name) for field in fields(Settings)})
    assert repr(again) == repr(settings)
    assert again.kept == settings.kept
    assert not settings.names_lemmas
    assert set(recorded(settings)) - set(recorded(Settings())) == {"sparsity", "keep"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--sparsity", "1.5"], "sparsity must lie"),
        (["--sparsity", "0.5", "--keep", "2:4"], "give one of them"),
        (["--keep", "5:4"], "keep must be N:M"),
        (["--keep", "2-4"], "keep must be N:M"),
        (["--keep", "2:4", "--signed"], "for numbers uniform on"),
        (["--sparsity", "0.5", "--law", "normal"], "for numbers uniform on"),
        (["--sparsity", "0.5", "--prune", "0.97", "--lock", "0.02"], "more than are measured"),
        (["--keep", "2:4", "--trial", "0", "--n", "6"], "n must be a multiple of 4"),
    ],
)
def test_bad_input_is_one_line_and_code_2(words, complaint, capsys):
    assert call(*words) == BAD_INPUT
    captured = capsys.readouterr()
    assert re.search(complaint, captured.err), captured.err
    assert (captured.out, captured.err.count("\n")) == ("", 1)


@pytest.mark.parametrize("form", ["--csv", "--markdown", "--latex", "--json"])
def test_every_form_of_output(form, capsys):
    assert call(*KEPT["1:2"], *DENSE, form) == 0
    out = capsys.readouterr().out
    if form == "--json":
        found = json.loads(out)
        assert found["settings"]["keep"] == "1:2"
        assert len(found["rows"]) == 2
    elif form == "--csv":
        assert len(list(csv.reader(io.StringIO(out.strip())))) == 3
    elif form == "--markdown":
        assert {line[0] for line in out.splitlines() if line} == {"*", "|"}
    else:
        assert out.startswith("\\begin{table}\n")


@pytest.mark.long
def test_a_run_goes_on_where_it_stopped_and_computes_nothing_again(monkeypatch, tmp_path, capsys):
    words = [*KEPT["half"], *DENSE, "--brief"]
    make = KeptMaker.make

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(KeptMaker, "make", stop)
    assert call(*words, "--out", str(tmp_path)) == INTERRUPTED
    monkeypatch.setattr(KeptMaker, "make", make)
    counts = subsetsum.success_counts

    def forbidden(*_, **__):
        raise AssertionError("computed again")

    monkeypatch.setattr("subsetsum.success_counts", forbidden, raising=False)
    assert call(*words, "--out", str(tmp_path)) == 0
    first = (tmp_path / "requirement.json").read_bytes()
    assert (tmp_path / "requirement.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr("subsetsum.success_counts", counts, raising=False)
    assert call(*words, "--jobs", "2", "--out", str(tmp_path / "new")) == 0
    assert (tmp_path / "new" / "requirement.json").read_bytes() == first
    capsys.readouterr()


@pytest.mark.parametrize("kept", [{"sparsity": 0.5}, {"keep": "2:4 lenient"}, {"keep": "2:4"}], ids=str)
def test_a_trial_replays_with_the_numbers_of_draw(kept, capsys):
    (name, value), rates = *kept.items(), {"prune": 0.1, "lock": 0.1}
    words = [f"--{name}", str(value), "--prune", "0.1", "--lock", "0.1", "--eps", "0.1", "0.3"]
    assert call(*words, "--trial", "5", "--n", "12") == 0
    shown = capsys.readouterr().out
    values, _ = subsetsum.draw(12, 6, **rates)
    for number in values[5]:
        assert f"{number:+.6f}" in shown
    covered = [subsetsum.covers(12, eps, 6, **rates, **kept)[5] for eps in (0.1, 0.3)]
    assert [line.split()[1] for line in shown.splitlines()[-3:] if line.strip()][-2:] == [
        "covered" if hit else "missed" for hit in covered
    ]


def test_without_n_a_replay_takes_the_estimate(capsys):
    expected = requirement(0.2, 0.05, keep="2:4").estimated
    assert call("--keep", "2:4", "--prune", "0", "--lock", "0", "--eps", "0.2", "--trial", "0") == 0
    assert f"n = {expected} variables" in capsys.readouterr().out


@pytest.mark.parametrize("keep", [Share(0.5), Share(0.8), Groups(1, 3), Groups(2, 3), Groups(2, 3, True)], ids=str)
def test_the_ends_of_a_draws_sums_are_those_of_all_its_choices(keep):
    rng = np.random.default_rng(8)
    met = {True: 0, False: 0}
    for _ in range(60):
        x, state = rng.uniform(-1, 1, 6), rng.choice([-1, 0, 0, 0, 1], 6).astype(np.int8)
        blocks = [slice(0, 6)] if isinstance(keep, Share) else [slice(0, 3), slice(3, 6)]
        sums = [0.0]
        for block in blocks:
            free, locked = x[block][state[block] == 0], int((state[block] == 1).sum())
            j = (keep.kept(6) if isinstance(keep, Share) else keep.kept) - locked
            if isinstance(keep, Groups) and keep.lenient:
                j = min(max(j, 0), len(free))
            chosen = [c for c in range(2 ** len(free)) if c.bit_count() == j]
            own = [sum(v for i, v in enumerate(free) if c >> i & 1) for c in chosen]
            sums = [a + b for a in sums for b in own]
        found = kept_ends(x, state, keep)
        met[found is None] += 1
        assert (found is None) == (not sums)
        if sums:
            assert found == pytest.approx((min(sums), max(sums)))
    assert met[False] > 0
    assert met[True] > 0 or getattr(keep, "lenient", False)
