"""Every network computes what its paper says: its output equals that of the formula, written out with functions."""

import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d, batch_norm, conv2d, linear, max_pool2d, relu

from torch_backend.models import build

pytestmark = pytest.mark.usefixtures("one_thread")


def normed(x):
    return batch_norm(x, None, None, training=True)


def same_size(x, weight, stride=1):
    return conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)


def mlp(x, weights):
    x = x.flatten(1)
    for weight in weights[:-1]:
        x = relu(linear(x, weight))
    return linear(x, weights[-1])


def convnet(x, weights):
    for number, weight in enumerate(weights[:-3]):
        x = relu(same_size(x, weight))
        if number % 2:
            x = max_pool2d(x, 2)
    return mlp(x, weights[-3:])


def vgg(x, weights):
    for number, weight in enumerate(weights[:-1]):
        if number in (2, 4, 8, 12):
            x = max_pool2d(x, 2)
        x = relu(normed(same_size(x, weight)))
    return linear(x.mean((2, 3)), weights[-1])


def resnet(blocks, kernels, large=False):
    """blocks: a number for each stage; kernels: of the convolutions of a block, the 3 x 3 of which shrinks first."""

    def network(x, weights):
        left = list(weights)
        x = relu(normed(same_size(x, left.pop(0), 2 if large else 1)))
        if large:
            x = max_pool2d(x, 3, stride=2, padding=1)
        for stage, count in enumerate(blocks):
            for block in range(count):
                shrinks, before = bool(stage) and block == 0, x
                for number, kernel in enumerate(kernels):
                    stride = 2 if shrinks and number == kernels.index(3) else 1
                    weight = left.pop(0)
                    assert weight.shape[-1] == kernel
                    x = normed(same_size(x, weight, stride))
                    if number < len(kernels) - 1:
                        x = relu(x)
                if before.shape != x.shape:
                    before = normed(conv2d(before, left.pop(0), stride=2 if shrinks else 1))
                x = relu(x + before)
        (last,) = left
        return linear(adaptive_avg_pool2d(x, 1).flatten(1), last)

    return network


@pytest.mark.parametrize(
    ("name", "expected", "shape"),
    [
        ("mlp", mlp, (1, 28)),
        ("conv2", convnet, (3, 16)),
        ("conv4", convnet, (3, 16)),
        ("conv6", convnet, (3, 16)),
        ("vgg19", vgg, (3, 32)),
        ("resnet18", resnet((2, 2, 2, 2), (3, 3)), (3, 16)),
        ("resnet34", resnet((3, 4, 6, 3), (3, 3)), (3, 16)),
        ("resnet32", resnet((5, 5, 5), (3, 3)), (3, 16)),
        ("resnet18-imagenet", resnet((2, 2, 2, 2), (3, 3), large=True), (3, 64)),
        ("resnet50", resnet((3, 4, 6, 3), (1, 3, 1), large=True), (3, 64)),
    ],
)
def test_the_output_is_that_of_the_formula(name, expected, shape):
    torch.manual_seed(0)
    channels, size = shape
    known = {"size": size} if name in ("mlp", "conv2", "conv4", "conv6") else {}
    model = build(name, width=0.1, channels=channels, classes=7, **known).double()
    x = torch.randn(3, channels, size, size, dtype=torch.float64)
    received = model(x)
    assert bool((received < 0).any()), "logits of either sign, or a last activation would not be seen"
    torch.testing.assert_close(received, expected(x, list(model.parameters())))


def test_hidden_units_of_an_mlp_are_scaled():
    assert [weight.shape[0] for weight in build("mlp", width=0.5, hidden=(30, 20)).parameters()] == [15, 10, 10]
