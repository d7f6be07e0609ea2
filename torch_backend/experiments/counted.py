"""Rows that need no search: seconds and bytes of a search step, bytes of the presets' ticket files."""

import time
from collections.abc import Callable, Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from slt.core import console
from slt.core.forms import SEED, Form, Numbers
from slt.core.store import Row, export_jsonl
from torch_backend.data import record_of
from torch_backend.masks.supermask import freeze, supermasks
from torch_backend.masks.threshold import select
from torch_backend.models import MODELS, build
from torch_backend.tickets.file_sizes import planned_size, trained_size
from torch_backend.tickets.frozen_mask import mask_cost
from torch_backend.training.run import optimiser_of
from torch_backend.training.settings import PRESETS, Settings
from torch_backend.training.start import source_of

REPEATS = 10
FREEZING = (0.0, 0.5, 0.9)
# steps of a repeat, images of a batch, and the preset whose optimiser it has
TIMED = {
    "mlp": (40, 128, "mlp-mnist-dense"),
    "conv2": (3, 32, "conv2-mnist-dense"),
    "conv6": (1, 64, "conv6-cifar10-dense"),
}
FAMILIES = (
    "mlp-mnist",
    "conv6-cifar10",
    "resnet18-cifar10",
    "resnet50-imagenet",
    "gin-arxiv",
    "gin-cora",
    "gin-citeseer",
)
COSTS: Form = {
    "plan": ("costs",), "seed": SEED, "model": tuple(TIMED), "freezing": Numbers(0, 1),
    "steps": Numbers(1, whole=True), "cpu_seconds": Numbers(0), "bytes": Numbers(0, whole=True), "torch": ...,
}  # fmt: skip
FILES: Form = {
    "plan": ("files",), "preset": ..., "family": FAMILIES, "freezing": Numbers(0, 1),
    **dict.fromkeys(("weights", "free", "file_bytes", "statistics_bytes", "header_bytes", "trained_bytes"),
                    Numbers(0, whole=True)),
    "mask_bits": Numbers(0, whole=True),
}  # fmt: skip


def costs() -> Iterator[Row]:
    """Yield CPU seconds of a search step and bytes of what is trained, the sources in turns, each repeat a seed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for model, (steps, batch, preset) in TIMED.items():
            timed = {F: _step(PRESETS[preset].changed(prune=F / 2, lock=F / 2), batch) for F in FREEZING}
            for repeat in range(REPEATS):
                for F, (step, size) in timed.items():
                    start = time.process_time()
                    for _ in range(steps):
                        step()
                    took = (time.process_time() - start) / steps
                    yield {"plan": "costs", "seed": repeat, "model": model, "freezing": F, "steps": steps,
                           "cpu_seconds": took, "bytes": size, "torch": str(torch.__version__)}  # fmt: skip
    finally:
        torch.set_num_threads(threads)


def _step(settings: Settings, batch: int) -> tuple[Callable[[], None], int]:
    """Return a search step on made-up images, and the bytes of scores, gradients and optimiser state."""
    model = build(settings.model, **_sizes(settings))
    freeze(model, **source_of(settings, 0))
    optimiser, masks = optimiser_of(model, settings), supermasks(model)
    shape = _sizes(settings)
    numbers = batch, shape["channels"], shape["size"], shape["size"]
    images = torch.randn(numbers, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(batch) % 10
    select(masks, settings.sparsity)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        functional.cross_entropy(model(images), labels).backward()
        optimiser.step()
        select(masks, settings.sparsity)

    step()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    state = [value for parts in optimiser.state.values() for value in parts.values() if isinstance(value, torch.Tensor)]
    return step, 2 * sum(parameter.nbytes for parameter in trained) + sum(value.nbytes for value in state)


def ticket_files() -> Iterator[Row]:
    """Yield the bytes of a ticket file of every family's sources."""
    for family in FAMILIES:
        for kind in ("dense", "frozen"):
            yield _file(f"{family}-{kind}", family, PRESETS[f"{family}-{kind}"])
        if family == "gin-arxiv":
            yield _file("gin-arxiv, F = 0.2", family, PRESETS["gin-arxiv-dense"].changed(prune=0.0, lock=0.2))


def _file(name: str, family: str, settings: Settings) -> Row:
    size, cost = planned_size(settings), mask_cost(settings)
    return {
        "plan": "files", "preset": name, "family": family, "freezing": round(settings.prune + settings.lock, 9),
        "weights": cost.weights, "free": cost.searched, "file_bytes": size.total, "statistics_bytes": size.state,
        "header_bytes": size.header, "trained_bytes": trained_size(settings), "mask_bits": 8 * cost.coded,
    }  # fmt: skip


def _sizes(settings: Settings) -> dict[str, Any]:
    known = signature(MODELS[settings.model]).parameters
    return {name: size for name, size in record_of(settings.data_set).sizes(settings.size).items() if name in known}


COUNTED: dict[str, tuple[Callable[[], Iterator[Row]], Form]] = {"costs": (costs, COSTS), "files": (ticket_files, FILES)}


def run_counted(name: str, path: Path) -> Iterator[Row]:
    """Yield the rows of a plan of :data:`COUNTED` and write them to ``path``, all anew: they take a minute."""
    rows = []
    with console.progress(1, name):
        for row in COUNTED[name][0]():
            rows.append(row)
            export_jsonl(path, rows)
            yield row
