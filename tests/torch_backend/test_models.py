"""The networks: published weight counts and layer sizes, shapes, widths, and what they refuse."""

import pytest
import torch
from torch import nn

from torch_backend.models import MODELS, build

CONV6 = [1728, 36864, 73728, 147456, 294912, 589824, 1048576, 65536, 2560]


def sizes(model):
    return [weight.numel() for weight in model.parameters()]


def on_paper(name, **options):
    with torch.device("meta"):
        return build(name, **options)


@pytest.mark.parametrize(
    ("name", "layers", "weights"),
    [
        ("conv6", 9, 2_261_184),
        ("resnet18", 21, 11_164_352),
        ("gin", 5, 378_280),
        ("resnet50", 54, 25_502_912),
        # 11,689,512, 21,797,672 parameters with norms and biases are the well-known counts of the ImageNet versions
        ("resnet18-imagenet", 21, 11_689_512 - 2 * 4_800 - 1_000),
        ("resnet34", 37, 21_797_672 - 2 * 8_512 - 1_000 - (49 - 9) * 3 * 64 - 512 * (1_000 - 10)),
        ("conv2", 5, 1_728 + 36_864 + 16 * 16 * 64 * 256 + 256 * 256 + 2_560),
        ("conv4", 7, 1_728 + 36_864 + 73_728 + 147_456 + 8 * 8 * 128 * 256 + 256 * 256 + 2_560),
        ("mlp", 3, 784 * 300 + 300 * 100 + 100 * 10),
    ],
)
def test_the_numbers_of_weights_and_layers_are_the_published_ones(name, layers, weights):
    received = sizes(on_paper(name))
    assert (len(received), sum(received)) == (layers, weights)


def test_conv6_lists_its_layers_from_the_input_to_the_output():
    assert sizes(on_paper("conv6")) == CONV6


def test_the_shortcut_of_a_resnet_block_is_counted_after_its_convolutions():
    stage = 64 * 64 * 9
    second = [2 * stage, 4 * stage, 64 * 128, 4 * stage, 4 * stage]
    third = [4 * size for size in second]
    assert sizes(on_paper("resnet18")) == [1728, *[stage] * 4, *second, *third, *[16 * size for size in second], 5120]


def test_the_gin_counts_its_head_last():
    assert sizes(on_paper("gin", inputs=1433, classes=7)) == [1433 * 386, 386 * 386, 386 * 386, 386 * 7, 386 * 7]


@pytest.mark.parametrize("name", ["conv2", "conv4", "conv6", "resnet18", "resnet34", "mlp"])
@pytest.mark.parametrize("shape", [(1, 28), (3, 32)])
def test_an_image_becomes_one_logit_a_class(name, shape):
    channels, size = shape
    known = {} if name.startswith("resnet") else {"size": size}
    model = build(name, width=0.125, channels=channels, classes=7, **known)
    assert model(torch.randn(2, channels, size, size)).shape == (2, 7)


@pytest.mark.parametrize("name", ["resnet18-imagenet", "resnet50"])
def test_the_large_stem_shrinks_an_image_by_32_before_the_mean(name):
    model = build(name, width=0.125, classes=5)
    images = torch.randn(2, 3, 64, 64)
    assert model[:-3](images).shape[2:] == (2, 2)
    assert model(images).shape == (2, 5)


def test_the_small_stem_shrinks_an_image_by_8():
    assert build("resnet18", width=0.125)[:-3](torch.randn(2, 3, 32, 32)).shape[2:] == (4, 4)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_no_layer_has_a_bias_and_no_norm_learns(name):
    model = on_paper(name)
    assert all(parameter.ndim >= 2 for parameter in model.parameters())
    assert all(
        isinstance(owner, nn.Linear | nn.Conv2d)
        for owner in model.modules()
        if owner._parameters.get("weight") is not None
    )


@pytest.mark.parametrize(("name", "units"), [("resnet18", 4_800), ("resnet34", 8_512), ("resnet50", 26_560)])
def test_affine_norms_learn_a_scale_and_a_shift_a_channel(name, units):
    assert sum(sizes(on_paper(name, affine=True))) - sum(sizes(on_paper(name))) == 2 * units


def test_width_scales_hidden_layers_and_rounds_down():
    received = sizes(on_paper("conv6", width=0.3))
    a, b, c = 19, 38, 76  # int(.3 * 64), int(.3 * 128), int(.3 * 256)
    assert received == [
        27 * a, 9 * a * a, 9 * a * b, 9 * b * b, 9 * b * c, 9 * c * c, 16 * c * c, c * c, 10 * c,
    ]  # fmt: skip
    assert sizes(on_paper("gin", width=2))[1:3] == [772 * 772] * 2
    assert sizes(on_paper("resnet50", width=0.5))[-1] == 1024 * 1000


def test_a_residual_block_adds_its_input():
    block = build("resnet18", width=0.125)[3].eval()
    for module in block.residual:
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.weight)
    x = torch.randn(2, 8, 4, 4)
    assert torch.equal(block(x), torch.relu(x))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("conv7", {}), "model must be one of conv2, conv4, .*mlp; got 'conv7'"),
        (("conv6", {"depth": 3}), "size of conv6 must be one of channels, size, classes; got 'depth'"),
        (("conv6", {"width": 0.001}), "width 0.001 leaves a layer of 64 units empty"),
        (("conv6", {"width": -1}), "width must be above 0"),
        (("conv6", {"affine": True}), "conv6 has no norms"),
        (("conv6", {"size": 4}), "size must be at least 8"),
        (("resnet18", {"classes": 0}), "classes must be at least 1"),
        (("gin", {"depth": 1}), "depth must be at least 2"),
        (("mlp", {"hidden": (0,)}), "hidden must be at least 1"),
    ],
)
def test_a_wrong_name_or_size_is_refused_with_one_line(arguments, line):
    name, options = arguments
    with pytest.raises(ValueError, match=line):
        build(name, **options)
