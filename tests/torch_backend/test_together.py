"""All seeds of a setting as one network: the results of one by one, a member that fails, a run that is cut off."""

import json
import math

import pytest
import torch

from tests.torch_backend.left import files
from torch_backend.data import load
from torch_backend.masks import members, threshold
from torch_backend.masks.members import WAYS, Members, largest
from torch_backend.masks.supermask import supermasks
from torch_backend.models import build
from torch_backend.tickets import files as tickets
from torch_backend.training import together
from torch_backend.training.run import optimiser_of
from torch_backend.training.settings import Settings
from torch_backend.training.start import model_sizes, prepared, run
from torch_backend.training.together import NotTogether, Stopped, run_together

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
SEEDS = (0, 1, 2)
MLP = Settings("mlp", "mnist", width=0.1, epochs=3, batch=50, rate=0.5, prune=0.2, lock=0.3)
SHAPES = {
    "mlp": MLP,
    "by layer, AdamW": MLP.changed(scope="layer", optimiser="adamw", rate=0.01, weights="skc", scale="static"),
    "convolutions": MLP.changed(model="conv2", width=0.05, augment=True),
    "norms": MLP.changed(model="resnet18", width=0.03, epochs=1, images=100, rate=0.1),
}


def one_by_one(settings, out, root):
    return [run(settings, seed, out / f"seed{seed}", root, CPU, lambda row: None) for seed in SEEDS]


def masks_of(out, seed):
    model, _ = tickets.load(out / f"seed{seed}" / "ticket.safetensors")
    return torch.cat([mask.mask for mask in supermasks(model).values()])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("settings", SHAPES.values(), ids=SHAPES)
def test_members_find_what_they_find_alone(module_data, tmp_path, settings, way):
    alone = one_by_one(settings, tmp_path / "alone", module_data)
    found = run_together(settings, SEEDS, tmp_path / "all", module_data, CPU, way=way)
    assert list(found) == list(SEEDS)
    for seed, row in zip(SEEDS, alone, strict=True):
        other = found[seed]
        assert row.keys() == other.keys()
        assert other["origin"] == row["origin"] | {"together": "3"}
        for name in ("settings", "seed", "best_epoch", "validation", "test", "bits"):
            assert other[name] == row[name]
        ours, theirs = (
            [json.loads(line) for line in (tmp_path / who / f"seed{seed}" / "epochs.jsonl").read_text().splitlines()]
            for who in ("all", "alone")
        )
        for one, two in zip(ours, theirs, strict=True):
            assert one.keys() == two.keys()
            assert one["loss"] == pytest.approx(two["loss"], rel=1e-4)
            assert one["validation"] == two["validation"]
        same = masks_of(tmp_path / "all", seed) == masks_of(tmp_path / "alone", seed)
        assert same.float().mean() >= 0.999


def test_members_are_stopped_and_go_on_to_the_same_files(module_data, tmp_path):
    settings = SHAPES["mlp"]
    whole = run_together(settings, SEEDS, tmp_path / "whole", module_data, CPU, way="loop")
    for epochs in (1, 2):
        with pytest.raises(Stopped, match=f"{epochs} of 3 epochs"):
            run_together(settings, SEEDS, tmp_path / "parts", module_data, CPU, way="loop", until=0.0)
    assert not list(tmp_path.glob("parts/*/result.json"))
    found = run_together(settings, SEEDS, tmp_path / "parts", module_data, CPU, way="loop")
    assert files(tmp_path / "parts") == files(tmp_path / "whole")
    assert {seed: {**row, "seconds": 0} for seed, row in found.items()} == {
        seed: {**row, "seconds": 0} for seed, row in whole.items()
    }
    # a kill while results are written: those that are there are read, the others written
    (tmp_path / "whole" / "seed1" / "result.json").unlink()
    again = run_together(settings, SEEDS, tmp_path / "whole", module_data, CPU, way="loop")
    assert again[0] == whole[0]
    assert again[1]["test"] == whole[1]["test"]


