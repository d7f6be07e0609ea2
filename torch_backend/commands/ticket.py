"""Ticket files looked at: ``slt ticket info|verify|export|sizes``."""

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from inspect import signature
from io import BytesIO
from math import log2, prod
from pathlib import Path
from typing import Any

import torch
from torch import nn

from slt.core import console
from slt.core.checks import closed_unit, one_of, whole
from slt.core.command import REFUTED, Parser
from slt.core.files import check_writable, write_atomically
from slt.core.keep import Groups, groups_of
from slt.core.options import add_forms
from slt.core.places import data_root
from slt.core.tables import Table
from torch_backend.commands.choices import scope_said
from torch_backend.data import Graph, Images, fingerprint, load
from torch_backend.masks.groups import choice_bits, dense_bits
from torch_backend.masks.supermask import supermasks
from torch_backend.masks.threshold import SCOPES, checked_scope
from torch_backend.models import MODELS
from torch_backend.tickets import files as tickets
from torch_backend.tickets.file_sizes import FileSize, size_of, sizes_table
from torch_backend.tickets.tensors import dense, encoded
from torch_backend.training.settings import FEATURES, Settings
from torch_backend.training.start import model_sizes
from torch_backend.training.tasks import GraphTask, ImageTask

LARGE = 10**8  # weights from which on a network takes minutes and gigabytes to rebuild


def main(argv: Sequence[str] | None = None) -> int:
    """Do what is asked; exit 1 when ``verify`` finds a ticket that does not do what it says."""
    args = _parser().parse_args(argv)
    page = console.Page(args.form)
    if args.what == "sizes":
        sizes = sizes_table()
        page.print(sizes)
        page.result(sizes.records())
        return 0
    if args.what == "info":
        return info(args.file, page)
    if args.what == "verify":
        return verify(args.file, args.data, page)
    return export(args.file, args.to, page)


