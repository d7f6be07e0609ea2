"""Searches side by side in dense, pruned and frozen sources: ``slt compare``.

The pruned sources are three: "pruned" has the frozen one's p, "equal" has as many bits as the frozen one (p = F), and
"equal-centre" is that one at the sparsity in the middle of its own interval.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from itertools import product
from pathlib import Path
from typing import NamedTuple

import torch

from slt.core import console
from slt.core.checks import DAMAGE, closed_unit, one_of, whole
from slt.core.command import REFUTED, Parser
from slt.core.files import check_outside, check_writable
from slt.core.forms import OBJECT, SEED, SHARE, Numbers
from slt.core.keys import checked_seed
from slt.core.options import add_fields, add_forms
from slt.core.places import data_root
from slt.core.store import Row, export_csv, export_jsonl, read_jsonl
from torch_backend.commands.choices import add_data, in_force
from torch_backend.commands.compare_tables import CALLED, SOURCES, tables
from torch_backend.data import Graph, Images, load
from torch_backend.masks.threshold import mask_bits
from torch_backend.models import MODELS
from torch_backend.rivals import METHODS, Problem
from torch_backend.rivals.planted import Planted, plant
from torch_backend.rivals.problem import settle_norms
from torch_backend.training.run import CHECKPOINT, SAME, check_origin
from torch_backend.training.settings import Settings, source_row, usual
from torch_backend.training.start import device_of, model_sizes, origin_of, prepared, source_of, task_of

NOT_ALWAYS = ("pruned", "equal", "equal-centre")  # there, at every sparsity and freezing ratio
ASKED_APART = ("method", "sparsity", "prune", "lock")  # settings that the command varies or works out


FORM = {  # of a row
    "source": tuple(CALLED),
    "method": tuple(METHODS),
    "seed": SEED,
    "planted": (True, False),
    **dict.fromkeys(("sparsity", "prune", "lock", "test", "validation"), SHARE),
    **dict.fromkeys(("recovered?", "chance?", "planted_test?"), SHARE),
    **dict.fromkeys(("seconds", "extra_bits", "bits"), Numbers(0)),
    "collapsed": Numbers(0, whole=True),
    **dict.fromkeys(("layers", "settings", "origin"), OBJECT),
}


class Failed(ValueError):
    """A search that could not be brought to its end, while others may."""


class Case(NamedTuple):
    """One source at one sparsity; planted: with a known ticket in it."""

    source: str
    settings: Settings
    planted: bool
    asked: float = 0.0  # the sparsity that was asked for, which is not that of every source

    def key(self, method: str, seed: int) -> tuple[str, ...]:
        """Name one run among all that any command may have done."""
        return (SOURCES[self.source], self.settings.digest, "planted" if self.planted else "random", method, str(seed))


def main(argv: Sequence[str] | None = None) -> int:
    """Run what has not been run yet, writing every row when it is there; print a table; exit 1 if any search failed."""
    args = _parser().parse_args(argv)
    chosen = cases(args)
    methods = tuple(one_of("method", name, tuple(METHODS)) for name in args.methods or METHODS)
    whole("seeds", args.seeds, 1)
    args.seed = checked_seed(args.seed)
    device = device_of(args.device)
    out, page = Path(args.out), console.Page(args.form)
    out.mkdir(parents=True, exist_ok=True)
    if args.results is not None:
        check_outside("--results", args.results, out)
    for path in filter(None, (out / "rows.jsonl", out / "rows.csv", args.results)):
        check_writable(path)
    there = {(case.source, case.asked) for case in chosen}
    for source, sparsity in product(args.sources, args.sparsity):
        if (source, sparsity) not in there:
            page.note(f"left out: the {source} source for sparsity {sparsity:g}: there is none, or it is another one")
    for case in dict.fromkeys(case for case in chosen if not case.planted):
        page.print(f"{case.source}: {in_force(case.settings)}")
    rows = read_jsonl(out / "rows.jsonl", FORM) if (out / "rows.jsonl").exists() else []
    done, failed = {key_of(row): row for row in rows}, []
    seeds = range(args.seed, args.seed + args.seeds)
    for seed in seeds:
        data: Graph | Images | None = None
        for case in chosen:
            for method in methods:
                if case.key(method, seed) in done or (case.planted and METHODS[method].redraws):
                    continue
                if data is None:
                    settings = case.settings
                    data = load(
                        settings.data_set, data_root(args.data), seed=seed, images=settings.images, size=settings.size
                    ).to(device)
                    check_reused(
                        out / "rows.jsonl", [row for row in rows if row["seed"] == seed], settings, data, device
                    )
                what = f"{case.source} {case.settings.sparsity:g} {method} {seed}"
                try:
                    with console.epochs(case.settings.epochs, what) as tell:
                        row = measure(case, method, seed, data, out, device, tell)
                except Failed as error:
                    failed.append(f"{what} failed: {error}")
                    continue
                rows.append(row)
                done[case.key(method, seed)] = row
                export_jsonl(out / "rows.jsonl", rows)
                export_csv(out / "rows.csv", rows)
    wanted = [done[key] for case in chosen for m in methods for s in seeds if (key := case.key(m, s)) in done]
    if args.results is not None:
        export_jsonl(args.results, wanted)
    if wanted:
        page.print(*tables(wanted))
    for line in failed:
        page.note(line)
    page.print(f"all rows, with the sparsity of every layer: {out / 'rows.csv'}, rows.jsonl")
    page.result(wanted)
    return REFUTED if failed else 0


def check_reused(path: Path, rows: list[Row], settings: Settings, data: Graph | Images, device: torch.device) -> None:
    """Raise ValueError when rows of the same images or graph were run on other data, or on another device."""
    now = {name: value for name, value in origin_of(data, device).items() if name in SAME}
    for row in rows:
        other = Settings(**row["settings"])  # of an older row, too, which lacks what is now a default
        if all(getattr(other, name) == getattr(settings, name) for name in ("data_set", "images", "size")):
            check_origin(path, row["origin"], now)


def measure(
    case: Case,
    method: str,
    seed: int,
    data: Graph | Images,
    out: Path,
    device: torch.device,
    tell: Callable[[Row], None] = lambda row: None,
) -> Row:
    """Return the row of one search; a search that was cut off goes on from its checkpoint below ``out``.

    Raises :class:`Failed` when the search does, at a loss that is not finite for instance.
    """
    settings = case.settings
    sizes, task = model_sizes(settings, data), task_of(settings, seed, data)
    folder = out / "work" / "-".join(case.key(method, seed))
    folder.mkdir(parents=True, exist_ok=True)
    origin = origin_of(data, device)
    planted: Planted | None = None
    if case.planted:
        nursery = out / "work" / "-".join(case.key("planted", seed))
        planted = plant(settings, source_of(settings, seed), sizes, task, nursery, device)
    model = (planted.model if planted else prepared(settings, seed, sizes)).to(device)
    problem = Problem(model, task, settings, seed, folder, tell, origin)
    try:
        found = METHODS[method].search(problem)
    except ValueError as error:
        raise Failed(str(error)) from None
    layers = {name: 1 - (part.locked + int(part.mask.sum())) / part.size for name, part in problem.masks.items()}
    row: Row = {
        "source": SOURCES[case.source], "method": method, "seed": seed, "sparsity": settings.sparsity,
        "prune": settings.prune, "lock": settings.lock, "planted": case.planted,
        "test": task.accuracy(model, "test"), "validation": task.accuracy(model, "validation"),
        "seconds": round(found.seconds, 3), "extra_bits": found.extra_bits,
        "bits": mask_bits(problem.masks, settings.scope, settings.sparsity) + found.extra_bits,
        "collapsed": sum(value == 1 for value in layers.values()),
    }  # fmt: skip
    if planted:
        row |= {"recovered": planted.recovered(), "chance": planted.chance()}
        planted.dig_out()
        settle_norms(problem)
        row["planted_test"] = task.accuracy(model, "test")
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return row | {
        "layers": layers, "settings": asdict(settings), "origin": origin
    }  # fmt: skip


def key_of(row: Row) -> tuple[str, ...]:
    """Return the key of the run that a row is of; raises ValueError for a row that is none of this command."""
    try:
        settings = Settings(**row["settings"])
    except DAMAGE as error:
        raise ValueError(f"rows.jsonl holds a row that is not of this command ({error}); give another --out") from None
    return Case(CALLED[row["source"]], settings, row["planted"]).key(row["method"], row["seed"])


def cases(args: argparse.Namespace) -> list[Case]:
    """Return the sources at all sparsities.

    They are those of :func:`torch_backend.training.settings.source_row`. A source of the same rates and sparsity as one
    before it, and one that is not possible at this sparsity, are left out.
    """
    if args.model is None or args.data_set is None:
        raise ValueError("give --model and --data-set")
    one_of("model", args.model, tuple(MODELS))
    own = {f.name: getattr(args, f.name) for f in fields(Settings) if f.name not in ASKED_APART}
    found: dict[tuple[Settings, bool], Case] = {}
    for sparsity in args.sparsity:
        dense = usual(args.model, args.data_set, {**own, "sparsity": sparsity})
        closed_unit("freeze", args.freeze)
        for source in args.sources:
            try:
                settings = source_row(SOURCES[one_of("source", source, tuple(SOURCES))], dense, args.freeze)
            except ValueError:
                if source not in NOT_ALWAYS:
                    raise
                continue
            for planted in (False, True) if args.planted else (False,):
                found.setdefault((settings, planted), Case(source, settings, planted, sparsity))
    return list(found.values())


def _parser() -> Parser:
    lines = "\n".join(f"  {name:18}{rival.says}" for name, rival in METHODS.items())
    p = Parser(
        prog="slt compare",
        description="Compare searches in dense, pruned and frozen sources, over several sparsities and seeds.\n\n"
        "pruned: as much is pruned as in the frozen source, and nothing locked; it has more bits.\n"
        "equal: p = F, so that it has as many bits as the frozen one, at the same sparsity where that is above F.\n"
        "equal-centre: the same source at its own centre, sparsity (1 + F)/2.\n\n"
        "Sources, and methods, are compared by differences that are paired by seed, in tables of their own.",
        epilog=f"methods:\n{lines}\n\nOptions left out come from the preset of the model and data set, if one exists.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("--methods", nargs="+", metavar="NAME", help="default: all")
    p.add_argument("--sparsity", nargs="+", type=float, default=[0.5], metavar="K",
                   help="shares of zero weights (default 0.5)")  # fmt: skip
    p.add_argument(
        "--freeze", type=float, default=0.5, help="F = p + q of the frozen source, split as for search (default 0.5)"
    )
    p.add_argument("--sources", nargs="+", default=list(SOURCES), metavar="NAME", help=", ".join(SOURCES))
    p.add_argument("--planted", action="store_true", help="also sources with a planted ticket, and how much is found;"
                   " methods that change weights are left out there")  # fmt: skip
    add_fields(p, Settings, leave_out=ASKED_APART, defaults=False)
    add_data(p)
    add_forms(p)
    p.add_argument("--seed", type=int, default=0, help="the first seed (default 0)")
    p.add_argument("--seeds", type=int, default=3, help="how many seeds (default 3)")
    p.add_argument("--out", default="runs/compare", metavar="DIR",
                   help="rows.jsonl, rows.csv and checkpoints are kept here (default %(default)s)")  # fmt: skip
    p.add_argument("--results", metavar="FILE", help="also write this command's rows to FILE (JSON lines)")
    p.add_argument("--device", help="default: a GPU when there is one")
    return p
