"""What masks have in common, counted by hand; one-shot masks over given weights, whatever state the norms are in."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from torch_backend.masks.supermask import freeze
from torch_backend.rivals import METHODS, Problem
from torch_backend.rivals.overlap import ONE_SHOT, Overlap, mask_of, masks, mean_overlaps, overlap
from torch_backend.training.settings import Settings

pytestmark = pytest.mark.usefixtures("one_thread")


def of(**bits):
    return {name: torch.tensor([bit == "1" for bit in text], dtype=torch.bool) for name, text in bits.items()}


def test_shares_and_chance_are_counted_layer_by_layer():
    first, second = of(a="1100", b="111000"), of(a="1010", b="100001")
    # of 5 kept ones 1 + 1 are kept by the second; by chance 2 * 2/4 + 3 * 2/6
    assert overlap(first, second) == pytest.approx((2 / 5, (2 * 2 / 4 + 3 * 2 / 6) / 5))
    # and the other way round: 4 are kept
    assert overlap(second, first) == pytest.approx((2 / 4, (2 * 2 / 4 + 2 * 3 / 6) / 4))
    assert overlap(first, of(a="0011", b="000111")).share == 0
    # over the whole network chance would be something else
    assert overlap(of(a="11", b="0000"), of(a="11", b="0000")) == (1, 1)
    assert overlap(of(a="10", b=""), of(a="11", b="")) == (1, 1)  # a layer without free weights


def test_an_empty_first_mask_is_refused():
    with pytest.raises(ValueError, match="keeps none of the free weights"):
        overlap(of(a="00", b="0"), of(a="11", b="1"))
    assert overlap(of(a="11"), of(a="00")) == (0, 0)


def test_means_are_over_all_seeds():
    found = [{"x": Overlap(0.25, 0.5), "y": Overlap(1.0, 0.0)}, {"x": Overlap(0.75, 1.0), "y": Overlap(0.0, 0.0)}]
    assert mean_overlaps(found) == {"x": (0.5, 0.75), "y": (0.5, 0.0)}
    assert mean_overlaps(found[:1]) == found[0]


class Pairs:
    """Two classes of six numbers."""

    steps = 2

    def loss(self, model, epoch, step):
        x = torch.randn(12, 6, generator=torch.Generator().manual_seed(step))
        return functional.cross_entropy(model(x), torch.arange(12) % 2)

    def accuracy(self, model, part):
        return 0.5

    def ones(self, dtype):
        return (torch.ones(1, 6, dtype=dtype),)


def problem(folder, scope="global", spoilt=False):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5, bias=False), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2, bias=False))
    with torch.no_grad():
        model[0].weight.mul_(0.3)
        if spoilt:
            norm = model[1]
            norm.weight.copy_(torch.tensor([9.0, 0.1, 3.0, 0.5, 1.0]))
            norm.bias.fill_(2.0)
            norm.running_mean.fill_(3.0)
            norm.running_var.copy_(torch.tensor([0.1, 5.0, 1.0, 2.0, 9.0]))
    settings = Settings("mlp", "mnist", sparsity=0.6, scope=scope)
    return Problem(freeze(model, weights="given", seed=2), Pairs(), settings, 2, folder)


@pytest.mark.parametrize("method", ONE_SHOT)
def test_a_one_shot_mask_has_one_threshold_whatever_the_settings_say(tmp_path, method):
    found = [mask_of(method, problem(tmp_path, scope)) for scope in ("global", "layer")]
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    by_layer = problem(tmp_path, "layer")
    METHODS[method].search(by_layer)
    shares = {name: float(mask.float().mean()) for name, mask in masks(by_layer).items()}
    assert max(shares.values()) - min(shares.values()) < 0.2
    global_shares = [float(mask.float().mean()) for mask in found[0].values()]
    if method == "magnitude":  # the first layer's weights are smaller
        assert max(global_shares) - min(global_shares) > 0.3
    assert sum(int(mask.sum()) for mask in found[0].values()) == by_layer.wanted


def test_masks_handed_out_are_copies(tmp_path):
    one = problem(tmp_path)
    before = masks(one)
    kept = {name: mask.clone() for name, mask in before.items()}
    for layer in one.masks.values():
        layer.keep(~layer.mask)
    assert all(torch.equal(before[name], kept[name]) for name in kept)
    with pytest.raises(ValueError, match="method must be one of magnitude, snip"):
        mask_of("edge-popup", one)


def test_only_synflow_forgets_what_norms_have_learnt(tmp_path):
    """Its paper scores a network whose norms do nothing; a gradient is one of the network as it is."""
    plain, spoilt = problem(tmp_path), problem(tmp_path, spoilt=True)
    one, two = mask_of("synflow", plain), mask_of("synflow", spoilt)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert spoilt.model[1].weight.tolist() == [1] * 5
    assert spoilt.model[1].bias.tolist() == [0] * 5
    for method in ("snip", "grasp", "magnitude"):
        again = problem(tmp_path, spoilt=True)
        mask_of(method, again)
        assert again.model[1].weight.tolist() == pytest.approx([9.0, 0.1, 3.0, 0.5, 1.0])
        assert again.model[1].bias.tolist() == [2] * 5
        # statistics are those of the mask that was chosen, not those that were there
        assert not (again.model[1].running_mean == 3.0).any()


def test_gradients_are_taken_with_the_statistics_of_the_batch(tmp_path):
    """SNIP with batch norm, the norm written out by its definition."""
    from torch_backend.rivals import lee2019

    one = problem(tmp_path, spoilt=True)
    first, second = (layer.weight.detach().clone().requires_grad_() for layer in one.masks.values())
    x = torch.randn(12, 6, generator=torch.Generator().manual_seed(0))
    h = x @ first.T
    h = (h - h.mean(0)) / (h.var(0, unbiased=False) + 1e-5).sqrt()
    h = h * torch.tensor([9.0, 0.1, 3.0, 0.5, 1.0]) + 2.0
    loss = functional.cross_entropy(h.relu() @ second.T, torch.arange(12) % 2)
    expected = [
        (w * g).abs().flatten()
        for w, g in zip((first, second), torch.autograd.grad(loss, (first, second)), strict=True)
    ]
    one.model.eval()
    for received, wanted in zip(lee2019.search.__wrapped__(one), expected, strict=True):
        torch.testing.assert_close(received, wanted.detach())
