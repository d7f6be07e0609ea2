"""Lottery jackpots: the networks, exact counts, the short restriction against a naive one, resumption, refusals."""

import csv
import json
from math import ceil, cos, pi

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch.nn import functional

from slt.cli import dispatch as command
from slt.core.command import run as run_command
from slt.core.store import export_jsonl, read_jsonl
from theory.freezing import kept_count
from theory.freezing import layer_rates as layer_rates_of
from torch_backend.commands import jackpot
from torch_backend.commands.jackpot import speed, steps_to_reach
from torch_backend.data import load
from torch_backend.masks import frozen
from torch_backend.masks.supermask import freeze, supermasks
from torch_backend.masks.threshold import kept_free, top
from torch_backend.models import build
from torch_backend.rivals import Problem
from torch_backend.rivals.overlap import mask_of, overlap
from torch_backend.rivals.zhang2023 import (
    LAYER_RATES,
    STARTS,
    TRACE,
    layer_counts,
    restriction_rate,
    search,
    swapped,
)
from torch_backend.tickets import files as tickets
from torch_backend.training import run as training
from torch_backend.training.pretrained import loaded
from torch_backend.training.settings import Settings
from torch_backend.training.tasks import ImageTask

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("name", "layers", "weights", "norms"),
    [
        # 20,035,018 and 464,154 parameters with norms and the last bias are the well-known counts; the latter is that
        # of the network without shortcuts
        ("vgg19", 17, 20_035_018 - 2 * 5_504 - 10, 5_504),
        ("resnet32", 34, 464_154 - 2 * 1_136 - 10 + 16 * 32 + 32 * 64, 1_136 + 32 + 64),
    ],
)
def test_the_networks_of_the_paper_have_the_published_sizes(name, layers, weights, norms):
    with torch.device("meta"):
        plain, affine = (
            [parameter.numel() for parameter in build(name, affine=learned).parameters()] for learned in (False, True)
        )
    assert (len(plain), sum(plain)) == (layers, weights)
    assert sum(affine) - sum(plain) == 2 * norms


@pytest.mark.parametrize("name", ["vgg19", "resnet32"])
@pytest.mark.parametrize("shape", [(1, 28), (3, 32)])
def test_the_networks_of_the_paper_take_small_images(name, shape):
    channels, size = shape
    model = build(name, width=0.0625, channels=channels, classes=7)
    assert model(torch.randn(2, channels, size, size)).shape == (2, 7)


SIZES = {"width": 0.02, "size": 4, "channels": 1}  # 16-6-2-10


class Noise:
    """A task whose batches are random numbers, different at every step."""

    steps = 2

    def batch(self, epoch, step):
        random = torch.Generator().manual_seed(10 * epoch + step)
        return torch.randn(20, 1, 4, 4, generator=random), torch.randint(0, 10, (20,), generator=random)

    def loss(self, model, epoch, step):
        x, labels = self.batch(epoch, step)
        return functional.cross_entropy(model(x), labels)

    def accuracy(self, model, part):
        return 0.5

    def ones(self, dtype):
        return (torch.ones(1, 1, 4, 4, dtype=dtype),)


class Rising(Noise):
    """The same, every epoch better in validation than the one before, so that the last one is the best."""

    def __init__(self):
        self.asked = 0

    def accuracy(self, model, part):
        self.asked += 1
        return self.asked / 100


def dense():
    torch.manual_seed(0)
    return build("mlp", **SIZES)


def problem(folder, sparsity=0.6, prune=0.0, lock=0.0, epochs=3, rate=0.1):
    settings = Settings("mlp", "mnist", sparsity=sparsity, prune=prune, lock=lock, epochs=epochs, rate=rate, decay=5e-4)
    model = freeze(dense(), prune=prune, lock=lock, weights="given", seed=1)
    return Problem(model, Rising(), settings, 1, folder)


def naive_swap(present, scores, count, rate):
    """The short restriction in plain lists: sort, compare, exchange the largest violations."""
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    wanted = set(order[:count])
    inside = {i for i, kept in enumerate(present) if kept}
    leaving = sorted(inside - wanted, key=lambda i: (scores[i], -i))
    entering = sorted(wanted - inside, key=lambda i: (-scores[i], i))
    number = ceil(rate * len(leaving))
    after = (inside - set(leaving[:number])) | set(entering[:number])
    return [i in after for i in range(len(scores))], number


