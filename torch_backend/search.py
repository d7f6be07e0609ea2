"""Search tickets: ``python -m torch_backend search``; several seeds, several settings, one table with intervals.

``torchrun --nproc-per-node 2 -m torch_backend search`` shares every batch among processes (torch_backend/ranks.py).
"""

import argparse
import fnmatch
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from difflib import get_close_matches
from hashlib import blake2b
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from torch import nn

from common import console
from common.checks import one_of, whole
from common.cli import Parser
from common.files import check_writable
from common.keys import key_words
from common.places import data_root
from common.store import Row, export_json, export_jsonl, read_json
from torch_backend import frozen, tickets
from torch_backend.data import GRAPHS, IMAGES, Graph, Images, load
from torch_backend.models import MODELS, build
from torch_backend.ranks import ALONE, Ranks, joined, launched, place
from torch_backend.settings import METHODS, OPTIMISERS, PRESETS, RULES, SCALES, SCOPES, WEIGHTS, Settings
from torch_backend.shared_norms import share_norms
from torch_backend.summary import table
from torch_backend.supermask import freeze, supermasks
from torch_backend.tasks import GraphTask, ImageTask
from torch_backend.threshold import select
from torch_backend.training import Run, check_origin

TICKET, RESULT = "ticket.safetensors", "result.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Run every seed of every setting that has not been run yet, then print what was found."""
    args = _parser().parse_args(argv)
    run_all(chosen_settings(args), args, console.Page())
    return 0


def run_all(chosen: dict[str, Settings], args: argparse.Namespace, page: console.Page) -> dict[str, list[Row]]:
    """Run all seeds of these settings (options: :func:`add_run_options`); print a table, return the rows."""
    whole("seeds", args.seeds, 1)
    key_words(args.seed)
    if args.results is not None:
        if Path(args.out).resolve() in Path(args.results).resolve().parents:
            raise ValueError(f"--results must lie outside --out, got {args.results}")
        check_writable(args.results)
    device = device_of(args.device)
    with joined(device) as ranks:
        found = _run_ranks(chosen, args, page, device, ranks)
    if not ranks.first:
        return found
    page.print(table(chosen, found))
    if args.results is not None:
        export_jsonl(args.results, ({"name": name, **row} for name, rows in found.items() for row in rows))
    return found


def _run_ranks(
    chosen: dict[str, Settings], args: argparse.Namespace, page: console.Page, device: torch.device, ranks: Ranks
) -> dict[str, list[Row]]:
    """Return the rows of all settings and seeds, found by these ranks together."""
    found: dict[str, list[Row]] = {}
    if args.compile and ranks.world > 1:
        raise ValueError("--compile is for one process: leave it out under torchrun")
    for name, settings in chosen.items():
        folder = Path(args.out) / settings.name
        ranks.from_first(lambda folder=folder, settings=settings: _claim(folder, settings))  # type: ignore[misc]
        if ranks.first:
            page.print(f"{name}: {folder}")
        for seed in range(args.seed, args.seed + args.seeds):
            with console.progress(settings.epochs, f"{name}, seed {seed}", ranks.first) as advance:
                row = run(settings, seed, folder / f"seed{seed}", data_root(args.data), device, advance, args, ranks)
            found.setdefault(name, []).append(row)
    return found


