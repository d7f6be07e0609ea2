"""Lottery jackpots: ``slt jackpot``; masks over pre-trained weights, with what they have in common.

Trains a network or loads its weights, searches masks over them (:mod:`torch_backend.rivals.zhang2023`), tests both, and
compares the mask with those that one-shot methods choose over the same weights.
"""

import argparse
import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from slt.core import console
from slt.core.checks import one_of, whole
from slt.core.command import Parser
from slt.core.files import check_outside, check_writable
from slt.core.forms import OBJECT, SEED, SHARE, Numbers
from slt.core.intervals import MEANS, mean_interval, percent, shown
from slt.core.keys import checked_seed
from slt.core.options import add_forms
from slt.core.places import data_root
from slt.core.store import Row, export_csv, export_json, export_jsonl, read_json, read_jsonl
from slt.core.tables import Table
from theory.freezing import positioned
from torch_backend.data import GRAPHS, IMAGES, Graph, Images, load
from torch_backend.masks.supermask import freeze, supermasks
from torch_backend.models import MODELS, build
from torch_backend.rivals import Problem
from torch_backend.rivals.overlap import ONE_SHOT, Overlap, mask_of, mean_overlaps, overlap
from torch_backend.rivals.overlap import masks as masks_of
from torch_backend.rivals.zhang2023 import LAYER_RATES, STARTS, TRACE, first_mask, search, wanted_count
from torch_backend.rivals.zhang2023 import TRACED as TRACED_SO_FAR
from torch_backend.tickets import files as tickets
from torch_backend.training.pretrained import loaded, trained
from torch_backend.training.run import CHECKPOINT, EPOCHS, TRAINED
from torch_backend.training.settings import OPTIMISERS, RULES, Settings
from torch_backend.training.start import (
    RESULT,
    TICKET,
    device_of,
    model_sizes,
    origin_of,
    read_result,
    source_of,
    task_of,
)

RESTRICTIONS = ("short", "none")
SAID = {"short": "short restriction", "none": "no restriction"}
CURVES = ("loss", "validation", "flipped", "moved")  # of every epoch
TRACED = {**TRACED_SO_FAR, "losses": [Numbers()]}  # of a run that has come to its end
FORM = {  # of a result
    "start": STARTS,
    "restriction": RESTRICTIONS,
    "layer_rates": LAYER_RATES,
    "seed": SEED,
    **dict.fromkeys(("sparsity", "prune", "lock"), SHARE),
    **dict.fromkeys(("dense_test", "dense_validation", "test", "validation"), SHARE),
    "bits": Numbers(0),
    "seconds": Numbers(0),
    "curves": {name: [Numbers()] for name in CURVES},
    "steps": Numbers(1, whole=True),
    "overlap": {
        name: {"share": SHARE, "chance": SHARE} for name in (*ONE_SHOT, *(f"{start} start" for start in STARTS))
    },
    **dict.fromkeys(("layers", "settings", "origin"), OBJECT),
}


@dataclass(frozen=True)
class Jackpot:
    """One search but for its seed. source: how the weights were trained, or the digest of the file they are from."""

    settings: Settings
    source: Settings | str
    layer_rates: str = "magnitude"
    start: str = "magnitude"
    restriction: str = "short"

    @property
    def name(self) -> str:
        """A folder's name: the start, whether swaps are restricted, a digest of everything."""
        digest = blake2b(json.dumps(asdict(self), sort_keys=True).encode(), digest_size=5).hexdigest()
        return f"{self.start}-{self.restriction}-{digest}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run every start and seed that has not been run yet, then print accuracies, overlaps and steps."""
    args = _parser().parse_args(argv)
    jackpots = chosen(args)
    whole("seeds", args.seeds, 1)
    args.seed = checked_seed(args.seed)
    device = device_of(args.device)
    out, page = Path(args.out), console.Page(args.form)
    out.mkdir(parents=True, exist_ok=True)
    for path in (out / "rows.jsonl", out / "rows.csv"):
        check_writable(path)
    if args.results is not None:
        check_outside("--results", args.results, out)
        check_writable(args.results)
    found: dict[tuple[str, str], list[Row]] = {}
    for seed in range(args.seed, args.seed + args.seeds):
        for jackpot in jackpots:
            folder = out / jackpot.name / f"seed{seed}"
            row = run(jackpot, seed, folder, args, device)
            found.setdefault((jackpot.start, jackpot.restriction), []).append(row | {"folder": folder})
    speeds = [
        f"{SAID[name]}: {speed(found['magnitude', name], found['random', name])}"
        for name in RESTRICTIONS
        if all((start, name) in found for start in STARTS)
    ]
    if args.results is not None:
        export_jsonl(
            args.results,
            ({name: row[name] for name in row if name != "folder"} for group in found.values() for row in group),
        )
    rows = [read_json(path, FORM) for path in sorted(out.glob(f"*/seed*/{RESULT}"))]
    export_jsonl(out / "rows.jsonl", rows)
    export_csv(out / "rows.csv", rows)
    page.print(accuracy_table(found))
    page.result(rows)
    for (start, name), group in found.items():
        page.print(overlap_table(f"mask found from the {start} start, {SAID[name]}", group))
    page.print("\n".join(speeds))
    page.print(
        f"all rows in this folder: {out / 'rows.csv'}; losses and flipped bits of every epoch: {out}/*/seed*/{TRACE}"
    )
    return 0


