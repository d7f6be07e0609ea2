"""One seed of one search from settings to result: data, model, task, device, and what a finished run has written."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from torch import nn

from slt.core.checks import DAMAGE, first_line, one_of
from slt.core.forms import OBJECT, SEED, SHARE, Form, Numbers
from slt.core.store import Row, export_json, read_json
from torch_backend.data import Graph, Images, fingerprint, load
from torch_backend.masks import frozen
from torch_backend.masks.layers import allow_any_layout
from torch_backend.masks.supermask import freeze, supermasks
from torch_backend.masks.threshold import mask_bits, select
from torch_backend.models import MODELS, build
from torch_backend.tickets import files as tickets
from torch_backend.tickets.tensors import encoded
from torch_backend.training.ranks import ALONE, Ranks, launched, place
from torch_backend.training.run import Run, Task, check_origin
from torch_backend.training.settings import Settings
from torch_backend.training.shared_norms import share_norms
from torch_backend.training.tasks import GraphTask, ImageTask

TICKET, RESULT, SETTINGS = "ticket.safetensors", "result.json", "settings.json"
FORM = {  # of a result
    "seed": SEED,
    "best_epoch": Numbers(0, whole=True),
    **dict.fromkeys(("test", "validation"), SHARE),
    "bits": Numbers(0),
    "file_bytes?": Numbers(0, whole=True),  # of the ticket's file, or of a file of trained weights
    "seconds": Numbers(0),
    **dict.fromkeys(("settings", "origin", "sparsity?"), OBJECT),
}


def run(
    settings: Settings,
    seed: int,
    folder: Path,
    root: Path,
    device: torch.device,
    tell: Callable[[Row], None],
    *,
    amp: bool = False,
    compiled: bool = False,
    channels_last: bool = False,
    ranks: Ranks = ALONE,
) -> Row:
    """Return the result of one seed, from ``folder`` where it is there already, else by training to the end.

    The ticket that is tested is the one read back from its file. root: where data sets lie. tell: takes the row of each
    finished epoch. amp: bfloat16 autocast; compiled: by torch.compile; channels_last: the layout of images in memory.
    ranks: the processes that train it together; rank 0 alone reads and writes ``folder``, and tests. Raises ValueError
    for settings that the data do not take, for a folder that holds another run, for a loss that is not finite and where
    memory does not suffice; OSError where files cannot be read or written.
    """
    data = load(settings.data_set, root, seed=seed, images=settings.images, size=settings.size).to(device)
    origin = origin_of(data, device, amp=amp, compiled=compiled)
    if ranks.world > 1:
        ranks.agree("settings, data, device and versions", json.dumps([asdict(settings), seed, origin]))
        origin |= {"ranks": str(ranks.world)}
    known = ranks.from_first(lambda: read_result(folder / RESULT, asdict(settings), seed, origin, FORM))
    if known is not None:
        return known
    sizes = model_sizes(settings, data)
    model = prepared(settings, seed, sizes).to(device)
    share_norms(model, ranks)
    task = task_of(settings, seed, data, channels_last, ranks)
    ranks.from_first(lambda: folder.mkdir(parents=True, exist_ok=True))
    if channels_last:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    rows = fitted(settings, folder, model, task, tell, origin=origin, amp=amp, compiled=compiled, ranks=ranks)
    alone = task_of(settings, seed, data, channels_last)
    return ranks.from_first(lambda: finished(settings, seed, folder, model, sizes, rows, origin, alone))


def fitted(
    settings: Settings,
    folder: Path,
    model: nn.Module,
    task: Task,
    tell: Callable[[Row], None],
    *,
    origin: dict[str, str],
    amp: bool = False,
    compiled: bool = False,
    ranks: Ranks = ALONE,
    keep: bool = True,
) -> list[Row]:
    """Train a model, masks chosen before every step where it has any; return the row of every epoch.

    Arguments and errors as for :func:`run`, and :class:`torch_backend.training.run.Run`. What no memory is left for is
    told by a ValueError, with a batch that would fit where there is one.
    """
    masks = supermasks(model)

    def prepare() -> dict[str, float]:
        return select(masks, settings.sparsity, settings.scope, refuse_collapse=True) if masks else {}

    training = Run(model, task, settings, folder, prepare, amp=amp, origin=origin, ranks=ranks, keep=keep)
    if compiled:
        model.compile()
    try:
        return training.fit(tell)
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        if not isinstance(task, GraphTask | ImageTask):
            raise ValueError("out of memory in training; give smaller batches, or another device") from None
        device = next(model.parameters()).device
        fits = fitting_batch(model, task) if isinstance(task, ImageTask) and ranks.world == 1 else 0
        advice = f"--batch {fits} fits" if fits else "use a narrower model (--width) or another device"
        raise ValueError(f"out of memory with --batch {settings.batch} on {device}; {advice}") from None


def finished(
    settings: Settings,
    seed: int,
    folder: Path,
    model: nn.Module,
    sizes: dict[str, Any],
    rows: list[Row],
    origin: dict[str, str],
    task: Task,
    fresh: Callable[[], nn.Module] | None = None,
) -> Row:
    """Write the ticket of the trained model, test what is read back, write the result and return it.

    fresh: makes the module that the ticket is read back into, for a module of a user's own.
    """
    best = max(range(len(rows)), key=lambda epoch: (rows[epoch]["validation"], -epoch))
    result: Row = {"settings": plain_settings(settings), "seed": seed, "best_epoch": best,
                   "validation": rows[best]["validation"], "seconds": sum(row["seconds"] for row in rows),
                   "origin": origin}  # fmt: skip
    if supermasks(model):
        about = {"data_set": settings.data_set, "images": settings.images, "size": settings.size,
                 "features": settings.features, "sparsity": settings.sparsity, "scope": settings.scope,
                 "data": origin["data"], "validation": result["validation"]}  # fmt: skip
        architecture = tickets.OWN if fresh else settings.model
        tickets.save(folder / TICKET, model, architecture=architecture, sizes=sizes, about=about)
        device = next(model.parameters()).device
        model = tickets.load(folder / TICKET, fresh and fresh())[0].to(device)
        bits = mask_bits(supermasks(model), settings.scope, settings.sparsity)
        result |= {"sparsity": rows[best]["sparsity"], "bits": bits, "file_bytes": (folder / TICKET).stat().st_size}
    else:
        result |= {"bits": 32 * sum(parameter.numel() for parameter in model.parameters())}
        result |= {"file_bytes": len(encoded(model.state_dict()))}
    result["test"] = task.accuracy(model, "test")
    export_json(folder / RESULT, result)
    return result


def plain_settings(settings: Settings) -> Row:
    """Return settings as a JSON file gives them back.

    >>> plain_settings(Settings("mlp", "mnist"))["model"]
    'mlp'
    """
    found: Row = json.loads(json.dumps(asdict(settings)))
    return found


def model_sizes(settings: Settings, data: Graph | Images) -> dict[str, Any]:
    """Return the builder's arguments that fit the data, and the width."""
    known = signature(MODELS[one_of("model", settings.model, tuple(MODELS))]).parameters
    if isinstance(data, Graph):
        shape = {"inputs": data.x.shape[1]}
    else:
        image = data.test.inputs[torch.tensor([0])]
        shape = {"channels": image.shape[1], "size": image.shape[-1]}
    shape["classes"] = data.classes
    sizes: dict[str, Any] = {"width": settings.width, **settings.sizes}
    sizes |= {name: size for name, size in shape.items() if name in known}
    if ("inputs" in known) != isinstance(data, Graph):
        kind = "a graph" if isinstance(data, Graph) else "images"
        raise ValueError(f"model {settings.model} does not take {kind}, which {settings.data_set} is")
    if "affine" in known:
        sizes["affine"] = settings.affine
    elif settings.learn_norms:
        raise ValueError(f"model {settings.model} has no norms to learn")
    return sizes