def run(
    settings: Settings,
    seed: int,
    folder: Path,
    root: Path,
    device: torch.device,
    advance: Callable[[int], None],
    options: argparse.Namespace | None = None,
    ranks: Ranks = ALONE,
) -> Row:
    """Return the result of one seed, from ``folder`` where it is there already, else by training to the end.

    The ticket that is tested is the one read back from its file. ranks: the processes that train it together; rank 0
    alone reads and writes ``folder``, and tests.
    """
    data = load(settings.data_set, root, seed=seed, images=settings.images).to(device)
    amp, compiled, channels_last = (
        bool(options and getattr(options, name)) for name in ("amp", "compile", "channels_last")
    )
    origin = origin_of(data, device, amp=amp, compiled=compiled)
    if ranks.world > 1:
        ranks.agree("settings, data, device and versions", json.dumps([asdict(settings), seed, origin]))
        origin |= {"ranks": str(ranks.world)}
    known = ranks.from_first(lambda: read_result(folder / RESULT, origin) if (folder / RESULT).exists() else None)
    if known is not None:
        return known
    sizes = model_sizes(settings, data)
    model = prepared(settings, seed, sizes).to(device)
    share_norms(model, ranks)
    masks = supermasks(model)
    task = task_of(settings, seed, data, channels_last, ranks)
    ranks.from_first(lambda: folder.mkdir(parents=True, exist_ok=True))
    if channels_last:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def prepare() -> dict[str, float]:
        return select(masks, settings.sparsity, settings.scope, refuse_collapse=True) if masks else {}

    training = Run(model, task, settings, folder, prepare, amp=amp, origin=origin, ranks=ranks)
    if compiled:
        model.compile()
    done = [0]

    def tell(row: Row) -> None:
        advance(row["epoch"] + 1 - done[0])
        done[0] = row["epoch"] + 1

    try:
        rows = training.fit(tell)
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        fits = fitting_batch(model, task) if isinstance(task, ImageTask) and ranks.world == 1 else 0
        advice = f"--batch {fits} fits" if fits else "use a narrower model (--width) or another device"
        raise ValueError(f"out of memory with --batch {settings.batch} on {device}; {advice}") from None
    alone = task_of(settings, seed, data, channels_last)
    return ranks.from_first(lambda: _finished(settings, seed, folder, model, sizes, rows, origin, alone))


def _finished(
    settings: Settings,
    seed: int,
    folder: Path,
    model: nn.Module,
    sizes: dict[str, Any],
    rows: list[Row],
    origin: dict[str, str],
    task: GraphTask | ImageTask,
) -> Row:
    """Write the ticket of the trained model, test what is read back, write the result and return it."""
    best = max(range(len(rows)), key=lambda epoch: (rows[epoch]["validation"], -epoch))
    result: Row = {"settings": asdict(settings), "seed": seed, "best_epoch": best,
                   "validation": rows[best]["validation"], "seconds": sum(row["seconds"] for row in rows),
                   "origin": origin}  # fmt: skip
    if supermasks(model):
        about = {"data_set": settings.data_set, "images": settings.images, "sparsity": settings.sparsity,
                 "data": origin["data"], "validation": result["validation"]}  # fmt: skip
        said = tickets.Ticket(settings.model, sizes, source_of(settings, seed), about=about)
        kept_ticket = tickets.save(folder / TICKET, model, said)
        device = next(model.parameters()).device
        model = tickets.load(folder / TICKET)[0].to(device)
        result |= {"sparsity": rows[best]["sparsity"], "bits": kept_ticket.searchable}
    else:
        result |= {"bits": 32 * sum(parameter.numel() for parameter in model.parameters())}
    result["test"] = task.accuracy(model, "test")
    export_json(folder / RESULT, result)
    return result


def model_sizes(settings: Settings, data: Graph | Images) -> dict[str, Any]:
    """Return the builder's arguments that fit the data, and the width."""
    known = signature(MODELS[one_of("model", settings.model, tuple(MODELS))]).parameters
    if isinstance(data, Graph):
        shape = {"inputs": data.x.shape[1]}
    else:
        image = data.test.inputs[torch.tensor([0])]
        shape = {"channels": image.shape[1], "size": image.shape[-1]}
    shape["classes"] = data.classes
    sizes: dict[str, Any] = {"width": settings.width}
    sizes |= {name: size for name, size in shape.items() if name in known}
    if ("inputs" in known) != isinstance(data, Graph):
        kind = "a graph" if isinstance(data, Graph) else "images"
        raise ValueError(f"model {settings.model} does not take {kind}, which {settings.data_set} is")
    if "affine" in known:
        sizes["affine"] = settings.method == "weights" or settings.learn_norms
    elif settings.learn_norms:
        raise ValueError(f"model {settings.model} has no norms to learn")
    return sizes


def origin_of(
    data: Graph | Images, device: torch.device, *, amp: bool = False, compiled: bool = False
) -> dict[str, str]:
    """Return what a run's numbers depend on beside its settings and seed."""
    return {
        "data": fingerprint(data), "amp": str(amp), "compile": str(compiled), "device": device.type,
        "torch": str(torch.__version__),
    }  # fmt: skip


