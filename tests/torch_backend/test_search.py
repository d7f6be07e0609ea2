"""The search command end to end on tiny data: tickets, resumption, refusals."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from slt.cli import dispatch as command
from slt.core.command import run as run_command
from slt.core.intervals import mean_interval
from slt.core.places import data_root
from slt.core.rates import Rates
from slt.core.store import read_json
from tests.torch_backend.left import files
from theory.freezing import centre as theory_centre
from torch_backend.commands import plan, search
from torch_backend.commands.choices import chosen_settings
from torch_backend.commands.positions import placed
from torch_backend.commands.search import main
from torch_backend.masks.supermask import supermasks
from torch_backend.models import build
from torch_backend.tickets import files as tickets
from torch_backend.tickets.sizes import searchable
from torch_backend.training import run as training
from torch_backend.training import start
from torch_backend.training.settings import PRESETS, Settings, parted

SMALL = ["--model", "mlp", "--data-set", "mnist", "--width", "0.2", "--epochs", "3", "--batch", "60", "--rate", "0.5"]


def test_a_search_learns_and_its_ticket_verifies(data, tmp_path, capsys):
    out = tmp_path / "runs"
    options = [*SMALL, "--freeze", "0.5", "--sparsity", "0.5", "--seeds", "2", "--data", str(data), "--out", str(out)]
    assert command(["search", *options]) == 0
    text = capsys.readouterr().out
    folder = next(out.iterdir())
    results = [json.loads((folder / f"seed{k}" / "result.json").read_text()) for k in (0, 1)]
    assert min(result["test"] for result in results) > 0.5
    assert results[0]["settings"]["prune"] == results[0]["settings"]["lock"] == 0.25
    interval = mean_interval([result["test"] for result in results])
    assert f"{100 * interval.value:.2f} [" in text
    model, ticket = tickets.load(folder / "seed0" / "ticket.safetensors")
    kept = sum(mask.locked + int(mask.mask.sum()) for mask in supermasks(model).values())
    total = sum(layer.size for layer in ticket.layers)
    assert kept == total - round(0.5 * total)
    assert command(["ticket", "verify", str(folder / "seed0" / "ticket.safetensors"), "--data", str(data)]) == 0
    # a second start finds everything done, and changes nothing
    before = files(out)
    assert command(["search", *options]) == 0
    assert files(out) == before


@pytest.mark.long(keep=1)
@pytest.mark.parametrize(
    "extra",
    [
        [],
        ["--method", "weights"],
        ["--optimiser", "adamw", "--rate", "0.01", "--augment"],
        ["--weights", "skc", "--scale", "dynamic", "--scope", "layer", "--rule", "erk"],
    ],
)
def test_a_killed_search_goes_on_to_the_same_result(data, tmp_path, monkeypatch, extra):
    options = [*SMALL, *extra, "--seeds", "1", "--data", str(data)]
    main([*options, "--out", str(tmp_path / "whole")])
    written = training.write_checkpoint
    seen = []

    def killed(path, state):
        written(path, state)
        seen.append(path)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "write_checkpoint", killed)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            main([*options, "--out", str(tmp_path / "parts")])
    monkeypatch.setattr(training, "write_checkpoint", written)
    main([*options, "--out", str(tmp_path / "parts")])
    assert len(seen) == 3
    assert files(tmp_path / "parts") == files(tmp_path / "whole")


def test_a_kill_inside_an_epoch_loses_that_epoch_alone(data, tmp_path, monkeypatch):
    options = [*SMALL, "--seeds", "1", "--data", str(data)]
    main([*options, "--out", str(tmp_path / "whole")])
    calls = []
    loss = start.ImageTask.loss

    def dying(self, model, epoch, step):
        calls.append((epoch, step))
        if len(calls) == 6:
            raise KeyboardInterrupt
        return loss(self, model, epoch, step)

    monkeypatch.setattr(start.ImageTask, "loss", dying)
    assert run_command(main, [*options, "--out", str(tmp_path / "parts")], "search") == 130
    main([*options, "--out", str(tmp_path / "parts")])
    assert calls[5] == (1, 1)
    assert calls[6] == (1, 0)
    assert files(tmp_path / "parts") == files(tmp_path / "whole")


def test_a_damaged_checkpoint_is_named(data, tmp_path):
    options = [*SMALL, "--epochs", "1", "--seeds", "1", "--data", str(data), "--out", str(tmp_path)]
    main(options)
    checkpoint = next(tmp_path.rglob("checkpoint.pt"))
    (checkpoint.parent / "result.json").unlink()
    checkpoint.write_bytes(checkpoint.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"checkpoint.pt is damaged"):
        main(options)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_state(data, tmp_path):
    options = [*SMALL, "--method", "weights", "--rate", "1e30", "--seeds", "1", "--data", str(data)]
    with pytest.raises(ValueError, match="not finite in epoch 1"):
        main([*options, "--out", str(tmp_path)])
    assert not list(tmp_path.rglob("result.json"))


def test_out_of_memory_says_which_batch_fits(data, tmp_path, monkeypatch):
    forward = torch.nn.Flatten.forward

    def small_machine(self, x):
        if len(x) > 20:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, x)

    monkeypatch.setattr(torch.nn.Flatten, "forward", small_machine)
    with pytest.raises(ValueError, match="out of memory with --batch 60 on cpu; --batch 15 fits"):
        main([*SMALL, "--seeds", "1", "--device", "cpu", "--data", str(data), "--out", str(tmp_path)])
    monkeypatch.setattr(torch.nn.Flatten, "forward", lambda self, x: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main([*SMALL, "--seeds", "1", "--device", "cpu", "--data", str(data), "--out", str(tmp_path)])


def test_a_layer_that_collapses_is_named(data, tmp_path):
    options = [*SMALL, "--sparsity", "0.9999", "--seeds", "1", "--data", str(data), "--out", str(tmp_path)]
    with pytest.raises(ValueError, match="nothing is left of"):
        main(options)


def test_a_run_goes_on_with_the_same_data_in_the_same_way_only(data, tmp_path, monkeypatch):
    options = [*SMALL, "--seeds", "1", "--data", str(data), "--out", str(tmp_path / "runs")]
    written = training.write_checkpoint

    def killed(path, state):
        written(path, state)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "write_checkpoint", killed)
    with pytest.raises(KeyboardInterrupt):
        main(options)
    monkeypatch.setattr(training, "write_checkpoint", written)
    with pytest.raises(ValueError, match="was begun with amp False, now it is True"):
        main([*options, "--amp"])
    main(options)
    labels = data / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    content = bytearray(labels.read_bytes())
    content[-1] = (content[-1] + 1) % 10
    labels.write_bytes(content)
    with pytest.raises(ValueError, match="was begun with data"):
        main(options)
    ticket = next(tmp_path.rglob("ticket.safetensors"))
    with pytest.raises(ValueError, match="found on other data"):
        command(["ticket", "verify", str(ticket), "--data", str(data)])


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"test": "a"}'])
def test_a_damaged_result_is_named(data, tmp_path, text):
    options = [*SMALL, "--epochs", "1", "--seeds", "1", "--data", str(data), "--out", str(tmp_path)]
    main(options)
    next(tmp_path.rglob("result.json")).write_text(text)
    with pytest.raises(ValueError, match=r"result.json is damaged"):
        main(options)


def test_learned_norms_are_learned_and_travel_with_the_ticket(data, tmp_path):
    options = ["--model", "transformer", "--data-set", "mnist", "--width", "0.1", "--images", "60", "--epochs", "2"]
    options += ["--optimiser", "adamw", "--rate", "0.05", "--seeds", "1", "--data", str(data), "--learn-norms"]
    main([*options, "--out", str(tmp_path)])
    ticket, arrays = tickets.read(next(tmp_path.rglob("ticket.safetensors")))
    learned = [array for name, array in arrays.items() if "norm" in name and name.endswith("weight")]
    assert ticket.source["learn_norms"]
    assert learned
    assert any((array != 1).any() for array in learned)


def test_changed_presets_stay_what_they_are_called():
    def rates(*options):
        parser = search._parser()
        chosen = chosen_settings(parser.parse_args(["--preset", "mlp-mnist-*", *options]))
        return {name.partition(",")[0].rsplit("-", 1)[1]: (s.prune, s.lock) for name, s in chosen.items()}

    found = rates("--freeze", "0.2")
    assert found["dense"] == (0, 0)
    assert found["frozen"] == pytest.approx((0.1, 0.1))
    assert found["sparse"] == pytest.approx((0.1, 0))
    found = rates("--sparsity", "0.3")
    assert found["frozen"] == pytest.approx((0.05, 0.45))


def chosen(*words):
    return chosen_settings(search._parser().parse_args(["--preset", *words]))


def test_a_pruned_source_of_the_frozen_ones_size_has_its_bits_at_both_sparsities():
    shapes = [(300, 784), (100, 300), (10, 100)]
    found = chosen("mlp-mnist-*", "--sparsity", "0.8")
    kinds = {name.partition(",")[0].removeprefix("mlp-mnist-"): s for name, s in found.items()}
    assert set(kinds) == {"weights", "dense", "sparse", "equal", "equal-centre", "frozen"}
    bits = {kind: searchable(shapes, s) for kind, s in kinds.items() if kind != "weights"}
    assert bits["equal"] == bits["equal-centre"] == bits["frozen"] < bits["sparse"] + 1 < bits["dense"]
    assert (kinds["equal"].prune, kinds["equal"].lock, kinds["equal"].sparsity) == (0.5, 0, 0.8)
    assert (kinds["equal-centre"].prune, kinds["equal-centre"].sparsity) == (0.5, 0.75)
    for preset, settings in PRESETS.items():
        family, kind = parted(preset)
        frozen = PRESETS[f"{family}-frozen"]
        if kind.startswith("equal"):
            assert (settings.prune, settings.lock) == (pytest.approx(frozen.prune + frozen.lock), 0)
        if kind == "equal-centre":
            assert settings.sparsity == pytest.approx(theory_centre(Rates(settings.prune, 0)))
        elif kind != "weights":
            assert settings.sparsity == frozen.sparsity


def test_no_two_presets_of_a_family_are_one_search():
    for family in {parted(name)[0] for name in PRESETS}:
        rows = [settings for name, settings in PRESETS.items() if parted(name)[0] == family]
        assert len(set(rows)) == len(rows), family
    assert "gin-arxiv-sparse" not in PRESETS  # p = 0: it would be the dense one
    with pytest.raises(ValueError, match="nothing is pruned"):
        chosen("gin-arxiv-sparse")
    assert any(name.startswith("gin-arxiv-sparse") for name in chosen("gin-arxiv-*", "--sparsity", "0.5"))


def test_a_pattern_leaves_out_what_options_make_impossible_and_says_so(capsys):
    found = chosen("resnet18-cifar10-*", "--sparsity", "0.5")
    assert not any("equal," in name for name in found)
    assert "left out: resnet18-cifar10-equal: sparsity 0.5 cannot be searched with prune 0.7" in capsys.readouterr().err
    with pytest.raises(ValueError, match="cannot be searched with prune 0.7"):
        chosen("resnet18-cifar10-equal", "--sparsity", "0.5")
    with pytest.raises(ValueError, match="none of the presets mlp-mnist-equal is possible"):
        chosen("mlp-*-equal")
    with pytest.raises(ValueError, match="epochs must be at least 1"):  # an error of no source
        chosen("mlp-mnist-equal*", "--epochs", "0")


def test_choices_of_tickets_leave_trained_weights_as_they_are():
    """Otsuka et al. (2024), table 1: tickets of signed constants beside trained weights that begin Kaiming uniform."""
    words = ["--weights", "skc", "--scale", "dynamic", "--rule", "erk", "--sparsity", ".6", "--scope", "layer"]
    found = chosen("gin-cora-*", *words, "--learn-norms")
    assert found["gin-cora-weights"] == PRESETS["gin-cora-weights"]
    others = [settings for name, settings in found.items() if name != "gin-cora-weights"]
    assert {(s.weights, s.scale, s.rule, s.scope, s.learn_norms) for s in others} == {
        ("skc", "dynamic", "erk", "layer", True)
    }
    assert (PRESETS["resnet50-imagenet-weights"].weights, PRESETS["resnet50-imagenet-weights"].scale) == ("ku", "none")
    assert PRESETS["resnet50-imagenet-dense"].weights == "skc"


def test_norms_of_trained_weights_are_affine_or_plain(data, tmp_path):
    found = chosen("gin-cora-*", "--norms", "plain")
    assert {name for name, s in found.items() if s.norms == "plain"} == {"gin-cora-weights, norms plain"}
    words = ["--model", "resnet32", "--data-set", "mnist", "--method", "weights", "--width", "0.1", "--images", "60"]
    words += ["--batch", "60", "--epochs", "1", "--seeds", "1", "--data", str(data), "--out", str(tmp_path)]
    main([*words, "--norms", "affine"])
    main([*words, "--norms", "plain"])
    sizes = {row["settings"]["norms"]: row["bits"] for row in map(read_json, tmp_path.rglob("result.json"))}
    shapes = [w.shape for w in build("resnet32", width=0.1, channels=1).parameters()]
    assert sizes["plain"] == 32 * sum(prod(shape) for shape in shapes)
    assert sizes["affine"] > sizes["plain"]


@pytest.mark.parametrize(
    ("preset", "more", "label"),
    [
        ("gin-cora-frozen", "--sparsity .9", "gin-cora-frozen, sparsity 0.9, prune 0.5, lock 0"),
        ("gin-cora-*", "--sparsity .5 --freeze .5 --epochs 100", "gin-cora-frozen"),  # what they say anyway
        ("resnet18-cifar10-frozen", "--sparsity .8", "resnet18-cifar10-frozen"),  # 0.65 + 0.05 is not quite 0.7
        ("gin-cora-weights", "--sparsity .9", "gin-cora-weights"),
        (
            "mlp-mnist-dense",
            "--data-set fashion-mnist --augment",
            "mlp-mnist-dense, data-set fashion-mnist, augment on",
        ),
    ],
)
def test_a_preset_that_is_changed_is_labelled_with_the_changes(preset, more, label):
    args = search._parser().parse_args(["--preset", preset, *more.split()])
    assert label in chosen_settings(args)


def test_the_label_stands_in_the_table_and_in_the_rows(data, tmp_path, capsys):
    options = ["--preset", "mlp-mnist-frozen", "--width", ".1", "--epochs", "1", "--sparsity", ".9", "--seeds", "1"]
    results = tmp_path / "rows.jsonl"
    main([*options, "--data", str(data), "--out", str(tmp_path / "runs"), "--results", str(results)])
    label = "mlp-mnist-frozen, sparsity 0.9, prune 0.5, lock 0, width 0.1, epochs 1"
    assert json.loads(results.read_text())["name"] == label
    assert f" {label} " in capsys.readouterr().out


def test_a_ticket_is_not_overwritten_by_its_export_nor_a_result_by_the_results(data, tmp_path):
    options = [*SMALL, "--epochs", "1", "--seeds", "1", "--data", str(data), "--out", str(tmp_path)]
    main(options)
    ticket = str(next(tmp_path.rglob("ticket.safetensors")))
    with pytest.raises(ValueError, match="another file than the ticket"):
        command(["ticket", "export", ticket, "--to", ticket])
    with pytest.raises(ValueError, match="must lie outside --out"):
        main([*options, "--results", str(tmp_path / "all.jsonl")])
    with pytest.raises(ValueError, match="instead of --freeze"):
        command(["positions", "--model", "mlp", "--data-set", "mnist", "--freeze", "0.3"])
    with pytest.raises(ValueError, match="no ticket to plan"):
        command(["plan", "--preset", "mlp-mnist-weights"])


@pytest.mark.parametrize("data_set", ["cifar10", "cifar100", "fashion-mnist", "imagenet"])
@pytest.mark.parametrize("model", ["mlp", "lstm", "resnet18"])
def test_a_plan_fits_every_model_to_every_data_set(model, data_set, capsys):
    assert command(["plan", "--model", model, "--data-set", data_set, "--freeze", "0.4", "--no-time"]) == 0
    assert "feasible" in capsys.readouterr().out


def test_other_settings_go_to_another_folder_and_a_stolen_one_is_refused(data, tmp_path):
    options = [*SMALL, "--epochs", "1", "--seeds", "1", "--data", str(data), "--out", str(tmp_path)]
    main(options)
    first = next(tmp_path.glob("mlp-*"))
    main([*options, "--rate", "0.2"])
    second = next(path for path in tmp_path.glob("mlp-*") if path != first)
    shutil.copy(second / "settings.json", first / "settings.json")
    with pytest.raises(ValueError, match="of other settings"):
        main(options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give --preset, or --model"),
        (["--preset", "x"], "error: unknown preset 'x'; all: slt search --help\n"),
        (
            ["--preset", "gin-coro-frozen"],
            "unknown preset 'gin-coro-frozen'; did you mean gin-cora-frozen? all: slt",
        ),
        (["--model", "conv7", "--data-set", "mnist"], "model must be one of"),
        (["--model", "mlp", "--data-set", "imaginet"], "data set must be one of"),
        (["--model", "mlp", "--data-set", "mnist", "--prune", "0.6"], "strictly between 0.6 and 1"),
        (["--model", "mlp", "--data-set", "mnist", "--lock", "0.5"], "strictly between 0 and 0.5"),
        (["--model", "mlp", "--data-set", "mnist", "--freeze", "0.5", "--lock", "0.1"], "not both"),
        (["--model", "mlp", "--data-set", "mnist", "--freeze", "1"], "nothing is free"),
        (["--model", "mlp", "--data-set", "mnist", "--device", "foo"], "device 'foo' cannot be used"),
        (["--model", "mlp", "--data-set", "mnist", "--rate", "1e40"], "rate and decay must be at most"),
        (["--model", "mlp", "--data-set", "mnist", "--learn-norms"], "has no norms to learn"),
        (["--preset", "mlp-mnist-dense", "--prune", "0.1"], "would make preset mlp-mnist-dense something else"),
        (["--preset", "mlp-mnist-dense", "--model", "conv2"], "something else"),
        (["--model", "gin", "--data-set", "mnist"], "does not take images"),
        (["--model", "mlp", "--data-set", "mnist", "--images", "1000000"], "images must be at most 300"),
        (["--model", "mlp", "--data-set", "mnist", "--epochs", "0"], "epochs must be at least 1"),
        (["--model", "mlp", "--data-set", "mnist", "--norms", "plain"], "norms plain is for trained weights"),
        (["--model", "mlp", "--data-set", "mnist", "--depth", "3"], "model mlp has no depth to choose"),
        (["--model", "mlp", "--data-set", "mnist", "--features", "normalised"], "are for graphs, and mnist is none"),
        (["--model", "mlp", "--data-set", "cifar10"], "cifar"),
    ],
)
def test_bad_input_is_one_clear_line(data, tmp_path, options, message, capsys):
    code = run_command(main, [*options, "--data", str(data), "--out", str(tmp_path / "out")], "search")
    error = capsys.readouterr().err
    assert code == 2
    assert message.lower() in error.lower()
    assert error.count("\n") == 1


def test_presets_are_feasible_and_their_names_differ():
    digests = {settings.digest for settings in PRESETS.values()}
    assert len(digests) == len({str(settings) for settings in PRESETS.values()})
    frozen = PRESETS["gin-arxiv-frozen"]
    assert (frozen.prune, frozen.lock, frozen.sparsity, frozen.epochs) == (0.0, 0.4, 0.2, 400)
    assert PRESETS["conv6-cifar10-frozen"].lock == 0.25
    assert PRESETS["conv6-cifar10-weights"].method == "weights"


@given(st.floats(0.05, 0.95), st.floats(0, 0.9))
def test_a_freezing_ratio_puts_the_sparsity_inside_its_interval(sparsity, freezing):
    settings = Settings.of(model="mlp", data_set="mnist", sparsity=sparsity, freezing=freezing)
    assert settings.prune + settings.lock == pytest.approx(freezing)
    assert settings.prune < sparsity < 1 - settings.lock
    again = settings.changed(epochs=7, rate=None)
    assert (again.epochs, again.rate, again.prune) == (7, settings.rate, settings.prune)


def test_the_mean_interval_covers_as_often_as_it_says():
    torch.manual_seed(0)
    samples = torch.randn(2000, 4).double().numpy()
    covered = sum(interval.lower <= 0 <= interval.upper for interval in map(mean_interval, samples))
    assert abs(covered / 2000 - 0.95) <= 4 * (0.95 * 0.05 / 2000) ** 0.5


def test_a_plan_tells_the_rates_and_refuses_what_cannot_be(monkeypatch, capsys):
    monkeypatch.setattr(plan, "LONGEST_STEP", float("inf"))
    assert command(["plan", "--model", "conv6", "--data-set", "cifar10", "--freeze", "0.5", "--no-time"]) == 0
    text = capsys.readouterr().out
    assert "0.4883  0.2565" in text
    assert "1,130,594 searchable" in text
    with pytest.raises(ValueError, match="strictly between"):
        command(["plan", "--model", "conv6", "--data-set", "cifar10", "--prune", "0.6", "--no-time"])
    assert command(["plan", "--preset", "mlp-mnist-frozen"]) == 0
    text = capsys.readouterr().out
    assert "s a step of 128 images on " in text
    assert "in proportion" not in text


def test_a_plan_says_from_what_it_foretells_a_long_step(monkeypatch, capsys):
    asked, clock = [], iter(range(0, 10**6, 20))
    made_up = plan._images
    monkeypatch.setattr(plan, "_images", lambda count, *rest: asked.append(count) or made_up(count, *rest))
    monkeypatch.setattr(plan.time, "perf_counter", lambda: next(clock))  # 20 s for two steps of 16 images
    assert command(["plan", "--preset", "mlp-mnist-frozen"]) == 0
    assert asked == [16]
    assert "About 80 s a step of 128 images on cpu, in proportion to one of 16 images, which was timed" in " ".join(
        capsys.readouterr().out.split()
    )


@given(st.floats(0.1, 0.9), st.floats(0.05, 0.95))
def test_a_place_is_where_the_sparsity_lies_in_its_interval(freezing, place):
    settings = Settings("mlp", "mnist")
    free = 1 - freezing
    if 0.5 - place * free < 0 or freezing - (0.5 - place * free) < 0:
        with pytest.raises(ValueError, match="cannot lie at place"):
            placed(settings, freezing, place)
        return
    found = placed(settings, freezing, place)
    assert found.prune + found.lock == pytest.approx(freezing)
    assert (0.5 - found.prune) / free == pytest.approx(place)


@pytest.mark.long
def test_positions_are_searched_with_both_rules(data, tmp_path, capsys):
    options = ["positions", *SMALL, "--ratio", "0.6", "--places", "0.3", "0.5", "--seeds", "1", "--data", str(data)]
    assert command([*options, "--out", str(tmp_path / "runs"), "--results", str(tmp_path / "rows.jsonl")]) == 0
    text = capsys.readouterr().out
    assert all(f"{rule} F=0.6 t={t}" in text for rule in ("epl", "erk") for t in (0.3, 0.5))
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [row["settings"]["prune"] for row in rows] == pytest.approx([0.38, 0.3, 0.38, 0.3])


REAL = pytest.mark.skipif("SLT_DATA" not in os.environ, reason="real data are not here: set SLT_DATA to their folder")


@pytest.mark.long
@REAL
def test_resnet50_runs_end_to_end_on_real_jpegs(tmp_path):
    with tarfile.open(data_root() / "tiny_imagenet20.tar") as tar:
        tar.extractall(tmp_path / "data", filter="data")
    options = ["--preset", "resnet50-imagenet-frozen", "--data-set", "tiny-imagenet", "--data", str(tmp_path / "data")]
    options += ["--images", "40", "--batch", "16", "--epochs", "1", "--seeds", "1", "--width", "0.25"]
    options += ["--out", str(tmp_path / "runs")]
    assert command(["search", *options]) == 0
    ticket = next((tmp_path / "runs").rglob("ticket.safetensors"))
    row = json.loads((ticket.parent / "epochs.jsonl").read_text())
    total = sum(layer.size for layer in tickets.read(ticket)[0].layers)
    zeros = sum(row["sparsity"][layer.name] * layer.size for layer in tickets.read(ticket)[0].layers)
    assert zeros / total == pytest.approx(0.7, abs=1 / total)


@pytest.mark.long
@REAL
def test_gin_learns_cora_from_random_weights(tmp_path):
    options = ["--preset", "gin-cora-frozen", "--epochs", "15", "--seeds", "1", "--out", str(tmp_path / "runs")]
    assert command(["search", *options]) == 0
    path = next((tmp_path / "runs").rglob("result.json"))
    # 7 classes of at most 32 %; 1,000 test nodes, so that 0.55 is 15 standard deviations above the largest class
    assert json.loads(path.read_text())["test"] > 0.55
    assert command(["ticket", "verify", str(path.parent / "ticket.safetensors")]) == 0


@pytest.mark.long(keep=1)
@REAL
@pytest.mark.parametrize(("model", "data_set"), [("conv2", "mnist"), ("conv6", "cifar10")])
def test_a_few_steps_on_real_images(tmp_path, model, data_set):
    options = ["--model", model, "--data-set", data_set, "--freeze", "0.5", "--width", "0.1", "--images", "300"]
    assert command(["search", *options, "--epochs", "1", "--seeds", "1", "--augment", "--out", str(tmp_path)]) == 0
    ticket = next(tmp_path.rglob("ticket.safetensors"))
    assert command(["ticket", "verify", str(ticket)]) == 0


@pytest.mark.long
def test_kills_at_random_moments_change_no_byte(data, tmp_path):
    options = [*SMALL, "--epochs", "40", "--seeds", "1", "--data", str(data), "--out"]
    main([*options, str(tmp_path / "whole")])
    words = [sys.executable, "-m", "slt", "search", *options, str(tmp_path / "parts")]
    root = Path(__file__).parents[2]
    rng = np.random.default_rng(0)
    epochs = tmp_path / "parts" / next((tmp_path / "whole").iterdir()).name / "seed0" / "epochs.jsonl"
    killed = 0
    while killed < 3:
        process = subprocess.Popen(words, cwd=root, stdout=subprocess.DEVNULL)
        before = epochs.stat().st_mtime_ns if epochs.exists() else 0
        while process.poll() is None and (epochs.stat().st_mtime_ns if epochs.exists() else 0) == before:
            time.sleep(0.005)  # until it has done something
        time.sleep(rng.uniform(0, 0.1))
        if process.poll() is None:
            process.kill()
            killed += 1
        assert process.wait() in (0, -9)
        if process.returncode == 0:
            break
    assert killed > 0
    subprocess.run(words, cwd=root, check=True, stdout=subprocess.DEVNULL)
    assert files(tmp_path / "parts", hidden=False) == files(tmp_path / "whole")


def test_data_of_a_later_preset_that_are_missing_are_told_before_the_first_search(data, tmp_path, capsys):
    chosen = ["search", "--preset", "mlp-mnist-dense", "gin-cora-dense", "--data", str(data), "--out", str(tmp_path)]
    assert run_command(command, [*chosen, "--epochs", "1", "--seeds", "1"], "search") == 2
    assert "Cora is not below" in capsys.readouterr().err
    assert not list(tmp_path.glob("mlp-mnist-*"))
