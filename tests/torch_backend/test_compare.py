"""The compare command: rows as they come, resumption, agreement with single runs, refusals."""

import csv
import json

import pytest

from slt.cli import dispatch as command
from slt.core.command import BAD_INPUT
from slt.core.command import run as run_command
from slt.core.store import read_jsonl
from theory.freezing import kept_count
from torch_backend.commands import compare
from torch_backend.commands.search import main as search_main
from torch_backend.rivals import METHODS
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
    assert len(found) == 5 * 2 * 2
    assert {(row["source"], row["sparsity"], row["prune"], row["lock"]) for row in found} == {
        ("dense", 0.5, 0, 0), ("sparse", 0.5, 0.25, 0), ("frozen", 0.5, 0.25, 0.25),
        ("dense", 0.8, 0, 0), ("sparse", 0.8, 0.5, 0),
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
    assert sum(" edge-popup " in line for line in text.splitlines()) == 5
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
    assert [case.source for case in compare.cases(args)] == ["dense", "frozen"]  # p = 0: nothing is pruned


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--methods", "snap"], "method must be one of edge-popup"),
        (["--sources", "thawed"], "source must be one of dense, pruned, frozen"),
        (["--sparsity", "1.5"], "sparsity must"),
        (["--freeze", "1"], "strictly between 0.5 and 1"),
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
