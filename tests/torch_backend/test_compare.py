"""The compare command: rows as they come, resumption, agreement with single runs, refusals."""

import csv
import json

import numpy as np
import pytest

from slt.cli import dispatch as command
from slt.core.command import BAD_INPUT
from slt.core.command import run as run_command
from slt.core.intervals import mean_interval, paired_interval, points
from slt.core.store import read_jsonl
from theory.freezing import kept_count
from torch_backend.commands import compare
from torch_backend.commands.compare_tables import SOURCES, tables
from torch_backend.commands.search import main as search_main
from torch_backend.rivals import METHODS
from torch_backend.tickets.sizes import searchable
from torch_backend.training import start
from torch_backend.training.run import CHECKPOINT

SMALL = ["--model", "mlp", "--data-set", "mnist", "--width", "0.2", "--epochs", "2", "--batch", "60", "--rate", "0.5"]
FROZEN = ["--sources", "frozen", "--sparsity", "0.5"]


pytestmark = pytest.mark.usefixtures("one_thread")


def options(data, out, *more):
    return [*SMALL, "--data", str(data), "--out", str(out), *more]


def rows(out):
    """Rows without what depends on the clock."""
    found = [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in found]


@pytest.mark.long
def test_sources_sparsities_methods_and_seeds_are_crossed(data, tmp_path, capsys):
    out = tmp_path / "out"
    more = ["--methods", "edge-popup", "random", "--sparsity", "0.5", "0.8", "--seeds", "2", "--freeze", "0.5"]
    assert command(["compare", *options(data, out, *more)]) == 0
    found = rows(out)
    assert len(found) == 6 * 2 * 2
    assert {(row["source"], row["sparsity"], row["prune"], row["lock"]) for row in found} == {
        ("dense", 0.5, 0, 0), ("sparse", 0.5, 0.25, 0), ("frozen", 0.5, 0.25, 0.25),
        ("equal-centre", 0.75, 0.5, 0), ("dense", 0.8, 0, 0), ("sparse", 0.8, 0.5, 0),
    }  # fmt: skip
    with (out / "rows.csv").open() as file:
        written = list(csv.DictReader(file))
    assert [row["test"] for row in written] == [str(row["test"]) for row in found]
    sizes = {"1.weight": 784 * 60, "3.weight": 60 * 20, "5.weight": 20 * 10}
    for row in written:
        zeros = sum(size * float(row[f"layers.{name}"]) for name, size in sizes.items())
        total = sum(sizes.values())
        assert round(zeros) == total - kept_count(total, float(row["sparsity"]))
    text = capsys.readouterr().out
    means, _, rest = text.partition("The frozen source's accuracy less")
    sources, _, methods = rest.partition("A method's accuracy less that of edge-popup")
    shown = [
        [line.split()[0] for line in part.splitlines() if " random " in line] for part in (means, sources, methods)
    ]
    each = ["dense", "pruned", "equal-centre", "frozen", "dense", "pruned"]
    assert [part[-6:] for part in shown] == [each, ["dense", "pruned", "equal-centre"], each]
    assert "pruned: model mlp" in text
    assert "sparse" not in text.replace("sparsity", "").replace("sparsities", "")
    assert "left out: the frozen source at sparsity 0.8" in text  # p = F = 0.5, q = 0: it is the pruned one
    assert "[" in text