def test_a_member_that_diverges_leaves_the_others_as_they_are(module_data, tmp_path, monkeypatch):
    settings = SHAPES["convolutions"].changed(augment=False, epochs=2)
    whole = run_together(settings, SEEDS, tmp_path / "whole", module_data, CPU, way="vmap")

    def spoilt(settings, seed, sizes):
        model = prepared(settings, seed, sizes)
        if seed == 1:
            mask = next(iter(supermasks(model).values()))
            mask.values.fill_(torch.nan)
        return model

    monkeypatch.setattr(together, "prepared", spoilt)
    found = run_together(settings, SEEDS, tmp_path / "spoilt", module_data, CPU, way="vmap")
    assert found[1] == "the loss is not finite in epoch 1; try a smaller rate"
    for seed in (0, 2):
        assert {**found[seed], "seconds": 0} == {**whole[seed], "seconds": 0}
        assert torch.equal(masks_of(tmp_path / "spoilt", seed), masks_of(tmp_path / "whole", seed))
    assert not (tmp_path / "spoilt" / "seed1").exists()
    # what is known of it is read again
    assert run_together(settings, SEEDS, tmp_path / "spoilt", module_data, CPU, way="vmap")[1] == found[1]
    with pytest.raises(ValueError, match="not finite in epoch 1"):
        run_together(settings, (1,), tmp_path / "one", module_data, CPU, way="vmap")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"method": "weights"}, "its weights are trained"),
        ({"scale": "dynamic"}, "its scale is dynamic"),
        ({"scope": "2:4"}, "its masks are of groups"),
        ({"model": "resnet18", "learn_norms": True}, "its norms are trained"),
    ],
)
def test_what_cannot_be_computed_together_is_said(module_data, tmp_path, changes, why):
    settings = MLP.changed(**{"prune": 0.0, "lock": 0.0, **changes})
    with pytest.raises(NotTogether, match=f"cannot be searched together: {why}"):
        run_together(settings, SEEDS, tmp_path, module_data, CPU)


def networks(count=3, **changes):
    settings = MLP.changed(**changes)
    sizes = {"width": 0.1, "channels": 1, "size": 28, "classes": 10}
    return settings, [prepared(settings, seed, sizes) for seed in range(count)], build("mlp", **sizes)


def test_networks_of_other_rates_are_refused():
    _, some, plain = networks(1)
    _, others, _ = networks(1, prune=0.3, lock=0.2)
    with pytest.raises(ValueError, match="other rates or widths"):
        Members([*some, *others], plain, 0.5, "global")
    with pytest.raises(ValueError, match="dynamic scale"):
        Members(networks(2, scale="dynamic")[1], plain, 0.5, "global")
    with pytest.raises(ValueError, match="scope must be one of"):
        Members(some, plain, 0.5, "2:4")
    with pytest.raises(ValueError, match="parameters beside"):
        Members(some, build("mlp", width=0.1, hidden=(300,)), 0.5, "global")


@pytest.mark.parametrize("way", WAYS)
def test_outputs_and_gradients_are_those_of_the_networks(way):
    settings, some, plain = networks()
    for network in some:
        threshold.select(network, settings.sparsity)
    joined = Members(some, plain, settings.sparsity, settings.scope, way)
    x = torch.randn(3, 7, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    joined.select()
    found = joined(x)
    found.square().sum().backward()
    for number, network in enumerate(some):
        out = network(x[number])
        out.square().sum().backward()
        torch.testing.assert_close(found[number], out)
        own = torch.cat([mask.scores.grad for mask in supermasks(network).values()])
        torch.testing.assert_close(joined.scores.grad[number], own)
        own = torch.cat([mask.mask for mask in supermasks(network).values()])
        assert torch.equal(joined.mask[number], own)
        kept = [1 - (mask.locked + int(mask.mask.sum())) / mask.size for mask in supermasks(network).values()]
        assert list(joined.sparsities()[number].values()) == kept


@pytest.mark.parametrize("device", ["cpu", "accelerator"])
@pytest.mark.parametrize("seed", range(3))
def test_the_largest_of_every_row_are_those_of_one_row(monkeypatch, device, seed):
    numbers = torch.randint(0, 6, (4, 20), generator=torch.Generator().manual_seed(seed)).float()  # many are equal
    if device == "accelerator":
        monkeypatch.setattr(members, "kth_largest", lambda row, count: members.of_rows(row[None], count)[0])
    for count in range(21):
        mask = largest(numbers, count)
        assert torch.equal(mask, torch.stack([threshold.top(row, count) for row in numbers]))
    numbers[2, 5] = math.nan
    mask = largest(numbers, 7)
    assert [int(row.sum()) for row in mask[[0, 1, 3]]] == [7, 7, 7]


def test_the_trial_of_ways_changes_nothing(module_data):
    settings = SHAPES["norms"]
    sets = [load("mnist", module_data, seed=seed, images=100) for seed in SEEDS]
    sizes = model_sizes(settings, sets[0])
    sources = [prepared(settings, seed, sizes) for seed in SEEDS]
    joined = Members(sources, build("resnet18", **sizes), settings.sparsity, settings.scope)
    before = {name: tensor.clone() for name, tensor in joined.state_dict().items()}
    tasks = [together.task_of(settings, seed, data) for seed, data in zip(SEEDS, sets, strict=True)]
    assert together.faster(joined, together.MembersTask(tasks), settings, amp=False) in WAYS
    assert all(torch.equal(before[name], tensor) for name, tensor in joined.state_dict().items())
    assert all(parameter.grad is None for parameter in joined.parameters())
    assert [group["params"][0] is joined.scores for group in optimiser_of(joined, settings).param_groups] == [True]