def run(jackpot: Jackpot, seed: int, folder: Path, args: argparse.Namespace, device: torch.device) -> Row:
    """Return the result of one search, from ``folder`` where it is there already; the mask is a ticket file there."""
    settings = jackpot.settings
    data = load(settings.data_set, data_root(args.data), seed=seed, images=settings.images, size=settings.size).to(
        device
    )
    origin = origin_of(data, device)
    known = read_result(folder / RESULT, asdict(jackpot), seed, origin, FORM)
    if known is not None:
        return known
    task = task_of(settings, seed, data)
    source = {**source_of(settings, seed), "weights": "given"}
    untrained = freeze(build(settings.model, **model_sizes(settings, data)), **source)
    wanted_count(supermasks(untrained), settings.sparsity, jackpot.layer_rates)  # refuses now what training cannot mend
    dense = _dense(jackpot, seed, data, args, device)
    folder.mkdir(parents=True, exist_ok=True)

    def problem(tell: Callable[[Row], None] = lambda row: None) -> Problem:
        return Problem(freeze(copy.deepcopy(dense), **source), task, settings, seed, folder, tell, origin)

    with console.epochs(settings.epochs, f"{jackpot.name}, seed {seed}") as tell:
        asked = problem(tell)
        took = search(
            asked, layer_rates=jackpot.layer_rates, start=jackpot.start, restriction=jackpot.restriction == "short"
        ).seconds
    chosen_mask = masks_of(asked)
    about = {"data_set": settings.data_set, "sparsity": settings.sparsity, "weights": "of a trained network"}
    kept_ticket = tickets.save(folder / TICKET, asked.model, about=about)
    model = tickets.load(folder / TICKET, copy.deepcopy(dense).cpu())[0].to(device)
    others = {method: mask_of(method, problem()) for method in ONE_SHOT}
    for start in STARTS:
        others[f"{start} start"] = {
            name: first_mask(layer, int(chosen_mask[name].sum()), start, seed, name)
            for name, layer in asked.masks.items()
        }
    epochs = [
        {**trace, **row}
        for trace, row in zip(read_jsonl(folder / TRACE, TRACED), read_jsonl(folder / EPOCHS, TRAINED), strict=True)
    ]
    result: Row = {
        "start": jackpot.start, "restriction": jackpot.restriction, "layer_rates": jackpot.layer_rates, "seed": seed,
        "sparsity": settings.sparsity, "prune": settings.prune, "lock": settings.lock,
        "dense_test": task.accuracy(dense, "test"), "dense_validation": task.accuracy(dense, "validation"),
        "test": task.accuracy(model, "test"), "validation": task.accuracy(model, "validation"),
        "bits": kept_ticket.searchable, "seconds": round(took, 3),
        "curves": {name: [row[name] for row in epochs] for name in CURVES}, "steps": task.steps,
        "overlap": {name: overlap(chosen_mask, mask)._asdict() for name, mask in others.items()},
        "layers": {name: 1 - (p.locked + int(p.mask.sum())) / p.size for name, p in asked.masks.items()},
        "settings": asdict(jackpot), "origin": origin,
    }  # fmt: skip
    export_json(folder / RESULT, result)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return result