def test_without_out_rows_lie_in_a_folder_of_the_commands_own(data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    more = [*FROZEN, "--methods", "random", "--seeds", "1", "--epochs", "1"]
    assert compare.main([*SMALL, "--data", str(data), *more]) == 0
    assert len(rows(tmp_path / "runs" / "compare")) == 1


def test_finished_rows_are_not_run_again_and_equal_single_runs(data, tmp_path, monkeypatch):
    out, one = tmp_path / "out", tmp_path / "one"
    assert compare.main(options(data, out, *FROZEN, "--methods", "edge-popup", "snip", "--seeds", "1")) == 0
    before = (out / "rows.jsonl").read_text()
    ran = []
    measure = compare.measure

    def counting(case, method, seed, *rest):
        ran.append((method, seed))
        return measure(case, method, seed, *rest)

    monkeypatch.setattr(compare, "measure", counting)
    kept = tmp_path / "kept.jsonl"
    again = [*FROZEN, "--methods", "snip", "random", "--seeds", "2", "--results", str(kept)]
    assert compare.main(options(data, out, *again)) == 0
    assert [(row["method"], row["seed"]) for row in read_jsonl(kept)] == [
        ("snip", 0), ("snip", 1), ("random", 0), ("random", 1)
    ]  # fmt: skip
    assert ran == [("random", 0), ("snip", 1), ("random", 1)]
    assert (out / "rows.jsonl").read_text().startswith(before)
    assert compare.main(options(data, one, *FROZEN, "--methods", "snip", "--seed", "1", "--seeds", "1")) == 0
    assert rows(one)[0] == rows(out)[3]
    # other settings are other rows
    assert compare.main(options(data, out, *FROZEN, "--methods", "snip", "--seeds", "1", "--weights", "skc")) == 0
    assert len(rows(out)) == 6


def test_a_cut_off_comparison_goes_on_to_the_same_rows(data, tmp_path, monkeypatch):
    more = [*FROZEN, "--methods", "edge-popup", "iterand", "--seeds", "1"]
    assert compare.main(options(data, tmp_path / "whole", *more)) == 0
    loss = start.ImageTask.loss
    calls = []

    def dying(self, model, epoch, step):
        calls.append(1)
        if len(calls) == 14:  # in the second epoch of the second method
            raise KeyboardInterrupt
        return loss(self, model, epoch, step)

    monkeypatch.setattr(start.ImageTask, "loss", dying)
    assert run_command(compare.main, options(data, tmp_path / "parts", *more), "compare") == 130
    assert [row["method"] for row in rows(tmp_path / "parts")] == ["edge-popup"]
    assert list(tmp_path.glob("parts/work/*iterand*/" + CHECKPOINT))
    assert compare.main(options(data, tmp_path / "parts", *more)) == 0
    assert len(calls) == 14 + 4  # only the epoch that was cut off
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")
    assert not list(tmp_path.rglob(CHECKPOINT))


def test_edge_popup_is_what_the_search_command_finds(data, tmp_path):
    more = ["--seeds", "1", "--sparsity", "0.5", "--freeze", "0.5", "--data", str(data)]
    search_main([*SMALL, *more, "--out", str(tmp_path / "search")])
    single = json.loads(next(tmp_path.glob("search/*/seed0/result.json")).read_text())
    compare.main(options(data, tmp_path / "compare", *FROZEN, "--seeds", "1", "--methods", "edge-popup"))
    row = rows(tmp_path / "compare")[0]
    for name in ("test", "validation", "settings", "bits"):
        assert row[name] == single[name], name
    assert row["layers"] == pytest.approx(single["sparsity"])


def test_extra_bits_are_counted_and_planted_tickets_judged(data, tmp_path, capsys):
    more = [*FROZEN, "--methods", "iterand", "random", "--seeds", "1", "--planted", "--epochs", "3"]
    assert compare.main(options(data, tmp_path, *more)) == 0
    found = {(row["method"], row["planted"]): row for row in rows(tmp_path)}
    assert set(found) == {("iterand", False), ("random", False), ("random", True)}
    drawn, plain = found["iterand", False], found["random", False]
    assert drawn["extra_bits"] > 0 == plain["extra_bits"]
    assert drawn["bits"] == plain["bits"] + drawn["extra_bits"]
    planted = found["random", True]
    assert abs(planted["recovered"] - planted["chance"]) < 0.03
    assert planted["planted_test"] > planted["test"]
    assert "planted %" in capsys.readouterr().out


def test_a_search_that_fails_is_named_and_the_others_are_run(data, tmp_path, capsys):
    more = [*FROZEN, "--methods", "edge-popup", "random", "--seeds", "1", "--rate", "1e30"]
    assert compare.main(options(data, tmp_path, *more)) == 1
    assert [row["method"] for row in rows(tmp_path)] == ["random"]
    assert "frozen 0.5 edge-popup 0 failed" in capsys.readouterr().out


def test_what_the_data_sets_preset_says_holds_unless_it_is_changed():
    args = compare._parser().parse_args(["--model", "gin", "--data-set", "cora", "--out", "x", "--rate", "0.5"])
    case = compare.cases(args)[-1]
    assert (case.source, case.settings.optimiser, case.settings.rate) == ("frozen", "adamw", 0.5)
    args = compare._parser().parse_args(["--model", "gin", "--data-set", "cora", "--out", "x", "--sparsity", "0.2"])
    assert [case.source for case in compare.cases(args)] == ["dense", "equal-centre", "frozen"]  # p = 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--methods", "snap"], "method must be one of edge-popup"),
        (["--sources", "thawed"], "source must be one of dense, pruned, equal, equal-centre, frozen"),
        (["--sparsity", "1.5"], "sparsity must"),
        (["--freeze", "1"], "nothing is free"),
        (["--model", "gin"], "gin does not take images"),
        (["--freeze", "-0.1"], "freeze must"),
        (["--seeds", "0"], "seeds must be at least 1"),
        (["--scope", "net"], "scope must be one of global, layer or N:M such as 2:4, got 'net'"),
        (["--epochs", "0"], "epochs must be at least 1"),
        (["--width", "wide"], "invalid"),
        (["--model", "conv7"], "model must be one of"),
        (["--images", "999999"], "images must be at most 300"),
    ],
)
def test_bad_input_is_one_clear_line(data, tmp_path, more, message, capsys):
    try:
        code = run_command(compare.main, options(data, tmp_path / "out", *more), "compare")
    except SystemExit as stop:
        code = stop.code
    error = capsys.readouterr().err
    assert code == 2
    assert message in error
    assert error.count("\n") == 1