@given(
    st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=1, max_size=40),
    st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]),
)
@example([(True, 0)] * 4 + [(False, 1)] * 4, 0.5)  # of equal scores later ones leave, earlier ones enter
def test_the_short_restriction_swaps_exactly_the_largest_violations(entries, rate):
    present, scores = [kept for kept, _ in entries], [score for _, score in entries]
    count = sum(present)
    expected, number = naive_swap(present, scores, count, rate)
    before = torch.tensor(present)
    received = swapped(before, torch.tensor(scores, dtype=torch.float32), count, rate)
    assert received.tolist() == expected
    assert int(received.sum()) == count
    assert int((before & ~received).sum()) == int((received & ~before).sum()) == number
    assert before.tolist() == present  # what is handed in stays
    if rate == 1:
        assert torch.equal(received, top(torch.tensor(scores, dtype=torch.float32), count))


def test_the_rate_falls_from_one_and_is_a_half_in_the_middle():
    rates = [restriction_rate(epoch, 30) for epoch in range(30)]
    assert rates[0] == 1
    assert rates[15] == pytest.approx(0.5)
    assert rates == sorted(rates, reverse=True)
    assert rates[29] == pytest.approx((1 - cos(pi / 30)) / 2)


@given(st.sampled_from([0.3, 0.5, 0.6]), st.sampled_from([(0, 0), (0.2, 0), (0.25, 0.2)]))
def test_layer_counts_are_exact(sparsity, rates):
    prune, lock = rates
    masks = supermasks(freeze(dense(), prune=prune, lock=lock, weights="given", seed=1))
    for layer_rates in LAYER_RATES:
        counts = layer_counts(masks, sparsity, layer_rates)
        wanted = kept_free(masks, sparsity)
        assert sum(counts.values()) == wanted
        free = {name: len(layer.mask) for name, layer in masks.items()}
        if layer_rates == "uniform":
            for name, count in counts.items():
                assert abs(count - wanted * free[name] / sum(free.values())) < 1
            continue
        *early, last = masks
        assert counts[last] == free[last]
        every = sorted((float(w) for name in early for w in masks[name].values.abs()), reverse=True)
        threshold = every[wanted - free[last] - 1]
        assert [counts[name] for name in early] == [
            sum(float(w) >= threshold for w in masks[name].values.abs()) for name in early
        ]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("restriction", [False, True])
@pytest.mark.parametrize("layer_rates", LAYER_RATES)
def test_frozen_weights_stay_and_counts_hold_after_a_search(tmp_path, start, restriction, layer_rates):
    asked = problem(tmp_path, prune=0.3, lock=0.2, rate=5.0)
    counts = layer_counts(asked.masks, 0.6, layer_rates)
    moved = []
    for name, layer in asked.masks.items():
        keep = layer.keep

        def watched(mask, name=name, keep=keep, **options):
            assert int(mask.sum()) == counts[name]  # at every step, not only in the end
            moved.append(name)
            keep(mask, **options)

        layer.keep = watched
    search(asked, layer_rates=layer_rates, start=start, restriction=restriction)
    assert len(moved) >= 3 * 3 * 2
    given_weights = dict(dense().named_parameters())
    for name, layer in asked.masks.items():
        states = frozen.pattern(1, name, tuple(layer.weight.shape), rates_of(asked)[name]).flatten()
        weight, original = layer.weight.flatten(), given_weights[name].detach().flatten()
        assert torch.equal(weight[states == frozen.LOCKED], original[states == frozen.LOCKED])
        assert not weight[states == frozen.PRUNED].any()
        free = states == frozen.FREE
        assert torch.equal(weight[free], torch.where(layer.mask, original[free], 0.0))
        assert int(layer.mask.sum()) == counts[name]
        assert set(dict(layer.named_buffers())) == {"weight", "values", "free", "mask"}
    total = sum(layer.size for layer in asked.masks.values())
    assert sum(layer.locked + int(layer.mask.sum()) for layer in asked.masks.values()) == kept_count(total, 0.6)


def rates_of(asked):
    shapes = [tuple(layer.weight.shape) for layer in asked.masks.values()]
    return dict(zip(asked.masks, layer_rates_of("epl", shapes, 0.3, 0.2), strict=True))


