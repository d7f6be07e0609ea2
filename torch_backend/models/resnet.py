"""Residual networks without biases: ResNet-18, -32 and -34 for CIFAR, ResNet-18 and -50 for ImageNet.

Source: He et al. (2016), Deep Residual Learning for Image Recognition, table 1 and, for ResNet-32, section 4.2, with
1 x 1 convolutions as shortcuts where the shape changes (there the paper's CIFAR networks pad with zeros). For CIFAR the
stem is one 3 x 3 convolution and nothing is pooled before the stages; for ImageNet it is 7 x 7 with stride 2 and a
3 x 3 max-pooling. The stride of a bottleneck sits on its 3 x 3 convolution.
Norms have no learned scale and shift unless ``affine`` asks for them. The order of the modules is the order in which
layers are counted: within a block the convolutions come first and the shortcut last.
"""

from torch import Tensor, nn
from torch.nn.functional import relu

from slt.core.checks import whole
from torch_backend.models.width import scaled

STAGES = (64, 128, 256, 512)
THIN = (16, 32, 64)  # of ResNet-32


class Block(nn.Module):
    """Convolutions with norms, added to the input or to its 1 x 1 shortcut, then ReLU.

    The convolutions are a chain of (kernel, outputs, stride), which holds for the basic block and the bottleneck alike.
    """

    def __init__(self, inputs: int, chain: tuple[tuple[int, int, int], ...], affine: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels, shrink = inputs, 1
        for kernel, outputs, stride in chain:
            if layers:
                layers.append(nn.ReLU())
            layers += _normed(channels, outputs, kernel, stride, affine)
            channels, shrink = outputs, shrink * stride
        self.residual = nn.Sequential(*layers)
        same = channels == inputs and shrink == 1
        self.shortcut = nn.Sequential() if same else nn.Sequential(*_normed(inputs, channels, 1, shrink, affine))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        return relu(self.residual(x) + self.shortcut(x))


def resnet18(*, width: float = 1.0, channels: int = 3, classes: int = 10, affine: bool = False) -> nn.Sequential:
    """Return ResNet-18 for small images (3 x 3 stem); the side of the image is free."""
    return _resnet((2, 2, 2, 2), False, False, width, channels, classes, affine)


def resnet34(*, width: float = 1.0, channels: int = 3, classes: int = 10, affine: bool = False) -> nn.Sequential:
    """Return ResNet-34 for small images (3 x 3 stem)."""
    return _resnet((3, 4, 6, 3), False, False, width, channels, classes, affine)


def resnet32(*, width: float = 1.0, channels: int = 3, classes: int = 10, affine: bool = False) -> nn.Sequential:
    """Return ResNet-32 for small images: three stages of five basic blocks, 16, 32 and 64 maps wide."""
    return _resnet((5, 5, 5), False, False, width, channels, classes, affine, THIN)


def resnet18_imagenet(
    *, width: float = 1.0, channels: int = 3, classes: int = 1000, affine: bool = False
) -> nn.Sequential:
    """Return ResNet-18 for large images (7 x 7 stem, made for 224 x 224)."""
    return _resnet((2, 2, 2, 2), False, True, width, channels, classes, affine)


def resnet50(*, width: float = 1.0, channels: int = 3, classes: int = 1000, affine: bool = False) -> nn.Sequential:
    """Return ResNet-50 for large images (7 x 7 stem, bottlenecks of 1 x 1, 3 x 3 and four times wider 1 x 1)."""
    return _resnet((3, 4, 6, 3), True, True, width, channels, classes, affine)


def _resnet(
    blocks: tuple[int, ...],
    bottleneck: bool,
    large: bool,
    width: float,
    channels: int,
    classes: int,
    affine: bool,
    stages: tuple[int, ...] = STAGES,
) -> nn.Sequential:
    inputs = scaled(width, stages[0])
    layers = _normed(whole("channels", channels, 1), inputs, 7 if large else 3, 2 if large else 1, affine)
    layers.append(nn.ReLU())
    if large:
        layers.append(nn.MaxPool2d(3, stride=2, padding=1))
    for stage, count in enumerate(blocks):
        for block in range(count):
            maps, stride = scaled(width, stages[stage]), 2 if stage and not block else 1
            chain: tuple[tuple[int, int, int], ...] = ((3, maps, stride), (3, maps, 1))
            if bottleneck:
                chain = ((1, maps, 1), (3, maps, stride), (1, scaled(width, 4 * stages[stage]), 1))
            layers.append(Block(inputs, chain, affine))
            inputs = chain[-1][1]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(inputs, whole("classes", classes, 1), bias=False))


def _normed(inputs: int, outputs: int, kernel: int, stride: int, affine: bool) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outputs, affine=affine)]
