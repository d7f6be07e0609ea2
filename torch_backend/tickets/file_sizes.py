"""How many bytes a ticket file has and what they are: of a file that is there, or of one that a search will write."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from math import prod
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from slt.core import console
from slt.core.rates import Rates
from slt.core.tables import Table
from theory.freezing import counts, layer_rates, ticket_size
from torch_backend.data import GraphSet, ImageSet, record_of
from torch_backend.masks.supermask import freeze
from torch_backend.models import MODELS
from torch_backend.tickets import files as tickets
from torch_backend.tickets.sizes import learned_norms, meta_model, searchable, shapes_of
from torch_backend.tickets.tensors import name_of
from torch_backend.training.settings import PRESETS, Settings

DIGEST, DIGITS = "0" * 32, 0.8123  # in the place of what is not known yet


@dataclass(frozen=True)
class FileSize:
    """Bytes of a ticket file.

    mask: the bits of the ticket; state: what no seed rebuilds, such as the statistics of norms; header: all else, such
    as the names and shapes of layers, the rates, and the frame of a safetensors file.
    """

    mask: int
    state: int
    header: int

    @property
    def total(self) -> int:
        """Bytes of the file."""
        return self.mask + self.state + self.header

    def __str__(self) -> str:
        parts = ((self.mask, "mask"), (self.state, "statistics and learned numbers"), (self.header, "header"))
        said = ", ".join(f"{what} {count:,} ({count / self.total:.0%})" for count, what in parts)
        return f"{self.total:,} bytes: {said}"


def size_of(path: str | PathLike[str], tensors: Mapping[str, Tensor]) -> FileSize:
    """Return the size of a ticket file with these tensors, as :func:`torch_backend.tickets.files.read` returns them."""
    mask = tensors[tickets.BITS].nbytes
    state = sum(tensor.nbytes for tensor in tensors.values()) - mask
    return FileSize(mask, state, Path(path).stat().st_size - mask - state)


def planned_size(settings: Settings, record: ImageSet | GraphSet | None = None) -> FileSize:
    """Return the size of the ticket file that a search of these settings writes, but for some ten digits in its header.

    record: as in :func:`torch_backend.tickets.sizes.meta_model`, whose errors this raises. Nothing is drawn: bits and
    statistics are zeros. Raises ValueError where weights are trained, so that there is no ticket.
    """
    if settings.method != "edge-popup":
        raise ValueError("weights are trained: there is no ticket file")
    model = meta_model(settings, affine=_affine(settings), record=record)
    weights: dict[str, Tensor] = {name: weight for name, weight in model.named_parameters() if weight.ndim > 1}
    rates = layer_rates(settings.rule, [tuple(w.shape) for w in weights.values()], settings.prune, settings.lock)
    layers: list[list[Any]] = []
    for (name, weight), rate in zip(weights.items(), rates, strict=True):
        free = weight.numel() - sum(counts(weight.numel(), rate))
        layers.append([name, name_of(weight.dtype), list(weight.shape), weight.numel(), free, free // 2])
    known = signature(freeze).parameters.values()
    source: dict[str, Any] = {given.name: given.default for given in known if given.kind is given.KEYWORD_ONLY}
    source |= {name: getattr(settings, name) for name in source if hasattr(settings, name)} | {"leave": []}
    about = {name: getattr(settings, name) for name in ("data_set", "images", "size", "features", "sparsity", "scope")}
    shape = (record or record_of(settings.data_set)).sizes(settings.size)
    header = {
        "format": tickets.FORMAT, "architecture": settings.model, "source": source, "coding": "packed",
        "sizes": {"width": settings.width, **settings.sizes, **shape}, "layers": layers, "digest": DIGEST,
        "about": {**about, "data": DIGEST[:10], "validation": DIGITS},
    }  # fmt: skip
    state = {
        tickets.STATE + name: torch.zeros(value.shape, dtype=value.dtype)
        for name, value in model.state_dict().items()
        if name not in weights
    }
    bits = torch.zeros(-(-sum(layer[4] for layer in layers) // 8), dtype=torch.uint8)
    held = sum(value.nbytes for value in state.values())
    content = tickets.to_bytes(header, {tickets.BITS: bits, **state})
    return FileSize(bits.nbytes, held, len(content) - bits.nbytes - held)


def trained_size(settings: Settings, record: ImageSet | GraphSet | None = None) -> int:
    """Return the bytes of a safetensors file of the network with trained weights.

    It holds the whole state_dict, 32 bits for each number that is trained. Norms have a scale and a shift unless
    ``settings.norms`` says that they are plain. Errors as for :func:`planned_size`.
    """
    affine = settings.norms == "affine" and "affine" in signature(MODELS[settings.model]).parameters
    state = meta_model(settings, affine=affine, record=record).state_dict()
    at, words = 0, {}
    for name, value in sorted(state.items(), key=lambda item: (-item[1].element_size(), item[0])):
        kind = {torch.float32: "F32", torch.int64: "I64"}[value.dtype]
        words[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    header = len(json.dumps(words, separators=(",", ":")))
    return 8 + -(-header // 8) * 8 + at  # a length of 8 bytes, a header that is filled up to whole words, the tensors


def _affine(settings: Settings) -> bool:
    return settings.affine and "affine" in signature(MODELS[settings.model]).parameters


def sizes_table() -> Table:
    """Return weights, bits, bytes and ratios of every preset's ticket: by (1 - F) N, counted, and of its file."""
    rows = []
    title = (
        "Tickets of the presets. Times smaller by the formula than the dense source's ticket and than 32-bit weights, "
        "as files than the dense source's file and than a file of the trained network"
    )
    for name, settings in PRESETS.items():
        if settings.method != "edge-popup":
            continue
        shapes = shapes_of(meta_model(settings))
        total = sum(prod(shape) for shape in shapes)
        freezing = Rates(settings.prune, settings.lock).freezing
        size = ticket_size(total, freezing, learned_norms(settings))
        file = planned_size(settings)
        dense, trained = planned_size(settings.changed(prune=0.0, lock=0.0)).total, trained_size(settings)
        rows.append(
            (
                name, f"{total:,}", f"{settings.prune:.3g}", f"{settings.lock:.3g}",
                f"{searchable(shapes, settings):,}", f"{size.ticket:,.0f}", f"{1 / (1 - freezing):.2f}x",
                f"{size.ratio:.2f}x", f"{file.total:,}",
                f"{100 * file.state / file.total:.1f} %", f"{100 * file.header / file.total:.1f} %",
                f"{dense / file.total:.2f}x", f"{trained / file.total:.2f}x",
            )
        )  # fmt: skip
    columns = (
        "<preset", "weights", "prune", "lock", "bits counted", "(1 - F) N", "than dense", "than weights", "file, bytes",
        "statistics", "header", "file than dense", "file than trained",
    )  # fmt: skip
    return console.table(title, columns, rows)