def test_a_foreign_rows_file_is_refused(data, tmp_path, capsys):
    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n')
    assert run_command(compare.main, options(data, tmp_path, "--methods", "random"), "compare") == 2
    assert "has a name too many: 'a'" in capsys.readouterr().err


def test_the_help_lists_every_method(capsys):
    with pytest.raises(SystemExit):
        compare.main(["--help"])
    text = capsys.readouterr().out
    for name, rival in METHODS.items():
        assert name in text
        assert rival.says in text


def test_rows_of_other_data_are_not_set_beside_new_ones(data, tmp_path, capsys):
    out = tmp_path / "out"
    more = [*FROZEN, "--seeds", "1", "--methods"]
    assert command(["compare", *options(data, out, *more, "random")]) == 0
    labels = data / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1] + bytes([(labels.read_bytes()[-1] + 1) % 10]))
    assert run_command(command, ["compare", *options(data, out, *more, "random", "magnitude")], "compare") == BAD_INPUT
    assert "was begun with data" in capsys.readouterr().err
    assert len(rows(out)) == 1


# ---- sources of one size, and differences


def case_of(*more):
    return compare.cases(compare._parser().parse_args(["--model", "mlp", "--data-set", "mnist", *more]))


def test_sources_of_one_size_have_as_many_bits_and_their_own_sparsities():
    found = {case.source: case.settings for case in case_of("--sparsity", "0.8", "--freeze", "0.7")}
    assert list(found) == ["dense", "pruned", "equal", "equal-centre", "frozen"]
    shapes = [(300, 784), (100, 300), (10, 100)]
    bits = {source: searchable(shapes, settings) for source, settings in found.items()}
    assert bits["equal"] == bits["equal-centre"] == pytest.approx(bits["frozen"], abs=3)
    assert bits["pruned"] > bits["frozen"]
    assert {source: s.sparsity for source, s in found.items() if s.sparsity != 0.8} == {
        "equal-centre": pytest.approx(0.85)
    }
    assert found["pruned"].prune == pytest.approx(0.65)
    # below F there is no such source at the same sparsity
    assert [case.source for case in case_of("--sparsity", "0.5", "--freeze", "0.7")] == [
        "dense", "pruned", "equal-centre", "frozen"
    ]  # fmt: skip
    # both sparsities share the source at its own centre
    many = case_of("--sparsity", "0.75", "0.8", "--freeze", "0.7", "--sources", "equal-centre", "frozen")
    assert [(case.source, case.settings.sparsity) for case in many] == [
        ("equal-centre", pytest.approx(0.85)), ("frozen", 0.75), ("frozen", 0.8)
    ]  # fmt: skip


