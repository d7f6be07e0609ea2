"""VGG-19 with batch norm for small images, as papers on pruning use it: one linear layer, no biases.

Source: Simonyan and Zisserman (2015), Very deep convolutional networks, table 1, column E: 16 convolutions of 3 x 3 in
five stages with 2 x 2 max-pooling between them. For CIFAR the mean over what is left of the image and one linear layer
take the place of the last pooling and of the three linear layers. Norms have no learned scale and shift unless
``affine`` asks for them.
"""

from torch import nn

from slt.core.checks import whole
from torch_backend.models.width import scaled

STAGES = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))


def vgg19(*, width: float = 1.0, channels: int = 3, classes: int = 10, affine: bool = False) -> nn.Sequential:
    """Return VGG-19 (64 x 2, 128 x 2, 256 x 4, 512 x 4, 512 x 4, classes); the image's side is at least 16."""
    inputs = whole("channels", channels, 1)
    layers: list[nn.Module] = []
    for stage, (maps, count) in enumerate(STAGES):
        if stage:
            layers.append(nn.MaxPool2d(2))
        for _ in range(count):
            outputs = scaled(width, maps)
            layers += [
                nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
                nn.BatchNorm2d(outputs, affine=affine),
                nn.ReLU(),
            ]
            inputs = outputs
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(inputs, whole("classes", classes, 1), bias=False))
