"""How large tickets are: counted on models that take no memory."""

from inspect import signature
from math import prod
from typing import Any

import torch
from torch import nn

from theory.freezing import counts, layer_rates
from torch_backend.data import GraphSet, ImageSet, record_of
from torch_backend.models import MODELS, build
from torch_backend.training.settings import Settings


def meta_model(settings: Settings, affine: bool = False, record: ImageSet | GraphSet | None = None) -> nn.Module:
    """Return the model of a preset's settings without memory for its weights.

    record: what is known of the data set, where its files say more than its name does. Raises ValueError for a model
    that does not take such data, and where the sizes are not known.
    """
    known = signature(MODELS[settings.model]).parameters
    shape = (record or record_of(settings.data_set)).sizes(settings.size)
    if ("inputs" in known) != ("inputs" in shape):
        raise ValueError(f"model {settings.model} does not take the data of {settings.data_set}")
    if not shape["classes"]:
        raise ValueError(f"only the files of data set {settings.data_set} say how many classes it has")
    sizes: dict[str, Any] = {"width": settings.width, **settings.sizes}
    sizes |= {name: size for name, size in shape.items() if name in known}
    with torch.device("meta"):
        return build(settings.model, affine=affine, **sizes)


def shapes_of(model: nn.Module) -> list[tuple[int, ...]]:
    """Return the shapes of the weights that can be searched."""
    return [tuple(parameter.shape) for parameter in model.parameters() if parameter.ndim > 1]


def searchable(shapes: list[tuple[int, ...]], settings: Settings) -> int:
    """Return how many weights of the source are neither pruned nor locked, layer by layer."""
    ratios = layer_rates(settings.rule, shapes, settings.prune, settings.lock)
    return sum(prod(shape) - sum(counts(prod(shape), ratio)) for shape, ratio in zip(shapes, ratios, strict=True))


def learned_norms(settings: Settings) -> int:
    """Return how many numbers the model's norms have when they are learned, 0 for models without norms."""
    try:
        model = meta_model(settings, affine=True)
    except ValueError:
        return 0
    return sum(parameter.numel() for parameter in model.parameters() if parameter.ndim == 1)
