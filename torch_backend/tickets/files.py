"""Ticket files: a seed, ratios and one bit per searchable weight, from which the whole network is rebuilt.

A safetensors file, from which nothing is executed: "bits", and under "state.NAME" what no seed rebuilds, such as the
statistics of norms. The header, JSON under "ticket", says what the network is; it carries a digest of the network's
tensors as they were saved, which whatever is rebuilt must have, and a checksum of the file.
"""

import copy
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import signature
from math import prod
from operator import index
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from slt.core.checks import first_line, one_of
from slt.core.files import check_writable, write_atomically
from subsetsum.memory import memory
from torch_backend.masks.supermask import GIVEN, REPLACED, Supermask, freeze, frozen_with, supermasks
from torch_backend.models import MODELS, build
from torch_backend.tickets.packing import CODINGS, pack, unpack
from torch_backend.tickets.tensors import DTYPES, decoded, digest, encoded, name_of, parsed, plain
from torch_backend.tickets.tensors import read as read_tensors

FORMAT = 2
BITS = "bits"
STATE = "state."  # before the names of all other tensors of a file
BYTES_A_WEIGHT = 40  # that rebuilding takes, at most
OWN = "own"  # the architecture of a module that is not among the models here

Tensors = dict[str, Tensor]


class Layer(NamedTuple):
    """One layer of a ticket: its tensor, how many weights it has, how many are searchable and are kept of them."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    size: int
    searchable: int
    kept: int


@dataclass(frozen=True)
class TicketFile:
    """What a ticket file says.

    architecture: a name in torch_backend.models, or "own" for a user's module; sizes: its builder's arguments. source:
    the arguments of :func:`torch_backend.masks.supermask.freeze`. coding: of the bits, see
    :mod:`torch_backend.tickets.packing`. digest: of the network's tensors. about: whatever else is worth knowing (data
    set, accuracy); nothing is computed from it.
    """

    architecture: str
    sizes: dict[str, Any]
    source: dict[str, Any]
    coding: str
    layers: tuple[Layer, ...]
    digest: str
    about: dict[str, Any]

    @property
    def weights(self) -> int:
        """Number of weights in all layers."""
        return sum(layer.size for layer in self.layers)

    @property
    def searchable(self) -> int:
        """Number of bits."""
        return sum(layer.searchable for layer in self.layers)


def save(
    path: str | PathLike[str],
    model: nn.Module,
    *,
    architecture: str = OWN,
    sizes: Mapping[str, Any] | None = None,
    about: Mapping[str, Any] | None = None,
    coding: str = "packed",
) -> TicketFile:
    """Write the ticket that ``model`` is, once it has been rebuilt from what will be written; return what is read back.

    How the model was frozen it knows itself. architecture, sizes, about, coding: see :class:`TicketFile`; without an
    architecture the ticket is loaded into a module of the same shape. Raises ValueError, before anything is written,
    for a model without supermasks, for one of which no ticket can be rebuilt (its weights are blended or were changed,
    its layers renamed, its tensors sparse), for another architecture or sizes than it has, and for words that are no
    JSON; OSError when the file cannot be written.
    """
    path = Path(path)
    check_writable(path)
    masks, arguments = supermasks(model), frozen_with(model)
    for mask in masks.values():
        mask.check_chosen()
    source = {name: kind(arguments[name]) for name, kind in _SOURCE.items()}
    layers = [
        [name, name_of(mask.weight.dtype), list(mask.weight.shape), mask.size, len(mask.mask), int(mask.mask.sum())]
        for name, mask in masks.items()
    ]
    state, rest = _state(model)
    header = {
        "format": FORMAT, "architecture": one_of("architecture", architecture, (OWN, *MODELS)),
        "sizes": plain("sizes", sizes or {}), "source": source, "coding": one_of("coding", coding, CODINGS),
        "layers": layers, "digest": digest("", state), "about": plain("about", about or {}),
    }  # fmt: skip
    bits = pack([mask.mask.cpu().numpy() for mask in masks.values()], coding)
    content = to_bytes(header, {BITS: torch.from_numpy(bits), **{STATE + name: rest[name] for name in rest}})
    try:
        ticket, tensors = _ticket(*decoded(content, "it", "ticket"), "it")
        rebuilt = _rebuilt(ticket, tensors, _source(model) if _needs_module(ticket) else None, "it")
        if digest("", _state(rebuilt)[0]) != ticket.digest:
            raise ValueError(
                "seed and masks give other tensors than the model has; are its weights blended (select the masks "
                "first), or were weights or names of layers changed since it was frozen?"
            )
    except ValueError as error:
        raise ValueError(f"{path} is not written, for its ticket could not be loaded again: {error}") from None
    write_atomically(path, content)
    return ticket


def to_bytes(header: dict[str, Any], tensors: Tensors) -> bytes:
    """Return the content of a ticket file with this header, to which the checksum is added, and these tensors."""
    # one entry: several would be written in any order, and the same ticket would not be the same file
    return encoded(tensors, {"ticket": _text({**header, "checksum": checksum(header, tensors)})})


def read(path: str | PathLike[str]) -> tuple[TicketFile, Tensors]:
    """Return what a ticket file says, and the tensors in it by their names there, its checksum verified.

    Raises ValueError when it is damaged, no ticket, or of another format version; OSError when it cannot be read.
    """
    return _ticket(*read_tensors(Path(path), "ticket"), str(Path(path)))


def load(path: str | PathLike[str], model: nn.Module | None = None) -> tuple[nn.Module, TicketFile]:
    """Rebuild the network from its file alone: the source from its seed, then the mask; return it ready to evaluate.

    model: a fresh module of the same shape, for a ticket of a user's own architecture; its random weights do not
    matter, but those of a ticket over given weights do, and must be the very same. Raises ValueError as :func:`read`,
    and when the rebuilt network does not have the digest of the one that was saved: the model does not fit the ticket,
    and must not be used further, for parts of it may be frozen.
    """
    where = str(Path(path))
    ticket, tensors = read(path)
    if model is None and _needs_module(ticket):
        own = "a ticket of a module of your own: give a fresh one to load it into, slt.load_ticket(path, model)"
        given = "a ticket over given weights: give them, in their module"
        raise ValueError(f"{where} is {own if ticket.architecture == OWN else given}")
    rebuilt = _rebuilt(ticket, tensors, model, where)
    if digest("", _state(rebuilt)[0]) != ticket.digest:
        why = (
            "it is a ticket over given weights, and needs those that it was found over"
            if ticket.source["weights"] == GIVEN
            else "what is rebuilt has another digest than what was saved; do biases, norms, dtypes and buffers agree?"
        )
        raise ValueError(f"{where} does not fit this model: {why}")
    return rebuilt.eval(), ticket


def plain_model(model: nn.Module) -> nn.Module:
    """Return a frozen model as its class makes it, in place: every masked weight and constant a parameter again.

    Its state_dict is that of the original class, shared weights shared, and gives the same outputs. Raises ValueError
    for a weight with a parametrization that is not of freezing.
    """
    made: dict[Supermask, nn.Parameter] = {}
    for module in list(model.modules()):
        weights = {}
        if parametrize.is_parametrized(module):
            chains: Any = module.parametrizations
            for name, (mask, *others) in chains.items():
                if others or not isinstance(mask, Supermask):
                    raise ValueError(f"a {name} is parametrized otherwise than by freezing: take that away first")
                mask.check_chosen()
                weights[name] = made.setdefault(mask, nn.Parameter(_masked(mask).clone(), requires_grad=False))
            # not torch's own way back, which takes the weight away from the class: a copy of the module shares it
            del module._modules["parametrizations"]
            kind = type(module).__bases__[0]
            module.__class__ = getattr(kind, "plain_kind", kind)  # recurrent modules are given a class between the two
        for name in module.__dict__.pop(REPLACED, ()):
            if name not in weights:
                weights[name] = nn.Parameter(module.get_buffer(name), requires_grad=False)
            module._buffers.pop(name, None)
            module.register_parameter(name, weights[name])
        if weights and isinstance(module, nn.RNNBase):
            module._init_flat_weights()  # the list of its weights, which freezing took away
    return model


def checksum(header: dict[str, Any], tensors: Tensors) -> str:
    """Return the checksum of a header without it and of all tensors of the file."""
    return digest(_text(header), tensors)


def _text(header: dict[str, Any]) -> str:
    """Return the one JSON text of a header."""
    return json.dumps(header, sort_keys=True, allow_nan=False)


def _ticket(words: dict[str, str], tensors: Tensors, where: str) -> tuple[TicketFile, Tensors]:
    """Return what the header of a file says about its tensors; raise ValueError where it is not what save writes."""
    if "ticket" not in words or BITS not in tensors:
        raise ValueError(f"{where} is no ticket file: it has no ticket header")
    try:
        found = parsed(words["ticket"])
    except ValueError as error:
        raise ValueError(f"{where} is damaged: {first_line(error)}") from None
    if not isinstance(found, dict) or type(found.get("format")) is not int:
        raise ValueError(f"{where} has a header that does not describe a ticket")
    if found["format"] != FORMAT:
        raise ValueError(f"{where} is of format version {found['format']}; this program reads format version {FORMAT}")
    said = found.pop("checksum", None)
    if said != checksum(found, tensors) or words["ticket"] != _text({**found, "checksum": said}):
        raise ValueError(f"{where} is damaged: its checksum is not that of its content")
    try:
        return _understood(found, tensors), tensors
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where} has a header that does not describe a ticket: {first_line(error)}") from None


def _understood(found: dict[str, Any], tensors: Tensors) -> TicketFile:
    """Return the ticket of a header; raise KeyError, TypeError or ValueError where something is missing or wrong."""
    del found["format"]
    layers = tuple(Layer(name, dtype, tuple(shape), *counts) for name, dtype, shape, *counts in found.pop("layers"))
    ticket = TicketFile(layers=layers, **found)
    one_of("architecture", ticket.architecture, (OWN, *MODELS))
    one_of("coding", ticket.coding, CODINGS)
    for layer in layers:
        if not (isinstance(layer.name, str) and isinstance(layer.dtype, str) and DTYPES[layer.dtype].is_floating_point):
            raise ValueError(f"a layer {str(layer.name)[:40]!r} of dtype {str(layer.dtype)[:40]!r}")
        numbers = (*layer.shape, *layer[3:])
        if any(type(number) is not int or number < 0 for number in numbers):
            raise ValueError(f"layer {layer.name[:40]!r} has counts that are not whole numbers, or are below 0")
        if not layer.kept <= layer.searchable <= layer.size <= prod(layer.shape) < 2**60:
            raise ValueError(f"layer {layer.name[:40]!r} cannot have {layer[3:]} weights, searchable and kept ones")
    if not 0 < len({layer.name for layer in layers}) == len(layers):
        raise ValueError("its layers must have a name each")
    if not all(isinstance(part, dict) for part in (ticket.sizes, ticket.source, ticket.about)):
        raise TypeError("sizes, source and about must be objects")
    if not isinstance(ticket.digest, str):
        raise TypeError("the digest must be a text")
    _check_source(ticket.source)
    bits = tensors[BITS]
    if bits.dtype != torch.uint8 or bits.ndim != 1:
        raise ValueError(f"bits must be a list of bytes, got {name_of(bits.dtype)} {tuple(bits.shape)}")
    if ticket.coding == "packed" and len(bits) != -(-ticket.searchable // 8):
        raise ValueError(f"{ticket.searchable} bits need {-(-ticket.searchable // 8)} bytes, got {len(bits)}")
    if any(name != BITS and not name.startswith(STATE) for name in tensors):
        raise ValueError(f"its tensors must be called {BITS} or {STATE}NAME")
    return ticket


def _kinds() -> dict[str, Callable[[Any], Any]]:
    """Return for every argument of freeze, but the model, what makes the plain value of its type that a file holds."""
    made: dict[Any, Callable[[Any], Any]] = {float: float, int: lambda value: int(index(value)), str: str, bool: bool}

    def kind(hint: Any) -> Callable[[Any], Any]:
        if get_origin(hint) is Collection:
            return lambda value: [str(part) for part in value]
        options = get_args(hint) or (hint,)
        make = next(made[option] for option in options if option in made)
        return lambda value: None if value is None and type(None) in options else make(value)

    hints = get_type_hints(freeze)
    keywords = [name for name, given in signature(freeze).parameters.items() if given.kind is given.KEYWORD_ONLY]
    return {name: kind(hints[name]) for name in keywords}


_SOURCE = _kinds()


def _check_source(source: dict[str, Any]) -> None:
    """Raise ValueError or TypeError unless ``freeze`` takes these arguments, each of the type that save writes."""
    if source.keys() != _SOURCE.keys():
        raise ValueError(f"its source must say {', '.join(_SOURCE)}")
    for name, kind in _SOURCE.items():
        if (made := kind(source[name])) != source[name] or type(made) is not type(source[name]):
            raise ValueError(f"{name} of its source cannot be {str(source[name])[:40]!r}")
    # freeze checks names and ranges; which tensors there are to be left (lists of names) the model will tell
    said = {name: value for name, value in source.items() if not isinstance(value, list)}
    freeze(nn.utils.skip_init(nn.Linear, 8, 8, bias=False), **said)


def _needs_module(ticket: TicketFile) -> bool:
    """Tell whether the file alone is not enough."""
    return ticket.architecture == OWN or ticket.source["weights"] == GIVEN


def _rebuilt(ticket: TicketFile, tensors: Tensors, model: nn.Module | None, where: str) -> nn.Module:
    """Return the model, or a new one of the ticket's architecture, frozen and masked as the ticket says."""
    if model is None:
        model = _built(ticket, where)
    try:
        freeze(model, **ticket.source)
    except ValueError as error:
        raise ValueError(f"{where} does not fit this model: {first_line(error)}") from None
    masks = supermasks(model)
    _compare(
        {layer.name: _shown(*layer[1:5]) for layer in ticket.layers},
        {n: _shown(name_of(m.weight.dtype), tuple(m.weight.shape), m.size, len(m.mask)) for n, m in masks.items()},
        f"{where} does not fit this model: its layer",
    )
    sizes, kept = [layer.searchable for layer in ticket.layers], [layer.kept for layer in ticket.layers]
    try:
        unpacked = unpack(tensors[BITS].numpy(), sizes, kept, ticket.coding)
    except ValueError as error:
        raise ValueError(f"{where} is damaged: {error}") from None
    for layer, bits in zip(ticket.layers, unpacked, strict=True):
        masks[layer.name].keep(torch.from_numpy(bits).to(masks[layer.name].mask.device))
    held = {name.removeprefix(STATE): value for name, value in tensors.items() if name != BITS}
    rest = _state(model)[1]
    shown = [{n: f"{name_of(t.dtype)} {tuple(t.shape)}" for n, t in found.items()} for found in (held, rest)]
    _compare(shown[0], shown[1], f"{where} does not fit this model: its tensor")
    for name, value in rest.items():
        if any(step == 0 and size > 1 for step, size in zip(value.stride(), value.shape, strict=True)):
            value.data = held[name].to(value.device)  # many places share a memory cell and cannot be written
        else:
            value.data.copy_(held[name])
    return model