def _dense(
    jackpot: Jackpot, seed: int, data: Graph | Images, args: argparse.Namespace, device: torch.device
) -> nn.Module:
    """Return the network with its weights, on ``device``."""
    if isinstance(jackpot.source, str):
        return loaded(args.weights, jackpot.settings.model, model_sizes(jackpot.settings, data)).to(device)
    settings = jackpot.source
    folder = Path(args.out) / f"trained-{settings.name}" / f"seed{seed}"
    with console.epochs(settings.epochs, f"training, seed {seed}") as tell:
        task = task_of(settings, seed, data)
        sizes, origin = model_sizes(settings, data), origin_of(data, device)
        return trained(settings, seed, sizes, task, folder, device, tell, origin)


def steps_to_reach(losses: Sequence[float], level: float, window: int) -> int | None:
    """Return the first step after which the mean of the last ``window`` losses is at most ``level``, None if never.

    >>> steps_to_reach([4.0, 3.0, 2.0, 1.0], 2.5, window=2)
    3
    """
    window = whole("window", window, 1)
    sums = np.cumsum([0.0, *losses])
    reached = np.flatnonzero(sums[window:] - sums[:-window] <= level * window)
    return int(reached[0]) + window if len(reached) else None


def speed(magnitude: Sequence[Row], random: Sequence[Row]) -> str:
    """Return in words how many steps each start takes to the loss that the random start has in its last epoch.

    Losses are means over an epoch that ends at the step in question, for both starts. The rows are told their steps, as
    steps_to_random_loss.
    """
    pairs = []
    for one, two in zip(magnitude, random, strict=True):
        quick, slow = (_losses(row) for row in (one, two))
        window = one["steps"]
        level = float(np.mean(slow[-window:])) * (1 + 1e-9)  # the last epoch itself counts, however sums are rounded
        for row, losses in ((one, quick), (two, slow)):
            row["steps_to_random_loss"] = steps_to_reach(losses, level, window)
        pairs.append((one["steps_to_random_loss"], two["steps_to_random_loss"]))
    said = "; ".join(f"{'never' if a is None else a} against {b}" for a, b in pairs)
    text = f"Steps to the random start's final training loss (epoch means), magnitude against random start: {said}"
    factors = [b / a for a, b in pairs if a is not None and b is not None]
    if len(factors) < len(pairs):
        return text
    return f"{text}; factor {shown(mean_interval(factors), '.2f')}"


def _losses(row: Row) -> list[float]:
    return [loss for epoch in read_jsonl(row["folder"] / TRACE, TRACED) for loss in epoch["losses"]]


def accuracy_table(found: Mapping[tuple[str, str], Sequence[Row]]) -> Table:
    """Return a line per start and restriction: accuracies of the dense network and the jackpot, what was flipped."""
    lines, first = [], next(iter(found.values()))[0]
    for (start, restriction), group in found.items():
        gap = shown(mean_interval([100 * (row["test"] - row["dense_test"]) for row in group]), "+.2f")
        ends = (float(np.mean([row["curves"]["flipped"][epoch] for row in group])) for epoch in (0, -1))
        dense, jackpot = (percent(mean_interval([row[name] for row in group])) for name in ("dense_test", "test"))
        flipped = " to ".join(f"{100 * end:.3g}" for end in ends)
        seconds = f"{np.mean([row['seconds'] for row in group]):.1f}"
        lines.append((start, restriction, dense, jackpot, gap, flipped, seconds, len(group)))
    columns = ("<start", "<restriction", "dense %", "jackpot %", "points", "flipped %", "seconds", "seeds")
    title = (
        f"Test accuracy at sparsity {first['sparsity']:g}, {first['prune']:.3g} pruned, {first['lock']:.3g} locked; "
        f"{MEANS:.0%} intervals of means over seeds\n"
        "points: jackpot less dense; flipped: share of free weights whose bit changed in the first and the last epoch"
    )
    return console.table(title, columns, lines)


def overlap_table(title: str, rows: Sequence[Row]) -> Table:
    """Return how much of a mask others keep as well, means over seeds, beside what chance would give."""
    found = mean_overlaps([{name: Overlap(**both) for name, both in row["overlap"].items()} for row in rows])
    lines = [(name, f"{100 * share:.1f}", f"{100 * chance:.1f}") for name, (share, chance) in found.items()]
    columns = ("<mask", "in common %", "by chance %")
    return console.table(f"Free weights of the {title} that other masks keep too", columns, lines)


