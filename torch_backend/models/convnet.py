"""Conv2, Conv4 and Conv6: the small convolutional networks of the lottery ticket papers, without biases and norms.

Source: Frankle and Carbin (2019), The Lottery Ticket Hypothesis, figure 2: scaled-down VGGs of 3 x 3 convolutions in
pairs, each pair followed by 2 x 2 max-pooling, then linear layers of 256, 256 and the classes.
"""

from torch import nn

from slt.core.checks import whole
from torch_backend.models.width import scaled

PAIRS = (64, 128, 256)
LINEAR = (256, 256)


def conv2(*, width: float = 1.0, channels: int = 3, size: int = 32, classes: int = 10) -> nn.Sequential:
    """Return Conv2 (64, 64, pool; 256, 256, classes) for images of channels x size x size."""
    return _convnet(1, width, channels, size, classes)


def conv4(*, width: float = 1.0, channels: int = 3, size: int = 32, classes: int = 10) -> nn.Sequential:
    """Return Conv4 (64, 64, pool, 128, 128, pool; 256, 256, classes) for images of channels x size x size."""
    return _convnet(2, width, channels, size, classes)


def conv6(*, width: float = 1.0, channels: int = 3, size: int = 32, classes: int = 10) -> nn.Sequential:
    """Return Conv6 (64, 64, pool, 128, 128, pool, 256, 256, pool; 256, 256, classes)."""
    return _convnet(3, width, channels, size, classes)


def _convnet(pairs: int, width: float, channels: int, size: int, classes: int) -> nn.Sequential:
    inputs, side = whole("channels", channels, 1), whole("size", size, 2**pairs)
    layers: list[nn.Module] = []
    for maps in PAIRS[:pairs]:
        for _ in range(2):
            outputs = scaled(width, maps)
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.ReLU()]
            inputs = outputs
        layers.append(nn.MaxPool2d(2))
        side //= 2
    layers.append(nn.Flatten())
    inputs *= side * side
    for units in LINEAR:
        outputs = scaled(width, units)
        layers += [nn.Linear(inputs, outputs, bias=False), nn.ReLU()]
        inputs = outputs
    return nn.Sequential(*layers, nn.Linear(inputs, whole("classes", classes, 1), bias=False))
