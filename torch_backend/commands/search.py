"""Search tickets: ``slt search``; several seeds, several settings, one table with intervals.

``torchrun --nproc-per-node 2 -m slt search`` shares every batch among processes (torch_backend/training/ranks.py).
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from slt.core import console
from slt.core.checks import whole
from slt.core.command import Parser
from slt.core.files import check_outside, check_writable
from slt.core.keys import checked_seed
from slt.core.places import data_root
from slt.core.store import Row, export_jsonl
from torch_backend.commands.choices import add_choices, add_run_options, chosen_settings, in_force
from torch_backend.data import load
from torch_backend.training.ranks import Ranks, joined
from torch_backend.training.settings import Settings
from torch_backend.training.side_by_side import side_by_side
from torch_backend.training.start import RESULT, claim, device_of, run
from torch_backend.training.summary import table


def main(argv: Sequence[str] | None = None) -> int:
    """Run every seed of every setting that has not been run yet, then print what was found."""
    args = _parser().parse_args(argv)
    run_all(chosen_settings(args), args, console.Page(args.form))
    return 0


def run_all(chosen: dict[str, Settings], args: argparse.Namespace, page: console.Page) -> dict[str, list[Row]]:
    """Run all seeds of these settings (options: :func:`add_run_options`); print a table, return the rows."""
    whole("seeds", args.seeds, 1)
    args.seed = checked_seed(args.seed)
    if args.results is not None:
        check_outside("--results", args.results, args.out)
        check_writable(args.results)
    device = device_of(args.device)
    with joined(device) as ranks:
        found = _run_ranks(chosen, args, page, device, ranks)
    if not ranks.first:
        return found
    rows = [{"name": name, **row} for name, group in found.items() for row in group]
    if args.results is not None:
        export_jsonl(args.results, rows)
    page.print(table(chosen, found))
    page.result(rows)
    return found


def _run_ranks(
    chosen: dict[str, Settings], args: argparse.Namespace, page: console.Page, device: torch.device, ranks: Ranks
) -> dict[str, list[Row]]:
    """Return the rows of all settings and seeds, found by these ranks together."""
    found: dict[str, list[Row]] = {}
    if args.channels_last and device.type == "cpu":  # torch's kernels for it corrupt memory where layers are narrow
        raise ValueError("--channels-last is for a GPU: leave it out, or give another --device")
    if args.compile and ranks.world > 1:
        raise ValueError("--compile is for one process: leave it out under torchrun")
    sets = {(settings.data_set, settings.images, settings.size) for settings in chosen.values()}
    if len(sets) > 1 and ranks.first:  # what is missing is told before the first search
        for data_set, images, size in sorted(sets):
            load(data_set, data_root(args.data), seed=args.seed, images=images, size=size)
    if args.jobs > 1 and ranks.world > 1:
        raise ValueError("--jobs is for one process: leave it out under torchrun")
    searches: list[tuple[str, Settings, int, Path]] = []
    for name, settings in chosen.items():
        folder = Path(args.out) / settings.name
        ranks.from_first(lambda folder=folder, settings=settings: claim(folder, asdict(settings)))  # type: ignore[misc]
        if ranks.first:
            page.print(f"{name}: {folder}\n{in_force(settings)}")
        seeds = range(args.seed, args.seed + args.seeds)
        searches += [(name, settings, seed, folder / f"seed{seed}") for seed in seeds]
    before = [ranks.first and (there / RESULT).exists() for *_, there in searches]
    ways = {"amp": args.amp, "compiled": args.compile, "channels_last": args.channels_last, "ranks": ranks}
    alone = whole("jobs", args.jobs, 1) == 1
    calls = [partial(_run, *search, data_root(args.data), device, ranks.first and alone, ways) for search in searches]
    rows: list[Row] = [{}] * len(searches)
    with nullcontext(None) if alone else console.progress(len(searches), "searches") as advance:
        for number, rows[number] in side_by_side(calls, args.jobs):
            name, _, seed, there = searches[number]
            if before[number]:  # now that its result was found to be right
                sys.stderr.write(f"{name}, seed {seed}: was finished before, in {there}\n")
            if advance is not None:
                advance(1)
    for (name, *_), row in zip(searches, rows, strict=True):
        found.setdefault(name, []).append(row)
    return found


def _run(
    name: str,
    settings: Settings,
    seed: int,
    folder: Path,
    root: Path,
    device: torch.device,
    shown: bool,
    ways: dict[str, Any],
) -> Row:
    """Return the row of one search, and show its epochs if ``shown``; ways: further arguments of run."""
    with console.epochs(settings.epochs, f"{name}, seed {seed}", shown) as tell:
        return run(settings, seed, folder, root, device, tell, **ways)


def _parser() -> Parser:
    p = Parser(prog="slt search", description="Search strong lottery tickets in frozen networks.")
    add_choices(p)
    add_run_options(p)
    return p
