"""The networks in which tickets are searched, by name: convolutional, residual, graph, sequence and plain.

None has biases, and norms learn nothing unless ``affine=True``: a ticket then is a mask over the weights and nothing
else. Every builder takes the width factor, which multiplies all hidden layers. Under ``torch.device("meta")`` a model
is built without memory, which is enough for its sizes.
"""

from collections.abc import Callable, Mapping
from inspect import signature
from types import MappingProxyType
from typing import Any

from torch import nn

from slt.core.checks import one_of
from torch_backend.models.convnet import conv2, conv4, conv6
from torch_backend.models.gin import gin
from torch_backend.models.mlp import mlp
from torch_backend.models.resnet import resnet18, resnet18_imagenet, resnet32, resnet34, resnet50
from torch_backend.models.sequence import lstm, transformer
from torch_backend.models.vgg import vgg19

MODELS: Mapping[str, Callable[..., nn.Module]] = MappingProxyType(
    {
        "conv2": conv2,
        "conv4": conv4,
        "conv6": conv6,
        "resnet18": resnet18,
        "resnet32": resnet32,
        "resnet34": resnet34,
        "resnet18-imagenet": resnet18_imagenet,
        "resnet50": resnet50,
        "vgg19": vgg19,
        "gin": gin,
        "lstm": lstm,
        "transformer": transformer,
        "mlp": mlp,
    }
)


def build(name: str, *, width: float = 1.0, affine: bool = False, **sizes: Any) -> nn.Module:
    """Return the model ``name`` at ``width``; ``sizes`` are the arguments of its builder (classes, channels, ...).

    affine: whether norms learn a scale and a shift, for models that have norms.
    Raises ValueError listing the known names, or the known sizes of that model.

    >>> sum(weight.numel() for weight in build("mlp", width=0.5).parameters())
    125600
    """
    builder = MODELS[one_of("model", name, tuple(MODELS))]
    known = tuple(signature(builder).parameters)
    for size in sizes:
        one_of(f"size of {name}", size, tuple(word for word in known if word not in ("width", "affine")))
    if "affine" in known:
        sizes["affine"] = affine
    elif affine:
        raise ValueError(f"{name} has no norms, so affine must be False")
    return builder(width=width, **sizes)