@pytest.mark.parametrize("restriction", [False, True])
def test_a_search_is_the_naive_one(tmp_path, restriction):
    """Momentum, decay, cosine, gradients w dL/dW of scores of either sign, swaps: in plain tensors."""
    rate, epochs = 30.0, 4
    asked = problem(tmp_path, rate=rate, epochs=epochs)
    counts = layer_counts(asked.masks, 0.6, "magnitude")
    search(asked, restriction=restriction)
    model, task = dense(), Noise()
    weights = {name: value.detach().clone() for name, value in model.named_parameters()}
    masks = {name: top(w.flatten().abs(), counts[name]) for name, w in weights.items()}
    scores = {name: torch.where(mask, 1.0, 0.99) for name, mask in masks.items()}
    momenta = {name: torch.zeros_like(score) for name, score in scores.items()}
    signs = set()
    for epoch in range(epochs):
        share = 0.5 * (1 + cos(pi * epoch / epochs))
        for step in range(task.steps):
            leaves = {
                name: (w * masks[name].view_as(w)).requires_grad_() for name, w in weights.items()
            }  # fmt: skip
            x, labels = task.batch(epoch, step)
            loss = functional.cross_entropy(torch.func.functional_call(model, leaves, (x,)), labels)
            gradients = torch.autograd.grad(loss, list(leaves.values()))
            for (name, w), gradient in zip(weights.items(), gradients, strict=True):
                momenta[name] = 0.9 * momenta[name] + (w * gradient).flatten() + 5e-4 * scores[name]
                scores[name] = scores[name] - rate * share * momenta[name]
                signs |= set(scores[name].sign().tolist())
                chosen, _ = naive_swap(
                    masks[name].tolist(), scores[name].tolist(), counts[name], share if restriction else 1
                )
                masks[name] = torch.tensor(chosen)
    assert signs >= {-1.0, 1.0}
    for name, layer in asked.masks.items():
        torch.testing.assert_close(layer.scores.detach(), scores[name], rtol=1e-3, atol=1e-4)
        assert torch.equal(layer.mask, masks[name])


def test_the_trace_says_what_moved(tmp_path):
    asked = problem(tmp_path, rate=5.0)
    search(asked)
    rows = read_jsonl(tmp_path / TRACE)
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    assert [row["restriction"] for row in rows] == [restriction_rate(epoch, 3) for epoch in range(3)]
    means = [row["loss"] for row in read_jsonl(tmp_path / "epochs.jsonl")]
    for row, mean in zip(rows, means, strict=True):
        assert len(row["losses"]) == Noise.steps
        assert sum(row["losses"]) / Noise.steps == pytest.approx(mean, rel=1e-5)
        assert 0 < row["flipped"] <= Noise.steps * row["moved"]


@given(st.lists(st.integers(0, 20), min_size=1, max_size=20), st.integers(0, 20), st.integers(1, 5))
def test_steps_to_a_loss_are_the_first_window_that_is_low_enough(losses, level, window):
    expected = next((t for t in range(window, len(losses) + 1) if sum(losses[t - window : t]) <= level * window), None)
    assert steps_to_reach(losses, level, window) == expected


def traced(folder, losses):
    folder.mkdir()
    row = {"restriction": 1.0, "flipped": 0, "moved": 0}
    export_jsonl(folder / TRACE, [{**row, "epoch": k, "losses": losses[2 * k : 2 * k + 2]} for k in range(3)])
    return {"folder": folder, "steps": 2}


def test_the_factor_is_of_steps_to_the_random_starts_last_epoch(tmp_path):
    slow = [traced(tmp_path / f"slow{k}", [9.0, 8.0, 7.0, 6.0, 3.0, 2.0]) for k in range(2)]
    quick = traced(tmp_path / "quick", [3.0, 2.0, 1.0, 1.0, 1.0, 1.0])  # there after 2 steps, not 6
    even = traced(tmp_path / "even", [9.0, 8.0, 3.0, 2.0, 2.0, 2.0])  # after 4
    text = speed([quick, even], slow)
    assert "2 against 6; 4 against 6; factor 2.25 [" in text
    assert [row["steps_to_random_loss"] for row in (quick, even, *slow)] == [2, 4, 6, 6]
    never = traced(tmp_path / "never", [9.0, 9.0, 9.0, 9.0, 9.0, 9.0])
    text = speed([quick, never], slow)
    assert "never against 6" in text
    assert "factor" not in text


