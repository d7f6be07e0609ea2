"""Lottery jackpots: the networks, exact counts, the short restriction against a naive one, resumption, refusals."""

import pytest
import torch

from torch_backend.models import build


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