def chosen(args: argparse.Namespace) -> list[Jackpot]:
    """Return the searches that the options ask for, one for every start and restriction."""
    one_of("model", args.model, tuple(MODELS))
    one_of("data set", args.data_set, (*IMAGES, *GRAPHS))
    prune, lock = args.prune, args.lock
    if args.freeze is not None:
        if prune or lock:
            raise ValueError("give --freeze, or --prune and --lock, not both")
        rates = positioned(args.freeze, args.sparsity)
        prune, lock = rates.prune, rates.lock
    shared: dict[str, Any] = {
        "model": args.model, "data_set": args.data_set, "width": args.width, "batch": args.batch,
        "augment": args.augment, "images": args.images, "size": args.size,
    }  # fmt: skip
    settings = Settings(
        **shared, sparsity=args.sparsity, prune=prune, lock=lock, rule=args.rule, scope="layer", epochs=args.epochs,
        rate=args.rate, decay=args.decay,
    )  # fmt: skip
    source: Settings | str = Settings(
        **shared, method="weights", sparsity=0.0, epochs=args.train_epochs, rate=args.train_rate,
        decay=args.train_decay, optimiser=args.train_optimiser,
    )  # fmt: skip
    if args.weights is not None:
        source = blake2b(Path(args.weights).read_bytes(), digest_size=16).hexdigest()
    starts = dict.fromkeys(one_of("start", start, STARTS) for start in args.start)
    restrictions = dict.fromkeys(one_of("restriction", name, RESTRICTIONS) for name in args.restriction)
    return [Jackpot(settings, source, args.layer_rates, *both) for both in product(starts, restrictions)]


def _parser() -> Parser:
    p = Parser(
        prog="slt jackpot",
        description="Search masks over pre-trained weights that stay as they are: jackpots (Zhang et al. 2023).",
    )
    add_forms(p)
    p.add_argument("--model", required=True, help=", ".join(MODELS))
    p.add_argument("--data-set", required=True, help=", ".join((*IMAGES, *GRAPHS)))
    p.add_argument("--sparsity", type=float, default=0.9, help="share of zero weights in the jackpot (default 0.9)")
    p.add_argument(
        "--weights", type=Path, metavar="FILE", help="trained weights, .pt or .safetensors; else trained here"
    )
    p.add_argument(
        "--layer-rates", choices=LAYER_RATES, default="magnitude", help="one threshold of |w|, or equal rates"
    )
    p.add_argument("--start", nargs="+", default=["magnitude"], metavar="NAME", help=f"{', '.join(STARTS)}, or both")
    p.add_argument("--restriction", nargs="+", default=["short"], metavar="NAME", help="short, none, or both")
    p.add_argument("--freeze", type=float, help="freezing ratio F = p + q, split as for search")
    p.add_argument("--prune", type=float, default=0.0, help="share of weights never in the jackpot (default 0)")
    p.add_argument("--lock", type=float, default=0.0, help="share of weights always in it (default 0)")
    p.add_argument("--rule", choices=RULES, default="epl", help="how prune and lock are spread over layers")
    p.add_argument("--epochs", type=int, default=30, help="epochs of the search (default 30)")
    p.add_argument("--rate", type=float, default=0.1, help="learning rate of the scores at the start")
    p.add_argument("--decay", type=float, default=5e-4, help="weight decay of the scores")
    p.add_argument("--train-epochs", type=int, default=30, help="of weight training, where no weights are given")
    p.add_argument("--train-optimiser", choices=OPTIMISERS, default="sgd")
    p.add_argument("--train-rate", type=float, default=0.1)
    p.add_argument("--train-decay", type=float, default=5e-4)
    p.add_argument("--batch", type=int, default=256)
    p.add_argument("--width", type=float, default=1.0)
    p.add_argument("--augment", action=argparse.BooleanOptionalAction, default=False, help="random crops and flips")
    p.add_argument("--images", type=int, default=0, help="training images used, 0 for all")
    p.add_argument("--size", type=int, default=0, help="side in pixels of images from files, 0 for the data set's own")
    p.add_argument("--data", metavar="DIR", help="where data sets lie (default: $SLT_DATA, else ~/.cache/slt-verify)")
    p.add_argument("--seed", type=int, default=0, help="the first seed (default 0)")
    p.add_argument("--seeds", type=int, default=3, help="how many seeds (default 3)")
    p.add_argument("--out", default="runs/jackpot", metavar="DIR",
                   help="weights, tickets, traces and rows are kept here (default %(default)s)")  # fmt: skip
    p.add_argument("--results", metavar="FILE", help="also write these searches' rows to FILE (JSON lines)")
    p.add_argument("--device", help="default: a GPU when there is one")
    return p