def test_overlap_counts_what_both_keep_and_chance_is_by_layer():
    one = {"a": torch.tensor([True, True, False, False]), "b": torch.tensor([True, False])}
    two = {"a": torch.tensor([True, False, False, False]), "b": torch.tensor([True, True])}
    assert overlap(one, two) == pytest.approx((2 / 3, (2 * 1 / 4 + 1 * 2 / 2) / 3))
    assert overlap(one, one).share == 1
    with pytest.raises(ValueError, match="keeps none"):
        overlap({"a": torch.tensor([False])}, {"a": torch.tensor([True])})


def test_the_magnitude_mask_is_what_magnitude_pruning_keeps(tmp_path):
    asked = problem(tmp_path)
    found = mask_of("magnitude", asked)
    every = torch.cat([layer.values.abs() for layer in asked.masks.values()])
    assert torch.equal(torch.cat(list(found.values())), top(every, asked.wanted))


TINY = ["--model", "mlp", "--data-set", "mnist", "--width", "0.1", "--epochs", "3", "--train-epochs", "3", "--batch",
        "60", "--train-rate", "0.05", "--rate", "1"]  # fmt: skip


def results(out):
    found = []
    for path in sorted(out.glob("*/seed*/result.json")):
        row = json.loads(path.read_text())
        del row["seconds"]
        found.append(row)
    return found