def _shown(dtype: str, shape: tuple[int, ...], size: int, searchable: int) -> str:
    return f"{dtype} {shape} with {size} weights, {searchable} searchable"


def _compare(ticket: Mapping[str, object], model: Mapping[str, object], what: str) -> None:
    """Raise ValueError for the first name under which a ticket and a model differ."""
    for name in (*ticket, *model):
        if ticket.get(name) != model.get(name):
            said, own = (str(found.get(name, "missing")) for found in (ticket, model))
            raise ValueError(f"{what} {name[:80]} is {said} in the ticket and {own} in the model")


def _built(ticket: TicketFile, where: str) -> nn.Module:
    """Return a fresh network of the ticket's architecture; no memory is taken before its layers are the listed ones."""
    make = partial(build, ticket.architecture, **ticket.sizes)
    dtype, *others = {layer.dtype for layer in ticket.layers}
    try:
        if others:
            raise ValueError(f"its layers are of dtypes {dtype}, {', '.join(others)}, and this builder makes one")
        if max((_depth(name, value) for name, value in ticket.sizes.items()), default=0) > len(ticket.layers):
            raise ValueError(f"they make more layers than the {len(ticket.layers)} that are listed")
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            planned = make()
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        sizes = str(ticket.sizes)[:200]
        raise ValueError(
            f"{where} has sizes that {ticket.architecture} does not take: {sizes}: {first_line(error)}"
        ) from None
    _compare(
        {layer.name: layer.shape for layer in ticket.layers},
        {name: tuple(weight.shape) for name, weight in planned.named_parameters() if weight.ndim > 1},
        f"{where} does not fit its own sizes: layer",
    )
    needed = BYTES_A_WEIGHT * ticket.weights
    if needed > memory():
        raise ValueError(
            f"{where} has {ticket.weights:,} weights, which take about {needed / 2**30:,.1f} GiB to rebuild: this "
            f"process may use {memory() / 2**30:,.1f} GiB"
        )
    with torch.random.fork_rng(devices=[]):  # first values are drawn only to be replaced
        return make().to(DTYPES[dtype])