def fingerprint(data: Graph | Images) -> str:
    """Return ten hexadecimal digits of the labels, the parts and some inputs: other data have others."""
    digest = blake2b(digest_size=5)
    if isinstance(data, Graph):
        tensors = [data.labels, data.train, data.validation, data.test, data.degrees]
    else:
        tensors = [data.train.labels, data.validation.labels, data.test.labels]
        tensors += [part.inputs[torch.arange(min(8, len(part)))] for part in (data.train, data.test)]
    for tensor in tensors:
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def read_result(path: Path, origin: dict[str, str]) -> Row:
    """Return a finished run's row; raise ValueError when it is damaged, or is of other data or autocast."""
    try:
        row: Row = read_json(path)
        for name, most in (("test", 1), ("validation", 1), ("seconds", 1e18), ("bits", 1e18)):
            if not 0 <= row[name] <= most:
                raise ValueError(f"{name} is {row[name]}")
        kept = dict(row["origin"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}); remove it to end this run again") from None
    check_origin(path, kept, {name: origin[name] for name in ("data", "amp")})
    return row


def device_of(name: str | None) -> torch.device:
    """Return the device of this name, or a GPU when there is one; raise ValueError when it cannot be used."""
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        if launched() and device == torch.device("cuda"):
            device = torch.device("cuda", place() % torch.cuda.device_count())
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"device {name!r} cannot be used: {str(error).splitlines()[0][:100]}") from None
    return device


def source_of(settings: Settings, seed: int) -> dict[str, Any]:
    """Return the arguments of freeze."""
    return {
        "prune": settings.prune, "lock": settings.lock, "rule": settings.rule, "weights": settings.weights,
        "scale": settings.scale, "sparsity": settings.sparsity, "seed": seed, "learn_norms": settings.learn_norms,
    }  # fmt: skip


def prepared(settings: Settings, seed: int, sizes: dict[str, Any]) -> nn.Module:
    """Return the model to train: a frozen source, or for weight training the same random weights, all to be trained."""
    model = build(settings.model, **sizes)
    if settings.method == "edge-popup":
        return freeze(model, **source_of(settings, seed))
    for name, weight in model.named_parameters():
        if weight.ndim > 1:
            weight.data = frozen.source(seed, name, tuple(weight.shape), settings.weights)
    return model


def task_of(
    settings: Settings, seed: int, data: Graph | Images, channels_last: bool = False, ranks: Ranks = ALONE
) -> GraphTask | ImageTask:
    """Return the batches and the loss; raise ValueError when the data cannot be shared by these ranks."""
    if not isinstance(data, Graph):
        return ImageTask(data, seed, settings.batch, settings.augment, channels_last, ranks)
    if ranks.world > 1:
        raise ValueError(f"{settings.data_set} goes through the network whole, at every step: leave out torchrun")
    return GraphTask(data)


def out_of_memory(error: RuntimeError) -> bool:
    """Tell whether torch could not get the memory it asked for."""
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)


def fitting_batch(model: nn.Module, task: ImageTask) -> int:
    """Return the largest half, quarter, .. of the batch size of which a step fits into memory, 0 if none does."""
    batch = task.batch // 2
    while batch:
        try:
            replace(task, batch=batch).loss(model, 0, 0).backward()
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            batch //= 2
        else:
            return batch
    return 0


