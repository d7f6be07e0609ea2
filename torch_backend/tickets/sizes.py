"""How large the presets' tickets are: counted on the models, and as the formulas say."""

from inspect import signature
from math import prod
from typing import Any

import torch
from torch import nn

from slt.core import console
from slt.core.rates import Rates
from slt.core.tables import Table
from theory.freezing import counts, layer_rates, ticket_size
from torch_backend.data import GraphSet, ImageSet, record_of
from torch_backend.models import MODELS, build
from torch_backend.training.settings import PRESETS, Settings


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


def sizes_table() -> Table:
    """Return weights, bits and ratios of every preset's ticket, counted and by (1 - F) N."""
    rows = []
    title = "Tickets of the presets: how many times smaller than the dense source's, and than 32-bit weights"
    for name, settings in PRESETS.items():
        if settings.method != "edge-popup":
            continue
        shapes = shapes_of(meta_model(settings))
        total = sum(prod(shape) for shape in shapes)
        freezing = Rates(settings.prune, settings.lock).freezing
        counted = searchable(shapes, settings)
        size = ticket_size(total, freezing, learned_norms(settings))
        rows.append(
            (
                name, f"{total:,}", f"{settings.prune:.3g}", f"{settings.lock:.3g}", f"{counted:,}",
                f"{size.ticket:,.0f}", f"{1 / (1 - freezing):.2f}x", f"{size.ratio:.2f}x",
            )
        )  # fmt: skip
    columns = ("<preset", "weights", "prune", "lock", "bits counted", "(1 - F) N", "than dense", "than weights")
    return console.table(title, columns, rows)