def _depth(name: str, value: Any) -> int:
    """Return the number of layers, at least, that a builder makes of one of its arguments."""
    if isinstance(value, list):
        return len(value)
    return value if name == "depth" and isinstance(value, int) else 0


def _state(model: nn.Module) -> tuple[Tensors, Tensors]:
    """Return all tensors of a frozen model by name, as its original class would save them, and those to be stored.

    All: masked weights, constants in the place of parameters, buffers that no state_dict holds, and the rest. The rest,
    which no seed rebuilds, is what is stored: parameters and persistent buffers, such as norms' statistics.
    """
    masks = supermasks(model)
    found: Tensors = {}
    for name, mask in masks.items():
        found[name] = _masked(mask)
    rest: Tensors = {}
    seen: set[int] = set()
    for prefix, module in model.named_modules():
        if isinstance(module, Supermask | parametrize.ParametrizationList):
            continue
        if type(module).get_extra_state is not nn.Module.get_extra_state:
            raise ValueError(
                f"{prefix or 'the model'} has state that is no tensor (get_extra_state): no ticket holds it"
            )
        for name, value in (*module._parameters.items(), *module._buffers.items()):
            if value is None or id(value) in seen:
                continue
            seen.add(id(value))
            place = f"{prefix}.{name}" if prefix else name
            if name in module.__dict__.get(REPLACED, ()):
                found[place] = value
            elif name not in module._non_persistent_buffers_set:
                rest[place] = value
            else:  # its constructor must make the same again
                found[place] = value
    return {**found, **rest}, rest


def _masked(mask: Supermask) -> Tensor:
    """Return the weight that a layer computes with."""
    return (mask.weight if mask.scale is None else mask.weight * mask.scale).detach()


def _source(model: nn.Module) -> nn.Module:
    """Return a copy of a frozen model as it was before it was frozen, but for weights that are pruned, which are 0."""
    try:
        found = copy.deepcopy(model)
    except Exception as error:  # whatever the classes of a user's module raise
        raise ValueError(f"the model cannot be copied: {first_line(error)}") from None
    for mask in supermasks(found).values():
        mask.scale = None
        mask.keep(torch.ones_like(mask.mask), afresh=True)
    return plain_model(found)
