"""Multilayer perceptrons without biases, by default LeNet-300-100 for 28 x 28 images of one channel."""

from collections.abc import Sequence

from torch import nn

from slt.core.checks import whole
from torch_backend.models.width import scaled


def mlp(
    *, width: float = 1.0, channels: int = 1, size: int = 28, hidden: Sequence[int] = (300, 100), classes: int = 10
) -> nn.Sequential:
    """Return channels * size * size inputs, ReLU layers of int(width * hidden) units and a linear layer of classes.

    Raises ValueError when a size is below 1.
    """
    inputs = whole("channels", channels, 1) * whole("size", size, 1) ** 2
    layers: list[nn.Module] = [nn.Flatten()]
    for units in hidden:
        outputs = scaled(width, whole("hidden", units, 1))
        layers += [nn.Linear(inputs, outputs, bias=False), nn.ReLU()]
        inputs = outputs
    return nn.Sequential(*layers, nn.Linear(inputs, whole("classes", classes, 1), bias=False))
