"""Ticket files: a seed, ratios and one bit per searchable weight, from which the whole network is rebuilt.

A safetensors file, from which nothing is executed: "bits", and the statistics of norm layers where there are any. The
header, JSON under "ticket", says what the network is and carries a checksum of all of it.
"""

import json
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes
from torch import Tensor, nn

from common.checks import first_line, whole
from common.files import write_atomically
from torch_backend.models import build
from torch_backend.packing import pack, unpack
from torch_backend.supermask import freeze, supermasks

FORMAT = 1
BITS = "bits"
OWN = "own"  # the architecture of a module that is not among the models here

Arrays = dict[str, NDArray[Any]]


class Layer(NamedTuple):
    """One layer of a ticket: its name, and how many weights it has, how many of them are searchable and are kept."""

    name: str
    size: int
    searchable: int
    kept: int


@dataclass(frozen=True)
class Ticket:
    """What a ticket file says.

    architecture: a name in torch_backend.models, or "own" for a user's module; sizes: its builder's arguments. source:
    the arguments of :func:`torch_backend.supermask.freeze`. about: whatever else is worth knowing (data set, accuracy);
    nothing is computed from it.
    """

    architecture: str
    sizes: dict[str, Any]
    source: dict[str, Any]
    coding: str = "packed"
    layers: tuple[Layer, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def searchable(self) -> int:
        """Number of bits."""
        return sum(layer.searchable for layer in self.layers)


def save(path: str | Path, model: nn.Module, ticket: Ticket) -> Ticket:
    """Write the masks of ``model``, frozen with ``ticket.source``; return the ticket with its layers filled in.

    Raises ValueError for a model without supermasks, OSError when the file cannot be written.
    """
    masks = supermasks(model)
    if not masks:
        raise ValueError("the model has no supermasks: freeze it first")
    chosen = [mask.mask.cpu().numpy() for mask in masks.values()]
    layers = tuple(Layer(name, m.size, len(m.mask), int(m.mask.sum())) for name, m in masks.items())
    ticket = Ticket(ticket.architecture, ticket.sizes, ticket.source, ticket.coding, layers, ticket.about)
    arrays: Arrays = {BITS: pack(chosen, ticket.coding)}
    for name, value in _rest(model).items():
        arrays[name] = value.detach().cpu().numpy()
    header = {"format": FORMAT, **_plain(ticket)}
    # one entry: several would be written in any order, and the same ticket would not be the same file
    text = json.dumps({**header, "checksum": checksum(header, arrays)}, sort_keys=True)
    write_atomically(path, to_bytes(arrays, metadata={"ticket": text}))
    return ticket


def read(path: str | Path) -> tuple[Ticket, Arrays]:
    """Return what a ticket file says and holds, its checksum verified.

    Raises ValueError when it is damaged, no ticket, or of another format version; OSError when it cannot be read.
    """
    try:
        with safe_open(path, "numpy") as file:
            header = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or no ticket file: {error}") from None
    if "ticket" not in header or BITS not in arrays:
        raise ValueError(f"{path} is no ticket file: it has no ticket header")
    try:
        found = dict(json.loads(header["ticket"]))
    except (TypeError, ValueError):
        raise ValueError(f"{path} is damaged: its header cannot be read") from None
    if found.pop("checksum", None) != checksum(found, arrays):
        raise ValueError(f"{path} is damaged: its checksum is not that of its content")
    if found.pop("format", None) != FORMAT:
        raise ValueError(f"{path} is of another format version; this program reads version {FORMAT}")
    try:
        found["layers"] = tuple(Layer(*layer) for layer in found["layers"])
        if any(whole(layer.name, number) != number for layer in found["layers"] for number in layer[1:]):
            raise TypeError("layers are counted in whole numbers")
        ticket = Ticket(**found)
        dict(ticket.sizes), dict(ticket.source), dict(ticket.about)
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{path} has a header that does not describe a ticket") from None
    return ticket, arrays


def load(path: str | Path, model: nn.Module | None = None) -> tuple[nn.Module, Ticket]:
    """Rebuild the network from its file alone: the source from its seed, then the mask; return it ready to evaluate.

    model: a fresh module of the same shape, for a ticket of a user's own architecture; its random weights do not
    matter. Raises ValueError as :func:`read`, and when the model does not fit the ticket.
    """
    ticket, arrays = read(path)
    if model is None:
        if ticket.architecture == OWN:
            raise ValueError(f"{path} is a ticket of a module of your own: give a fresh one to load it into")
        model = _built(ticket, path)
    try:
        freeze(model, **ticket.source)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} has a source that cannot be drawn: {ticket.source}: {first_line(error)}") from None
    masks = supermasks(model)
    layers = tuple((name, mask.size, len(mask.mask)) for name, mask in masks.items())
    if layers != tuple(layer[:3] for layer in ticket.layers):
        raise ValueError(f"{path} does not fit this model: its layers are {[layer.name for layer in ticket.layers]}")
    sizes, kept = [layer.searchable for layer in ticket.layers], [layer.kept for layer in ticket.layers]
    try:
        unpacked = unpack(arrays.pop(BITS), sizes, kept, ticket.coding)
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    for mask, bits in zip(masks.values(), unpacked, strict=True):
        mask.keep(torch.from_numpy(bits).to(mask.mask.device))
    rest = _rest(model)
    if {name: value.shape for name, value in rest.items()} != {n: torch.Size(a.shape) for n, a in arrays.items()}:
        raise ValueError(f"{path} does not fit this model: it has {sorted(arrays)} beside its bits")
    for name, value in rest.items():
        value.data.copy_(torch.from_numpy(arrays[name]))
    return model.eval(), ticket


def _built(ticket: Ticket, path: str | Path) -> nn.Module:
    """Return a fresh network of the ticket's architecture; its size is compared before any memory is taken for it."""
    try:
        with torch.device("meta"):
            planned = build(ticket.architecture, **ticket.sizes)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        said = f"{path} has sizes that {ticket.architecture} does not take: {ticket.sizes}: {first_line(error)}"
        raise ValueError(said) from None
    weights = sum(parameter.numel() for parameter in planned.parameters() if parameter.ndim > 1)
    listed = sum(layer.size for layer in ticket.layers)
    if weights != listed:
        raise ValueError(f"{path} does not fit its own sizes: they make {weights} weights, its layers have {listed}")
    return build(ticket.architecture, **ticket.sizes)


def _rest(model: nn.Module) -> dict[str, Tensor]:
    """Return all of the state that the seed does not rebuild, but the scores: norms' statistics and learned numbers."""
    scores = {id(mask.scores) for mask in supermasks(model).values()}
    state = {**dict(model.named_parameters()), **_persistent(model)}
    return {name: value for name, value in state.items() if id(value) not in scores}


def _persistent(model: nn.Module) -> dict[str, Tensor]:
    kept = model.state_dict(keep_vars=True)
    return {name: value for name, value in model.named_buffers() if name in kept}


def _plain(ticket: Ticket) -> dict[str, Any]:
    return {name: getattr(ticket, name) for name in ("architecture", "sizes", "source", "coding", "layers", "about")}


def checksum(header: dict[str, Any], arrays: Arrays) -> str:
    """Return the checksum of a header without it and of all arrays."""
    digest = blake2b(json.dumps(header, sort_keys=True).encode(), digest_size=16)
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()
