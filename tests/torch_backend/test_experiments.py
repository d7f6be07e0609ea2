"""The claims tried here: verdicts say yes, no and undecided, sentences have the numbers, rows agree with plans."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean

import pytest
from scipy.stats import t

from figures.all import FIGURES
from slt.cli import COMMANDS, dispatch
from slt.core.command import BAD_INPUT, REFUTED, run
from slt.core.places import committed
from slt.core.store import export_jsonl, read_jsonl
from torch_backend.commands import experiments as command
from torch_backend.experiments import EXPERIMENTS, tried
from torch_backend.experiments.counted import COUNTED
from torch_backend.experiments.plans import PLANS, same_size
from torch_backend.experiments.record import (
    CONTRADICTED,
    SHARE,
    UNDECIDED,
    UPHELD,
    Found,
    Part,
    Quantity,
    read_record,
    together,
)
from torch_backend.experiments.running import check, file_bytes
from torch_backend.experiments.runs import by_seed, chosen, difference, paired, read, setting
from torch_backend.experiments.table1 import NOT_RUN, table
from torch_backend.training.settings import Settings

ROOT = Path(__file__).parents[2]
OWN = [name for name in (*PLANS, *COUNTED) if committed("torch_backend", f"claims-{name}.jsonl").is_file()]


# verdicts


@pytest.mark.parametrize(
    ("values", "above", "word"),
    [
        ((2.0, 2.1, 1.9), 0.0, UPHELD),
        ((2.0, 2.1, 1.9), 1.0, UPHELD),
        ((2.0, 2.1, 1.9), 3.0, CONTRADICTED),
        ((-1.0, -1.1, -0.9), -2.0, UPHELD),
        ((2.0, -2.0, 1.0), 0.0, UNDECIDED),
        ((9.0,), 0.0, UNDECIDED),
    ],
)
def test_a_quantity_is_judged_by_its_whole_interval(values, above, word):
    assert Quantity("", values, above).verdict() == word


def test_an_exact_quantity_is_its_own_interval():
    assert Quantity("", (3.3,), 3.3, exact=True).verdict() == UPHELD
    assert Quantity("", (3.2,), 3.3, exact=True).verdict(9) == CONTRADICTED


def test_intervals_of_one_claim_hold_together():
    values = (1.0, 2.0, 4.0, 3.0)
    parts = (Part("a", "", (Quantity("", values),) * 3), Part("b", "", (Quantity("", (5.0,), exact=True),)))
    found = Found(parts, "")
    assert found.among == 3
    half = float(t.ppf(1 - 0.05 / 3 / 2, 3)) * (5 / 3 / 4) ** 0.5
    assert Quantity("", values).interval(found.among).upper == pytest.approx(2.5 + half)


def test_one_contradiction_contradicts_a_claim_and_a_part_without_rows_leaves_it_open():
    sure, never, open_ = (Quantity("", values) for values in ((2.0, 2.1), (-2.0, -2.1), (2.0, -2.0)))

    def verdict(*parts):
        return Found(tuple(Part("", "", part) for part in parts), "").verdict

    assert verdict((sure,), (sure,)) == UPHELD
    assert verdict((sure,), (sure, never)) == CONTRADICTED
    assert verdict((sure,), (open_,)) == UNDECIDED
    assert verdict((sure,), ()) == UNDECIDED
    assert verdict() == UNDECIDED
    assert together([UPHELD, UNDECIDED, CONTRADICTED]) == CONTRADICTED


def test_differences_are_paired_by_seed():
    a = [{"seed": 2, "test": 0.9}, {"seed": 0, "test": 0.5}]
    b = [{"seed": 0, "test": 0.25}, {"seed": 1, "test": 0.0}, {"seed": 2, "test": 0.8}]
    (found,) = difference("x", a, b)
    assert found.values == pytest.approx((25.0, 10.0))
    assert difference("x", a, []) == []
    with pytest.raises(ValueError, match="two rows with seed 0 differ in test"):
        by_seed([{"seed": 0, "test": 0.5}, {"seed": 0, "test": 0.6}])


# each analysis, on rows in which the claim is plainly true, plainly false, or lost in noise

FAVOURED = {  # which rows are better where the claim holds
    "E1": lambda row: setting(row, "lock") > 0,
    "E2": lambda row: setting(row, "lock") > 0,
    "E4": lambda row: setting(row, "method") != "weights",
    "E6": lambda row: abs(2 * setting(row, "sparsity") - 1 - setting(row, "prune") + setting(row, "lock")) < 1e-6,
    "E7": lambda row: setting(row, "rule") == "epl",
    "E8": lambda row: setting(row, "prune") + setting(row, "lock") > 0,
    "E9": lambda row: setting(row, "lock") > 0,
    "E13": lambda row: setting(row, "lock") == 0,
    "E14": lambda row: setting(row, "lock") > 0,
    "E16": lambda row: row["method"] != "random",
    "E17": lambda row: setting(row, "lock") > 0,
}


def files_of(key):
    """Rows of a claim: those of its plans, with no accuracy yet, and copies of committed ones."""
    found = {}
    for name, kept in read(EXPERIMENTS[key].files).items():
        rows = kept
        plan = PLANS.get(name.removeprefix("claims-").removesuffix(".jsonl"))
        if plan is not None:
            rows = [
                {"plan": plan.name, "seed": seed, "bits": 1.0, "settings": asdict(search.settings)}
                for search in plan.searches
                for seed in range(search.seeds)
            ]
        found[name] = [dict(row) for row in rows if "settings" in row]
    return found


def judged(key, score):
    files = files_of(key)
    for rows in files.values():
        for row in rows:
            row["test"] = score(row)
    return Found(EXPERIMENTS[key].parts(files), "")


def noise(row):
    return 0.0001 * ((7 * row["seed"] + int(1000 * setting(row, "sparsity"))) % 5)


@pytest.mark.parametrize("key", FAVOURED)
def test_a_claim_is_upheld_contradicted_or_undecided_as_its_rows_are(key):
    better = FAVOURED[key]
    found = judged(key, lambda row: 0.5 + 0.3 * better(row) + noise(row))
    decided = [at for at, part in enumerate(found.parts) if part.quantities and len(part.quantities[0].values) > 1]
    assert decided
    assert {found.verdict_of(found.parts[at]) for at in decided} == {UPHELD}
    assert found.verdict in (UPHELD, UNDECIDED)  # a seed alone decides nothing
    found = judged(key, lambda row: 0.5 - 0.3 * better(row) + noise(row))
    assert found.verdict == CONTRADICTED
    assert {found.verdict_of(found.parts[at]) for at in decided} == {CONTRADICTED}
    swings = judged(key, lambda row: 0.5 + (-1) ** (row["seed"] + better(row)) * 0.2)
    assert swings.verdict == UNDECIDED
    assert swings.counts()[:2] == (0, 0)


def test_the_sentence_has_the_numbers_of_the_rows():
    better = FAVOURED["E7"]
    found = judged("E7", lambda row: 0.5 + 0.125 * better(row) + 0.01 * (row["seed"] % 2))
    assert found.parts[0].quantities[0].values == pytest.approx((12.5,) * 10)
    assert "GIN on Cora: +12.5 to +12.5 points, upheld in 2 of 2" in found.sentence
    part = Part("a", "", (Quantity("", (1.0, 2.0)), Quantity("", (-3.0, -3.1)), Quantity("", (9.0, 9.0, 9.0))))
    found = Found((part, Part("b", "", (Quantity("", (7.25,), exact=True, unit=SHARE),)), Part("c", "", ())), "")
    assert found.sentence == (
        "a: -3.0 to +9.0 points, upheld in 1 of 3, contradicted in 1; b: 7.25 %; c: nothing was run"
    )


def test_signed_constants_help_less_in_wider_sources():
    def score(row, gain, less):
        skc = setting(row, "weights") == "skc"
        return 0.5 + skc * (gain - less * setting(row, "width")) + noise(row)

    for gain, less, words in (
        (0.3, 0.3, {UPHELD}),
        (-0.3, -0.3, {CONTRADICTED}),
        (0.3, -0.3, {UPHELD, CONTRADICTED}),
    ):
        found = judged("E3", lambda row, gain=gain, less=less: score(row, gain, less))
        assert len(found.parts) == 6
        assert {found.verdict_of(part) for part in found.parts} == words
    assert judged(
        "E3", lambda row: 0.5 + 0.1 * (-1) ** row["seed"] * (row["settings"]["weights"] == "skc")
    ).verdict == (UNDECIDED)


@pytest.mark.parametrize(("slope", "word"), [(0.02, UPHELD), (-0.02, CONTRADICTED), (0.0, UNDECIDED)])
def test_locking_in_deep_networks(slope, word):
    def score(row):
        only_locked = setting(row, "lock") == 0.5
        return 0.5 + only_locked * (slope * setting(row, "depth") + 0.01 * ((row["seed"] + setting(row, "depth")) % 3))

    assert judged("E5", score).verdict == word


def test_costs_are_judged_by_time_memory_and_bytes():
    files = read(EXPERIMENTS["E10"].files)
    (rows,) = files.values()
    quick = [row | {"cpu_seconds": 1.0 - 0.5 * row["freezing"] + 0.001 * row["seed"]} for row in rows]
    slow = [row | {"cpu_seconds": 1.0 + 0.001 * row["seed"]} for row in rows]
    heavy = [row | {"bytes": 100} for row in quick]
    for changed, words in (
        (quick, [UPHELD, UPHELD]),
        (slow, [CONTRADICTED, UPHELD]),
        (heavy, [UPHELD, CONTRADICTED]),
    ):
        found = Found(EXPERIMENTS["E10"].parts({"claims-costs.jsonl": changed}), "")
        assert [found.verdict_of(part) for part in found.parts] == words
    (rows,) = read(EXPERIMENTS["E11"].files).values()
    bare = [row | {"file_bytes": row["free"] / 8, "trained_bytes": row["trained_bytes"] - row["statistics_bytes"]}
            for row in rows]  # fmt: skip
    assert Found(EXPERIMENTS["E11"].parts({"claims-files.jsonl": bare}), "").verdict == UPHELD  # the paper's formula
    large = [row | {"header_bytes": row["header_bytes"] + 200 * (row["freezing"] > 0)} for row in rows]
    small = [row | {"mask_bits": 0.0} for row in rows]
    for changed, words in ((rows, [UPHELD, UPHELD]), (large, [CONTRADICTED, UPHELD]), (small, [UPHELD, CONTRADICTED])):
        found = Found(EXPERIMENTS["E12"].parts({"claims-files.jsonl": changed}), "")
        assert [found.verdict_of(part) for part in found.parts] == words


def test_jackpots_are_judged_by_loss_steps_and_swings():
    (rows,) = read(EXPERIMENTS["E15"].files).values()

    def verdicts(change):
        found = Found(EXPERIMENTS["E15"].parts({"jackpots.jsonl": [row | change(row) for row in rows]}), "")
        return [found.verdict_of(part) for part in found.parts]

    worse = verdicts(lambda row: {"test": row["dense_test"] - 0.02 - 0.0001 * row["seed"]})
    assert worse[0] == CONTRADICTED
    quick = verdicts(
        lambda row: {"steps_to_random_loss": (1000 if row["start"] == "magnitude" else 4000) + row["seed"]}
    )
    assert quick[1] == UPHELD
    restless = verdicts(lambda row: {"steps": 10 * row["steps"] + row["seed"]} if row["restriction"] == "short" else {})
    assert restless[2] == CONTRADICTED


# records, plans, rows


def test_there_are_seventeen_records_and_what_they_name_is_there():
    assert list(EXPERIMENTS) == [f"E{number}" for number in range(1, 18)]
    plans = {f"claims-{name}.jsonl" for name in (*PLANS, *COUNTED)} | {
        f"claims-rivals-{data}.jsonl" for data in ("cora", "mnist")
    }
    figures = {figure.name for figure in FIGURES}
    for record in EXPERIMENTS.values():
        assert all(name in plans or committed("torch_backend", name).is_file() for name in record.files)
        assert not record.figure or record.figure in figures
        assert record.claim.endswith(".")
        for line in record.commands:
            words = line.split()
            assert words[0] == "slt"
            assert words[1] in COMMANDS
            assert Path(words[words.index("--results") + 1]).name in record.files
            if words[1] == "experiments":
                assert words[2] == "--run"
                assert words[3] in (*PLANS, *COUNTED)


def test_a_record_that_is_none_is_named(tmp_path):
    path = tmp_path / "E1.toml"
    path.write_text('key = "E1"\n')
    with pytest.raises(ValueError, match=r"E1\.toml is no record of a claim"):
        read_record(path)


@pytest.mark.parametrize("key", EXPERIMENTS)
def test_the_verdict_that_a_record_calls_known_is_that_of_the_committed_rows(key):
    assert tried(EXPERIMENTS[key]).verdict == EXPERIMENTS[key].known


@pytest.mark.parametrize("name", [name for name in OWN if name in PLANS])
def test_committed_rows_are_those_of_their_plan(name):
    rows = read_jsonl(committed("torch_backend", f"claims-{name}.jsonl"))
    check(PLANS[name], rows, name)
    assert len(rows) == PLANS[name].runs
    told = {Settings(**row["settings"]): row["file_bytes"] for row in rows}
    assert all(file_bytes(settings) == size for settings, size in told.items())


@pytest.mark.parametrize("name", [name for name in OWN if name in COUNTED])
def test_committed_counts_have_their_form(name):
    rows = read_jsonl(committed("torch_backend", f"claims-{name}.jsonl"), COUNTED[name][1])
    assert {row["plan"] for row in rows} == {name}


@pytest.mark.parametrize("freezing", [0.3, 0.5, 0.7, 0.9])
def test_sources_of_one_size_have_one_size_and_can_be_searched(freezing):
    sources = same_size(freezing)
    assert [round(source["prune"] + source["lock"], 9) for source in sources] == [freezing] * 4
    assert all(source["prune"] < source["sparsity"] < 1 - source["lock"] for source in sources)
    half, shared, own, sparser = sources
    assert half["sparsity"] == 0.5
    assert shared["sparsity"] == sparser["sparsity"]
    assert shared["prune"] + (1 - freezing) / 2 == pytest.approx(shared["sparsity"])  # centred
    assert own["lock"] == sparser["lock"] == 0.0
    assert own["sparsity"] == pytest.approx((1 + freezing) / 2)


def test_rows_of_another_plan_are_refused():
    row = {"plan": "tiny", "seed": 0, "settings": asdict(PLANS["tiny"].searches[0].settings)}
    check(PLANS["tiny"], [row], "x")
    for bad in ([row, row], [row | {"seed": 9}], [row | {"plan": "sizes"}], [row | {"settings": {"model": "mlp"}}]):
        with pytest.raises(ValueError, match="x holds a row"):
            check(PLANS["tiny"], bad, "x")


# the command


def shown(capsys, *words):
    code = run(dispatch, ["experiments", *words], "slt")
    out, err = capsys.readouterr()
    return code, out, err


def test_a_plan_runs_goes_on_and_its_rows_come_again(data, tmp_path, capsys, one_thread, monkeypatch):
    options = ["--rows", str(tmp_path / "rows"), "--data", str(data), "--device", "cpu"]
    code, out, _ = shown(capsys, "--run", "tiny", *options, "--json")
    rows = json.loads(out)
    assert code == 0
    assert [(row["settings"]["lock"] > 0, row["seed"]) for row in rows] == [
        (locked, seed) for seed in (0, 1) for locked in (True, True, False, False)
    ]
    bits = [row["bits"] for row in rows]
    assert max(bits) - min(bits) <= 3  # int(n p) and int(n q) of each of three layers
    path = tmp_path / "rows" / "claims-tiny.jsonl"
    content = path.read_text()
    export_jsonl(path, read_jsonl(path)[:3])
    assert shown(capsys, "--run", "tiny", *options, "--json")[0] == 0
    old, new = (
        [{**json.loads(line), "seconds": 0} for line in text.splitlines()] for text in (content, path.read_text())
    )
    assert old == new

    record = replace(EXPERIMENTS["E1"], files=("claims-tiny.jsonl",))
    monkeypatch.setattr(command, "EXPERIMENTS", {"E1": record})
    monkeypatch.setattr(command, "read", lambda names, folder=None: {name: read_jsonl(path) for name in names})
    code, out, _ = shown(capsys, "E1", "--again", *options, "--json")
    assert code == 0
    assert json.loads(out)[0]["same"]
    export_jsonl(path, [row | {"test": 0.0} for row in read_jsonl(path)])
    code, out, _ = shown(capsys, "E1", "--again", *options)
    assert code == REFUTED
    assert "another" in out


def test_a_claim_is_shown_with_every_number(capsys):
    code, out, _ = shown(capsys, "E7")
    assert code == 0
    found = tried(EXPERIMENTS["E7"])
    for quantity in found.quantities:
        assert quantity.written(found.among) in out
    assert found.verdict in out
    rows = json.loads(shown(capsys, "E7", "--json")[1])
    assert rows[0]["verdict"] == found.verdict
    values = [quantity["value"] for part in rows[0]["parts"] for quantity in part["quantities"]]
    assert values == pytest.approx([fmean(quantity.values) for quantity in found.quantities])


def test_all_claims_stand_in_one_table_in_every_form(capsys):
    text = shown(capsys)[1]
    assert [line.split()[0] for line in text.splitlines() if line.startswith(" E")] == list(EXPERIMENTS)
    for form in ("--markdown", "--latex", "--csv"):
        assert shown(capsys, form)[1].count("contradicted here") == text.count("contradicted here")
    assert [record["claim"]["key"] for record in json.loads(shown(capsys, "--json")[1])] == list(EXPERIMENTS)
    assert all(record.claim in shown(capsys, "--list", "--csv")[1] for record in list(EXPERIMENTS.values())[4:6])


def test_bad_input_is_one_line(capsys):
    for words in (["E99"], ["--run", "nothing"], ["E1", "--results", "x"]):
        code, _, err = shown(capsys, *words)
        assert code == BAD_INPUT
        assert err.count("\n") == 1


def test_a_contradiction_that_was_not_known_ends_with_1(capsys, monkeypatch):
    contradicted = next(record for record in EXPERIMENTS.values() if record.known == CONTRADICTED)
    assert shown(capsys, contradicted.key)[0] == 0
    monkeypatch.setattr(command, "EXPERIMENTS", {"E1": replace(contradicted, known=UPHELD)})
    assert shown(capsys, "E1")[0] == REFUTED


def test_the_page_is_what_the_command_prints(capsys):
    assert shown(capsys, "--page")[1] == (ROOT / "docs" / "experiments.md").read_text()


def test_table_1_has_the_rows_and_says_what_was_not_run():
    files = read(EXPERIMENTS["E14"].files)
    shown_rows = table(files).records()
    mnist = {row["what"]: row for row in shown_rows if row["network"].startswith("MLP, MNIST")}
    rows = chosen(files["mnist.jsonl"], method="edge-popup", prune=0.25, lock=0.25)
    frozen = mnist["ticket, frozen source"]
    assert frozen["accuracy %"].startswith(f"{100 * fmean(row['test'] for row in rows):.2f} [")
    assert frozen["times smaller"] == f"{32 / 0.5:.1f}"
    assert frozen["search space %"] == "50.0"
    assert float(frozen["size MB"]) == pytest.approx(rows[0]["bits"] / 8e6, rel=1e-3)
    missing = [row for row in shown_rows if row["accuracy %"] == NOT_RUN]
    assert {row["network"].partition(",")[0] for row in missing} == {"Conv6", "ResNet-18", "ResNet-50", "GIN"}
    (gin,) = (row for row in missing if row["network"].startswith("GIN") and row["F"] == "0.2")
    assert gin["times smaller"] == "40.3"  # as published, by the formula


def test_the_ledger_shows_the_claims_behind_the_lemmas(monkeypatch, capsys):
    from theory import claims as ledger

    monkeypatch.setattr(ledger, "LEDGER", {"2.1": ledger.LEDGER["2.1"]})
    assert run(dispatch, ["claims", "--markdown"], "slt") == 0
    out = capsys.readouterr().out
    assert out.index("| 2.1 (") < out.index("| E1 |") < out.index("| E17 |")
    assert run(dispatch, ["claims", "--json"], "slt") == 0
    assert [record["claim"]["key"] for record in json.loads(capsys.readouterr().out)] == ["2.1", *EXPERIMENTS]
    assert run(dispatch, ["claims", "--judged", "--json"], "slt") == 0
    assert len(json.loads(capsys.readouterr().out)) == 1


def test_pairs_without_a_common_seed_are_none():
    assert paired({0: 0.5}, {1: 0.5}) == ()


def test_the_readme_says_both_comparisons_of_the_headline_claim():
    text = " ".join((ROOT / "README.md").read_text().split())
    found = tried(EXPERIMENTS["E1"])
    shared = [each for part in found.parts if part.name.endswith("same sparsity") for each in part.quantities]
    own = [each for part in found.parts if part.name.endswith("each at its centre") for each in part.quantities]
    assert found.counts(shared) == (0, 0, len(shared))
    assert f"at the same sparsity ({len(shared)} comparisons, none decided)" in text
    for quantity in own:
        ends = quantity.interval(found.among)
        word = quantity.verdict(found.among)
        sure = f"{ends.value:.2f} [{ends.lower:.2f}, {ends.upper:.2f}]"
        against = f"{-ends.value:.2f} [{-ends.upper:.2f}, {-ends.lower:.2f}]"
        assert (f"better by {sure}" in text) == (word == UPHELD)
        assert (against in text) == (word == CONTRADICTED)