def _claim(folder: Path, settings: Settings) -> None:
    """Write what the folder holds, or make sure that it is this."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "settings.json"
    if not path.exists():
        export_json(path, asdict(settings))
        return
    try:
        kept = read_json(path)
    except ValueError:
        raise ValueError(f"{path} is damaged; give another --out") from None
    if kept != asdict(settings):
        raise ValueError(f"{path} is of other settings; give another --out")


def chosen_settings(args: argparse.Namespace) -> dict[str, Settings]:
    """Return the settings by label: presets that match, or one put together here; options change all of them."""
    changes = {field.name: getattr(args, field.name) for field in fields(Settings)}
    if args.freeze is not None:
        if args.prune is not None or args.lock is not None:
            raise ValueError("give --freeze, or --prune and --lock, not both")
        changes["freezing"] = args.freeze
    if args.preset:
        found = {}
        for pattern in args.preset:
            names = fnmatch.filter(PRESETS, pattern)
            if not names:
                near = "".join(f" did you mean {name}?" for name in get_close_matches(pattern, PRESETS, n=1))
                raise ValueError(f"unknown preset {pattern!r};{near} all: python -m torch_backend search --help")
            for name in names:
                settings = _of_preset(name, changes)
                found[_label(name, settings)] = settings
        return found
    if args.model is None or args.data_set is None:
        raise ValueError("give --preset, or --model and --data-set")
    settings = Settings.of(**changes)
    return {settings.name: settings}


def _label(preset: str, settings: Settings) -> str:
    """Return the preset's name, followed by every choice that is another than the preset's."""
    changes = [
        f"{name.replace('_', '-')} {_said(value)}"
        for name, value in asdict(settings).items()
        if _said(value) != _said(getattr(PRESETS[preset], name))
    ]
    return ", ".join([preset, *changes])


def _said(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _of_preset(name: str, changes: dict[str, Any]) -> Settings:
    """Return a preset with changes that leave it what its name says: dense stays dense, frozen centred."""
    family, kind = name.rsplit("-", 1)
    for option in ("model", "prune", "lock", "method"):
        if changes.get(option) is not None:
            raise ValueError(f"--{option} would make preset {name} something else: give --model and --data-set instead")
    base, frozen_row = PRESETS[name], PRESETS[f"{family}-frozen"]
    freezing, rest = changes.get("freezing"), {k: v for k, v in changes.items() if k != "freezing"}
    if kind == "weights":
        return base.changed(**{**rest, "sparsity": None})
    if kind == "dense" or (freezing is None and rest.get("sparsity") is None):
        return base.changed(**rest)
    if freezing is None:
        freezing = frozen_row.prune + frozen_row.lock
    centred = base.changed(**rest, freezing=freezing)
    return centred if kind == "frozen" else centred.changed(lock=0.0)


def add_choices(p: argparse.ArgumentParser) -> None:
    """Add the options that make up :class:`Settings`."""
    p.add_argument("--preset", nargs="+", metavar="NAME", help=f"{', '.join(PRESETS)}; patterns such as 'gin-cora-*'")
    p.add_argument("--model", help=", ".join(MODELS))
    p.add_argument("--data-set", help=", ".join((*IMAGES, *GRAPHS)))
    p.add_argument("--method", choices=METHODS)
    p.add_argument("--sparsity", type=float, help="share of zero weights in the ticket")
    p.add_argument("--freeze", type=float, help="freezing ratio F = p + q, the sparsity as near the centre as can be")
    p.add_argument("--prune", type=float)
    p.add_argument("--lock", type=float)
    p.add_argument("--rule", choices=RULES)
    p.add_argument("--scope", choices=SCOPES, help="one threshold for all layers, or one for each")
    p.add_argument("--weights", choices=WEIGHTS)
    p.add_argument("--scale", choices=SCALES)
    p.add_argument("--width", type=float)
    p.add_argument("--epochs", type=int)
    p.add_argument("--batch", type=int)
    p.add_argument("--optimiser", choices=OPTIMISERS)
    p.add_argument("--rate", type=float, help="learning rate at the start")
    p.add_argument("--decay", type=float, help="weight decay")
    p.add_argument("--augment", action=argparse.BooleanOptionalAction, help="random crops and flips")
    p.add_argument("--learn-norms", action=argparse.BooleanOptionalAction)
    p.add_argument("--images", type=int, help="training images used, 0 for all")


def add_run_options(p: argparse.ArgumentParser) -> None:
    """Add the options that say how to run, not what."""
    p.add_argument("--data", metavar="DIR", help="where data sets lie (default: $SLT_DATA, else ~/.cache/slt-verify)")
    p.add_argument("--seed", type=int, default=0, help="the first seed")
    p.add_argument("--seeds", type=int, default=3, help="how many")
    p.add_argument("--out", default="runs", metavar="DIR", help="gets a folder for every setting (default runs)")
    p.add_argument("--results", type=Path, metavar="FILE", help="also write a row for every run to this JSONL file")
    p.add_argument("--device", help="default: a GPU when there is one")
    p.add_argument("--amp", action="store_true", help="bfloat16 autocast (a GPU; slow on CPUs)")
    p.add_argument("--channels-last", action="store_true")
    p.add_argument("--compile", action="store_true", help="torch.compile")


def _parser() -> Parser:
    p = Parser(prog="python -m torch_backend search", description="Search strong lottery tickets in frozen networks.")
    add_choices(p)
    add_run_options(p)
    return p