def made_up(accuracy, seeds=5, methods=("edge-popup", "random"), planted=False):
    """Rows of all sources at k = .8 and F = .7. accuracy: a function of source, method and seed."""
    cases = case_of("--sparsity", "0.8", "--freeze", "0.7")
    return [
        {
            "source": SOURCES[case.source], "method": method, "seed": seed, "sparsity": case.settings.sparsity,
            "prune": case.settings.prune, "lock": case.settings.lock, "planted": planted,
            "test": accuracy(case.source, method, seed), "bits": 1, "seconds": 1, "collapsed": 0,
        }
        for case in cases for method in methods for seed in range(seeds)
    ]  # fmt: skip


def cells(table):
    return [dict(zip(table.columns, line, strict=True)) for line in table.rows]


def test_what_shares_seeds_is_compared_by_its_differences():
    rng = np.random.default_rng(0)
    luck = rng.normal(scale=0.1, size=5)  # of a seed, ten times what sources differ by
    gain = {"dense": 0.03, "pruned": 0.0, "equal": -0.03, "equal-centre": 0.0, "frozen": 0.0}
    noise = {source: rng.normal(scale=5e-4, size=5) for source in gain}

    def accuracy(source, method, seed):
        return 0.5 + luck[seed] + gain[source] + noise[source][seed] - 0.2 * (method == "random")

    rows = made_up(accuracy)
    means, sources, methods = tables(rows)
    assert len(means.rows) == 10
    assert "hold together for all lines with confidence 95%" in " ".join(sources.title.split())
    found = {(line["source"], line["method"]): line for line in cells(sources)}
    assert len(found) == 8
    assert {key[0]: line["frozen is"] for key, line in found.items() if key[1] == "edge-popup"} == {
        "dense": "worse", "pruned": "undecided", "equal": "better", "equal-centre": "undecided"
    }  # fmt: skip
    assert found["equal-centre", "random"]["its k"] == "0.85"
    ours, theirs = ([accuracy(source, "random", seed) for seed in range(5)] for source in ("frozen", "equal"))
    wanted = paired_interval(ours, theirs, among=8)
    assert str(found["equal", "random"]["difference"]) == str(points(wanted, 2))
    assert [line["it is"] for line in cells(methods)] == ["worse"] * 5
    # unpaired, the same rows show nothing: seeds differ by far more than sources
    alone = [
        mean_interval([accuracy(source, "edge-popup", seed) for seed in range(5)]) for source in ("frozen", "equal")
    ]
    assert alone[0].lower < alone[1].upper


def test_only_shared_seeds_are_compared():
    rows = made_up(lambda source, method, seed: 0.5 + 0.1 * seed)
    few = [row for row in rows if row["source"] != "equal" or row["seed"] > 3]
    one = {line["source"]: line for line in cells(list(tables(few))[1]) if line["method"] == "random"}
    assert (one["equal"]["seeds"], one["equal"]["frozen is"]) == ("1", "one seed")
    assert "[" not in str(one["equal"]["difference"])
    assert one["dense"]["seeds"] == "5"
    none = [row for row in rows if row["source"] != "equal" or row["seed"] > 3]
    none = [row for row in none if row["source"] != "frozen" or row["seed"] < 4]
    lines = {line["source"]: line for line in cells(list(tables(none))[1])}
    assert lines["equal"]["frozen is"] == "no seed in common"


def test_without_a_second_source_or_method_there_is_nothing_to_compare():
    rows = made_up(lambda source, method, seed: 0.5, methods=("snip",))
    assert len(list(tables([row for row in rows if row["source"] == "frozen"]))) == 1
    assert len(list(tables(rows))) == 2
