"""Ticket files looked at: ``python -m torch_backend ticket info|verify|export|sizes``."""

from collections.abc import Sequence
from importlib.util import find_spec
from math import log2
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from common import console
from common.cli import REFUTED, Parser
from common.files import check_writable, write_atomically
from common.places import data_root
from torch_backend import tickets
from torch_backend.data import fingerprint, load
from torch_backend.sizes import sizes_table
from torch_backend.tasks import GraphTask, ImageTask


def main(argv: Sequence[str] | None = None) -> int:
    """Do what is asked; exit 1 when ``verify`` finds a ticket that does not do what it says."""
    args = _parser().parse_args(argv)
    page = console.Page()
    if args.what == "sizes":
        page.print(sizes_table())
        return 0
    if args.what == "info":
        return info(args.file, page)
    if args.what == "verify":
        return verify(args.file, args.data, page)
    return export(args.file, args.to, page)


def info(path: Path, page: console.Page) -> int:
    """Print what a ticket file says, its size against the formula, and by layers."""
    ticket, arrays = tickets.read(path)
    source = ticket.source
    weights = sum(layer.size for layer in ticket.layers)
    free = ticket.searchable
    kept_free = sum(layer.kept for layer in ticket.layers)
    entropy = sum(_entropy(layer.kept, layer.searchable) for layer in ticket.layers)
    coded = 8 * len(arrays[tickets.BITS])
    rest = sum(array.nbytes for name, array in arrays.items() if name != tickets.BITS)
    page.print(
        f"{ticket.architecture} {ticket.sizes}\nSource: {source}\nAbout: {ticket.about}\n"
        f"Bits: {free:,} searchable of {weights:,} weights, {kept_free:,} kept; {coded:,} written ({ticket.coding}); "
        f"entropy {entropy:,.0f}\nNorm statistics and learned numbers: {rest:,} bytes\n"
        f"File: {Path(path).stat().st_size:,} bytes; formula (1 - F) N = "
        f"{(1 - source.get('prune', 0) - source.get('lock', 0)) * weights:,.0f} bits; 32 N = {32 * weights:,} bits: "
        f"{32 * weights / max(free, 1):.1f} times smaller than the weights, "
        f"{weights / max(free, 1):.2f} times smaller than a ticket of the dense source"
    )
    rows = [
        (layer.name, layer.size, layer.searchable, layer.kept, f"{_share(layer.kept, layer.searchable)}")
        for layer in ticket.layers
    ]
    page.print(console.table("Layers", ("<name", "weights", "searchable", "kept of them", "share"), rows))
    return 0


def verify(path: Path, data: str | None, page: console.Page) -> int:
    """Rebuild the network from the file alone and test it on its data set; return 1 if it is not as good as it says."""
    model, ticket = tickets.load(path)
    name = ticket.about.get("data_set")
    page.print(f"checksum and shape agree; {ticket.searchable:,} bits; rebuilt from seed {ticket.source['seed']}")
    if name is None:
        page.print("the ticket names no data set to test it on")
        return 0
    images, size = ticket.about.get("images", 0), ticket.about.get("size", 0)
    found = load(name, data_root(data), seed=ticket.source["seed"], images=images, size=size)
    graph = "train" in dir(found) and isinstance(found.train, Tensor)
    task = GraphTask(found) if graph else ImageTask(found, 0, 1, False)  # type: ignore[arg-type]
    validation, test = task.accuracy(model, "validation"), task.accuracy(model, "test")
    said = ticket.about.get("validation")
    # another machine may round otherwise, and turn an answer or two
    agrees = said is None or abs(validation - said) <= max(5e-4, 2.5 / len(task.logits(model, "validation")))
    if ticket.about.get("data") not in (None, fingerprint(found)):
        raise ValueError(f"the ticket was found on other data than {name} in {data_root(data)}")
    page.print(f"{name}: validation {validation:.2%}, test {test:.2%}; the file says validation {said}")
    return 0 if agrees else REFUTED


def export(path: Path, to: Path, page: console.Page) -> int:
    """Write the rebuilt network as plain weights: .safetensors or .pt (a state_dict), or .onnx."""
    if to.resolve() == Path(path).resolve():
        raise ValueError(f"--to must be another file than the ticket, got {to}")
    check_writable(to)
    model, ticket = tickets.load(path)
    plain = plain_model(model)
    if to.suffix == ".onnx":
        _export_onnx(plain, ticket, to)
    elif to.suffix == ".pt":
        from io import BytesIO

        buffer = BytesIO()
        torch.save(plain.state_dict(), buffer)
        write_atomically(to, buffer.getvalue())
    elif to.suffix == ".safetensors":
        from safetensors.torch import save

        write_atomically(to, save({name: value.contiguous() for name, value in plain.state_dict().items()}))
    else:
        raise ValueError(f"--to must end in .safetensors, .pt or .onnx, got {to}")
    page.print(f"{to}: {len(plain.state_dict())} tensors")
    return 0


def plain_model(model: nn.Module) -> nn.Module:
    """Return the model with every masked weight as an ordinary parameter, in place."""
    for module in list(model.modules()):
        if parametrize.is_parametrized(module):
            for name in list(cast("nn.ModuleDict", module.parametrizations)):
                weight = getattr(module, name).detach().clone()
                parametrize.remove_parametrizations(module, name, leave_parametrized=False)
                delattr(module, name)
                module.register_parameter(name, nn.Parameter(weight, requires_grad=False))
            if isinstance(module, nn.RNNBase):
                module._init_flat_weights()  # the list of its weights, which freezing took away
    return model


def _export_onnx(model: nn.Module, ticket: tickets.Ticket, to: Path) -> None:
    sizes = ticket.sizes
    if "inputs" in sizes:
        raise ValueError("a graph network takes a sparse matrix, which ONNX does not have: export it as .safetensors")
    side = sizes.get("size", 224 if ticket.architecture in ("resnet50", "resnet18-imagenet") else 32)
    example = torch.zeros(1, sizes.get("channels", 3), side, side)
    if find_spec("onnx") is None or find_spec("onnxscript") is None:
        raise ValueError("ONNX needs two packages more: pip install onnx onnxscript")
    torch.onnx.export(model, (example,), str(to), dynamo=True)


def _share(kept: int, of: int) -> str:
    return f"{kept / of:.3f}" if of else "-"


def _entropy(kept: int, of: int) -> float:
    if not 0 < kept < of:
        return 0.0
    k = kept / of
    return -of * (k * log2(k) + (1 - k) * log2(1 - k))


def _parser() -> Parser:
    p = Parser(prog="python -m torch_backend ticket", description=(__doc__ or "").splitlines()[0])
    commands = p.add_subparsers(dest="what", required=True, metavar="info|verify|export|sizes")
    for name, what in (
        ("info", "what the file says, its size against the formula"),
        ("verify", "rebuild the network from the file and test it"),
        ("export", "write plain weights"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("file", type=Path)
        if name == "verify":
            command.add_argument("--data", metavar="DIR")
        if name == "export":
            command.add_argument("--to", type=Path, required=True, help="a .safetensors, .pt or .onnx file")
    commands.add_parser("sizes", help="the sizes of all presets' tickets, from theory and counted")
    return p