def info(path: Path, page: console.Page) -> int:
    """Print what a ticket file says, its size against the formula, and by layers."""
    ticket, tensors = tickets.read(path)
    source, weights, free = ticket.source, ticket.weights, ticket.searchable
    kept_free = sum(layer.kept for layer in ticket.layers)
    entropy = sum(_entropy(layer.kept, layer.searchable) for layer in ticket.layers)
    size, scope = size_of(path, tensors), _scope(ticket)
    patterns = None if scope is None else _pattern_bits(path, ticket, scope)
    frozen = source["prune"] + source["lock"]
    dense, trained = size.total - size.mask + -(-weights // 8), 4 * weights + size.state
    page.print(
        f"{ticket.architecture} {ticket.sizes}\nSource: {source}\nAbout: {_told(ticket.about)}\n"
        f"Scope: {'the file does not say' if scope is None else scope_said(scope, frozen > 0)}\n"
        f"Bits: {free:,} searchable of {weights:,} weights, {kept_free:,} kept; {8 * size.mask:,} written "
        f"({ticket.coding}); entropy of the layers' shares {entropy:,.0f}"
        + (f"; one mask of this scope among all: {patterns:,.0f} bits" if patterns is not None else "")
        + f"\nFile: {size}"
    )
    page.print(_ratios(size, weights, free, frozen, dense, trained))
    rows = [
        (_printable(layer.name), layer.size, layer.searchable, layer.kept, f"{_share(layer.kept, layer.searchable)}")
        for layer in ticket.layers
    ]
    page.print(console.table("Layers", ("<name", "weights", "searchable", "kept of them", "share"), rows))
    layers = [
        {"name": layer.name, "weights": layer.size, "searchable": layer.searchable, "kept": layer.kept}
        for layer in ticket.layers
    ]
    page.result(
        {
            "architecture": ticket.architecture,
            "sizes": ticket.sizes,
            "source": source,
            "about": ticket.about,
            "weights": weights,
            "searchable": free,
            "kept": kept_free,
            "coding": ticket.coding,
            "scope": scope,
            "coded_bits": 8 * size.mask,
            "entropy_bits": entropy,
            "pattern_bits": patterns,
            "mask_bytes": size.mask,
            "other_bytes": size.state,
            "header_bytes": size.header,
            "file_bytes": size.total,
            "dense_file_bytes": dense,
            "trained_file_bytes": trained,
            "layers": layers,
        }
    )  # fmt: skip
    return 0


def _scope(ticket: tickets.TicketFile) -> str | None:
    """Return the scope that the file says, None where it says none; raise ValueError for what is none."""
    scope, sparsity = ticket.about.get("scope"), ticket.about.get("sparsity")
    if scope is None:
        return None
    if not isinstance(scope, str):
        raise ValueError(f"the scope that the file says must be a text, got {scope!r}"[:200])
    try:
        groups = _groups(scope)
    except ValueError:
        groups = None  # which is no scope, as is said below
    wanted = 0.5 if groups is None else 1 - groups.kept / groups.of
    checked_scope(scope, wanted if sparsity is None else closed_unit("the sparsity that the file says", sparsity))
    return scope


def _groups(scope: str) -> Groups | None:
    return None if scope in SCOPES else groups_of(scope)


def _pattern_bits(path: Path, ticket: tickets.TicketFile, scope: str) -> float | None:
    """Return the bits that name one mask among all of N:M, None for other scopes and where the file does not tell."""
    groups = _groups(scope)
    if groups is None:
        return None
    if all(layer.searchable == layer.size == prod(layer.shape) for layer in ticket.layers):
        return sum(dense_bits(layer.shape, groups) for layer in ticket.layers)
    if ticket.architecture == tickets.OWN or ticket.weights >= LARGE:
        return None
    return choice_bits(list(supermasks(tickets.load(path)[0]).values()), groups)


def _ratios(size: FileSize, weights: int, free: int, frozen: float, dense: int, trained: int) -> Table:
    """Return how many times smaller the ticket is, by the formula, by its bits and as a file."""
    formula = (1 - frozen) * weights
    lines = [
        (what, f"{bits / max(formula, 1):.2f}x", f"{bits / max(free, 1):.2f}x", f"{content / size.total:.2f}x")
        for what, bits, content in (
            ("a ticket of the dense source", weights, dense),
            ("trained weights of 32 bits", 32 * weights, trained),
        )
    ]
    title = (
        "How many times smaller the ticket is: by the formula, where it has (1 - F) N bits; by its counted bits; and\n"
        "as a file, beside a file with the same statistics (and header, of the dense ticket)"
    )
    return console.table(title, ("<than", "formula", "bits", "file"), lines)


def verify(path: Path, data: str | None, page: console.Page) -> int:
    """Rebuild the network from the file alone and test it on its data set; return 1 if it is not as good as it says.

    Raises ValueError when the file is damaged or cannot be rebuilt, and when the data are not those it was found on.
    """
    model, ticket = _load(path, page)
    about, seed = ticket.about, ticket.source["seed"]
    page.print(f"checksum, shape and digest agree; {ticket.searchable:,} bits; rebuilt from seed {seed}")
    name, said, known = about.get("data_set"), about.get("validation"), about.get("data")
    if name is None:
        page.print("the ticket names no data set to test it on")
        page.result({"bits": ticket.searchable, "seed": seed, "data_set": None})
        return 0
    if said is not None:
        said = closed_unit("the validation accuracy that the file says", said)
    images = whole("the number of images", about.get("images", 0))
    size = whole("the size of the images", about.get("size", 0))
    found = load(name, data_root(data), seed=seed, images=images, size=size)
    if known is not None and known != fingerprint(found):
        raise ValueError(f"the ticket was found on other data than {name} in {data_root(data)}")
    _check_fit(ticket, found, name)
    if one_of("features that the file says", about.get("features", FEATURES[0]), FEATURES) == "normalised":
        if not isinstance(found, Graph):
            raise ValueError(f"the ticket says that features are normalised, and {name} is no graph")
        found = found.row_normalised()
    task = GraphTask(found) if isinstance(found, Graph) else ImageTask(found, 0, 1, False)
    validation, test = task.accuracy(model, "validation"), task.accuracy(model, "test")
    page.print(
        f"{name}: validation {validation:.2%}, test {test:.2%}; "
        f"the file says validation {'nothing' if said is None else f'{said:.2%}'}"
    )
    # another machine may round otherwise, and turn an answer or two
    agrees = said is None or abs(validation - said) <= max(5e-4, 2.5 / len(task.logits(model, "validation")))
    page.result(
        {"bits": ticket.searchable, "seed": seed, "data_set": name, "validation": validation, "test": test,
         "said": said, "agrees": agrees}
    )  # fmt: skip
    return 0 if agrees else REFUTED


def _check_fit(ticket: tickets.TicketFile, data: Graph | Images, name: str) -> None:
    """Raise ValueError unless the network takes such data and tells their classes apart."""
    own = _sizes(ticket)
    for size, wanted in model_sizes(Settings(ticket.architecture, name), data).items():
        if size not in ("width", "affine") and own[size] != wanted:
            raise ValueError(f"the ticket's network has {size} {own[size]}, but {name} needs {wanted}")
    if ticket.layers[0].dtype != "float32":
        raise ValueError(f"data sets are float32, but the ticket's weights are {ticket.layers[0].dtype}")


def _sizes(ticket: tickets.TicketFile) -> dict[str, Any]:
    """Return all arguments of the builder."""
    builder = signature(MODELS[ticket.architecture])
    return {name: given.default for name, given in builder.parameters.items()} | ticket.sizes


def export(path: Path, to: Path, page: console.Page) -> int:
    """Write the rebuilt network as plain weights: .safetensors or .pt (a state_dict), or .onnx (for one input).

    Every tensor of the original class's state_dict is there, also where two share their memory. Raises ValueError for
    another ending of ``to`` and for the ticket's own file, OSError when it cannot be written.
    """
    if to.suffix not in (".safetensors", ".pt", ".onnx"):
        raise ValueError(f"--to must end in .safetensors, .pt or .onnx, got {to}")
    try:
        same = os.path.samefile(to, path)
    except FileNotFoundError:
        same = False
    if same:
        raise ValueError(f"--to must be another file than the ticket, got {to}")
    check_writable(to)
    if to.suffix == ".onnx":  # before a large network is rebuilt
        _check_onnx(tickets.read(path)[0])
    model, ticket = _load(path, page)
    plain = tickets.plain_model(model)
    state = plain.state_dict()
    if to.suffix == ".onnx":
        _export_onnx(plain, ticket, to)
    elif to.suffix == ".pt":
        buffer = BytesIO()
        torch.save({name: dense(name, value) for name, value in state.items()}, buffer)
        write_atomically(to, buffer.getvalue())
    else:
        write_atomically(to, encoded(state))
    page.print(f"{to}: {len(state)} tensors")
    page.result({"file": str(to), "tensors": len(state)})
    return 0


def _load(path: Path, page: console.Page) -> tuple[nn.Module, tickets.TicketFile]:
    """Rebuild a ticket; say beforehand what a large one takes."""
    weights = tickets.read(path)[0].weights
    if weights >= LARGE:
        page.print(
            f"rebuilding {weights:,} weights takes about {tickets.BYTES_A_WEIGHT * weights / 2**30:,.1f} GiB of memory "
            "and about a minute for every 100 million"
        )
    return tickets.load(path)


def _check_onnx(ticket: tickets.TicketFile) -> None:
    """Raise ValueError where the network cannot be written as ONNX, or not on this machine."""
    if ticket.architecture in MODELS and "inputs" in _sizes(ticket):
        raise ValueError("a graph network takes a sparse matrix, which ONNX does not have: export it as .safetensors")
    if find_spec("onnx") is None or find_spec("onnxscript") is None:
        raise ValueError("ONNX needs two packages more: pip install onnx onnxscript")


def _export_onnx(model: nn.Module, ticket: tickets.TicketFile, to: Path) -> None:
    sizes = _sizes(ticket)
    side = sizes.get("size", 224 if ticket.architecture in ("resnet50", "resnet18-imagenet") else 32)
    example = torch.zeros(1, sizes["channels"], side, side, dtype=next(model.parameters()).dtype)
    program: Any = torch.onnx.export(model, (example,), dynamo=True, verbose=False)
    write_atomically(to, program.model_proto.SerializeToString())  # its own way to save makes two files


def _told(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file says about its ticket, with the best epoch counted from 1, as epochs are shown everywhere."""
    best = about.get("best_epoch")
    return {**about, "best_epoch": best + 1} if isinstance(best, int) else dict(about)


def _printable(name: str) -> str:
    return name if name.isprintable() else ascii(name)


def _share(kept: int, of: int) -> str:
    return f"{kept / of:.3f}" if of else "-"


def _entropy(kept: int, of: int) -> float:
    if not 0 < kept < of:
        return 0.0
    k = kept / of
    return -of * (k * log2(k) + (1 - k) * log2(1 - k))


def _parser() -> Parser:
    p = Parser(prog="slt ticket", description=__doc__)
    commands = p.add_subparsers(dest="what", required=True, metavar="info|verify|export|sizes")
    for name, what in (
        ("info", "what the file says, its size against the formula"),
        ("verify", "rebuild the network from the file and test it"),
        ("export", "write plain weights"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        add_forms(command)
        command.add_argument("file", type=Path)
        if name == "verify":
            command.add_argument("--data", metavar="DIR")
        if name == "export":
            command.add_argument("--to", type=Path, required=True, help="a .safetensors, .pt or .onnx file")
    sizes = commands.add_parser("sizes", help="the sizes of all presets' tickets, from theory and counted")
    add_forms(sizes)
    return p
