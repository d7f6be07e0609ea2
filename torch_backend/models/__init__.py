"""The networks in which tickets are searched, by name: convolutional, residual, graph, sequence and plain.

None has biases, and norms learn nothing unless ``affine=True``: a ticket then is a mask over the weights and nothing
else. Every builder takes the width factor, which multiplies all hidden layers. Under ``torch.device("meta")`` a model
is built without memory, which is enough for its sizes.
"""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from torch import nn

from slt.core.checks import one_of
from slt.core.registry import Registry

# a model is one file and one line here
MODELS: Mapping[str, Callable[..., nn.Module]] = Registry(
    {
        "conv2": "torch_backend.models.convnet:conv2",
        "conv4": "torch_backend.models.convnet:conv4",
        "conv6": "torch_backend.models.convnet:conv6",
        "resnet18": "torch_backend.models.resnet:resnet18",
        "resnet32": "torch_backend.models.resnet:resnet32",
        "resnet34": "torch_backend.models.resnet:resnet34",
        "resnet18-imagenet": "torch_backend.models.resnet:resnet18_imagenet",
        "resnet50": "torch_backend.models.resnet:resnet50",
        "vgg19": "torch_backend.models.vgg:vgg19",
        "gin": "torch_backend.models.gin:gin",
        "lstm": "torch_backend.models.sequence:lstm",
        "transformer": "torch_backend.models.sequence:transformer",
        "mlp": "torch_backend.models.mlp:mlp",
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