@pytest.mark.long
def test_the_command_trains_searches_and_reports(data, tmp_path, capsys):
    out = tmp_path / "out"
    options = [*TINY, "--data", str(data), "--out", str(out), "--seeds", "2", "--start", "magnitude", "random"]
    options += ["--freeze", "0.5", "--sparsity", "0.7", "--results", str(tmp_path / "kept.jsonl")]
    assert command(["jackpot", *options]) == 0
    text = capsys.readouterr().out
    assert "Steps to the random start's final training loss" in text
    assert "synflow" in text
    found = results(out)
    assert [(row["start"], row["seed"]) for row in found] == [
        ("magnitude", 0), ("magnitude", 1), ("random", 0), ("random", 1)
    ]  # fmt: skip
    assert min(row["dense_test"] for row in found) > 0.3
    kept = read_jsonl(tmp_path / "kept.jsonl")
    assert [
        {name: row[name] for name in row if name not in ("seconds", "steps_to_random_loss")} for row in kept
    ] == found
    for row in kept:
        assert {len(curve) for curve in row["curves"].values()} == {3}
        steps = row["steps_to_random_loss"]
        assert steps is None or row["steps"] <= steps <= 3 * row["steps"]
    for row in found:
        zeros = sum(row["layers"][name] * size for name, size in MLP.items())
        total = sum(MLP.values())
        assert round(zeros) == total - kept_count(total, 0.7)
        start = row["overlap"][f"{row['start']} start"]
        assert start["share"] > start["chance"]
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert command(["jackpot", *options]) == 0
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    with (out / "rows.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 4


MLP = {"1.weight": 784 * 30, "3.weight": 30 * 10, "5.weight": 10 * 10}


def test_without_out_rows_lie_in_a_folder_of_the_commands_own(data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    stranger = tmp_path / "runs" / "mlp-mnist-0" / "seed0" / "result.json"  # of the search command
    stranger.parent.mkdir(parents=True)
    stranger.write_text("{}")
    assert jackpot.main([*TINY, "--data", str(data), "--seeds", "1", "--epochs", "1", "--train-epochs", "1"]) == 0
    assert len(read_jsonl(tmp_path / "runs" / "jackpot" / "rows.jsonl")) == 1


def test_a_ticket_is_rebuilt_over_the_trained_weights(data, tmp_path):
    out = tmp_path / "out"
    assert jackpot.main([*TINY, "--data", str(data), "--out", str(out), "--seeds", "1"]) == 0
    weights = next(out.glob("trained-*/seed0/weights.safetensors"))
    fresh = loaded(weights, "mlp", {"width": 0.1})
    given_weights = {name: value.clone() for name, value in fresh.state_dict().items()}
    model, ticket = tickets.load(next(out.rglob("ticket.safetensors")), fresh)
    for name, layer in supermasks(model).items():
        assert torch.equal(layer.weight, torch.where(layer.weight != 0, given_weights[name], 0.0))
    images = load("mnist", data, seed=0)
    assert ImageTask(images, 0, 60, False).accuracy(model, "test") == results(out)[0]["test"]
    assert sum(layer.kept for layer in ticket.layers) == kept_count(sum(MLP.values()), 0.9)
    with pytest.raises(ValueError, match="module of your own"):
        tickets.load(next(out.rglob("ticket.safetensors")))


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("dies", [2 + 3, 12 + 7])
def test_a_killed_command_goes_on_to_the_same_result(data, tmp_path, monkeypatch, dies):
    """4 steps an epoch: the first death is in training, the second in the search."""
    options = [*TINY, "--data", str(data), "--seeds", "1"]
    jackpot.main([*options, "--out", str(tmp_path / "whole")])
    loss, calls = ImageTask.loss, []

    def dying(self, model, epoch, step):
        calls.append(1)
        if len(calls) == dies:
            raise KeyboardInterrupt
        return loss(self, model, epoch, step)

    monkeypatch.setattr(ImageTask, "loss", dying)
    assert run_command(jackpot.main, [*options, "--out", str(tmp_path / "parts")], "jackpot") == 130
    monkeypatch.setattr(ImageTask, "loss", loss)
    jackpot.main([*options, "--out", str(tmp_path / "parts")])
    assert results(tmp_path / "parts") == results(tmp_path / "whole")
    traces = [next((tmp_path / part).rglob(TRACE)).read_text() for part in ("parts", "whole")]
    assert traces[0] == traces[1]


def test_a_kill_between_trace_and_checkpoint_leaves_no_row_twice(tmp_path, monkeypatch):
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole, parts = problem(tmp_path / "whole", rate=5.0), problem(tmp_path / "parts", rate=5.0)
    search(whole)
    written, calls = training.write_checkpoint, []

    def dying(path, state):
        calls.append(path)
        if len(calls) == 2:  # the second epoch's trace is there, its checkpoint is not
            raise KeyboardInterrupt
        written(path, state)

    monkeypatch.setattr(training, "write_checkpoint", dying)
    with pytest.raises(KeyboardInterrupt):
        search(parts)
    assert [row["epoch"] for row in read_jsonl(tmp_path / "parts" / TRACE)] == [0, 1]
    monkeypatch.setattr(training, "write_checkpoint", written)
    again = problem(tmp_path / "parts", rate=5.0)
    search(again)
    assert (tmp_path / "parts" / TRACE).read_text() == (tmp_path / "whole" / TRACE).read_text()
    for name, layer in whole.masks.items():
        assert torch.equal(layer.mask, again.masks[name].mask)


@pytest.mark.long
@pytest.mark.parametrize("changes", ["statistics", "scales"])
def test_norms_do_nothing_in_synflow(tmp_path, changes):
    found = []
    for odd in (False, True):
        torch.manual_seed(0)
        model = build("resnet32", width=0.125, channels=1, affine=True)
        random = torch.Generator().manual_seed(1)
        for norm in model.modules():
            if odd and isinstance(norm, torch.nn.BatchNorm2d):
                for values in (
                    (norm.running_mean, norm.running_var) if changes == "statistics" else (norm.weight, norm.bias)
                ):
                    values.data.copy_(torch.rand(len(values), generator=random) + 0.1)
        settings = Settings("resnet32", "mnist", sparsity=0.9)
        source = freeze(model, weights="given")
        found.append(mask_of("synflow", Problem(source, Noise(), settings, 0, tmp_path)))
    for name, mask in found[0].items():
        assert torch.equal(mask, found[1][name]), name


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_weights_of_a_file_are_used_as_they_are(data, tmp_path, suffix):
    torch.manual_seed(0)
    model = build("resnet18", width=0.03, channels=1, affine=True)
    model[1].weight.data.fill_(2.0)
    path = tmp_path / f"mine.{suffix}"
    torch.save(model.state_dict(), path) if suffix == "pt" else save_file(model.state_dict(), path)
    fresh = loaded(path, "resnet18", {"width": 0.03, "channels": 1})
    for name, value in fresh.state_dict().items():
        assert torch.equal(value, model.state_dict()[name])
    plain = build("resnet18", width=0.03, channels=1)
    save_file(plain.state_dict(), tmp_path / "plain.safetensors")
    fresh = loaded(tmp_path / "plain.safetensors", "resnet18", {"width": 0.03, "channels": 1, "affine": True})
    assert fresh.state_dict().keys() == plain.state_dict().keys()


def test_the_command_takes_weights_of_a_file(data, tmp_path):
    torch.manual_seed(0)
    model = build("mlp", width=0.1)
    torch.save(model.state_dict(), tmp_path / "mine.pt")
    options = [*TINY, "--data", str(data), "--out", str(tmp_path / "out"), "--seeds", "1", "--restriction", "none"]
    assert jackpot.main([*options, "--weights", str(tmp_path / "mine.pt")]) == 0
    row = results(tmp_path / "out")[0]
    assert row["dense_test"] == ImageTask(load("mnist", data, seed=0), 0, 60, False).accuracy(model, "test")
    assert not list((tmp_path / "out").glob("trained-*"))
    assert row["test"] > row["dense_test"]  # a mask alone teaches random weights something


class Evil:
    def __reduce__(self):
        return print, ("executed",)


def test_a_weights_file_is_never_executed(tmp_path, capsys):
    torch.save({"1.weight": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(ValueError, match="holds more than tensors"):
        loaded(tmp_path / "evil.pt", "mlp", {})
    assert "executed" not in capsys.readouterr().out


def weights_file(tmp_path, kind):
    path = tmp_path / f"{kind}.pt"
    state = build("mlp", width=0.1).state_dict()
    if kind == "garbage":
        path.write_bytes(b"nothing of the kind")
    elif kind == "list":
        torch.save([1, 2], path)
    elif kind == "wide":
        torch.save(build("mlp", width=0.2).state_dict(), path)
    elif kind == "lacking":
        torch.save({name: value for name, value in state.items() if name != "3.weight"}, path)
    elif kind == "more":
        torch.save({**state, "7.bias": torch.zeros(1)}, path)
    elif kind == "nan":
        torch.save({name: value * float("nan") for name, value in state.items()}, path)
    return path


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--sparsity", "1.5"], "sparsity must lie in"),
        (["--sparsity", "0"], "sparsity"),
        (["--start", "middle"], "start must be one of magnitude, random"),
        (["--layer-rates", "erk"], "invalid choice"),
        (["--freeze", "0.5", "--prune", "0.1"], "not both"),
        (["--prune", "0.6", "--sparsity", "0.5"], "strictly between 0.6 and 1"),
        (["--seeds", "0"], "seeds must be at least 1"),
        (["--epochs", "0"], "epochs must be at least 1"),
        (["--model", "vgg99"], "model must be one of"),
        (["--data-set", "mnest"], "data set must be one of"),
        (["--sparsity", "0.9999"], "at sparsity 0.9999 2 free weights are kept, and the last layer has 100"),
        (["--sparsity", "0.9958"], "nothing is left of"),
        (["garbage"], "is damaged or holds more than tensors"),
        (["list"], "holds no state_dict"),
        (["wide"], "1.weight is (60, 784) and must be (30, 784)"),
        (["lacking"], "it lacks 3.weight"),
        (["more"], "it has, unlike the model, 7.bias"),
        (["nan"], "not finite"),
        (["absent"], "No such file"),
    ],
)
def test_bad_input_is_one_clear_line(data, tmp_path, more, message, capsys):
    if len(more) == 1:
        more = ["--weights", str(weights_file(tmp_path, more[0]))]
    try:
        code = run_command(jackpot.main, [*TINY, "--data", str(data), "--out", str(tmp_path / "out"), *more], "jackpot")
    except SystemExit as stop:
        code = stop.code
    error = capsys.readouterr().err
    assert code == 2
    assert message in error
    assert len([line for line in error.splitlines() if ": epoch " not in line]) == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--sparsity", "0.9999"], "at sparsity 0.9999 2 free weights are kept, and the last layer has 100"),
        (["--sparsity", "0.99999999"], "sparsity 1 cannot be searched"),
    ],
)
def test_a_sparsity_that_no_training_can_mend_is_refused_before_it(data, tmp_path, monkeypatch, more, message, capsys):
    monkeypatch.setattr(jackpot, "trained", None)
    code = run_command(jackpot.main, [*TINY, "--data", str(data), "--out", str(tmp_path / "out"), *more], "jackpot")
    assert code == 2
    assert message in capsys.readouterr().err
