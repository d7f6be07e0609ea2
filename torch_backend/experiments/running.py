"""The searches of a plan, seed by seed: run, resumed, and written as they come."""

from collections.abc import Iterator
from dataclasses import asdict
from math import prod
from pathlib import Path
from shutil import rmtree

import torch

from slt.core import console
from slt.core.checks import DAMAGE
from slt.core.files import check_writable
from slt.core.forms import OBJECT, SEED, SHARE, Form, Numbers
from slt.core.places import data_root
from slt.core.store import Row, export_jsonl, read_jsonl
from torch_backend.commands.compare import Case, check_reused, measure
from torch_backend.data import Graph, Images, load
from torch_backend.experiments.plans import Plan
from torch_backend.tickets.file_sizes import planned_size, trained_size
from torch_backend.tickets.sizes import meta_model, shapes_of
from torch_backend.training.settings import Settings
from torch_backend.training.start import device_of, fitted, model_sizes, origin_of, prepared, task_of

FORM: Form = {
    "plan": ...,
    "seed": SEED,
    **dict.fromkeys(("test", "validation"), SHARE),
    **dict.fromkeys(("weights", "file_bytes"), Numbers(1, whole=True)),
    "bits": Numbers(0),
    "seconds": Numbers(0),
    **dict.fromkeys(("settings", "origin"), OBJECT),
}


def run(plan: Plan, path: Path, work: Path, data: str | None = None, device_name: str | None = None) -> Iterator[Row]:
    """Yield the rows of a plan, the first seed of all searches first; those in ``path`` are not run again.

    path: the JSONL file of the rows, written anew after each. work: a folder for checkpoints, from which a search that
    was cut off goes on. Raises ValueError when a search fails, or when ``path`` is damaged or of something else.
    """
    device = device_of(device_name)
    path.parent.mkdir(parents=True, exist_ok=True)
    check_writable(path)
    rows = read_jsonl(path, FORM) if path.exists() else []
    check(plan, rows, str(path))
    done = {(Settings(**row["settings"]), row["seed"]): row for row in rows}
    with console.progress(plan.runs, f"{plan.name}, searches") as advance:
        for seed in range(max(search.seeds for search in plan.searches)):
            given: dict[tuple[str, int, int], Graph | Images] = {}
            for settings in (search.settings for search in plan.searches if seed < search.seeds):
                if (settings, seed) not in done:
                    of = settings.data_set, settings.images, settings.size
                    if of not in given:
                        name, images, size = of
                        given[of] = load(name, data_root(data), seed=seed, images=images, size=size).to(device)
                        same = [row for row in rows if row["seed"] == seed]
                        check_reused(path, same, settings, given[of], device)
                    done[settings, seed] = searched(plan.name, settings, seed, given[of], work, device)
                    rows.append(done[settings, seed])
                    export_jsonl(path, rows)
                advance(1)
                yield done[settings, seed]


def check(plan: Plan, rows: list[Row], where: str) -> None:
    """Raise ValueError unless all rows are of searches of the plan, each at most once."""
    seen: set[tuple[Settings, int]] = set()
    known = {search.settings: search.seeds for search in plan.searches}
    for row in rows:
        try:
            key = Settings(**row["settings"]), row["seed"]
        except DAMAGE as error:
            raise ValueError(f"{where} holds a row that is no search ({error})") from None
        if row["plan"] != plan.name or key[0] not in known or key[1] >= known[key[0]] or key in seen:
            raise ValueError(f"{where} holds a row that is not of the plan {plan.name}, or one twice")
        seen.add(key)


def searched(plan: str, settings: Settings, seed: int, data: Graph | Images, work: Path, device: torch.device) -> Row:
    """Return the row of one search, or of one training of weights.

    bits: free weights of a ticket, 32 for each trained number. weights: of the whole source. file_bytes: of the ticket
    or the trained network, as foretold.
    """
    row: Row = {"plan": plan, "seed": seed, "weights": sum(map(prod, shapes_of(meta_model(settings)))),
                "file_bytes": file_bytes(settings)}  # fmt: skip
    if settings.method == "edge-popup":
        found = measure(Case("frozen", settings, False), "edge-popup", seed, data, work, device)
        row |= {name: found[name] for name in ("test", "validation", "bits", "seconds")}
    else:
        row |= _trained(settings, seed, data, work / "work" / f"{settings.digest}-{seed}", device)
    return row | {"settings": asdict(settings), "origin": origin_of(data, device)}


def file_bytes(settings: Settings) -> int:
    """Return the bytes of the file of the ticket, or of the trained network."""
    return planned_size(settings).total if settings.method == "edge-popup" else trained_size(settings)


def _trained(settings: Settings, seed: int, data: Graph | Images, folder: Path, device: torch.device) -> Row:
    model = prepared(settings, seed, model_sizes(settings, data)).to(device)
    task = task_of(settings, seed, data)
    folder.mkdir(parents=True, exist_ok=True)
    epochs = fitted(settings, folder, model, task, lambda row: None, origin=origin_of(data, device))
    row = {
        "test": task.accuracy(model, "test"),
        "validation": max(epoch["validation"] for epoch in epochs),
        "bits": 32.0 * sum(parameter.numel() for parameter in model.parameters()),
        "seconds": round(sum(epoch["seconds"] for epoch in epochs), 3),
    }
    rmtree(folder)
    return row


def once_more(plan: str, row: Row, work: Path, data: str | None = None, device_name: str | None = None) -> Row:
    """Return the row that the same search gives here. work: a folder for its checkpoint."""
    settings, device = Settings(**row["settings"]), device_of(device_name)
    given = load(settings.data_set, data_root(data), seed=row["seed"], images=settings.images, size=settings.size).to(
        device
    )
    return searched(plan, settings, row["seed"], given, work, device)
