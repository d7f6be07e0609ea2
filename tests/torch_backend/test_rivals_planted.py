"""A planted ticket is a feasible mask that does what was trained, hidden by size, and searches that work find it."""

from dataclasses import replace
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from torch_backend.data import Images, Part
from torch_backend.masks.supermask import supermasks
from torch_backend.rivals import METHODS, Problem
from torch_backend.rivals import planted as planting
from torch_backend.rivals.planted import plant
from torch_backend.training.settings import Settings
from torch_backend.training.start import source_of
from torch_backend.training.tasks import ImageTask

EMPTY = torch.empty(0)
CPU = torch.device("cpu")


pytestmark = pytest.mark.usefixtures("one_thread")


def task(count=1200):
    """Images of 8 x 8 noise, labelled by a linear function of them."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (3 * count, 1, 8, 8), generator=generator, dtype=torch.uint8)
    teacher = torch.randn(64, 4, generator=generator)
    labels = ((pixels.flatten(1).float() - 128) @ teacher).argmax(1)
    parts = [Part(pixels[k * count : (k + 1) * count], labels[k * count : (k + 1) * count]) for k in range(3)]
    return ImageTask(Images(*parts, torch.tensor([0.5]), torch.tensor([0.3]), 4), 0, 60, False)


def planted(folder, hidden=(), epochs=5, sparsity=0.5, seed=0, **choices):
    options = Settings("mlp", "mnist", sparsity=sparsity, epochs=epochs, **choices)
    sizes = {"size": 8, "classes": 4, "hidden": hidden}
    return options, plant(options, source_of(options, seed), sizes, task(), folder, CPU)


@given(st.sampled_from([(0, 0), (0.3, 0), (0, 0.3), (0.25, 0.25)]), st.sampled_from(["ku", "skc"]), st.integers(0, 99))
@settings(max_examples=12)
def test_the_planted_mask_is_feasible_exact_and_does_what_was_trained(tmp_path_factory, rates, weights, seed):
    folder = tmp_path_factory.mktemp("p")
    _, one = planted(folder, hidden=(8,), epochs=1, seed=seed, prune=rates[0], lock=rates[1], weights=weights)
    one.dig_out()
    assert one.recovered() == 1
    parts = supermasks(one.model)
    kept = sum(part.locked + int(part.mask.sum()) for part in parts.values())
    assert kept == 544 - 272  # locked ones among them
    assert one.chance() == pytest.approx(
        (272 - int(544 * rates[1])) / sum(len(m) for m in one.masks.values()), abs=0.02
    )
    # decoys have the planted weights' values
    for name, part in parts.items():
        inside = set(part.values[one.masks[name]].tolist())
        assert set(part.values[~one.masks[name]].tolist()) <= inside
    # training is not repeated, and gives the same source
    _, again = planted(folder, hidden=(8,), epochs=1, seed=seed, prune=rates[0], lock=rates[1], weights=weights)
    again.dig_out()
    for name, part in supermasks(again.model).items():
        assert torch.equal(part(EMPTY), parts[name](EMPTY))


@given(st.sampled_from(["none", "dynamic"]), st.integers(0, 9))
@settings(max_examples=4)
def test_what_is_dug_out_are_the_trained_weights_and_no_others(tmp_path_factory, scale, seed):
    seen = []

    def watched(options, start, *rest):
        seen.append((start, trained(options, start, *rest)))
        return seen[-1][1]

    trained = planting._trained
    with patch.object(planting, "_trained", watched):
        rates = {"prune": 0.25, "lock": 0.25, "scale": scale}
        _, one = planted(tmp_path_factory.mktemp("p"), hidden=(8,), epochs=2, seed=seed, **rates)
    ((start, after),) = seen
    one.dig_out()
    for name, part in supermasks(one.model).items():
        assert torch.equal(part(EMPTY), after[name])  # as it was trained, without any scale
        assert not after[name][start[name] == 0].any()  # pruned and left out ones stay 0
        assert not torch.equal(after[name], start[name])
        values = set(after[name].flatten()[part.free.long()[one.masks[name]]].tolist())
        assert set(part.values[~one.masks[name]].tolist()) <= values


def relabelled(model):
    """Images labelled by what the model says."""
    found = task()
    parts = {}
    for name in ("train", "validation", "test"):
        part = getattr(found.images, name)
        parts[name] = Part(part.inputs, found.logits(model, name).argmax(1))
    return ImageTask(replace(found.images, **parts), 0, 60, False)


@pytest.mark.long(keep=1)
@pytest.mark.parametrize("rates", [(0.0, 0.0), (0.25, 0.25)])
def test_searches_dig_up_what_is_planted_and_random_masks_do_not(tmp_path, rates):
    deviations, accuracies = {}, {}
    for method in ("edge-popup", "gradual", "probmask", "magnitude", "random"):
        options, one = planted(tmp_path / "p", epochs=20, prune=rates[0], lock=rates[1])
        one.dig_out()
        judge = relabelled(one.model)  # the ticket is right everywhere
        assert judge.accuracy(one.model, "test") == 1
        (tmp_path / method).mkdir()
        METHODS[method].search(Problem(one.model, judge, options, 0, tmp_path / method))
        free = sum(len(mask) for mask in one.masks.values())
        kept = one.chance() * free
        # the overlap of a random mask with the planted one is hypergeometric
        deviation = (kept * (1 - one.chance()) ** 2 * free / (free - 1) * one.chance()) ** 0.5 / kept
        deviations[method] = (one.recovered() - one.chance()) / deviation
        accuracies[method] = judge.accuracy(one.model, "test")
    for method in ("edge-popup", "gradual", "probmask"):
        assert deviations[method] > 4
        assert accuracies[method] > max(accuracies["magnitude"], accuracies["random"]) + 0.1
    for method in ("magnitude", "random"):
        assert abs(deviations[method]) < 4