def origin_of(
    data: Graph | Images | str, device: torch.device, *, amp: bool = False, compiled: bool = False
) -> dict[str, str]:
    """Return what a run's numbers depend on beside its settings and seed; data: a data set, or a digest of one."""
    digest = data if isinstance(data, str) else fingerprint(data)
    return {
        "data": digest, "amp": str(amp), "compile": str(compiled), "device": device.type,
        "torch": str(torch.__version__),
    }  # fmt: skip


def read_result(path: Path, settings: Row, seed: int, origin: dict[str, str], form: Form) -> Row | None:
    """Return a finished run's row, None where there is none.

    Raises ValueError when it is not of this ``form``, or is of other settings, another seed, other data or autocast.
    """
    if not path.exists():
        return None
    try:
        row: Row = read_json(path, form)
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); remove it to end this run again") from None
    if (row["settings"], row["seed"]) != (settings, seed):
        raise ValueError(f"{path} is of other settings or another seed than its folder; remove it")
    check_origin(path, row["origin"], {name: origin[name] for name in ("data", "amp")})
    return row


def device_of(name: str | None) -> torch.device:
    """Return the device of this name, or a GPU when there is one; raise ValueError when it cannot be used."""
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        if launched() and device == torch.device("cuda"):
            device = torch.device("cuda", place() % torch.cuda.device_count())
        torch.zeros(1, device=device).item()
    except (*DAMAGE, ImportError) as error:  # torch tells of a device that is not there in many ways
        raise ValueError(f"device {name!r} cannot be used: {first_line(error)}") from None
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
    allow_any_layout(model)
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
    return GraphTask(data.row_normalised() if settings.features == "normalised" else data)


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


def claim(folder: Path, settings: Row) -> None:
    """Make ``folder`` the one of these settings; raise ValueError when it is that of others already."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SETTINGS
    if not path.exists():
        export_json(path, settings)
        return
    try:
        kept = read_json(path)
    except ValueError:
        raise ValueError(f"{path} is damaged; take another folder (--out of a command)") from None
    if kept != settings:
        names = [name for name in settings if not isinstance(kept, dict) or kept.get(name) != settings[name]]
        raise ValueError(
            f"{path} is of other settings ({', '.join(names) or 'some are unknown'}); take another folder (--out of a "
            "command)"
        )
